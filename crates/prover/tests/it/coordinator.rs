//! The coordinator over a real store: what it offers and sends, once each, through claims, prefixes and reorgs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agoge_l1_client::{MinedTx, SendOutcome, TxRequest};
use agoge_protocol::{
    Address, B256, CompactSignature, Epoch, L1Block, L1BlockNumber, L2BlockNumber, SignedQuote, Slot,
};
use agoge_prover::chain::ChainState;
use agoge_prover::epochs::Policy;
use agoge_prover::runtime::{
    Commitments, Coordinator, CoordinatorRules, InstanceStatus, Outside, ProofMaker, TestProofs,
};
use agoge_store::{EpochClaim, EpochProof, L1Change, L1Step, Store};
use agoge_supervisor::{Clock, Health, ManualClock, SlotClock, Supervisor};
use futures::future::{BoxFuture, FutureExt as _};
use tokio::sync::watch;

use crate::support::{Finished, Planned};

const BONDS: Address = Address::repeat_byte(0x33);

/// L1 and the network: what was sent and offered.
#[derive(Default)]
struct FakeOutside {
    sent: Mutex<Vec<TxRequest>>,
    offered: Mutex<Vec<SignedQuote>>,
    /// What becomes of what is sent; mined when empty.
    outcomes: Mutex<Vec<SendOutcome>>,
    superseded_at: Mutex<Option<Epoch>>,
}

fn mined() -> SendOutcome {
    SendOutcome::Mined(MinedTx {
        hash: B256::ZERO,
        block_number: 1,
        block_hash: B256::ZERO,
        gas_used: 1,
        cost_wei: 1,
        created: None,
    })
}

impl Outside for FakeOutside {
    fn bond_available_gwei(&self) -> BoxFuture<'_, Option<u64>> {
        async { Some(5_000) }.boxed()
    }

    fn superseded_at(&self) -> Option<Epoch> {
        *self.superseded_at.lock().unwrap()
    }

    fn send(&self, request: TxRequest) -> BoxFuture<'_, Option<SendOutcome>> {
        async move {
            self.sent.lock().unwrap().push(request);
            Some(self.outcomes.lock().unwrap().pop().unwrap_or_else(mined))
        }
        .boxed()
    }

    fn offer(&self, quote: SignedQuote) -> BoxFuture<'_, ()> {
        async move { self.offered.lock().unwrap().push(quote) }.boxed()
    }
}

/// A prover of epoch 1 (blocks 2 to 4), and L1 as the test moves it.
struct Network {
    finished: Finished,
    outside: Arc<FakeOutside>,
    commitments: Commitments,
    chain: watch::Sender<ChainState>,
    status: watch::Receiver<InstanceStatus>,
    supervisor: Option<Supervisor>,
    clock: Arc<ManualClock>,
    health: Health,
    l1: Mutex<(u64, B256)>,
    unfollowed: Mutex<Option<Epoch>>,
}

impl Network {
    fn start() -> Self {
        Self::with(Arc::new(TestProofs))
    }

    fn with(maker: Arc<dyn ProofMaker>) -> Self {
        let finished = Finished::new(3, 5);
        let store = finished.epoch.store();
        let head = store.view().l1_head().unwrap().unwrap().block;
        let outside = Arc::new(FakeOutside::default());
        let (chain, heard) = watch::channel(ChainState::default());
        let (status_in, status) = watch::channel(InstanceStatus::default());
        let supervisor = Supervisor::new();
        let (clock, health) = (Arc::new(ManualClock::new(1)), Health::new());
        let commitments = Commitments::default();
        let coordinator = Coordinator {
            outside: Arc::clone(&outside) as Arc<dyn Outside>,
            maker,
            store,
            chain: heard,
            status: status_in,
            health: health.clone(),
            spawner: supervisor.spawner(),
            clock: SlotClock::new(*finished.epoch.timing(), Arc::clone(&clock) as Arc<dyn Clock>),
            signer: Arc::new(|_| Some(CompactSignature::from_bytes([1; 64]))),
            policy: Policy {
                is_eager: true,
                quotes: true,
                rescues: true,
                fee_bps: 2_000,
                bond_gwei: 1_000,
                epochs_max: 2,
                margin_seconds: 36,
            },
            claimant: *finished.epoch.claimant(),
            prover_bonds: BONDS,
            commitments: commitments.clone(),
            rules: CoordinatorRules {
                claim_window_slots: 7,
                proof_window_epochs: 4,
                l1_slot_seconds: 12,
            },
        };
        let spawner = supervisor.spawner();
        spawner.spawn("coordinator", coordinator.run(spawner.token()));
        Self {
            finished,
            outside,
            commitments,
            chain,
            status,
            supervisor: Some(supervisor),
            clock,
            health,
            l1: Mutex::new((head.number.get(), head.hash)),
            unfollowed: Mutex::default(),
        }
    }

    fn store(&self) -> Arc<Store> {
        self.finished.epoch.store()
    }

    /// An L1 block `slots` slots after the start of epoch 2.
    fn l1_block(&self, slots: u64, changes: Vec<L1Change>) -> L1Block {
        let timing = self.finished.epoch.timing();
        let mut l1 = self.l1.lock().unwrap();
        let block = L1Block {
            number: L1BlockNumber::new(l1.0 + 1),
            hash: B256::from(agoge_protocol::U256::from(1_000 + l1.0)),
            parent_hash: l1.1,
            time: timing.epoch_start(Epoch::new(2)) + slots * 36,
            prevrandao: B256::ZERO,
        };
        *l1 = (block.number.get(), block.hash);
        self.clock.set(block.time * 1_000);
        self.store().apply_l1_block(L1Step { block, changes }).unwrap();
        self.tell(block);
        block
    }

    fn roll_back(&self, to: L1Block) {
        self.store().rollback_l1(to.number, to.hash).unwrap();
        *self.l1.lock().unwrap() = (to.number.get(), to.hash);
        self.tell(to);
    }

    fn tell(&self, head: L1Block) {
        let tips = self.store().view().tips().unwrap();
        self.chain.send_modify(|state| {
            *state = ChainState {
                head: Some(head),
                tips,
                is_synced: true,
                unfollowed: *self.unfollowed.lock().unwrap(),
                version: state.version + 1,
            };
        });
    }

    fn me(&self) -> Address {
        self.finished.epoch.claimant().prover
    }

    fn claimed_by(&self, prover: Address) -> L1Change {
        L1Change::Claimed(EpochClaim {
            epoch: Epoch::new(1),
            prover,
            basis_point_fee: 2_000,
            bond_wei: 1,
            quote_digest: B256::ZERO,
            l1_block: L1BlockNumber::new(1),
            deadline: None,
            end: None,
        })
    }

    fn proven(&self, prover: Address, to: u64) -> [L1Change; 2] {
        let to = L2BlockNumber::new(to);
        let proof = EpochProof {
            epoch: Epoch::new(1),
            prover,
            from: L2BlockNumber::new(2),
            to,
            settled_from: L2BlockNumber::new(2),
            l1_block: L1BlockNumber::new(1),
        };
        [L1Change::EpochProof(proof), L1Change::Proven { to }]
    }

    /// Requests of `submitEpochProof`, as (first, last).
    fn submissions(&self) -> Vec<(u64, u64)> {
        let sent = self.outside.sent.lock().unwrap();
        let to_rollup = sent
            .iter()
            .filter(|request| request.to == Some(self.finished.epoch.claimant().rollup));
        let word = |request: &TxRequest, at: usize| {
            let bytes = &request.calldata[4 + 32 * at..4 + 32 * (at + 1)];
            u64::from_be_bytes(bytes[24..].try_into().unwrap())
        };
        to_rollup
            .map(|request| (word(request, 0), word(request, 1)))
            .collect()
    }

    /// Transactions to ProverBonds.
    fn settlements(&self) -> usize {
        let sent = self.outside.sent.lock().unwrap();
        sent.iter().filter(|request| request.to == Some(BONDS)).count()
    }

    fn quotes(&self) -> usize {
        self.outside.offered.lock().unwrap().len()
    }

    fn troubles(&self) -> String {
        let troubles = self.health.not_ready();
        troubles.iter().map(|trouble| trouble.reason.as_str()).collect()
    }

    async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let wait = async {
            while !is_so(self) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(120), wait)
            .await
            .unwrap_or_else(|_| panic!("{what}: {:?}", self.status.borrow()));
    }

    /// Some more looks of the coordinator, which tells its status after each: what it would do now it has done.
    async fn settle(&self) {
        let mut status = self.status.clone();
        for _ in 0..4 {
            status.mark_unchanged();
            let head = self.chain.borrow().head.unwrap();
            self.tell(head);
            status.changed().await.unwrap();
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        if let Some(supervisor) = self.supervisor.take() {
            supervisor.spawner().stop();
        }
    }
}

/// Epoch 0 (block 1) is proven, so that epoch 1 is next.
fn start() -> Network {
    after_epoch_0(Network::start())
}

fn after_epoch_0(network: Network) -> Network {
    network.l1_block(
        0,
        vec![L1Change::Proven {
            to: L2BlockNumber::new(1),
        }],
    );
    network
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_epoch_is_offered_once_and_sent_when_it_is_claimed() {
    let network = start();
    network
        .until("a quote", |n| !n.outside.offered.lock().unwrap().is_empty())
        .await;
    network.settle().await;
    let quote = network.outside.offered.lock().unwrap()[0].quote;
    assert_eq!(network.outside.offered.lock().unwrap().len(), 1, "once");
    assert_eq!(quote.epoch, Epoch::new(1));
    assert_eq!(quote.end_archive, network.finished.epoch.blocks().end_archive());
    assert_eq!(
        (quote.prover, quote.basis_point_fee, quote.bond_amount_gwei),
        (network.me(), 2_000, 1_000)
    );
    // Slots 64 to 70 are the claim window.
    assert_eq!(quote.valid_until_slot.get(), 70);
    assert!(
        network.submissions().is_empty(),
        "nothing is sent before the claim window is over"
    );

    network.l1_block(1, vec![network.claimed_by(network.me())]);
    network
        .until("the proof is sent", |n| n.submissions() == [(2, 4)])
        .await;
    network.settle().await;
    assert_eq!(network.submissions().len(), 1, "once");
    let status = network.status.borrow().clone();
    assert_eq!((status.epochs.len(), status.epochs[0].claim), (1, "ours"));

    let landed = network.l1_block(2, network.proven(network.me(), 4).to_vec());
    network
        .until("it is settled", |n| n.status.borrow().proven.get() == 4)
        .await;
    // L1 takes the block with the proof back and goes on without it.
    let before = network
        .store()
        .view()
        .l1_record(L1BlockNumber::new(landed.number.get() - 1))
        .unwrap()
        .unwrap();
    network.roll_back(before.block);
    network.l1_block(4, Vec::new());
    network
        .until("it is sent again", |n| n.submissions() == [(2, 4), (2, 4)])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_epoch_of_a_superseded_instance_is_sent_at_once_and_not_quoted() {
    let network = Network::start();
    *network.outside.superseded_at.lock().unwrap() = Some(Epoch::new(2));
    let network = after_epoch_0(network);
    network
        .until("the proof is sent", |n| n.submissions() == [(2, 4)])
        .await;
    network.settle().await;
    assert_eq!((network.submissions().len(), network.quotes()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bond_that_another_instance_has_promised_is_not_offered() {
    let network = Network::start();
    let mut quote = agoge_protocol::Quote {
        instance: Address::repeat_byte(0x44),
        epoch: Epoch::new(1),
        end_archive: network.finished.epoch.blocks().end_archive(),
        valid_until_slot: Slot::new(66),
        bond_amount_gwei: 4_001,
        prover: network.me(),
        basis_point_fee: 1,
        nonce: 1,
    };
    assert!(network.commitments.quote(&quote, BONDS, Slot::new(64), 5_000));
    let network = after_epoch_0(network);
    network
        .until("the bond is known", |n| {
            n.status.borrow().bond_available_gwei == Some(5_000)
        })
        .await;
    network.settle().await;
    assert_eq!(network.quotes(), 0, "999 of 1000 gwei are free");
    // The other's quote expires after slot 66.
    network.l1_block(3, Vec::new());
    network.until("a quote", |n| n.quotes() == 1).await;
    (quote.epoch, quote.valid_until_slot) = (Epoch::new(2), Slot::new(70));
    assert!(!network.commitments.quote(&quote, BONDS, Slot::new(67), 5_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_claim_it_is_sent_when_the_window_is_over_and_after_a_prefix_the_rest() {
    let network = start();
    let other = Address::repeat_byte(0x77);
    network.l1_block(6, Vec::new());
    network.settle().await;
    assert!(network.submissions().is_empty());
    network.l1_block(6, network.proven(other, 2).to_vec());
    network.l1_block(7, Vec::new());
    network
        .until("the rest is sent", |n| n.submissions() == [(3, 4)])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_claimant_is_rescued_and_its_claim_settled() {
    let network = start();
    let other = Address::repeat_byte(0x77);
    // The epoch before is proven, so L1 tells the deadline with the claim. A cheaper quote replaces the claim and not the deadline.
    let deadline = L1Change::ClaimDeadline {
        epoch: Epoch::new(1),
        deadline: agoge_protocol::Slot::new(96),
    };
    network.l1_block(1, vec![network.claimed_by(Address::repeat_byte(0x76)), deadline]);
    network.l1_block(2, vec![network.claimed_by(other)]);
    network.l1_block(30, Vec::new());
    network.settle().await;
    assert!(
        network.submissions().is_empty(),
        "the claimant has time until slot 96"
    );
    network.l1_block(32, Vec::new());
    network.until("the rescue", |n| n.submissions() == [(2, 4)]).await;
    network.l1_block(33, network.proven(network.me(), 4).to_vec());
    network
        .until("the claim is settled", |n| n.settlements() == 1)
        .await;
    network.settle().await;
    assert_eq!(network.settlements(), 1, "once");
    // The claim is still open: a reorg took the settlement out.
    network.l1_block(36, Vec::new());
    network
        .until("it is settled again", |n| n.settlements() == 2)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dearer_claim_is_replaced_within_its_window() {
    let network = start();
    network.until("a quote", |n| n.quotes() == 1).await;
    let mut claim = network.claimed_by(Address::repeat_byte(0x77));
    if let L1Change::Claimed(claim) = &mut claim {
        claim.basis_point_fee = 2_001;
    }
    network.l1_block(1, vec![claim]);
    // The first quote is no longer waited for.
    network.l1_block(4, Vec::new());
    network.until("the replacement", |n| n.settlements() == 1).await;
    let deadline = network.outside.sent.lock().unwrap()[0].deadline_time;
    // Slots 64 to 70 are the claim window.
    let end = network
        .finished
        .epoch
        .timing()
        .slot_start(agoge_protocol::Slot::new(71));
    assert_eq!(deadline, Some(end));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bond_is_freed_after_the_epochs_blocks_were_pruned() {
    let network = Network::start();
    network.l1_block(0, vec![network.claimed_by(network.me())]);
    // Epoch 0 may be proven until the end of epoch 4.
    let to = L2BlockNumber::new(0);
    network.l1_block(95, vec![L1Change::Prune { to }]);
    network.settle().await;
    assert_eq!(network.settlements(), 0);
    network.l1_block(96, Vec::new());
    network.until("the bond is freed", |n| n.settlements() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_cannot_be_proven_does_not_hold_up_the_epochs_before_it() {
    let network = Network::start();
    *network.unfollowed.lock().unwrap() = Some(Epoch::new(2));
    let network = after_epoch_0(network);
    network.until("a quote", |n| n.quotes() == 1).await;
    network.l1_block(1, vec![network.claimed_by(network.me())]);
    network
        .until("the proof is sent", |n| n.submissions() == [(2, 4)])
        .await;

    // In its own epoch the blocks before it are proven when nobody is expected to prove them; the epoch is not promised.
    let network = Network::start();
    *network.unfollowed.lock().unwrap() = Some(Epoch::new(1));
    let network = after_epoch_0(network);
    network.l1_block(6, Vec::new());
    network.settle().await;
    assert_eq!((network.quotes(), network.submissions().len()), (0, 0));
    network.l1_block(7, Vec::new());
    network
        .until("the prefix is sent", |n| n.submissions() == [(2, 4)])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_work_that_is_planned_whole_shortens_the_estimate_of_a_quote() {
    let maker = Arc::new(Planned {
        remaining: Mutex::new(None),
        is_impossible: AtomicBool::new(true),
        has_workers: AtomicBool::new(false),
    });
    let network = after_epoch_0(Network::with(Arc::clone(&maker) as Arc<dyn ProofMaker>));
    network.settle().await;
    assert!(
        network.troubles().contains("wrong results"),
        "{}",
        network.troubles()
    );
    maker.has_workers.store(true, Ordering::SeqCst);
    network.settle().await;
    assert!(network.troubles().contains("epoch 1 can never be proven"));
    maker.is_impossible.store(false, Ordering::SeqCst);
    network.settle().await;
    assert_eq!(
        (network.quotes(), network.troubles().as_str()),
        (0, ""),
        "what is planned is done, and it is not all"
    );
    *maker.remaining.lock().unwrap() = Some(10);
    network.until("a quote", |n| n.quotes() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_that_did_not_land_is_tried_again_later() {
    let network = start();
    network
        .outside
        .outcomes
        .lock()
        .unwrap()
        .push(SendOutcome::Expired { hashes: Vec::new() });
    network.l1_block(1, vec![network.claimed_by(network.me())]);
    network
        .until("the first try", |n| n.submissions().len() == 1)
        .await;
    network.settle().await;
    assert_eq!(network.submissions().len(), 1, "not at once");
    // The key works on one request at a time, so none may block it for the whole proof window: twelve L1 blocks from the next.
    let from = network.chain.borrow().head.unwrap().time + 12;
    let deadline = network.outside.sent.lock().unwrap()[0].deadline_time;
    assert_eq!(deadline, Some(from + 12 * 12));
    // L1's blocks are not followed while a blob is waited for: the process's clock counts.
    network.clock.advance(Duration::from_secs(24));
    network
        .until("the second try", |n| n.submissions().len() == 2)
        .await;
}
