//! Doing jobs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use agoge_protocol::network::ClientProfile;
use agoge_protocol::{B256, Digest, keccak256};
use plonky2::plonk::circuit_data::{CircuitData, VerifierCircuitData};
use plonky2::plonk::config::GenericConfig;

use super::artefacts::{Artefact, Store};
use super::circuits::{CircuitsError, Leaves, Verifiers, build_all, build_root, build_wrap};
use super::expected::{Expected, JobError, attempt_error};
use super::jobs::{EpochProof, Job, JobOutput, MergeInput, RootInput, RootProof, SegmentProof, Track};
use super::leaf::LeafProver;
use super::merge::{Child, MergeProver};
use super::resident::Resident;
use super::root::{RootProver, RootSegment};
use super::segments::{RootVerifier, SegmentError, SegmentVerifier, encode_root, encode_segment};
use super::track::{Leaf, TreeProof};
use super::transactions::TransactionsInput;
use super::verifier::{self, EpochVerifier};
use super::wrap::WrapCircuit;
use crate::solidity::proof as l1_proof;
use crate::{D, F};

/// Circuits in memory at once.
const RESIDENT_CIRCUITS: usize = 2;

/// Makes every proof of an epoch and checks what others made.
///
/// Circuits come from a folder, where the first start builds them (minutes of CPU, about a gigabyte and a half of disk). One
/// prover may be shared by threads; a proof uses all cores of the thread pool that it is made in.
pub struct EpochProver {
    profile: ClientProfile,
    digest: B256,
    store: Store,
    leaves: Leaves,
    verifiers: Verifiers,
    segments: [SegmentVerifier; 3],
    root: RootVerifier,
    epoch: EpochVerifier,
    empty_batch: SegmentProof,
    resident: Resident<Artefact>,
}

impl EpochProver {
    /// Opens the circuits for client proofs of a profile in a folder, and builds those that are not there.
    ///
    /// # Errors
    /// [`CircuitsError`].
    pub fn open(folder: &Path, profile: ClientProfile) -> Result<Self, CircuitsError> {
        let epoch = EpochVerifier::new(profile)?;
        let digest = circuits_digest(profile, epoch.digest());
        let prover = Self::open_store(Store::open(folder, digest)?, profile, digest)?;
        if prover.epoch.data() == epoch.data() {
            Ok(prover)
        } else {
            Err(CircuitsError::Changed { profile })
        }
    }

    /// [`Self::open`] with the circuits of the source, whatever verifier data are committed: for measuring a change of circuits
    /// before it is committed. L1 takes none of its proofs.
    ///
    /// The circuits stay in the subfolder `uncommitted-<profile>` and are used as they are by the next call: nothing there says of
    /// which source they are. Remove it after a change of the source. [`Self::build_verifier_data`] does not look at it.
    ///
    /// # Errors
    /// [`CircuitsError`].
    pub fn open_uncommitted(folder: &Path, profile: ClientProfile) -> Result<Self, CircuitsError> {
        Self::open_store(Store::open_uncommitted(folder, profile)?, profile, B256::ZERO)
    }

    fn open_store(store: Store, profile: ClientProfile, digest: B256) -> Result<Self, CircuitsError> {
        let leaves = Leaves::open(&store, profile)?;
        let stored = match Verifiers::read(&store)? {
            Some(verifiers) => store
                .read_value::<SegmentProof>(Artefact::EmptyBatch)?
                .map(|batch| (verifiers, batch)),
            None => None,
        };
        let (verifiers, empty_batch) = match stored {
            Some(stored) => stored,
            None => {
                let verifiers = build_all(&store, &leaves)?;
                let batch = store
                    .read_value(Artefact::EmptyBatch)?
                    .ok_or(CircuitsError::Incomplete)?;
                (verifiers, batch)
            }
        };
        let epoch = EpochVerifier::of_circuit(profile, verifiers.wrap.clone())?;
        let segment = |track| SegmentVerifier::new(verifiers.track(track));
        let segments = [
            segment(Track::Transactions)?,
            segment(Track::State)?,
            segment(Track::Settlement)?,
        ];
        let root = RootVerifier::new(&verifiers.root)?;
        Ok(Self {
            profile,
            digest,
            store,
            leaves,
            verifiers,
            segments,
            root,
            epoch,
            empty_batch,
            resident: Resident::new(RESIDENT_CIRCUITS),
        })
    }

    /// Builds the circuits of the source in a folder, where [`Self::open`] finds them once their verifier data are committed:
    /// what `data/` must hold. For the example that writes these files. Every circuit is built: nothing that was in the folder
    /// is read.
    ///
    /// # Errors
    /// [`CircuitsError`].
    pub fn build_verifier_data(folder: &Path, profile: ClientProfile) -> Result<Vec<u8>, CircuitsError> {
        let store = Store::open_empty(folder, profile)?;
        let prover = Self::open_store(store, profile, B256::ZERO)?;
        let data = verifier::encode(prover.epoch.data())?;
        prover
            .store
            .rename(folder, circuits_digest(profile, keccak256(&data)))?;
        Ok(data)
    }

    /// The client profile whose proofs go in.
    pub const fn profile(&self) -> ClientProfile {
        self.profile
    }

    /// Names the circuits: work done under another digest is of no use.
    pub const fn circuits_digest(&self) -> B256 {
        self.digest
    }

    /// The verifier of what [`Job::Wrap`] makes.
    pub const fn epoch_verifier(&self) -> &EpochVerifier {
        &self.epoch
    }

    /// The segment that proves no transactions from the zero chain: an epoch without any needs no other in its track.
    pub const fn empty_batch(&self) -> &SegmentProof {
        &self.empty_batch
    }

    /// Does a job: seconds of CPU, up to 2 GB of memory (the wrap 4 GB). Inputs are checked natively first, the proof is
    /// verified before it is returned. With tiny probability the proof system meets a division by zero, hence a second
    /// attempt.
    ///
    /// # Errors
    /// [`JobError`]: the input is wrong, the circuits cannot be loaded, the proof system failed twice.
    pub fn run(&self, job: &Job) -> Result<JobOutput, JobError> {
        let expected = Expected::of(job)?;
        let attempt = || -> Result<JobOutput, JobError> {
            let output =
                catch_unwind(AssertUnwindSafe(|| self.attempt(job))).map_err(|_| JobError::Panicked)??;
            self.check_expected(&expected, &output)?;
            Ok(output)
        };
        match attempt() {
            Err(JobError::Prover(_) | JobError::Panicked | JobError::Proof(_) | JobError::Unexpected) => {
                attempt()
            }
            result => result,
        }
    }

    /// Accepts exactly what [`Self::run`] can make of a job: the statement, and a valid proof of it. What a worker hands in is
    /// used only after this.
    ///
    /// # Errors
    /// [`JobError`]: [`JobError::Unexpected`] for another statement, [`JobError::Proof`] or [`JobError::EpochProof`] for a proof that
    /// is not valid.
    pub fn check(&self, job: &Job, output: &JobOutput) -> Result<(), JobError> {
        self.check_expected(&Expected::of(job)?, output)
    }

    /// Accepts a valid segment of any statement.
    ///
    /// # Errors
    /// [`SegmentError`].
    pub fn verify_segment(&self, segment: &SegmentProof) -> Result<(), SegmentError> {
        self.verified(segment).map(|_| ())
    }

    fn check_expected(&self, expected: &Expected, output: &JobOutput) -> Result<(), JobError> {
        if !expected.is_met_by(output) {
            return Err(JobError::Unexpected);
        }
        match output {
            JobOutput::Segment(segment) => self.verify_segment(segment)?,
            JobOutput::Root(root) => self.root.verified(root).map(|_| ())?,
            JobOutput::Epoch(proof) => self.epoch.verify(proof)?,
        }
        Ok(())
    }

    fn verified(&self, segment: &SegmentProof) -> Result<TreeProof, SegmentError> {
        let [transactions, state, settlement] = &self.segments;
        match segment.track {
            Track::Transactions => transactions.verified(segment),
            Track::State => state.verified(segment),
            Track::Settlement => settlement.verified(segment),
        }
    }

    fn attempt(&self, job: &Job) -> Result<JobOutput, JobError> {
        let leaves = &self.leaves;
        let segment = match job {
            Job::Transactions(input) if is_empty_batch(input) => self.empty_batch.clone(),
            Job::Transactions(input) => self.prove_leaf(
                Track::Transactions,
                Artefact::TransactionsLeaf,
                &leaves.transactions,
                input,
            )?,
            Job::State(input) => self.prove_leaf(Track::State, Artefact::StateLeaf, &leaves.state, input)?,
            Job::Settlement(input) => self.prove_leaf(
                Track::Settlement,
                Artefact::SettlementLeaf,
                &leaves.settlement,
                input,
            )?,
            Job::Merge(input) => self.merge(input)?,
            Job::Root(input) => return Ok(JobOutput::Root(self.prove_root(input)?)),
            Job::Wrap(root) => return Ok(JobOutput::Epoch(self.wrap(root)?)),
        };
        Ok(JobOutput::Segment(segment))
    }

    fn prove_leaf<L>(
        &self,
        track: Track,
        artefact: Artefact,
        leaf: &L,
        input: &L::Input,
    ) -> Result<SegmentProof, JobError>
    where
        L: Leaf + 'static,
        L::Targets: Send + Sync,
    {
        let shape = track.shape();
        let verifier = self.verifiers.track(track).leaf_data();
        let prover: Arc<LeafProver<L>> = self.resident.get(artefact, || -> Result<_, CircuitsError> {
            if let Some(data) = self.store.read_circuit(artefact, &verifier)? {
                return Ok(LeafProver::with_data(leaf, &shape, data));
            }
            let prover = LeafProver::build(leaf, &shape)?;
            self.store_rebuilt(artefact, &prover.data, &verifier)?;
            Ok(prover)
        })?;
        let proof = prover.prove(leaf, input).map_err(attempt_error)?;
        encode_segment(track, false, &proof).map_err(JobError::Prover)
    }

    fn merge(&self, input: &MergeInput) -> Result<SegmentProof, JobError> {
        let track = input.track;
        let artefact = match track {
            Track::Transactions => Artefact::TransactionsMerge,
            Track::State => Artefact::StateMerge,
            Track::Settlement => Artefact::SettlementMerge,
        };
        let known = self.verifiers.track(track);
        let shape = track.shape();
        let proofs = input
            .children
            .iter()
            .map(|child| Ok((self.verified(child)?, child.is_merge)))
            .collect::<Result<Vec<_>, SegmentError>>()
            .map_err(JobError::Child)?;
        let verifier = known.merge_data();
        let prover: Arc<MergeProver> = self.resident.get(artefact, || -> Result<_, CircuitsError> {
            if let Some(data) = self.store.read_circuit(artefact, &verifier)? {
                return Ok(MergeProver::with_data(&shape, data));
            }
            let prover = MergeProver::build(&known.common, &known.leaf, known.layout, &shape, None)?;
            self.store_rebuilt(artefact, &prover.data, &verifier)?;
            Ok(prover)
        })?;
        let children: Vec<_> = proofs
            .iter()
            .map(|(proof, is_merge)| Child {
                proof,
                is_merge: *is_merge,
            })
            .collect();
        let proof = prover.prove(&children, &known.merge).map_err(JobError::Prover)?;
        encode_segment(track, true, &proof).map_err(JobError::Prover)
    }

    fn prove_root(&self, input: &RootInput) -> Result<RootProof, JobError> {
        let segments = [&input.transactions, &input.state, &input.settlement];
        let [transactions, state, settlement] =
            segments.map(|segment| self.verified(segment).map_err(JobError::Child));
        let proofs = [transactions?, state?, settlement?];
        let tracks = &self.verifiers.tracks;
        let prover: Arc<RootProver> = self
            .resident
            .get(Artefact::Root, || -> Result<_, CircuitsError> {
                if let Some(data) = self.store.read_circuit(Artefact::Root, &self.verifiers.root)? {
                    return Ok(RootProver::with_data(tracks, data));
                }
                let prover = build_root(tracks)?;
                self.store_rebuilt(Artefact::Root, &prover.data, &self.verifiers.root)?;
                Ok(prover)
            })?;
        let [transactions, state, settlement] = &proofs;
        let segment = |proof, segment: &SegmentProof| RootSegment {
            proof,
            is_merge: segment.is_merge,
        };
        let proof = prover
            .prove(
                [
                    segment(transactions, &input.transactions),
                    segment(state, &input.state),
                    segment(settlement, &input.settlement),
                ],
                input.parent.as_ref(),
            )
            .map_err(attempt_error)?;
        encode_root(&proof).map_err(JobError::Prover)
    }

    fn wrap(&self, root: &RootProof) -> Result<EpochProof, JobError> {
        let proof = self.root.verified(root).map_err(JobError::Child)?;
        let prover: Arc<WrapCircuit> =
            self.resident
                .get(Artefact::Wrap, || -> Result<_, CircuitsError> {
                    if let Some(data) = self.store.read_circuit(Artefact::Wrap, &self.verifiers.wrap)? {
                        return Ok(WrapCircuit::with_data(&self.verifiers.root.common, data));
                    }
                    let prover = build_wrap(&self.verifiers.root)?;
                    self.store_rebuilt(Artefact::Wrap, &prover.data, &self.verifiers.wrap)?;
                    Ok(prover)
                })?;
        let proof = prover.prove(&proof).map_err(JobError::Prover)?;
        Ok(EpochProof {
            public_inputs: root.public_inputs,
            bytes: l1_proof::encode(&proof.proof),
        })
    }

    /// Stores a circuit that was built again because its file was damaged or gone, if it is the one that was there.
    fn store_rebuilt<G: GenericConfig<D, F = F>>(
        &self,
        artefact: Artefact,
        data: &CircuitData<F, G, D>,
        expected: &VerifierCircuitData<F, G, D>,
    ) -> Result<(), CircuitsError> {
        if data.verifier_data() != *expected {
            return Err(CircuitsError::Changed {
                profile: self.profile,
            });
        }
        Ok(self.store.write_circuit(artefact, data)?)
    }
}

impl core::fmt::Debug for EpochProver {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("EpochProver")
            .field("profile", &self.profile)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

/// Names everything that circuits depend on. The committed verifier data at the end of the chain commit to every circuit
/// below by its constants; the version stands for the form of files.
fn circuits_digest(profile: ClientProfile, pinned: B256) -> B256 {
    let profile = match profile {
        ClientProfile::Default => 0,
        ClientProfile::Testing => 1,
    };
    let version = env!("CARGO_PKG_VERSION").as_bytes();
    keccak256([b"AGOGE_CIRCUITS_V2", version, &[profile], pinned.as_slice()].concat())
}

fn is_empty_batch(input: &TransactionsInput) -> bool {
    input.transactions.is_empty() && input.start == Digest::ZERO
}
