//! All circuits of an epoch proof: how they follow from each other, and what each knows of the others.

use std::panic::{AssertUnwindSafe, catch_unwind};

use agoge_protocol::network::ClientProfile;
use agoge_protocol::{Digest, Element, Withdrawal};
use borsh::{BorshDeserialize, BorshSerialize};
use plonky2::plonk::circuit_data::{CommonCircuitData, VerifierCircuitData, VerifierOnlyCircuitData};

use super::artefacts::{Artefact, FileError, Store};
use super::config::{TreeC, WrapC};
use super::jobs::{SegmentProof, Track};
use super::leaf::LeafProver;
use super::merge::{MergeProver, TrackVerifier};
use super::root::{RootProver, Tracks};
use super::segments::{SegmentError, encode_segment};
use super::serialization::EpochGates;
use super::settlement::SettlementLeaf;
use super::shapes;
use super::state::StateLeaf;
use super::track::{Layout, Leaf, Shape, TrackError};
use super::transactions::{ProvenTransaction, TransactionsInput, TransactionsLeaf};
use super::verifier::EpochVerifierError;
use super::wrap::WrapCircuit;
use crate::{
    BoxError, ClientProver, ClientProverError, ClientVerifier, ClientWitness, D, F, InputNote, OutputNote,
    ProveError, VerifierDataError, VerifyError,
};

/// Why there are no circuits.
#[derive(Debug, thiserror::Error)]
pub enum CircuitsError {
    /// The folder cannot be used.
    #[error("a circuit file cannot be used")]
    File(#[from] FileError),
    /// The client circuit.
    #[error(transparent)]
    Client(#[from] ClientProverError),
    /// The client circuit's verifier data.
    #[error(transparent)]
    ClientVerifier(#[from] VerifierDataError),
    /// The dummy transaction of unused places could not be proven.
    #[error("the padding transaction has no proof")]
    Padding(#[from] ProveError),
    /// The stored padding transaction does not verify.
    #[error("the padding transaction's proof is not valid")]
    PaddingInvalid(#[from] VerifyError),
    /// A circuit is not of the size or shape that this program says: a fault of this program.
    #[error("the circuits of an epoch proof do not fit together: {reason}")]
    Shape {
        /// What does not fit.
        reason: String,
    },
    /// The committed verifier data of the last circuit.
    #[error(transparent)]
    EpochVerifier(#[from] EpochVerifierError),
    /// A circuit's proofs have no byte layout; a fault of this program.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// A file that was just written is not there.
    #[error("the circuit files were removed while they were built")]
    Incomplete,
    /// The proof system failed while building.
    #[error("the proof system failed while circuits were built")]
    ProofSystem(#[source] BoxError),
    /// The circuits in the source are not those whose final verifier data are committed: L1 would accept none of their
    /// proofs.
    #[error("the epoch circuits of the {profile:?} profile differ from their committed verifier data")]
    Changed {
        /// Of the client circuit.
        profile: ClientProfile,
    },
}

impl From<TrackError> for CircuitsError {
    fn from(error: TrackError) -> Self {
        Self::Shape {
            reason: error.to_string(),
        }
    }
}

/// What every circuit's verifier must know.
#[derive(Clone, Debug)]
pub(crate) struct Verifiers {
    pub(crate) tracks: Tracks,
    pub(crate) root: VerifierCircuitData<F, TreeC, D>,
    pub(crate) wrap: VerifierCircuitData<F, WrapC, D>,
}

/// The leaves' statements.
pub(super) struct Leaves {
    pub(super) transactions: TransactionsLeaf,
    pub(super) state: StateLeaf,
    pub(super) settlement: SettlementLeaf,
}

impl Leaves {
    /// The statements, with the stored padding transaction or a new one.
    pub(super) fn open(store: &Store, profile: ClientProfile) -> Result<Self, CircuitsError> {
        let leaf = |padding: &ProvenTransaction| -> Result<Self, CircuitsError> {
            let verifier = ClientVerifier::new(profile)?;
            let places = Track::Transactions.leaf_units();
            Ok(Self {
                transactions: TransactionsLeaf::new(verifier, padding, places)?,
                state: StateLeaf::new(),
                settlement: SettlementLeaf::new(Track::Settlement.leaf_units()),
            })
        };
        if let Some(padding) = store.read_value::<ProvenTransaction>(Artefact::Padding)?
            && let Ok(leaves) = leaf(&padding)
        {
            return Ok(leaves);
        }
        let padding = padding_transaction(profile)?;
        store.write_value(Artefact::Padding, &padding)?;
        leaf(&padding)
    }
}

/// A valid transaction of nothing, for unused places. Its notes are worth nothing and its keys are public.
fn padding_transaction(profile: ClientProfile) -> Result<ProvenTransaction, CircuitsError> {
    let key = [1_u32, 2, 3, 4].map(Element::from_u32);
    let rho = |first: u32| Digest([first, 0, 0, 0].map(Element::from_u32));
    let nothing = OutputNote {
        partial: Digest::ZERO,
        value: 0,
    };
    let witness = ClientWitness {
        genesis_id: Digest::ZERO,
        anchor: Digest::ZERO,
        inputs: [InputNote::dummy(key, rho(1)), InputNote::dummy(key, rho(2))],
        outputs: [nothing, nothing],
        fee: 0,
        withdrawal: Withdrawal::default(),
        ciphertext_hash: Digest::ZERO,
    };
    let (public_inputs, proof) = ClientProver::new(profile)?.prove(&witness)?;
    Ok(ProvenTransaction { public_inputs, proof })
}

/// Builds every circuit, bottom up, and stores it. About a minute of CPU; one circuit is in memory at a time.
pub(super) fn build_all(store: &Store, leaves: &Leaves) -> Result<Verifiers, CircuitsError> {
    let transactions = build_track(
        store,
        &leaves.transactions,
        &Track::Transactions.shape(),
        [Artefact::TransactionsLeaf, Artefact::TransactionsMerge],
        |prover| store_empty_batch(store, prover, &leaves.transactions),
    )?;
    let state = build_track(
        store,
        &leaves.state,
        &Track::State.shape(),
        [Artefact::StateLeaf, Artefact::StateMerge],
        |_| Ok(()),
    )?;
    let settlement = build_track(
        store,
        &leaves.settlement,
        &Track::Settlement.shape(),
        [Artefact::SettlementLeaf, Artefact::SettlementMerge],
        |_| Ok(()),
    )?;
    let tracks = Tracks {
        transactions,
        state,
        settlement,
    };
    let root = build_root(&tracks)?;
    store.write_circuit(Artefact::Root, &root.data)?;
    let root = root.data.verifier_data();
    let wrap = build_wrap(&root)?;
    store.write_circuit(Artefact::Wrap, &wrap.data)?;
    let verifiers = Verifiers {
        tracks,
        root,
        wrap: wrap.data.verifier_data(),
    };
    store.write_value(Artefact::Verifiers, &verifiers.to_parts()?)?;
    Ok(verifiers)
}

pub(super) fn build_root(tracks: &Tracks) -> Result<RootProver, CircuitsError> {
    let root = RootProver::build(shapes::root_config(), tracks);
    check_degree("root", root.data.common.degree_bits(), shapes::ROOT_DEGREE_BITS)?;
    Ok(root)
}

pub(super) fn build_wrap(root: &VerifierCircuitData<F, TreeC, D>) -> Result<WrapCircuit, CircuitsError> {
    let wrap = WrapCircuit::build(shapes::wrap_config(), root);
    check_degree("wrap", wrap.data.common.degree_bits(), shapes::WRAP_DEGREE_BITS)?;
    Ok(wrap)
}

fn check_degree(circuit: &str, found: usize, expected: usize) -> Result<(), CircuitsError> {
    if found == expected {
        return Ok(());
    }
    Err(CircuitsError::Shape {
        reason: format!("the {circuit} has 2^{found} rows, expected 2^{expected}"),
    })
}

fn build_track<L: Leaf>(
    store: &Store,
    leaf: &L,
    shape: &Shape,
    [leaf_artefact, merge_artefact]: [Artefact; 2],
    with_leaf: impl FnOnce(&LeafProver<L>) -> Result<(), CircuitsError>,
) -> Result<TrackVerifier, CircuitsError> {
    let prover = LeafProver::build(leaf, shape)?;
    store.write_circuit(leaf_artefact, &prover.data)?;
    with_leaf(&prover)?;
    let VerifierCircuitData {
        verifier_only: leaf,
        common,
    } = prover.data.verifier_data();
    drop(prover);
    let layout = Layout::of::<L>();
    let merge = MergeProver::build(&common, &leaf, layout, shape, None)?;
    store.write_circuit(merge_artefact, &merge.data)?;
    Ok(TrackVerifier {
        common,
        leaf,
        merge: merge.data.verifier_only,
        layout,
    })
}

/// Proves a batch without transactions once: an epoch without any costs nothing in its track.
fn store_empty_batch(
    store: &Store,
    prover: &LeafProver<TransactionsLeaf>,
    leaf: &TransactionsLeaf,
) -> Result<(), CircuitsError> {
    let input = TransactionsInput {
        start: Digest::ZERO,
        transactions: vec![],
    };
    let attempt = || -> Result<SegmentProof, BoxError> {
        let proof = catch_unwind(AssertUnwindSafe(|| prover.prove(leaf, &input)))
            .map_err(|_| BoxError::from("the proof system panicked"))??;
        prover.data.verify(proof.clone())?;
        encode_segment(Track::Transactions, false, &proof)
    };
    let proof = attempt()
        .or_else(|_| attempt())
        .map_err(CircuitsError::ProofSystem)?;
    Ok(store.write_value(Artefact::EmptyBatch, &proof)?)
}

/// [`Verifiers`] as plonky2 encodes their parts.
#[derive(BorshSerialize, BorshDeserialize)]
pub(super) struct VerifierParts {
    /// Shape, leaf, merge of each track.
    tracks: [[Vec<u8>; 3]; 3],
    root: Vec<u8>,
    wrap: Vec<u8>,
}

impl Verifiers {
    fn to_parts(&self) -> Result<VerifierParts, CircuitsError> {
        let failed =
            |e: plonky2::util::serialization::IoError| CircuitsError::ProofSystem(e.to_string().into());
        let track = |track: &TrackVerifier| -> Result<[Vec<u8>; 3], CircuitsError> {
            Ok([
                track.common.to_bytes(&EpochGates).map_err(failed)?,
                track.leaf.to_bytes().map_err(failed)?,
                track.merge.to_bytes().map_err(failed)?,
            ])
        };
        let tracks = &self.tracks;
        Ok(VerifierParts {
            tracks: [
                track(&tracks.transactions)?,
                track(&tracks.state)?,
                track(&tracks.settlement)?,
            ],
            root: self.root.to_bytes(&EpochGates).map_err(failed)?,
            wrap: self.wrap.to_bytes(&EpochGates).map_err(failed)?,
        })
    }

    /// What [`build_all`] stored; `None` when it did not finish or the file cannot be decoded.
    pub(super) fn read(store: &Store) -> Result<Option<Self>, FileError> {
        let parts = store.read_value::<VerifierParts>(Artefact::Verifiers)?;
        let decoded = parts.map(|parts| catch_unwind(AssertUnwindSafe(|| Self::from_parts(parts))));
        Ok(decoded.and_then(Result::ok).flatten())
    }

    fn from_parts(parts: VerifierParts) -> Option<Self> {
        let track = |[common, leaf, merge]: [Vec<u8>; 3], layout| {
            Some(TrackVerifier {
                common: CommonCircuitData::from_bytes(common, &EpochGates).ok()?,
                leaf: VerifierOnlyCircuitData::from_bytes(leaf).ok()?,
                merge: VerifierOnlyCircuitData::from_bytes(merge).ok()?,
                layout,
            })
        };
        let [transactions, state, settlement] = parts.tracks;
        Some(Self {
            tracks: Tracks {
                transactions: track(transactions, Layout::of::<TransactionsLeaf>())?,
                state: track(state, Layout::of::<StateLeaf>())?,
                settlement: track(settlement, Layout::of::<SettlementLeaf>())?,
            },
            root: VerifierCircuitData::from_bytes(parts.root, &EpochGates).ok()?,
            wrap: VerifierCircuitData::from_bytes(parts.wrap, &EpochGates).ok()?,
        })
    }

    /// What is known of a track.
    pub(crate) const fn track(&self, track: Track) -> &TrackVerifier {
        match track {
            Track::Transactions => &self.tracks.transactions,
            Track::State => &self.tracks.state,
            Track::Settlement => &self.tracks.settlement,
        }
    }
}
