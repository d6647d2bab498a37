//! The running state between two steps.

use agoge_protocol::{Digest, Element, L2BlockNumber, NotCanonical};
use borsh::{BorshDeserialize, BorshSerialize};

use crate::state::{NodeId, StateReader, Tree};
use crate::tree;

/// A tree to which leaves are appended in aligned pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct GrowingTree {
    /// Root of the leaves that are in.
    pub root: Digest,
    /// Number of leaves, the odd one included.
    pub count: u64,
    /// With an odd count the last leaf, whose right neighbour is still empty; else zero.
    pub odd_leaf: Digest,
    /// Whether the odd leaf is under `root`. True at the end of every block.
    pub is_odd_leaf_in: bool,
}

impl GrowingTree {
    /// Elements of [`Self::to_elements`].
    pub const LEN: usize = 10;

    /// A tree as it is stored.
    fn read<S: StateReader>(state: &S, tree: Tree) -> Result<Self, S::Error> {
        let count = state.leaf_count(tree)?;
        let odd_leaf = if count & 1 == 1 {
            state.node(NodeId {
                tree,
                level: 0,
                index: count ^ 1,
            })?
        } else {
            None
        };
        Ok(Self {
            root: tree::root(state, tree)?,
            count,
            odd_leaf: odd_leaf.unwrap_or(Digest::ZERO),
            is_odd_leaf_in: true,
        })
    }

    /// Root (4), count, odd leaf (4), whether it is in.
    ///
    /// # Errors
    /// [`NotCanonical`] when the count is not below the modulus.
    pub fn to_elements(&self) -> Result<[Element; Self::LEN], NotCanonical> {
        let ([r0, r1, r2, r3], [l0, l1, l2, l3]) = (self.root.0, self.odd_leaf.0);
        let count = Element::new(self.count)?;
        let is_in = Element::from_u32(u32::from(self.is_odd_leaf_in));
        Ok([r0, r1, r2, r3, count, l0, l1, l2, l3, is_in])
    }
}

/// What the steps of the current block have added up. All zero between blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OpenBlock {
    /// Accumulator over deposits and withdrawals.
    pub settlement_hash: Digest,
    /// Accumulator over transaction effects.
    pub effects_hash: Digest,
    /// Sum of fees, gwei, `< 2^60`.
    pub total_fees: u64,
    /// Number of transactions. Above 0 the block takes no more deposits.
    pub tx_count: u64,
}

/// Everything that one step hands to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StateBoundary {
    /// Note tree.
    pub notes: GrowingTree,
    /// Nullifier tree.
    pub nullifiers: GrowingTree,
    /// Archive root after the last complete block.
    pub archive: Digest,
    /// Number of the last complete block; 0 before the first.
    pub number: L2BlockNumber,
    /// Index of the next deposit.
    pub inbox_index: u64,
    /// The block in the making.
    pub block: OpenBlock,
    /// Chain of `TX_CHAIN_STEP` since the start of the epoch.
    pub tx_chain: Digest,
    /// Chain of `HEADER_CHAIN_STEP` since the start of the epoch.
    pub header_chain: Digest,
}

impl StateBoundary {
    /// Elements of [`Self::to_elements`].
    pub const LEN: usize = 44;

    /// The boundary at which an epoch starts: the state after a block, both chains at zero. `inbox_index` is that block's inbox end.
    ///
    /// # Errors
    /// The store's.
    pub fn at_start<S: StateReader>(state: &S, inbox_index: u64) -> Result<Self, S::Error> {
        Ok(Self {
            notes: GrowingTree::read(state, Tree::Note)?,
            nullifiers: GrowingTree::read(state, Tree::Nullifier)?,
            archive: tree::root(state, Tree::Archive)?,
            number: L2BlockNumber::new(state.leaf_count(Tree::Archive)?),
            inbox_index,
            block: OpenBlock::default(),
            tx_chain: Digest::ZERO,
            header_chain: Digest::ZERO,
        })
    }

    /// The elements in the order of the fields; a tree's in the order of [`GrowingTree::to_elements`].
    ///
    /// # Errors
    /// [`NotCanonical`] when an integer is not below the modulus.
    pub fn to_elements(&self) -> Result<[Element; Self::LEN], NotCanonical> {
        let mut out = [Element::ZERO; Self::LEN];
        let list = [self.notes.to_elements()?, self.nullifiers.to_elements()?]
            .into_iter()
            .flatten()
            .chain(self.archive.0)
            .chain([Element::new(self.number.get())?, Element::new(self.inbox_index)?])
            .chain(self.block.settlement_hash.0)
            .chain(self.block.effects_hash.0)
            .chain([
                Element::new(self.block.total_fees)?,
                Element::new(self.block.tx_count)?,
            ])
            .chain(self.tx_chain.0)
            .chain(self.header_chain.0);
        for (slot, element) in out.iter_mut().zip(list) {
            *slot = element;
        }
        Ok(out)
    }
}
