//! What is locked is what the policy allows: `deny.toml` says which licences and crates, from the cargo registry only,
//! `security/floors.toml` which versions are known to be faulty. `script/audit` has cargo-deny look at the same policy; this needs no tool, so every run does.

use std::collections::BTreeMap;
use std::path::Path;

use cargo_metadata::{Metadata, MetadataCommand, Package, semver::Version};
use serde_json::Value as Json;
use spdx::{Expression, Licensee, ParseMode};
use toml::{Table, Value};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// A package in a lock file.
#[derive(Debug)]
struct Locked {
    name: String,
    version: Version,
}

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(format!("{ROOT}/Cargo.toml"))
        .other_options(vec!["--locked".to_owned()])
        .exec()
        .expect("cargo metadata")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path)).expect("a file of the repository")
}

fn table(path: &str) -> Table {
    read(path).parse().expect("a TOML file")
}

fn strings(list: &Value) -> Vec<&str> {
    list.as_array()
        .expect("a list")
        .iter()
        .map(|item| item.as_str().expect("a string"))
        .collect()
}

/// Why the package may not be used under any of its licences, if so.
fn licence_fault(package: &Package, allowed: &[Licensee]) -> Option<String> {
    let name = &package.name;
    let Some(licence) = &package.license else {
        return Some(format!("{name} names no licence"));
    };
    match Expression::parse_mode(licence, ParseMode::LAX) {
        Err(error) => Some(format!("{name}: licence {licence:?}: {error}")),
        Ok(expression) => (!expression
            .evaluate(|required| allowed.iter().any(|own| own.satisfies(required))))
        .then(|| format!("{name}: licence {licence} is not allowed by deny.toml")),
    }
}

/// Packages below their floor.
fn below<'a>(locked: &'a [Locked], floors: &Table) -> Vec<&'a Locked> {
    let floors: BTreeMap<&String, Version> = floors
        .iter()
        .map(|(name, entry)| {
            let floor = entry.get("floor").and_then(Value::as_str).expect("a floor");
            assert!(
                entry.get("advisory").is_some() && entry.get("fault").is_some(),
                "{name}: say which advisory and which fault"
            );
            (name, Version::parse(floor).expect("a version"))
        })
        .collect();
    locked
        .iter()
        .filter(|package| {
            floors
                .get(&package.name)
                .is_some_and(|floor| package.version < *floor)
        })
        .collect()
}

#[test]
fn licences_and_sources_are_those_of_the_policy() {
    let policy = table("deny.toml");
    let allowed: Vec<Licensee> = strings(&policy["licenses"]["allow"])
        .into_iter()
        .map(|name| Licensee::parse(name).expect("an SPDX licence"))
        .collect();
    let metadata = metadata();
    let mut wrong: Vec<String> = Vec::new();
    for package in &metadata.packages {
        wrong.extend(licence_fault(package, &allowed));
        let is_own = metadata.workspace_members.contains(&package.id);
        match &package.source {
            Some(source) if source.is_crates_io() => {}
            None if is_own => {}
            source => wrong.push(format!("{} comes from {source:?}", package.name)),
        }
        for dependency in package.dependencies.iter().filter(|_| is_own) {
            if dependency.path.is_none() && dependency.req.comparators.is_empty() {
                wrong.push(format!(
                    "{} takes any version of {}",
                    package.name, dependency.name
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(metadata.packages.len() > 500, "the whole graph was read");
}

#[test]
fn no_crate_is_banned_and_none_that_must_be_single_is_there_twice() {
    let policy = table("deny.toml");
    let metadata = metadata();
    for ban in policy["bans"]["deny"].as_array().expect("a list") {
        let name = ban["crate"].as_str().expect("a name");
        let versions: Vec<String> = metadata
            .packages
            .iter()
            .filter(|package| *package.name == name)
            .map(|package| package.version.to_string())
            .collect();
        let is_single = ban.get("deny-multiple-versions").and_then(Value::as_bool) == Some(true);
        let expected = usize::from(is_single);
        assert_eq!(
            versions.len(),
            expected,
            "{name} is locked as {versions:?}; deny.toml wants {expected}"
        );
    }
}

#[test]
fn no_locked_version_has_a_known_fault() {
    let floors = table("security/floors.toml");
    let crates: Vec<Locked> = metadata()
        .packages
        .iter()
        .map(|package| Locked {
            name: package.name.to_string(),
            version: package.version.clone(),
        })
        .collect();
    let lock: Json = serde_json::from_str(&read("lib/package-lock.json")).expect("npm's lock");
    let packages = lock["packages"].as_object().expect("npm's packages");
    let npm: Vec<Locked> = packages
        .iter()
        .filter_map(|(path, entry)| {
            let (_, name) = path.rsplit_once("node_modules/")?;
            assert!(
                entry["integrity"].is_string(),
                "{name} is locked without a digest"
            );
            Some(Locked {
                name: name.to_owned(),
                version: entry["version"]
                    .as_str()
                    .expect("a version")
                    .parse()
                    .expect("a version"),
            })
        })
        .collect();
    assert!(!npm.is_empty(), "npm's lock was read");

    let mut faulty = below(&crates, floors["crates"].as_table().expect("crates"));
    faulty.extend(below(&npm, floors["npm"].as_table().expect("npm")));
    assert!(faulty.is_empty(), "below security/floors.toml: {faulty:#?}");
}

#[test]
fn a_version_below_its_floor_and_a_foreign_licence_are_noticed() {
    let floors: Table = "yamux = { floor = '0.13.2', advisory = 'a', fault = 'b' }"
        .parse()
        .expect("TOML");
    let locked = |version: &str| Locked {
        name: "yamux".to_owned(),
        version: version.parse().expect("a version"),
    };
    let locked = [
        locked("0.13.1"),
        locked("0.13.2"),
        locked("0.9.9"),
        locked("1.0.0"),
    ];
    let faulty: Vec<String> = below(&locked, &floors)
        .into_iter()
        .map(|package| package.version.to_string())
        .collect();
    assert_eq!(faulty, ["0.13.1", "0.9.9"]);

    let allowed = [Licensee::parse("MIT").expect("a licence")];
    let mut package = metadata().packages.swap_remove(0);
    for (licence, is_allowed) in [
        ("MIT OR GPL-3.0", true),
        ("MIT AND GPL-3.0-only", false),
        ("nonsense", false),
    ] {
        package.license = Some(licence.to_owned());
        assert_eq!(
            licence_fault(&package, &allowed).is_none(),
            is_allowed,
            "{licence}"
        );
    }
    package.license = None;
    assert!(licence_fault(&package, &allowed).is_some());
}
