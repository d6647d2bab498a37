//! `status`: what a running prover says of itself.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use agoge_host::report::CliError;
use agoge_protocol::exit::ExitCode as Exit;
use serde_json::Value;

use super::Invocation;

/// Bytes of an answer.
const ANSWER_BYTES_MAX: u64 = 1 << 20;
const TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn status(invocation: &Invocation) -> Result<Exit, CliError> {
    let listen = invocation.resolve_unchecked()?.config.status_listen;
    let away = |error: std::io::Error| {
        CliError::new(
            Exit::Precondition,
            "AGOGE-PRV-001",
            format!("no prover answers at {listen}: {error}"),
        )
        .with_hint("is it running, and with the same --status-listen or --instance?")
    };
    let text = ask(listen).map_err(away)?;
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let document: Value = serde_json::from_str(body)
        .map_err(|error| CliError::new(Exit::Failed, "AGOGE-PRV-002", format!("no status: {error}")))?;
    invocation.data("status", &document, || words(&document));
    Ok(Exit::Ok)
}

/// One request of HTTP/1.0 over loopback.
fn ask(listen: std::net::SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&listen, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.write_all(format!("GET /status HTTP/1.0\r\nHost: {listen}\r\n\r\n").as_bytes())?;
    let mut text = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

fn words(document: &Value) -> String {
    let mut text = format!(
        "prover {}  proofs {}  pending {}  proven {}  bond available {} gwei\njobs {}  eta {} s\n",
        show(document, "/prover"),
        show(document, "/proofs"),
        show(document, "/pending"),
        show(document, "/proven"),
        show(document, "/bond_available_gwei"),
        counts(document, "/jobs"),
        show(document, "/eta_seconds"),
    );
    let instances = list(document, "/instances");
    // One that is alone and well says nothing that is not above.
    let is_plain = |instance: &Value| instance.pointer("/problem").is_none_or(Value::is_null);
    if instances.len() < 2 && instances.iter().all(is_plain) {
        epochs(&mut text, document);
        return text;
    }
    for instance in instances {
        text.push_str(&format!(
            "instance {}  {}  rollup {}  from epoch {}",
            show(instance, "/number"),
            show(instance, "/state"),
            show(instance, "/rollup"),
            show(instance, "/activation_epoch"),
        ));
        if is_plain(instance) {
            text.push_str(&format!(
                "  pending {}  proven {}\n",
                show(instance, "/status/pending"),
                show(instance, "/status/proven")
            ));
        } else {
            text.push_str(&format!("  {}\n", show(instance, "/problem")));
        }
        if let Some(status) = instance.pointer("/status") {
            epochs(&mut text, status);
        }
    }
    text
}

fn epochs(text: &mut String, status: &Value) {
    for epoch in list(status, "/epochs") {
        text.push_str(&format!(
            "epoch {}  blocks {}..{}  {} txs  claim {}  {}  jobs {}  eta {} s\n",
            show(epoch, "/epoch"),
            show(epoch, "/first"),
            show(epoch, "/last"),
            show(epoch, "/txs"),
            show(epoch, "/claim"),
            show(epoch, "/stage"),
            counts(epoch, "/progress/jobs"),
            show(epoch, "/progress/eta_seconds"),
        ));
    }
}

fn list<'a>(document: &'a Value, pointer: &str) -> &'a [Value] {
    let list = document.pointer(pointer).and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

fn show(document: &Value, pointer: &str) -> String {
    match document.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => "?".to_owned(),
    }
}

fn counts(document: &Value, pointer: &str) -> String {
    let [waiting, running, pausing, done] = ["waiting", "running", "pausing", "done"].map(|state| {
        let count = document.pointer(&format!("{pointer}/{state}"));
        count.and_then(Value::as_u64).unwrap_or(0)
    });
    let all = waiting
        .saturating_add(running)
        .saturating_add(pausing)
        .saturating_add(done);
    format!("{done}/{all} ({running} running)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_see_epochs_and_jobs() {
        let document = serde_json::json!({
            "prover": "0x01", "proofs": "plonky2", "pending": 9, "proven": 4, "bond_available_gwei": null,
            "jobs": {"waiting": 3, "running": 1, "pausing": 0, "done": 6}, "eta_seconds": 70,
            "epochs": [{"epoch": 2, "first": 5, "last": 9, "txs": 3, "claim": "ours", "stage": "proving",
                "progress": {"jobs": {"waiting": 3, "running": 1, "pausing": 0, "done": 6}, "eta_seconds": 70}}]
        });
        let text = words(&document);
        assert!(text.contains("jobs 6/10 (1 running)  eta 70 s"), "{text}");
        assert!(
            text.contains("epoch 2  blocks 5..9  3 txs  claim ours  proving"),
            "{text}"
        );
        assert!(!words(&Value::Null).is_empty(), "whatever answers there");
    }

    #[test]
    fn people_see_every_instance_once_there_are_two_or_one_has_a_problem() {
        let epoch =
            serde_json::json!({"epoch": 2, "first": 5, "last": 9, "claim": "none", "stage": "proving"});
        let instance = |number: u32, state: &str| {
            serde_json::json!({
                "number": number, "state": state, "rollup": "0x02", "activation_epoch": 7, "problem": null,
                "status": {"pending": 9, "proven": 4, "epochs": [epoch]}
            })
        };
        let mut other = instance(2, "unknown");
        (other["problem"], other["status"]) = ("version 3".into(), Value::Null);
        let text = words(&serde_json::json!({"instances": [instance(1, "active"), other]}));
        let expected =
            "instance 1  active  rollup 0x02  from epoch 7  pending 9  proven 4\nepoch 2  blocks 5..9";
        assert!(text.contains(expected), "{text}");
        assert!(
            text.ends_with("instance 2  unknown  rollup 0x02  from epoch 7  version 3\n"),
            "{text}"
        );
        let alone = serde_json::json!({"instances": [instance(1, "active")], "epochs": [epoch]});
        assert!(!words(&alone).contains("instance") && words(&alone).contains("epoch 2"));
    }
}
