//! One unit as constraints: twin of `StateBoundary::apply`.

use agoge_protocol::Header;
use agoge_protocol::limits::VALUE_BITS;
use agoge_state_transition::hash::{
    DEPOSIT_RHO, DEPOSIT_STEP, EFFECTS_STEP, HEADER, HEADER_CHAIN_STEP, NODE, NOTE, NULLIFIER_LEAF,
    TX_CHAIN_STEP, TX_EFFECTS, WITHDRAWAL_STEP,
};
use plonky2::field::types::Field;
use plonky2::iop::target::{BoolTarget, Target};

use super::boundary::{Boundary, GrowingTree, OpenBlock};
use super::values::{LowValues, PAIR_DEPTH, Place, UnitValues};
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
struct Unit<'a> {
    before: &'a Boundary<Target>,
    values: &'a UnitValues<Target>,
    deposit: Target,
    transaction: Target,
    block_end: Target,
    /// Sum of the three: 0 for padding.
    any: Target,
    header_hash: DigestTarget,
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

    fn digests_equal_when(&mut self, constraint: Constraint, flag: Target, a: DigestTarget, b: DigestTarget) {
        for (a, b) in a.into_iter().zip(b) {
            self.equal_when(constraint, flag, a, b);
        }
    }

    /// `flag ? new : old`
    fn select(&mut self, flag: Target, new: DigestTarget, old: DigestTarget) -> DigestTarget {
        let flag = BoolTarget::new_unsafe(flag);
        zip_with(new, old, |new, old| self.builder.select(flag, new, old))
    }

    /// `flag * digest`
    fn scale(&mut self, flag: Target, digest: DigestTarget) -> DigestTarget {
        digest.map(|element| self.builder.mul(flag, element))
    }

    /// `flag * digest + sum`
    fn add_scaled(&mut self, flag: Target, digest: DigestTarget, sum: DigestTarget) -> DigestTarget {
        zip_with(digest, sum, |element, sum| {
            self.builder.mul_add(flag, element, sum)
        })
    }

    /// The number with these bits, least significant first. The bits are held to 0 and 1 by the Poseidon rows that swap by them.
    fn number(&mut self, bits: &[Target]) -> Target {
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

    fn deposited_note(&mut self, partial: DigestTarget, value: Target, inbox_index: Target) -> DigestTarget {
        let [g0, g1, g2, g3] = self.genesis_id;
        let rho = gadgets::hash(self.builder, DEPOSIT_RHO, &[g0, g1, g2, g3, inbox_index]);
        let ([p0, p1, p2, p3], [r0, r1, r2, r3]) = (partial, rho);
        gadgets::hash(self.builder, NOTE, &[p0, p1, p2, p3, value, r0, r1, r2, r3])
    }

    /// Puts a pair of leaves at the end of a tree where the odd leaf, if it is in, and nothing else stands. The new root, or the old one
    /// unless `active`.
    fn append(
        &mut self,
        constraint: Constraint,
        tree: &GrowingTree<Target>,
        place: &Place<Target, PAIR_DEPTH>,
        active: Target,
        [left, right]: [DigestTarget; 2],
    ) -> DigestTarget {
        let zero = self.builder.zero();
        let old_left = self.scale(tree.is_odd_leaf_in, tree.odd_leaf);
        let [old, new] = [[old_left, [zero; 4]], [left, right]].map(|[left, right]| {
            let pair = gadgets::hash(self.builder, NODE, &pair(left, right));
            gadgets::climb(self.builder, pair, &place.bits, &place.siblings)
        });
        self.digests_equal_when(constraint, active, old, tree.root);
        self.select(active, new, tree.root)
    }

    /// Notes of a deposit or a transaction, or none at a block's end.
    fn notes(&mut self, unit: &Unit<'_>, deposited: DigestTarget) -> GrowingTree<Target> {
        let tree = &unit.before.notes;
        let values = unit.values;
        let odd = values.note_parity;
        self.assert_flag(Constraint::NoteParityIsABit, odd);
        let pairs = self.number(&values.note_place.bits);
        self.enforce(Constraint::NoteIndex, |builder| {
            let index = builder.mul_const_add(F::from_canonical_u64(2), pairs, odd);
            builder.connect(index, tree.count);
        });

        let [first, second] = values.effects.commitments;
        let deposited = self.scale(unit.deposit, deposited);
        let first = self.add_scaled(unit.transaction, first, deposited);
        let second = self.scale(unit.transaction, second);
        let left = self.select(odd, tree.odd_leaf, first);
        let right = self.select(odd, first, second);
        let root = self.append(
            Constraint::NotePath,
            tree,
            &values.note_place,
            unit.any,
            [left, right],
        );

        // Of two notes after an odd count the second waits; one note after an even count is the odd leaf; without notes nothing changes.
        let builder = &mut *self.builder;
        let adds = builder.add(unit.deposit, unit.transaction);
        let one = builder.one();
        let keeps = builder.sub(one, adds);
        let even = builder.sub(one, odd);
        let waits = builder.mul(unit.transaction, odd);
        let nothing_waits = builder.sub(one, waits);
        let is_odd_leaf_in = builder.select(
            BoolTarget::new_unsafe(unit.any),
            nothing_waits,
            tree.is_odd_leaf_in,
        );
        let count = builder.add(tree.count, unit.deposit);
        let count = builder.mul_const_add(F::from_canonical_u64(2), unit.transaction, count);
        let kept = self.scale(keeps, tree.odd_leaf);
        let kept = self.add_scaled(odd, second, kept);
        GrowingTree {
            root,
            count,
            odd_leaf: self.add_scaled(even, deposited, kept),
            is_odd_leaf_in,
        }
    }

    /// The nullifier tree and the archive: a transaction's low leaves, or a block's header through the first of their places.
    fn nullifiers_and_archive(&mut self, unit: &Unit<'_>) -> (GrowingTree<Target>, DigestTarget) {
        let before = unit.before;
        let tree = &before.nullifiers;
        let values = unit.values;
        let [first_low, second_low] = &values.low_leaves;
        let [first, second] = values.effects.nullifiers.map(key);

        let pairs = self.number(&values.nullifier_place.bits);
        self.enforce(Constraint::NullifierIndex, |builder| {
            let even = builder.add(pairs, pairs);
            let index = builder.add_const(even, F::ONE);
            builder.connect(index, tree.count);
        });
        let first_leaf = self.leaf(first, first_low.next_key);
        let first_leaf = self.scale(unit.transaction, first_leaf);
        let active = self.builder.add(unit.transaction, unit.block_end);
        let place = &values.nullifier_place;
        let appended = self.append(
            Constraint::NullifierPath,
            tree,
            place,
            active,
            [tree.odd_leaf, first_leaf],
        );

        self.encloses(first_low, first);
        let (old, new) = self.relinked(first_low, first);
        let old = self.scale(unit.transaction, old);
        let new = self.scale(unit.transaction, new);
        let new = self.add_scaled(unit.block_end, unit.header_hash, new);
        let [old_root, new_root] = [old, new].map(|leaf| self.root(leaf, first_low));
        self.digests_equal_when(Constraint::FirstLowPath, unit.transaction, old_root, appended);
        self.digests_equal_when(Constraint::ArchivePath, unit.block_end, old_root, before.archive);
        let index = self.number(&first_low.place.bits);
        self.equal_when(Constraint::ArchiveIndex, unit.block_end, index, before.number);
        let archive = self.select(unit.block_end, new_root, before.archive);

        self.encloses(second_low, second);
        let (old, new) = self.relinked(second_low, second);
        let [old_root, last_root] = [old, new].map(|leaf| self.root(leaf, second_low));
        self.digests_equal_when(Constraint::SecondLowPath, unit.transaction, old_root, new_root);

        let waiting = self.leaf(second, second_low.next_key);
        let builder = &mut *self.builder;
        let one = builder.one();
        let idle = builder.sub(one, active);
        let is_odd_leaf_in = builder.mul_add(idle, tree.is_odd_leaf_in, unit.block_end);
        let count = builder.mul_const_add(F::from_canonical_u64(2), unit.transaction, tree.count);
        let nullifiers = GrowingTree {
            root: self.select(unit.transaction, last_root, appended),
            count,
            odd_leaf: self.select(unit.transaction, waiting, tree.odd_leaf),
            is_odd_leaf_in,
        };
        (nullifiers, archive)
    }

    fn leaf(&mut self, [k0, k1]: [Target; 2], [n0, n1]: [Target; 2]) -> DigestTarget {
        gadgets::hash(self.builder, NULLIFIER_LEAF, &[k0, k1, n0, n1])
    }

    fn root(&mut self, leaf: DigestTarget, low: &LowValues<Target>) -> DigestTarget {
        gadgets::merkle_root(self.builder, leaf, &low.place.bits, &low.place.siblings)
    }

    /// A low leaf before and after `key` becomes its successor.
    fn relinked(&mut self, low: &LowValues<Target>, key: [Target; 2]) -> (DigestTarget, DigestTarget) {
        (self.leaf(low.key, low.next_key), self.leaf(low.key, key))
    }

    /// `low.key < key`, and `key < low.next_key` or there is no next key. In every unit: padding has keys in order too.
    fn encloses(&mut self, low: &LowValues<Target>, key: [Target; 2]) {
        self.assert_flag(Constraint::LastFlag, low.is_last);
        for element in low.next_key {
            self.enforce(Constraint::LastHasNoNext, |builder| {
                let product = builder.mul(low.is_last, element);
                builder.assert_zero(product);
            });
        }
        self.assert_less(low.key, key, &low.below, None);
        self.assert_less(key, low.next_key, &low.above, Some(low.is_last));
    }

    /// In a transaction the header is under the parent's archive; in a block end it is that of the boundary.
    fn header_is_of_an_archived_block_or_this(
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

    fn settlement_hash(&mut self, unit: &Unit<'_>) -> DigestTarget {
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
    fn block(
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

    fn tx_chain(&mut self, unit: &Unit<'_>, tx_hash: DigestTarget) -> DigestTarget {
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

const fn key([k0, k1, _, _]: DigestTarget) -> [Target; 2] {
    [k0, k1]
}

const fn pair(a: DigestTarget, b: DigestTarget) -> [Target; 8] {
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
