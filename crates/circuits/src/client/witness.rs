//! What a wallet knows about a transaction: the secret side of a client proof.

use agoge_protocol::limits::TREE_DEPTH;
use agoge_protocol::transaction::{MalformedTx, VALUE_BOUND};
use agoge_protocol::{Digest, Element, TxPublicInputs, Withdrawal};
use agoge_state_transition::hash::{self, Output};

/// A note that is spent, or a *dummy* in its place ([`InputNote::dummy`]).
///
/// Holds the spending key; its `Debug` shows no field.
#[derive(Clone, PartialEq, Eq)]
pub struct InputNote {
    /// `sk`; the note's owner is `H(OWNER; sk)`.
    pub spending_key: [Element; 4],
    /// Gwei, `< 2^60`.
    pub value: u64,
    /// The note's rho.
    pub rho: Digest,
    /// The note's randomness r.
    pub randomness: Digest,
    /// Position of the commitment in the note tree.
    pub index: u32,
    /// Siblings on the way from the leaf to the root, lowest first.
    pub siblings: [Digest; TREE_DEPTH],
}

impl InputNote {
    /// An input of value 0, which needs no place in the tree.
    ///
    /// `rho` must be fresh and random for every transaction: it is what makes the dummy's nullifier new and unlinkable. The
    /// key may be any; a random one is the best.
    pub const fn dummy(spending_key: [Element; 4], rho: Digest) -> Self {
        Self {
            spending_key,
            value: 0,
            rho,
            randomness: Digest::ZERO,
            index: 0,
            siblings: [Digest::ZERO; TREE_DEPTH],
        }
    }

    /// The note's commitment.
    ///
    /// # Errors
    /// [`WitnessError::ValueTooLarge`].
    pub fn commitment(&self) -> Result<Digest, WitnessError> {
        let owner = hash::owner(&self.spending_key);
        let value = value_element("input", self.value)?;
        Ok(hash::commitment(
            hash::partial(owner, self.randomness),
            value,
            self.rho,
        ))
    }

    /// The nullifier that spending the note publishes.
    ///
    /// # Errors
    /// [`WitnessError::ValueTooLarge`].
    pub fn nullifier(&self) -> Result<Digest, WitnessError> {
        Ok(hash::nullifier(&self.spending_key, self.commitment()?))
    }

    /// Root of the tree in which the note stands where `index` and `siblings` say.
    ///
    /// # Errors
    /// [`WitnessError::ValueTooLarge`].
    pub fn root(&self) -> Result<Digest, WitnessError> {
        let leaf = self.commitment()?;
        Ok(self
            .siblings
            .iter()
            .zip(0_u32..)
            .fold(leaf, |node, (sibling, level)| {
                if (self.index >> level) & 1 == 0 {
                    hash::node(node, *sibling)
                } else {
                    hash::node(*sibling, node)
                }
            }))
    }
}

impl core::fmt::Debug for InputNote {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("InputNote").finish_non_exhaustive()
    }
}

/// A note that is made. Its rho follows from the first nullifier.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OutputNote {
    /// `H(PARTIAL; pk, r)` of the recipient's owner key and fresh randomness.
    pub partial: Digest,
    /// Gwei, `< 2^60`. Zero is an ordinary value.
    pub value: u64,
}

impl core::fmt::Debug for OutputNote {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("OutputNote").finish_non_exhaustive()
    }
}

/// Everything a client proof is made from. All fields are plain data: [`ClientWitness::public_inputs`] checks them.
///
/// Both inputs are needed: a wallet that spends one note fills the other place with [`InputNote::dummy`].
/// Values in = values out + fee + withdrawal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientWitness {
    /// The instance the transaction is for.
    pub genesis_id: Digest,
    /// Note root of a header; every input of value above 0 is under it.
    pub anchor: Digest,
    /// Notes spent.
    pub inputs: [InputNote; 2],
    /// Notes made.
    pub outputs: [OutputNote; 2],
    /// Gwei, `< 2^60`.
    pub fee: u64,
    /// Public withdrawal to L1; the default is none.
    pub withdrawal: Withdrawal,
    /// `H(CIPHERTEXTS; ...)` of the ciphertexts that open the outputs to their owners.
    pub ciphertext_hash: Digest,
}

/// Why there is no proof for a witness. The variants follow the relation in `docs/protocol.md` section 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WitnessError {
    /// A note's value is `>= 2^60`.
    #[error("the {note} note's value is {found} gwei, the limit is 2^60 - 1")]
    ValueTooLarge {
        /// "input" or "output".
        note: &'static str,
        /// As given.
        found: u64,
    },
    /// More or less goes out than in.
    #[error("inputs hold {inputs} gwei, outputs, fee and withdrawal take {outputs} gwei")]
    NotConserved {
        /// Sum of both inputs.
        inputs: u128,
        /// Sum of both outputs, the fee and the withdrawal.
        outputs: u128,
    },
    /// An input with a value does not stand under the anchor: wrong key, note, index or siblings, or an older tree.
    #[error("input {input} leads to the root {root}, the anchor is {anchor}")]
    NotUnderAnchor {
        /// 0 or 1.
        input: usize,
        /// Where it leads.
        root: Digest,
        /// As given.
        anchor: Digest,
    },
    /// The public side is malformed; a note spent twice shows as equal nullifiers.
    #[error(transparent)]
    PublicInputs(#[from] MalformedTx),
}

impl ClientWitness {
    /// Checks the relation and computes the public inputs, as the circuit does.
    ///
    /// # Errors
    /// [`WitnessError`] naming the first rule broken.
    pub fn public_inputs(&self) -> Result<TxPublicInputs, WitnessError> {
        let [input_0, input_1] = &self.inputs;
        let nullifiers = [input_0.nullifier()?, input_1.nullifier()?];
        let [nullifier_0, _] = nullifiers;
        let commitment = |note: &OutputNote, output| -> Result<Digest, WitnessError> {
            let value = value_element("output", note.value)?;
            Ok(hash::commitment(
                note.partial,
                value,
                hash::rho(nullifier_0, output),
            ))
        };
        let [output_0, output_1] = &self.outputs;
        let commitments = [
            commitment(output_0, Output::First)?,
            commitment(output_1, Output::Second)?,
        ];
        let public_inputs = TxPublicInputs::new(
            self.genesis_id,
            self.anchor,
            nullifiers,
            commitments,
            self.fee,
            self.withdrawal,
            self.ciphertext_hash,
        )?;

        // At most four values below 2^60 on a side.
        let sum = |values: &[u64]| values.iter().map(|value| u128::from(*value)).sum::<u128>();
        let inputs = sum(&[input_0.value, input_1.value]);
        let outputs = sum(&[output_0.value, output_1.value, self.fee, self.withdrawal.amount]);
        if inputs != outputs {
            return Err(WitnessError::NotConserved { inputs, outputs });
        }
        for (input, note) in self.inputs.iter().enumerate().filter(|(_, note)| note.value != 0) {
            let root = note.root()?;
            if root != self.anchor {
                return Err(WitnessError::NotUnderAnchor {
                    input,
                    root,
                    anchor: self.anchor,
                });
            }
        }
        Ok(public_inputs)
    }
}

fn value_element(note: &'static str, found: u64) -> Result<Element, WitnessError> {
    let too_large = WitnessError::ValueTooLarge { note, found };
    if found < VALUE_BOUND {
        Element::new(found).map_err(|_| too_large)
    } else {
        Err(too_large)
    }
}

#[cfg(test)]
mod tests {
    use agoge_protocol::Address;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::client::tests::support;

    fn witness() -> ClientWitness {
        support::witness(&mut ChaCha8Rng::seed_from_u64(7))
    }

    #[test]
    fn each_rule_has_a_case() {
        let bound = VALUE_BOUND;
        let anchor = witness().anchor;
        type Change = fn(&mut ClientWitness);
        let cases: [(&str, Change, WitnessError); 8] = [
            (
                "input value",
                |w| w.inputs[1].value = VALUE_BOUND,
                WitnessError::ValueTooLarge {
                    note: "input",
                    found: bound,
                },
            ),
            (
                "output value",
                |w| w.outputs[0].value = u64::MAX,
                WitnessError::ValueTooLarge {
                    note: "output",
                    found: u64::MAX,
                },
            ),
            (
                "fee",
                |w| w.fee = VALUE_BOUND,
                MalformedTx::ValueTooLarge {
                    field: "fee",
                    found: bound,
                }
                .into(),
            ),
            (
                "sum",
                |w| w.fee += 1,
                WitnessError::NotConserved {
                    inputs: 1_000,
                    outputs: 1_001,
                },
            ),
            (
                "withdrawal",
                |w| {
                    w.withdrawal = Withdrawal {
                        amount: 0,
                        recipient: Address::repeat_byte(1),
                    }
                },
                MalformedTx::RecipientWithoutAmount {
                    recipient: Address::repeat_byte(1),
                }
                .into(),
            ),
            (
                "one note twice",
                |w| w.inputs[1] = w.inputs[0].clone(),
                MalformedTx::EqualNullifiers.into(),
            ),
            (
                "other tree",
                |w| w.anchor = Digest::ZERO,
                WitnessError::NotUnderAnchor {
                    input: 0,
                    root: anchor,
                    anchor: Digest::ZERO,
                },
            ),
            (
                "dummy with a value",
                |w| {
                    w.inputs[1] = InputNote {
                        value: 300,
                        ..InputNote::dummy(w.inputs[1].spending_key, Digest::ZERO)
                    };
                    w.inputs[1].siblings = w.inputs[0].siblings;
                },
                {
                    let mut dummy = InputNote::dummy(witness().inputs[1].spending_key, Digest::ZERO);
                    dummy.value = 300;
                    dummy.siblings = witness().inputs[0].siblings;
                    WitnessError::NotUnderAnchor {
                        input: 1,
                        root: dummy.root().unwrap(),
                        anchor,
                    }
                },
            ),
        ];
        for (description, change, expected) in cases {
            let mut witness = witness();
            change(&mut witness);
            assert_eq!(witness.public_inputs(), Err(expected), "{description}");
        }
        assert!(witness().public_inputs().is_ok());
    }

    #[test]
    fn debug_shows_no_secret() {
        let witness = witness();
        let text = format!("{witness:?}");
        let secret = format!("{:?}", witness.inputs[0].spending_key[0]);
        assert!(!text.contains(secret.trim_start_matches("0x")), "{text}");
        assert!(!text.contains("value"), "{text}");
    }
}
