//! The transaction track: client proofs are valid, and this is the chain of what they are about.
//!
//! Given a start chain there are client proofs, valid for the constant client circuit, such that the end chain is the start
//! chain with one `TX_CHAIN_STEP` for each (`docs/protocol.md` section 16.5). The statement names no instance: the state
//! track makes the same chain for its own genesis id, and the epoch root compares the two.
//!
//! A place that is not needed holds a proof of a dummy transaction and adds nothing to the chain. Which places are needed is
//! the prover's choice: what it leaves out is missing from the chain.

use agoge_protocol::limits::CLIENT_PROOF_BYTES_MAX;
use agoge_protocol::{Digest, Element, TxPublicInputs};
use agoge_state_transition::hash::{self, TX_CHAIN_STEP, TX_EFFECTS};
use borsh::{BorshDeserialize, BorshSerialize};
use plonky2::iop::target::{BoolTarget, Target};
use plonky2::iop::witness::{PartialWitness, WitnessWrite};
use plonky2::plonk::circuit_data::VerifierCircuitData;
use plonky2::plonk::proof::{ProofWithPublicInputs, ProofWithPublicInputsTarget};

use super::bytes;
use super::track::{Leaf, LeafCircuit};
use crate::gadgets::{self, DigestTarget};
use crate::{BoxError, Builder, C, ClientVerifier, D, F, VerifyError, field};

/// Transactions of a batch: what fits 2^15 rows with 3 % to spare in the default profile.
pub const BATCH_TRANSACTIONS: usize = 11;

/// A transaction as the track sees it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
pub struct ProvenTransaction {
    /// What the proof is about.
    pub public_inputs: TxPublicInputs,
    /// The client proof's bytes.
    pub proof: Vec<u8>,
}

impl BorshDeserialize for ProvenTransaction {
    fn deserialize_reader<R: std::io::Read>(reader: &mut R) -> std::io::Result<Self> {
        let public_inputs = BorshDeserialize::deserialize_reader(reader)?;
        let proof = bytes::read(reader, CLIENT_PROOF_BYTES_MAX)?;
        Ok(Self { public_inputs, proof })
    }
}

/// What a batch is proven from: at most [`BATCH_TRANSACTIONS`] in the order of the epoch's stream.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
pub struct TransactionsInput {
    /// Chain before the first transaction.
    pub start: Digest,
    /// In order; none for a batch of padding only.
    pub transactions: Vec<ProvenTransaction>,
}

impl BorshDeserialize for TransactionsInput {
    fn deserialize_reader<R: std::io::Read>(reader: &mut R) -> std::io::Result<Self> {
        let start = BorshDeserialize::deserialize_reader(reader)?;
        let transactions = bytes::read_list(reader, BATCH_TRANSACTIONS)?;
        Ok(Self { start, transactions })
    }
}

impl TransactionsInput {
    /// Chain after the last transaction.
    pub fn end(&self) -> Digest {
        self.transactions.iter().fold(self.start, |chain, transaction| {
            let public = &transaction.public_inputs;
            hash::tx_chain_step(chain, effects_hash(public), public.anchor(), public.genesis_id())
        })
    }
}

/// `H(TX_EFFECTS; ...)` of public inputs: they hold its inputs in its order.
fn effects_hash(public: &TxPublicInputs) -> Digest {
    let mut inputs = [Element::ZERO; TX_EFFECTS.inputs()];
    for (slot, element) in inputs
        .iter_mut()
        .zip(public.to_elements().into_iter().skip(EFFECTS_FROM))
    {
        *slot = element;
    }
    hash::hash(TX_EFFECTS, &inputs)
}

/// Public inputs before the effects: genesis id and anchor.
const EFFECTS_FROM: usize = 8;
const _: () = assert!(TxPublicInputs::LEN == EFFECTS_FROM + TX_EFFECTS.inputs());

/// Why a batch has no proof. The caller is wrong in every case.
#[derive(Debug, thiserror::Error)]
pub enum TransactionsError {
    /// More than [`BATCH_TRANSACTIONS`].
    #[error("{found} transactions, a batch has at most {limit}")]
    TooMany {
        /// As given.
        found: usize,
        /// Places of a batch.
        limit: usize,
    },
    /// A client proof does not verify.
    #[error("the client proof of transaction {index} is not valid")]
    ClientProof {
        /// In the batch.
        index: usize,
        /// Why.
        #[source]
        reason: VerifyError,
    },
}

/// The leaf of the transaction track.
pub(crate) struct TransactionsLeaf {
    verifier: ClientVerifier,
    /// A valid proof for the places that are not needed.
    padding: Option<ClientProof>,
    places: usize,
}

type ClientProof = ProofWithPublicInputs<F, C, D>;

/// Free targets of a batch.
pub(crate) struct TransactionsTargets {
    start: DigestTarget,
    places: Vec<Place>,
}

struct Place {
    proof: ProofWithPublicInputsTarget<D>,
    is_needed: BoolTarget,
}

impl TransactionsLeaf {
    /// The leaf for client proofs of the verifier's profile. `padding` is any valid one.
    pub(crate) fn new(
        verifier: ClientVerifier,
        padding: &ProvenTransaction,
        places: usize,
    ) -> Result<Self, VerifyError> {
        let padding = Some(verifier.verified(&padding.public_inputs, &padding.proof)?);
        Ok(Self {
            verifier,
            padding,
            places,
        })
    }

    /// A leaf that is not proven.
    #[cfg(test)]
    pub(super) fn for_rows(verifier: ClientVerifier, places: usize) -> Self {
        Self {
            verifier,
            padding: None,
            places,
        }
    }

    fn client(&self) -> &VerifierCircuitData<F, C, D> {
        self.verifier.data()
    }

    fn place(&self, builder: &mut Builder, chain: DigestTarget) -> (Place, DigestTarget) {
        let client = self.client();
        let proof = builder.add_virtual_proof_with_pis(&client.common);
        let is_needed = builder.add_virtual_bool_target_safe();
        let verifier = builder.constant_verifier_data::<C>(&client.verifier_only);
        builder.verify_proof::<C>(&proof, &verifier, &client.common);
        let next = chain_step(builder, chain, &proof.public_inputs);
        let mut after = chain;
        for (slot, next) in after.iter_mut().zip(next) {
            *slot = builder.select(is_needed, next, *slot);
        }
        (Place { proof, is_needed }, after)
    }
}

/// Twin of a step of [`TransactionsInput::end`].
fn chain_step(builder: &mut Builder, chain: DigestTarget, public: &[Target]) -> DigestTarget {
    let zero = builder.zero();
    let (genesis_and_anchor, effects) = public.split_at_checked(EFFECTS_FROM).unwrap_or_default();
    let (genesis, anchor) = genesis_and_anchor.split_at_checked(4).unwrap_or_default();
    let effects = gadgets::hash(builder, TX_EFFECTS, &filled(zero, effects));
    let inputs = [&chain[..], &effects, anchor, genesis].concat();
    gadgets::hash(builder, TX_CHAIN_STEP, &filled(zero, &inputs))
}

fn filled<const N: usize>(filler: Target, targets: &[Target]) -> [Target; N] {
    debug_assert_eq!(targets.len(), N);
    let mut out = [filler; N];
    for (slot, target) in out.iter_mut().zip(targets) {
        *slot = *target;
    }
    out
}

impl Leaf for TransactionsLeaf {
    type Input = TransactionsInput;
    type Targets = TransactionsTargets;
    const BOUNDARY: usize = 4;
    const CONTEXT: usize = 0;

    fn build(&self, builder: &mut Builder) -> LeafCircuit<TransactionsTargets> {
        let start = builder.add_virtual_target_arr();
        let mut chain = start;
        let places = (0..self.places)
            .map(|_| {
                let (place, after) = self.place(builder, chain);
                chain = after;
                place
            })
            .collect();
        LeafCircuit {
            targets: TransactionsTargets { start, places },
            start: start.to_vec(),
            end: chain.to_vec(),
            context: vec![],
        }
    }

    fn assign(
        &self,
        targets: &TransactionsTargets,
        input: &TransactionsInput,
        witness: &mut PartialWitness<F>,
    ) -> Result<(), BoxError> {
        let found = input.transactions.len();
        if found > self.places {
            return Err(TransactionsError::TooMany {
                found,
                limit: self.places,
            }
            .into());
        }
        let given = input.transactions.iter().enumerate();
        let verified = given
            .map(|(index, transaction)| {
                self.verifier
                    .verified(&transaction.public_inputs, &transaction.proof)
                    .map_err(|reason| TransactionsError::ClientProof { index, reason })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let places: Vec<_> = verified
            .iter()
            .map(|proof| (true, proof))
            .chain(self.padding.iter().map(|padding| (false, padding)).cycle())
            .take(self.places)
            .collect();
        targets.assign_places(input.start, &places, witness)
    }
}

impl TransactionsTargets {
    /// Sets the targets: for each place whether it is needed, and its proof.
    pub(super) fn assign_places(
        &self,
        start: Digest,
        places: &[(bool, &ClientProof)],
        witness: &mut PartialWitness<F>,
    ) -> Result<(), BoxError> {
        witness.set_target_arr(&self.start, &field::digest(start))?;
        for (place, (is_needed, proof)) in self.places.iter().zip(places) {
            witness.set_bool_target(place.is_needed, *is_needed)?;
            witness.set_proof_with_pis_target(&place.proof, proof)?;
        }
        Ok(())
    }
}
