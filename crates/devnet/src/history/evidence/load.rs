//! `load.jsonl`: what whoever made the load says became of each transaction.

use std::collections::BTreeMap;
use std::path::Path;

use agoge_protocol::{Digest, TxId};
use serde::Deserialize;

use super::json_lines;

/// A line, as far as it is read.
#[derive(Debug, Deserialize)]
struct Line {
    event: String,
    id: Option<TxId>,
    nullifier: Option<Digest>,
    block: Option<u64>,
    reason: Option<String>,
}

/// A transaction that a node accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Its first nullifier, if the load says it: the blocks themselves then show where it is.
    pub nullifier: Option<Digest>,
    /// The last block in which it was seen.
    pub seen_in: Option<u64>,
    /// The reason that a node gave for dropping it.
    pub dropped: Option<String>,
}

/// The load.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// What nodes accepted.
    pub accepted: BTreeMap<TxId, Sent>,
    /// Transactions that nodes refused.
    pub refused: u64,
    /// Lines that are none.
    pub torn: u64,
}

/// Reads it.
///
/// # Errors
/// Those of the file.
pub fn read(path: &Path) -> std::io::Result<Load> {
    let mut load = Load::default();
    load.torn = json_lines(path, |_, line: Line| {
        if line.event == "refused" {
            load.refused = load.refused.saturating_add(1);
            return;
        }
        let Some(id) = line.id else { return };
        let sent = load.accepted.entry(id).or_default();
        sent.nullifier = sent.nullifier.or(line.nullifier);
        sent.seen_in = line.block.or(sent.seen_in);
        sent.dropped = line.reason.or(sent.dropped.take());
    })?;
    Ok(load)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_a_transaction_are_put_together() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("load.jsonl");
        let id = TxId(agoge_protocol::B256::repeat_byte(1));
        let named = serde_json::to_string(&id).unwrap();
        let lines = [
            format!(r#"{{"event":"accepted","id":{named},"kind":"transfer","node":0}}"#),
            r#"{"event":"refused","error":"no"}"#.to_owned(),
            r#"{"event":"failed","error":"no node"}"#.to_owned(),
            format!(r#"{{"event":"mined","id":{named},"node":1,"block":7}}"#),
            r#"{"event":"min"#.to_owned(),
        ];
        std::fs::write(&file, lines.join("\n")).unwrap();
        let load = read(&file).unwrap();
        assert_eq!((load.refused, load.torn, load.accepted.len()), (1, 1, 1));
        assert_eq!(load.accepted[&id].seen_in, Some(7));
    }
}
