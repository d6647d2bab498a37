//! The actor around the validators' state machine: carries inputs in and outputs out, decides nothing.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use agoge_p2p::{P2pHandle, Status, Ticket};
use agoge_protocol::messages::{Attestation, SignedProposal};
use agoge_protocol::{Address, Digest, Epoch, Equivocation, Slot};
use agoge_supervisor::{CancellationToken, SlotClock, Spawner};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::reexecute::Judge;
use super::reports::Notice;
use crate::chain::{Built, ChainNotice, Committees, ExecuteError, Prepared};
use crate::consensus::{
    BuildFailed, ChainView, Evidence, Input, Output, Publication, PublishFailed, SignRefused, SignRequest,
    Source, Validators, Verdict,
};
use crate::duties::{DutyLog, DutyOutcome, DutyRecord};
use crate::publisher::Publisher;
use crate::quotes::Quotes;
use crate::signer::Signer;

/// Results of work that wait for the actor: more than the machine can have under way.
pub(super) const INPUTS_MAX: usize = 1_024;

/// What the network heard, with the ticket for the verdict.
#[derive(Debug)]
pub(super) enum Heard {
    Proposal(Box<SignedProposal>, Ticket),
    Attestation(Attestation, Ticket),
}

/// What the actor is made of.
#[derive(Debug)]
pub(super) struct ValidatorsActor {
    // Interfaces.
    pub(super) p2p: P2pHandle,
    pub(super) committees: Committees,
    pub(super) quotes: Quotes,
    pub(super) judge: Judge,
    pub(super) signer: Signer,
    pub(super) publisher: Publisher,
    pub(super) reports: mpsc::Sender<Notice>,
    pub(super) duties: Arc<DutyLog>,
    pub(super) clock: SlotClock,
    pub(super) spawner: Spawner,
    pub(super) notices: mpsc::Receiver<ChainNotice>,
    pub(super) heard: mpsc::Receiver<Heard>,
    pub(super) inputs: mpsc::Receiver<Input>,
    pub(super) results: mpsc::Sender<Input>,
    pub(super) view: watch::Sender<Option<ChainView>>,
    // Config.
    pub(super) fee_recipient: Option<Address>,
    pub(super) rollup: Address,
    pub(super) genesis_id: Digest,
    pub(super) tick: Duration,
    // State.
    pub(super) machine: Validators,
    pub(super) tickets: BTreeMap<Source, Ticket>,
    pub(super) last_source: u64,
    /// When the last own proposal went out, until its attestation set is complete.
    pub(super) collecting: Option<(Slot, Instant)>,
}

impl ValidatorsActor {
    /// Runs until cancelled.
    pub(super) async fn run(mut self, cancel: CancellationToken) -> Result<(), Infallible> {
        let mut tick = tokio::time::interval(self.tick);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                Some(notice) = self.notices.recv() => self.handle_notice(notice).await,
                Some(input) = self.inputs.recv() => self.handle_input(input).await,
                Some(heard) = self.heard.recv() => self.handle_heard(heard).await,
                _ = tick.tick() => self.step(Input::Tick).await,
            }
        }
    }

    async fn handle_notice(&mut self, notice: ChainNotice) {
        match notice {
            ChainNotice::RolledBack(to) => {
                for epoch in self.committees.on_rolled_back(&to) {
                    self.step(Input::Committee {
                        epoch,
                        committee: None,
                    })
                    .await;
                }
                // Its epoch may end elsewhere now.
                self.step(Input::Offer(None)).await;
            }
            ChainNotice::View(view) => {
                self.committees.on_l1_block();
                self.view.send_replace(Some(view));
                let status = Status {
                    genesis_id: self.genesis_id,
                    tip: view.tip.number,
                    archive: view.tip.archive,
                };
                // The network may be stopping.
                self.p2p.set_status(status).await.ok();
                self.step(Input::Chain(view)).await;
                self.find_offer(view.is_synced);
            }
        }
    }

    async fn handle_input(&mut self, input: Input) {
        if let Input::Committee {
            epoch,
            committee: Some(committee),
        } = &input
            && !self.committees.is_current(*epoch, committee)
        {
            // L1 was reorganised while the answer was on its way; the machine asks again.
            return;
        }
        self.step(input).await;
    }

    async fn handle_heard(&mut self, heard: Heard) {
        self.last_source = self.last_source.wrapping_add(1);
        let source = Source(self.last_source);
        let (input, ticket) = match heard {
            Heard::Proposal(proposal, ticket) => (Input::Proposal { source, proposal }, ticket),
            Heard::Attestation(attestation, ticket) => (Input::Attestation { source, attestation }, ticket),
        };
        self.tickets.insert(source, ticket);
        self.step(input).await;
        // The machine judges every message in the step that takes it.
        self.tickets.remove(&source);
    }

    async fn step(&mut self, input: Input) {
        for output in self.machine.step(self.clock.now_unix_ms(), input) {
            self.carry_out(output).await;
        }
    }

    async fn carry_out(&mut self, output: Output) {
        match output {
            Output::FindCommittee(epoch) => self.find_committee(epoch),
            Output::BuildBlock {
                slot,
                parent_archive,
                attempt,
                proposer,
            } => {
                self.build(slot, proposer, parent_archive, attempt);
            }
            Output::Reexecute(signed) => self.reexecute(*signed),
            Output::Sign(request) => self.sign(request),
            Output::GossipProposal(signed) => {
                self.collecting = Some((signed.proposal.slot(), Instant::now()));
                let p2p = self.p2p.clone();
                self.work("gossip-proposal", async move {
                    if let Err(error) = p2p.publish_proposal(*signed).await {
                        tracing::debug!(%error, "own proposal was not gossiped");
                    }
                    None
                });
            }
            Output::GossipAttestation(attestation) => {
                let p2p = self.p2p.clone();
                self.work("gossip-attestation", async move {
                    if let Err(error) = p2p.publish_attestation(attestation).await {
                        tracing::debug!(%error, "own attestation was not gossiped");
                    }
                    None
                });
            }
            Output::Publish(publication) => self.publish(publication),
            Output::Judge { source, verdict } => {
                let Some(ticket) = self.tickets.remove(&source) else {
                    return;
                };
                let verdict = match verdict {
                    Verdict::Accept => agoge_p2p::Verdict::Accept,
                    Verdict::Ignore => agoge_p2p::Verdict::Ignore,
                    Verdict::Reject => agoge_p2p::Verdict::Reject,
                };
                // The network may be stopping.
                self.p2p.report(ticket, verdict).await.ok();
            }
            Output::Equivocation { evidence, .. } => {
                metrics::counter!(crate::metrics::EQUIVOCATIONS).increment(1);
                self.report(Notice::Equivocation(self.equivocation(&evidence)));
            }
            Output::OwnKeyElsewhere { attester, evidence } => {
                metrics::counter!(crate::metrics::OWN_KEYS_ELSEWHERE).increment(1);
                let equivocation = self.equivocation(&evidence);
                self.report(Notice::OwnKeyElsewhere {
                    attester,
                    equivocation,
                });
            }
            Output::RecordDuty(record) => self.record(record),
        }
    }

    fn equivocation(&self, evidence: &Evidence) -> Box<Equivocation> {
        let (rollup, genesis_id) = (self.rollup, self.genesis_id);
        Box::new(match evidence {
            Evidence::Proposals(pair) => Equivocation::of_proposals(rollup, genesis_id, pair),
            Evidence::Attestations(pair) => Equivocation::of_attestations(rollup, genesis_id, pair),
        })
    }

    /// Never waits: the reporter may be telling this actor something.
    fn report(&self, notice: Notice) {
        if let Err(error) = self.reports.try_send(notice) {
            tracing::error!(%error, notice = ?error, "a validator signed two different messages; there is no room for the report");
        }
    }

    /// Looks for the quote that a block of the next L1 block's slot claims, if this node may publish one.
    fn find_offer(&self, is_synced: bool) {
        if !is_synced || !self.publisher.can_publish() || self.signer.addresses().is_empty() {
            return;
        }
        let quotes = self.quotes.clone();
        self.work(
            "find-offer",
            async move { Some(Input::Offer(quotes.offer().await)) },
        );
    }

    fn find_committee(&self, epoch: Epoch) {
        let committees = self.committees.clone();
        self.work("committee", async move {
            match committees.get(epoch).await {
                Ok(committee) => Some(Input::Committee {
                    epoch,
                    committee: Some(committee),
                }),
                Err(error) => {
                    tracing::debug!(%epoch, %error, "committee not known");
                    None
                }
            }
        });
    }

    fn build(&self, slot: Slot, proposer: Address, parent_archive: Digest, attempt: u8) {
        let fee_recipient = self.fee_recipient.unwrap_or(proposer);
        let (judge, publisher, spawner) = (self.judge.clone(), self.publisher.clone(), self.spawner.clone());
        let results = self.results.clone();
        self.work("build-block", async move {
            let started = Instant::now();
            let (executor, mempool) = (judge.executor, judge.mempool);
            let built = spawner.spawn_blocking("build-block", move || {
                let candidates = mempool.best(executor.candidates_max())?;
                let Built { block, skipped } =
                    executor.build(slot, parent_archive, fee_recipient, &candidates)?;
                mempool.on_skipped(skipped, block.executed.header.number)?;
                Ok::<Arc<Prepared>, ExecuteError>(block)
            });
            let built = built.await;
            metrics::histogram!(crate::metrics::BUILD_SECONDS).record(started.elapsed().as_secs_f64());
            let block = match built {
                Ok(Ok(block)) => block,
                Ok(Err(error)) => {
                    tracing::warn!(%slot, %error, "block not built");
                    return Some(Input::BlockBuilt {
                        slot,
                        attempt,
                        result: Err(BuildFailed),
                    });
                }
                Err(_) => return None,
            };
            let result = Ok(Box::new(block.proposal.clone()));
            results
                .send(Input::BlockBuilt {
                    slot,
                    attempt,
                    result,
                })
                .await
                .ok()?;
            if publisher.can_publish()
                && let Err(error) = publisher.prepare(&block).await
            {
                tracing::warn!(%slot, %error, "blob proofs not made");
            }
            None
        });
    }

    fn reexecute(&self, signed: SignedProposal) {
        let judge = self.judge.clone();
        self.work("reexecute", async move {
            let (slot, block_hash) = (signed.proposal.slot(), signed.proposal.block_hash());
            let result = judge.judge(&signed.proposal).await;
            Some(Input::Reexecuted {
                slot,
                block_hash,
                result,
            })
        });
    }

    fn sign(&self, request: SignRequest) {
        let signer = self.signer.clone();
        let signed = self.spawner.spawn_blocking("sign", move || signer.sign(&request));
        self.work("sign", async move {
            let SignRequest {
                attester, slot, kind, ..
            } = request;
            let result = signed.await.ok()?.map_err(|error| {
                tracing::error!(%attester, %slot, ?kind, %error, "not signed");
                metrics::counter!(crate::metrics::SIGNATURES_REFUSED).increment(1);
                SignRefused
            });
            Some(Input::Signed {
                attester,
                slot,
                kind,
                result,
            })
        });
    }

    fn publish(&mut self, publication: Box<Publication>) {
        // What is sent again after an L1 reorg was collected once.
        let collected = self
            .collecting
            .take_if(|(slot, _)| *slot == publication.proposal.slot());
        if let Some((_, since)) = collected {
            metrics::histogram!(crate::metrics::ATTESTATION_SET_SECONDS)
                .record(since.elapsed().as_secs_f64());
        }
        let publisher = self.publisher.clone();
        self.work("publish", async move {
            let slot = publication.proposal.slot();
            let result = publisher.publish(&publication).await.map_err(|error| {
                tracing::warn!(%slot, %error, "block not published");
                PublishFailed
            });
            Some(Input::Published { slot, result })
        });
    }

    fn record(&self, record: DutyRecord) {
        let DutyRecord {
            attester,
            slot,
            kind,
            outcome,
        } = &record;
        match outcome {
            DutyOutcome::Missed { reason } => {
                metrics::counter!(crate::metrics::DUTIES_MISSED).increment(1);
                tracing::info!(%attester, %slot, ?kind, %reason, "duty missed");
            }
            DutyOutcome::Published { .. } | DutyOutcome::Attested { .. } => {
                metrics::counter!(crate::metrics::DUTIES_DONE).increment(1);
                tracing::debug!(%attester, %slot, ?kind, "duty done");
            }
        }
        let duties = Arc::clone(&self.duties);
        let written = self
            .spawner
            .spawn_blocking("duty-log", move || duties.add(record));
        self.work("duty-log", async move {
            if let Ok(Err(error)) = written.await {
                tracing::warn!(%error, "duty log not written");
            }
            None
        });
    }

    /// Runs work whose result is an input. The machine asks for each piece of work a bounded number of times a slot.
    fn work(&self, name: &'static str, work: impl Future<Output = Option<Input>> + Send + 'static) {
        let results = self.results.clone();
        let cancel = self.spawner.token();
        self.spawner.spawn(name, async move {
            let input = tokio::select! {
                () = cancel.cancelled() => None,
                input = work => input,
            };
            if let Some(input) = input {
                // The actor lives as long as its tasks, except while the process stops.
                results.send(input).await.ok();
            }
            Ok::<(), Infallible>(())
        });
    }
}
