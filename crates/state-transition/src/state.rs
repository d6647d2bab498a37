//! The seam between execution and storage: what execution reads ([`StateReader`]) and what it asks to be written ([`StateDiff`]).
//!
//! A store is one table per kind of [`Write`]. It applies a diff in one batch, together with [`StateDiff::inverse`] as the undo of that
//! block; unwinding is applying the undo. [`crate::MemoryState`] is the in-memory store.

use std::collections::BTreeMap;

use agoge_protocol::limits::TREE_DEPTH;
use agoge_protocol::transaction::NullifierKey;
use agoge_protocol::{Digest, Element, L2BlockNumber};
use borsh::{BorshDeserialize, BorshSerialize};

use crate::{hash, tree};

/// One of the three trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub enum Tree {
    /// Append-only; leaf = commitment.
    Note,
    /// Indexed; leaf = hash of a [`NullifierLeaf`].
    Nullifier,
    /// Append-only; leaf = header hash, block n at index n - 1.
    Archive,
}

/// Place of a node: leaves are at level 0, the root at level 32 and index 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct NodeId {
    /// Which tree.
    pub tree: Tree,
    /// Height above the leaves, 0 to 32.
    pub level: u8,
    /// Position from the left within the level, `< 2^(32 - level)`.
    pub index: u64,
}

impl NodeId {
    /// The root of a tree.
    pub const fn root(tree: Tree) -> Self {
        Self {
            tree,
            level: TREE_LEVEL_ROOT,
            index: 0,
        }
    }
}

/// Level of every root.
pub(crate) const TREE_LEVEL_ROOT: u8 = 32;
const _: () = assert!(
    TREE_LEVEL_ROOT as usize == TREE_DEPTH,
    "the root's level is the depth"
);

/// Value of the nullifier table under a key: where the leaf is and which key follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct NullifierLeaf {
    /// Leaf index.
    pub index: u64,
    /// The next key above, or zero for none.
    pub next_key: NullifierKey,
}

impl NullifierLeaf {
    /// The key of leaf 0, which every tree has and no nullifier may take.
    pub const ZERO_KEY: NullifierKey = [Element::ZERO; 2];

    /// The leaf's digest in the tree.
    pub fn digest(&self, key: NullifierKey) -> Digest {
        hash::nullifier_leaf(key, self.next_key)
    }
}

/// What execution reads. Implemented by the store over a consistent snapshot and by [`crate::MemoryState`].
///
/// A fresh store must apply [`StateDiff::genesis`] before anything else.
pub trait StateReader {
    /// Why a read failed. Never "not found".
    type Error: core::error::Error + Send + Sync + 'static;

    /// A stored node; `None` stands for the root of an empty subtree.
    ///
    /// # Errors
    /// The store's.
    fn node(&self, id: NodeId) -> Result<Option<Digest>, Self::Error>;

    /// Leaves of a tree; 0 when nothing was written.
    ///
    /// # Errors
    /// The store's.
    fn leaf_count(&self, tree: Tree) -> Result<u64, Self::Error>;

    /// The entry of the nullifier table with the greatest key `<= key` (element 0 compares first).
    ///
    /// `None` only where genesis was not applied.
    ///
    /// # Errors
    /// The store's.
    fn low_leaf(&self, key: NullifierKey) -> Result<Option<(NullifierKey, NullifierLeaf)>, Self::Error>;

    /// The first block whose header has this note root.
    ///
    /// # Errors
    /// The store's.
    fn anchor(&self, note_root: Digest) -> Result<Option<L2BlockNumber>, Self::Error>;
}

impl<S: StateReader + ?Sized> StateReader for &S {
    type Error = S::Error;

    fn node(&self, id: NodeId) -> Result<Option<Digest>, Self::Error> {
        (**self).node(id)
    }
    fn leaf_count(&self, tree: Tree) -> Result<u64, Self::Error> {
        (**self).leaf_count(tree)
    }
    fn low_leaf(&self, key: NullifierKey) -> Result<Option<(NullifierKey, NullifierLeaf)>, Self::Error> {
        (**self).low_leaf(key)
    }
    fn anchor(&self, note_root: Digest) -> Result<Option<L2BlockNumber>, Self::Error> {
        (**self).anchor(note_root)
    }
}

/// One key of one table and its new value. `None` deletes and occurs only in undos.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Write {
    /// A node of a tree.
    Node {
        /// Key.
        id: NodeId,
        /// Value.
        digest: Option<Digest>,
    },
    /// An entry of the nullifier table.
    Nullifier {
        /// Key.
        key: NullifierKey,
        /// Value.
        leaf: Option<NullifierLeaf>,
    },
    /// The number of leaves of a tree.
    LeafCount {
        /// Key.
        tree: Tree,
        /// Value.
        count: u64,
    },
    /// A note root that transactions may name as anchor.
    Anchor {
        /// Key.
        note_root: Digest,
        /// Value: the first block with this root.
        block: Option<L2BlockNumber>,
    },
}

/// The writes of one block, each key at most once: fewer than 5,000 for the largest block.
#[derive(Clone, Debug, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct StateDiff {
    writes: Vec<Write>,
}

impl StateDiff {
    pub(crate) const fn new(writes: Vec<Write>) -> Self {
        Self { writes }
    }

    /// What an empty store must apply first: leaf 0 of the nullifier tree and its path.
    pub fn genesis() -> Self {
        let leaf = NullifierLeaf {
            index: 0,
            next_key: NullifierLeaf::ZERO_KEY,
        };
        let mut writes = vec![
            Write::Nullifier {
                key: NullifierLeaf::ZERO_KEY,
                leaf: Some(leaf),
            },
            Write::LeafCount {
                tree: Tree::Nullifier,
                count: 1,
            },
        ];
        let leaves = BTreeMap::from([(0, leaf.digest(NullifierLeaf::ZERO_KEY))]);
        let empty = crate::MemoryState::without_genesis();
        match tree::update(&empty, Tree::Nullifier, leaves, 1, &mut writes) {
            Ok(_) => {}
            Err(tree::TreeError::Read(never)) => match never {},
            // A tree with one leaf has no sibling to miss.
            Err(tree::TreeError::MissingNode(_)) => {}
        }
        Self { writes }
    }

    /// The writes, in the order in which they were made.
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// The diff that takes this one back. Call before applying this one.
    ///
    /// # Errors
    /// The store's.
    pub fn inverse<S: StateReader>(&self, before: &S) -> Result<Self, S::Error> {
        let old = |write: &Write| {
            Ok(match *write {
                Write::Node { id, .. } => Write::Node {
                    id,
                    digest: before.node(id)?,
                },
                Write::Nullifier { key, .. } => {
                    let found = before.low_leaf(key)?.filter(|(found, _)| *found == key);
                    Write::Nullifier {
                        key,
                        leaf: found.map(|(_, leaf)| leaf),
                    }
                }
                Write::LeafCount { tree, .. } => Write::LeafCount {
                    tree,
                    count: before.leaf_count(tree)?,
                },
                Write::Anchor { note_root, .. } => Write::Anchor {
                    note_root,
                    block: before.anchor(note_root)?,
                },
            })
        };
        self.writes
            .iter()
            .map(old)
            .collect::<Result<_, _>>()
            .map(Self::new)
    }
}
