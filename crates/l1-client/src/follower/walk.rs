//! One pass over L1: from the blocks followed so far to what follows them, by parent hash.

use std::collections::{BTreeMap, VecDeque};

use agoge_protocol::{B256, ChainEvent, L1Block, L1BlockNumber, L1Event};
use alloy::primitives::BloomInput;
use serde_json::{Value, json};

use super::counts::{self, Counts};
use super::decode::{FOLLOWED, decode};
use super::error::FollowerError;
use super::range::LogRange;
use crate::config::Contracts;
use crate::l1_json::{HeaderJson, LogJson};
use crate::metrics;
use crate::rpc::{BATCH_MAX, Call, Rpc, RpcError};

/// Headers walked in one pass while far behind.
const PASS_BLOCKS: u64 = 100;
/// Closer to the head than this, logs are asked for by block hash, which a node that does not know the block refuses.
const NEAR_BLOCKS: u64 = 64;
/// Logs of our contracts in one L1 block: bounded by gas, this is far above it.
const BLOCK_LOGS_MAX: usize = 20_000;
/// A bloom filter with more bits set than this says too little to be worth a second question.
const BLOOM_BITS_MAX: usize = 1_024;

/// What a pass found.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) head: L1Block,
    pub(super) events: Vec<ChainEvent>,
    /// Whether there is more to fetch at once.
    pub(super) is_behind: bool,
    /// Whether the endpoint is behind what was followed.
    pub(super) is_lagging: bool,
}

/// The blocks followed so far and the way to more.
#[derive(Debug)]
pub(super) struct Walker {
    rpc: Rpc,
    contracts: Contracts,
    first_block: u64,
    reorg_depth_max: u64,
    /// Newest last, linked by parent hash, at most `reorg_depth_max + 1`.
    recent: VecDeque<L1Block>,
    range: LogRange,
    ahead: Option<LogsAhead>,
    /// Where the Rollup stands after a block, by that block's state.
    counts: Option<(B256, Counts)>,
}

/// Logs of a range of old blocks, fetched in one request and used as their headers are walked.
#[derive(Debug)]
struct LogsAhead {
    last: u64,
    by_block: BTreeMap<u64, Vec<LogJson>>,
}

impl Walker {
    pub(super) fn new(
        rpc: Rpc,
        contracts: Contracts,
        first_block: u64,
        reorg_depth_max: u64,
        log_range_max: u64,
        cursor: Vec<L1Block>,
    ) -> Self {
        let mut walker = Self {
            rpc,
            contracts,
            first_block,
            reorg_depth_max,
            recent: VecDeque::new(),
            range: LogRange::new(log_range_max),
            ahead: None,
            counts: None,
        };
        for block in cursor {
            walker.push(block);
        }
        walker
    }

    pub(super) fn tip(&self) -> Option<L1Block> {
        self.recent.back().copied()
    }

    /// Looks at the head and returns what follows the tip, in order.
    pub(super) async fn pass(&mut self) -> Result<Pass, FollowerError> {
        let head: HeaderJson = self
            .rpc
            .call("eth_getBlockByNumber", json!(["latest", false]))
            .await?;
        let tip = match self.tip() {
            Some(tip) => tip,
            None => self.anchor().await?,
        };
        let head_block = head.block();
        let mut pass = Pass {
            head: head_block,
            events: Vec::new(),
            is_behind: false,
            is_lagging: false,
        };
        if head_block.hash == tip.hash {
            return Ok(pass);
        }
        if head_block.number <= tip.number {
            match self.known(head_block.number) {
                // A node that lags, or a chain that was cut and has not grown again: neither takes anything back.
                Some(known) if known.hash == head_block.hash => pass.is_lagging = true,
                Some(_) => {
                    pass.events.push(self.roll_back(tip).await?);
                    pass.is_behind = true;
                }
                None => {
                    return Err(FollowerError::HeadWentBack {
                        followed: tip.number,
                        head: head_block.number,
                    });
                }
            }
            return Ok(pass);
        }
        let headers = self.headers_after(tip, head).await?;
        if headers.first().is_some_and(|first| first.parent_hash != tip.hash) {
            pass.events.push(self.roll_back(tip).await?);
            pass.is_behind = true;
            return Ok(pass);
        }
        check_links(tip, &headers)?;
        let logs = self.logs_of(&headers, head_block.number.get()).await?;
        for (header, logs) in headers.iter().zip(logs) {
            let block = header.block();
            pass.events.push(ChainEvent::Extended {
                block,
                events: self.events_of(&block, logs)?,
            });
        }
        self.check_complete(tip, &pass).await?;
        for header in &headers {
            self.push(header.block());
        }
        pass.is_behind = self.tip().is_some_and(|tip| tip.number < head_block.number);
        Ok(pass)
    }

    fn push(&mut self, block: L1Block) {
        self.recent.push_back(block);
        let kept = usize::try_from(self.reorg_depth_max)
            .unwrap_or(usize::MAX)
            .saturating_add(1);
        while self.recent.len() > kept {
            self.recent.pop_front();
        }
    }

    fn known(&self, number: L1BlockNumber) -> Option<&L1Block> {
        self.recent.iter().rev().find(|block| block.number == number)
    }

    /// With an empty cursor the walk starts after the block before the first contract.
    async fn anchor(&mut self) -> Result<L1Block, FollowerError> {
        let number = self.first_block.saturating_sub(1);
        let header: Option<HeaderJson> = self.rpc.call("eth_getBlockByNumber", by_number(number)).await?;
        let block = header
            .ok_or_else(|| {
                FollowerError::Inconsistent(format!("block {number}, before the deployment, does not exist"))
            })?
            .block();
        self.push(block);
        Ok(block)
    }

    /// At most [`PASS_BLOCKS`] headers after the tip, oldest first.
    async fn headers_after(&self, tip: L1Block, head: HeaderJson) -> Result<Vec<HeaderJson>, FollowerError> {
        let first = tip.number.get().saturating_add(1);
        let head_number = head.number.to::<u64>();
        if first == head_number {
            return Ok(vec![head]);
        }
        let last = head_number.min(tip.number.get().saturating_add(PASS_BLOCKS));
        let calls: Vec<Call> = (first..=last)
            .map(|number| Call::new("eth_getBlockByNumber", by_number(number)))
            .collect();
        let headers: Vec<Option<HeaderJson>> = self.rpc.batch_all(&calls).await?;
        let missing = || FollowerError::Inconsistent("a block below the head does not exist".to_owned());
        headers
            .into_iter()
            .map(|header| header.ok_or_else(missing))
            .collect()
    }

    /// Finds the newest followed block that L1 still has, cuts what is above it, and says so.
    async fn roll_back(&mut self, tip: L1Block) -> Result<ChainEvent, FollowerError> {
        let mut numbers: Vec<u64> = self.recent.iter().rev().map(|block| block.number.get()).collect();
        numbers.dedup();
        for chunk in numbers.chunks(BATCH_MAX) {
            let calls: Vec<Call> = chunk
                .iter()
                .map(|number| Call::new("eth_getBlockByNumber", by_number(*number)))
                .collect();
            let canonical: Vec<Option<HeaderJson>> = self.rpc.batch_all(&calls).await?;
            let ancestor = canonical.into_iter().flatten().find_map(|header| {
                let block = header.block();
                self.known(block.number)
                    .filter(|known| known.hash == block.hash)
                    .copied()
            });
            let Some(ancestor) = ancestor else { continue };
            let depth = tip.number.get().saturating_sub(ancestor.number.get());
            if depth == 0 {
                return Err(FollowerError::Inconsistent(
                    "the head does not descend from a block that L1 still has".to_owned(),
                ));
            }
            self.recent.retain(|block| block.number <= ancestor.number);
            self.ahead = None;
            metrics::reorg(depth);
            tracing::info!(depth, from = %tip.number, to = %ancestor.number, "L1 reorg");
            return Ok(ChainEvent::RolledBack { to: ancestor });
        }
        Err(FollowerError::ReorgTooDeep {
            limit: self.reorg_depth_max,
            followed: tip.number,
        })
    }

    /// Logs of each header, in order.
    async fn logs_of(
        &mut self,
        headers: &[HeaderJson],
        head: u64,
    ) -> Result<Vec<Vec<LogJson>>, FollowerError> {
        let mut out = Vec::with_capacity(headers.len());
        let (old, near): (Vec<_>, Vec<_>) = headers
            .iter()
            .partition(|header| header.number.to::<u64>().saturating_add(NEAR_BLOCKS) <= head);
        for header in old {
            let logs = self.logs_of_old(header, head).await?;
            out.push(self.second_opinion(header, logs).await?);
        }
        let calls: Vec<Call> = near
            .iter()
            .map(|header| Call::new("eth_getLogs", self.by_hash(header.hash)))
            .collect();
        let answers: Vec<Vec<LogJson>> = self.rpc.batch_all(&calls).await?;
        for (header, logs) in near.into_iter().zip(answers) {
            out.push(self.second_opinion(header, logs).await?);
        }
        Ok(out)
    }

    /// Logs of a block deep below the head, out of an answer for a whole range.
    async fn logs_of_old(&mut self, header: &HeaderJson, head: u64) -> Result<Vec<LogJson>, FollowerError> {
        let number = header.number.to::<u64>();
        loop {
            if let Some(ahead) = &mut self.ahead
                && number <= ahead.last
            {
                return Ok(ahead.by_block.remove(&number).unwrap_or_default());
            }
            let last = head
                .saturating_sub(NEAR_BLOCKS)
                .min(number.saturating_add(self.range.blocks()).saturating_sub(1));
            let filter = json!([{
                "address": self.contracts.followed(),
                "fromBlock": format!("{number:#x}"),
                "toBlock": format!("{last:#x}"),
            }]);
            match self.rpc.call::<Vec<LogJson>>("eth_getLogs", filter).await {
                Ok(logs) => {
                    self.range.accepted();
                    self.ahead = Some(LogsAhead {
                        last,
                        by_block: group(logs, number, last)?,
                    });
                }
                Err(error) if self.range.refused(&error.cause) => {
                    tracing::debug!(%error, blocks = self.range.blocks(), "smaller log range");
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// If a header's bloom filter promises logs of ours and none came, every endpoint is asked for this block once more.
    async fn second_opinion(
        &self,
        header: &HeaderJson,
        logs: Vec<LogJson>,
    ) -> Result<Vec<LogJson>, FollowerError> {
        if !logs.is_empty() || !self.promises_logs(header) {
            return Ok(logs);
        }
        let answers: Vec<Result<Vec<LogJson>, RpcError>> =
            self.rpc.call_each("eth_getLogs", self.by_hash(header.hash)).await;
        let mut last = None;
        let mut longest: Option<Vec<LogJson>> = None;
        for answer in answers {
            match answer {
                Ok(logs) if longest.as_ref().is_none_or(|old| logs.len() > old.len()) => longest = Some(logs),
                Ok(_) => {}
                Err(error) => last = Some(error),
            }
        }
        match (longest, last) {
            (Some(logs), _) => Ok(logs),
            (None, Some(error)) => Err(error.into()),
            (None, None) => Ok(Vec::new()),
        }
    }

    fn promises_logs(&self, header: &HeaderJson) -> bool {
        let bloom = &header.logs_bloom;
        let bits: u32 = bloom.data().iter().map(|byte| byte.count_ones()).sum();
        let has = |bytes: &[u8]| bloom.contains_input(BloomInput::Raw(bytes));
        usize::try_from(bits).is_ok_and(|bits| bits <= BLOOM_BITS_MAX)
            && self
                .contracts
                .followed()
                .iter()
                .any(|address| has(address.as_slice()))
            && FOLLOWED.iter().any(|topic| has(topic.as_slice()))
    }

    /// Near the head, where endpoints keep state and may not have indexed every log yet: nothing may be missing between `tip` and the last
    /// block of the pass.
    async fn check_complete(&mut self, tip: L1Block, pass: &Pass) -> Result<(), FollowerError> {
        let Some(ChainEvent::Extended { block: last, .. }) = pass.events.last() else {
            return Ok(());
        };
        let last = *last;
        if last.number.get().saturating_add(NEAR_BLOCKS) <= pass.head.number.get() {
            self.counts = None;
            return Ok(());
        }
        let before = self.counts.take().filter(|(hash, _)| *hash == tip.hash);
        let rollup = self.contracts.rollup;
        let (before, after) = match before {
            Some((_, before)) => (
                Some(before),
                counts::read(&self.rpc, rollup, &[last.hash]).await?.pop(),
            ),
            None => {
                let mut both = counts::read(&self.rpc, rollup, &[tip.hash, last.hash]).await?;
                let after = both.pop();
                (both.pop().flatten(), after)
            }
        };
        let Some(after) = after.flatten() else {
            return Ok(());
        };
        let events = pass.events.iter().flat_map(|event| match event {
            ChainEvent::Extended { events, .. } => events.as_slice(),
            ChainEvent::RolledBack { .. } => &[],
        });
        if let Some(told) = before.map(|before| before.after(events))
            && told != after
        {
            self.ahead = None;
            self.rpc.rotate();
            return Err(FollowerError::Inconsistent(format!(
                "logs up to block {} are incomplete: they lead to {told:?}, the contract has {after:?}",
                last.number
            )));
        }
        self.counts = Some((last.hash, after));
        Ok(())
    }

    fn by_hash(&self, hash: B256) -> Value {
        json!([{ "address": self.contracts.followed(), "blockHash": hash }])
    }

    fn events_of(&self, block: &L1Block, mut logs: Vec<LogJson>) -> Result<Vec<L1Event>, FollowerError> {
        if logs.len() > BLOCK_LOGS_MAX {
            return Err(FollowerError::Inconsistent(format!(
                "{} logs in block {}",
                logs.len(),
                block.number
            )));
        }
        logs.sort_by_key(|log| log.log_index);
        let mut events = Vec::with_capacity(logs.len());
        let mut previous = None;
        for log in &logs {
            let is_ours = self.contracts.followed().contains(&log.address);
            let is_of_block =
                log.block_hash == block.hash && log.block_number.to::<u64>() == block.number.get();
            if !is_ours || !is_of_block || log.removed || previous == Some(log.log_index) {
                return Err(FollowerError::Inconsistent(format!(
                    "log {} of {} is not a log of ours in block {} ({})",
                    log.log_index, log.address, block.number, block.hash
                )));
            }
            previous = Some(log.log_index);
            let event = decode(&self.contracts, log).map_err(|source| FollowerError::Undecodable {
                contract: log.address,
                block: block.number,
                log_index: log.log_index.to(),
                topic: log.topics.first().copied().unwrap_or_default(),
                source,
            })?;
            events.extend(event);
        }
        Ok(events)
    }
}

fn by_number(number: u64) -> Value {
    json!([format!("{number:#x}"), false])
}

fn check_links(tip: L1Block, headers: &[HeaderJson]) -> Result<(), FollowerError> {
    let mut parent = tip;
    for header in headers {
        let block = header.block();
        if block.parent_hash != parent.hash || block.number.get() != parent.number.get().saturating_add(1) {
            return Err(FollowerError::Inconsistent(format!(
                "block {} does not follow block {}",
                block.number, parent.number
            )));
        }
        parent = block;
    }
    Ok(())
}

fn group(logs: Vec<LogJson>, first: u64, last: u64) -> Result<BTreeMap<u64, Vec<LogJson>>, FollowerError> {
    let mut by_block: BTreeMap<u64, Vec<LogJson>> = BTreeMap::new();
    for log in logs {
        let number = log.block_number.to::<u64>();
        if !(first..=last).contains(&number) {
            return Err(FollowerError::Inconsistent(format!(
                "a log of block {number} was not asked for"
            )));
        }
        by_block.entry(number).or_default().push(log);
    }
    Ok(by_block)
}
