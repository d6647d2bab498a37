//! Typed views of the contracts, and the search for an epoch's entropy block.

use std::sync::Arc;

use agoge_contract_bindings::registry::Registry;
use agoge_contract_bindings::rollup::Rollup;
use agoge_contract_bindings::staking::Staking;
use agoge_protocol::{
    Address, B256, Deployment, Digest, Epoch, L1Block, L2BlockNumber, NetworkConfig, NotCanonical, Slot,
    U256, keccak256,
};
use alloy::primitives::Bytes;
use alloy::sol_types::SolCall;
use serde_json::{Value, json};

use crate::call::{At, CallError, view};
use crate::config::Contracts;
use crate::l1_json::HeaderJson;
use crate::numbers::ContractNumbers;
use crate::publication::CommitteeProof;
use crate::rpc::{Call, Rpc, RpcCause, RpcError};
use crate::version::RollupVersion;

/// L1 blocks that EIP-2935's history contract remembers.
pub const HISTORY_BLOCKS: u64 = 8_191;

/// Ends of both chains as L1 sees them at a time; a due prune has been applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tips {
    /// Last block of the pending chain.
    pub pending: L2BlockNumber,
    /// Last proven block.
    pub proven: L2BlockNumber,
    /// Slot of the pending tip; meaningless without a block.
    pub pending_slot: Slot,
    /// Slot of the proven tip; meaningless without a block.
    pub proven_slot: Slot,
    /// Slot of the first block that is not proven; meaningless without one.
    pub first_unproven_slot: Slot,
    /// Deposits that the pending chain has consumed.
    pub pending_inbox_end: u64,
    /// Deposits that the proven chain has consumed.
    pub proven_inbox_end: u64,
}

/// The block that gives an epoch its entropy, with what `propose` needs to prove it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntropyBlock {
    /// The first L1 block at or after the entropy time.
    pub block: L1Block,
    /// RLP headers of it and its parent, checked against their hashes; no members.
    pub committee_proof: CommitteeProof,
}

/// Why no entropy block was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntropyError {
    /// A request failed.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// No L1 block has reached the time.
    #[error("no L1 block has reached the entropy time {time}, the head is at {head_time}")]
    TooEarly {
        /// Entropy time, Unix seconds.
        time: u64,
        /// Time of the head.
        head_time: u64,
    },
    /// The block is no longer in L1's history contract.
    #[error("the entropy block of time {time} is older than the last {HISTORY_BLOCKS} L1 blocks")]
    TooOld {
        /// Entropy time, Unix seconds.
        time: u64,
    },
    /// A header cannot be rebuilt to its hash.
    #[error(
        "the header of L1 block {hash} does not hash to it; hint: use an endpoint with debug_getRawHeader"
    )]
    HeaderMismatch {
        /// Hash as L1 reports it.
        hash: B256,
    },
    /// Blocks changed during the search.
    #[error("L1 changed during the search")]
    Reorged,
}

/// Why a deployment is not what its file says. All but `Rpc` mean "wrong network" (exit code 4).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// A request failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The file belongs to another network.
    #[error("deployment file is for {found}, the network is {expected}")]
    Network {
        /// Of the network file, name and chain id.
        expected: String,
        /// Of the deployment file.
        found: String,
    },
    /// A contract's code differs.
    #[error("{name} at {address} has code hash {found}, the deployment file says {expected}")]
    CodeHash {
        /// Contract.
        name: String,
        /// Address.
        address: Address,
        /// Of the file.
        expected: B256,
        /// On L1.
        found: B256,
    },
    /// The Rollup has another genesis id.
    #[error("the Rollup's genesis id is {found}, the deployment file says {expected:?}")]
    GenesisId {
        /// Of the file.
        expected: Option<B256>,
        /// On L1.
        found: B256,
    },
    /// The Registry has another genesis time.
    #[error("the Registry's genesis time is {found}, the deployment file says {expected}")]
    GenesisTime {
        /// Of the file.
        expected: u64,
        /// On L1.
        found: u64,
    },
    /// The Rollup is of a version that this program does not know.
    #[error(
        "the Rollup at {rollup} is of version {version}, this program knows versions 1 and 2; hint: install a newer release"
    )]
    Version {
        /// The Rollup.
        rollup: Address,
        /// What it says.
        version: U256,
    },
    /// A number of the network file is not the one that the contracts were deployed with.
    #[error(
        "the network file says {key} = {expected}, the contracts have {found} (stakes in wei); hint: use the network's own file, unchanged"
    )]
    Number {
        /// Section and key of the network file.
        key: &'static str,
        /// Of the file, in the contract's unit.
        expected: U256,
        /// On L1.
        found: U256,
    },
}

/// Views of one Rollup and the network's Registry and Staking. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RollupReader {
    rpc: Rpc,
    contracts: Contracts,
    deployment: Arc<Deployment>,
    l1_slot_seconds: u64,
}

pub(crate) fn small(function: &'static str, field: &'static str, value: U256) -> Result<u64, CallError> {
    u64::try_from(value).map_err(|_| CallError::OutOfRange { function, field })
}

impl RollupReader {
    pub(crate) fn new(
        rpc: Rpc,
        contracts: Contracts,
        deployment: Arc<Deployment>,
        network: &NetworkConfig,
    ) -> Self {
        Self {
            rpc,
            contracts,
            deployment,
            l1_slot_seconds: network.network.l1_slot_seconds.max(1),
        }
    }

    pub(crate) const fn rpc(&self) -> &Rpc {
        &self.rpc
    }

    /// Addresses read from.
    pub const fn contracts(&self) -> &Contracts {
        &self.contracts
    }

    /// Tips as a call in an L1 block of time `time` (Unix seconds) sees them, on top of `at`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn tips_at(&self, at: At, time: u64) -> Result<Tips, CallError> {
        let call = Rollup::tipsAtCall {
            _time: U256::from(time),
        };
        let tips = view(&self.rpc, self.contracts.rollup, &call, at).await?;
        let inbox_end = |field, end| small(Rollup::tipsAtCall::SIGNATURE, field, U256::from(end));
        Ok(Tips {
            pending: L2BlockNumber::new(tips.pendingNumber.into()),
            proven: L2BlockNumber::new(tips.provenNumber.into()),
            pending_slot: Slot::new(tips.pendingSlot.into()),
            proven_slot: Slot::new(tips.provenSlot.into()),
            first_unproven_slot: Slot::new(tips.firstUnprovenSlot.into()),
            pending_inbox_end: inbox_end("pendingInboxEnd", tips.pendingInboxEnd)?,
            proven_inbox_end: inbox_end("provenInboxEnd", tips.provenInboxEnd)?,
        })
    }

    /// The whole validator set of an epoch, in order; it must be frozen.
    ///
    /// # Errors
    /// [`CallError`]; `Staking__SetNotFrozen` before the freeze time has passed.
    pub async fn validator_set(&self, at: At, epoch: Epoch) -> Result<Vec<Address>, CallError> {
        let call = Staking::setCall {
            _instance: self.contracts.rollup,
            _epoch: U256::from(epoch.get()),
        };
        view(&self.rpc, self.contracts.staking, &call, at).await
    }

    /// The committee of an epoch that is set up; `None` before the epoch's first block.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn committee_of_epoch(&self, at: At, epoch: Epoch) -> Result<Option<Vec<Address>>, CallError> {
        let call = Rollup::committeeOfEpochCall {
            _epoch: U256::from(epoch.get()),
        };
        match view(&self.rpc, self.contracts.rollup, &call, at).await {
            Ok(members) => Ok(Some(members)),
            Err(CallError::Reverted { reason, .. }) if reason.is("Rollup__EpochNotSetUp") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Archive and block hash that the ring holds of a block; `None` if it is later than the tip or forgotten.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn block_record(
        &self,
        at: At,
        number: L2BlockNumber,
    ) -> Result<Option<(Digest, B256)>, CallError> {
        let call = Rollup::blockRecordCall {
            _number: U256::from(number.get()),
        };
        let function = Rollup::blockRecordCall::SIGNATURE;
        match view(&self.rpc, self.contracts.rollup, &call, at).await {
            Ok(record) => {
                let out_of_range = |_: NotCanonical| CallError::OutOfRange {
                    function,
                    field: "archive",
                };
                Ok(Some((
                    Digest::from_b256(record.archive).map_err(out_of_range)?,
                    record.blockHash,
                )))
            }
            Err(CallError::Reverted { reason, .. }) if reason.is("Rollup__NoSuchBlock") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The Rollup's genesis id.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn genesis_id(&self) -> Result<Digest, CallError> {
        let id = self.genesis_id_bytes().await?;
        let function = Rollup::genesisIdCall::SIGNATURE;
        Digest::from_b256(id).map_err(|_| CallError::OutOfRange {
            function,
            field: "genesis id",
        })
    }

    async fn genesis_id_bytes(&self) -> Result<B256, CallError> {
        view(
            &self.rpc,
            self.contracts.rollup,
            &Rollup::genesisIdCall {},
            At::Latest,
        )
        .await
    }

    /// The network genesis time of the Registry, Unix seconds.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn genesis_time(&self) -> Result<u64, CallError> {
        let time = view(
            &self.rpc,
            self.contracts.registry,
            &Registry::genesisTimeCall {},
            At::Latest,
        )
        .await?;
        small(Registry::genesisTimeCall::SIGNATURE, "genesis time", time)
    }

    /// Number of deposits ever made.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn inbox_count(&self, at: At) -> Result<u64, CallError> {
        let count = view(&self.rpc, self.contracts.rollup, &Rollup::inboxCountCall {}, at).await?;
        small(Rollup::inboxCountCall::SIGNATURE, "count", count)
    }

    /// Number of deposits, from the first, that are due in a slot.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn inbox_due(&self, at: At, slot: Slot) -> Result<u64, CallError> {
        let call = Rollup::dueAtCall {
            _slot: U256::from(slot.get()),
        };
        let due = view(&self.rpc, self.contracts.rollup, &call, at).await?;
        small(Rollup::dueAtCall::SIGNATURE, "due", due)
    }

    /// L1 time and rolling hash of a deposit.
    ///
    /// # Errors
    /// [`CallError`]; `Inbox__NoSuchDeposit` for an index not yet used.
    pub async fn inbox(&self, at: At, index: u64) -> Result<(u64, B256), CallError> {
        let call = Rollup::inboxCall {
            _index: U256::from(index),
        };
        let entry = view(&self.rpc, self.contracts.rollup, &call, at).await?;
        Ok((
            small(Rollup::inboxCall::SIGNATURE, "time", entry.time)?,
            B256::from(entry.rollingHash),
        ))
    }

    /// What the Rollup owes an account, wei.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn owed(&self, account: Address) -> Result<U256, CallError> {
        view(
            &self.rpc,
            self.contracts.rollup,
            &Rollup::owedCall { account },
            At::Latest,
        )
        .await
    }

    /// Hash of the code at an address.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn code_hash(&self, address: Address, at: At) -> Result<B256, RpcError> {
        let code: Bytes = self
            .rpc
            .read("eth_getCode", json!([address, at.to_param()]))
            .await?;
        Ok(keccak256(&code))
    }

    /// The network's instances, oldest first: Rollup and first canonical epoch.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn instances(&self, at: At) -> Result<Vec<(Address, Epoch)>, CallError> {
        let list = view(
            &self.rpc,
            self.contracts.registry,
            &Registry::instancesCall {},
            at,
        )
        .await?;
        let function = Registry::instancesCall::SIGNATURE;
        let entry = |entry: Registry::Instance| {
            Ok((
                entry.rollup,
                Epoch::new(small(function, "activation", entry.activation)?),
            ))
        };
        list.into_iter().map(entry).collect()
    }

    /// Checks that L1 holds what the files say: chain id, code of every contract, genesis id and time of the deployment file; every number
    /// of the network file that a contract knows. Returns the Rollup's version.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub async fn verify_deployment(&self, network: &NetworkConfig) -> Result<RollupVersion, VerifyError> {
        let file = &self.deployment;
        if file.network != network.network.name || file.chain_id != network.network.chain_id {
            return Err(VerifyError::Network {
                expected: format!("{} (chain {})", network.network.name, network.network.chain_id),
                found: format!("{} (chain {})", file.network, file.chain_id),
            });
        }
        self.rpc.check_chain().await.map_err(CallError::Rpc)?;
        let calls: Vec<Call> = file
            .contracts
            .iter()
            .map(|contract| Call::new("eth_getCode", json!([contract.address, "latest"])))
            .collect();
        let codes: Vec<Bytes> = self.rpc.batch_all(&calls).await.map_err(CallError::Rpc)?;
        for (contract, code) in file.contracts.iter().zip(codes) {
            let found = keccak256(&code);
            if found != contract.code_hash {
                let (name, address, expected) = (contract.name.clone(), contract.address, contract.code_hash);
                return Err(VerifyError::CodeHash {
                    name,
                    address,
                    expected,
                    found,
                });
            }
        }
        let (expected, found) = (file.genesis_ids.first().copied(), self.genesis_id_bytes().await?);
        if expected != Some(found) {
            return Err(VerifyError::GenesisId { expected, found });
        }
        let (expected, found) = (file.genesis_time, self.genesis_time().await?);
        if expected != found {
            return Err(VerifyError::GenesisTime { expected, found });
        }
        let version = self.version().await?;
        let numbers = ContractNumbers::read(&self.rpc, &self.contracts, At::Latest).await?;
        match numbers.difference(network) {
            None => Ok(version),
            Some(difference) => Err(VerifyError::Number {
                key: difference.key,
                expected: difference.file,
                found: difference.contract,
            }),
        }
    }

    /// Version of the Rollup.
    ///
    /// # Errors
    /// [`VerifyError::Call`], [`VerifyError::Version`].
    pub async fn version(&self) -> Result<RollupVersion, VerifyError> {
        let rollup = self.contracts.rollup;
        let version = view(&self.rpc, rollup, &Rollup::versionCall {}, At::Latest).await?;
        RollupVersion::known(version).ok_or(VerifyError::Version { rollup, version })
    }

    /// Finds the first L1 block with time `>= time` and the headers that prove it.
    ///
    /// # Errors
    /// [`EntropyError`].
    pub async fn entropy_block(&self, time: u64) -> Result<EntropyBlock, EntropyError> {
        let head: HeaderJson = self
            .rpc
            .read("eth_getBlockByNumber", json!(["latest", false]))
            .await?;
        let head = head.block();
        if head.time < time {
            return Err(EntropyError::TooEarly {
                time,
                head_time: head.time,
            });
        }
        let head_number = head.number.get();
        // Invariant of the search: block `high` is at or after the time, block `low` before it.
        let mut high = head_number;
        let mut low = head_number.saturating_sub(HISTORY_BLOCKS);
        // Blocks come at least an L1 slot apart, so the guess is never above the right block when slots were missed.
        let distance = head
            .time
            .saturating_sub(time)
            .checked_div(self.l1_slot_seconds)
            .unwrap_or(0);
        let mut guess = Some(head_number.saturating_sub(distance).clamp(low, high));
        if self.time_of(low).await? >= time {
            return Err(EntropyError::TooOld { time });
        }
        while high.saturating_sub(low) > 1 {
            let middle = low.saturating_add(high.saturating_sub(low) / 2);
            let probe = guess
                .take()
                .filter(|guess| low < *guess && *guess < high)
                .unwrap_or(middle);
            if self.time_of(probe).await? >= time {
                high = probe;
                // The common case: the block before the guess is the last one before the time.
                guess = Some(probe.saturating_sub(1));
            } else {
                low = probe;
                guess = Some(probe.saturating_add(1));
            }
            if high.saturating_sub(low) > 16 {
                guess = None;
            }
        }
        let (block, parent) = (self.block(high).await?, self.block(low).await?);
        if block.parent_hash != parent.hash || block.time < time || parent.time >= time {
            return Err(EntropyError::Reorged);
        }
        let header = self.raw_header(block.hash).await?;
        let parent_header = self.raw_header(parent.hash).await?;
        Ok(EntropyBlock {
            block,
            committee_proof: CommitteeProof {
                header,
                parent_header,
                ..CommitteeProof::default()
            },
        })
    }

    async fn time_of(&self, number: u64) -> Result<u64, EntropyError> {
        self.block(number).await.map(|block| block.time)
    }

    async fn block(&self, number: u64) -> Result<L1Block, EntropyError> {
        let params = json!([format!("{number:#x}"), false]);
        let header: Option<HeaderJson> = self.rpc.read("eth_getBlockByNumber", params).await?;
        header.map(|header| header.block()).ok_or(EntropyError::Reorged)
    }

    /// The RLP header of an L1 block, checked against its hash: as the node has it, or rebuilt from its JSON.
    ///
    /// # Errors
    /// [`EntropyError`].
    pub async fn raw_header(&self, hash: B256) -> Result<Bytes, EntropyError> {
        match self.rpc.read::<Bytes>("debug_getRawHeader", json!([hash])).await {
            Ok(raw) if keccak256(&raw) == hash => return Ok(raw),
            Ok(_) => {}
            // Most providers do not offer the method.
            Err(RpcError {
                cause: RpcCause::Refused { .. } | RpcCause::Forbidden(_) | RpcCause::Malformed(_),
                ..
            }) => {}
            Err(error) => return Err(error.into()),
        }
        let json: Value = self.rpc.read("eth_getBlockByHash", json!([hash, false])).await?;
        if json.is_null() {
            return Err(EntropyError::Reorged);
        }
        let header: alloy::consensus::Header =
            serde_json::from_value(json).map_err(|_| EntropyError::HeaderMismatch { hash })?;
        let raw = alloy::rlp::encode(&header);
        if keccak256(&raw) == hash {
            Ok(raw.into())
        } else {
            Err(EntropyError::HeaderMismatch { hash })
        }
    }
}
