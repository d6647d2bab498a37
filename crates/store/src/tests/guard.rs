//! The signing guard: its rules, its file, its crashes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use agoge_protocol::{Address, B256, CompactSignature, Digest, Slot, keccak256};
use proptest::prelude::*;

use super::crash::{kill_after, say, victim, victim_dir};
use super::support::digest;
use crate::guard::{
    Decision, GuardError, HISTORY_SLOTS_MAX, Refusal, SUBJECTS_MAX, SigningGuard, SigningKind, SigningRequest,
};

const CHAIN: u64 = 31_337;
const RECORD: usize = 256;

pub(super) fn request(slot: u64, message: u8) -> SigningRequest {
    SigningRequest {
        genesis_id: digest(1),
        key: Address::repeat_byte(1),
        kind: SigningKind::Attestation,
        slot: Slot::new(slot),
        digest: B256::repeat_byte(message),
    }
}

fn signature_of(request: &SigningRequest) -> CompactSignature {
    let hash = keccak256(request.digest);
    CompactSignature::from_bytes([hash.0, hash.0].concat().try_into().unwrap())
}

/// Signs if the guard lets it; what it said.
pub(super) fn sign(guard: &SigningGuard, request: &SigningRequest) -> &'static str {
    match guard.reserve(request).unwrap() {
        Decision::SignNow(token) => {
            assert_eq!(token.digest(), request.digest);
            assert_eq!(
                guard.store(token, signature_of(request)).unwrap(),
                signature_of(request)
            );
            "signed"
        }
        Decision::AlreadySigned(signature) => {
            assert_eq!(signature, signature_of(request));
            "again"
        }
        Decision::Refused(Refusal::NotAbove { .. }) => "not above",
        Decision::Refused(Refusal::OtherDigest { .. }) => "other digest",
        Decision::Refused(Refusal::Waiting { .. }) => "waiting",
    }
}

pub(super) fn new_guard(dir: &Path) -> (PathBuf, SigningGuard) {
    let path = dir.join("signing.guard");
    let guard = SigningGuard::init(&path, CHAIN, Slot::new(0)).unwrap();
    (path, guard)
}

pub(super) fn reopen(path: &Path, guard: SigningGuard) -> SigningGuard {
    drop(guard);
    SigningGuard::open(path, CHAIN).unwrap()
}

#[test]
fn rules_hold_before_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (path, mut guard) = new_guard(dir.path());
    let other = |change: fn(&mut SigningRequest)| {
        let mut request = request(10, 2);
        change(&mut request);
        request
    };
    let cases = [
        ("first", request(10, 1), "signed"),
        ("same again", request(10, 1), "again"),
        ("another for the slot", request(10, 2), "other digest"),
        ("lower slot", request(9, 1), "not above"),
        (
            "lower slot, same digest never seen there",
            request(0, 1),
            "not above",
        ),
        ("other kind", other(|r| r.kind = SigningKind::Proposal), "signed"),
        (
            "third kind",
            other(|r| r.kind = SigningKind::Publication),
            "signed",
        ),
        ("other key", other(|r| r.key = Address::repeat_byte(2)), "signed"),
        ("other instance", other(|r| r.genesis_id = digest(2)), "signed"),
        ("higher slot", request(12, 3), "signed"),
        ("slot between", request(11, 3), "not above"),
        ("old slot, its digest", request(10, 1), "again"),
        ("old slot, other digest", request(10, 3), "other digest"),
        ("largest slot", request(u64::MAX, 3), "signed"),
        ("nothing is above it", request(u64::MAX, 4), "other digest"),
    ];
    for (description, request, expected) in cases {
        assert_eq!(sign(&guard, &request), expected, "{description}");
        guard = reopen(&path, guard);
        if expected == "signed" {
            assert_eq!(sign(&guard, &request), "again", "{description}, after a restart");
        } else {
            assert_eq!(sign(&guard, &request), expected, "{description}, after a restart");
        }
    }
}

#[test]
fn a_reservation_without_signature_allows_its_own_digest_only() {
    let dir = tempfile::tempdir().unwrap();
    let (path, guard) = new_guard(dir.path());
    let Decision::SignNow(lost) = guard.reserve(&request(5, 1)).unwrap() else {
        panic!("refused")
    };
    drop(lost);
    let guard = reopen(&path, guard);
    assert_eq!(sign(&guard, &request(5, 2)), "other digest");
    assert_eq!(sign(&guard, &request(4, 1)), "not above");
    assert_eq!(sign(&guard, &request(5, 1)), "signed");
    assert_eq!(sign(&guard, &request(5, 1)), "again");
}

#[test]
fn the_first_of_two_signatures_of_one_digest_is_the_one() {
    let dir = tempfile::tempdir().unwrap();
    let (_, guard) = new_guard(dir.path());
    let token = || match guard.reserve(&request(5, 1)).unwrap() {
        Decision::SignNow(token) => token,
        other => panic!("{other:?}"),
    };
    let (first, second) = (token(), token());
    let signature = |byte| CompactSignature::from_bytes([byte; 64]);
    assert_eq!(guard.store(first, signature(1)).unwrap(), signature(1));
    assert_eq!(guard.store(second, signature(2)).unwrap(), signature(1));
}

#[test]
fn a_new_guard_waits_for_its_first_slot() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("signing.guard");
    let guard = SigningGuard::init(&path, CHAIN, Slot::new(50)).unwrap();
    assert_eq!(sign(&guard, &request(49, 1)), "waiting");
    let guard = reopen(&path, guard);
    assert_eq!(guard.first_slot(), Slot::new(50));
    assert_eq!(sign(&guard, &request(49, 1)), "waiting");
    assert_eq!(sign(&guard, &request(50, 1)), "signed");
}

#[test]
fn a_key_that_the_guard_does_not_know_waits_once_and_the_others_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let (path, mut guard) = new_guard(dir.path());
    let (old, added) = (request(10, 1), Address::repeat_byte(9));
    let of_added = |kind, slot| SigningRequest {
        key: added,
        kind,
        ..request(slot, 1)
    };
    assert_eq!(sign(&guard, &old), "signed");
    let first_slot = Slot::new(50);
    let waiting = guard.admit(digest(1), &[old.key, added], first_slot).unwrap();
    assert_eq!(waiting, vec![added], "the key that has signed here does not wait");
    let kinds = [
        SigningKind::Proposal,
        SigningKind::Attestation,
        SigningKind::Publication,
    ];
    for _ in ["before", "after a restart"] {
        for kind in kinds {
            assert_eq!(sign(&guard, &of_added(kind, 49)), "not above", "{kind:?}");
            assert_eq!(sign(&guard, &of_added(kind, 0)), "not above", "{kind:?}");
        }
        guard = reopen(&path, guard);
        let again = guard.admit(digest(1), &[added, old.key], Slot::new(80)).unwrap();
        assert!(again.is_empty(), "a restart does not begin the wait again");
    }
    assert_eq!(sign(&guard, &request(11, 1)), "signed");
    for kind in kinds {
        assert_eq!(sign(&guard, &of_added(kind, 50)), "signed", "{kind:?}");
    }
}

#[test]
fn a_wait_for_one_instance_holds_for_an_instance_that_begins_earlier() {
    let dir = tempfile::tempdir().unwrap();
    let (_, guard) = new_guard(dir.path());
    let key = request(0, 1).key;
    // The key's twin may run until slot 99; the new instance begins in slot 50.
    guard.admit(digest(1), &[key], Slot::new(100)).unwrap();
    guard.admit(digest(2), &[key], Slot::new(50)).unwrap();
    let on_the_new_one = |slot| SigningRequest {
        genesis_id: digest(2),
        ..request(slot, 1)
    };
    assert_eq!(sign(&guard, &on_the_new_one(50)), "not above");
    assert_eq!(sign(&guard, &on_the_new_one(99)), "not above");
    assert_eq!(sign(&guard, &on_the_new_one(100)), "signed");
}

#[test]
fn the_wait_of_a_new_guard_is_not_lengthened_and_no_wait_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("signing.guard");
    let guard = SigningGuard::init(&path, CHAIN, Slot::new(50)).unwrap();
    let key = request(50, 1).key;
    guard.admit(digest(1), &[key], Slot::new(50)).unwrap();
    assert_eq!(sign(&guard, &request(49, 1)), "waiting");
    assert_eq!(sign(&guard, &request(50, 1)), "signed");

    let other = tempfile::tempdir().unwrap();
    let (path, guard) = new_guard(other.path());
    let bytes = fs::read(&path).unwrap();
    assert!(guard.admit(digest(1), &[key], Slot::new(0)).unwrap().is_empty());
    assert_eq!(fs::read(&path).unwrap(), bytes);
    assert_eq!(sign(&guard, &request(0, 1)), "signed");
}

#[test]
fn keys_beyond_the_bound_are_not_admitted_and_nothing_changes() {
    let dir = tempfile::tempdir().unwrap();
    let (_, guard) = new_guard(dir.path());
    let keys: Vec<Address> = (0..=u64::try_from(SUBJECTS_MAX / 3).unwrap())
        .map(|number| Address::from_word(B256::from(agoge_protocol::U256::from(number + 1))))
        .collect();
    assert!(matches!(
        guard.admit(digest(1), &keys, Slot::new(50)),
        Err(GuardError::TooManySubjects { .. })
    ));
    assert_eq!(guard.export().data.len(), 0);
    assert_eq!(
        guard.admit(digest(1), &keys[1..], Slot::new(50)).unwrap(),
        keys[1..]
    );
}

#[test]
fn files_that_are_missing_taken_held_or_foreign_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let missing = SigningGuard::open(&dir.path().join("none"), CHAIN).unwrap_err();
    assert!(
        matches!(missing, GuardError::Missing { .. }) && missing.to_string().contains("--init-guard"),
        "{missing}"
    );
    let (path, guard) = new_guard(dir.path());
    assert!(matches!(
        SigningGuard::open(&path, CHAIN),
        Err(GuardError::Locked { .. })
    ));
    assert!(matches!(
        SigningGuard::init(&path, CHAIN, Slot::new(0)),
        Err(GuardError::Locked { .. })
    ));
    drop(guard);
    assert!(matches!(
        SigningGuard::init(&path, CHAIN, Slot::new(0)),
        Err(GuardError::Exists { .. })
    ));
    assert!(matches!(
        SigningGuard::open(&path, 1),
        Err(GuardError::OtherChain {
            expected: 1,
            found: CHAIN,
            ..
        })
    ));
    let nowhere = dir.path().join("no such folder").join("guard");
    assert!(matches!(
        SigningGuard::init(&nowhere, CHAIN, Slot::new(0)),
        Err(GuardError::Io { .. })
    ));
    SigningGuard::open(&path, CHAIN).unwrap();
}

/// A closed guard with five messages: its bytes and where they are.
fn five(dir: &Path) -> (PathBuf, Vec<u8>) {
    let (path, guard) = new_guard(dir);
    (1..=5_u8).for_each(|n| assert_eq!(sign(&guard, &request(u64::from(n), n)), "signed"));
    drop(guard);
    let bytes = fs::read(&path).unwrap();
    // Header, floor, a reservation and a signature each.
    assert_eq!(bytes.len(), RECORD * 12);
    (path, bytes)
}

#[test]
fn a_file_cut_anywhere_is_what_it_was_before_the_cut_append() {
    let dir = tempfile::tempdir().unwrap();
    let (path, bytes) = five(dir.path());
    for cut in (RECORD..=bytes.len()).step_by(37).chain([bytes.len()]) {
        fs::write(&path, &bytes[..cut]).unwrap();
        let guard = SigningGuard::open(&path, CHAIN).unwrap();
        // Header and floor come first, then a reservation and a signature for each message.
        let stored = (cut / RECORD).saturating_sub(2) / 2;
        for n in 1..=5_u8 {
            let expected = if usize::from(n) <= stored {
                "again"
            } else {
                "signed"
            };
            assert_eq!(
                sign(&guard, &request(u64::from(n), n)),
                expected,
                "cut {cut}, message {n}"
            );
            assert_eq!(
                sign(&guard, &request(u64::from(n), 99)),
                "other digest",
                "cut {cut}, message {n}"
            );
        }
        drop(guard);
    }
    fs::write(&path, &bytes[..RECORD - 1]).unwrap();
    assert!(matches!(
        SigningGuard::open(&path, CHAIN),
        Err(GuardError::Corrupt { offset: 0, .. })
    ));
}

#[test]
fn an_append_of_which_nothing_or_a_part_was_written_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let (path, bytes) = five(dir.path());
    let torn_tails: [Vec<u8>; 4] = [
        vec![0; RECORD],
        vec![0; 100],
        vec![7; 255],
        [vec![1; 200], vec![0; 56]].concat(),
    ];
    for tail in torn_tails {
        fs::write(&path, [bytes.clone(), tail].concat()).unwrap();
        let guard = SigningGuard::open(&path, CHAIN).unwrap();
        assert_eq!(fs::read(&path).unwrap(), bytes);
        assert_eq!(sign(&guard, &request(5, 5)), "again");
        assert_eq!(sign(&guard, &request(6, 6)), "signed");
        let guard = reopen(&path, guard);
        assert_eq!(sign(&guard, &request(6, 6)), "again");
    }
}

#[test]
fn damage_before_the_end_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (path, bytes) = five(dir.path());
    let refuse = |description: String, damaged: Vec<u8>| {
        fs::write(&path, &damaged).unwrap();
        let result = SigningGuard::open(&path, CHAIN);
        assert!(
            matches!(result, Err(GuardError::Corrupt { .. })),
            "{description}: {result:?}"
        );
        assert_eq!(fs::read(&path).unwrap(), damaged, "{description}: left as it is");
    };
    for offset in (0..bytes.len()).step_by(11) {
        let mut damaged = bytes.clone();
        damaged[offset] ^= 1 << (offset % 8);
        refuse(format!("flip at {offset}"), damaged);
    }
    let without = |record: usize| [&bytes[..record * RECORD], &bytes[(record + 1) * RECORD..]].concat();
    (1..11).for_each(|record| refuse(format!("without record {record}"), without(record)));
    let mut swapped = bytes.clone();
    swapped[2 * RECORD..4 * RECORD].rotate_left(RECORD);
    refuse("swapped records".to_owned(), swapped);
    let mut zeroed = bytes.clone();
    zeroed[3 * RECORD..4 * RECORD].fill(0);
    refuse("a zeroed record".to_owned(), zeroed);
    refuse(
        "two unwritten records".to_owned(),
        [bytes.clone(), vec![0; 2 * RECORD]].concat(),
    );
    refuse("another file".to_owned(), vec![b'x'; 4 * RECORD]);
    refuse("empty".to_owned(), Vec::new());
}

#[test]
fn growth_is_bounded_and_nothing_is_forgotten_by_it() {
    let dir = tempfile::tempdir().unwrap();
    let (path, guard) = new_guard(dir.path());
    let rounds = 640_u64;
    for slot in 1..=rounds {
        assert_eq!(sign(&guard, &request(slot, 1)), "signed");
    }
    let records = usize::try_from(fs::metadata(&path).unwrap().len()).unwrap() / RECORD;
    assert!(records < 512, "{records} records after compaction");
    let guard = reopen(&path, guard);
    let oldest_kept = rounds + 1 - u64::try_from(HISTORY_SLOTS_MAX).unwrap();
    let cases = [
        (rounds, 1, "again"),
        (rounds, 2, "other digest"),
        (oldest_kept, 1, "again"),
        (oldest_kept - 1, 1, "not above"),
        (1, 1, "not above"),
        (rounds + 1, 2, "signed"),
    ];
    for (slot, message, expected) in cases {
        assert_eq!(sign(&guard, &request(slot, message)), expected, "slot {slot}");
    }
}

#[test]
fn threads_racing_for_a_slot_get_one_digest() {
    let dir = tempfile::tempdir().unwrap();
    let (_, guard) = new_guard(dir.path());
    let guard = Arc::new(guard);
    for slot in 1..=8 {
        let threads: Vec<_> = (0..8)
            .map(|n| {
                let guard = Arc::clone(&guard);
                std::thread::spawn(move || sign(&guard, &request(slot, n / 2)))
            })
            .collect();
        let said: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        let allowed = said
            .iter()
            .filter(|said| ["signed", "again"].contains(said))
            .count();
        assert_eq!(
            allowed, 2,
            "both who ask for the first digest, nobody else: {said:?}"
        );
    }
}

#[test]
fn guard_victim() {
    let Some(dir) = victim_dir() else { return };
    let path = dir.join("signing.guard");
    let guard = match SigningGuard::open(&path, CHAIN) {
        Ok(guard) => guard,
        Err(GuardError::Locked { .. }) => return say("locked"),
        Err(e) => panic!("{e}"),
    };
    // The first slot that is free; the digest is no earlier victim's.
    let probe = |slot| SigningRequest {
        digest: keccak256(std::process::id().to_be_bytes()),
        ..request(slot, 0)
    };
    let first = (1..).find(|slot| {
        guard
            .reserve(&probe(*slot))
            .is_ok_and(|d| matches!(d, Decision::SignNow(_)))
    });
    say("");
    for slot in first.unwrap() + 1..first.unwrap() + 5_000 {
        let message = u8::try_from(slot % 100).unwrap();
        assert_eq!(sign(&guard, &request(slot, message)), "signed");
        say(&format!("signed {slot} {message}"));
    }
}

#[test]
fn a_killed_signer_remembers_what_it_signed_slow() {
    let dir = tempfile::tempdir().unwrap();
    let (path, guard) = new_guard(dir.path());
    drop(guard);
    for kill in 0..10 {
        let lines = kill_after(
            victim("tests::guard::guard_victim", dir.path()),
            "signed ",
            1 + kill * 7 % 12,
        );
        let guard = SigningGuard::open(&path, CHAIN).unwrap();
        assert!(!lines.is_empty());
        for line in lines.iter().rev().take(HISTORY_SLOTS_MAX - 2) {
            let numbers: Vec<u64> = line.split(' ').skip(1).map(|n| n.parse().unwrap()).collect();
            let message = u8::try_from(numbers[1]).unwrap();
            assert_eq!(sign(&guard, &request(numbers[0], message)), "again", "{line}");
            assert_eq!(
                sign(&guard, &request(numbers[0], message + 1)),
                "other digest",
                "{line}"
            );
        }
    }
}

#[test]
fn two_processes_never_share_a_guard() {
    let dir = tempfile::tempdir().unwrap();
    let (_, guard) = new_guard(dir.path());
    let output = victim("tests::guard::guard_victim", dir.path())
        .wait_with_output()
        .unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("locked"));
    drop(guard);
}

/// Where a validator may die.
#[derive(Clone, Copy, Debug)]
enum Death {
    None,
    BeforeSigning,
    BeforeStoring,
    InTheAppend(usize),
}

fn death() -> impl Strategy<Value = Death> {
    prop_oneof![
        3 => Just(Death::None),
        1 => Just(Death::BeforeSigning),
        1 => Just(Death::BeforeStoring),
        1 => (1_usize..RECORD).prop_map(Death::InTheAppend),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn no_slot_gets_two_digests_wherever_the_process_dies(
        duties in prop::collection::vec((1_u64..12, 0_u8..3, 0_u8..2, death()), 1..24),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (path, mut guard) = new_guard(dir.path());
        let mut signed: BTreeMap<(u64, Digest), B256> = BTreeMap::new();
        for (slot, message, instance, death) in duties {
            let request = SigningRequest { genesis_id: digest(u64::from(instance)), ..request(slot, message) };
            let length = fs::metadata(&path).unwrap().len();
            let mut release = |digest| {
                let first = *signed.entry((slot, request.genesis_id)).or_insert(digest);
                prop_assert_eq!(first, digest, "slot {}", slot);
                Ok(())
            };
            match (guard.reserve(&request).unwrap(), death) {
                (Decision::SignNow(token), Death::None) => {
                    release(token.digest())?;
                    guard.store(token, signature_of(&request)).unwrap();
                }
                (Decision::SignNow(token), Death::BeforeStoring) => {
                    release(token.digest())?;
                    guard = reopen(&path, guard);
                }
                (Decision::SignNow(_), Death::BeforeSigning) => guard = reopen(&path, guard),
                // The call never returned: part of the record is there, nothing was signed.
                (Decision::SignNow(_), Death::InTheAppend(bytes)) => {
                    drop(guard);
                    let grown = fs::metadata(&path).unwrap().len();
                    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
                    file.set_len(grown.min(length + u64::try_from(bytes).unwrap())).unwrap();
                    guard = SigningGuard::open(&path, CHAIN).unwrap();
                }
                (Decision::AlreadySigned(signature), _) => {
                    prop_assert_eq!(signature, signature_of(&request));
                    release(request.digest)?;
                }
                (Decision::Refused(_), _) => {}
            }
        }
    }
}
