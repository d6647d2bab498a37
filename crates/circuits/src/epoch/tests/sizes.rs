use agoge_protocol::network::ClientProfile;
use plonky2::hash::hash_types::HashOut;
use plonky2::hash::merkle_tree::MerkleCap;
use plonky2::plonk::circuit_data::VerifierCircuitData;

use super::*;
use crate::ClientVerifier;
use crate::epoch::jobs::Track;
use crate::epoch::leaf::LeafProver;
use crate::epoch::merge::{MergeProver, TrackVerifier};
use crate::epoch::root::{RootProver, Tracks};
use crate::epoch::settlement::SettlementLeaf;
use crate::epoch::shapes;
use crate::epoch::state::StateLeaf;
use crate::epoch::track::{Layout, TreeVerifier};
use crate::epoch::transactions::TransactionsLeaf;
use crate::epoch::wrap::WrapCircuit;

/// Rows that building adds at most: the hash of the public inputs and constants, two a row.
const ADDED_ROWS: usize = 400;

/// Verifier data of no circuit: rows do not depend on them.
fn nobody() -> TreeVerifier {
    TreeVerifier {
        constants_sigmas_cap: MerkleCap(vec![HashOut::ZERO; 16]),
        circuit_digest: HashOut::ZERO,
    }
}

/// At least 2 % of the rows are free: what a new rule may take before a circuit doubles.
fn assert_fits(circuit: &str, rows: usize, degree_bits: usize) {
    let limit = (1 << degree_bits) * 98 / 100;
    println!("{circuit}: {rows} of 2^{degree_bits} rows");
    assert!(
        rows + ADDED_ROWS <= limit,
        "{circuit}: {rows} rows, the limit is {limit}"
    );
}

fn track<L: Leaf>(track: Track, leaf: &L) -> TrackVerifier {
    let layout = Layout::of::<L>();
    let shape = track.shape();
    assert_fits(
        &format!("{track:?} leaf"),
        LeafProver::rows(leaf, &shape),
        shape.degree_bits,
    );
    let common = LeafProver::common(leaf, &shape).unwrap();
    let rows = MergeProver::rows(&common, layout, &shape);
    assert_fits(&format!("{track:?} merge"), rows, shape.degree_bits);
    TrackVerifier {
        common,
        leaf: nobody(),
        merge: nobody(),
        layout,
    }
}

/// Counts rows without building a circuit; some seconds for the shapes that merges depend on.
#[test]
fn every_circuit_leaves_2_percent_of_its_rows_free() {
    let client = ClientVerifier::new(ClientProfile::Default).unwrap();
    let transactions = TransactionsLeaf::for_rows(client, Track::Transactions.leaf_units());
    let tracks = Tracks {
        transactions: track(Track::Transactions, &transactions),
        state: track(Track::State, &StateLeaf::new()),
        settlement: track(
            Track::Settlement,
            &SettlementLeaf::new(Track::Settlement.leaf_units()),
        ),
    };
    let rows = RootProver::rows(shapes::root_config(), &tracks);
    assert_fits("root", rows, shapes::ROOT_DEGREE_BITS);
    let root = VerifierCircuitData {
        verifier_only: nobody(),
        common: RootProver::common(shapes::root_config(), &tracks),
    };
    let rows = WrapCircuit::rows(shapes::wrap_config(), &root);
    println!("wrap: {rows} of 2^12 rows");
    assert!(rows <= 4096);
}
