//! Judging: evidence and requirements in, a report out. Pure, so an evidence file can be judged again by anybody.

mod measure;
mod report;
mod roots;
mod silence;
mod timeline;

#[cfg(test)]
mod tests;

use agoge_protocol::Address;

use crate::evidence::Checked;
use crate::requirement::{Kind, Limit, Phase, Requirement, RequirementError, Stage, float};
use crate::statement::{Statement, StatementKind};

pub(crate) use measure::{CrashBound, Measured, Window};
pub(crate) use report::{Evidence, Finding, Report, Status, Verdict, WindowReport};
pub(crate) use timeline::{Folder, Timeline};

/// Share of the slots that may be unknown: above it there is no verdict.
const UNKNOWN_SHARE_MAX: f64 = 0.01;
/// Lines that a finding names.
const PLACES_MAX: usize = 3;

/// All that a verdict rests on.
#[derive(Debug)]
pub(crate) struct Case<'a> {
    /// The evidence's network and head.
    pub(crate) checked: &'a Checked,
    /// Its slots.
    pub(crate) timeline: &'a Timeline,
    /// Statements beside it.
    pub(crate) statements: &'a [Statement],
    /// Whose statements count.
    pub(crate) signers: &'a [Address],
    /// The phase.
    pub(crate) phase: &'a Phase,
    /// The stage.
    pub(crate) stage: Stage,
    /// Last slot that is judged; the last one recorded if `None`.
    pub(crate) last_slot: Option<u64>,
}

/// Judges every requirement.
///
/// The window ends at the last slot and has the gate's length, or begins with the evidence if that is younger. A slot without a record is
/// unknown.
///
/// # Errors
/// [`RequirementError`].
pub(crate) fn judge(case: &Case<'_>) -> Result<Report, RequirementError> {
    let all = &case.timeline.slots;
    let required = case.phase.slots(case.stage);
    let first = all.first().map_or(0, |slot| slot.slot);
    let to = case
        .last_slot
        .or_else(|| all.last().map(|slot| slot.slot))
        .unwrap_or(0);
    let from = match required {
        0 => first,
        required => first.max(to.saturating_add(1).saturating_sub(required)),
    };
    let history = until(all, to);
    let begin = history.partition_point(|slot| slot.slot < from);
    let window = Window {
        header: &case.checked.header,
        slots: history.get(begin..).unwrap_or_default(),
        from,
        to,
        history,
        required,
        peak_epochs: case.phase.peak_epochs(),
    };
    let requirements = case.phase.requirements(case.stage)?;
    let crashes: Vec<CrashBound> = requirements
        .iter()
        .filter(|asked| asked.is_crash)
        .filter_map(|asked| match (asked.query, case.phase.limit(asked, case.stage)) {
            (Some(query), Some(Limit::AtMost(at_most))) => Some(CrashBound { query, at_most }),
            _ => None,
        })
        .collect();
    let findings = requirements
        .iter()
        .map(|asked| find(case, &window, asked, &crashes))
        .collect();
    let known = window.slots.iter().filter(|slot| slot.is_known).count();
    let known = u64::try_from(known).unwrap_or(u64::MAX);
    let (length, recorded) = if window.slots.is_empty() {
        (0, 0)
    } else {
        (window.length(), window.slots.len())
    };
    let unknown_share = if length == 0 {
        1.0
    } else {
        float(length.saturating_sub(known)) / float(length)
    };
    let window = WindowReport {
        from,
        to,
        required_slots: required,
        slots: length,
        recorded: u64::try_from(recorded).unwrap_or(u64::MAX),
        known,
        unknown_share,
    };
    Ok(Report::new(case, window, findings))
}

fn until(all: &[timeline::Observed], to: u64) -> &[timeline::Observed] {
    let end = all.partition_point(|slot| slot.slot <= to);
    all.get(..end).unwrap_or_default()
}

fn find(case: &Case<'_>, window: &Window<'_>, asked: &Requirement, crashes: &[CrashBound]) -> Finding {
    let said = said(case, asked);
    let measured = asked
        .query
        .zip(case.phase.limit(asked, case.stage))
        .map(|(query, limit)| (window.measure(query, crashes), limit));
    let (status, figure, places) = match (measured, said) {
        // A person's "not met" weighs more than any figure.
        (_, Some(statement)) if statement.kind == StatementKind::NotMet => {
            (Status::Fail, words(statement), Vec::new())
        }
        (Some((measured, limit)), _) => compare(&measured, limit, &asked.unit),
        (None, Some(statement)) if asked.kind == Kind::SignedReport && statement.document.is_zero() => (
            Status::Unknown,
            format!("{} names no document", statement.signer),
            Vec::new(),
        ),
        (None, Some(statement)) => (Status::Pass, words(statement), Vec::new()),
        (None, None) => (Status::Unknown, "nobody has signed it".to_owned(), Vec::new()),
    };
    Finding {
        id: asked.id.clone(),
        text: asked.text.clone(),
        kind: asked.kind,
        is_blocking: asked.is_blocking,
        status,
        figure,
        evidence: places,
    }
}

/// The newest statement about a requirement that counts.
fn said<'a>(case: &'a Case<'_>, asked: &Requirement) -> Option<&'a Statement> {
    case.statements.iter().rev().find(|statement| {
        statement.kind != StatementKind::Excuse
            && statement.subject == asked.id
            && statement.counts(&case.checked.header, case.signers)
    })
}

fn words(statement: &Statement) -> String {
    let document = if statement.document.is_zero() {
        String::new()
    } else {
        format!(", document {}", statement.document)
    };
    format!("{} says: {}{document}", statement.signer, statement.text)
}

fn compare(measured: &Measured, limit: Limit, unit: &str) -> (Status, String, Vec<String>) {
    let range = measured.range;
    let (status, bound) = match limit {
        Limit::AtLeast(bound) if range.shown >= bound => {
            (Status::Pass, format!("at least {}", number(bound)))
        }
        Limit::AtLeast(bound) if range.possible < bound => {
            (Status::Fail, format!("at least {}", number(bound)))
        }
        Limit::AtLeast(bound) => (Status::Unknown, format!("at least {}", number(bound))),
        Limit::AtMost(bound) if range.shown > bound => (Status::Fail, format!("at most {}", number(bound))),
        Limit::AtMost(bound) if range.possible <= bound => {
            (Status::Pass, format!("at most {}", number(bound)))
        }
        Limit::AtMost(bound) => (Status::Unknown, format!("at most {}", number(bound))),
    };
    let shown = number(range.shown);
    let figure = match (status, range.possible.is_finite()) {
        (Status::Unknown, true) => format!("{shown} to {}", number(range.possible)),
        (Status::Unknown, false) => format!("{shown} shown"),
        _ => shown,
    };
    let unit = if unit.is_empty() {
        String::new()
    } else {
        format!(" {unit}")
    };
    let places = measured.places.iter().take(PLACES_MAX);
    (
        status,
        format!("{figure}{unit} ({bound})"),
        places.map(ToString::to_string).collect(),
    )
}

/// A figure with at most four decimals.
fn number(figure: f64) -> String {
    let text = format!("{figure:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.to_owned()
}
