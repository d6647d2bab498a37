//! One unit as constraints: twin of `StateBoundary::apply`.

use agoge_state_transition::hash::{HEADER, HEADER_CHAIN_STEP, TX_EFFECTS};
use plonky2::field::types::Field;
use plonky2::iop::target::{BoolTarget, Target};

use super::boundary::Boundary;
use super::values::UnitValues;
use crate::gadgets::{self, DigestTarget};
use crate::{Builder, F};

/// The constraints that are not wiring. Each has a test in which only this one is broken: the same values have a proof as soon as it is
/// left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Constraint {
    /// Flags of the kind are 0 or 1, and so is their sum.
    OneKind,
    DepositsFirst,
    NoteParityIsABit,
    NoteIndex,
    NotePath,
    NullifierIndex,
    NullifierPath,
    FirstLowPath,
    SecondLowPath,
    ArchiveIndex,
    ArchivePath,
    AnchorPath,
    HeaderGenesis,
    HeaderFields,
    RecipientLimbs,
    TotalFees,
    WithdrawalIsSettled,
    LastFlag,
    LastHasNoNext,
    OrderFlags,
    EqualIsSkipped,
    HalvesAreTheNumber,
    HalfRange,
    CanonicalHalves,
    OrderDifference,
}

/// Collects the constraints of units.
pub(super) struct Relation<'a> {
    pub(super) builder: &'a mut Builder,
    /// Left out, for tests; the product's circuit has all.
    pub(super) omitted: Option<Constraint>,
    pub(super) genesis_id: DigestTarget,
}

/// What a unit computes once and uses in several places.
pub(super) struct Unit<'a> {
    pub(super) before: &'a Boundary<Target>,
    pub(super) values: &'a UnitValues<Target>,
    pub(super) deposit: Target,
    pub(super) transaction: Target,
    pub(super) block_end: Target,
    /// Sum of the three: 0 for padding.
    pub(super) any: Target,
    pub(super) header_hash: DigestTarget,
}

impl Relation<'_> {
    /// Adds constraints, unless they are the omitted ones.
    pub(super) fn enforce(&mut self, constraint: Constraint, constrain: impl FnOnce(&mut Builder)) {
        if self.omitted != Some(constraint) {
            constrain(self.builder);
        }
    }

    /// `flag` is 0 or 1.
    pub(super) fn assert_flag(&mut self, constraint: Constraint, flag: Target) {
        self.enforce(constraint, |builder| {
            let rest = builder.mul_sub(flag, flag, flag);
            builder.assert_zero(rest);
        });
    }

    /// `flag * (a - b) = 0`.
    pub(super) fn equal_when(&mut self, constraint: Constraint, flag: Target, a: Target, b: Target) {
        self.enforce(constraint, |builder| {
            let difference = builder.sub(a, b);
            let product = builder.mul(flag, difference);
            builder.assert_zero(product);
        });
    }

    pub(super) fn digests_equal_when(
        &mut self,
        constraint: Constraint,
        flag: Target,
        a: DigestTarget,
        b: DigestTarget,
    ) {
        for (a, b) in a.into_iter().zip(b) {
            self.equal_when(constraint, flag, a, b);
        }
    }

    /// `flag ? new : old`
    pub(super) fn select(&mut self, flag: Target, new: DigestTarget, old: DigestTarget) -> DigestTarget {
        let flag = BoolTarget::new_unsafe(flag);
        zip_with(new, old, |new, old| self.builder.select(flag, new, old))
    }

    /// `flag * digest`
    pub(super) fn scale(&mut self, flag: Target, digest: DigestTarget) -> DigestTarget {
        digest.map(|element| self.builder.mul(flag, element))
    }

    /// `flag * digest + sum`
    pub(super) fn add_scaled(
        &mut self,
        flag: Target,
        digest: DigestTarget,
        sum: DigestTarget,
    ) -> DigestTarget {
        zip_with(digest, sum, |element, sum| {
            self.builder.mul_add(flag, element, sum)
        })
    }

    /// The number with these bits, least significant first. The bits are held to 0 and 1 by the Poseidon rows that swap by them.
    pub(super) fn number(&mut self, bits: &[Target]) -> Target {
        let zero = self.builder.zero();
        bits.iter().rev().fold(zero, |sum, bit| {
            self.builder.mul_const_add(F::from_canonical_u64(2), sum, *bit)
        })
    }

    /// The boundary after a unit.
    pub(super) fn unit(
        &mut self,
        before: &Boundary<Target>,
        values: &UnitValues<Target>,
    ) -> Boundary<Target> {
        let kind = values.kind;
        let any = self
            .builder
            .add_many([kind.deposit, kind.transaction, kind.block_end]);
        for flag in [kind.deposit, kind.transaction, kind.block_end, any] {
            self.assert_flag(Constraint::OneKind, flag);
        }
        let unit = Unit {
            before,
            values,
            deposit: kind.deposit,
            transaction: kind.transaction,
            block_end: kind.block_end,
            any,
            header_hash: gadgets::hash(self.builder, HEADER, &values.header),
        };
        self.enforce(Constraint::DepositsFirst, |builder| {
            let product = builder.mul(kind.deposit, before.block.tx_count);
            builder.assert_zero(product);
        });

        let partial = values.deposit_partial;
        let value = values.deposit_value;
        let note = self.deposited_note(partial, value, before.inbox_index);
        let notes = self.notes(&unit, note);
        let (nullifiers, archive) = self.nullifiers_and_archive(&unit);
        self.header_is_of_an_archived_block_or_this(&unit, &notes, &nullifiers);

        let tx_hash = gadgets::hash(self.builder, TX_EFFECTS, &values.effects.hash_input());
        let settlement_hash = self.settlement_hash(&unit);
        let block = self.block(&unit, settlement_hash, tx_hash);
        let tx_chain = self.tx_chain(&unit, tx_hash);
        let header_chain = {
            let input = triple(before.header_chain, unit.header_hash, archive);
            let step = gadgets::hash(self.builder, HEADER_CHAIN_STEP, &input);
            self.select(unit.block_end, step, before.header_chain)
        };
        Boundary {
            notes,
            nullifiers,
            archive,
            number: self.builder.add(before.number, unit.block_end),
            inbox_index: self.builder.add(before.inbox_index, unit.deposit),
            block,
            tx_chain,
            header_chain,
        }
    }
}

/// `a ‖ b`
pub(super) const fn pair(a: DigestTarget, b: DigestTarget) -> [Target; 8] {
    let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (a, b);
    [a0, a1, a2, a3, b0, b1, b2, b3]
}

const fn triple(a: DigestTarget, b: DigestTarget, c: DigestTarget) -> [Target; 12] {
    let ([a0, a1, a2, a3], [b0, b1, b2, b3], [c0, c1, c2, c3]) = (a, b, c);
    [a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3]
}

fn zip_with(a: DigestTarget, b: DigestTarget, mut f: impl FnMut(Target, Target) -> Target) -> DigestTarget {
    let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (a, b);
    [f(a0, b0), f(a1, b1), f(a2, b2), f(a3, b3)]
}
