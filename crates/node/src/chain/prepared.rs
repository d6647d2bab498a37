//! Blocks that this node has executed before L1 had them.

use std::sync::{Arc, Mutex, PoisonError};

use agoge_l1_client::Blob;
use agoge_protocol::messages::Proposal;
use agoge_protocol::{BlockHash, TxEffects};
use agoge_state_transition::ExecutedBlock;

use crate::mempool::Recent;

/// Blocks remembered: the current slot's and its neighbours', two each; 8 MB at most.
const PREPARED_MAX: usize = 6;

/// A block that was built or re-executed here.
#[derive(Debug)]
pub struct Prepared {
    /// The block as it is proposed.
    pub proposal: Proposal,
    /// Its execution on `proposal.parent_archive`.
    pub executed: ExecutedBlock,
    /// Effects of its transactions.
    pub effects: Vec<TxEffects>,
    /// Its blob.
    pub blob: Blob,
}

/// The blocks, by block hash. Clones are the same.
#[derive(Clone, Debug)]
pub struct PreparedBlocks {
    blocks: Arc<Mutex<Recent<BlockHash, Arc<Prepared>>>>,
}

impl Default for PreparedBlocks {
    fn default() -> Self {
        Self {
            blocks: Arc::new(Mutex::new(Recent::new(PREPARED_MAX))),
        }
    }
}

impl PreparedBlocks {
    /// Remembers a block.
    pub fn insert(&self, block: Prepared) -> Arc<Prepared> {
        let block = Arc::new(block);
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.insert(block.proposal.block_hash(), Arc::clone(&block));
        block
    }

    /// A block, while it is remembered.
    pub fn get(&self, block_hash: BlockHash) -> Option<Arc<Prepared>> {
        self.blocks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&block_hash)
            .cloned()
    }
}
