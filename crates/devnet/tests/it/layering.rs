//! Crates depend on lower layers only, never sideways, and the guarded libraries have one owner each.

use std::collections::BTreeMap;

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Lowest layer first; `crates/README.md` says what each is for.
const LAYERS: &[&[&str]] = &[
    &["protocol"],
    &["contract-bindings", "state-transition", "supervisor", "host"],
    &["l1-client", "p2p", "store", "circuits"],
    &["node", "prover", "wallet", "deployer"],
    &["govctl", "devnet", "gas", "gate"],
];

/// Libraries that only some crates may use directly.
const OWNERS: &[(&str, &[&str])] = &[
    ("libp2p", &["p2p"]),
    ("rocksdb", &["store"]),
    ("plonky2", &["circuits", "state-transition"]),
    ("c-kzg", &["l1-client"]),
    ("foundry-compilers", &["contract-bindings"]),
];

#[test]
fn dependencies_point_down_and_libraries_have_one_owner() {
    let metadata = MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo metadata");
    let layer: BTreeMap<String, usize> = LAYERS
        .iter()
        .enumerate()
        .flat_map(|(number, crates)| crates.iter().map(move |name| (format!("agoge-{name}"), number)))
        .collect();
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        let name = package.name.to_string();
        let Some(own) = layer.get(&name) else {
            wrong.push(format!("{name} has no layer"));
            continue;
        };
        for dependency in &package.dependencies {
            if let Some(other) = layer.get(&dependency.name)
                && dependency.kind != DependencyKind::Development
                && other >= own
            {
                wrong.push(format!(
                    "{name} (layer {own}) depends on {} (layer {other})",
                    dependency.name
                ));
            }
            let owners = OWNERS.iter().find(|(library, _)| *library == dependency.name);
            // Tests may use a library to check one's own code against it.
            if let Some((library, owners)) = owners
                && dependency.kind != DependencyKind::Development
                && !owners.contains(&name.trim_start_matches("agoge-"))
            {
                wrong.push(format!("{name} uses {library}, which belongs to {owners:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(
        metadata.workspace_packages().len(),
        layer.len(),
        "a layered crate is not in the workspace"
    );
}
