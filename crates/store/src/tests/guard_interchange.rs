//! Exports and imports of the signing guard, as rows.

use agoge_protocol::{Address, Slot};

use super::guard::{new_guard, reopen, request, sign};
use super::support::digest;
use crate::guard::{Interchange, SigningGuard, SigningKind};

/// An export with these entries.
fn document(chain: &str, entries: &[String]) -> String {
    let entries = entries.join(",");
    format!(
        r#"{{"metadata":{{"interchange_format":"agoge-signing-guard","version":1,"chain_id":{chain}}},"data":[{entries}]}}"#
    )
}

fn entry(genesis: u64, kind: &str, watermark: u64, records: &str) -> String {
    let (genesis, key) = (digest(genesis), Address::repeat_byte(1));
    format!(
        r#"{{"genesis_id":"{genesis}","attester":"{key}","kind":"{kind}","watermark":{watermark},"records":[{records}]}}"#
    )
}

/// An export with one entry.
fn export(chain: &str, genesis: u64, kind: &str, watermark: u64) -> String {
    document(chain, &[entry(genesis, kind, watermark, "")])
}

fn attestations(watermark: u64, records: &str) -> String {
    document("31337", &[entry(1, "attestation", watermark, records)])
}

fn record(slot: u64, message: u8) -> String {
    format!(
        r#"{{"slot":{slot},"digest":"{}"}}"#,
        request(slot, message).digest
    )
}

fn import(guard: &SigningGuard, text: &str) -> Result<(usize, usize), String> {
    let parsed = Interchange::parse(text).map_err(|e| e.to_string())?;
    let summary = guard
        .import(&parsed, &[digest(1), digest(2)], Slot::new(0))
        .map_err(|e| e.to_string())?;
    Ok((summary.raised, summary.unchanged))
}

#[test]
fn marks_of_an_instance_that_is_not_known_yet_come_along_with_ours_only() {
    let dir = tempfile::tempdir().unwrap();
    let (_, guard) = new_guard(dir.path());
    let foreign = export("31337", 9, "attestation", 10);
    assert!(import(&guard, &foreign).is_err(), "of another network");
    assert_eq!(guard.export().data.len(), 0);
    let entries = [entry(1, "attestation", 10, ""), entry(9, "attestation", 20, "")];
    assert_eq!(import(&guard, &document("31337", &entries)), Ok((2, 0)));
    assert_eq!(guard.export().data.len(), 2);
}

#[test]
fn imports_raise_watermarks_and_never_lower_them() {
    // (what, signed before, imported, raised and unchanged, then: slot, message, what the guard says)
    type Row = (
        &'static str,
        &'static [(u64, u8)],
        String,
        (usize, usize),
        &'static [(u64, u8, &'static str)],
    );
    let rows: Vec<Row> = vec![
        (
            "into an empty guard",
            &[],
            attestations(10, ""),
            (1, 0),
            &[(10, 1, "not above"), (9, 1, "not above"), (11, 1, "signed")],
        ),
        (
            "slot 0",
            &[],
            attestations(0, ""),
            (1, 0),
            &[(0, 1, "not above"), (1, 1, "signed")],
        ),
        (
            "above what is here",
            &[(5, 1)],
            attestations(10, ""),
            (1, 0),
            &[
                (5, 1, "again"),
                (7, 1, "not above"),
                (10, 2, "not above"),
                (11, 1, "signed"),
            ],
        ),
        (
            "below what is here",
            &[(20, 1)],
            attestations(10, ""),
            (0, 1),
            &[
                (20, 1, "again"),
                (20, 2, "other digest"),
                (15, 1, "not above"),
                (21, 1, "signed"),
            ],
        ),
        (
            "equal to what is here",
            &[(10, 1)],
            attestations(10, ""),
            (0, 1),
            &[(10, 1, "again"), (10, 2, "other digest"), (11, 1, "signed")],
        ),
        (
            "a record above the watermark counts",
            &[],
            attestations(3, &record(10, 1)),
            (1, 0),
            &[(10, 1, "not above"), (11, 1, "signed")],
        ),
        (
            "a record below the watermark",
            &[],
            attestations(10, &record(3, 1)),
            (1, 0),
            &[(3, 1, "not above"), (11, 1, "signed")],
        ),
        (
            "the imported digest is not signed again",
            &[],
            attestations(10, &record(10, 1)),
            (1, 0),
            &[(10, 1, "not above"), (10, 2, "not above")],
        ),
        (
            "several records, any order",
            &[],
            attestations(1, &[record(9, 1), record(12, 1), record(4, 1)].join(",")),
            (1, 0),
            &[(12, 1, "not above"), (13, 1, "signed")],
        ),
        (
            "two digests for a slot",
            &[],
            attestations(1, &[record(9, 1), record(9, 2)].join(",")),
            (1, 0),
            &[(9, 1, "not above"), (9, 2, "not above")],
        ),
        (
            "another kind",
            &[],
            export("31337", 1, "proposal", 10),
            (1, 0),
            &[(10, 1, "signed")],
        ),
        (
            "third kind",
            &[(4, 1)],
            export("31337", 1, "publication", 10),
            (1, 0),
            &[(4, 1, "again"), (5, 1, "signed")],
        ),
        (
            "another instance of the network",
            &[],
            export("31337", 2, "attestation", 10),
            (1, 0),
            &[(3, 1, "signed")],
        ),
        (
            "the end of time",
            &[],
            attestations(u64::MAX, ""),
            (1, 0),
            &[(u64::MAX, 1, "not above")],
        ),
        (
            "nothing",
            &[(3, 1)],
            document("31337", &[]),
            (0, 0),
            &[(3, 1, "again"), (4, 1, "signed")],
        ),
        (
            "an entry twice",
            &[],
            document(
                "31337",
                &[entry(1, "attestation", 10, ""), entry(1, "attestation", 12, "")],
            ),
            (1, 0),
            &[(12, 1, "not above"), (13, 1, "signed")],
        ),
    ];
    for (description, before, text, expected, after) in rows {
        let dir = tempfile::tempdir().unwrap();
        let (path, guard) = new_guard(dir.path());
        for (slot, message) in before {
            assert_eq!(sign(&guard, &request(*slot, *message)), "signed", "{description}");
        }
        assert_eq!(import(&guard, &text), Ok(expected), "{description}");
        let guard = reopen(&path, guard);
        for (slot, message, expected) in after {
            assert_eq!(
                sign(&guard, &request(*slot, *message)),
                *expected,
                "{description}: slot {slot}"
            );
        }
    }
}

#[test]
fn imports_that_are_not_ours_are_refused_and_change_nothing() {
    let good = attestations(10, &record(9, 1));
    let replaced = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replace(from, to)
    };
    let rows = [
        (
            "another chain",
            export("1", 1, "attestation", 10),
            "export is for chain 1, expected 31337",
        ),
        (
            "another network's instance",
            export("31337", 7, "attestation", 10),
            "not of this network",
        ),
        (
            "another format",
            replaced("agoge-signing-guard", "eip-3076"),
            "export is eip-3076 version 1",
        ),
        (
            "another version",
            replaced(r#""version":1"#, r#""version":2"#),
            "version 2, expected agoge-signing-guard version 1",
        ),
        ("empty text", String::new(), "not a signing guard export"),
        ("no JSON", "watermark 10".to_owned(), "not a signing guard export"),
        (
            "cut short",
            good[..good.len() - 1].to_owned(),
            "not a signing guard export",
        ),
        (
            "more after the end",
            format!("{good}x"),
            "not a signing guard export",
        ),
        (
            "unknown field",
            replaced(r#""watermark""#, r#""hint":1,"watermark""#),
            "not a signing guard export",
        ),
        (
            "missing field",
            replaced(r#""watermark":10,"#, ""),
            "not a signing guard export",
        ),
        (
            "field twice",
            replaced(r#""watermark":10"#, r#""watermark":10,"watermark":11"#),
            "not a signing guard export",
        ),
        (
            "unknown kind",
            replaced("attestation", "vote"),
            "not a signing guard export",
        ),
        (
            "negative slot",
            replaced(r#""watermark":10"#, r#""watermark":-1"#),
            "not a signing guard export",
        ),
        (
            "slot as text",
            replaced(r#""watermark":10"#, r#""watermark":"10""#),
            "not a signing guard export",
        ),
        (
            "slot above 64 bits",
            replaced(r#""watermark":10"#, r#""watermark":18446744073709551616"#),
            "not a signing guard export",
        ),
        (
            "fraction",
            replaced(r#""watermark":10"#, r#""watermark":10.5"#),
            "not a signing guard export",
        ),
        (
            "genesis id out of the field",
            replaced(&digest(1).to_string(), &format!("0x{}", "ff".repeat(32))),
            "not a signing guard export",
        ),
        (
            "short key",
            replaced(&Address::repeat_byte(1).to_string(), "0x0101"),
            "not a signing guard export",
        ),
        (
            "too long",
            " ".repeat(20_000_000),
            "the export has 20000000 bytes",
        ),
    ];
    for (description, text, message) in rows {
        let dir = tempfile::tempdir().unwrap();
        let (path, guard) = new_guard(dir.path());
        let before = std::fs::read(&path).unwrap();
        let refusal = import(&guard, &text).unwrap_err();
        assert!(refusal.contains(message), "{description}: {refusal}");
        assert_eq!(std::fs::read(&path).unwrap(), before, "{description}");
    }
}

#[test]
fn an_export_moves_everything_that_matters() {
    let (old_dir, new_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_, old) = new_guard(old_dir.path());
    let kinds = [
        SigningKind::Proposal,
        SigningKind::Attestation,
        SigningKind::Publication,
    ];
    let requests: Vec<_> = (1..20_u64)
        .flat_map(|slot| {
            kinds.map(|kind| crate::guard::SigningRequest {
                kind,
                ..request(slot, 1)
            })
        })
        .collect();
    for request in &requests {
        assert_eq!(sign(&old, request), "signed");
    }
    let text = old.export().to_json().unwrap();
    let (path, new) = new_guard(new_dir.path());
    let parsed = Interchange::parse(&text).unwrap();
    assert_eq!(parsed, old.export());
    let summary = new.import(&parsed, &[digest(1)], Slot::new(30)).unwrap();
    assert_eq!((summary.raised, summary.unchanged), (3, 0));
    let new = reopen(&path, new);
    for request in &requests {
        assert_ne!(sign(&new, request), "signed");
    }
    assert_eq!(sign(&new, &request(29, 1)), "waiting");
    assert_eq!(sign(&new, &request(30, 1)), "signed");
    let again = new.import(&parsed, &[digest(1)], Slot::new(0)).unwrap();
    assert_eq!((again.raised, again.unchanged), (0, 3));
    assert_eq!(
        sign(&new, &request(30, 1)),
        "again",
        "an older import does not undo what was signed since"
    );
}

#[test]
fn an_import_takes_back_reservations_that_may_have_been_signed_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let (path, guard) = new_guard(dir.path());
    for slot in [5, 9] {
        assert!(matches!(
            guard.reserve(&request(slot, 1)).unwrap(),
            crate::guard::Decision::SignNow(_)
        ));
    }
    import(&guard, &attestations(7, "")).unwrap();
    let guard = reopen(&path, guard);
    assert_eq!(sign(&guard, &request(5, 1)), "not above");
    assert_eq!(sign(&guard, &request(9, 1)), "signed");
}
