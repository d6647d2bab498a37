//! Why the guard does not work, or does not take an import.

use std::path::PathBuf;

use agoge_protocol::{Digest, Slot};

/// Why the guard cannot be used. Nothing may be signed then.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// There is no guard file.
    #[error(
        "there is no signing guard at {path:?}; hint: restore or import it; if these keys never signed before, run once with --init-guard"
    )]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// There is one already.
    #[error("there is a signing guard at {path:?} already; hint: leave out --init-guard")]
    Exists {
        /// Where it is.
        path: PathBuf,
    },
    /// Another process uses it.
    #[error(
        "the signing guard {path:?} is in use by another process; hint: two nodes must never run with the same keys"
    )]
    Locked {
        /// Where it is.
        path: PathBuf,
    },
    /// It belongs to another chain.
    #[error("the signing guard {path:?} is for chain {found}, expected {expected}")]
    OtherChain {
        /// Where it is.
        path: PathBuf,
        /// Chain id of this node.
        expected: u64,
        /// Chain id in the file.
        found: u64,
    },
    /// It is damaged before its end, so it may have lost signatures.
    #[error(
        "the signing guard {path:?} is damaged at byte {offset}: {damage}; hint: import an export, or wait an epoch and start anew"
    )]
    Corrupt {
        /// Where it is.
        path: PathBuf,
        /// Offset of the record.
        offset: u64,
        /// What is wrong there.
        damage: Damage,
    },
    /// The system refuses.
    #[error("cannot use the signing guard {path:?}")]
    Io {
        /// Where it is.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// An earlier write failed, so what is on the disk is unknown.
    #[error("an earlier write of the signing guard failed; hint: restart the node once the disk is well")]
    Unusable,
    /// More (instance, key, kind) than the guard keeps.
    #[error("the signing guard knows {limit} combinations of instance, key and kind, the limit")]
    TooManySubjects {
        /// The limit.
        limit: usize,
    },
}

/// What is wrong with a guard file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Not a guard file, or of another version.
    #[error("not a signing guard of version 1")]
    Header,
    /// The file is larger than any guard's.
    #[error("larger than {limit} bytes")]
    Size {
        /// The limit.
        limit: u64,
    },
    /// A checksum does not fit: bytes changed, or a record is missing before it.
    #[error("checksum does not fit")]
    Checksum,
    /// A record that no guard writes.
    #[error("record is malformed")]
    Malformed,
    /// Two digests for one slot.
    #[error("two digests for slot {slot}")]
    TwoDigests {
        /// The slot.
        slot: Slot,
    },
}

/// Why an interchange was not imported. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Not an interchange.
    #[error("not a signing guard export")]
    Json(#[from] serde_json::Error),
    /// The text is longer than any export.
    #[error("the export has {found} bytes, the limit is {limit}")]
    TooLong {
        /// Bytes found.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Another format or version.
    #[error(
        "export is {found_format} version {found_version}, expected {expected_format} version {expected_version}"
    )]
    Format {
        /// This program's format.
        expected_format: &'static str,
        /// Its version.
        expected_version: u32,
        /// Format found.
        found_format: String,
        /// Version found.
        found_version: u32,
    },
    /// Made on another chain.
    #[error("export is for chain {found}, expected {expected}")]
    OtherChain {
        /// This guard's chain id.
        expected: u64,
        /// The export's.
        found: u64,
    },
    /// Made for an instance that is not of this network.
    #[error("export names the instance {found}, which is not of this network")]
    OtherInstance {
        /// The export's genesis id.
        found: Digest,
    },
    /// The guard failed.
    #[error(transparent)]
    Guard(#[from] GuardError),
}
