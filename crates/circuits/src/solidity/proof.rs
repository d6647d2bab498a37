//! The bytes of a proof on L1 (`docs/circuits.md`, section "L1 verifier").
//!
//! In order, without lengths: elements of 8 bytes, big-endian, extension elements as two of them, Merkle nodes of 25 bytes.
//! A circuit's proofs have one length, and a proof has one encoding.

use plonky2::field::extension::FieldExtension;
use plonky2::field::polynomial::PolynomialCoeffs;
use plonky2::field::types::Field;
use plonky2::fri::proof::{FriInitialTreeProof, FriProof, FriQueryRound, FriQueryStep};
use plonky2::hash::merkle_proofs::MerkleProof;
use plonky2::hash::merkle_tree::MerkleCap;
use plonky2::plonk::circuit_data::CommonCircuitData;
use plonky2::plonk::config::GenericHashOut;
use plonky2::plonk::proof::{OpeningSet, Proof};

use super::config::{L1Config, L1Hasher, L1Node, NODE_BYTES, write_elements};
use crate::{D, F};

/// An element of the extension.
type Ext = <F as plonky2::field::extension::Extendable<D>>::Extension;
/// Bytes of an element.
const WORD: usize = 8;

/// Why proof bytes are refused before any cryptography.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecodeError {
    /// The circuit's proofs have another length.
    #[error("the proof has {found} bytes, expected {expected}")]
    WrongLength {
        /// Bytes of every proof of the circuit.
        expected: usize,
        /// As given.
        found: usize,
    },
    /// A field element is `>= p`.
    #[error("the element at byte {offset} is {found:#x}, which is not below the field modulus")]
    NotCanonical {
        /// First byte of the element.
        offset: usize,
        /// As given.
        found: u64,
    },
}

/// How many of everything a proof of a circuit has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) constants: usize,
    pub(super) routed: usize,
    pub(super) wires: usize,
    pub(super) challenges: usize,
    /// Of one challenge.
    pub(super) partials: usize,
    /// Of one challenge.
    pub(super) quotients: usize,
    pub(super) cap_nodes: usize,
    /// Siblings of a path in one of the four first trees.
    pub(super) path: usize,
    pub(super) arity_bits: Vec<usize>,
    pub(super) coefficients: usize,
    pub(super) queries: usize,
}

impl Shape {
    /// The shape of a circuit's proofs.
    pub(super) fn new(common: &CommonCircuitData<F, D>) -> Self {
        let params = &common.fri_params;
        let config = &common.config;
        Self {
            constants: common.num_constants,
            routed: config.num_routed_wires,
            wires: config.num_wires,
            challenges: config.num_challenges,
            partials: common.num_partial_products,
            quotients: common.quotient_degree_factor,
            cap_nodes: 1 << config.fri_config.cap_height,
            path: params.lde_bits().saturating_sub(config.fri_config.cap_height),
            arity_bits: params.reduction_arity_bits.clone(),
            coefficients: params.final_poly_len(),
            queries: config.fri_config.num_query_rounds,
        }
    }

    /// Elements of the leaves of the four first trees.
    pub(super) fn leaves(&self) -> [usize; 4] {
        [
            self.constants + self.routed,
            self.wires,
            self.challenges * (1 + self.partials),
            self.challenges * self.quotients,
        ]
    }

    /// Values of polynomials.
    fn opened(&self) -> usize {
        self.leaves().iter().sum::<usize>() + self.challenges
    }

    /// Siblings of a path in the tree of each fold.
    pub(super) fn fold_paths(&self) -> impl Iterator<Item = (usize, usize)> {
        self.arity_bits.iter().scan(self.path, |height, bits| {
            *height = height.saturating_sub(*bits);
            Some((*bits, *height))
        })
    }

    /// Bytes of every proof.
    pub(super) fn proof_bytes(&self) -> usize {
        let cap = self.cap_nodes * NODE_BYTES;
        let openings: usize = self
            .leaves()
            .iter()
            .map(|count| count * WORD + self.path * NODE_BYTES)
            .sum();
        let folds: usize = self
            .fold_paths()
            .map(|(bits, height)| ((D * WORD) << bits) + height * NODE_BYTES)
            .sum();
        (3 + self.arity_bits.len()) * cap
            + D * WORD * (self.opened() + self.coefficients)
            + WORD
            + self.queries * (openings + folds)
    }
}

/// The bytes of a proof.
pub(crate) fn encode(proof: &Proof<F, L1Config, D>) -> Vec<u8> {
    let mut bytes = vec![];
    let openings = &proof.openings;
    let fri = &proof.opening_proof;
    for cap in [
        &proof.wires_cap,
        &proof.plonk_zs_partial_products_cap,
        &proof.quotient_polys_cap,
    ] {
        write_nodes(&mut bytes, &cap.0);
    }
    for values in [
        &openings.constants,
        &openings.plonk_sigmas,
        &openings.wires,
        &openings.plonk_zs,
        &openings.partial_products,
        &openings.quotient_polys,
        &openings.plonk_zs_next,
    ] {
        write_exts(&mut bytes, values);
    }
    for cap in &fri.commit_phase_merkle_caps {
        write_nodes(&mut bytes, &cap.0);
    }
    write_exts(&mut bytes, &fri.final_poly.coeffs);
    write_elements(&mut bytes, &[fri.pow_witness]);
    for query in &fri.query_round_proofs {
        for (leaf, path) in &query.initial_trees_proof.evals_proofs {
            write_elements(&mut bytes, leaf);
            write_nodes(&mut bytes, &path.siblings);
        }
        for step in &query.steps {
            write_exts(&mut bytes, &step.evals);
            write_nodes(&mut bytes, &step.merkle_proof.siblings);
        }
    }
    bytes
}

/// The proof with these bytes, if they have exactly the form of the circuit's proofs.
///
/// # Errors
/// [`DecodeError`]: the length, or an element.
pub(crate) fn decode(
    bytes: &[u8],
    common: &CommonCircuitData<F, D>,
) -> Result<Proof<F, L1Config, D>, DecodeError> {
    let shape = Shape::new(common);
    let expected = shape.proof_bytes();
    if bytes.len() != expected {
        return Err(DecodeError::WrongLength {
            expected,
            found: bytes.len(),
        });
    }
    let mut reader = Reader { bytes, offset: 0 };
    let [wires_cap, plonk_zs_partial_products_cap, quotient_polys_cap] =
        [reader.cap(&shape)?, reader.cap(&shape)?, reader.cap(&shape)?];
    let openings = OpeningSet {
        constants: reader.exts(shape.constants)?,
        plonk_sigmas: reader.exts(shape.routed)?,
        wires: reader.exts(shape.wires)?,
        plonk_zs: reader.exts(shape.challenges)?,
        partial_products: reader.exts(shape.challenges * shape.partials)?,
        quotient_polys: reader.exts(shape.challenges * shape.quotients)?,
        plonk_zs_next: reader.exts(shape.challenges)?,
        lookup_zs: vec![],
        lookup_zs_next: vec![],
    };
    let commit_phase_merkle_caps = shape
        .arity_bits
        .iter()
        .map(|_| reader.cap(&shape))
        .collect::<Result<_, _>>()?;
    let final_poly = PolynomialCoeffs::new(reader.exts(shape.coefficients)?);
    let pow_witness = reader.element()?;
    let query_round_proofs = (0..shape.queries)
        .map(|_| reader.query(&shape))
        .collect::<Result<_, _>>()?;
    Ok(Proof {
        wires_cap,
        plonk_zs_partial_products_cap,
        quotient_polys_cap,
        openings,
        opening_proof: FriProof {
            commit_phase_merkle_caps,
            query_round_proofs,
            final_poly,
            pow_witness,
        },
    })
}

fn write_nodes(bytes: &mut Vec<u8>, nodes: &[L1Node]) {
    for node in nodes {
        bytes.extend_from_slice(node.as_bytes());
    }
}

fn write_exts(bytes: &mut Vec<u8>, values: &[Ext]) {
    for value in values {
        write_elements(bytes, &FieldExtension::<D>::to_basefield_array(value));
    }
}

/// Takes a proof apart from its front. The length of the whole was checked.
struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        let taken = rest.first_chunk::<N>().ok_or(DecodeError::WrongLength {
            expected: self.offset + N,
            found: self.bytes.len(),
        })?;
        self.offset += N;
        Ok(*taken)
    }

    fn element(&mut self) -> Result<F, DecodeError> {
        let offset = self.offset;
        let found = u64::from_be_bytes(self.take()?);
        if found >= agoge_protocol::element::MODULUS {
            return Err(DecodeError::NotCanonical { offset, found });
        }
        Ok(F::from_canonical_u64(found))
    }

    fn elements(&mut self, count: usize) -> Result<Vec<F>, DecodeError> {
        (0..count).map(|_| self.element()).collect()
    }

    fn exts(&mut self, count: usize) -> Result<Vec<Ext>, DecodeError> {
        (0..count)
            .map(|_| Ok(Ext::from_basefield_array([self.element()?, self.element()?])))
            .collect()
    }

    fn nodes(&mut self, count: usize) -> Result<Vec<L1Node>, DecodeError> {
        (0..count)
            .map(|_| Ok(L1Node::from_bytes(&self.take::<NODE_BYTES>()?)))
            .collect()
    }

    fn cap(&mut self, shape: &Shape) -> Result<MerkleCap<F, L1Hasher>, DecodeError> {
        Ok(MerkleCap(self.nodes(shape.cap_nodes)?))
    }

    fn path(&mut self, height: usize) -> Result<MerkleProof<F, L1Hasher>, DecodeError> {
        Ok(MerkleProof {
            siblings: self.nodes(height)?,
        })
    }

    fn query(&mut self, shape: &Shape) -> Result<FriQueryRound<F, L1Hasher, D>, DecodeError> {
        let evals_proofs = shape
            .leaves()
            .into_iter()
            .map(|count| Ok((self.elements(count)?, self.path(shape.path)?)))
            .collect::<Result<_, _>>()?;
        let steps = shape
            .fold_paths()
            .map(|(bits, height)| {
                Ok(FriQueryStep {
                    evals: self.exts(1 << bits)?,
                    merkle_proof: self.path(height)?,
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(FriQueryRound {
            initial_trees_proof: FriInitialTreeProof { evals_proofs },
            steps,
        })
    }
}
