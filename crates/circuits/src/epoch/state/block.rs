//! What a unit does to the sums over a block and to the chains, and which header it shows.

use agoge_protocol::Header;
use agoge_protocol::limits::VALUE_BITS;
use agoge_state_transition::hash::{DEPOSIT_STEP, EFFECTS_STEP, TX_CHAIN_STEP, WITHDRAWAL_STEP};
use plonky2::field::types::Field;
use plonky2::iop::target::Target;

use super::boundary::{GrowingTree, OpenBlock};
use super::unit::{Constraint, Relation, Unit, pair};
use crate::F;
use crate::gadgets::{self, DigestTarget};

impl Relation<'_> {
    /// In a transaction the header is under the parent's archive; in a block end it is that of the boundary.
    pub(super) fn header_is_of_an_archived_block_or_this(
        &mut self,
        unit: &Unit<'_>,
        notes: &GrowingTree<Target>,
        nullifiers: &GrowingTree<Target>,
    ) {
        let before = unit.before;
        let values = unit.values;
        let place = &values.anchor_place;
        let root = gadgets::merkle_root(self.builder, unit.header_hash, &place.bits, &place.siblings);
        self.digests_equal_when(Constraint::AnchorPath, unit.transaction, root, before.archive);

        let HeaderTargets {
            genesis_id,
            from_boundary,
            recipient,
        } = HeaderTargets::of(&values.header);
        let expected_genesis = self.genesis_id;
        self.enforce(Constraint::HeaderGenesis, |builder| {
            for (found, expected) in genesis_id.into_iter().zip(expected_genesis) {
                builder.connect(found, expected);
            }
        });
        let mut expected = Vec::with_capacity(from_boundary.len());
        expected.push(self.builder.add_const(before.number, F::ONE));
        expected.extend(before.archive);
        expected.extend(notes.root);
        expected.push(before.notes.count);
        expected.extend(nullifiers.root);
        expected.extend([before.nullifiers.count, before.inbox_index]);
        expected.extend(before.block.settlement_hash);
        expected.extend(before.block.effects_hash);
        expected.extend([before.block.total_fees, before.block.tx_count]);
        debug_assert_eq!(expected.len(), from_boundary.len());
        for (found, expected) in from_boundary.into_iter().zip(expected) {
            self.equal_when(Constraint::HeaderFields, unit.block_end, found, expected);
        }
        self.enforce(Constraint::RecipientLimbs, |builder| {
            gadgets::assert_address_limbs(builder, &recipient);
        });
    }

    pub(super) fn settlement_hash(&mut self, unit: &Unit<'_>) -> DigestTarget {
        let values = unit.values;
        let before = unit.before.block.settlement_hash;
        let ([a0, a1, a2, a3], [p0, p1, p2, p3]) = (before, values.deposit_partial);
        let input = [a0, a1, a2, a3, p0, p1, p2, p3, values.deposit_value];
        let deposited = gadgets::hash(self.builder, DEPOSIT_STEP, &input);
        let [r0, r1, r2] = values.effects.recipient;
        let amount = values.effects.withdrawal_amount;
        let withdrawn = gadgets::hash(
            self.builder,
            WITHDRAWAL_STEP,
            &[a0, a1, a2, a3, r0, r1, r2, amount],
        );

        // `1 - amount * inverse` is 1 for amount 0, whatever the inverse; for others it must be 0.
        let one = self.builder.one();
        let inverse = values.effects.amount_inverse;
        let is_zero = self.builder.arithmetic(F::NEG_ONE, F::ONE, amount, inverse, one);
        self.enforce(Constraint::WithdrawalIsSettled, |builder| {
            let product = builder.mul(amount, is_zero);
            builder.assert_zero(product);
        });
        // `transaction * (1 - is_zero)`
        let withdraws =
            self.builder
                .arithmetic(F::NEG_ONE, F::ONE, unit.transaction, is_zero, unit.transaction);
        let sum = self.select(unit.deposit, deposited, before);
        let sum = self.select(withdraws, withdrawn, sum);
        self.cleared(unit, sum)
    }

    /// Sums over the block, cleared at its end.
    pub(super) fn block(
        &mut self,
        unit: &Unit<'_>,
        settlement_hash: DigestTarget,
        tx_hash: DigestTarget,
    ) -> OpenBlock<Target> {
        let before = &unit.before.block;
        let step = gadgets::hash(self.builder, EFFECTS_STEP, &pair(before.effects_hash, tx_hash));
        let effects_hash = self.select(unit.transaction, step, before.effects_hash);
        let effects_hash = self.cleared(unit, effects_hash);
        let total_fees = self
            .builder
            .mul_add(unit.transaction, unit.values.effects.fee, before.total_fees);
        self.enforce(Constraint::TotalFees, |builder| {
            gadgets::assert_bits(builder, total_fees, VALUE_BITS);
        });
        let tx_count = self.builder.add(before.tx_count, unit.transaction);
        let [total_fees, tx_count] = [total_fees, tx_count].map(|sum| self.cleared_element(unit, sum));
        OpenBlock {
            settlement_hash,
            effects_hash,
            total_fees,
            tx_count,
        }
    }

    fn cleared(&mut self, unit: &Unit<'_>, digest: DigestTarget) -> DigestTarget {
        digest.map(|element| self.cleared_element(unit, element))
    }

    /// `(1 - block_end) * element`
    fn cleared_element(&mut self, unit: &Unit<'_>, element: Target) -> Target {
        self.builder
            .arithmetic(F::NEG_ONE, F::ONE, unit.block_end, element, element)
    }

    pub(super) fn tx_chain(&mut self, unit: &Unit<'_>, tx_hash: DigestTarget) -> DigestTarget {
        let before = unit.before.tx_chain;
        let ([a0, a1, a2, a3], [e0, e1, e2, e3]) = (before, tx_hash);
        // The header is that of the anchor.
        let ([n0, n1, n2, n3], [g0, g1, g2, g3]) = (note_root(&unit.values.header), self.genesis_id);
        let input = [a0, a1, a2, a3, e0, e1, e2, e3, n0, n1, n2, n3, g0, g1, g2, g3];
        let step = gadgets::hash(self.builder, TX_CHAIN_STEP, &input);
        self.select(unit.transaction, step, before)
    }
}

/// A header's elements by what fixes them in a block end. Slot and timestamp are free: L1 knows them.
struct HeaderTargets {
    genesis_id: DigestTarget,
    /// All but genesis id, slot, timestamp and fee recipient.
    from_boundary: Vec<Target>,
    recipient: [Target; 3],
}

impl HeaderTargets {
    fn of(header: &[Target; Header::LEN]) -> Self {
        let [
            g0,
            g1,
            g2,
            g3,
            number,
            _slot,
            _timestamp,
            state @ ..,
            r0,
            r1,
            r2,
            total_fees,
            tx_count,
        ] = *header;
        let state: [Target; Header::LEN - 12] = state;
        let mut from_boundary = vec![number];
        from_boundary.extend(state);
        from_boundary.extend([total_fees, tx_count]);
        Self {
            genesis_id: [g0, g1, g2, g3],
            from_boundary,
            recipient: [r0, r1, r2],
        }
    }
}

/// The note root of a header's elements.
const fn note_root(header: &[Target; Header::LEN]) -> DigestTarget {
    let [_, _, _, _, _, _, _, _, _, _, _, n0, n1, n2, n3, ..] = *header;
    [n0, n1, n2, n3]
}
