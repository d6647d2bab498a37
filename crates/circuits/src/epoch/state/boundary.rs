//! Twin of [`StateBoundary`]: the same fields in the same order, as targets or as field elements.

use agoge_state_transition::witness::{GrowingTree as NativeTree, StateBoundary};

/// A tree to which leaves are appended in aligned pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GrowingTree<T> {
    pub(crate) root: [T; 4],
    pub(crate) count: T,
    pub(crate) odd_leaf: [T; 4],
    pub(crate) is_odd_leaf_in: T,
}

/// Sums over the current block; all zero between blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenBlock<T> {
    pub(crate) settlement_hash: [T; 4],
    pub(crate) effects_hash: [T; 4],
    pub(crate) total_fees: T,
    pub(crate) tx_count: T,
}

/// What one unit hands to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Boundary<T> {
    pub(crate) notes: GrowingTree<T>,
    pub(crate) nullifiers: GrowingTree<T>,
    pub(crate) archive: [T; 4],
    pub(crate) number: T,
    pub(crate) inbox_index: T,
    pub(crate) block: OpenBlock<T>,
    pub(crate) tx_chain: [T; 4],
    pub(crate) header_chain: [T; 4],
}

/// Takes the next elements of a list of known length.
fn array<T, const N: usize>(next: &mut impl FnMut() -> T) -> [T; N] {
    core::array::from_fn(|_| next())
}

impl<T: Copy> GrowingTree<T> {
    fn from_fn(next: &mut impl FnMut() -> T) -> Self {
        Self {
            root: array(next),
            count: next(),
            odd_leaf: array(next),
            is_odd_leaf_in: next(),
        }
    }

    fn extend(&self, list: &mut Vec<T>) {
        list.extend(self.root);
        list.push(self.count);
        list.extend(self.odd_leaf);
        list.push(self.is_odd_leaf_in);
    }
}

impl<T: Copy> Boundary<T> {
    /// Elements of [`Self::to_list`].
    pub(crate) const LEN: usize = 2 * NativeTree::LEN + 24;

    /// Takes every element from `next`, in the order of [`StateBoundary::to_elements`].
    pub(crate) fn from_fn(mut next: impl FnMut() -> T) -> Self {
        let next = &mut next;
        Self {
            notes: GrowingTree::from_fn(next),
            nullifiers: GrowingTree::from_fn(next),
            archive: array(next),
            number: next(),
            inbox_index: next(),
            block: OpenBlock {
                settlement_hash: array(next),
                effects_hash: array(next),
                total_fees: next(),
                tx_count: next(),
            },
            tx_chain: array(next),
            header_chain: array(next),
        }
    }

    /// From [`Self::LEN`] elements; `None` for another number.
    pub(crate) fn from_list(list: &[T]) -> Option<Self> {
        let (first, mut rest) = match list {
            [first, ..] if list.len() == Self::LEN => (*first, list.iter()),
            _ => return None,
        };
        Some(Self::from_fn(|| rest.next().copied().unwrap_or(first)))
    }

    /// The elements, in the order of [`StateBoundary::to_elements`].
    pub(crate) fn to_list(self) -> Vec<T> {
        let mut list = Vec::with_capacity(Self::LEN);
        self.notes.extend(&mut list);
        self.nullifiers.extend(&mut list);
        list.extend(self.archive);
        list.extend([self.number, self.inbox_index]);
        list.extend(self.block.settlement_hash);
        list.extend(self.block.effects_hash);
        list.extend([self.block.total_fees, self.block.tx_count]);
        list.extend(self.tx_chain);
        list.extend(self.header_chain);
        debug_assert_eq!(list.len(), Self::LEN);
        list
    }
}

const _: () = assert!(
    Boundary::<u64>::LEN == StateBoundary::LEN,
    "targets and native boundary have the same length"
);
