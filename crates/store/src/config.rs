//! Bounds of what is kept.

use agoge_protocol::NetworkConfig;
use agoge_protocol::limits::L1_REORG_DEPTH_MAX;

/// How much is kept of everything that is not the chain itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    /// Blocks that can be unwound, counted from the pending tip.
    pub undo_blocks_max: u64,
    /// L1 blocks that are recorded with their undo record; a reorg can replace one less.
    pub l1_blocks_max: u64,
    /// Slots of an epoch: client proofs are dropped by whole epochs.
    pub epoch_slots: u64,
    /// Blocks whose transactions are kept with their client proofs, counted from the pending tip, proven or not.
    pub mined_tx_blocks_max: u64,
    /// Queued transactions. Those of unwound blocks are taken above this.
    pub queued_txs_max: u64,
    /// Bytes of queued transactions.
    pub queued_bytes_max: u64,
    /// Archived blobs.
    pub blobs_max: u64,
    /// Slots after which an archived blob is dropped.
    pub blob_age_slots_max: u64,
}

/// Recorded L1 blocks: beyond the deepest reorg, so that finality (64 to 95 L1 blocks behind) finds its block.
const L1_BLOCKS: u64 = 4 * L1_REORG_DEPTH_MAX;
/// Queued transactions by default: over four hours of 0.2 transactions a second.
const QUEUED_TXS: u64 = 4_096;
/// Bytes of queued transactions by default.
const QUEUED_BYTES: u64 = 512 << 20;
/// Archived blobs by default: 1 GiB.
const BLOBS: u64 = 8_192;
/// Age of archived blobs by default, seconds: the 18 days for which beacon nodes serve them.
const BLOB_AGE_SECONDS: u64 = 18 * 24 * 3_600;

impl StoreConfig {
    /// The bounds that a network needs: whatever a prune after the deepest reorg could unwind.
    pub fn for_network(network: &NetworkConfig) -> Self {
        let protocol = &network.protocol;
        Self {
            undo_blocks_max: network.proving.ring_blocks.saturating_add(L1_REORG_DEPTH_MAX),
            l1_blocks_max: L1_BLOCKS,
            epoch_slots: protocol.epoch_slots,
            // The ring holds the blocks of every epoch whose proof window is open, and one epoch more: 4 epochs in all phases.
            mined_tx_blocks_max: network.proving.ring_blocks,
            queued_txs_max: QUEUED_TXS,
            queued_bytes_max: QUEUED_BYTES,
            blobs_max: BLOBS,
            blob_age_slots_max: BLOB_AGE_SECONDS
                .checked_div(protocol.slot_seconds)
                .unwrap_or(BLOB_AGE_SECONDS),
        }
    }
}
