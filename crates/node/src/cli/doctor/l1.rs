//! Checks of L1: chain id, clock, logs, headers, blobs, balance, contracts. Each waits at most the client's call timeout.

use std::sync::Arc;

use agoge_l1_client::{L1Client, RpcError};
use agoge_protocol::{B256, Deployment, L1Block, U256};
use agoge_supervisor::{Clock as _, SystemClock};

use super::Check;
use crate::config::Config;
use crate::keys::{KeyRole, list_keys};

/// Seconds by which a head may seem to come from the future.
const CLOCK_SKEW_MAX_SECONDS: u64 = 1;
/// Publications that a balance should last for.
const PUBLICATIONS_MIN: u64 = 100;
/// Gas of a publication with its blob's share, rounded up.
const PUBLICATION_GAS: u64 = 300_000;
/// Wei a gas, for a rough figure only.
const GAS_PRICE: u64 = 2_000_000_000;

pub(super) async fn checks(config: &Config, deployment: Option<Deployment>) -> Vec<Check> {
    const CODE: &str = "AGOGE-DOC-010";
    if config.l1.rpc_urls.is_empty() {
        return vec![Check::fail(
            CODE,
            "no L1 RPC URL",
            "--l1-rpc-urls URL, or ETH_RPC_URL",
        )];
    }
    let has_deployment = deployment.is_some();
    let client = match L1Client::connect(config.l1_client(deployment), Arc::new(SystemClock)).await {
        Ok(client) => client,
        Err(error) => {
            let hint = "check the URL and that the L1 node runs; the other L1 checks wait for this one";
            return vec![Check::fail(CODE, error.to_string(), hint)];
        }
    };
    let mut checks = vec![Check::ok(
        CODE,
        format!("L1 RPC serves chain {}", config.network.network.chain_id),
    )];
    let head = match client.head().await {
        Ok(head) => head,
        Err(error) => {
            checks.push(failed("AGOGE-DOC-011", "L1 head", &error));
            return checks;
        }
    };
    checks.push(clock(config, &head));
    checks.push(logs(config, &client).await);
    checks.push(blobs(&client, head).await);
    checks.extend(publisher(config, &client).await);
    if has_deployment {
        checks.extend(contracts(config, &client, &head).await);
    }
    checks
}

fn failed(code: &'static str, what: &str, error: &RpcError) -> Check {
    Check::fail(code, format!("{what}: {error}"), error.cause.hint())
}

fn clock(config: &Config, head: &L1Block) -> Check {
    const CODE: &str = "AGOGE-DOC-011";
    let now = SystemClock.now_unix_ms().checked_div(1_000).unwrap_or_default();
    let age_max = config.network.l1.head_age_max_seconds;
    if head.time > now.saturating_add(CLOCK_SKEW_MAX_SECONDS) {
        let ahead = head.time.saturating_sub(now);
        return Check::fail(
            CODE,
            format!("the L1 head is {ahead} s in the future: this clock is late"),
            "chronyc tracking",
        );
    }
    let age = now.saturating_sub(head.time);
    if age > age_max {
        let message = format!("the L1 head is {age} s old, the node signs nothing beyond {age_max} s");
        return Check::fail(
            CODE,
            message,
            "the L1 node is stalled or syncing, or this clock is early (chronyc tracking)",
        );
    }
    Check::ok(CODE, format!("clock and L1 head agree ({age} s)"))
}

async fn logs(config: &Config, client: &L1Client) -> Check {
    const CODE: &str = "AGOGE-DOC-012";
    let range = config.network.l1.log_range_max;
    match client.probe_log_range(range).await {
        Ok(_) => Check::ok(CODE, format!("logs over {range} blocks")),
        Err(error) if error.cause.wants_smaller_range() => Check::warn(
            CODE,
            format!(
                "the L1 provider refuses logs over {range} blocks; the node asks for fewer, the first sync takes longer"
            ),
            error.cause.hint(),
        ),
        Err(error) => failed(CODE, "logs", &error),
    }
}

/// A blob that nobody has: "not found" from every source shows that they answer.
async fn blobs(client: &L1Client, head: L1Block) -> Check {
    const CODE: &str = "AGOGE-DOC-013";
    let mut nobodys = B256::repeat_byte(0xa6);
    // The version byte of a KZG hash.
    if let Some(version) = nobodys.0.first_mut() {
        *version = 1;
    }
    match client.blobs().fetch(head, nobodys).await {
        Ok(_) => Check::warn(
            CODE,
            "a blob source answered for a blob that does not exist",
            "use another beacon URL",
        ),
        Err(error) if error.is_not_yet() => Check::ok(CODE, "blob sources answer"),
        Err(error) => {
            let hint = "the beacon URL must serve /eth/v1/beacon/blobs and custody all columns";
            Check::fail(CODE, error.to_string(), hint)
        }
    }
}

async fn publisher(config: &Config, client: &L1Client) -> Option<Check> {
    const CODE: &str = "AGOGE-DOC-014";
    let entries = list_keys(&config.keys).ok()?;
    let address = entries
        .iter()
        .find(|entry| entry.role == KeyRole::Publisher)?
        .address?;
    Some(match client.balance(address).await {
        Err(error) => failed(CODE, "publisher's balance", &error),
        Ok(balance) => {
            let one = U256::from(PUBLICATION_GAS).saturating_mul(U256::from(GAS_PRICE));
            let lasts = balance.checked_div(one).unwrap_or_default();
            let message = format!("publisher {address} has {balance} wei, about {lasts} blocks");
            let hint = format!("send ETH to {address}");
            if lasts.is_zero() {
                Check::fail(CODE, message, hint)
            } else if lasts < U256::from(PUBLICATIONS_MIN) {
                Check::warn(CODE, message, hint)
            } else {
                Check::ok(CODE, message)
            }
        }
    })
}

async fn contracts(config: &Config, client: &L1Client, head: &L1Block) -> Vec<Check> {
    const CODE: &str = "AGOGE-DOC-015";
    let hint = "the deployment file belongs to other contracts than this L1 has; get the network's own";
    let reader = match client.reader() {
        Ok(reader) => reader,
        Err(error) => return vec![Check::fail(CODE, error.to_string(), hint)],
    };
    let deployment = match reader.verify_deployment(&config.network).await {
        Ok(_) => Check::ok(
            CODE,
            "contracts, genesis and parameters match the deployment file",
        ),
        Err(error) => Check::fail(CODE, error.to_string(), hint),
    };
    let header = match reader.raw_header(head.hash).await {
        Ok(_) => Check::ok("AGOGE-DOC-016", "raw L1 headers are served"),
        Err(error) => Check::warn(
            "AGOGE-DOC-016",
            format!("raw L1 headers: {error}"),
            "an epoch's first block needs one; another proposer must then publish it",
        ),
    };
    vec![deployment, header]
}
