//! One unit of the settlement track as constraints.
//!
//! Given the running state and the challenges, a unit is a deposit, a transaction, a block end or padding, and the state after
//! it is:
//!
//! | | deposit | transaction | block end |
//! |---|---|---|---|
//! | settlement hash | `DEPOSIT_STEP` | `WITHDRAWAL_STEP` if the amount is not 0 | 0 |
//! | effects hash | | `EFFECTS_STEP` of the transaction's `TX_EFFECTS` and `CIPHERTEXTS` | 0 |
//! | header chain | | | `HEADER_CHAIN_STEP` of the header with this settlement hash, effects hash and count |
//! | counts | deposits + 1 | transactions + 1, withdrawals + 1 if the amount is not 0 | 0, blocks + 1 |
//! | fingerprint | 5 elements | 4 if the amount is not 0 | 14 |
//! | blobs: block h | | `h u^13 + sum_k c_k u^(12-k)` | 0 |
//! | blobs: weight w | | `w z^13` | `base z^4096` |
//! | blobs: base | | | `base z^4096` |
//! | blobs: total | | | `total + w h + base c_0` |
//!
//! An empty field keeps its value; padding changes nothing. The four numbers of the blobs take two reductions: whatever is
//! multiplied is chosen before the product.

use agoge_state_transition::blob::TX_COEFFICIENTS;
use agoge_state_transition::hash::{
    CIPHERTEXTS, DEPOSIT_STEP, EFFECTS_STEP, HEADER, HEADER_CHAIN_STEP, TX_EFFECTS, WITHDRAWAL_STEP,
};
use plonky2::field::types::Field;
use plonky2::iop::target::Target;
use plonky2::util::reducing::ReducingFactorTarget;

use super::boundary::BoundaryTargets;
use super::choice::Choice;
use super::powers::Powers;
use super::scalar::{self, COLUMNS, ColumnsTarget, LIMB_BITS, ScalarTarget};
use super::values::UnitValues;
use crate::gadgets::{self, DigestTarget};
use crate::{Builder, F};

/// The constraints of a leaf that are not wiring. Each has a test in which only this one is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Constraint {
    PointLimbs,
    InverseLimbs,
    Inverse,
    KindIsBoolean,
    OneKind,
    WithdrawalOfSomething,
    FeeLimbs,
    AmountLimbs,
    RecipientLimbs,
    CiphertextLimbs,
    TxCountLimb,
}

/// Limbs of a coefficient of a blob.
const COEFFICIENT_LIMBS: usize = 9;
/// Limbs of a transaction's coefficients.
const TX_LIMBS: usize = COEFFICIENT_LIMBS * TX_COEFFICIENTS;

/// A transaction's quantities, twice: as elements for its hash, as limbs for its blob.
struct Transaction {
    recipient: [Target; 3],
    amount: Target,
    effects_hash: DigestTarget,
    limbs: [Target; TX_LIMBS],
}

/// Which kind a unit is, and what follows from it; each is 0 or 1.
struct Kind {
    is_deposit: Target,
    is_tx: Target,
    is_end: Target,
    /// A transaction with an amount that is not 0.
    is_withdrawal: Target,
    is_not_end: Target,
    /// Neither transaction nor block end.
    is_idle: Target,
    /// Leaves the settlement hash and the list alone.
    is_silent: Target,
}

/// Adds units to a leaf.
pub(super) struct Unit<'a> {
    pub(super) builder: &'a mut Builder,
    pub(super) powers: &'a Powers,
    /// Left out by tests; the product's circuit has all.
    pub(super) omitted: Option<Constraint>,
}

impl Unit<'_> {
    /// The state after a unit.
    pub(super) fn step(&mut self, values: &UnitValues<Target>, state: &BoundaryTargets) -> BoundaryTargets {
        let tx = self.transaction(values);
        let kind = self.kind(values, tx.amount);
        let b = &mut *self.builder;

        let [header_chain, deposit, withdrawal, effects] = [
            header_chain(b, values, state),
            deposit_step(b, values, state),
            gadgets::hash(
                b,
                WITHDRAWAL_STEP,
                &joined(&[&state.settlement, &tx.recipient, &[tx.amount]]),
            ),
            gadgets::hash(b, EFFECTS_STEP, &joined(&[&state.effects, &tx.effects_hash])),
        ];
        let end = Choice::new([kind.is_end, kind.is_not_end, b.zero()]);
        let work = Choice::new([kind.is_tx, kind.is_end, kind.is_idle]);
        let entry = Choice::new([kind.is_end, kind.is_deposit, kind.is_withdrawal]);
        let zero = [b.zero(); 4];

        let stepped = entry.choose(b, [&zero, &deposit, &withdrawal]);
        let mut settlement = stepped;
        for (slot, before) in settlement.iter_mut().zip(state.settlement) {
            *slot = b.mul_add(kind.is_silent, before, *slot);
        }
        let fingerprint = self.fingerprint(values, &tx, &kind, state, entry);
        let [total, block, weight, base] = self.blobs(&tx, &kind, state, end, work);

        let b = &mut *self.builder;
        let counted = |b: &mut Builder, count, is_one_more| b.mul_add(kind.is_not_end, count, is_one_more);
        BoundaryTargets {
            header_chain: end.choose(b, [&header_chain, &state.header_chain, &zero]),
            fingerprint,
            total,
            block,
            weight,
            base,
            effects: work.choose(b, [&effects, &zero, &state.effects]),
            settlement,
            tx_count: counted(b, state.tx_count, kind.is_tx),
            deposit_count: counted(b, state.deposit_count, kind.is_deposit),
            withdrawal_count: counted(b, state.withdrawal_count, kind.is_withdrawal),
            block_count: b.add(state.block_count, kind.is_end),
        }
    }

    /// Adds constraints, unless they are the omitted ones.
    fn enforce(&mut self, constraint: Constraint, constrain: impl FnOnce(&mut Builder)) {
        if self.omitted != Some(constraint) {
            constrain(self.builder);
        }
    }

    /// The quantities of a transaction, whose limbs this constrains, and their hash.
    fn transaction(&mut self, values: &UnitValues<Target>) -> Transaction {
        self.enforce(Constraint::FeeLimbs, |b| assert_value_limbs(b, &values.fee));
        self.enforce(Constraint::AmountLimbs, |b| assert_value_limbs(b, &values.amount));
        self.enforce(Constraint::RecipientLimbs, |b| {
            assert_recipient_limbs(b, &values.recipient)
        });
        self.enforce(Constraint::CiphertextLimbs, |b| {
            for limb in values.ciphertexts.as_flattened() {
                scalar::assert_limb(b, *limb);
            }
        });

        let b = &mut *self.builder;
        let fee = number(b, &values.fee, &[LIMB_BITS, 2 * LIMB_BITS]);
        let amount = number(b, &values.amount, &[LIMB_BITS, 2 * LIMB_BITS]);
        let [r0, r1, r2, r3, r4, r5, r6, r7] = values.recipient;
        // 28 + 20 bits, 8 + 28 + 20, 8 + 28 + 20; most significant first.
        let recipient = [
            number(b, &[r5, r6, r7], &[8, 36]),
            number(b, &[r2, r3, r4], &[8, 36]),
            number(b, &[r0, r1], &[28]),
        ];
        let ciphertexts = values.ciphertexts.map(|limbs| number(b, &limbs, &[LIMB_BITS]));
        let ciphertext_hash = gadgets::hash(b, CIPHERTEXTS, &ciphertexts);
        let digests = values.digests.as_flattened();
        let effects_hash = gadgets::hash(
            b,
            TX_EFFECTS,
            &joined(&[digests, &[fee, amount], &recipient, &ciphertext_hash]),
        );

        let mut limbs: Vec<Target> = digests
            .iter()
            .flat_map(|element| scalar::split(b, *element))
            .collect();
        limbs.extend(values.fee);
        limbs.extend(values.amount);
        limbs.extend([
            r0,
            number(b, &[r1, r2], &[20]),
            r3,
            number(b, &[r4, r5], &[20]),
            r6,
            r7,
        ]);
        limbs.extend(values.ciphertexts.as_flattened());
        Transaction {
            recipient,
            amount,
            effects_hash,
            limbs: scalar::padded(b, &limbs),
        }
    }

    fn kind(&mut self, values: &UnitValues<Target>, amount: Target) -> Kind {
        let flags = [values.is_deposit, values.is_tx, values.is_end];
        let [is_deposit, is_tx, is_end] = flags;
        self.enforce(Constraint::KindIsBoolean, |b| {
            for flag in flags {
                assert_bit(b, flag);
            }
        });
        let sum = self.builder.add_many(flags);
        // Of bits: with two of them the sum is 2, with three 3.
        self.enforce(Constraint::OneKind, |b| assert_bit(b, sum));

        // With the amount 0 this is 0; with another it is 1 as soon as `amount (1 - is_some) = 0`.
        let is_some = self.builder.mul(amount, values.amount_inverse);
        self.enforce(Constraint::WithdrawalOfSomething, |b| {
            let rest = b.mul_sub(amount, is_some, amount);
            b.assert_zero(rest);
        });

        let b = &mut *self.builder;
        let one = b.one();
        let is_withdrawal = b.mul(is_tx, is_some);
        let is_not_end = b.sub(one, is_end);
        let is_idle = b.sub(is_not_end, is_tx);
        let is_silent = b.sub(is_not_end, is_deposit);
        let is_silent = b.sub(is_silent, is_withdrawal);
        Kind {
            is_deposit,
            is_tx,
            is_end,
            is_withdrawal,
            is_not_end,
            is_idle,
            is_silent,
        }
    }

    /// `accumulator * alpha^n + sum_i elements_i alpha^(n-1-i)` for the n elements that this kind of unit adds to the list.
    fn fingerprint(
        &mut self,
        values: &UnitValues<Target>,
        tx: &Transaction,
        kind: &Kind,
        state: &BoundaryTargets,
        entry: Choice,
    ) -> [Target; 2] {
        let b = &mut *self.builder;
        let [_, _, _, _, _, slot, timestamp, .., inbox_end] = values.header_head;
        let counts = [state.tx_count, state.deposit_count, state.withdrawal_count];
        let block: [Target; 14] = joined(&[
            &[slot, timestamp],
            &values.fee_recipient,
            &[values.total_fees, inbox_end],
            &values.archive,
            &counts,
        ]);
        // Last element first, so that shorter entries are followed by zeros.
        let reversed = |b: &mut Builder, list: &[Target]| {
            let reversed: Vec<Target> = list.iter().rev().copied().collect();
            scalar::padded::<14>(b, &reversed)
        };
        let block = reversed(b, &block);
        let deposit: [Target; 5] = joined(&[&values.deposit_partial, &[values.deposit_value]]);
        let deposit = reversed(b, &deposit);
        let withdrawal: [Target; 4] = joined(&[&tx.recipient, &[tx.amount]]);
        let withdrawal = reversed(b, &withdrawal);
        let elements = entry.choose(b, [&block, &deposit, &withdrawal]);
        let added = ReducingFactorTarget::new(self.powers.alpha).reduce_base(&elements, b);

        let flags = [kind.is_end, kind.is_deposit, kind.is_withdrawal];
        let mut factor = b.convert_to_ext(kind.is_silent);
        for (flag, power) in flags.into_iter().zip(self.powers.entries) {
            let flag = b.convert_to_ext(flag);
            factor = b.mul_add_extension(flag, power, factor);
        }
        let accumulator = plonky2::iop::ext_target::ExtensionTarget(state.fingerprint);
        b.mul_add_extension(accumulator, factor, added).0
    }

    /// Total, block, weight and base after the unit.
    fn blobs(
        &mut self,
        tx: &Transaction,
        kind: &Kind,
        state: &BoundaryTargets,
        end: Choice,
        work: Choice,
    ) -> [ScalarTarget; 4] {
        // The count is a limb of c_0.
        self.enforce(Constraint::TxCountLimb, |b| {
            scalar::assert_limb(b, state.tx_count)
        });
        let polynomial = self.tx_polynomial(&tx.limbs);
        let b = &mut *self.builder;
        let zero: ScalarTarget = scalar::zero(b);
        let [.., tx_inverse] = self.powers.inverses;

        // A transaction: `polynomial + h u^13`; a block end: `total + h w + base c_0`; else anything.
        let total: ColumnsTarget = scalar::padded(b, &state.total);
        let nothing: ColumnsTarget = [b.zero(); COLUMNS];
        let before = work.choose(b, [&polynomial, &total, &nothing]);
        let factor = end.choose(b, [&state.weight, &tx_inverse, &zero]);
        let count = b.mul(kind.is_end, state.tx_count);
        // Version 1 and the count.
        let first: ScalarTarget = scalar::padded(b, &[kind.is_end, count]);
        let sum = scalar::multiply_add(b, [&state.block, &factor, &state.base, &first], &before);
        let sum = scalar::reduce(b, &sum);

        // A transaction: `w z^13`; a block end: `base z^4096`; else anything.
        let moved = end.choose(b, [&state.base, &state.weight, &zero]);
        let by = end.choose(b, [&self.powers.block_factor, &self.powers.tx_factor, &zero]);
        let moved = scalar::multiply(b, &moved, &by);

        [
            end.choose(b, [&sum, &state.total, &zero]),
            work.choose(b, [&sum, &zero, &state.block]),
            work.choose(b, [&moved, &moved, &state.weight]),
            end.choose(b, [&moved, &state.base, &zero]),
        ]
    }

    /// `sum_k c_k u^(12-k)`: at most 12 * 9 products of 28-bit limbs in a column, and a limb of `c_12`.
    fn tx_polynomial(&mut self, limbs: &[Target; TX_LIMBS]) -> ColumnsTarget {
        let b = &mut *self.builder;
        let (coefficients, _) = limbs.as_chunks::<COEFFICIENT_LIMBS>();
        let mut coefficients = coefficients.iter().rev();
        // The last has the factor 1.
        let last = coefficients.next().map_or(&[][..], |limbs| limbs);
        let mut columns: ColumnsTarget = scalar::padded(b, last);
        let coefficients: Vec<ScalarTarget> = coefficients.map(|limbs| scalar::padded(b, limbs)).collect();
        let pairs = coefficients.iter().zip(&self.powers.inverses).collect::<Vec<_>>();
        for pair in pairs.as_chunks::<2>().0 {
            let [(c, power_c), (d, power_d)] = *pair;
            columns = scalar::multiply_add(b, [c, power_c, d, power_d], &columns);
        }
        columns
    }
}

const _: () = assert!(TX_COEFFICIENTS % 2 == 1, "coefficients but the last go in pairs");

fn header_chain(b: &mut Builder, values: &UnitValues<Target>, state: &BoundaryTargets) -> DigestTarget {
    let header = joined(&[
        &values.header_head,
        &state.settlement,
        &state.effects,
        &values.fee_recipient,
        &[values.total_fees, state.tx_count],
    ]);
    let header_hash = gadgets::hash(b, HEADER, &header);
    let inputs = joined(&[&state.header_chain, &header_hash, &values.archive]);
    gadgets::hash(b, HEADER_CHAIN_STEP, &inputs)
}

fn deposit_step(b: &mut Builder, values: &UnitValues<Target>, state: &BoundaryTargets) -> DigestTarget {
    let inputs = joined(&[
        &state.settlement,
        &values.deposit_partial,
        &[values.deposit_value],
    ]);
    gadgets::hash(b, DEPOSIT_STEP, &inputs)
}

/// Limbs of 28, 28 and 4 bits.
fn assert_value_limbs(b: &mut Builder, limbs: &[Target; 3]) {
    let [low, middle, high] = *limbs;
    scalar::assert_limb(b, low);
    scalar::assert_limb(b, middle);
    scalar::assert_short_limb(b, high, 4);
}

/// Parts of 28, 20, 8, 28, 20, 8, 28 and 20 bits.
fn assert_recipient_limbs(b: &mut Builder, parts: &[Target; 8]) {
    for (part, bits) in parts.iter().zip([28, 20, 8, 28, 20, 8, 28, 20]) {
        if bits == LIMB_BITS {
            scalar::assert_limb(b, *part);
        } else {
            scalar::assert_short_limb(b, *part, bits);
        }
    }
}

/// `x = x^2`.
fn assert_bit(b: &mut Builder, x: Target) {
    let rest = b.mul_sub(x, x, x);
    b.assert_zero(rest);
}

/// `limbs[0] + sum_i limbs[i] 2^shifts[i-1]`.
fn number(b: &mut Builder, limbs: &[Target], shifts: &[usize]) -> Target {
    let mut limbs = limbs.iter();
    let mut sum = limbs.next().copied().unwrap_or_else(|| b.zero());
    for (limb, shift) in limbs.zip(shifts) {
        sum = b.mul_const_add(F::from_canonical_u64(1 << shift), *limb, sum);
    }
    sum
}

/// Lists one behind the other, as many elements as the caller's type says.
fn joined<const N: usize>(lists: &[&[Target]]) -> [Target; N] {
    let list = lists.concat();
    debug_assert_eq!(list.len(), N);
    let mut out = [Target::VirtualTarget { index: 0 }; N];
    for (slot, target) in out.iter_mut().zip(list) {
        *slot = target;
    }
    out
}
