//! The report of a check: a table for people, JSON for programs, an exit code for scripts.

use core::fmt::Write as _;

use agoge_protocol::exit::ExitCode;
use serde::Serialize;

use super::finding::{Finding, Verdict};

/// Name and version of the JSON.
pub const SCHEMA: &str = "agoge.devnet.history/1";

/// What a run's history came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The run's directory.
    pub dir: String,
    /// The worst of the findings.
    pub verdict: Verdict,
    /// A finding for each check.
    pub checks: Vec<Finding>,
}

impl Report {
    /// Puts findings together.
    pub fn new(dir: String, checks: Vec<Finding>) -> Self {
        let worst = checks.iter().map(|finding| finding.verdict).max();
        Self {
            schema: SCHEMA,
            dir,
            // Who has checked nothing knows nothing.
            verdict: worst.unwrap_or(Verdict::Unknown),
            checks,
        }
    }

    /// How the program ends.
    pub const fn exit_code(&self) -> ExitCode {
        match self.verdict {
            Verdict::Pass => ExitCode::Ok,
            Verdict::Fail => ExitCode::Failed,
            Verdict::Unknown => ExitCode::NotEnoughData,
        }
    }

    /// The finding of a check.
    pub fn finding(&self, check: &str) -> Option<&Finding> {
        self.checks.iter().find(|finding| finding.check == check)
    }
}

/// The table, then what is behind each verdict that is no pass.
impl core::fmt::Display for Report {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for finding in &self.checks {
            let mut figures = String::new();
            for (name, value) in &finding.figures {
                let separator = if figures.is_empty() { "" } else { ", " };
                write!(figures, "{separator}{} {value}", name.replace('_', " "))?;
            }
            writeln!(f, "{:<13} {:<8} {figures}", finding.check, word(finding.verdict))?;
        }
        for finding in &self.checks {
            for what in &finding.first {
                writeln!(f, "{}: FAIL: {what}", finding.check)?;
            }
            let told = u64::try_from(finding.first.len()).unwrap_or(u64::MAX);
            let more = finding.violations.saturating_sub(told);
            if more > 0 {
                writeln!(f, "{}: FAIL: {more} more", finding.check)?;
            }
            for why in &finding.missing {
                writeln!(f, "{}: unknown: {why}", finding.check)?;
            }
        }
        write!(f, "{}: {}", self.dir, word(self.verdict))
    }
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Unknown => "unknown",
        Verdict::Fail => "FAIL",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_decides_and_every_word_is_told() {
        let pass = Finding::new("logs");
        let unknown = Finding::without_evidence("roots", "no node answered");
        let mut fail = Finding::new("value");
        for _ in 0..12 {
            fail.violated("a wei is missing");
        }
        fail.figure("proven_blocks", 7);
        for (checks, verdict, code) in [
            (vec![pass.clone()], Verdict::Pass, ExitCode::Ok),
            (
                vec![pass.clone(), unknown.clone()],
                Verdict::Unknown,
                ExitCode::NotEnoughData,
            ),
            (vec![pass, unknown, fail], Verdict::Fail, ExitCode::Failed),
        ] {
            let report = Report::new("run".to_owned(), checks);
            assert_eq!((report.verdict, report.exit_code()), (verdict, code));
            let text = report.to_string();
            if verdict == Verdict::Fail {
                for expected in [
                    "proven blocks 7",
                    "value: FAIL: 2 more",
                    "roots: unknown: no node",
                    "run: FAIL",
                ] {
                    assert!(text.contains(expected), "{text}");
                }
                let json = serde_json::to_value(&report).unwrap();
                assert_eq!(json["schema"], SCHEMA);
                assert_eq!(json["checks"][2]["violations"], 12);
                assert_eq!(json["checks"][2]["verdict"], "fail");
            }
        }
        assert_eq!(Report::new(String::new(), vec![]).verdict, Verdict::Unknown);
    }
}
