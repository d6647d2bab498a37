//! Load: wallets that pay each other and L1 accounts, each transaction written down and followed to its end.
//!
//! A wallet has one transaction under way at a time, so none of them conflict: what a node has accepted must be mined, once.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use agoge_protocol::rpc::{EFFECTS_RANGE_MAX, TransactionStatus};
use agoge_protocol::{Digest, L2BlockNumber, Transaction, TxId, keccak256};
use agoge_wallet::node::{Node, NodeError};
use borsh::BorshDeserialize;
use eyre::{Context, Result, ensure, eyre};
use futures::future::{join_all, try_join_all};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep};

use super::now_ms;
use super::outage::Outages;
use crate::network::Devnet;
use crate::wallets::Wallet;

/// Wei that each wallet's L1 account gets: its deposit and the gas.
const ALLOWANCE: u128 = 20_000_000_000_000_000_000;
/// What each wallet deposits.
const DEPOSIT: &str = "1ether";
/// Gwei that are paid at most; small against a deposit, so that a wallet never runs dry.
const PAYMENT_MAX: u64 = 10_000;
/// One transaction of so many is a withdrawal.
const WITHDRAWAL_OF: u32 = 10;
/// Between two looks at a transaction under way.
const POLL: Duration = Duration::from_secs(1);
/// Looks in a row at which a node does not know a transaction until it is handed over again.
const UNKNOWN_MAX: u32 = 5;

/// A transaction that a node has accepted.
#[derive(Clone, Debug)]
struct Sent {
    id: TxId,
    nullifier: Digest,
}

/// What became of the load.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LoadReport {
    /// Transactions that a node accepted.
    pub accepted: u64,
    /// Of these, in exactly one block.
    pub mined: u64,
    /// Left the mempools for a stated reason.
    pub dropped: u64,
    /// Still in a mempool.
    pub queued: u64,
    /// In no block, and no node knows them.
    pub lost: Vec<TxId>,
    /// In more than one block.
    pub twice: Vec<TxId>,
    /// Refused by a node with a code.
    pub refused: u64,
    /// Not made or not handed over, since a node did not answer.
    pub failed: u64,
    /// Handed over again, since a node that had been killed forgot them.
    pub handed_over_again: u64,
}

/// Wallets with money, and what they have sent.
pub(super) struct Load<'a> {
    wallets: Vec<Wallet>,
    urls: Vec<String>,
    outages: &'a Outages,
    log: Mutex<std::fs::File>,
    ticks: tokio::sync::Mutex<Interval>,
    sent: Mutex<Vec<Sent>>,
    counts: Mutex<LoadReport>,
    seed: String,
    /// No payment is begun any more.
    pub(super) is_over: AtomicBool,
}

impl<'a> Load<'a> {
    /// Creates `count` wallets and waits until each has a note to spend. `tps` is the rate of all of them together.
    ///
    /// # Errors
    /// A wallet that cannot deposit.
    pub(super) async fn fund(
        devnet: &Devnet,
        count: usize,
        tps: f64,
        file: &Path,
        outages: &'a Outages,
    ) -> Result<Self> {
        let urls: Vec<String> = devnet.nodes.iter().map(|node| node.rpc_url()).collect();
        let wallets = (0..count).map(async |number| {
            let url = urls
                .iter()
                .cycle()
                .nth(number)
                .ok_or_else(|| eyre!("there are no nodes"))?;
            let wallet = Wallet::create(devnet, number, url).await?.at_lowest_priority();
            devnet.anvil.set_balance(wallet.account, ALLOWANCE).await?;
            wallet.deposit(url, DEPOSIT).await?;
            Ok::<_, eyre::Report>(wallet)
        });
        let wallets = try_join_all(wallets).await?;
        ensure!(tps.is_finite() && tps > 0.0, "the load's rate is {tps}");
        let mut ticks = interval(Duration::from_secs_f64(tps.recip()));
        // Late payments are made up for.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        Ok(Self {
            wallets,
            urls,
            outages,
            log: Mutex::new(std::fs::File::create(file).wrap_err_with(|| file.display().to_string())?),
            ticks: tokio::sync::Mutex::new(ticks),
            sent: Mutex::new(Vec::new()),
            counts: Mutex::new(LoadReport::default()),
            seed: devnet.plan.seed.clone(),
            is_over: AtomicBool::new(false),
        })
    }

    /// Pays until the load is over; transactions that are under way then are not waited for.
    pub(super) async fn run(&self) {
        self.ticks.lock().await.reset_immediately();
        join_all((0..self.wallets.len()).map(|number| self.work(number))).await;
    }

    async fn work(&self, number: usize) {
        let seed = keccak256(format!("agoge devnet load {:?} {number}", self.seed));
        let mut rng = ChaCha8Rng::from_seed(seed.0);
        loop {
            self.ticks.lock().await.tick().await;
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            if let Err(error) = self.pay(number, &mut rng).await {
                self.count(|counts| &mut counts.failed);
                self.write(number, "failed", json!({"error": format!("{error:#}")}));
            }
        }
    }

    async fn pay(&self, number: usize, rng: &mut ChaCha8Rng) -> Result<()> {
        let wallet = self
            .wallets
            .get(number)
            .ok_or_else(|| eyre!("there is no wallet {number}"))?;
        let (at, url) = self.well(rng).ok_or_else(|| eyre!("no node is up"))?;
        let amount = format!("{}gwei", rng.gen_range(1..=PAYMENT_MAX));
        let extra = ["--print-raw"];
        let (kind, made) = if rng.gen_ratio(1, WITHDRAWAL_OF) {
            let made = wallet.withdraw(&url, wallet.account, &amount, &extra).await;
            ("withdrawal", made?)
        } else {
            let to = self.wallets.choose(rng).unwrap_or(wallet);
            ("transfer", wallet.send(&url, &to.address, &amount, &extra).await?)
        };
        let raw = made.get("raw").and_then(Value::as_str).unwrap_or_default();
        let tx = Transaction::try_from_slice(&hex::decode(raw.trim_start_matches("0x"))?)?;
        let (id, nullifier) = (tx.id(), tx.public_inputs.nullifiers()[0]);
        let fields = json!({"id": id, "kind": kind, "node": at});
        match Node::new(&url)?.send_raw(raw).await {
            Ok(_) => {}
            Err(error @ NodeError::Refused { .. }) => {
                self.count(|counts| &mut counts.refused);
                self.write(number, "refused", with(fields, "error", json!(error.to_string())));
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
        self.count(|counts| &mut counts.accepted);
        lock(&self.sent).push(Sent { id, nullifier });
        self.write(number, "accepted", fields);
        self.follow(number, id, raw, rng).await;
        Ok(())
    }

    /// Looks until the transaction is mined or dropped, or the load is over; hands it over again where it was forgotten.
    async fn follow(&self, number: usize, id: TxId, raw: &str, rng: &mut ChaCha8Rng) {
        let mut unknown = 0_u32;
        while !self.is_over.load(Ordering::Relaxed) {
            sleep(POLL).await;
            let Some((at, url)) = self.well(rng) else { continue };
            let Ok(node) = Node::new(&url) else { continue };
            match node.status(id).await {
                Ok(
                    TransactionStatus::Mined { number: block } | TransactionStatus::Proven { number: block },
                ) => {
                    return self.write(number, "mined", json!({"id": id, "node": at, "block": block}));
                }
                Ok(TransactionStatus::Dropped { reason, .. }) => {
                    return self.write(number, "dropped", json!({"id": id, "node": at, "reason": reason}));
                }
                Ok(TransactionStatus::Unknown) => unknown = unknown.saturating_add(1),
                // A node that is killed just now is left for another one.
                Ok(TransactionStatus::Queued) | Err(_) => unknown = 0,
            }
            if unknown >= UNKNOWN_MAX {
                unknown = 0;
                let outcome = node.send_raw(raw).await.err().map(|error| error.to_string());
                self.count(|counts| &mut counts.handed_over_again);
                self.write(
                    number,
                    "handed_over_again",
                    json!({"id": id, "node": at, "error": outcome}),
                );
            }
        }
    }

    /// A node that is in order, by chance.
    fn well(&self, rng: &mut ChaCha8Rng) -> Option<(usize, String)> {
        let well: Vec<(usize, &String)> = self
            .urls
            .iter()
            .enumerate()
            .filter(|(node, _)| self.outages.is_well(*node))
            .collect();
        well.choose(rng).map(|(node, url)| (*node, (*url).clone()))
    }

    fn count(&self, which: impl FnOnce(&mut LoadReport) -> &mut u64) {
        let mut counts = lock(&self.counts);
        let count = which(&mut counts);
        *count = count.saturating_add(1);
    }

    fn write(&self, wallet: usize, event: &str, fields: Value) {
        let line = with(with(fields, "event", json!(event)), "wallet", json!(wallet));
        let line = with(line, "unix_ms", json!(now_ms()));
        if let Err(error) = writeln!(lock(&self.log), "{line}") {
            tracing::warn!(%error, "load.jsonl");
        }
    }

    /// Waits until every accepted transaction is in a block of `judge`'s chain or was dropped, and says what became of each.
    ///
    /// # Errors
    /// `judge` does not answer.
    pub(super) async fn settle(&self, judge: &Node, limit: Duration) -> Result<LoadReport> {
        let sent = lock(&self.sent).clone();
        let end = Instant::now() + limit;
        loop {
            let blocks = spent_in(judge).await?;
            let mut report = lock(&self.counts).clone();
            for tx in &sent {
                match blocks.get(&tx.nullifier) {
                    Some(1) => report.mined = report.mined.saturating_add(1),
                    Some(_) => report.twice.push(tx.id),
                    None => match self.where_is(tx.id).await {
                        TransactionStatus::Dropped { .. } => {
                            report.dropped = report.dropped.saturating_add(1)
                        }
                        TransactionStatus::Unknown => report.lost.push(tx.id),
                        // In a block that the judge has not read yet, or in one that L1 has just replaced.
                        _ => report.queued = report.queued.saturating_add(1),
                    },
                }
            }
            if (report.lost.is_empty() && report.queued == 0) || Instant::now() >= end {
                return Ok(report);
            }
            sleep(POLL).await;
        }
    }

    /// What the nodes say of a transaction: the best news of all of them.
    async fn where_is(&self, id: TxId) -> TransactionStatus {
        let mut best = TransactionStatus::Unknown;
        for url in &self.urls {
            let Ok(node) = Node::new(url) else { continue };
            match node.status(id).await {
                Ok(dropped @ TransactionStatus::Dropped { .. }) => best = dropped,
                Ok(TransactionStatus::Unknown) | Err(_) => {}
                Ok(status) => return status,
            }
        }
        best
    }
}

/// In how many blocks of a node's chain each first nullifier is.
async fn spent_in(node: &Node) -> Result<BTreeMap<Digest, u32>> {
    let mut blocks = BTreeMap::new();
    let tip = node.tips().await?.pending.number;
    let mut from = L2BlockNumber::new(1);
    while from <= tip {
        let last = L2BlockNumber::new(from.get().saturating_add(EFFECTS_RANGE_MAX.saturating_sub(1)));
        let batch = node.effects(from, last.min(tip)).await?;
        let Some(end) = batch.last().map(|block| block.number) else {
            break;
        };
        for tx in batch.iter().flat_map(|block| &block.transactions) {
            let count: &mut u32 = blocks.entry(tx.nullifiers[0]).or_default();
            *count = count.saturating_add(1);
        }
        from = end.next();
    }
    Ok(blocks)
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
    object
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
