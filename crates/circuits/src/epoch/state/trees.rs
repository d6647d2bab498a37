//! What a unit does to the three trees.

use agoge_state_transition::hash::{DEPOSIT_RHO, NODE, NOTE, NULLIFIER_LEAF};
use plonky2::field::types::Field;
use plonky2::iop::target::{BoolTarget, Target};

use super::boundary::GrowingTree;
use super::unit::{Constraint, Relation, Unit, pair};
use super::values::{LowValues, PAIR_DEPTH, Place};
use crate::F;
use crate::gadgets::{self, DigestTarget};

impl Relation<'_> {
    pub(super) fn deposited_note(
        &mut self,
        partial: DigestTarget,
        value: Target,
        inbox_index: Target,
    ) -> DigestTarget {
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
    pub(super) fn notes(&mut self, unit: &Unit<'_>, deposited: DigestTarget) -> GrowingTree<Target> {
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
    pub(super) fn nullifiers_and_archive(&mut self, unit: &Unit<'_>) -> (GrowingTree<Target>, DigestTarget) {
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
}

const fn key([k0, k1, _, _]: DigestTarget) -> [Target; 2] {
    [k0, k1]
}
