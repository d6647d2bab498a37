//! The state in memory: for tests, simulation and wallets; behaves as the store's tables do.

use std::collections::BTreeMap;
use std::convert::Infallible;

use agoge_protocol::transaction::NullifierKey;
use agoge_protocol::{Digest, L2BlockNumber};

use crate::state::{NodeId, NullifierLeaf, StateDiff, StateReader, Tree, Write};

/// All tables as maps. Grows with the state; nothing is ever pruned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryState {
    nodes: BTreeMap<NodeId, Digest>,
    nullifiers: BTreeMap<NullifierKey, NullifierLeaf>,
    counts: BTreeMap<Tree, u64>,
    anchors: BTreeMap<Digest, L2BlockNumber>,
}

impl Default for MemoryState {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryState {
    /// The state before block 1.
    pub fn new() -> Self {
        let mut state = Self::without_genesis();
        state.apply(&StateDiff::genesis());
        state
    }

    pub(crate) const fn without_genesis() -> Self {
        Self {
            nodes: BTreeMap::new(),
            nullifiers: BTreeMap::new(),
            counts: BTreeMap::new(),
            anchors: BTreeMap::new(),
        }
    }

    /// Applies a diff and returns its undo; applying the undo takes the diff back.
    pub fn apply(&mut self, diff: &StateDiff) -> StateDiff {
        let undo = match diff.inverse(self) {
            Ok(undo) => undo,
            Err(never) => match never {},
        };
        for write in diff.writes() {
            match *write {
                Write::Node { id, digest } => set(&mut self.nodes, id, digest),
                Write::Nullifier { key, leaf } => set(&mut self.nullifiers, key, leaf),
                Write::LeafCount { tree, count } => set(&mut self.counts, tree, (count > 0).then_some(count)),
                Write::Anchor { note_root, block } => set(&mut self.anchors, note_root, block),
            }
        }
        undo
    }
}

fn set<K: Ord, V>(table: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
    match value {
        Some(value) => table.insert(key, value),
        None => table.remove(&key),
    };
}

impl StateReader for MemoryState {
    type Error = Infallible;

    fn node(&self, id: NodeId) -> Result<Option<Digest>, Infallible> {
        Ok(self.nodes.get(&id).copied())
    }

    fn leaf_count(&self, tree: Tree) -> Result<u64, Infallible> {
        Ok(self.counts.get(&tree).copied().unwrap_or(0))
    }

    fn low_leaf(&self, key: NullifierKey) -> Result<Option<(NullifierKey, NullifierLeaf)>, Infallible> {
        Ok(self
            .nullifiers
            .range(..=key)
            .next_back()
            .map(|(key, leaf)| (*key, *leaf)))
    }

    fn anchor(&self, note_root: Digest) -> Result<Option<L2BlockNumber>, Infallible> {
        Ok(self.anchors.get(&note_root).copied())
    }
}
