//! How proofs are made, for all instances with the same circuits and the same worker.

use std::sync::{Arc, LazyLock};

use agoge_contract_bindings::epoch_proof_verifier::EpochProofVerifier;
use agoge_contract_bindings::test_epoch_proof_verifier::TestEpochProofVerifier;
use agoge_protocol::{B256, Digest, keccak256};
use agoge_state_transition::BlockLimits;
use agoge_store::Store;
use agoge_supervisor::{Clock, Spawner};

use super::error::StartError;
use super::seams::{ProofMaker, TestProofs};
use crate::config::Config;
use crate::jobs::Shelf;
use crate::work::{Circuits, Library, Pool, PoolConfig, SharedWorker};

/// Bytes of one kept result: the witness of a full block has about a megabyte.
const RESULT_BYTES_MAX: usize = 16 << 20;
/// Bytes of all kept results of an instance: several full epochs.
const RESULTS_BYTES_MAX: u64 = 4 << 30;

/// What the verifiers of this program's contracts have on L1: neither has anything that the constructor fills in.
static CODE_HASH: LazyLock<B256> = LazyLock::new(|| keccak256(&EpochProofVerifier::DEPLOYED_BYTECODE));
static TEST_CODE_HASH: LazyLock<B256> =
    LazyLock::new(|| keccak256(&TestEpochProofVerifier::DEPLOYED_BYTECODE));

/// See the module.
#[derive(Clone)]
pub enum Proving {
    /// Nothing is proven: the test verifier takes empty proofs.
    Test,
    /// Pools, one for each instance.
    Pools {
        /// The circuits, loaded once.
        circuits: Arc<dyn Circuits>,
        /// Who works; one job at a time each, whichever instance's.
        workers: Vec<SharedWorker>,
    },
}

impl core::fmt::Debug for Proving {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

impl Proving {
    /// The word for it on the status page.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Pools { .. } => "plonky2",
        }
    }

    /// Code hash of the verifier that takes these proofs.
    pub fn verifier_code_hash(&self) -> B256 {
        match self {
            Self::Test => *TEST_CODE_HASH,
            Self::Pools { .. } => *CODE_HASH,
        }
    }

    /// A maker of an instance's proofs; blocking: it looks at all kept results.
    ///
    /// # Errors
    /// [`StartError::Shelf`].
    pub(crate) fn maker(
        &self,
        config: &Config,
        (store, genesis_id): (Arc<Store>, Digest),
        clock: Arc<dyn Clock>,
        spawner: &Spawner,
    ) -> Result<Arc<dyn ProofMaker>, StartError> {
        let Self::Pools { circuits, workers } = self else {
            return Ok(Arc::new(TestProofs));
        };
        let jobs = config.instance_dir(genesis_id).join("jobs");
        let shelf = Arc::new(Shelf::open(&jobs, RESULT_BYTES_MAX, RESULTS_BYTES_MAX)?);
        let library = Library::new(store, shelf, genesis_id, BlockLimits::of(&config.network));
        let rules = PoolConfig {
            job_timeout_ms: config.work.job_timeout_seconds.saturating_mul(1_000),
        };
        let (circuits, workers) = (Arc::clone(circuits), workers.clone());
        Ok(Arc::new(Pool::start(
            library, circuits, workers, rules, clock, spawner,
        )))
    }
}
