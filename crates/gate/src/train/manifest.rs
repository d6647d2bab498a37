//! What a release consists of, pinned: programs, network file, contracts, circuit; and the rule that the public network is the one that
//! was tried internally.

use std::collections::BTreeMap;

use agoge_protocol::{Address, B256, NetworkConfig};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::Digest as _;

use crate::evidence::Header;

/// Schema of a manifest.
pub(crate) const SCHEMA: &str = "agoge.gate.manifest/1";

/// Where a public network always differs from the internal one, as JSON pointers: its name, its L1, its birth.
const ALWAYS_DIFFERENT: [&str; 5] = [
    "/network_sha256",
    "/network/network",
    "/network/p2p/bootnodes",
    "/genesis_time",
    "/genesis_ids",
];

/// A release on a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// [`SCHEMA`].
    pub(crate) schema: String,
    /// The network file's values.
    pub(crate) network: NetworkConfig,
    /// SHA-256 of them.
    pub(crate) network_sha256: String,
    /// Unix seconds.
    pub(crate) genesis_time: u64,
    /// Genesis ids.
    pub(crate) genesis_ids: Vec<B256>,
    /// Digest of the epoch circuit.
    pub(crate) verifier_circuit_digest: B256,
    /// Code hash of every contract.
    pub(crate) code_hashes: BTreeMap<String, B256>,
    /// SHA-256 of every program, by file name.
    pub(crate) binaries: BTreeMap<String, String>,
    /// Whose statements and decisions count.
    pub(crate) signers: Vec<Address>,
}

/// A value that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    /// JSON pointer.
    pub(crate) path: String,
    /// Value of the first manifest, or null.
    pub(crate) internal: Value,
    /// Value of the second, or null.
    pub(crate) public: Value,
    /// Whether it may differ.
    pub(crate) is_allowed: bool,
}

impl Manifest {
    /// SHA-256 of the manifest as JSON.
    pub(crate) fn hash(&self) -> [u8; 32] {
        // Plain data: serialization does not fail, and a failure would be a hash that fits no manifest.
        sha2::Sha256::digest(serde_json::to_vec(self).unwrap_or_default()).into()
    }

    /// Why evidence is not of this release; `None` if it is. An upgrade may have added contracts.
    pub(crate) fn differs_from(&self, header: &Header) -> Option<String> {
        if self.network_sha256 != header.network_sha256 {
            return Some("another network file".to_owned());
        }
        if self.genesis_time != header.genesis_time || !header.genesis_ids.starts_with(&self.genesis_ids) {
            return Some("another genesis".to_owned());
        }
        if self.verifier_circuit_digest != header.verifier_circuit_digest {
            return Some("another circuit".to_owned());
        }
        let differs = |(name, hash): &(&String, &B256)| header.code_hashes.get(*name) != Some(*hash);
        self.code_hashes
            .iter()
            .find(differs)
            .map(|(name, _)| format!("other code of {name}"))
    }

    /// All values in which the public network differs from this internal one. `allowed` are JSON pointers; what is below one is allowed, too.
    pub(crate) fn differences(&self, public: &Self, allowed: &[String]) -> Vec<Difference> {
        let (mut internal, mut outside) = (BTreeMap::new(), BTreeMap::new());
        for (manifest, leaves) in [(self, &mut internal), (public, &mut outside)] {
            // As above: plain data.
            flatten(
                String::new(),
                &serde_json::to_value(manifest).unwrap_or_default(),
                leaves,
            );
        }
        let paths: std::collections::BTreeSet<&String> = internal.keys().chain(outside.keys()).collect();
        let is_allowed = |path: &str| {
            let listed = ALWAYS_DIFFERENT
                .into_iter()
                .chain(allowed.iter().map(String::as_str));
            listed.into_iter().any(|prefix| {
                path.strip_prefix(prefix)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        };
        paths
            .into_iter()
            .filter(|path| internal.get(*path) != outside.get(*path))
            .map(|path| Difference {
                path: path.clone(),
                internal: internal.get(path).cloned().unwrap_or_default(),
                public: outside.get(path).cloned().unwrap_or_default(),
                is_allowed: is_allowed(path),
            })
            .collect()
    }
}

fn flatten(path: String, value: &Value, leaves: &mut BTreeMap<String, Value>) {
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                flatten(format!("{path}/{}", escaped(key)), value, leaves);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            for (index, value) in list.iter().enumerate() {
                flatten(format!("{path}/{index}"), value, leaves);
            }
        }
        leaf => {
            leaves.insert(path, leaf.clone());
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::sample::header;

    pub(crate) fn manifest(signers: Vec<Address>) -> Manifest {
        let header = header();
        Manifest {
            schema: SCHEMA.to_owned(),
            network_sha256: header.network_sha256,
            network: header.network,
            genesis_time: header.genesis_time,
            genesis_ids: header.genesis_ids,
            verifier_circuit_digest: header.verifier_circuit_digest,
            code_hashes: header.code_hashes,
            binaries: BTreeMap::from([("agoge-node".to_owned(), "aa".to_owned())]),
            signers,
        }
    }

    #[test]
    fn evidence_must_be_of_the_release() {
        let pinned = manifest(Vec::new());
        assert_eq!(pinned.differs_from(&header()), None);
        let mut upgraded = header();
        upgraded.code_hashes.insert("Rollup/2".to_owned(), B256::ZERO);
        upgraded.genesis_ids.push(B256::ZERO);
        assert_eq!(pinned.differs_from(&upgraded), None);
        let mut other = header();
        other.code_hashes.insert("Rollup/1".to_owned(), B256::ZERO);
        assert_eq!(
            pinned.differs_from(&other).as_deref(),
            Some("other code of Rollup/1")
        );
        let late = Header {
            genesis_time: 5,
            ..header()
        };
        assert!(pinned.differs_from(&late).is_some());
    }

    #[test]
    fn the_public_network_is_the_internal_one_but_for_what_is_listed() {
        let internal = manifest(Vec::new());
        let mut public = internal.clone();
        public.genesis_time = 9;
        public.network.network.name = "phase1-public".to_owned();
        let list = internal.differences(&public, &[]);
        assert_eq!(list.len(), 2);
        assert!(list.iter().all(|difference| difference.is_allowed));
        public.code_hashes.insert("Rollup/1".to_owned(), B256::ZERO);
        public.network.proving.proof_window_epochs = 3;
        public.binaries.clear();
        let unlisted = |allowed: &[String]| -> Vec<String> {
            let list = internal.differences(&public, allowed);
            let unlisted = list.into_iter().filter(|difference| !difference.is_allowed);
            unlisted.map(|difference| difference.path).collect()
        };
        assert_eq!(
            unlisted(&[]),
            [
                "/binaries",
                "/binaries/agoge-node",
                "/code_hashes/Rollup~11",
                "/network/proving/proof_window_epochs"
            ]
        );
        let allowed = [
            "/binaries",
            "/code_hashes/Rollup~11",
            "/network/proving/proof_window",
        ];
        assert_eq!(
            unlisted(&allowed.map(str::to_owned)),
            ["/network/proving/proof_window_epochs"],
            "a part of a name allows nothing"
        );
    }
}
