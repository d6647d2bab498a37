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

/// Verifier data of no circuit: rows do not depend on them.
fn nobody() -> TreeVerifier {
    TreeVerifier {
        constants_sigmas_cap: MerkleCap(vec![HashOut::ZERO; 16]),
        circuit_digest: HashOut::ZERO,
    }
}

fn track<L: Leaf>(name: &str, leaf: &L, shape: &Shape) -> TrackVerifier {
    let layout = Layout::of::<L>();
    println!("{name} leaf: {} rows", LeafProver::rows(leaf, shape));
    let common = LeafProver::common(leaf, shape).unwrap();
    for arity in [1, 3, 6, 7] {
        let shape = Shape {
            arity,
            ..shape.clone()
        };
        println!(
            "{name} merge of {arity}: {} rows, gates {} consts {}",
            MergeProver::rows(&common, layout, &shape),
            common.gates.len(),
            common.num_constants
        );
    }
    TrackVerifier {
        common,
        leaf: nobody(),
        merge: nobody(),
        layout,
    }
}

#[test]
fn probe_sizes() {
    let leaf = TransactionsLeaf::for_rows(
        ClientVerifier::new(ClientProfile::Default).unwrap(),
        Track::Transactions.leaf_units(),
    );
    for degree in [15] {
        let shape = Shape {
            degree_bits: degree,
            ..Track::Transactions.shape()
        };
        println!("deg {degree}");
        track("transactions", &leaf, &shape);
    }
    let tracks = Tracks {
        transactions: track("transactions", &leaf, &Track::Transactions.shape()),
        state: track("state", &StateLeaf::new(), &Track::State.shape()),
        settlement: track(
            "settlement",
            &SettlementLeaf::new(Track::Settlement.leaf_units()),
            &Track::Settlement.shape(),
        ),
    };
    println!("root {} rows", RootProver::rows(shapes::root_config(), &tracks));
    let root = RootProver::common(shapes::root_config(), &tracks);
    for routed in [80, 72, 64, 60, 56, 48, 40] {
        let c = crate::epoch::config::Layer {
            routed_wires: routed,
            ..crate::epoch::config::WRAP
        }
        .circuit_config();
        let rows = catch_unwind(AssertUnwindSafe(|| {
            WrapCircuit::rows(
                c,
                &VerifierCircuitData {
                    verifier_only: nobody(),
                    common: root.clone(),
                },
            )
        }));
        println!("wrap routed {routed}: {rows:?}");
    }
}
