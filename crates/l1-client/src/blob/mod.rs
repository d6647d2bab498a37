//! Blobs of L2 blocks: fetched from several sources, believed only when their KZG commitment matches.

mod archive;
mod beacon;

use std::path::PathBuf;
use std::time::Duration;

use agoge_protocol::limits::BLOB_BYTES;
use agoge_protocol::network::BeaconId;
use agoge_protocol::{L1Block, NetworkConfig};
use alloy::primitives::B256;

pub use archive::ArchiveError;

use crate::config::SecretUrl;
use crate::kzg;
use crate::metrics;

/// The bytes of one blob, on the heap.
#[derive(Clone, PartialEq, Eq)]
pub struct Blob(Box<[u8; BLOB_BYTES]>);

/// A blob of another length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a blob has {BLOB_BYTES} bytes, found {found}")]
pub struct WrongBlobLength {
    /// Bytes found.
    pub found: usize,
}

impl Blob {
    /// Takes exactly [`BLOB_BYTES`] bytes.
    ///
    /// # Errors
    /// [`WrongBlobLength`].
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, WrongBlobLength> {
        let found = bytes.len();
        bytes
            .into_boxed_slice()
            .try_into()
            .map(Self)
            .map_err(|_| WrongBlobLength { found })
    }

    /// The blob of the zero polynomial.
    pub fn zero() -> Self {
        Self(Box::new([0; BLOB_BYTES]))
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; BLOB_BYTES] {
        &self.0
    }

    /// The bytes, to be changed.
    pub const fn as_bytes_mut(&mut self) -> &mut [u8; BLOB_BYTES] {
        &mut self.0
    }
}

impl std::fmt::Debug for Blob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Blob(..)")
    }
}

/// What one source said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceFailure {
    /// It does not have the blob, or not yet.
    #[error("does not have it (yet)")]
    NotFound,
    /// A beacon node without enough data columns.
    #[error(
        "the beacon node does not custody enough data columns; hint: Lighthouse --supernode, Lodestar --supernode, Prysm \
         --subscribe-all-data-subnets, Teku --p2p-subscribe-all-custody-subnets-enabled, Nimbus --light-supernode, Grandine \
         --subscribe-all-data-column-subnets"
    )]
    TooFewColumns,
    /// It answered with other bytes than the hash stands for.
    #[error("answered with a blob of another hash: {found:?}")]
    WrongBlob {
        /// Hash of what came, if it has one.
        found: Option<B256>,
    },
    /// The request failed.
    #[error("{0}")]
    Request(#[from] crate::rpc::RpcCause),
    /// The archive directory failed.
    #[error("{0}")]
    Archive(String),
}

/// No source had the blob.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no blob {versioned_hash} of L1 block {l1_block}: {}", describe(sources))]
pub struct BlobError {
    /// The blob.
    pub versioned_hash: B256,
    /// Number of the L1 block with its transaction.
    pub l1_block: u64,
    /// Each source (redacted) and what it said.
    pub sources: Vec<(String, SourceFailure)>,
}

fn describe(sources: &[(String, SourceFailure)]) -> String {
    if sources.is_empty() {
        return "no blob source is configured; hint: set a beacon URL or a blob archive".to_owned();
    }
    sources
        .iter()
        .map(|(name, failure)| format!("{name}: {failure}"))
        .collect::<Vec<_>>()
        .join("; ")
}

impl BlobError {
    /// Whether every source merely does not have the blob: normal within the first seconds after the L1 block.
    pub fn is_not_yet(&self) -> bool {
        !self.sources.is_empty()
            && self
                .sources
                .iter()
                .all(|(_, failure)| matches!(failure, SourceFailure::NotFound))
    }

    /// What the server asked to wait, if one did.
    pub fn retry_after(&self) -> Option<Duration> {
        self.sources.iter().find_map(|(_, failure)| match failure {
            SourceFailure::Request(crate::rpc::RpcCause::RateLimited { retry_after }) => *retry_after,
            _ => None,
        })
    }
}

/// Where blobs come from, in order: the archive directory, then beacon APIs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct BlobSource {
    http: reqwest::Client,
    beacons: Vec<SecretUrl>,
    archive: Option<PathBuf>,
    naming: beacon::Naming,
    timeout: Duration,
}

impl BlobSource {
    pub(crate) fn new(
        http: reqwest::Client,
        network: &NetworkConfig,
        beacons: Vec<SecretUrl>,
        archive: Option<PathBuf>,
        timeout: Duration,
    ) -> Self {
        let naming = match network.network.beacon_id {
            BeaconId::L1Number => beacon::Naming::L1Number,
            BeaconId::Slot => beacon::Naming::Slot {
                genesis_time: network.network.beacon_genesis_time,
                slot_seconds: network.network.l1_slot_seconds,
            },
        };
        Self {
            http,
            beacons,
            archive,
            naming,
            timeout,
        }
    }

    /// The blob with a versioned hash in an L1 block. What is returned has been checked against the hash, whoever sent it.
    ///
    /// # Errors
    /// [`BlobError`] with the word of every source; [`BlobError::is_not_yet`] tells an early question from a fault.
    pub async fn fetch(&self, l1_block: L1Block, versioned_hash: B256) -> Result<Blob, BlobError> {
        let mut sources = Vec::new();
        if let Some(directory) = &self.archive {
            match archive::get(directory.clone(), versioned_hash).await {
                Ok(blob) => match verify(blob, versioned_hash).await {
                    Ok(blob) => return Ok(blob),
                    Err(failure) => sources.push(("blob archive".to_owned(), failure)),
                },
                Err(failure) => sources.push(("blob archive".to_owned(), failure)),
            }
        }
        for url in &self.beacons {
            match self.fetch_from(url, l1_block, versioned_hash).await {
                Ok(blob) => {
                    self.keep(versioned_hash, &blob).await;
                    return Ok(blob);
                }
                Err(failure) => {
                    metrics::blob_source_failed(&failure);
                    tracing::debug!(source = %url, %versioned_hash, %failure, "blob source failed");
                    sources.push((url.redacted(), failure));
                }
            }
        }
        Err(BlobError {
            versioned_hash,
            l1_block: l1_block.number.get(),
            sources,
        })
    }

    /// Writes a blob to the archive, if there is one; the caller has made or checked it.
    ///
    /// # Errors
    /// [`ArchiveError`] when the directory cannot be written.
    pub async fn archive(&self, versioned_hash: B256, blob: &Blob) -> Result<(), ArchiveError> {
        match &self.archive {
            Some(directory) => archive::put(directory.clone(), versioned_hash, blob.clone()).await,
            None => Ok(()),
        }
    }

    async fn keep(&self, versioned_hash: B256, blob: &Blob) {
        if let Err(error) = self.archive(versioned_hash, blob).await {
            tracing::warn!(%error, "blob was not archived");
        }
    }

    async fn fetch_from(
        &self,
        url: &SecretUrl,
        l1_block: L1Block,
        versioned_hash: B256,
    ) -> Result<Blob, SourceFailure> {
        let id = self.naming.id_of(&l1_block).ok_or(SourceFailure::NotFound)?;
        let request = beacon::fetch(&self.http, url, &id, versioned_hash);
        let timed_out = |_| crate::rpc::RpcCause::TimedOut(self.timeout);
        let candidates = tokio::time::timeout(self.timeout, request)
            .await
            .map_err(timed_out)??;
        let mut failure = SourceFailure::NotFound;
        for blob in candidates {
            match verify(blob, versioned_hash).await {
                Ok(blob) => return Ok(blob),
                Err(wrong) => failure = wrong,
            }
        }
        Err(failure)
    }
}

/// Checks a blob's KZG commitment against the hash.
async fn verify(blob: Blob, expected: B256) -> Result<Blob, SourceFailure> {
    let checked = tokio::task::spawn_blocking(move || (kzg::versioned_hash(&blob).ok(), blob)).await;
    match checked {
        Ok((Some(found), blob)) if found == expected => Ok(blob),
        Ok((found, _)) => Err(SourceFailure::WrongBlob { found }),
        // The thread pool is gone: the process is stopping.
        Err(_) => Err(SourceFailure::NotFound),
    }
}
