//! Whether honest nodes have different roots at one height.

use std::collections::BTreeMap;

use super::timeline::Range;
use crate::evidence::SlotRecord;
use crate::requirement::float;

/// What a node has at a height.
#[derive(Clone, Copy)]
struct Seen<'a> {
    root: &'a str,
    l1_hash: Option<&'a str>,
    is_finalized: bool,
}

/// Heights of a record at which two nodes differ.
///
/// Nodes that have applied different L1 blocks may differ: an L1 reorg or a prune has reached one and not yet the other. So two roots
/// conflict if both nodes stand at the same L1 block, or if both call the height finalized. Nothing is known with fewer than two nodes.
pub(super) fn conflicts(record: &SlotRecord) -> Range {
    let mut heights: BTreeMap<(u32, u64), Vec<Seen<'_>>> = BTreeMap::new();
    let mut nodes = 0_u32;
    for rpc in record.nodes.iter().filter_map(|node| node.rpc.as_ref()) {
        nodes = nodes.saturating_add(1);
        for (tip, is_finalized) in [
            (&rpc.pending, false),
            (&rpc.proven, false),
            (&rpc.finalized, true),
        ] {
            heights.entry((rpc.instance, tip.number)).or_default().push(Seen {
                root: &tip.root,
                l1_hash: rpc.l1_hash.as_deref(),
                is_finalized,
            });
        }
    }
    if nodes < 2 {
        return Range::unknown();
    }
    let conflicting = heights.values().filter(|seen| has_conflict(seen));
    Range::known(float(conflicting.count()))
}

fn has_conflict(seen: &[Seen<'_>]) -> bool {
    seen.iter().enumerate().any(|(index, one)| {
        seen.iter().skip(index).any(|other| {
            let is_same_view = one.l1_hash.is_some() && one.l1_hash == other.l1_hash;
            one.root != other.root && (is_same_view || one.is_finalized && other.is_finalized)
        })
    })
}
