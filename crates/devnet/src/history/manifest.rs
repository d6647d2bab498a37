//! `run.json`: where the evidence of a run is. A directory with logs and wire records alone will do for the checks that need no more.

use std::path::{Path, PathBuf};

use agoge_protocol::Address;
use eyre::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::network::Devnet;

/// Name and version of this shape.
pub const SCHEMA: &str = "agoge.devnet.run/1";
/// Its file in the run's directory.
pub const FILE: &str = "run.json";
/// Bytes of a manifest, at most.
const BYTES_MAX: u64 = 64 << 20;

/// Where the evidence of a run is. Relative paths are in `dir`; unknown fields are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`SCHEMA`].
    pub schema: String,
    /// What decided keys and faults.
    #[serde(default)]
    pub seed: String,
    /// The devnet's directory.
    pub dir: PathBuf,
    /// L1's JSON-RPC while the run lasts.
    #[serde(default)]
    pub l1_url: Option<String>,
    /// Deployment file.
    #[serde(default)]
    pub deployment: Option<PathBuf>,
    /// Validator processes, then followers.
    #[serde(default)]
    pub nodes: Vec<NodeFiles>,
    /// Provers.
    #[serde(default)]
    pub provers: Vec<ProverFiles>,
    /// What became of each transaction of the load, a step a line.
    #[serde(default)]
    pub load: Option<PathBuf>,
    /// Memory and file descriptors of the processes, a sample a line.
    #[serde(default)]
    pub resources: Option<PathBuf>,
}

/// A node's evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeFiles {
    /// Its name.
    pub name: String,
    /// Keys and data.
    #[serde(default)]
    pub data_dir: Option<PathBuf>,
    /// JSON-RPC, while the run lasts.
    #[serde(default)]
    pub rpc_url: Option<String>,
    /// Log file.
    pub log: PathBuf,
    /// Records of its peer messages; those of instance n > 1 are in `FILE.n` beside each.
    #[serde(default)]
    pub wire: Vec<PathBuf>,
    /// Its validators, none for a follower; absent if nobody says.
    #[serde(default)]
    pub attesters: Option<Vec<Address>>,
}

/// A prover's evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProverFiles {
    /// Its name.
    pub name: String,
    /// Log file.
    pub log: PathBuf,
}

impl Manifest {
    /// Reads a manifest, or makes one of what a directory holds.
    ///
    /// # Errors
    /// The path is neither, or the manifest is of another shape.
    pub fn open(path: &Path) -> Result<Self> {
        let named = || path.display().to_string();
        if path.is_dir() {
            let file = path.join(FILE);
            return if file.is_file() {
                Self::read(&file)
            } else {
                Self::of_directory(path).wrap_err_with(named)
            };
        }
        if !path.is_file() {
            bail!(
                "{} is neither a run's directory nor its {FILE}; hint: give the --dir of the run",
                path.display()
            );
        }
        Self::read(path)
    }

    fn read(file: &Path) -> Result<Self> {
        let named = || format!("{}; hint: it should be the {FILE} of a run", file.display());
        let bytes = std::fs::metadata(file).wrap_err_with(named)?.len();
        if bytes > BYTES_MAX {
            bail!(
                "{} has {bytes} bytes, at most {BYTES_MAX} are read",
                file.display()
            );
        }
        let text = std::fs::read_to_string(file).wrap_err_with(named)?;
        let mut manifest: Self = serde_json::from_str(&text).wrap_err_with(named)?;
        if manifest.schema != SCHEMA {
            bail!(
                "{} has the schema {:?}, expected {SCHEMA}",
                file.display(),
                manifest.schema
            );
        }
        // A run that was moved as a whole is read where it is now.
        if !manifest.dir.is_dir()
            && let Some(parent) = file.parent()
        {
            manifest.dir = parent.to_owned();
        }
        manifest.resources = manifest
            .resources
            .or_else(|| existing(&manifest.dir, super::sampler::FILE));
        Ok(manifest)
    }

    /// Every `NAME.log` is a process's, with its record `NAME.wire.jsonl`; nothing else is known.
    fn of_directory(dir: &Path) -> Result<Self> {
        let mut logs = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            let path = entry?.path();
            let is_log = path.extension().is_some_and(|extension| extension == "log");
            match path.file_stem().and_then(|stem| stem.to_str()) {
                // L1 is no program of ours; it prints its well-known development keys.
                Some(name) if is_log && name != "anvil" => logs.push((name.to_owned(), path.clone())),
                _ => {}
            }
        }
        if logs.is_empty() {
            bail!("there is neither a {FILE} nor a log of a node; hint: give the --dir of a devnet");
        }
        logs.sort();
        let (mut nodes, mut provers) = (Vec::new(), Vec::new());
        for (name, log) in logs {
            if name.starts_with("prover") {
                provers.push(ProverFiles { name, log });
                continue;
            }
            let wire = dir.join(format!("{name}.wire.jsonl"));
            nodes.push(NodeFiles {
                data_dir: Some(dir.join(&name)),
                wire: wire.is_file().then_some(wire).into_iter().collect(),
                name,
                log,
                ..NodeFiles::default()
            });
        }
        Ok(Self {
            schema: SCHEMA.to_owned(),
            dir: dir.to_owned(),
            nodes,
            provers,
            load: existing(dir, "load.jsonl"),
            resources: existing(dir, super::sampler::FILE),
            ..Self::default()
        })
    }

    /// Where a running devnet's evidence is.
    pub fn of(devnet: &Devnet) -> Self {
        let dir = devnet.dir();
        let nodes = devnet.nodes.iter().map(|node| NodeFiles {
            name: node.name().to_owned(),
            data_dir: Some(node.data_dir().to_owned()),
            rpc_url: Some(node.rpc_url()),
            log: node.log().to_owned(),
            wire: node.wire().map(Path::to_owned).into_iter().collect(),
            attesters: Some(node.attesters().to_vec()),
        });
        let provers = devnet.provers.iter().map(|prover| ProverFiles {
            name: prover.name().to_owned(),
            log: prover.log().to_owned(),
        });
        Self {
            schema: SCHEMA.to_owned(),
            seed: devnet.plan.seed.clone(),
            dir: dir.to_owned(),
            l1_url: Some(devnet.anvil.url().to_owned()),
            deployment: Some(devnet.deployment_file().to_owned()),
            nodes: nodes.collect(),
            provers: provers.collect(),
            load: existing(dir, "load.jsonl"),
            resources: existing(dir, super::sampler::FILE),
        }
    }

    /// Writes it into its directory.
    ///
    /// # Errors
    /// Those of the file.
    pub fn write(&self) -> std::io::Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        std::fs::write(self.dir.join(FILE), text)
    }

    /// A file of the run.
    pub fn path(&self, file: &Path) -> PathBuf {
        self.dir.join(file)
    }

    /// Logs of all processes, each with the process's name.
    pub fn logs(&self) -> Vec<(String, PathBuf)> {
        let nodes = self.nodes.iter().map(|node| (&node.name, &node.log));
        let provers = self.provers.iter().map(|prover| (&prover.name, &prover.log));
        nodes
            .chain(provers)
            .map(|(name, log)| (name.clone(), self.path(log)))
            .collect()
    }
}

fn existing(dir: &Path, name: &str) -> Option<PathBuf> {
    Some(dir.join(name)).filter(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_may_have_more_fields_than_are_read_but_no_other_schema() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(FILE);
        let text = |schema: &str| {
            format!(
                r#"{{"schema":"{schema}","seed":"7","dir":"/gone","l1_url":"http://127.0.0.1:1","deployment":"d.json",
                "nodes":[{{"name":"node-0","data_dir":"node-0","rpc_url":"http://127.0.0.1:2","log":"node-0.log","wire":["w"],
                "attesters":[],"new":1}}],"provers":[],"faults":"faults.jsonl","load":"load.jsonl","slots":[]}}"#
            )
        };
        std::fs::write(&file, text(SCHEMA)).unwrap();
        let manifest = Manifest::open(dir.path()).unwrap();
        assert_eq!(manifest.dir, dir.path());
        assert_eq!(manifest.nodes[0].attesters, Some(vec![]));
        assert_eq!(
            manifest.logs(),
            [("node-0".to_owned(), dir.path().join("node-0.log"))]
        );

        std::fs::write(&file, text("agoge.devnet.run/2")).unwrap();
        let error = Manifest::open(&file).unwrap_err().to_string();
        assert!(error.contains("agoge.devnet.run/2"), "{error}");
    }

    #[test]
    fn a_directory_without_a_manifest_gives_what_it_holds_and_an_empty_one_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Manifest::open(dir.path()).is_err());
        for name in [
            "node-0.log",
            "node-0.wire.jsonl",
            "follower.log",
            "prover-0.log",
            "anvil.log",
        ] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let manifest = Manifest::open(dir.path()).unwrap();
        let nodes: Vec<_> = manifest
            .nodes
            .iter()
            .map(|node| (node.name.as_str(), node.wire.len()))
            .collect();
        assert_eq!(nodes, [("follower", 0), ("node-0", 1)]);
        assert_eq!(manifest.provers.len(), 1);
        assert_eq!(manifest.nodes[0].attesters, None);
    }
}
