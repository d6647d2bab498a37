//! Circuits on disk: built once, in a folder named by a digest of everything that they depend on.
//!
//! A file is written beside its place and renamed, so it is whole or not there. What is read is this program's own, but a
//! disk may lie: sizes are bounded, panics of the decoder are caught, a circuit is used only if its verifier data are the
//! expected ones, and any other value stands after its Keccak digest. Anything else counts as absent and is built again.

use std::fs;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use agoge_protocol::network::ClientProfile;
use agoge_protocol::{B256, keccak256};
use borsh::{BorshDeserialize, BorshSerialize};
use plonky2::plonk::circuit_data::{CircuitData, VerifierCircuitData};
use plonky2::plonk::config::GenericConfig;

use super::serialization::{EpochGates, EpochGenerators};
use crate::{D, F};

/// Bytes of a file at most: the largest circuit has about 600 MB.
const FILE_BYTES_MAX: u64 = 2 << 30;

/// Of the digest before a value.
const DIGEST_BYTES: usize = 32;

/// A file in the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Artefact {
    TransactionsLeaf,
    TransactionsMerge,
    StateLeaf,
    StateMerge,
    SettlementLeaf,
    SettlementMerge,
    Root,
    Wrap,
    /// What circuits know of each other. Written last: with it the folder is complete.
    Verifiers,
    /// The dummy transaction of unused places.
    Padding,
    /// The proof of a batch without transactions.
    EmptyBatch,
}

impl Artefact {
    const fn file(self) -> &'static str {
        match self {
            Self::TransactionsLeaf => "transactions-leaf.circuit",
            Self::TransactionsMerge => "transactions-merge.circuit",
            Self::StateLeaf => "state-leaf.circuit",
            Self::StateMerge => "state-merge.circuit",
            Self::SettlementLeaf => "settlement-leaf.circuit",
            Self::SettlementMerge => "settlement-merge.circuit",
            Self::Root => "root.circuit",
            Self::Wrap => "wrap.circuit",
            Self::Verifiers => "verifiers.bin",
            Self::Padding => "padding.bin",
            Self::EmptyBatch => "empty-batch.bin",
        }
    }
}

/// A file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}", path.display())]
pub struct FileError {
    /// Which one.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// The folder.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
}

impl Store {
    /// The folder for circuits with this digest, made if it is not there.
    pub(super) fn open(base: &Path, digest: B256) -> Result<Self, FileError> {
        Self::make(folder(base, digest))
    }

    fn make(folder: PathBuf) -> Result<Self, FileError> {
        fs::create_dir_all(&folder).map_err(|source| FileError {
            path: folder.clone(),
            source,
        })?;
        Ok(Self { folder })
    }

    /// The folder for circuits of the source that no committed data name.
    pub(super) fn open_uncommitted(base: &Path, profile: ClientProfile) -> Result<Self, FileError> {
        Self::make(base.join(match profile {
            ClientProfile::Default => "uncommitted-default",
            ClientProfile::Testing => "uncommitted-testing",
        }))
    }

    /// A folder for circuits that are built now: empty, whatever was there.
    pub(super) fn open_empty(base: &Path, profile: ClientProfile) -> Result<Self, FileError> {
        let folder = base.join(match profile {
            ClientProfile::Default => "building-default",
            ClientProfile::Testing => "building-testing",
        });
        match fs::remove_dir_all(&folder) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(FileError {
                path: folder,
                source: e,
            }),
            _ => Self::make(folder),
        }
    }

    /// Gives the folder the name of another digest, in place of what may be there.
    pub(super) fn rename(self, base: &Path, digest: B256) -> Result<(), FileError> {
        let to = folder(base, digest);
        let rename = || {
            if to.exists() {
                fs::remove_dir_all(&to)?;
            }
            fs::rename(&self.folder, &to)
        };
        rename().map_err(|source| FileError {
            path: to.clone(),
            source,
        })
    }

    fn path(&self, artefact: Artefact) -> PathBuf {
        self.folder.join(artefact.file())
    }

    /// A file's bytes; `None` when there is none or one that nobody wrote here.
    fn read(&self, artefact: Artefact) -> Result<Option<Vec<u8>>, FileError> {
        let path = self.path(artefact);
        let read = || match fs::metadata(&path) {
            Ok(metadata) if metadata.len() <= FILE_BYTES_MAX => fs::read(&path).map(Some),
            Ok(_) => Ok(None),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        };
        read().map_err(|source| FileError { path, source })
    }

    /// Puts a file in its place, whole.
    fn write(&self, artefact: Artefact, bytes: &[u8]) -> Result<(), FileError> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let path = self.path(artefact);
        let mark = format!(
            "{}.{}",
            std::process::id(),
            COUNTER.fetch_add(1, Ordering::Relaxed)
        );
        let beside = path.with_extension(mark);
        let write = || {
            let mut file = fs::File::create(&beside)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&beside, &path)
        };
        write().map_err(|source| FileError { path, source })
    }

    /// A value that was stored with [`Self::write_value`]; `None` also when the file is damaged.
    pub(super) fn read_value<T: BorshDeserialize>(&self, artefact: Artefact) -> Result<Option<T>, FileError> {
        Ok(self.read(artefact)?.and_then(|bytes| {
            let (digest, encoded) = bytes.split_first_chunk::<DIGEST_BYTES>()?;
            let is_whole = keccak256(encoded).0 == *digest;
            is_whole.then(|| borsh::from_slice(encoded).ok()).flatten()
        }))
    }

    /// Stores a value, after the Keccak digest of its encoding.
    pub(super) fn write_value<T: BorshSerialize>(
        &self,
        artefact: Artefact,
        value: &T,
    ) -> Result<(), FileError> {
        let encoded = borsh::to_vec(value).map_err(|source| FileError {
            path: self.path(artefact),
            source,
        })?;
        self.write(artefact, &[keccak256(&encoded).as_slice(), &encoded].concat())
    }

    /// A circuit that was stored with [`Self::write_circuit`], if it is the one with these verifier data.
    pub(super) fn read_circuit<G: GenericConfig<D, F = F>>(
        &self,
        artefact: Artefact,
        expected: &VerifierCircuitData<F, G, D>,
    ) -> Result<Option<CircuitData<F, G, D>>, FileError> {
        let Some(bytes) = self.read(artefact)? else {
            return Ok(None);
        };
        let decoded = catch_unwind(AssertUnwindSafe(|| {
            CircuitData::<F, G, D>::from_bytes(&bytes, &EpochGates, &EpochGenerators)
        }));
        Ok(decoded
            .ok()
            .and_then(Result::ok)
            .filter(|data| data.verifier_data() == *expected))
    }

    pub(super) fn write_circuit<G: GenericConfig<D, F = F>>(
        &self,
        artefact: Artefact,
        data: &CircuitData<F, G, D>,
    ) -> Result<(), FileError> {
        let bytes = data
            .to_bytes(&EpochGates, &EpochGenerators)
            .map_err(|e| FileError {
                path: self.path(artefact),
                source: io::Error::other(e.to_string()),
            })?;
        self.write(artefact, &bytes)
    }
}

fn folder(base: &Path, digest: B256) -> PathBuf {
    let name: String = digest
        .0
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    base.join(name)
}
