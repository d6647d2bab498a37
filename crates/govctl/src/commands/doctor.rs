//! `doctor`: whether the other commands can work from here. Changes nothing.

use std::time::{SystemTime, UNIX_EPOCH};

use agoge_host::config::load_deployment;
use agoge_host::report::{self, CliError};
use agoge_l1_client::L1Client;
use agoge_protocol::Address;
use agoge_protocol::exit::ExitCode as Exit;
use alloy::primitives::address;
use serde_json::{Value, json};

use super::Output;
use crate::failure;
use crate::flags::Flags;
use crate::session::Place;
use crate::show;

/// EIP-2935's history contract, from which committees' seeds are proven.
const HISTORY: Address = address!("0000F90827F1C53a10cb7A02335B175320002935");
/// Seconds by which this machine's clock may differ from the L1 head before it is a warning, beside two L1 slots.
const CLOCK_SECONDS: u64 = 15;

/// One line.
struct Check {
    name: &'static str,
    mark: &'static str,
    text: String,
    hint: Option<String>,
}

impl Check {
    fn ok(name: &'static str, text: impl Into<String>) -> Self {
        Self {
            name,
            mark: "ok",
            text: text.into(),
            hint: None,
        }
    }

    fn bad(name: &'static str, mark: &'static str, text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            name,
            mark,
            text: text.into(),
            hint: Some(hint.into()),
        }
    }

    fn of(name: &'static str, result: Result<String, CliError>) -> Self {
        match result {
            Ok(text) => Self::ok(name, text),
            Err(error) => Self::bad(name, "fail", error.message, error.hint.unwrap_or_default()),
        }
    }

    fn line(&self) -> String {
        let hint = self
            .hint
            .as_ref()
            .map_or_else(String::new, |hint| format!("\n     hint: {hint}"));
        format!("{:<4} {}: {}{hint}\n", self.mark, self.name, self.text)
    }

    fn json(&self) -> Value {
        json!({ "check": self.name, "result": self.mark, "text": self.text, "hint": self.hint })
    }
}

pub(crate) async fn run(flags: &Flags) -> Result<Output, CliError> {
    let place = Place::find(flags)?;
    let client = place.connect(flags, None).await?;
    let chain_id = place.network.network.chain_id;
    let mut checks = vec![Check::ok("endpoint", format!("answers for chain {chain_id}"))];
    checks.push(clock(&client).await?);
    checks.push(history(&client).await?);
    checks.push(match client.blob_base_fee().await {
        Ok(fee) => Check::ok("blobs", format!("a unit of blob gas costs {fee} wei")),
        Err(error) => Check::bad(
            "blobs",
            "fail",
            error.to_string(),
            "L1 must know blobs (EIP-4844)",
        ),
    });
    checks.push(Check::of("deployment", deployment(flags, &place).await));
    checks.push(account(flags, &client, chain_id).await?);
    let text: String = checks.iter().map(Check::line).collect();
    let data = json!({ "checks": checks.iter().map(Check::json).collect::<Vec<_>>() });
    let failed = checks.iter().filter(|check| check.mark == "fail").count();
    if failed == 0 {
        return Ok(Output::new("doctor", data, text));
    }
    report::tell(text.trim_end());
    Err(CliError::new(
        Exit::Precondition,
        "AGOGE-GOV-012",
        format!("{failed} checks failed"),
    )
    .with_hint("each line that fails has its own hint"))
}

async fn clock(client: &L1Client) -> Result<Check, CliError> {
    let head = client.head().await.map_err(failure::rpc)?.time;
    let wall = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs());
    let apart = wall.abs_diff(head);
    let limit = client
        .config()
        .network
        .network
        .l1_slot_seconds
        .saturating_mul(2)
        .saturating_add(CLOCK_SECONDS);
    Ok(if apart <= limit {
        Check::ok("clock", format!("{apart} s from the L1 head"))
    } else {
        Check::bad(
            "clock",
            "warn",
            format!("{} from the L1 head", show::duration(apart)),
            "set this machine's clock (NTP), or use an endpoint that is in sync",
        )
    })
}

async fn history(client: &L1Client) -> Result<Check, CliError> {
    let code = client.code(HISTORY).await.map_err(failure::rpc)?;
    Ok(if code.is_empty() {
        Check::bad(
            "history contract",
            "fail",
            format!("{HISTORY} has no code"),
            "L1 must have EIP-2935 (Prague or later)",
        )
    } else {
        Check::ok("history contract", "is there")
    })
}

async fn deployment(flags: &Flags, place: &Place) -> Result<String, CliError> {
    let deployment = load_deployment(&place.deployment_file, &place.network)?;
    let client = place.connect(flags, Some(deployment)).await?;
    let reader = client.reader().map_err(failure::client)?;
    reader
        .verify_deployment(&place.network)
        .await
        .map_err(|error| failure::mismatch(error, "`govctl verify` compares everything"))?;
    Ok(format!("L1 is what {} says", place.deployment_file.display()))
}

async fn account(flags: &Flags, client: &L1Client, chain_id: u64) -> Result<Check, CliError> {
    if flags.key.account.is_none() && flags.key.keystore.is_none() {
        return Ok(Check::bad(
            "account",
            "warn",
            "none was named",
            "give --account NAME or --keystore FILE to check it",
        ));
    }
    let key = match flags.key.open(chain_id) {
        Ok(key) => key,
        Err(error) => return Ok(Check::of("account", Err(error))),
    };
    let balance = client.balance(key.address()).await.map_err(failure::rpc)?;
    let text = format!("{} has {}", key.address(), show::wei(balance));
    Ok(if balance.is_zero() {
        Check::bad("account", "fail", text, "send ETH to the account")
    } else {
        Check::ok("account", text)
    })
}
