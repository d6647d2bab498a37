//! Two different messages of one key for one slot, over the wire records of all nodes together (`docs/wire.md` section 9).

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use eyre::{Context, Result};
use serde_json::Value;

/// What a validator signs at most once a slot.
const KINDS: [&str; 2] = ["proposal", "attestation"];

/// What the records show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Signed {
    /// Different messages: one of a key, kind and slot, unless somebody equivocated.
    pub(super) messages: usize,
    /// Each key, kind and slot with more than one digest.
    pub(super) equivocations: Vec<String>,
}

/// Reads all records.
///
/// # Errors
/// A file that cannot be read.
pub(super) fn read(files: &[PathBuf]) -> Result<Signed> {
    let mut first: BTreeMap<(String, String, u64), String> = BTreeMap::new();
    let mut equivocations = Vec::new();
    for file in files {
        let open = std::fs::File::open(file).wrap_err_with(|| file.display().to_string())?;
        for line in BufReader::new(open).split(b'\n') {
            // A process that is killed leaves half a line behind.
            let Ok(message) = serde_json::from_slice::<Value>(&line?) else {
                continue;
            };
            let text = |name: &str| message.get(name).and_then(Value::as_str).map(str::to_owned);
            let (Some(signer), Some(kind), Some(digest)) = (text("signer"), text("kind"), text("digest"))
            else {
                continue;
            };
            let Some(slot) = message.get("slot").and_then(Value::as_u64) else {
                continue;
            };
            if !KINDS.contains(&kind.as_str()) {
                continue;
            }
            let known = first
                .entry((signer.clone(), kind.clone(), slot))
                .or_insert_with(|| digest.clone());
            let found = format!("slot {slot}: {kind} of {signer}: {known} and {digest}");
            if *known != digest && !equivocations.contains(&found) {
                equivocations.push(found);
            }
        }
    }
    Ok(Signed {
        messages: first.len(),
        equivocations,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_digests_of_one_key_kind_and_slot_are_an_equivocation() {
        let dir = tempfile::tempdir().unwrap();
        let line = |kind: &str, signer: &str, slot: u64, digest: &str| {
            serde_json::json!({"kind": kind, "signer": signer, "slot": slot, "digest": digest}).to_string()
        };
        let files = [dir.path().join("a"), dir.path().join("b")];
        let honest = [
            line("proposal", "0x1", 7, "0xa"),
            line("attestation", "0x1", 7, "0xb"),
            line("proposal", "0x2", 7, "0xc"),
            line("proposal", "0x1", 8, "0xd"),
            line("tx", "0x1", 7, "0xe"),
            r#"{"kind":"proposal","signer":null,"slot":7,"digest":"0xf"}"#.to_owned(),
        ];
        std::fs::write(&files[0], honest.join("\n")).unwrap();
        // The other node heard the same; its last line is cut off.
        std::fs::write(&files[1], format!("{}\n{{\"kind\":\"prop", honest[0])).unwrap();
        let signed = read(&files).unwrap();
        assert_eq!((signed.messages, signed.equivocations.len()), (4, 0));

        std::fs::write(&files[1], line("proposal", "0x1", 7, "0x9")).unwrap();
        let signed = read(&files).unwrap();
        assert_eq!(signed.equivocations, ["slot 7: proposal of 0x1: 0xa and 0x9"]);
        assert!(read(&[dir.path().join("none")]).is_err());
    }
}
