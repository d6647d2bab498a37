//! The questions that the demo and the tests ask of a running devnet, and the waiting for their answers.

use std::time::Duration;

use agoge_contract_bindings::prover_bonds::ProverBonds;
use agoge_contract_bindings::rollup::Rollup;
use agoge_l1_client::At;
use agoge_protocol::rpc::Tip;
use agoge_protocol::{Address, Epoch, L2BlockNumber, Slot, Timing, U256};
use alloy::sol_types::SolCall;
use eyre::{Result, bail, eyre};
use tokio::time::Instant;

use crate::network::Devnet;

/// Between two looks while waiting.
pub(crate) const POLL: Duration = Duration::from_millis(200);

/// `ClaimState` of `IProverBonds.sol`, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ClaimState {
    /// Nobody has claimed the epoch.
    None,
    /// A bond is locked.
    Claimed,
    /// The claimant has proven the epoch.
    Delivered,
    /// It has not, and its bond is lost.
    Defaulted,
    /// The epoch fell with an earlier one: the bond is free.
    Released,
}

impl Devnet {
    /// Waits until every node says that it is ready.
    ///
    /// # Errors
    /// The reasons of those that are not.
    pub async fn wait_ready(&mut self, limit: Duration) -> Result<()> {
        let end = Instant::now() + limit;
        loop {
            let mut waiting = Vec::new();
            for node in &mut self.nodes {
                node.check_alive()?;
                if !node.is_ready().await {
                    waiting.push(format!("{}: {}", node.name(), node.readiness().await));
                }
            }
            if waiting.is_empty() {
                return Ok(());
            }
            if Instant::now() >= end {
                bail!("not ready after {limit:?}: {}", waiting.join("; "));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until L1's pending tip is at least `number`.
    ///
    /// # Errors
    /// When it is not within `limit`, or when a node died meanwhile.
    pub async fn wait_for_block(&mut self, number: u64, limit: Duration) -> Result<u64> {
        let end = Instant::now() + limit;
        loop {
            let tip = self.l1_tip().await?;
            if tip >= number {
                return Ok(tip);
            }
            self.check_alive()?;
            if Instant::now() >= end {
                bail!("L1's tip is block {tip}, not {number}, after {limit:?}");
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Number of the last block on L1.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn l1_tip(&self) -> Result<u64> {
        let (_, time) = self.anvil.head().await?;
        Ok(self.reader.tips_at(At::Latest, time).await?.pending.get())
    }

    /// Waits until all running nodes have the same pending tip, at block `number` or later, and returns it. What they agree on is
    /// compared with the archive on L1.
    ///
    /// # Errors
    /// What each node said last, when they do not agree within `limit`.
    pub async fn wait_agreed(&mut self, number: u64, limit: Duration) -> Result<Tip> {
        let end = Instant::now() + limit;
        loop {
            let mut tips = Vec::new();
            for node in &mut self.nodes {
                node.check_alive()?;
                tips.push((node.name().to_owned(), node.rpc()?.tips().await?.pending));
            }
            let (_, first) = tips.first().cloned().ok_or_else(|| eyre!("there are no nodes"))?;
            if first.number.get() >= number && tips.iter().all(|(_, tip)| *tip == first) {
                let record = self.reader.block_record(At::Latest, first.number).await?;
                if record.is_some_and(|(archive, _)| archive == first.archive) {
                    return Ok(first);
                }
            }
            if Instant::now() >= end {
                let said: Vec<String> = tips
                    .iter()
                    .map(|(name, tip)| format!("{name}: block {} archive {}", tip.number, tip.archive))
                    .collect();
                bail!(
                    "the nodes do not agree on block {number} or later after {limit:?}: {}",
                    said.join("; ")
                );
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// How the network cuts time.
    pub fn timing(&self) -> Timing {
        self.plan.network.timing(self.deployment.genesis_time)
    }

    /// The slot of L1's latest block; `None` before genesis.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn l1_slot(&self) -> Result<Option<Slot>> {
        let (_, time) = self.anvil.head().await?;
        Ok(self.timing().slot_at(time))
    }

    /// Waits until L1 has reached a slot.
    ///
    /// # Errors
    /// Those of the calls.
    pub async fn wait_for_slot(&self, slot: Slot) -> Result<()> {
        while self.l1_slot().await?.is_none_or(|now| now < slot) {
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Seconds of a slot, as a limit that is easy to multiply.
    pub const fn slots(&self, count: u64) -> Duration {
        Duration::from_secs(self.plan.network.protocol.slot_seconds.saturating_mul(count))
    }

    /// Number of the last block of a node's pending chain.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn node_tip(&self, node: usize) -> Result<L2BlockNumber> {
        let node = self
            .nodes
            .get(node)
            .ok_or_else(|| eyre!("there is no node {node}"))?;
        Ok(node.rpc()?.tips().await?.pending.number)
    }

    /// Fails if a process has ended by itself.
    ///
    /// # Errors
    /// The process, with the end of its log.
    pub fn check_alive(&mut self) -> Result<()> {
        for node in &mut self.nodes {
            node.check_alive()?;
        }
        for prover in &mut self.provers {
            prover.check_alive()?;
        }
        Ok(())
    }

    /// Number of the last proven block on L1.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn l1_proven(&self) -> Result<u64> {
        let (_, time) = self.anvil.head().await?;
        Ok(self.reader.tips_at(At::Latest, time).await?.proven.get())
    }

    /// Waits until L1's proven tip is at least `number`.
    ///
    /// # Errors
    /// When it is not within `limit`, with what each prover says, or when a process died meanwhile.
    pub async fn wait_for_proof(&mut self, number: u64, limit: Duration) -> Result<u64> {
        let end = Instant::now() + limit;
        loop {
            let proven = self.l1_proven().await?;
            if proven >= number {
                return Ok(proven);
            }
            self.check_alive()?;
            if Instant::now() >= end {
                let mut said = Vec::new();
                for prover in &self.provers {
                    let status = prover
                        .status()
                        .await
                        .map_or_else(|error| error.to_string(), |status| status.to_string());
                    said.push(format!("{}: {status}", prover.name()));
                }
                bail!(
                    "L1's proven tip is block {proven}, not {number}, after {limit:?}: {}",
                    said.join("; ")
                );
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until all nodes have L1's proven tip, at block `number` or later, and returns it.
    ///
    /// # Errors
    /// What each node said last, when they do not agree within `limit`.
    pub async fn wait_proven_everywhere(&mut self, number: u64, limit: Duration) -> Result<Tip> {
        let end = Instant::now() + limit;
        loop {
            let on_l1 = self.l1_proven().await?;
            let record = self
                .reader
                .block_record(At::Latest, L2BlockNumber::new(on_l1))
                .await?;
            let mut tips = Vec::new();
            for node in &mut self.nodes {
                node.check_alive()?;
                tips.push((node.name().to_owned(), node.rpc()?.tips().await?.proven));
            }
            let (_, first) = tips.first().cloned().ok_or_else(|| eyre!("there are no nodes"))?;
            if on_l1 >= number
                && first.number.get() == on_l1
                && tips.iter().all(|(_, tip)| *tip == first)
                && record.is_some_and(|(archive, _)| archive == first.archive)
            {
                return Ok(first);
            }
            if Instant::now() >= end {
                let said: Vec<String> = tips
                    .iter()
                    .map(|(name, tip)| format!("{name}: block {}", tip.number))
                    .collect();
                bail!(
                    "L1's proven tip is block {on_l1}, the nodes say after {limit:?}: {}",
                    said.join("; ")
                );
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The epoch of a block, by its slot in a node's header.
    ///
    /// # Errors
    /// When the first node does not have the block.
    pub async fn epoch_of(&self, number: u64) -> Result<Epoch> {
        let node = self
            .nodes
            .first()
            .ok_or_else(|| eyre!("there are no nodes"))?
            .rpc()?;
        let block = node.block(L2BlockNumber::new(number)).await?;
        let slot = block
            .ok_or_else(|| eyre!("the node has no block {number}"))?
            .header
            .slot;
        Ok(self.timing().epoch_of(slot))
    }

    /// A view of one of the deployment's contracts, by its name.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn view<C: SolCall>(&self, contract: &str, call: &C) -> Result<C::Return> {
        let address = self.deployment.address(contract)?;
        let answer = self
            .l1
            .call(address, call.abi_encode().into(), At::Latest)
            .await?;
        Ok(C::abi_decode_returns(&answer)?)
    }

    /// Wei that a contract owes an account.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn owed(&self, contract: &str, account: Address) -> Result<U256> {
        self.view(contract, &Rollup::owedCall { account }).await
    }

    /// The claim of an epoch; all zero if there is none.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn claim_of(&self, epoch: Epoch) -> Result<ProverBonds::Claim> {
        let call = ProverBonds::claimOfCall {
            _instance: self.deployment.address("Rollup")?,
            _epoch: U256::from(epoch.get()),
        };
        self.view("ProverBonds", &call).await
    }

    /// Waits until an epoch is claimed, at most until L1 has reached slot `last`.
    ///
    /// # Errors
    /// When it is not claimed by then, or when a process died meanwhile.
    pub async fn wait_for_claim(&mut self, epoch: Epoch, last: u64) -> Result<ProverBonds::Claim> {
        loop {
            let claim = self.claim_of(epoch).await?;
            if claim.state != ClaimState::None as u8 {
                return Ok(claim);
            }
            self.check_alive()?;
            if self.l1_slot().await?.is_some_and(|slot| slot.get() > last) {
                bail!("epoch {epoch} is not claimed in slot {last}");
            }
            tokio::time::sleep(POLL).await;
        }
    }
}
