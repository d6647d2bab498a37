//! The free values of a unit, once as field elements and once as targets: one struct for both, so that the two sides cannot differ in
//! order or number.

use agoge_protocol::limits::TREE_DEPTH;
use agoge_protocol::transaction::nullifier_key;
use agoge_protocol::{Digest, Element, Header, address_limbs};
use agoge_state_transition::MerklePath;
use agoge_state_transition::witness::{
    BlockEndStep, DepositStep, LowLeaf, PairPath, StateBoundary, StateStep, StepError, TransactionStep,
};
use plonky2::field::types::Field;

use super::order::OrderValues;
use crate::F;
use crate::field::{digest, element};

/// Levels of an append path: the pair's own is none of them.
pub(super) const PAIR_DEPTH: usize = TREE_DEPTH - 1;

/// Which kind a unit is: one flag is 1, or none for padding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind<T> {
    pub(super) deposit: T,
    pub(super) transaction: T,
    pub(super) block_end: T,
}

/// A place in a tree: index bits, least significant first, and siblings, lowest first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<T, const N: usize> {
    pub(super) bits: [T; N],
    pub(super) siblings: [[T; 4]; N],
}

/// A leaf of the nullifier tree that encloses a key. In a block end the first one's place is the header's in the archive.
#[derive(Clone, Debug)]
pub(super) struct LowValues<T> {
    pub(super) key: [T; 2],
    pub(super) next_key: [T; 2],
    /// Whether no key follows, so that `next_key` is zero.
    pub(super) is_last: T,
    pub(super) place: Place<T, TREE_DEPTH>,
    /// Of `key` and the nullifier's key.
    pub(super) below: OrderValues<T>,
    /// Of the nullifier's key and `next_key`.
    pub(super) above: OrderValues<T>,
}

/// What a transaction shows of itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct EffectsValues<T> {
    pub(super) nullifiers: [[T; 4]; 2],
    pub(super) commitments: [[T; 4]; 2],
    pub(super) fee: T,
    pub(super) withdrawal_amount: T,
    pub(super) recipient: [T; 3],
    pub(super) ciphertext_hash: [T; 4],
    /// `1 / withdrawal_amount`, or anything for amount 0.
    pub(super) amount_inverse: T,
}

/// All free values of a unit.
#[derive(Clone, Debug)]
pub(super) struct UnitValues<T> {
    pub(super) kind: Kind<T>,
    pub(super) deposit_partial: [T; 4],
    pub(super) deposit_value: T,
    pub(super) effects: EffectsValues<T>,
    /// Of the anchor in a transaction, of the block in a block end.
    pub(super) header: [T; Header::LEN],
    pub(super) anchor_place: Place<T, TREE_DEPTH>,
    /// Lowest bit of the note count.
    pub(super) note_parity: T,
    pub(super) note_place: Place<T, PAIR_DEPTH>,
    pub(super) nullifier_place: Place<T, PAIR_DEPTH>,
    pub(super) low_leaves: [LowValues<T>; 2],
}

/// Takes the next values, or lists them: the order of both.
pub(super) fn array<T, const N: usize>(next: &mut impl FnMut() -> T) -> [T; N] {
    core::array::from_fn(|_| next())
}

impl<T: Copy, const N: usize> Place<T, N> {
    fn from_fn(next: &mut impl FnMut() -> T) -> Self {
        Self {
            bits: array(next),
            siblings: core::array::from_fn(|_| array(next)),
        }
    }

    fn extend(&self, list: &mut Vec<T>) {
        list.extend(self.bits);
        list.extend(self.siblings.iter().flatten());
    }
}

impl<T: Copy> LowValues<T> {
    fn from_fn(next: &mut impl FnMut() -> T) -> Self {
        Self {
            key: array(next),
            next_key: array(next),
            is_last: next(),
            place: Place::from_fn(next),
            below: OrderValues::from_fn(next),
            above: OrderValues::from_fn(next),
        }
    }

    fn extend(&self, list: &mut Vec<T>) {
        list.extend(self.key);
        list.extend(self.next_key);
        list.push(self.is_last);
        self.place.extend(list);
        self.below.extend(list);
        self.above.extend(list);
    }
}

impl<T: Copy> EffectsValues<T> {
    fn from_fn(next: &mut impl FnMut() -> T) -> Self {
        Self {
            nullifiers: core::array::from_fn(|_| array(next)),
            commitments: core::array::from_fn(|_| array(next)),
            fee: next(),
            withdrawal_amount: next(),
            recipient: array(next),
            ciphertext_hash: array(next),
            amount_inverse: next(),
        }
    }

    fn extend(&self, list: &mut Vec<T>) {
        list.extend(self.nullifiers.iter().chain(&self.commitments).flatten());
        list.extend([self.fee, self.withdrawal_amount]);
        list.extend(self.recipient);
        list.extend(self.ciphertext_hash);
        list.push(self.amount_inverse);
    }

    /// The input of `TX_EFFECTS`.
    pub(super) fn hash_input(&self) -> [T; 25] {
        let [n0, n1] = self.nullifiers;
        let [c0, c1] = self.commitments;
        let mut out = [self.fee; 25];
        let list = [n0, n1, c0, c1]
            .into_iter()
            .flatten()
            .chain([self.fee, self.withdrawal_amount])
            .chain(self.recipient)
            .chain(self.ciphertext_hash);
        for (slot, value) in out.iter_mut().zip(list) {
            *slot = value;
        }
        out
    }
}

impl<T: Copy> UnitValues<T> {
    /// Takes every value from `next`.
    pub(super) fn from_fn(mut next: impl FnMut() -> T) -> Self {
        let next = &mut next;
        Self {
            kind: Kind {
                deposit: next(),
                transaction: next(),
                block_end: next(),
            },
            deposit_partial: array(next),
            deposit_value: next(),
            effects: EffectsValues::from_fn(next),
            header: array(next),
            anchor_place: Place::from_fn(next),
            note_parity: next(),
            note_place: Place::from_fn(next),
            nullifier_place: Place::from_fn(next),
            low_leaves: core::array::from_fn(|_| LowValues::from_fn(next)),
        }
    }

    /// Every value, in the order of [`Self::from_fn`].
    pub(super) fn to_list(&self) -> Vec<T> {
        let mut list = Vec::new();
        list.extend([self.kind.deposit, self.kind.transaction, self.kind.block_end]);
        list.extend(self.deposit_partial);
        list.push(self.deposit_value);
        self.effects.extend(&mut list);
        list.extend(self.header);
        self.anchor_place.extend(&mut list);
        list.push(self.note_parity);
        self.note_place.extend(&mut list);
        self.nullifier_place.extend(&mut list);
        for low in &self.low_leaves {
            low.extend(&mut list);
        }
        list
    }
}

impl UnitValues<F> {
    /// A unit that changes nothing. Places follow the counts in every unit, and keys are in order, so both must fit here too.
    pub(super) fn padding(genesis_id: Digest, before: &StateBoundary) -> Self {
        let mut values = Self::from_fn(|| F::ZERO);
        for (slot, limb) in values.header.iter_mut().zip(digest(genesis_id)) {
            *slot = limb;
        }
        values.note_parity = F::from_bool(before.notes.count & 1 == 1);
        values.note_place.bits = bits(before.notes.count >> 1);
        values.nullifier_place.bits = bits(before.nullifiers.count >> 1);
        let key = [Element::ZERO, Element::from_u32(1)];
        for (low, nullifier) in values.low_leaves.iter_mut().zip(&mut values.effects.nullifiers) {
            let [first, second, ..] = nullifier;
            [*first, *second] = key.map(element);
            low.enclose([Element::ZERO; 2], key, [Element::ZERO; 2]);
        }
        values
    }

    /// The values of a step that applies to the boundary before it.
    ///
    /// # Errors
    /// [`StepError`] when the step does not apply.
    pub(super) fn of_step(
        genesis_id: Digest,
        before: &StateBoundary,
        after: &StateBoundary,
        step: &StateStep,
    ) -> Result<Self, StepError> {
        let mut values = Self::padding(genesis_id, before);
        match step {
            StateStep::Deposit(step) => values.set_deposit(step)?,
            StateStep::Transaction(step) => values.set_transaction(step)?,
            StateStep::BlockEnd(step) => values.set_block_end(genesis_id, before, after, step)?,
        }
        Ok(values)
    }

    fn set_deposit(&mut self, step: &DepositStep) -> Result<(), StepError> {
        self.kind.deposit = F::ONE;
        self.deposit_partial = digest(step.partial);
        self.deposit_value = element(Element::new(step.value)?);
        self.note_place.siblings = pair_siblings(&step.note_path);
        Ok(())
    }

    fn set_transaction(&mut self, step: &TransactionStep) -> Result<(), StepError> {
        let inputs = &step.inputs;
        let withdrawal = inputs.withdrawal();
        let amount = element(Element::new(withdrawal.amount)?);
        self.kind.transaction = F::ONE;
        self.effects = EffectsValues {
            nullifiers: inputs.nullifiers().map(digest),
            commitments: inputs.commitments().map(digest),
            fee: element(Element::new(inputs.fee())?),
            withdrawal_amount: amount,
            recipient: address_limbs(withdrawal.recipient).map(element),
            ciphertext_hash: digest(inputs.ciphertext_hash()),
            amount_inverse: amount.try_inverse().unwrap_or(F::ZERO),
        };
        self.header = step.anchor_header.to_elements()?.map(element);
        self.anchor_place = place(&step.anchor_path);
        self.note_place.siblings = pair_siblings(&step.note_path);
        self.nullifier_place.siblings = pair_siblings(&step.nullifier_path);
        let keys = inputs.nullifiers().each_ref().map(nullifier_key);
        for ((low, step), key) in self.low_leaves.iter_mut().zip(&step.low_leaves).zip(keys) {
            let LowLeaf {
                key: low_key,
                next_key,
                path,
            } = step;
            low.enclose(*low_key, key, *next_key);
            low.place = place(path);
        }
        Ok(())
    }

    fn set_block_end(
        &mut self,
        genesis_id: Digest,
        before: &StateBoundary,
        after: &StateBoundary,
        step: &BlockEndStep,
    ) -> Result<(), StepError> {
        let whole = StateBoundary {
            notes: after.notes,
            nullifiers: after.nullifiers,
            ..*before
        };
        let header = whole.header(genesis_id, step)?;
        self.kind.block_end = F::ONE;
        self.header = header.to_elements()?.map(element);
        self.note_place.siblings = pair_siblings(&step.note_path);
        self.nullifier_place.siblings = pair_siblings(&step.nullifier_path);
        let [archive, _] = &mut self.low_leaves;
        archive.place = Place {
            bits: bits(before.number.get()),
            siblings: step.archive_siblings.map(digest),
        };
        Ok(())
    }
}

impl LowValues<F> {
    /// Sets keys and what shows their order.
    pub(super) fn enclose(&mut self, low: [Element; 2], key: [Element; 2], next: [Element; 2]) {
        self.key = low.map(element);
        self.next_key = next.map(element);
        self.is_last = F::from_bool(next == [Element::ZERO; 2]);
        self.below = OrderValues::of(low, key);
        self.above = OrderValues::of(key, next);
    }
}

fn place(path: &MerklePath) -> Place<F, TREE_DEPTH> {
    Place {
        bits: bits(path.index),
        siblings: path.siblings.map(digest),
    }
}

fn pair_siblings(path: &PairPath) -> [[F; 4]; PAIR_DEPTH] {
    path.siblings.map(digest)
}

/// Least significant first.
pub(super) fn bits<const N: usize>(mut number: u64) -> [F; N] {
    core::array::from_fn(|_| {
        let bit = F::from_bool(number & 1 == 1);
        number >>= 1;
        bit
    })
}
