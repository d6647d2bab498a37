//! `verify`: L1 against this build, the network file and the deployment file.

use agoge_deployer::{Finding, Verdict};
use agoge_host::report::{self, CliError};
use serde_json::{Value, json};

use super::Output;
use crate::failure;
use crate::flags::Flags;
use crate::session::Session;

pub(crate) async fn run(flags: &Flags) -> Result<Output, CliError> {
    let session = Session::open_unchecked(flags).await?;
    let findings = agoge_deployer::verify(&session.client, &session.deployment)
        .await
        .map_err(failure::deploy)?;
    refuse_wrong(&findings, "L1 is not what the files and this build say")?;
    let text = format!(
        "{}{} checks: all as they must be\n",
        text(&findings),
        findings.len()
    );
    Ok(Output::new(
        "verify",
        json!({ "checks": json_of(&findings) }),
        text,
    ))
}

/// Exit code 4, with every difference told, if there is one.
pub(crate) fn refuse_wrong(findings: &[Finding], what: &str) -> Result<(), CliError> {
    let wrong: Vec<&Finding> = findings.iter().filter(|finding| finding.is_wrong()).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    report::tell(text(findings).trim_end());
    let list: Vec<String> = wrong.into_iter().map(line).collect();
    Err(failure::mismatch(
        format!("{what}: {}", list.join("; ")),
        "do not use it: compare network file, deployment file and the version of govctl with their sources",
    ))
}

pub(crate) fn json_of(findings: &[Finding]) -> Vec<Value> {
    findings
        .iter()
        .map(|finding| {
            let (is_ok, note) = match &finding.verdict {
                Verdict::Same => (true, None),
                Verdict::Note(note) => (true, Some(note)),
                Verdict::Different(difference) => (false, Some(difference)),
            };
            json!({
                "subject": finding.subject, "address": finding.address, "check": finding.check, "ok": is_ok,
                "note": note,
            })
        })
        .collect()
}

pub(crate) fn text(findings: &[Finding]) -> String {
    findings.iter().map(|finding| line(finding) + "\n").collect()
}

fn line(finding: &Finding) -> String {
    let (mark, note) = match &finding.verdict {
        Verdict::Same => ("ok  ", String::new()),
        Verdict::Note(note) => ("note", format!(": {note}")),
        Verdict::Different(difference) => ("FAIL", format!(": {difference}")),
    };
    format!(
        "{mark} {} {}: {}{note}",
        finding.subject, finding.address, finding.check
    )
}
