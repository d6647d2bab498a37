//! The free values of a unit, natively and as targets.

use agoge_protocol::limits::CIPHERTEXT_ELEMENTS;
use agoge_protocol::{Digest, Header, NotCanonical, TxEffects};
use agoge_state_transition::blob::tx_coefficients;
use plonky2::field::types::Field;

use super::input::SettlementStep;
use crate::F;
use crate::field::{digest, element};

/// Elements of a header before its settlement hash.
pub(super) const HEADER_HEAD: usize = 22;
/// Elements of a header that the running state does not fix: all but settlement hash, effects hash and transaction count.
const HEADER_FREE: usize = HEADER_HEAD + 4;

/// Everything that a prover chooses in a unit. What the unit's kind has no use for is 0 in an honest witness.
#[derive(Clone, Debug)]
pub(super) struct UnitValues<T> {
    /// 0 or 1, at most one of the three.
    pub(super) is_deposit: T,
    pub(super) is_tx: T,
    pub(super) is_end: T,
    pub(super) deposit_partial: [T; 4],
    pub(super) deposit_value: T,
    /// Nullifier 0, nullifier 1, commitment 0, commitment 1.
    pub(super) digests: [[T; 4]; 4],
    /// Limbs of 28, 28 and 4 bits.
    pub(super) fee: [T; 3],
    /// As the fee.
    pub(super) amount: [T; 3],
    /// Inverse of the amount, 0 for 0.
    pub(super) amount_inverse: T,
    /// Bits 0-27, 28-47, 48-55, 56-83, 84-103, 104-111, 112-139 and 140-159 of the recipient's number.
    pub(super) recipient: [T; 8],
    /// Limbs of 28 bits of each ciphertext element.
    pub(super) ciphertexts: [[T; 2]; 2 * CIPHERTEXT_ELEMENTS],
    /// Genesis id, number, slot, timestamp, parent archive, note root and count, nullifier root and count, inbox end.
    pub(super) header_head: [T; HEADER_HEAD],
    pub(super) fee_recipient: [T; 3],
    pub(super) total_fees: T,
    /// Archive root after the block.
    pub(super) archive: [T; 4],
}

impl<T: Copy> UnitValues<T> {
    /// Values in the order of the fields.
    pub(super) fn from_fn(mut next: impl FnMut() -> T) -> Self {
        Self {
            is_deposit: next(),
            is_tx: next(),
            is_end: next(),
            deposit_partial: core::array::from_fn(|_| next()),
            deposit_value: next(),
            digests: core::array::from_fn(|_| core::array::from_fn(|_| next())),
            fee: core::array::from_fn(|_| next()),
            amount: core::array::from_fn(|_| next()),
            amount_inverse: next(),
            recipient: core::array::from_fn(|_| next()),
            ciphertexts: core::array::from_fn(|_| core::array::from_fn(|_| next())),
            header_head: core::array::from_fn(|_| next()),
            fee_recipient: core::array::from_fn(|_| next()),
            total_fees: next(),
            archive: core::array::from_fn(|_| next()),
        }
    }

    /// The values in the order of [`Self::from_fn`].
    pub(super) fn to_list(&self) -> Vec<T> {
        let mut list = vec![self.is_deposit, self.is_tx, self.is_end];
        list.extend(self.deposit_partial);
        list.push(self.deposit_value);
        list.extend(self.digests.as_flattened());
        list.extend(self.fee);
        list.extend(self.amount);
        list.push(self.amount_inverse);
        list.extend(self.recipient);
        list.extend(self.ciphertexts.as_flattened());
        list.extend(self.header_head);
        list.extend(self.fee_recipient);
        list.push(self.total_fees);
        list.extend(self.archive);
        list
    }
}

impl UnitValues<F> {
    /// A unit that changes nothing.
    pub(super) fn padding() -> Self {
        Self::from_fn(|| F::ZERO)
    }

    /// The unit of a step.
    pub(super) fn new(step: &SettlementStep) -> Result<Self, NotCanonical> {
        let mut values = Self::padding();
        match step {
            SettlementStep::Deposit(deposit) => {
                values.is_deposit = F::ONE;
                values.deposit_partial = digest(deposit.partial);
                values.deposit_value = element(agoge_protocol::Element::new(deposit.value)?);
            }
            SettlementStep::Transaction(effects) => values.set_transaction(effects),
            SettlementStep::BlockEnd { header, archive } => values.set_block_end(header, *archive)?,
        }
        Ok(values)
    }

    fn set_transaction(&mut self, effects: &TxEffects) {
        self.is_tx = F::ONE;
        let [nullifier_0, nullifier_1] = effects.nullifiers;
        let [commitment_0, commitment_1] = effects.commitments;
        self.digests = [nullifier_0, nullifier_1, commitment_0, commitment_1].map(digest);
        let coefficients = tx_coefficients(effects);
        // Behind the limbs of the digests.
        let mut limbs = coefficients.as_flattened().iter().copied().skip(4 * 4 * 3);
        let mut next = || limbs.next().unwrap_or(0); // There are 117.
        self.fee = core::array::from_fn(|_| F::from_canonical_u32(next()));
        self.amount = core::array::from_fn(|_| F::from_canonical_u32(next()));
        let amount = F::from_noncanonical_u64(effects.withdrawal.amount);
        self.amount_inverse = amount.try_inverse().unwrap_or(F::ZERO);
        let [a, b, c, d, e, f] = core::array::from_fn(|_| next());
        let (low, high) = (|limb: u32| limb & 0xf_ffff, |limb: u32| limb >> 20);
        self.recipient = [a, low(b), high(b), c, low(d), high(d), e, f].map(F::from_canonical_u32);
        self.ciphertexts = core::array::from_fn(|_| core::array::from_fn(|_| F::from_canonical_u32(next())));
    }

    fn set_block_end(&mut self, header: &Header, archive: Digest) -> Result<(), NotCanonical> {
        self.is_end = F::ONE;
        let elements = header.to_elements()?.map(element);
        for (slot, value) in self.header_head.iter_mut().zip(elements) {
            *slot = value;
        }
        let [.., recipient_0, recipient_1, recipient_2, total_fees, _] = elements;
        self.fee_recipient = [recipient_0, recipient_1, recipient_2];
        self.total_fees = total_fees;
        self.archive = digest(archive);
        Ok(())
    }
}

const _: () = assert!(
    HEADER_FREE + 4 + 4 + 1 == Header::LEN,
    "the header's other elements come from the running state"
);
