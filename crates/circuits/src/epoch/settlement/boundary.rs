//! Where the settlement track stands between two segments.

use agoge_protocol::{Digest, Element};
use agoge_state_transition::{BlobSums, Fingerprint, Scalar};
use borsh::{BorshDeserialize, BorshSerialize};
use plonky2::iop::target::Target;

use super::scalar::{LIMBS, ScalarTarget};
use crate::Builder;
use crate::gadgets::DigestTarget;

/// The running state of the settlement track, 58 elements in the order of the fields.
///
/// The limbs of the four numbers modulo r are below `2^28` by induction: those of [`SettlementBoundary::START`] are, and a leaf
/// whose start has such limbs has an end with such limbs.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SettlementBoundary {
    /// Chain of `HEADER_CHAIN_STEP` over the blocks that ended.
    pub header_chain: Digest,
    /// Fingerprint of the list so far.
    pub fingerprint: [Element; 2],
    /// The evaluation of the blobs: total, block, weight, base; ten limbs of 28 bits each, least significant first.
    pub blobs: BlobSums,
    /// Effects hash of the block under way.
    pub effects: Digest,
    /// Settlement hash of the block under way.
    pub settlement: Digest,
    /// Transactions of the block under way.
    pub tx_count: Element,
    /// Its deposits.
    pub deposit_count: Element,
    /// Its withdrawals.
    pub withdrawal_count: Element,
    /// Blocks that ended.
    pub block_count: Element,
}

impl SettlementBoundary {
    /// Number of elements.
    pub const LEN: usize = 58;
    /// Before the first block of an epoch proof.
    pub const START: Self = Self {
        header_chain: Digest::ZERO,
        fingerprint: Fingerprint::EMPTY,
        blobs: BlobSums::START,
        effects: Digest::ZERO,
        settlement: Digest::ZERO,
        tx_count: Element::ZERO,
        deposit_count: Element::ZERO,
        withdrawal_count: Element::ZERO,
        block_count: Element::ZERO,
    };

    /// The elements in the circuit's order.
    pub fn to_elements(&self) -> [Element; Self::LEN] {
        let BlobSums {
            total,
            block,
            weight,
            base,
        } = self.blobs;
        let scalars = [total, block, weight, base];
        let counts = [
            self.tx_count,
            self.deposit_count,
            self.withdrawal_count,
            self.block_count,
        ];
        let elements = self
            .header_chain
            .0
            .into_iter()
            .chain(self.fingerprint)
            .chain(
                scalars
                    .into_iter()
                    .flat_map(Scalar::to_limbs)
                    .map(Element::from_u32),
            )
            .chain(self.effects.0)
            .chain(self.settlement.0)
            .chain(counts);
        let mut out = [Element::ZERO; Self::LEN];
        for (slot, element) in out.iter_mut().zip(elements) {
            *slot = element;
        }
        out
    }
}

/// Twin of [`SettlementBoundary`].
#[derive(Clone, Debug)]
pub(crate) struct BoundaryTargets {
    pub(crate) header_chain: DigestTarget,
    pub(crate) fingerprint: [Target; 2],
    pub(crate) total: ScalarTarget,
    pub(crate) block: ScalarTarget,
    pub(crate) weight: ScalarTarget,
    pub(crate) base: ScalarTarget,
    pub(crate) effects: DigestTarget,
    pub(crate) settlement: DigestTarget,
    pub(crate) tx_count: Target,
    pub(crate) deposit_count: Target,
    pub(crate) withdrawal_count: Target,
    pub(crate) block_count: Target,
}

impl BoundaryTargets {
    /// Free targets.
    pub(super) fn free(builder: &mut Builder) -> Self {
        Self::from_list(&builder.add_virtual_target_arr::<{ SettlementBoundary::LEN }>())
    }

    /// From targets in the order of [`SettlementBoundary::to_elements`].
    pub(crate) fn from_list(list: &[Target; SettlementBoundary::LEN]) -> Self {
        let mut rest = list.iter().copied();
        let mut next = || rest.next().unwrap_or(list[0]);
        Self {
            header_chain: core::array::from_fn(|_| next()),
            fingerprint: core::array::from_fn(|_| next()),
            total: core::array::from_fn(|_| next()),
            block: core::array::from_fn(|_| next()),
            weight: core::array::from_fn(|_| next()),
            base: core::array::from_fn(|_| next()),
            effects: core::array::from_fn(|_| next()),
            settlement: core::array::from_fn(|_| next()),
            tx_count: next(),
            deposit_count: next(),
            withdrawal_count: next(),
            block_count: next(),
        }
    }

    /// The targets in the order of [`SettlementBoundary::to_elements`].
    pub(crate) fn to_list(&self) -> Vec<Target> {
        let mut list = self.header_chain.to_vec();
        list.extend(self.fingerprint);
        list.extend([self.total, self.block, self.weight, self.base].as_flattened());
        list.extend(self.effects);
        list.extend(self.settlement);
        list.extend([
            self.tx_count,
            self.deposit_count,
            self.withdrawal_count,
            self.block_count,
        ]);
        debug_assert_eq!(list.len(), SettlementBoundary::LEN);
        list
    }
}

const _: () = assert!(
    SettlementBoundary::LEN == 4 + 2 + 4 * LIMBS + 4 + 4 + 4,
    "the boundary's layout"
);
