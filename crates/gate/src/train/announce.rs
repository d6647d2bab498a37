//! What participants are told: the same words for every channel, go and no-go.

use super::{Schedule, State, Train, utc};

/// A channel's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For a web page or a forum.
    Markdown,
    /// For Discord, whose times every reader sees in their own zone.
    Discord,
    /// An RSS 2.0 feed of one item.
    Rss,
}

/// Characters of a Discord message.
const DISCORD_CHARS_MAX: usize = 2_000;

struct Message {
    title: String,
    lines: Vec<String>,
}

/// The announcement of a train after its last decision; `None` before there is one, and when the calendar ends.
pub(crate) fn announce(train: &Train, format: Format) -> Option<String> {
    let schedule = train.week.schedule()?;
    let time = |time: jiff::Timestamp| match format {
        Format::Discord => format!("<t:{}:F>", time.as_second()),
        Format::Markdown | Format::Rss => utc(time),
    };
    let message = message(train, &schedule, time)?;
    Some(match format {
        Format::Markdown => format!("## {}\n\n{}\n", message.title, message.lines.join("\n\n")),
        Format::Discord => {
            let text = format!("**{}**\n{}\n", message.title, message.lines.join("\n"));
            text.chars().take(DISCORD_CHARS_MAX).collect()
        }
        Format::Rss => rss(&message, train)?,
    })
}

fn message(train: &Train, schedule: &Schedule, time: impl Fn(jiff::Timestamp) -> String) -> Option<Message> {
    let decision = train.decisions.last()?;
    let network = &train.internal.network;
    let (phase, week) = (train.phase, train.week);
    let window = &decision.report.window;
    let mut lines = Vec::new();
    let title = match (train.state, decision.is_go) {
        (State::Passed, _) => format!("Agoge phase {phase} ({week}): passed"),
        (State::Failed, _) => format!("Agoge phase {phase} ({week}): failed"),
        (_, true) => format!("Agoge phase {phase} ({week}): go"),
        (_, false) => format!("Agoge phase {phase} ({week}): no-go"),
    };
    lines.push(format!(
        "The {} gate was judged over {} slots of {} s ({} known): {}.",
        decision.stage,
        window.slots,
        network.protocol.slot_seconds,
        window.known,
        decision.report.verdict.words()
    ));
    if let Some(reason) = &decision.override_reason {
        lines.push(format!("The release manager decided otherwise: {reason}"));
    }
    let failed = decision.report.findings.iter();
    let failed: Vec<&str> = failed
        .filter(|finding| finding.is_blocking && finding.status != crate::judge::Status::Pass)
        .map(|finding| finding.id.as_str())
        .collect();
    if !failed.is_empty() {
        lines.push(format!("Not shown: {}.", failed.join(", ")));
    }
    match (train.state, decision.is_go) {
        (State::Passed, _) => lines.push("Thank you for running it.".to_owned()),
        (State::Failed, _) | (_, false) => lines.push(
            "Nothing is to be done: keep your node and your keys, and wait for the next train.".to_owned(),
        ),
        (_, true) => {
            lines.push(format!(
                "The public network is deployed on {}. Install the release before, and check it against the manifest.",
                time(schedule.public)
            ));
            lines.push(format!(
                "It then runs for {} h; the node guide says how to take part.",
                network.gate.public_hours
            ));
        }
    }
    lines.push(format!(
        "Report {}, signed by {}.",
        decision.report_sha256, decision.signer
    ));
    Some(Message { title, lines })
}

fn rss(message: &Message, train: &Train) -> Option<String> {
    let decision = train.decisions.last()?;
    let time = jiff::Timestamp::from_second(i64::try_from(decision.time).ok()?).ok()?;
    let date = time.strftime("%a, %d %b %Y %H:%M:%S +0000");
    let (title, text) = (escape(&message.title), escape(&message.lines.join("\n\n")));
    let id = decision.report_sha256;
    Some(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"2.0\"><channel><title>Agoge release trains</title><link>urn:agoge:gate</link>\
         <description>Go and no-go of every train</description><item><title>{title}</title><description>{text}</description>\
         <guid isPermaLink=\"false\">{id}</guid><pubDate>{date}</pubDate></item></channel></rss>\n"
    ))
}

/// Text for HTML and XML.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Control characters are no part of XML.
            c if c.is_control() && c != '\n' => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
