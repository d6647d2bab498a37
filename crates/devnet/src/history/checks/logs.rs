//! No program panics, storms with errors, or prints a secret.

use crate::history::evidence::logs::LogFacts;
use crate::history::finding::Finding;

/// Name of the check.
pub const NAME: &str = "logs";

/// Judges logs; `errors_max` lines of level ERROR of one process in one minute are no storm yet.
pub fn check(finding: &mut Finding, logs: &[LogFacts], errors_max: u64) {
    for log in logs {
        finding.count("logs");
        let lines = finding.figures.get("lines").copied().unwrap_or(0);
        finding.figure("lines", lines.saturating_add(log.lines));
        let errors = log
            .errors
            .values()
            .fold(0_u64, |sum, count| sum.saturating_add(*count));
        let before = finding.figures.get("errors").copied().unwrap_or(0);
        finding.figure("errors", before.saturating_add(errors));
        for (line, text) in &log.panics {
            finding.violated(format!("{}, line {line}: {text}", log.name));
        }
        for (minute, count) in log.errors.iter().filter(|(_, count)| **count > errors_max) {
            finding.violated(format!(
                "{}: {count} errors in the minute {minute}, at most {errors_max} are no storm",
                log.name
            ));
        }
        for (line, file) in &log.leaks {
            finding.violated(format!("{}, line {line}: the secret of {file}", log.name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::finding::Verdict;

    fn log() -> LogFacts {
        LogFacts {
            name: "node-0".to_owned(),
            lines: 10,
            errors: [
                ("2026-12-01T02:41".to_owned(), 3),
                ("2026-12-01T02:42".to_owned(), 3),
            ]
            .into(),
            ..LogFacts::default()
        }
    }

    #[test]
    fn a_few_errors_are_counted_and_no_violation() {
        let mut finding = Finding::new(NAME);
        check(&mut finding, &[log(), log()], 3);
        assert_eq!(finding.verdict, Verdict::Pass);
        assert_eq!((finding.figures["errors"], finding.figures["lines"]), (12, 20));
    }

    #[test]
    fn a_panic_a_storm_and_a_secret_are_each_found() {
        let spoils: [fn(&mut LogFacts); 3] = [
            |log| log.panics.push((4, "thread panicked".to_owned())),
            |log| drop(log.errors.insert("2026-12-01T02:43".to_owned(), 4)),
            |log| log.leaks.push((5, "keys/attester-0.json".to_owned())),
        ];
        for spoil in spoils {
            let mut spoilt = log();
            spoil(&mut spoilt);
            let mut finding = Finding::new(NAME);
            check(&mut finding, &[spoilt], 3);
            assert_eq!(
                (finding.verdict, finding.violations),
                (Verdict::Fail, 1),
                "{finding:?}"
            );
        }
    }
}
