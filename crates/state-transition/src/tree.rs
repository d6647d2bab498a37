//! Trees of depth 32: roots, paths and batched updates.
//!
//! [`update`] takes all changed leaves of a block at once and hashes each inner node above them once, level by level; the root depends only
//! on the final leaves, so it equals that of inserting one by one.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use agoge_protocol::Digest;
use agoge_protocol::limits::TREE_DEPTH;
use borsh::{BorshDeserialize, BorshSerialize};

use crate::hash;
use crate::state::{NodeId, StateReader, TREE_LEVEL_ROOT, Tree, Write};

/// Most leaves a tree can have.
pub const LEAVES_MAX: u64 = 1 << TREE_DEPTH;

static EMPTY: LazyLock<[Digest; TREE_DEPTH + 1]> = LazyLock::new(|| {
    let mut current = Digest::ZERO;
    core::array::from_fn(|_| {
        let parent = hash::node(current, current);
        core::mem::replace(&mut current, parent)
    })
});

/// Roots of empty subtrees: element l is the root of one of height l, element 0 the empty leaf.
pub fn empty_roots() -> &'static [Digest; TREE_DEPTH + 1] {
    &EMPTY
}

/// The root of a tree without leaves: that of the note tree and of the archive before the first block.
pub fn empty_root() -> Digest {
    let [.., root] = *empty_roots();
    root
}

/// A leaf's siblings from the leaf upwards, which show that the leaf is under a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct MerklePath {
    /// Index of the leaf, `< 2^32`.
    pub index: u64,
    /// Sibling at level 0 first.
    pub siblings: [Digest; TREE_DEPTH],
}

impl MerklePath {
    /// The root that the path leads to from a leaf.
    pub fn root(&self, leaf: Digest) -> Digest {
        climb(self.index, leaf, &self.siblings)
    }

    /// Whether `leaf` is at [`Self::index`] of the tree with this root.
    pub fn verify(&self, leaf: Digest, root: Digest) -> bool {
        self.index < LEAVES_MAX && self.root(leaf) == root
    }
}

/// The node that is reached from the node with this index within its level by hashing it with these siblings, lowest first.
pub(crate) fn climb(mut index: u64, node: Digest, siblings: &[Digest]) -> Digest {
    siblings.iter().fold(node, |current, sibling| {
        let is_right = index & 1 == 1;
        index >>= 1;
        if is_right {
            hash::node(*sibling, current)
        } else {
            hash::node(current, *sibling)
        }
    })
}

/// The current root of a tree.
///
/// # Errors
/// The store's.
pub fn root<S: StateReader>(state: &S, tree: Tree) -> Result<Digest, S::Error> {
    Ok(state.node(NodeId::root(tree))?.unwrap_or_else(empty_root))
}

/// The path of a leaf to the current root; `None` when there is no such leaf.
///
/// # Errors
/// The store's.
pub fn path<S: StateReader>(state: &S, tree: Tree, index: u64) -> Result<Option<MerklePath>, S::Error> {
    if index >= state.leaf_count(tree)? {
        return Ok(None);
    }
    let mut siblings = *empty_roots().first_chunk().unwrap_or(&[Digest::ZERO; TREE_DEPTH]);
    let mut position = index;
    for (level, sibling) in (0..TREE_LEVEL_ROOT).zip(&mut siblings) {
        if let Some(digest) = state.node(NodeId {
            tree,
            level,
            index: position ^ 1,
        })? {
            *sibling = digest;
        }
        position >>= 1;
    }
    Ok(Some(MerklePath { index, siblings }))
}

/// The path of a note commitment, which a wallet needs to spend the note.
///
/// # Errors
/// The store's.
pub fn note_path<S: StateReader>(state: &S, index: u64) -> Result<Option<MerklePath>, S::Error> {
    path(state, Tree::Note, index)
}

/// Why an update could not be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TreeError<E> {
    #[error(transparent)]
    Read(E),
    #[error("node {0:?} is missing though leaves below it exist")]
    MissingNode(NodeId),
}

/// Sets leaves (existing and appended ones) and pushes every node that changes onto `writes`. `count` is the number of leaves afterwards.
/// Returns the new root.
pub(crate) fn update<S: StateReader>(
    state: &S,
    tree: Tree,
    leaves: BTreeMap<u64, Digest>,
    count: u64,
    writes: &mut Vec<Write>,
) -> Result<Digest, TreeError<S::Error>> {
    let mut dirty: Vec<(u64, Digest)> = leaves.into_iter().collect();
    if dirty.is_empty() {
        return root(state, tree).map_err(TreeError::Read);
    }
    // Index of the last node of the level that has leaves below it; those further right are empty and cost no read.
    let mut last = count.saturating_sub(1);
    for (level, empty) in (0..TREE_LEVEL_ROOT).zip(empty_roots()) {
        push(tree, level, &dirty, writes);
        let sibling = |index: u64| {
            if index > last {
                return Ok(*empty);
            }
            let id = NodeId { tree, level, index };
            state
                .node(id)
                .map_err(TreeError::Read)?
                .ok_or(TreeError::MissingNode(id))
        };
        let mut parents = Vec::with_capacity(dirty.len());
        let mut nodes = dirty.into_iter().peekable();
        while let Some((index, digest)) = nodes.next() {
            let parent = if index & 1 == 1 {
                hash::node(sibling(index ^ 1)?, digest)
            } else {
                let right = match nodes.next_if(|(next, _)| *next == index | 1) {
                    Some((_, right)) => right,
                    None => sibling(index | 1)?,
                };
                hash::node(digest, right)
            };
            parents.push((index >> 1, parent));
        }
        dirty = parents;
        last >>= 1;
    }
    push(tree, TREE_LEVEL_ROOT, &dirty, writes);
    Ok(dirty.first().map_or_else(empty_root, |(_, root)| *root))
}

fn push(tree: Tree, level: u8, nodes: &[(u64, Digest)], writes: &mut Vec<Write>) {
    let write = |(index, digest): &(u64, Digest)| Write::Node {
        id: NodeId {
            tree,
            level,
            index: *index,
        },
        digest: Some(*digest),
    };
    writes.extend(nodes.iter().map(write));
}

#[cfg(test)]
pub(crate) mod tests;
