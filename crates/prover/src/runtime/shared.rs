//! What all instances of a prover have in common: L1, the one sender, the key, the worker, the bond.

use std::sync::Arc;

use agoge_circuits::ClientVerifier;
use agoge_l1_client::instances::{Launch, Stacks, Unknown, health_of};
use agoge_l1_client::{At, InstanceFacts, L1Client, RollupReader, RpcError, SenderHandle};
use agoge_protocol::{Address, B256};
use agoge_supervisor::{Clock, Health, SlotClock, Spawner};

use super::board::Board;
use super::commitments::Commitments;
use super::coordinator::Signer;
use super::error::{ForeignVerifier, StartError};
use super::proving::Proving;
use super::stack::start_stack;
use crate::config::Config;

/// Name of an instance's verifier on health pages, within its part.
const HEALTH: &str = "verifier";

/// See the module.
pub(super) struct Shared {
    // Interfaces.
    pub(super) l1: L1Client,
    pub(super) registry: RollupReader,
    pub(super) sender: SenderHandle,
    pub(super) signer: Signer,
    pub(super) verifier: Arc<ClientVerifier>,
    pub(super) proving: Proving,
    pub(super) board: Board,
    pub(super) health: Health,
    pub(super) slots: SlotClock,
    pub(super) clock: Arc<dyn Clock>,
    // Config.
    pub(super) config: Config,
    /// The deployment's own instance, when its proofs are not made here; it is never left, and not proven either.
    pub(super) foreign_home: Option<ForeignVerifier>,
    // State.
    pub(super) commitments: Commitments,
}

impl Shared {
    /// An instance's part of the health pages.
    pub(super) fn health_of(&self, number: u32) -> Health {
        health_of(&self.health, number)
    }
}

impl Stacks for Shared {
    type Error = StartError;

    async fn fits(&self, facts: &InstanceFacts, at: At) -> Result<(), Unknown> {
        let unknown = |reason: String, is_transient| Unknown { reason, is_transient };
        let expected = self.proving.verifier_code_hash();
        match foreign_verifier(&self.registry, facts, at, expected).await {
            Ok(None) => Ok(()),
            Ok(Some(foreign)) => Err(unknown(foreign.to_string(), false)),
            Err(error) => Err(unknown(error.to_string(), true)),
        }
    }

    async fn start(&self, launch: Launch, spawner: Spawner) -> Result<(), StartError> {
        let foreign = self.foreign_home.as_ref();
        match foreign.filter(|foreign| foreign.verifier == launch.facts.epoch_proof_verifier) {
            None => start_stack(self, launch, spawner).await,
            Some(foreign) => {
                let health = self.health_of(launch.number);
                health.set(HEALTH, Err(foreign.to_string()));
                self.board.put(launch, Err(foreign.to_string()));
                Ok(())
            }
        }
    }

    fn ended(&self, rollup: Address) {
        self.board.remove(rollup);
        self.commitments.stopped(rollup);
    }
}

/// What is wrong with the verifier of an instance's proofs.
///
/// # Errors
/// [`RpcError`].
pub(crate) async fn foreign_verifier(
    reader: &RollupReader,
    facts: &InstanceFacts,
    at: At,
    expected: B256,
) -> Result<Option<ForeignVerifier>, RpcError> {
    let verifier = facts.epoch_proof_verifier;
    let found = reader.code_hash(verifier, at).await?;
    Ok((found != expected).then_some(ForeignVerifier {
        verifier,
        expected,
        found,
    }))
}
