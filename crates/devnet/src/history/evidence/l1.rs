//! What L1 holds of a run, as of one block. The connection is the checker's own: no code that it judges reads for it.

use std::collections::{BTreeMap, BTreeSet};

use agoge_contract_bindings::prover_bonds::ProverBonds;
use agoge_contract_bindings::registry::Registry;
use agoge_contract_bindings::rollup::Rollup;
use agoge_contract_bindings::staking::Staking;
use agoge_protocol::{Address, B256, Deployment, Digest, Timing, U256};
use alloy::consensus::Transaction as _;
use alloy::eips::BlockId;
use alloy::primitives::Bytes;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEventInterface;
use eyre::{Context, Result, ensure, eyre};

use super::wire::Instance;

/// Records of the ring that are compared with the events, counted from the tip.
const RECORDS_MAX: u64 = 64;
/// L1 blocks of one log query.
const LOG_BLOCKS: u64 = 2_000;

/// An L1 block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number.
    pub number: u64,
    /// Hash.
    pub hash: B256,
    /// Unix seconds.
    pub time: u64,
    /// What the next epochs' seeds are made of.
    pub prevrandao: B256,
}

/// An event and where it is in L1's order.
#[derive(Clone, Debug)]
pub struct Placed<E> {
    /// L1 block.
    pub l1_block: u64,
    /// Place of its transaction in the block.
    pub tx_index: u64,
    /// The event.
    pub event: E,
}

/// A call of one of our contracts, successful or not.
#[derive(Clone, Debug)]
pub struct Call {
    /// L1 block.
    pub l1_block: u64,
    /// Place in the block.
    pub tx_index: u64,
    /// Transaction hash.
    pub hash: B256,
    /// Callee.
    pub to: Address,
    /// Calldata.
    pub input: Bytes,
    /// Versioned hashes of its blobs.
    pub blobs: Vec<B256>,
}

/// One Rollup.
#[derive(Clone, Debug)]
pub struct RollupFacts {
    /// Which one.
    pub instance: Instance,
    /// How it cuts time.
    pub timing: Timing,
    /// Archive before its first block.
    pub genesis_archive: B256,
    /// Members of a committee.
    pub committee_size: usize,
    /// Its events, in L1's order.
    pub events: Vec<Placed<Rollup::RollupEvents>>,
    /// Frozen validator sets of the epochs that were set up; the error of one that L1 does not tell.
    pub sets: BTreeMap<u64, Result<Vec<Address>, String>>,
    /// Pending and proven tip.
    pub tips: (u64, u64),
    /// Archive and block hash of the last blocks, as the ring has them.
    pub records: BTreeMap<u64, (B256, B256)>,
    /// Wei that it has.
    pub balance: U256,
    /// Wei that it owes each account that it may owe anything.
    pub owed: BTreeMap<Address, U256>,
}

/// A prover's account, wei.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// All that is deposited.
    pub deposited: U256,
    /// Part of it that bonds hold.
    pub locked: U256,
}

/// ProverBonds.
#[derive(Clone, Debug, Default)]
pub struct BondsFacts {
    /// Its events, in L1's order.
    pub events: Vec<Placed<ProverBonds::ProverBondsEvents>>,
    /// Wei that it has.
    pub balance: U256,
    /// All provers that ever deposited.
    pub accounts: BTreeMap<Address, Account>,
    /// Wei that it owes provers and the treasury.
    pub owed: BTreeMap<Address, U256>,
}

/// All of it, as of `head`.
#[derive(Clone, Debug)]
pub struct L1Facts {
    /// The last block that was looked at.
    pub head: Head,
    /// Blocks from the deployment to the head.
    pub blocks: Vec<Head>,
    /// Calls of Rollups and of the GovernanceProposer.
    pub calls: Vec<Call>,
    /// Rollups in the Registry's order.
    pub rollups: Vec<RollupFacts>,
    /// Provers' bonds.
    pub bonds: BondsFacts,
    /// Where signals go.
    pub governance_proposer: Address,
}

/// A connection to the run's L1.
#[derive(Clone, Debug)]
pub struct L1 {
    provider: DynProvider,
    deployment: Deployment,
}

impl L1 {
    /// Connects, and makes sure that it is the deployment's chain.
    ///
    /// # Errors
    /// It does not answer, or is another chain.
    pub async fn connect(url: &str, deployment: Deployment) -> Result<Self> {
        let url = url.parse().wrap_err("l1_url")?;
        let provider = ProviderBuilder::new()
            .disable_recommended_fillers()
            .connect_http(url)
            .erased();
        let found = provider.get_chain_id().await.wrap_err("L1 does not answer")?;
        ensure!(
            found == deployment.chain_id,
            "L1 is chain {found}, the deployment is on chain {}",
            deployment.chain_id
        );
        Ok(Self { provider, deployment })
    }

    /// The latest block.
    ///
    /// # Errors
    /// L1 does not answer.
    pub async fn head(&self) -> Result<Head> {
        let number = self.provider.get_block_number().await?;
        self.block(number).await.map(|(head, _)| head)
    }

    /// Whether a block is still canonical.
    ///
    /// # Errors
    /// L1 does not answer.
    pub async fn has(&self, head: Head) -> Result<bool> {
        let found = self.provider.get_block_by_number(head.number.into()).await?;
        Ok(found.is_some_and(|block| block.header.hash == head.hash))
    }

    /// The Registry's list.
    ///
    /// # Errors
    /// L1 does not answer.
    pub async fn instances(&self) -> Result<Vec<Instance>> {
        let registry = Registry::new(self.deployment.address("Registry")?, &self.provider);
        let mut all = Vec::new();
        for (index, listed) in registry.instances().call().await?.into_iter().enumerate() {
            let rollup = Rollup::new(listed.rollup, &self.provider);
            all.push(Instance {
                number: u32::try_from(index)?.saturating_add(1),
                chain_id: self.deployment.chain_id,
                rollup: listed.rollup,
                genesis_id: Digest::from_b256(rollup.genesisId().call().await?)?,
            });
        }
        Ok(all)
    }

    /// Gathers everything as of a block. `payees` are accounts that Rollups may owe something and that no event names.
    ///
    /// # Errors
    /// L1 does not answer, or the block is no longer canonical.
    pub async fn gather(
        &self,
        head: Head,
        instances: &[Instance],
        payees: &BTreeSet<Address>,
    ) -> Result<L1Facts> {
        let governance_proposer = self.deployment.address("GovernanceProposer")?;
        let mut callees: BTreeSet<Address> = instances.iter().map(|instance| instance.rollup).collect();
        callees.insert(governance_proposer);
        let (mut blocks, mut calls) = (Vec::new(), Vec::new());
        for number in self.deployment.deploy_block..=head.number {
            let (block, of_block) = self.block(number).await?;
            blocks.push(block);
            calls.extend(of_block.into_iter().filter(|call| callees.contains(&call.to)));
        }
        let mut rollups = Vec::new();
        for instance in instances {
            rollups.push(
                self.rollup(*instance, head, payees)
                    .await
                    .wrap_err_with(|| format!("instance {}", instance.number))?,
            );
        }
        let bonds = self.bonds(head).await.wrap_err("ProverBonds")?;
        Ok(L1Facts {
            head,
            blocks,
            calls,
            rollups,
            bonds,
            governance_proposer,
        })
    }

    async fn rollup(
        &self,
        instance: Instance,
        head: Head,
        payees: &BTreeSet<Address>,
    ) -> Result<RollupFacts> {
        let at = BlockId::hash(head.hash);
        let rollup = Rollup::new(instance.rollup, &self.provider);
        let config = rollup.config().block(at).call().await?;
        let clock = Registry::new(config.registry, &self.provider)
            .clock()
            .block(at)
            .call()
            .await?;
        let timing = Timing {
            genesis_time: u64::try_from(clock.genesisTime)?,
            slot_seconds: u64::try_from(clock.slotSeconds)?,
            epoch_slots: u64::try_from(clock.epochSlots)?,
            set_lag: u64::try_from(clock.setLagEpochs)?,
            entropy_lag: u64::try_from(config.entropyLagEpochs)?,
        };
        let events: Vec<Placed<Rollup::RollupEvents>> = self.events(instance.rollup, head).await?;
        let tips = rollup.tipsAt(U256::from(head.time)).block(at).call().await?;
        let pending = u64::from(tips.pendingNumber);
        let mut records = BTreeMap::new();
        for number in pending.saturating_sub(RECORDS_MAX).max(1)..=pending {
            // The call prunes what is due, so it may know fewer blocks than the tip has.
            if let Ok(record) = rollup.blockRecord(U256::from(number)).block(at).call().await {
                records.insert(number, (record.archive, record.blockHash));
            }
        }
        let mut owed = BTreeMap::new();
        for account in payees.iter().copied().chain(payees_in(&events)) {
            if let std::collections::btree_map::Entry::Vacant(free) = owed.entry(account) {
                free.insert(rollup.owed(account).block(at).call().await?);
            }
        }
        Ok(RollupFacts {
            instance,
            timing,
            genesis_archive: config.genesisArchive,
            committee_size: usize::try_from(config.committeeSize)?,
            sets: self.sets(config.staking, instance.rollup, &events, at).await,
            events,
            tips: (pending, u64::from(tips.provenNumber)),
            records,
            balance: self.provider.get_balance(instance.rollup).block_id(at).await?,
            owed,
        })
    }

    async fn sets(
        &self,
        staking: Address,
        rollup: Address,
        events: &[Placed<Rollup::RollupEvents>],
        at: BlockId,
    ) -> BTreeMap<u64, Result<Vec<Address>, String>> {
        let staking = Staking::new(staking, &self.provider);
        let mut sets = BTreeMap::new();
        for placed in events {
            if let Rollup::RollupEvents::EpochSetUp(event) = &placed.event {
                let set = staking.set(rollup, event.epoch).block(at).call().await;
                let epoch = u64::try_from(event.epoch).unwrap_or(u64::MAX);
                sets.insert(epoch, set.map_err(|error| error.to_string()));
            }
        }
        sets
    }

    async fn bonds(&self, head: Head) -> Result<BondsFacts> {
        let at = BlockId::hash(head.hash);
        let address = self.deployment.address("ProverBonds")?;
        let contract = ProverBonds::new(address, &self.provider);
        let mut facts = BondsFacts {
            events: self.events(address, head).await?,
            balance: self.provider.get_balance(address).block_id(at).await?,
            ..BondsFacts::default()
        };
        let mut creditors = BTreeSet::from([contract.config().block(at).call().await?.treasury]);
        for placed in &facts.events {
            match &placed.event {
                ProverBonds::ProverBondsEvents::BondDeposited(event) => {
                    let account = contract.accountOf(event.prover).block(at).call().await?;
                    let account = Account {
                        deposited: U256::from(account.deposited),
                        locked: U256::from(account.locked),
                    };
                    facts.accounts.insert(event.prover, account);
                }
                ProverBonds::ProverBondsEvents::Credited(event) => {
                    creditors.insert(event.account);
                }
                _ => {}
            }
        }
        for account in creditors {
            let owed = contract.owed(account).block(at).call().await?;
            facts.owed.insert(account, owed);
        }
        Ok(facts)
    }

    /// A contract's events up to a block, in L1's order.
    async fn events<E: SolEventInterface>(&self, address: Address, head: Head) -> Result<Vec<Placed<E>>> {
        let mut all = Vec::new();
        let mut from = self.deployment.deploy_block;
        while from <= head.number {
            let to = from.saturating_add(LOG_BLOCKS.saturating_sub(1)).min(head.number);
            let filter = Filter::new().address(address).from_block(from).to_block(to);
            for log in self.provider.get_logs(&filter).await? {
                all.push(placed(&log, E::decode_raw_log(log.topics(), &log.data().data)?)?);
            }
            from = to.saturating_add(1);
        }
        Ok(all)
    }

    async fn block(&self, number: u64) -> Result<(Head, Vec<Call>)> {
        let block = self
            .provider
            .get_block_by_number(number.into())
            .full()
            .await?
            .ok_or_else(|| eyre!("L1 has no block {number}"))?;
        let head = Head {
            number,
            hash: block.header.hash,
            time: block.header.timestamp,
            prevrandao: block.header.mix_hash,
        };
        let mut calls = Vec::new();
        for (tx, index) in block.transactions.into_transactions().zip(0..) {
            let Some(to) = tx.to() else { continue };
            calls.push(Call {
                l1_block: number,
                tx_index: index,
                hash: *tx.inner.tx_hash(),
                to,
                input: tx.input().clone(),
                blobs: tx.blob_versioned_hashes().unwrap_or_default().to_vec(),
            });
        }
        Ok((head, calls))
    }
}

fn placed<E>(log: &Log, event: E) -> Result<Placed<E>> {
    Ok(Placed {
        l1_block: log.block_number.ok_or_else(|| eyre!("a log without a block"))?,
        tx_index: log
            .transaction_index
            .ok_or_else(|| eyre!("a log without a transaction"))?,
        event,
    })
}

/// Fee recipients and provers.
fn payees_in(events: &[Placed<Rollup::RollupEvents>]) -> impl Iterator<Item = Address> {
    events.iter().filter_map(|placed| match &placed.event {
        Rollup::RollupEvents::BlockProposed(event) => Some(event.feeRecipient),
        Rollup::RollupEvents::EpochProven(event) => Some(event.prover),
        _ => None,
    })
}
