//! A transaction's effects as 117 limbs of 28 bits: 112 and five zeros.

use agoge_protocol::limits::{CIPHERTEXT_ELEMENTS, VALUE_BITS};
use agoge_protocol::{Address, Ciphertext, Digest, Element, TxEffects, Withdrawal};

use super::{BlobError, TX_COEFFICIENTS};

/// Bits of a limb.
pub(super) const LIMB_BITS: u32 = 28;
/// Limbs of a coefficient.
pub(super) const COEFFICIENT_LIMBS: usize = 9;
/// Nine limbs, least significant first, each `< 2^28`.
pub type Coefficient = [u32; COEFFICIENT_LIMBS];

const LIMB_MASK: u64 = (1 << LIMB_BITS) - 1;

pub(super) fn write_tx(tx: &TxEffects) -> [Coefficient; TX_COEFFICIENTS] {
    let mut out = [[0; COEFFICIENT_LIMBS]; TX_COEFFICIENTS];
    let [n0, n1] = tx.nullifiers;
    let [c0, c1] = tx.commitments;
    let elements = [n0, n1, c0, c1]
        .into_iter()
        .flat_map(|digest| digest.0.map(Element::get));
    let values = [tx.fee, tx.withdrawal.amount];
    let ciphertexts = tx.ciphertexts.iter().flat_map(|ciphertext| ciphertext.elements());
    let limbs = elements
        .chain(values)
        .flat_map(split::<3>)
        .chain(split_address(tx.withdrawal.recipient))
        .chain(ciphertexts.flat_map(|element| split::<2>(element.get())));
    for (slot, limb) in out.as_flattened_mut().iter_mut().zip(limbs) {
        *slot = limb;
    }
    out
}

/// The lowest `28 * N` bits, at most 64.
fn split<const N: usize>(number: u64) -> [u32; N] {
    let mut rest = number;
    core::array::from_fn(|_| {
        let limb = u32::try_from(rest & LIMB_MASK).unwrap_or(0); // 28 bits always fit.
        rest >>= LIMB_BITS;
        limb
    })
}

fn split_address(address: Address) -> [u32; 6] {
    let mut rest = address.0.0;
    core::array::from_fn(|_| {
        // Divide the number by 2^28; the remainder is the limb.
        let mut remainder = 0_u64;
        for byte in &mut rest {
            let current = (remainder << 8) | u64::from(*byte);
            *byte = u8::try_from(current >> LIMB_BITS).unwrap_or(0); // The remainder has 28 bits, so the quotient 8.
            remainder = current & LIMB_MASK;
        }
        u32::try_from(remainder).unwrap_or(0)
    })
}

pub(super) fn read_tx(index: usize, tx: &[Coefficient; TX_COEFFICIENTS]) -> Result<TxEffects, BlobError> {
    let mut reader = Reader {
        index,
        limbs: tx.as_flattened(),
    };
    let nullifiers = [reader.digest("nullifier 0")?, reader.digest("nullifier 1")?];
    let commitments = [reader.digest("commitment 0")?, reader.digest("commitment 1")?];
    let fee = reader.number::<3>("fee", VALUE_BITS)?;
    let amount = reader.number::<3>("withdrawal amount", VALUE_BITS)?;
    let recipient = reader.address("withdrawal recipient")?;
    let ciphertexts = [
        reader.ciphertext("ciphertext 0")?,
        reader.ciphertext("ciphertext 1")?,
    ];
    if reader.limbs.iter().any(|limb| *limb != 0) {
        return Err(BlobError::TxPadding { index });
    }
    if amount == 0 && recipient != Address::ZERO {
        return Err(BlobError::RecipientWithoutAmount { index });
    }
    Ok(TxEffects {
        nullifiers,
        commitments,
        fee,
        withdrawal: Withdrawal { amount, recipient },
        ciphertexts,
    })
}

struct Reader<'a> {
    index: usize,
    limbs: &'a [u32],
}

impl Reader<'_> {
    /// The next limbs. A transaction has 117, of which `read_tx` takes 112.
    fn take<const N: usize>(&mut self) -> [u32; N] {
        let Some((limbs, rest)) = self.limbs.split_first_chunk::<N>() else {
            return [0; N];
        };
        self.limbs = rest;
        *limbs
    }

    /// A number of `bits` bits in N limbs, `28 * (N - 1) < bits <= min(28 * N, 64)`.
    fn number<const N: usize>(&mut self, field: &'static str, bits: u32) -> Result<u64, BlobError> {
        let limbs = self.take::<N>();
        self.check_top(field, bits, &limbs)?;
        Ok(limbs
            .iter()
            .rev()
            .fold(0, |number, limb| (number << LIMB_BITS) | u64::from(*limb)))
    }

    fn check_top(&self, field: &'static str, bits: u32, limbs: &[u32]) -> Result<(), BlobError> {
        let limb = limbs.last().copied().unwrap_or(0);
        let bits = match bits.checked_rem(LIMB_BITS) {
            None | Some(0) => LIMB_BITS,
            Some(bits) => bits,
        };
        let above = limb.checked_shr(bits).unwrap_or(0);
        if above == 0 {
            Ok(())
        } else {
            Err(BlobError::LimbTooWide {
                index: self.index,
                field,
                limb,
                bits,
            })
        }
    }

    fn element<const N: usize>(&mut self, field: &'static str, bits: u32) -> Result<Element, BlobError> {
        let number = self.number::<N>(field, bits)?;
        Element::new(number).map_err(|reason| BlobError::Element {
            index: self.index,
            field,
            reason,
        })
    }

    fn digest(&mut self, field: &'static str) -> Result<Digest, BlobError> {
        let mut elements = [Element::ZERO; 4];
        for element in &mut elements {
            *element = self.element::<3>(field, u64::BITS)?;
        }
        Ok(Digest(elements))
    }

    fn ciphertext(&mut self, field: &'static str) -> Result<Ciphertext, BlobError> {
        let mut elements = [Element::ZERO; CIPHERTEXT_ELEMENTS];
        for element in &mut elements {
            *element = self.element::<2>(field, 2 * LIMB_BITS)?;
        }
        Ciphertext::new(elements).map_err(|reason| BlobError::Element {
            index: self.index,
            field,
            reason,
        })
    }

    fn address(&mut self, field: &'static str) -> Result<Address, BlobError> {
        let limbs = self.take::<6>();
        self.check_top(field, 160, &limbs)?;
        let mut bytes = [0_u8; 20];
        for limb in limbs.iter().rev() {
            // Multiply the number by 2^28 and add the limb.
            let mut carry = *limb;
            for byte in bytes.iter_mut().rev() {
                let current = (u64::from(*byte) << LIMB_BITS) | u64::from(carry);
                *byte = u8::try_from(current & 0xff).unwrap_or(0); // 8 bits always fit.
                carry = u32::try_from(current >> 8).unwrap_or(0); // 36 bits less 8.
            }
        }
        Ok(Address::from(bytes))
    }
}
