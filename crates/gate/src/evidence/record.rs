//! What is written down in a slot. Readers ignore fields that they do not know.

use std::collections::BTreeMap;

use agoge_protocol::{Address, B256, Deployment, NetworkConfig};
use serde::{Deserialize, Serialize};

use super::DaySummary;

/// One line of an evidence file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Entry {
    /// First line of every file: which network this is about.
    Header(Box<Header>),
    /// The watcher was started again.
    Resumed {
        /// Unix seconds.
        time: u64,
        /// Version of the watcher.
        watcher: String,
        /// Whether a torn last line was cut.
        was_torn: bool,
    },
    /// A slot.
    Slot(Box<SlotRecord>),
    /// Last line of a day's file.
    Day(DaySummary),
}

/// What the evidence is about. A directory holds evidence of one network, seen through one list of nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Header {
    /// [`SCHEMA`].
    pub(crate) schema: String,
    /// Version of the watcher that began the file; a later one may go on.
    pub(crate) watcher: String,
    /// The network file.
    pub(crate) network: NetworkConfig,
    /// SHA-256 of its values, see [`network_digest`].
    pub(crate) network_sha256: String,
    /// Unix seconds.
    pub(crate) genesis_time: u64,
    /// Genesis ids of the deployment file.
    pub(crate) genesis_ids: Vec<B256>,
    /// The Registry, which decisions name as their contract.
    pub(crate) registry: Address,
    /// Digest of the epoch circuit; zero with the test verifier.
    pub(crate) verifier_circuit_digest: B256,
    /// Code hash of every contract, `Rollup/1` for one of an instance.
    pub(crate) code_hashes: BTreeMap<String, B256>,
    /// Nodes watched, without what may be secret in their URLs.
    pub(crate) nodes: Vec<String>,
    /// Whether metrics are read, without which restarts are unknown.
    pub(crate) has_metrics: bool,
}

/// Schema of the headers that this program reads.
pub(crate) const SCHEMA: &str = "agoge.gate.evidence/1";

impl Header {
    /// Whether `later` is about the same network and nodes. A deployment file may have gained contracts: an upgrade adds a Rollup.
    pub(crate) fn is_continued_by(&self, later: &Self) -> bool {
        let added = |(name, hash): (&String, &B256)| later.code_hashes.get(name) == Some(hash);
        let has_all = self.code_hashes.iter().all(added) && later.genesis_ids.starts_with(&self.genesis_ids);
        let rest = Self {
            watcher: self.watcher.clone(),
            code_hashes: self.code_hashes.clone(),
            genesis_ids: self.genesis_ids.clone(),
            ..later.clone()
        };
        has_all && *self == rest
    }
}

/// All that was seen in a slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SlotRecord {
    /// The slot, by the watcher's clock.
    pub(crate) slot: u64,
    /// Unix seconds, by the watcher's clock.
    pub(crate) time: u64,
    /// L1, when it answered.
    pub(crate) l1: Option<L1Reading>,
    /// Why it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) l1_problem: Option<String>,
    /// The slot's committee, when a node told it.
    pub(crate) committee: Option<CommitteeReading>,
    /// Nodes, in the header's order.
    pub(crate) nodes: Vec<NodeReading>,
}

/// The canonical instance as L1 has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct L1Reading {
    /// Head.
    pub(crate) block: u64,
    /// Its time, Unix seconds.
    pub(crate) time: u64,
    /// Number of the canonical instance, from 1.
    pub(crate) instance: u32,
    /// Its Rollup.
    pub(crate) rollup: Address,
    /// Last block.
    pub(crate) pending: u64,
    /// Its slot; `None` without a block.
    pub(crate) pending_slot: Option<u64>,
    /// Last proven block.
    pub(crate) proven: u64,
    /// Slot of the first block that is not proven; `None` without one.
    pub(crate) first_unproven_slot: Option<u64>,
    /// Validators of the epoch's set; `None` if L1 would not say.
    pub(crate) validators: Option<u64>,
    /// Whether only allowed attesters may stake.
    pub(crate) is_allow_listed: Option<bool>,
}

/// Who could attest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CommitteeReading {
    /// Members.
    pub(crate) size: u64,
    /// Members for which a watched node has a duty of one of the last slots; those of nodes that are not watched, or do not answer, do not
    /// count.
    pub(crate) online: u64,
    /// Whether every watched node answered: else there may be more.
    pub(crate) is_complete: bool,
    /// Proposer of the slot.
    pub(crate) proposer: Option<Address>,
}

/// One node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct NodeReading {
    /// Its JSON-RPC, when it answered.
    pub(crate) rpc: Option<RpcReading>,
    /// Its monitoring port, when it answered.
    pub(crate) metrics: Option<MetricsReading>,
    /// Why something is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<String>,
}

/// What a node says of the canonical instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RpcReading {
    /// Of the program.
    pub(crate) version: String,
    /// Number of the instance, from 1.
    pub(crate) instance: u32,
    /// Peers.
    pub(crate) peers: u64,
    /// L1 block that it has applied: 16 hex digits of its hash.
    pub(crate) l1_hash: Option<String>,
    /// Pending tip.
    pub(crate) pending: TipReading,
    /// Proven tip.
    pub(crate) proven: TipReading,
    /// Finalized tip.
    pub(crate) finalized: TipReading,
    /// Nullifiers after the pending tip: two for each transaction.
    pub(crate) nullifiers: u64,
}

/// A tip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TipReading {
    /// Block number.
    pub(crate) number: u64,
    /// 32 hex digits of SHA-256 over archive, note root and nullifier root.
    pub(crate) root: String,
}

/// What a node's monitoring port says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MetricsReading {
    /// Whether `/readyz` answers 200.
    pub(crate) is_ready: bool,
    /// `process_start_time_seconds`: another one is a restart.
    pub(crate) start_time: Option<u64>,
    /// Resident memory, MiB.
    pub(crate) memory_mib: Option<u64>,
    /// Open files.
    pub(crate) open_files: Option<u64>,
}

/// SHA-256 of a network file's values, in their order, as hex. Comments and layout do not count.
pub(crate) fn network_digest(network: &NetworkConfig) -> String {
    use sha2::Digest as _;
    // Plain numbers, texts and lists: serialization does not fail, and a failure would be a digest that fits nothing.
    let values = serde_json::to_vec(network).unwrap_or_default();
    hex::encode(sha2::Sha256::digest(values))
}

/// Code hash of every contract of a deployment, `Rollup/1` for one of an instance.
pub(crate) fn code_hashes(deployment: &Deployment) -> BTreeMap<String, B256> {
    let name = |contract: &agoge_protocol::deployment::DeployedContract| match contract.instance {
        Some(instance) => format!("{}/{instance}", contract.name),
        None => contract.name.clone(),
    };
    let contracts = deployment.contracts.iter();
    contracts
        .map(|contract| (name(contract), contract.code_hash))
        .collect()
}
