//! `run.json`: where the evidence of a run is, and what came out of it.

use std::path::{Path, PathBuf};

use agoge_protocol::Address;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::slots::SlotFact;
use crate::network::Devnet;

/// Name and version of this shape.
pub const SCHEMA: &str = "agoge.devnet.run/1";

/// Everything about a run, for whoever checks it afterwards. Relative files are in `dir`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// [`SCHEMA`].
    pub schema: String,
    /// Decided keys, faults and payments.
    pub seed: String,
    /// The devnet's directory.
    pub dir: PathBuf,
    /// L1 while the run lasted, execution and beacon API.
    pub l1_url: String,
    /// Deployment file.
    pub deployment: PathBuf,
    /// Validator processes, then followers.
    pub nodes: Vec<NodeFiles>,
    /// Provers.
    pub provers: Vec<ProverFiles>,
    /// A [`super::strike::Record`] a line.
    pub faults: PathBuf,
    /// What became of each transaction of the load, a step a line.
    pub load: PathBuf,
    /// Sizes and rates that the run had, by the names of their flags.
    pub flags: Value,
    /// Unix seconds.
    pub started_unix: u64,
    /// Unix seconds; `null` while it runs.
    pub ended_unix: Option<u64>,
    /// First slot that counts.
    pub first_slot: u64,
    /// Last slot that counts.
    pub last_slot: u64,
    /// All slots that count; empty while it runs.
    pub slots: Vec<SlotFact>,
    /// What came out; `null` while it runs.
    pub report: Option<Value>,
}

/// A node's evidence.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NodeFiles {
    /// Its name.
    pub name: String,
    /// Keys and data.
    pub data_dir: PathBuf,
    /// JSON-RPC, while the run lasted.
    pub rpc_url: String,
    /// Log file.
    pub log: PathBuf,
    /// Records of its peer messages.
    pub wire: Vec<PathBuf>,
    /// Its validators.
    pub attesters: Vec<Address>,
}

/// A prover's evidence.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProverFiles {
    /// Its name.
    pub name: String,
    /// Log file.
    pub log: PathBuf,
}

/// Nodes of a devnet as they are now.
pub(super) fn nodes(devnet: &Devnet) -> Vec<NodeFiles> {
    let files = devnet.nodes.iter().map(|node| NodeFiles {
        name: node.name().to_owned(),
        data_dir: node.data_dir().to_owned(),
        rpc_url: node.rpc_url(),
        log: node.log().to_owned(),
        wire: node.wire().map(Path::to_owned).into_iter().collect(),
        attesters: node.attesters().to_vec(),
    });
    files.collect()
}

/// Provers of a devnet.
pub(super) fn provers(devnet: &Devnet) -> Vec<ProverFiles> {
    let files = devnet.provers.iter().map(|prover| ProverFiles {
        name: prover.name().to_owned(),
        log: prover.log().to_owned(),
    });
    files.collect()
}

impl Manifest {
    /// Writes it into its directory.
    ///
    /// # Errors
    /// Those of the file.
    pub fn write(&self) -> std::io::Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        std::fs::write(self.dir.join("run.json"), text)
    }
}
