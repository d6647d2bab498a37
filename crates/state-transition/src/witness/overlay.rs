//! The trees while a block is applied step by step: what is stored below, what the block changed above.

use std::collections::BTreeMap;

use agoge_protocol::Digest;
use agoge_protocol::transaction::NullifierKey;

use crate::hash;
use crate::state::{NodeId, NullifierLeaf, StateReader, TREE_LEVEL_ROOT, Tree};
use crate::tree::empty_roots;

/// Grows with the block: some 33 nodes for every leaf that it sets.
pub(super) struct Overlay<'a, S> {
    state: &'a S,
    nodes: BTreeMap<NodeId, Digest>,
    leaves: BTreeMap<NullifierKey, NullifierLeaf>,
}

impl<'a, S: StateReader> Overlay<'a, S> {
    pub(super) const fn new(state: &'a S) -> Self {
        Self {
            state,
            nodes: BTreeMap::new(),
            leaves: BTreeMap::new(),
        }
    }

    fn node(&self, id: NodeId) -> Result<Digest, S::Error> {
        if let Some(changed) = self.nodes.get(&id) {
            return Ok(*changed);
        }
        let empty = empty_roots().get(usize::from(id.level)).copied();
        Ok(self.state.node(id)?.or(empty).unwrap_or_default())
    }

    /// What stands beside the nodes above a leaf, from a level upwards.
    pub(super) fn siblings<const N: usize>(
        &self,
        tree: Tree,
        leaf_index: u64,
        from: u8,
    ) -> Result<[Digest; N], S::Error> {
        let mut siblings = [Digest::ZERO; N];
        for (level, sibling) in (from..TREE_LEVEL_ROOT).zip(&mut siblings) {
            let index = leaf_index.checked_shr(u32::from(level)).unwrap_or(0) ^ 1;
            *sibling = self.node(NodeId { tree, level, index })?;
        }
        Ok(siblings)
    }

    /// Sets a leaf and every node above it.
    pub(super) fn set(&mut self, tree: Tree, mut index: u64, leaf: Digest) -> Result<(), S::Error> {
        let mut current = leaf;
        for level in 0..TREE_LEVEL_ROOT {
            self.nodes.insert(NodeId { tree, level, index }, current);
            let sibling = self.node(NodeId {
                tree,
                level,
                index: index ^ 1,
            })?;
            current = if index & 1 == 1 {
                hash::node(sibling, current)
            } else {
                hash::node(current, sibling)
            };
            index >>= 1;
        }
        self.nodes.insert(NodeId::root(tree), current);
        Ok(())
    }

    /// The entry with the greatest key at or below a key.
    pub(super) fn low_leaf(
        &self,
        key: NullifierKey,
    ) -> Result<Option<(NullifierKey, NullifierLeaf)>, S::Error> {
        let changed = self
            .leaves
            .range(..=key)
            .next_back()
            .map(|(key, leaf)| (*key, *leaf));
        let stored = self.state.low_leaf(key)?;
        // What the block changed hides what is stored.
        Ok(match (changed, stored) {
            (Some(changed), Some(stored)) if stored.0 > changed.0 => Some(stored),
            (Some(changed), _) => Some(changed),
            (None, stored) => stored,
        })
    }

    /// Enters a leaf under its key; the tree is not touched.
    pub(super) fn enter(&mut self, key: NullifierKey, leaf: NullifierLeaf) {
        self.leaves.insert(key, leaf);
    }
}
