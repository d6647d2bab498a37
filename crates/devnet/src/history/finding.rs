//! What a check came to: a verdict, the figures behind it, the first violations with their places.

use std::collections::BTreeMap;

use serde::Serialize;

/// Violations that a finding tells in words; all are counted.
const TOLD_MAX: usize = 10;

/// What a check, or a whole report, came to. What could not be looked at is never passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything was looked at and holds.
    Pass,
    /// Nothing that was looked at is wrong, but evidence is missing.
    Unknown,
    /// The invariant is violated.
    Fail,
}

/// The outcome of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its name.
    pub check: &'static str,
    /// What it came to.
    pub verdict: Verdict,
    /// What was looked at, in numbers.
    pub figures: BTreeMap<&'static str, u64>,
    /// How often the invariant is violated.
    pub violations: u64,
    /// The first violations, with where they are.
    pub first: Vec<String>,
    /// What could not be judged, and why.
    pub missing: Vec<String>,
}

impl Finding {
    /// A check that has looked at nothing yet.
    pub fn new(check: &'static str) -> Self {
        Self {
            check,
            verdict: Verdict::Pass,
            figures: BTreeMap::new(),
            violations: 0,
            first: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// A check without any evidence.
    pub fn without_evidence(check: &'static str, why: impl Into<String>) -> Self {
        let mut finding = Self::new(check);
        finding.missing(why);
        finding
    }

    /// Tells a figure.
    pub fn figure(&mut self, name: &'static str, value: u64) {
        self.figures.insert(name, value);
    }

    /// Counts one more of a figure.
    pub fn count(&mut self, name: &'static str) {
        let value = self.figures.entry(name).or_default();
        *value = value.saturating_add(1);
    }

    /// The invariant is violated.
    pub fn violated(&mut self, what: impl Into<String>) {
        self.verdict = Verdict::Fail;
        self.violations = self.violations.saturating_add(1);
        if self.first.len() < TOLD_MAX {
            self.first.push(what.into());
        }
    }

    /// Something could not be judged.
    pub fn missing(&mut self, why: impl Into<String>) {
        self.verdict = self.verdict.max(Verdict::Unknown);
        let why = why.into();
        if !self.missing.contains(&why) {
            self.missing.push(why);
        }
    }

    /// All violations of several.
    pub fn violated_all(&mut self, all: impl IntoIterator<Item = String>) {
        for what in all {
            self.violated(what);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_outweighs_what_is_missing_and_what_is_missing_is_no_pass() {
        let mut finding = Finding::new("test");
        assert_eq!(finding.verdict, Verdict::Pass);
        finding.missing("no file");
        assert_eq!(finding.verdict, Verdict::Unknown);
        for number in 0..2 * TOLD_MAX {
            finding.violated(number.to_string());
        }
        finding.missing("no file");
        assert_eq!(finding.verdict, Verdict::Fail);
        assert_eq!(
            (finding.violations, finding.first.len()),
            (2 * TOLD_MAX as u64, TOLD_MAX)
        );
        assert_eq!(finding.missing, ["no file"]);
    }
}
