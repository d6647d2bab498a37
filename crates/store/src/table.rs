//! The tables, all in one place. Each is a column family; integers in keys are big-endian, so that keys sort as numbers do.
//!
//! *Undone* says how a row returns to what it was: **journal** = its former value stands in the undo record of its block or L1 block;
//! **moved** = rows change table with the block they belong to; **no** = not part of the chain's history.
//!
//! | table | key | value | undone | bound |
//! |---|---|---|---|---|
//! | `meta` | text | tips, pool and blob counters | tips: from `l1_blocks` | 3 rows |
//! | `nodes` | tree (1), level (1), index (8) | digest | journal | 3 trees of 2^32 leaves |
//! | `leaf_counts` | tree (1) | count | journal | 3 rows |
//! | `nullifiers` | key (16) | leaf index, next key | journal | 2^32 |
//! | `note_leaves` | commitment (32) | leaf index | journal | 2^32 |
//! | `blocks` | number (8) | record without transactions | journal | chain |
//! | `effects` | number (8) | effects and known ids of its transactions | journal | chain |
//! | `slots` | slot (8) | number | journal | chain |
//! | `anchors` | note root (32) | first block with it | journal | chain |
//! | `tx_ids` | transaction id (32) | block, position | journal; those that came after their block leave with it | chain |
//! | `block_undo` | number (8) | former values | journal | `undo_blocks_max` |
//! | `deposits` | inbox index (8) | deposit | journal | inbox |
//! | `seeds` | epoch (8) | seed | journal | epochs |
//! | `instances` | position (8) | instance, activation | journal | Registry |
//! | `epoch_proofs` | epoch (8), position (2) | accepted epoch proof | journal | one a block, and a delivery an epoch |
//! | `claims` | epoch (8) | claim and what became of it | journal | epochs |
//! | `l1_blocks` | number (8) | L1 block, tips and inbox after it | journal | `l1_blocks_max` |
//! | `l1_undo` | number (8) | former values, blocks applied and unwound | dropped | `l1_blocks_max` |
//! | `queued_txs` | transaction id (32) | transaction | moved | `queued_txs_max`, `queued_bytes_max` |
//! | `mined_txs` | number (8), position (2) | transaction with its proof | moved | `mined_tx_blocks_max` blocks; none of an epoch that was proven whole 64 L1 blocks ago |
//! | `blobs` | versioned hash (32) | slot, blob | no | `blobs_max` |
//! | `blob_slots` | slot (8), versioned hash (32) | nothing | no | `blobs_max` |

use borsh::{BorshDeserialize, BorshSerialize};

macro_rules! tables {
    ($($variant:ident = $name:literal),* $(,)?) => {
        /// One table; see the module's text.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
        pub(crate) enum Table {
            $(#[doc = $name] $variant,)*
        }

        impl Table {
            /// Every table, in order.
            pub(crate) const ALL: &[Self] = &[$(Self::$variant),*];

            /// Name of the column family.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

tables! {
    Meta = "meta",
    Nodes = "nodes",
    LeafCounts = "leaf_counts",
    Nullifiers = "nullifiers",
    NoteLeaves = "note_leaves",
    Blocks = "blocks",
    Effects = "effects",
    Slots = "slots",
    Anchors = "anchors",
    TxIds = "tx_ids",
    BlockUndo = "block_undo",
    Deposits = "deposits",
    Seeds = "seeds",
    Instances = "instances",
    EpochProofs = "epoch_proofs",
    Claims = "claims",
    L1Blocks = "l1_blocks",
    L1Undo = "l1_undo",
    QueuedTxs = "queued_txs",
    MinedTxs = "mined_txs",
    Blobs = "blobs",
    BlobSlots = "blob_slots",
}
