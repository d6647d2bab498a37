//! The verdict, for programs and for people.

use agoge_protocol::exit::ExitCode as Exit;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use super::{Case, UNKNOWN_SHARE_MAX};
use crate::requirement::{Kind, Stage};

/// Whether a requirement is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// The evidence shows that it is.
    Pass,
    /// The evidence shows that it is not.
    Fail,
    /// The evidence shows neither.
    Unknown,
}

/// Whether the gate is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// Every blocking requirement is met.
    Go,
    /// A blocking requirement is not met.
    NoGo,
    /// Too little is known.
    NotEnoughData,
}

impl Verdict {
    /// How `check` ends.
    pub(crate) const fn exit(self) -> Exit {
        match self {
            Self::Go => Exit::Ok,
            Self::NoGo => Exit::NoGo,
            Self::NotEnoughData => Exit::NotEnoughData,
        }
    }

    /// For people.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Go => "GO",
            Self::NoGo => "NO-GO",
            Self::NotEnoughData => "NOT ENOUGH DATA",
        }
    }
}

/// One requirement's result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Finding {
    /// The requirement.
    pub(crate) id: String,
    /// Its text.
    pub(crate) text: String,
    /// Its sort.
    pub(crate) kind: Kind,
    /// Whether a release waits for it.
    pub(crate) is_blocking: bool,
    /// Result.
    pub(crate) status: Status,
    /// Figure and bound.
    pub(crate) figure: String,
    /// Lines it rests on, `file:line`.
    pub(crate) evidence: Vec<String>,
}

/// Which slots were judged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct WindowReport {
    /// First slot.
    pub(crate) from: u64,
    /// Last slot.
    pub(crate) to: u64,
    /// Slots that the gate asks for.
    pub(crate) required_slots: u64,
    /// Slots from the first to the last; 0 without any record.
    pub(crate) slots: u64,
    /// Slots with a record.
    pub(crate) recorded: u64,
    /// Slots with a record in which L1 and more than two thirds of the nodes answered.
    pub(crate) known: u64,
    /// Share of the slots that are not known.
    pub(crate) unknown_share: f64,
}

/// Which evidence was judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Evidence {
    /// Network.
    pub(crate) network: String,
    /// SHA-256 of the network file's values.
    pub(crate) network_sha256: String,
    /// Files, oldest first.
    pub(crate) files: Vec<String>,
    /// Hash of the last line.
    pub(crate) head: String,
    /// Nodes watched.
    pub(crate) nodes: u64,
}

/// The result of judging.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Phase.
    pub(crate) phase: u8,
    /// Stage.
    pub(crate) stage: Stage,
    /// Durations were divided by this; a release needs 1.
    pub(crate) compress: u64,
    /// Result.
    pub(crate) verdict: Verdict,
    /// Slots judged.
    pub(crate) window: WindowReport,
    /// Evidence judged.
    pub(crate) evidence: Evidence,
    /// Every requirement.
    pub(crate) findings: Vec<Finding>,
}

impl Report {
    pub(super) fn new(case: &Case<'_>, window: WindowReport, findings: Vec<Finding>) -> Self {
        let checked = case.checked;
        let blocking = |status| {
            findings
                .iter()
                .any(|finding| finding.is_blocking && finding.status == status)
        };
        let verdict = if window.unknown_share > UNKNOWN_SHARE_MAX {
            Verdict::NotEnoughData
        } else if blocking(Status::Fail) {
            Verdict::NoGo
        } else if blocking(Status::Unknown) {
            Verdict::NotEnoughData
        } else {
            Verdict::Go
        };
        Self {
            phase: case.phase.number,
            stage: case.stage,
            compress: case.phase.compress,
            verdict,
            window,
            evidence: Evidence {
                network: checked.header.network.network.name.clone(),
                network_sha256: checked.header.network_sha256.clone(),
                files: checked.files.clone(),
                head: checked.head.to_string(),
                nodes: u64::try_from(checked.header.nodes.len()).unwrap_or(u64::MAX),
            },
            findings,
        }
    }

    /// SHA-256 of the report as JSON, what a decision signs.
    pub(crate) fn hash(&self) -> [u8; 32] {
        // Plain data: serialization does not fail, and a failure would be a hash that fits no report.
        sha2::Sha256::digest(serde_json::to_vec(self).unwrap_or_default()).into()
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let window = &self.window;
        let mut lines = vec![
            format!(
                "{}  phase {}, {} stage, network {}, {} nodes{}",
                self.verdict.words(),
                self.phase,
                self.stage,
                self.evidence.network,
                self.evidence.nodes,
                if self.compress == 1 {
                    String::new()
                } else {
                    format!(", durations divided by {}: no gate of a release", self.compress)
                }
            ),
            format!(
                "slots {} to {}: {} of {} asked for, {} recorded, {} known, {:.2} % unknown (at most {:.0} %)",
                window.from,
                window.to,
                window.slots,
                window.required_slots,
                window.recorded,
                window.known,
                window.unknown_share * 100.0,
                UNKNOWN_SHARE_MAX * 100.0
            ),
            format!("evidence head {}", self.evidence.head),
            String::new(),
        ];
        for finding in &self.findings {
            let status = match finding.status {
                Status::Pass => "pass   ",
                Status::Fail => "FAIL   ",
                Status::Unknown => "unknown",
            };
            let gating = if finding.is_blocking { "" } else { " [not gating]" };
            lines.push(format!("{status} {:<15} {}{gating}", finding.id, finding.text));
            let places = if finding.evidence.is_empty() {
                String::new()
            } else {
                format!("; see {}", finding.evidence.join(", "))
            };
            lines.push(format!("        {}{places}", finding.figure));
        }
        lines.join("\n") + "\n"
    }
}
