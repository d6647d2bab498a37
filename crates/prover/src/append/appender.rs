//! From transactions to an append on L1: follow, draft, prove, send; again when others were first.

use std::sync::Arc;
use std::time::Duration;

use agoge_circuits::ClientVerifier;
use agoge_l1_client::kzg;
use agoge_l1_client::{
    AppendState, At, Blob, L1Client, L1Wallet, MinedTx, Openness, ProvenBlocks, RollupReader, SendOutcome,
    TxRequest,
};
use agoge_protocol::{L2BlockNumber, Transaction};
use agoge_store::Store;
use agoge_supervisor::{Clock, Lost, Spawner};

use super::draft::{Draft, DraftError, DraftRules, Refused, take_back};
use super::error::{AppendError, NotNow};
use super::follow::Catching;
use super::prove::{self, ProveError};
use crate::epochs::Statement;
use crate::holdings;
use crate::runtime::{Goal, ProofMaker};

/// Times that blocks are made anew because others appended first.
pub(super) const TRIES_MAX: usize = 3;
/// Longest pause between two looks at an instance that is not open.
const LOOK_SECONDS: u64 = 12;

/// How long an instance that is not open is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Seconds from now; 0: not at all.
    pub seconds: u64,
}

/// What was appended, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The blocks.
    pub draft: Draft,
    /// The transaction; `None` when nothing was sent.
    pub tx: Option<MinedTx>,
}

/// Appends to one instance. Its store is followed and changed by nobody else.
pub struct Appender {
    /// L1.
    pub l1: L1Client,
    /// The instance.
    pub reader: RollupReader,
    /// Brings the store to L1's head.
    pub catching: Catching,
    /// What blocks are made by.
    pub rules: DraftRules,
    /// Makes the proof.
    pub maker: Arc<dyn ProofMaker>,
    /// Verifies client proofs.
    pub verifier: Arc<ClientVerifier>,
    /// The process's clock.
    pub clock: Arc<dyn Clock>,
    /// Tells a person how far it is.
    pub tell: Box<dyn Fn(&str) + Send + Sync>,
}

impl core::fmt::Debug for Appender {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Appender")
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

impl Appender {
    /// Makes the blocks, says what they are, and forgets them.
    ///
    /// # Errors
    /// [`AppendError`].
    pub async fn dry_run(&self, txs: &[Transaction], patience: Patience) -> Result<Appended, AppendError> {
        self.wait_until_open(self.deadline(patience)).await?;
        self.catching.up(&*self.tell).await?;
        let draft = self.draft(txs).await?;
        let made = self.goal(&draft).await;
        self.take_back().await?;
        made?;
        Ok(Appended { draft, tx: None })
    }

    /// Appends transactions and the deposits that are due. `agree` is asked once, before anything is proven.
    ///
    /// # Errors
    /// [`AppendError`]; the store is as L1 has it then.
    pub async fn append(
        &self,
        wallet: &mut L1Wallet,
        txs: &[Transaction],
        patience: Patience,
        agree: &(dyn Fn(&Draft) -> bool + Sync),
    ) -> Result<Appended, AppendError> {
        let deadline = self.deadline(patience);
        let mut has_agreed = false;
        for _ in 0..TRIES_MAX {
            self.wait_until_open(deadline).await?;
            self.catching.up(&*self.tell).await?;
            let draft = self.draft(txs).await?;
            has_agreed = has_agreed || agree(&draft);
            let sent = if has_agreed {
                Box::pin(self.prove_and_send(wallet, &draft, deadline)).await
            } else {
                Err(AppendError::Declined)
            };
            self.take_back().await?;
            match sent? {
                Some(tx) => return Ok(Appended { draft, tx: Some(tx) }),
                None => (self.tell)("others appended first; the blocks are made anew"),
            }
        }
        Err(AppendError::Overtaken)
    }

    /// `None` when the blocks' parent is not the proven tip any more.
    async fn prove_and_send(
        &self,
        wallet: &mut L1Wallet,
        draft: &Draft,
        deadline: u64,
    ) -> Result<Option<MinedTx>, AppendError> {
        let (goal, statement) = self.goal(draft).await?;
        let proof = prove::proof(&self.maker, &goal, &*self.tell).await?;
        let request = self.request(&goal, &statement, &proof).await?;
        // The proof may have taken long.
        let state = self.wait_until_open(deadline).await?;
        if !self.is_on_tip(&goal, &state).await? {
            return Ok(None);
        }
        (self.tell)("sending the blocks with their proof to L1");
        match wallet.send(request).await? {
            SendOutcome::Mined(tx) => Ok(Some(tx)),
            outcome @ (SendOutcome::SimulationReverted { .. } | SendOutcome::Reverted { .. }) => {
                let state = self.state().await?;
                if state.openness == Openness::Open && self.is_on_tip(&goal, &state).await? {
                    return Err(AppendError::Outcome(Box::new(outcome)));
                }
                (self.tell)(&outcome.to_string());
                Ok(None)
            }
            outcome => Err(AppendError::Outcome(Box::new(outcome))),
        }
    }

    async fn request(
        &self,
        goal: &Goal,
        statement: &Statement,
        proof: &[u8],
    ) -> Result<TxRequest, AppendError> {
        let store = Arc::clone(&self.catching.store);
        let hashes = goal.blocks.blob_hashes();
        let made = self.spawner().spawn_blocking("blob-proofs", move || {
            let mut blobs = Vec::new();
            for hash in hashes {
                let blob = store.view().blob(hash)?.ok_or(ProveError::Gone)?;
                blobs.push(Blob::from_bytes(blob.to_vec()).map_err(DraftError::from)?);
            }
            Ok::<_, AppendError>(kzg::sidecar(&blobs)?)
        });
        let blocks = ProvenBlocks {
            prover: self.rules.claimant.prover,
            settlement: statement.settlement.clone().into(),
            commitments: statement.commitments.clone().into(),
            evaluation: statement.opening.to_bytes().into(),
            proof: proof.to_vec().into(),
            sidecar: Arc::new(made.await??),
        };
        Ok(blocks.request(self.rules.claimant.rollup))
    }

    async fn goal(&self, draft: &Draft) -> Result<(Goal, Arc<Statement>), ProveError> {
        let DraftRules { claimant, timing, .. } = self.rules;
        prove::goal(&self.catching.store, claimant, timing, draft, self.spawner()).await
    }

    /// Verifies the client proofs and lays the blocks over the store.
    async fn draft(&self, txs: &[Transaction]) -> Result<Draft, AppendError> {
        let (verifier, rules, txs) = (Arc::clone(&self.verifier), self.rules, txs.to_vec());
        let laid = self.blocking("draft", move |store| {
            let (good, refused) = verified(&verifier, &rules, txs);
            match Draft::lay(store, &rules, &good) {
                Ok(mut draft) => {
                    draft.refused.splice(..0, refused);
                    Ok(draft)
                }
                Err(DraftError::Nothing { refused: more }) => Err(DraftError::Nothing {
                    refused: [refused, more].concat(),
                }),
                Err(error) => Err(error),
            }
        });
        Ok(laid.await??)
    }

    async fn take_back(&self) -> Result<(), AppendError> {
        Ok(self.blocking("take-back", |store| take_back(store)).await??)
    }

    /// Waits until an append may succeed.
    async fn wait_until_open(&self, deadline: u64) -> Result<AppendState, AppendError> {
        let mut told = None;
        loop {
            let state = self.state().await?;
            if state.openness == Openness::Open {
                return Ok(state);
            }
            if state.opens_at > deadline {
                return Err(NotNow(state).into());
            }
            if told.replace(state.opens_at) != Some(state.opens_at) {
                (self.tell)(&format!("{}; waiting", NotNow(state)));
            }
            let seconds = state.opens_at.saturating_sub(self.now()).clamp(1, LOOK_SECONDS);
            tokio::time::sleep(Duration::from_secs(seconds)).await;
        }
    }

    async fn state(&self) -> Result<AppendState, AppendError> {
        state(&self.l1, &self.reader, &self.rules, self.now()).await
    }

    /// Whether a draft stands on the proven tip.
    async fn is_on_tip(&self, goal: &Goal, state: &AppendState) -> Result<bool, AppendError> {
        let parent = goal.key.first.previous().unwrap_or(L2BlockNumber::GENESIS);
        if parent != state.tips.proven {
            return Ok(false);
        }
        // A reorg may have put another block there.
        let record = self.reader.block_record(At::Latest, parent).await?;
        Ok(parent == L2BlockNumber::GENESIS
            || record.is_some_and(|(archive, _)| archive == goal.blocks.start_archive))
    }

    fn deadline(&self, patience: Patience) -> u64 {
        self.now().saturating_add(patience.seconds)
    }

    fn now(&self) -> u64 {
        self.clock.now_unix_ms() / 1_000
    }

    const fn spawner(&self) -> &Spawner {
        &self.catching.spawner
    }

    async fn blocking<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce(&Store) -> T + Send + 'static,
    ) -> Result<T, Lost> {
        let store = Arc::clone(&self.catching.store);
        self.spawner().spawn_blocking(name, move || work(&store)).await
    }
}

/// What the next L1 block would say to an append; `now` is the wall clock, Unix seconds, which L1's may be ahead of.
///
/// # Errors
/// [`AppendError::Rpc`], [`AppendError::Call`].
pub async fn state(
    l1: &L1Client,
    reader: &RollupReader,
    rules: &DraftRules,
    now: u64,
) -> Result<AppendState, AppendError> {
    let head = l1.head().await?;
    let time = now.max(head.time.saturating_add(1));
    Ok(l1
        .append_state(reader, rules.claimant.prover, &rules.timing, time)
        .await?)
}

/// Transactions whose client proofs verify, each once; and the others.
fn verified(
    verifier: &ClientVerifier,
    rules: &DraftRules,
    txs: Vec<Transaction>,
) -> (Vec<Transaction>, Vec<Refused>) {
    let genesis_id = rules.claimant.genesis_id;
    let (mut good, mut refused) = (Vec::<Transaction>::new(), Vec::new());
    for tx in txs {
        let id = tx.id();
        if good.iter().any(|other| other.id() == id) {
            continue;
        }
        if agoge_supervisor::contained(|| holdings::is_valid(verifier, genesis_id, &tx)) {
            good.push(tx);
        } else {
            let reason = if tx.public_inputs.genesis_id() == genesis_id {
                "its proof or its ciphertexts are not those of a valid transaction"
            } else {
                "it was made for another instance"
            };
            refused.push(Refused {
                id,
                reason: reason.to_owned(),
            });
        }
    }
    (good, refused)
}
