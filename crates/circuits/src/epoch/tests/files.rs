use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use agoge_protocol::B256;
use agoge_protocol::network::ClientProfile;
use plonky2::plonk::circuit_data::CircuitData;

use super::*;
use crate::epoch::artefacts::{Artefact, Store};
use crate::epoch::leaf::LeafProver;

/// A folder of a test's own, removed at its end.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("agoge-circuits-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

fn leaf() -> CircuitData<F, TreeC, D> {
    LeafProver::build(
        &Counter,
        &Shape {
            degree_bits: 6,
            ..toy_shape()
        },
    )
    .unwrap()
    .data
}

#[test]
fn a_stored_circuit_comes_back_and_proves() {
    let folder = Folder::new();
    let store = Store::open(folder.0.as_path(), B256::repeat_byte(1)).unwrap();
    let data = leaf();
    let verifier = data.verifier_data();
    assert!(
        store
            .read_circuit(Artefact::StateLeaf, &verifier)
            .unwrap()
            .is_none(),
        "not there"
    );
    store.write_circuit(Artefact::StateLeaf, &data).unwrap();
    let read = store
        .read_circuit(Artefact::StateLeaf, &verifier)
        .unwrap()
        .unwrap();
    let shape = Shape {
        degree_bits: 6,
        ..toy_shape()
    };
    let prover = LeafProver::with_data(&Counter, &shape, read);
    let input = Count {
        start: 1,
        step: 2,
        times: 3,
    };
    assert!(provable(&data, || prover.prove(&Counter, &input)).is_some());
}

#[test]
fn a_damaged_or_foreign_file_counts_as_absent() {
    let folder = Folder::new();
    let store = Store::open(folder.0.as_path(), B256::repeat_byte(1)).unwrap();
    let data = leaf();
    let verifier = data.verifier_data();
    store.write_circuit(Artefact::StateLeaf, &data).unwrap();
    let path = folder
        .0
        .as_path()
        .join("0101010101010101")
        .join("state-leaf.circuit");
    let whole = std::fs::read(&path).unwrap();
    for damaged in [&whole[..whole.len() / 2], &[], &[0xff; 4096]] {
        std::fs::write(&path, damaged).unwrap();
        assert!(
            store
                .read_circuit(Artefact::StateLeaf, &verifier)
                .unwrap()
                .is_none()
        );
    }
    std::fs::write(&path, &whole).unwrap();
    let mut other = verifier.clone();
    other.verifier_only.circuit_digest.elements[0] += F::ONE;
    assert!(
        store.read_circuit(Artefact::StateLeaf, &other).unwrap().is_none(),
        "another circuit"
    );
    assert!(
        store
            .read_circuit(Artefact::StateLeaf, &verifier)
            .unwrap()
            .is_some()
    );
    assert_eq!(
        std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
        1,
        "nothing half-written stays"
    );
}

#[test]
fn values_come_back_and_garbage_does_not() {
    let folder = Folder::new();
    let store = Store::open(folder.0.as_path(), B256::ZERO).unwrap();
    assert_eq!(store.read_value::<u64>(Artefact::Padding).unwrap(), None);
    store.write_value(Artefact::Padding, &7_u64).unwrap();
    assert_eq!(store.read_value::<u64>(Artefact::Padding).unwrap(), Some(7));
    assert_eq!(store.read_value::<String>(Artefact::Padding).unwrap(), None);
    let path = folder.0.as_path().join("0000000000000000").join("padding.bin");
    let whole = std::fs::read(&path).unwrap();
    for index in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[index] ^= 1;
        std::fs::write(&path, damaged).unwrap();
        assert_eq!(
            store.read_value::<u64>(Artefact::Padding).unwrap(),
            None,
            "{index}"
        );
        std::fs::write(&path, &whole[..index]).unwrap();
        assert_eq!(
            store.read_value::<u64>(Artefact::Padding).unwrap(),
            None,
            "{index}"
        );
    }
    store.write_value(Artefact::Padding, &7_u64).unwrap();
    store.rename(folder.0.as_path(), B256::repeat_byte(2)).unwrap();
    let store = Store::open(folder.0.as_path(), B256::repeat_byte(2)).unwrap();
    assert_eq!(store.read_value::<u64>(Artefact::Padding).unwrap(), Some(7));
}

/// What is built for `data/` is built in an empty folder, and each profile's uncommitted circuits have their own.
#[test]
fn circuits_for_the_committed_data_read_nothing_of_before() {
    let folder = Folder::new();
    let base = folder.0.as_path();
    let [default, testing] = [ClientProfile::Default, ClientProfile::Testing];
    for profile in [default, testing] {
        for open in [Store::open_uncommitted, Store::open_empty] {
            let store = open(base, profile).unwrap();
            assert_eq!(store.read_value::<u8>(Artefact::Padding).unwrap(), None);
            store.write_value(Artefact::Padding, &1_u8).unwrap();
        }
    }
    let kept = Store::open_uncommitted(base, default).unwrap();
    assert_eq!(kept.read_value::<u8>(Artefact::Padding).unwrap(), Some(1));
    let emptied = Store::open_empty(base, default).unwrap();
    assert_eq!(emptied.read_value::<u8>(Artefact::Padding).unwrap(), None);
}
