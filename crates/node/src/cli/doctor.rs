//! `doctor`: everything a node needs, checked one by one, each with what to do about it.

mod host;
mod l1;

use serde::Serialize;

use super::{CliError, Exit, Invocation, report};
use crate::config::Resolved;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Warn,
    Fail,
}

/// One line of the report.
#[derive(Clone, Debug, Serialize)]
struct Check {
    status: Status,
    code: &'static str,
    message: String,
    hint: Option<String>,
}

impl Check {
    fn ok(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: Status::Ok,
            code,
            message: message.into(),
            hint: None,
        }
    }

    fn warn(code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            status: Status::Warn,
            code,
            message: message.into(),
            hint: Some(hint.into()),
        }
    }

    fn fail(code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            status: Status::Fail,
            code,
            message: message.into(),
            hint: Some(hint.into()),
        }
    }

    fn line(&self) -> String {
        let status = match self.status {
            Status::Ok => "ok  ",
            Status::Warn => "warn",
            Status::Fail => "fail",
        };
        let hint = self
            .hint
            .as_ref()
            .map(|hint| format!("\n     hint: {hint}"))
            .unwrap_or_default();
        format!("{status} {} {}{hint}\n", self.code, self.message)
    }
}

pub(super) fn doctor(invocation: &Invocation) -> Result<Exit, CliError> {
    let Resolved { config, .. } = invocation.resolve_unchecked()?;
    let mut checks = vec![relations(&config)];
    checks.extend(host::checks(&config));
    let (deployment, check) = host::deployment(&config);
    checks.push(check);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::new(Exit::Failed, "AGOGE-DOC-000", error))?;
    checks.extend(runtime.block_on(l1::checks(&config, deployment)));
    let is_well = checks.iter().all(|check| check.status != Status::Fail);
    report::data(invocation.json, "doctor", &checks, || {
        checks.iter().map(Check::line).collect()
    });
    Ok(if is_well { Exit::Ok } else { Exit::Precondition })
}

fn relations(config: &crate::config::Config) -> Check {
    match config.validate() {
        Ok(()) => Check::ok("AGOGE-DOC-001", "configuration is complete"),
        Err(error) => Check::fail(
            "AGOGE-DOC-001",
            error.to_string(),
            error.hint().unwrap_or_else(|| "change it".to_owned()),
        ),
    }
}
