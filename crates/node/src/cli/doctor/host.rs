//! Checks of this machine: directories, disk, files, ports, keys, deployment.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use agoge_protocol::Deployment;
use rustix::process::{Resource, getrlimit};

use super::Check;
use crate::config::Config;
use crate::keys::{KeyRole, list_keys};

/// Open files of a node at its bounds: peers, RPC connections, database.
const OPEN_FILES_MIN: u64 = 1_024;
const OPEN_FILES_GOOD: u64 = 4_096;
const DISK_MIN: u64 = 1 << 30;
const DISK_GOOD: u64 = 10 << 30;

pub(super) fn checks(config: &Config) -> Vec<Check> {
    let mut checks = vec![disk(&config.data_dir), open_files()];
    let sockets = [
        ("rpc", config.rpc.listen),
        ("admin", config.admin.listen),
        ("metrics", config.metrics_listen),
        ("p2p", config.p2p.listen),
    ];
    checks.extend(sockets.map(|(name, address)| port(name, address)));
    checks.extend(keys(config));
    checks.push(guard(config));
    checks
}

pub(super) fn deployment(config: &Config) -> (Option<Deployment>, Check) {
    match config.load_deployment() {
        Ok(deployment) => {
            let message = format!("deployment file {}", config.deployment_file.display());
            (Some(deployment), Check::ok("AGOGE-DOC-007", message))
        }
        Err(error) => {
            let hint = "name the network's deployment file with --deployment FILE";
            (None, Check::fail("AGOGE-DOC-007", error.to_string(), hint))
        }
    }
}

/// The nearest directory above that exists stands for one that does not.
fn disk(data_dir: &Path) -> Check {
    const CODE: &str = "AGOGE-DOC-002";
    let existing = data_dir
        .ancestors()
        .find(|path| path.is_dir())
        .unwrap_or(Path::new("."));
    match rustix::fs::statvfs(existing) {
        Err(error) => Check::fail(
            CODE,
            format!("{}: {error}", existing.display()),
            "choose another --data-dir",
        ),
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let message = format!("{} MiB free for {}", free >> 20, data_dir.display());
            let hint = "10 GiB last for months; choose another disk with --data-dir";
            match free {
                _ if free < DISK_MIN => Check::fail(CODE, message, hint),
                _ if free < DISK_GOOD => Check::warn(CODE, message, hint),
                _ => Check::ok(CODE, message),
            }
        }
    }
}

fn open_files() -> Check {
    const CODE: &str = "AGOGE-DOC-003";
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let message = format!("{limit} open files allowed");
    let hint = format!("ulimit -n {OPEN_FILES_GOOD}, or LimitNOFILE= in the unit");
    match limit {
        _ if limit < OPEN_FILES_MIN => Check::fail(CODE, message, hint),
        _ if limit < OPEN_FILES_GOOD => Check::warn(CODE, message, hint),
        _ => Check::ok(CODE, message),
    }
}

fn port(name: &str, address: SocketAddr) -> Check {
    const CODE: &str = "AGOGE-DOC-004";
    match TcpListener::bind(address) {
        Ok(_) => Check::ok(CODE, format!("{name} port {address} is free")),
        Err(error) => {
            let hint = "is the node running already? --instance N shifts all ports by 10 * N";
            Check::fail(CODE, format!("{name} port {address}: {error}"), hint)
        }
    }
}

fn keys(config: &Config) -> Vec<Check> {
    const CODE: &str = "AGOGE-DOC-005";
    let entries = match list_keys(&config.keys) {
        Ok(entries) => entries,
        Err(error) => {
            return vec![Check::fail(
                CODE,
                error.to_string(),
                error.hint().unwrap_or_default(),
            )];
        }
    };
    let mut checks: Vec<Check> = entries
        .iter()
        .filter_map(|entry| {
            let problem = entry.problem.as_ref()?;
            Some(Check::fail(
                CODE,
                format!("{}: {problem}", entry.path.display()),
                "chmod 600, or import it again",
            ))
        })
        .collect();
    let of = |role| entries.iter().filter(move |entry| entry.role == role);
    let (attesters, publishers) = (of(KeyRole::Attester).count(), of(KeyRole::Publisher).count());
    let is_shared = of(KeyRole::Publisher).any(|publisher| {
        publisher.address.is_some() && of(KeyRole::Attester).any(|key| key.address == publisher.address)
    });
    if is_shared && !config.keys.allow_shared {
        checks.push(Check::fail(
            CODE,
            "one key is attester and publisher",
            "agoge-node keys new --role publisher",
        ));
    }
    checks.push(match (attesters, publishers) {
        (0, _) => Check::warn(
            CODE,
            "no attester keys: the node only follows",
            "agoge-node keys new, or keys import",
        ),
        (_, 0) => Check::fail(
            CODE,
            "no publisher key: blocks cannot be sent",
            "agoge-node keys new --role publisher",
        ),
        _ => Check::ok(CODE, format!("{attesters} attester keys and a publisher")),
    });
    checks
}

fn guard(config: &Config) -> Check {
    const CODE: &str = "AGOGE-DOC-006";
    let path = config.guard_file();
    if path.is_file() {
        Check::ok(CODE, format!("signing guard {}", path.display()))
    } else {
        let hint =
            "`agoge-node signing import FILE`, or start once with --init-guard if these keys never signed";
        Check::warn(CODE, format!("no signing guard at {}", path.display()), hint)
    }
}
