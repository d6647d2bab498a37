//! A report as one static page: no script, no request to anybody, everything that others wrote escaped.

use super::announce::escape;
use super::{Train, utc};
use crate::judge::{Report, Status, Verdict};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#111;background:#fff}\
table{border-collapse:collapse;width:100%}th,td{border:1px solid #767676;padding:.4rem .6rem;text-align:left;vertical-align:top}\
code{overflow-wrap:anywhere}.pass{background:#dff5e1}.fail{background:#ffdcdc}.unknown{background:#fff3c4}\
@media(prefers-color-scheme:dark){body{color:#eee;background:#111}.pass{background:#0d3b16}.fail{background:#5a1111}.unknown{background:#4d3b00}}";

/// The page of a report, with the train's history if it belongs to one.
pub(crate) fn page(report: &Report, train: Option<&Train>) -> String {
    let title = match train {
        Some(train) => format!(
            "Agoge {}, phase {}, {} gate",
            train.week, report.phase, report.stage
        ),
        None => format!("Agoge phase {}, {} gate", report.phase, report.stage),
    };
    let title = escape(&title);
    let window = &report.window;
    let verdict = match report.verdict {
        Verdict::Go => "pass",
        Verdict::NoGo => "fail",
        Verdict::NotEnoughData => "unknown",
    };
    let compressed = if report.compress == 1 {
        String::new()
    } else {
        format!(
            "<p><strong>Durations are divided by {}: this is no gate of a release.</strong></p>",
            report.compress
        )
    };
    let findings: String = report.findings.iter().map(row).collect();
    let history = train.map(history).unwrap_or_default();
    let words = report.verdict.words();
    let network = escape(&report.evidence.network);
    let (from, to, slots) = (window.from, window.to, window.slots);
    let (required, known) = (window.required_slots, window.known);
    let unknown = window.unknown_share * 100.0;
    let (head, files) = (
        escape(&report.evidence.head),
        escape(&report.evidence.files.join(", ")),
    );
    let hash = hex::encode(report.hash());
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"><title>{title}</title><style>{STYLE}</style></head>\n\
<body><main><h1>{title}</h1><p class=\"{verdict}\"><strong>{words}</strong></p>{compressed}\n\
<p>Network {network}, {nodes} nodes watched. Slots {from} to {to}: {slots} of {required} asked for, {known} known, {unknown:.2} % unknown.</p>\n\
<table><caption>Requirements</caption><thead><tr><th scope=\"col\">Result</th><th scope=\"col\">Requirement</th><th scope=\"col\">Figure</th><th scope=\"col\">Evidence</th></tr></thead>\
<tbody>{findings}</tbody></table>\n{history}\
<p>Evidence: {files}<br>Last line: <code>{head}</code><br>Report: <code>{hash}</code></p></main></body></html>\n",
        nodes = report.evidence.nodes,
    )
}

fn row(finding: &crate::judge::Finding) -> String {
    let (class, words) = match finding.status {
        Status::Pass => ("pass", "\u{2713} pass"),
        Status::Fail => ("fail", "\u{2717} fail"),
        Status::Unknown => ("unknown", "? unknown"),
    };
    let gating = if finding.is_blocking { "" } else { " (not gating)" };
    format!(
        "<tr><td class=\"{class}\">{words}</td><th scope=\"row\">{} <code>{}</code>{gating}</th><td>{}</td><td><code>{}</code></td></tr>\n",
        escape(&finding.text),
        escape(&finding.id),
        escape(&finding.figure),
        escape(&finding.evidence.join(", "))
    )
}

fn history(train: &Train) -> String {
    let time = |seconds: u64| {
        i64::try_from(seconds)
            .ok()
            .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
            .map_or_else(|| seconds.to_string(), utc)
    };
    let rows: String = train
        .history
        .iter()
        .map(|(state, at)| format!("<tr><td>{}</td><td>{state}</td></tr>\n", time(*at)))
        .collect();
    let decisions: String = train
        .decisions
        .iter()
        .map(|decision| {
            let reason = decision
                .override_reason
                .as_deref()
                .map_or_else(String::new, |reason| {
                    format!(", against the check: {}", escape(reason))
                });
            format!(
                "<li>{}: {} by <code>{}</code>{reason}</li>\n",
                time(decision.time),
                if decision.is_go { "go" } else { "no-go" },
                decision.signer
            )
        })
        .collect();
    format!(
        "<table><caption>The train</caption><thead><tr><th scope=\"col\">When</th><th scope=\"col\">State</th></tr></thead><tbody>{rows}</tbody></table>\n<ul>{decisions}</ul>\n"
    )
}
