//! Why the store refuses or fails. One enum for opening, one for reads and plain writes, one for steps of the L1 chain.

use std::path::PathBuf;

use agoge_protocol::{B256, L1BlockNumber, L2BlockNumber};

use crate::identity::StoreIdentity;

/// Why a data directory was not opened. In every case it is left as it was.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The path cannot be read, created or written.
    #[error("cannot use {path:?} as a data directory")]
    Io {
        /// The path that was touched.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The directory holds something, but not a store.
    #[error("{path:?} is not empty and not an Agoge data directory; hint: give an empty directory")]
    NotAStore {
        /// The directory.
        path: PathBuf,
    },
    /// The directory belongs to another network, chain or instance.
    #[error(
        "{path:?} belongs to {found}, expected {expected}; hint: use one data directory for each network and instance"
    )]
    OtherNetwork {
        /// The directory.
        path: PathBuf,
        /// What the caller runs.
        expected: Box<StoreIdentity>,
        /// What the directory was made for.
        found: Box<StoreIdentity>,
    },
    /// The directory was written by another version of this program.
    #[error(
        "{path:?} has schema {found}, this program uses {expected}; hint: move it away, state is rebuilt from L1"
    )]
    OtherSchema {
        /// The directory.
        path: PathBuf,
        /// Schema of this program.
        expected: u32,
        /// Schema found.
        found: u32,
    },
    /// Another process has the directory open.
    #[error("{path:?} is in use by another process; hint: stop it or choose another data directory")]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// What is stored cannot be right.
    #[error(
        "{path:?} is damaged; hint: move its `db` folder away, state is rebuilt from L1; keep the signing guard"
    )]
    Corrupt {
        /// The directory.
        path: PathBuf,
        /// What was found.
        #[source]
        source: StoreError,
    },
}

/// Why a read or a plain write failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database below failed: disk full, file gone, checksum wrong.
    #[error("database")]
    Database(#[from] DatabaseError),
    /// A stored row does not decode.
    #[error("row {key:02x?} of {table} does not decode")]
    Undecodable {
        /// Table name.
        table: &'static str,
        /// Key of the row.
        key: Vec<u8>,
        /// What the decoder said.
        #[source]
        source: std::io::Error,
    },
    /// A row that others refer to is missing.
    #[error("row {key:02x?} of {table} is missing")]
    MissingRow {
        /// Table name.
        table: &'static str,
        /// Key of the row.
        key: Vec<u8>,
    },
    /// The state's own roots or counts disagree with the tip's header.
    #[error("{what} is {found} in the state and {expected} in the header of block {number}")]
    TipMismatch {
        /// The tip.
        number: L2BlockNumber,
        /// Which field.
        what: &'static str,
        /// By the header.
        expected: B256,
        /// By the state.
        found: B256,
    },
    /// The recorded L1 blocks do not form one chain.
    #[error("recorded L1 block {number} does not follow its predecessor")]
    BrokenL1Chain {
        /// Number of the block that does not fit.
        number: L1BlockNumber,
    },
    /// A value to be stored is larger than its bound.
    #[error("{what} has {found} bytes, the limit is {limit}")]
    TooLarge {
        /// What was to be stored.
        what: &'static str,
        /// Bytes found.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
}

/// A failure of the database engine, opaque so that its types stay in this crate.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct DatabaseError(Box<rocksdb::Error>);

impl DatabaseError {
    pub(crate) fn new(source: rocksdb::Error) -> Self {
        Self(Box::new(source))
    }

    /// Whether the engine found damaged data (as opposed to a full disk or a failing system call).
    pub fn is_corruption(&self) -> bool {
        self.0.kind() == rocksdb::ErrorKind::Corruption
    }
}

/// Why a step of the L1 chain was not stored. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The block does not continue the recorded chain: the follower must roll back first.
    #[error("L1 block {found} ({found_parent}) does not follow {expected} ({expected_hash})")]
    NotNextL1Block {
        /// Number of the recorded head.
        expected: L1BlockNumber,
        /// Its hash.
        expected_hash: B256,
        /// Number of the block given.
        found: L1BlockNumber,
        /// Parent hash of the block given.
        found_parent: B256,
    },
    /// The block to return to is no longer, or was never, recorded: the reorg is deeper than the undo log.
    #[error(
        "L1 block {number} ({hash}) is not in the undo log, which begins at {oldest:?}; hint: resync from L1"
    )]
    TooDeep {
        /// Number asked for.
        number: L1BlockNumber,
        /// Hash asked for.
        hash: B256,
        /// Oldest block that can be returned to.
        oldest: Option<L1BlockNumber>,
    },
    /// A block is not the one after the pending tip.
    #[error("block {found} does not follow the pending tip {tip}")]
    NotNextBlock {
        /// Pending tip.
        tip: L2BlockNumber,
        /// Number of the block given.
        found: L2BlockNumber,
    },
    /// A diff leads to another root or count than its header says.
    #[error("{what} of block {number} is {found} after the diff and {expected} in the header")]
    DiffMismatch {
        /// The block.
        number: L2BlockNumber,
        /// Which field.
        what: &'static str,
        /// By the header.
        expected: B256,
        /// By the diff.
        found: B256,
    },
    /// The pending chain cannot be cut back to there.
    #[error(
        "cannot unwind to block {to}: pending tip {pending}, proven tip {proven}, oldest undo record {oldest:?}"
    )]
    NotUnwindable {
        /// Asked for.
        to: L2BlockNumber,
        /// Pending tip.
        pending: L2BlockNumber,
        /// Proven tip.
        proven: L2BlockNumber,
        /// Lowest block that can still be undone.
        oldest: Option<L2BlockNumber>,
    },
    /// The proven tip moved backwards or beyond the pending tip.
    #[error("proven tip cannot move from {proven} to {to} with the pending tip at {pending}")]
    NotProvable {
        /// Asked for.
        to: L2BlockNumber,
        /// Pending tip.
        pending: L2BlockNumber,
        /// Proven tip.
        proven: L2BlockNumber,
    },
    /// A deposit is not the next of the inbox.
    #[error("deposit {found} is not the next of the inbox, {expected}")]
    NotNextDeposit {
        /// Next index.
        expected: u64,
        /// Index given.
        found: u64,
    },
    /// More changes than one L1 block can hold.
    #[error("L1 block {number} brings {found} changes, the limit is {limit}")]
    TooManyChanges {
        /// The block.
        number: L1BlockNumber,
        /// Changes found.
        found: usize,
        /// Changes allowed.
        limit: usize,
    },
}
