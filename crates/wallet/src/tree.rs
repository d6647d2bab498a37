//! The wallet's own copy of the note tree, so that it never tells a node which note it is about to spend.

use agoge_protocol::Digest;
use agoge_protocol::limits::TREE_DEPTH;
use agoge_state_transition::hash;

/// Complete subtrees of the append-only note tree. Any earlier state of the tree can still be proven from it.
#[derive(Clone, Debug)]
pub struct NoteTree {
    /// For each level from the leaves up: roots of its complete subtrees.
    complete: Vec<Vec<Digest>>,
    /// For each level: root of an empty subtree.
    empty: Vec<Digest>,
}

impl Default for NoteTree {
    fn default() -> Self {
        let mut empty = vec![Digest::ZERO];
        let mut root = Digest::ZERO;
        for _ in 0..TREE_DEPTH {
            root = hash::node(root, root);
            empty.push(root);
        }
        Self {
            complete: vec![Vec::new(); TREE_DEPTH.saturating_add(1)],
            empty,
        }
    }
}

impl NoteTree {
    /// A tree with these leaves.
    pub fn from_leaves(leaves: &[Digest]) -> Self {
        let mut tree = Self::default();
        for leaf in leaves {
            tree.append(*leaf);
        }
        tree
    }

    /// Leaves appended.
    pub fn count(&self) -> u64 {
        self.leaves().len() as u64
    }

    /// All leaves.
    pub fn leaves(&self) -> &[Digest] {
        self.complete.first().map_or(&[], Vec::as_slice)
    }

    /// Appends a commitment.
    pub fn append(&mut self, leaf: Digest) {
        let mut node = leaf;
        for level in &mut self.complete {
            level.push(node);
            let [.., left, right] = level.as_slice() else {
                return;
            };
            if level.len() % 2 != 0 {
                return;
            }
            node = hash::node(*left, *right);
        }
    }

    /// Forgets all leaves from `count` on.
    pub fn truncate(&mut self, count: u64) {
        for (level, nodes) in self.complete.iter_mut().enumerate() {
            // More leaves than `usize` holds do not exist, so then nothing is cut.
            nodes.truncate(usize::try_from(count >> level).unwrap_or(usize::MAX));
        }
    }

    /// The root when the tree had `count` leaves.
    pub fn root_at(&self, count: u64) -> Digest {
        self.node(TREE_DEPTH, 0, count)
    }

    /// Siblings of a leaf, lowest first, when the tree had `count` leaves.
    pub fn path_at(&self, index: u64, count: u64) -> [Digest; TREE_DEPTH] {
        let mut siblings = [Digest::ZERO; TREE_DEPTH];
        for (level, sibling) in siblings.iter_mut().enumerate() {
            *sibling = self.node(level, (index >> level) ^ 1, count);
        }
        siblings
    }

    fn node(&self, level: usize, index: u64, count: u64) -> Digest {
        let empty = self.empty.get(level).copied().unwrap_or_default();
        let first = index << level;
        if first >= count {
            return empty;
        }
        if count.saturating_sub(first) >> level >= 1 {
            let complete = usize::try_from(index)
                .ok()
                .and_then(|i| self.complete.get(level)?.get(i));
            return complete.copied().unwrap_or(empty);
        }
        // Only subtrees on the frontier come here, one at each level, and a leaf is always complete or empty.
        let Some(below) = level.checked_sub(1) else {
            return empty;
        };
        let left = index.saturating_mul(2);
        hash::node(
            self.node(below, left, count),
            self.node(below, left.saturating_add(1), count),
        )
    }
}

#[cfg(test)]
mod tests {
    use agoge_protocol::Element;
    use proptest::prelude::*;

    use super::*;

    fn leaf(number: u32) -> Digest {
        Digest([number, 1, 2, 3].map(Element::from_u32))
    }

    fn climb(mut node: Digest, index: u64, siblings: &[Digest; TREE_DEPTH]) -> Digest {
        for (level, sibling) in siblings.iter().enumerate() {
            node = if (index >> level) & 1 == 0 {
                hash::node(node, *sibling)
            } else {
                hash::node(*sibling, node)
            };
        }
        node
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn every_earlier_tree_can_be_proven_and_returned_to(total in 1_u32..40, at in 0_u32..40, index in 0_u32..40) {
            let at = at.min(total);
            let leaves: Vec<Digest> = (0..total).map(leaf).collect();
            let mut tree = NoteTree::from_leaves(&leaves);
            let earlier = NoteTree::from_leaves(&leaves[..at as usize]);
            let root = tree.root_at(u64::from(at));
            prop_assert_eq!(root, earlier.root_at(u64::from(at)));
            if index < at {
                let path = tree.path_at(u64::from(index), u64::from(at));
                prop_assert_eq!(climb(leaf(index), u64::from(index), &path), root);
            }
            tree.truncate(u64::from(at));
            for number in at..total {
                tree.append(leaf(number));
            }
            prop_assert_eq!(tree.root_at(u64::from(total)), NoteTree::from_leaves(&leaves).root_at(u64::from(total)));
        }
    }
}
