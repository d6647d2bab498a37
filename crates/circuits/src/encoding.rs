//! The shape of proof bytes.
//!
//! plonky2's encoding of a proof has a fixed length for a circuit, but its decoder takes a number `>= p` for a second form
//! of another (and panics on it in debug builds) and believes the path lengths inside. Here every byte of the shape is
//! checked first, so a proof has exactly one encoding and the decoder sees only what it can decode.

use std::panic::{AssertUnwindSafe, catch_unwind};

use plonky2::plonk::circuit_data::{CommonCircuitData, VerifierCircuitData};
use plonky2::plonk::plonk_common::salt_size;
use plonky2::plonk::proof::ProofWithPublicInputs;
use plonky2::util::serialization::{Buffer, Read};

use crate::client::verifier::VerifyError;
use crate::{BoxError, C, D, F};

/// Bytes of a field element.
const WORD: usize = 8;
/// Elements of a digest.
const DIGEST: usize = 4;

/// A stretch of proof bytes.
#[derive(Clone, Copy, Debug)]
enum Segment {
    /// So many field elements, 8 bytes little-endian each, canonical.
    Elements(usize),
    /// One byte: the number of siblings of the Merkle path that follows.
    PathLength(u8),
}

/// The segments of every proof of a circuit, in order.
#[derive(Clone, Debug)]
pub(crate) struct ProofLayout(Vec<Segment>);

impl ProofLayout {
    /// The layout that plonky2 1.1 gives proofs of this circuit; `None` for a circuit whose paths are longer than a byte
    /// can say.
    pub(crate) fn new(common: &CommonCircuitData<F, D>) -> Option<Self> {
        let config = &common.config;
        let params = &common.fri_params;
        let cap = DIGEST << config.fri_config.cap_height;
        let challenges = config.num_challenges;
        let quotients = challenges * common.quotient_degree_factor;
        let openings = common.num_constants
            + config.num_routed_wires
            + config.num_wires
            + challenges * (2 + common.num_partial_products)
            + quotients;
        let salt = salt_size(params.hiding);
        let leaves = [
            common.num_constants + config.num_routed_wires,
            config.num_wires + salt,
            challenges * (1 + common.num_partial_products) + salt,
            quotients + salt,
        ];

        let mut segments = vec![Segment::Elements(3 * cap), Segment::Elements(D * openings)];
        segments.push(Segment::Elements(cap * params.reduction_arity_bits.len()));
        for _ in 0..config.fri_config.num_query_rounds {
            let mut height = params.lde_bits().checked_sub(config.fri_config.cap_height)?;
            for leaf in leaves {
                segments.push(Segment::Elements(leaf));
                segments.extend(path(height)?);
            }
            for arity_bits in &params.reduction_arity_bits {
                height = height.checked_sub(*arity_bits)?;
                segments.push(Segment::Elements(D << arity_bits));
                segments.extend(path(height)?);
            }
        }
        segments.push(Segment::Elements(D * params.final_poly_len()));
        segments.push(Segment::Elements(1)); // The proof of work.
        Some(Self(segments))
    }

    /// Bytes of every proof.
    pub(crate) fn byte_len(&self) -> usize {
        self.0.iter().map(|segment| segment.byte_len()).sum()
    }

    /// Accepts the one canonical encoding of a valid proof for exactly these public inputs; the proof. Never panics.
    pub(crate) fn verified(
        &self,
        verifier: &VerifierCircuitData<F, C, D>,
        public_inputs: Vec<F>,
        proof: &[u8],
    ) -> Result<ProofWithPublicInputs<F, C, D>, VerifyError> {
        self.check(proof)?;
        catch_unwind(AssertUnwindSafe(|| {
            let proof = Buffer::new(proof)
                .read_proof(&verifier.common)
                .map_err(|e| BoxError::from(e.to_string()))?;
            let proof = ProofWithPublicInputs { proof, public_inputs };
            verifier.verify(proof.clone())?;
            Ok(proof)
        }))
        .map_err(|_| VerifyError::Panicked)?
        .map_err(VerifyError::Invalid)
    }

    /// First byte of every field element.
    #[cfg(test)]
    pub(crate) fn element_offsets(&self) -> Vec<usize> {
        let mut offsets = vec![];
        let mut end = 0;
        for segment in &self.0 {
            if let Segment::Elements(count) = segment {
                offsets.extend((0..*count).map(|index| end + index * WORD));
            }
            end += segment.byte_len();
        }
        offsets
    }

    /// Accepts bytes of exactly this layout.
    pub(crate) fn check(&self, proof: &[u8]) -> Result<(), VerifyError> {
        let expected = self.byte_len();
        let wrong_length = VerifyError::WrongLength {
            expected,
            found: proof.len(),
        };
        if proof.len() != expected {
            return Err(wrong_length);
        }
        let mut rest = proof;
        for segment in &self.0 {
            let offset = expected - rest.len();
            let Some((bytes, tail)) = rest.split_at_checked(segment.byte_len()) else {
                return Err(wrong_length);
            };
            segment.check(bytes, offset)?;
            rest = tail;
        }
        Ok(())
    }
}

impl Segment {
    const fn byte_len(self) -> usize {
        match self {
            Self::Elements(count) => count * WORD,
            Self::PathLength(_) => 1,
        }
    }

    fn check(self, bytes: &[u8], offset: usize) -> Result<(), VerifyError> {
        match self {
            Self::Elements(_) => {
                for (word, index) in bytes.as_chunks::<WORD>().0.iter().zip(0..) {
                    let number = u64::from_le_bytes(*word);
                    if number >= agoge_protocol::element::MODULUS {
                        return Err(VerifyError::NotCanonical {
                            offset: offset + index * WORD,
                            found: number,
                        });
                    }
                }
            }
            Self::PathLength(expected) => {
                if bytes != [expected] {
                    return Err(VerifyError::WrongPathLength { offset, expected });
                }
            }
        }
        Ok(())
    }
}

/// A Merkle path of this height.
fn path(height: usize) -> Option<[Segment; 2]> {
    Some([
        Segment::PathLength(u8::try_from(height).ok()?),
        Segment::Elements(height * DIGEST),
    ])
}
