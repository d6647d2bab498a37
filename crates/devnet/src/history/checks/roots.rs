//! Any two nodes, and L1, have the same block at each height (`docs/protocol.md`, section 15, invariant 4).

use std::collections::BTreeMap;

use agoge_protocol::rpc::RpcBlock;

use crate::history::evidence::nodes::NodesFacts;
use crate::history::finding::Finding;
use crate::history::replay::Chain;

/// Name of the check.
pub const NAME: &str = "roots";
/// Blocks that a node may be behind L1 without its being told; more were not compared.
const BEHIND_MAX: u64 = 8;

/// Judges the nodes' chains of an instance; without L1 they are compared with each other only.
pub fn check(finding: &mut Finding, number: u32, nodes: &NodesFacts, chain: Option<&Chain>) {
    for (name, why) in &nodes.silent {
        finding.missing(format!("instance {number}: {name} did not answer: {why}"));
    }
    if nodes.chains.is_empty() {
        finding.missing(format!("instance {number}: no node answered"));
        return;
    }
    let mut first: BTreeMap<u64, (&str, &RpcBlock)> = BTreeMap::new();
    for node in &nodes.chains {
        finding.count("nodes");
        for (height, block) in &node.blocks {
            finding.count("blocks_compared");
            let (other, expected) = *first.entry(*height).or_insert((&node.name, block));
            if let Some(what) = difference(expected, block) {
                finding.violated(format!(
                    "instance {number}, block {height}: {} and {other} have different {what}",
                    node.name
                ));
            }
        }
        inner(finding, number, &node.name, &node.blocks);
    }
    let Some(chain) = chain else {
        finding.missing(format!("instance {number}: L1 did not answer"));
        return;
    };
    compare_with_l1(finding, number, nodes, &first, chain);
}

/// The chain of one node hangs together.
fn inner(finding: &mut Finding, number: u32, name: &str, blocks: &BTreeMap<u64, RpcBlock>) {
    for (height, block) in blocks {
        let next = height.checked_add(1).and_then(|next| blocks.get(&next));
        if next.is_some_and(|next| next.header.parent_archive != block.archive) {
            finding.violated(format!(
                "instance {number}: {name}'s next block does not stand on block {height}"
            ));
        }
        if block.header.number.get() != *height {
            finding.violated(format!(
                "instance {number}: {name} has block {} at height {height}",
                block.header.number
            ));
        }
    }
}

fn compare_with_l1(
    finding: &mut Finding,
    number: u32,
    nodes: &NodesFacts,
    first: &BTreeMap<u64, (&str, &RpcBlock)>,
    chain: &Chain,
) {
    for (height, (name, block)) in first {
        // A block that came after the look at L1.
        let Some(on_l1) = chain.blocks.get(height) else {
            continue;
        };
        finding.count("heights_compared_with_l1");
        if (block.archive.to_b256(), block.block_hash) != (on_l1.archive, on_l1.block_hash) {
            finding.violated(format!(
                "instance {number}, block {height}: {name} has archive {}, L1 {}",
                block.archive.to_b256(),
                on_l1.archive
            ));
        }
    }
    for node in &nodes.chains {
        if node.tip.saturating_add(BEHIND_MAX) < chain.tip() {
            finding.missing(format!(
                "instance {number}: {} is at block {}, L1 at block {}: the rest was not compared",
                node.name,
                node.tip,
                chain.tip()
            ));
        }
    }
}

/// What differs between two blocks that should be one; how final they are and where L1 has them may.
fn difference(one: &RpcBlock, other: &RpcBlock) -> Option<&'static str> {
    if one.archive != other.archive {
        return Some("archives");
    }
    if one.block_hash != other.block_hash || one.blob_hash != other.blob_hash {
        return Some("block hashes");
    }
    (one.header != other.header).then_some("headers: note root, nullifier root or another field")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::history::evidence::nodes::NodeChain;
    use crate::history::finding::Verdict;
    use crate::history::replay::tests::grown;
    use agoge_protocol::rpc::{Finality, RpcHeader};
    use agoge_protocol::{Address, B256, Digest, L1BlockNumber, L2BlockNumber, Slot};

    /// A node that has the blocks of a chain.
    pub(crate) fn node(name: &str, chain: &Chain) -> NodeChain {
        let block = |number: u64| {
            let archive = |number| Digest::from_b256(chain.archive(number).unwrap()).unwrap();
            let of_l1 = chain.blocks[&number];
            let header = RpcHeader {
                hash: Digest::ZERO,
                genesis_id: Digest::ZERO,
                number: L2BlockNumber::new(number),
                slot: Slot::new(of_l1.slot),
                timestamp: 0,
                parent_archive: archive(number - 1),
                note_root: Digest::ZERO,
                note_count: 0,
                nullifier_root: Digest::ZERO,
                nullifier_count: 0,
                inbox_end: of_l1.inbox_end,
                settlement_hash: Digest::ZERO,
                effects_hash: Digest::ZERO,
                fee_recipient: Address::ZERO,
                total_fees: 0,
                tx_count: 0,
            };
            RpcBlock {
                header,
                block_hash: of_l1.block_hash,
                blob_hash: B256::ZERO,
                archive: archive(number),
                l1_block: L1BlockNumber::new(1),
                finality: Finality::Pending,
            }
        };
        NodeChain {
            name: name.to_owned(),
            tip: chain.tip(),
            blocks: (1..=chain.tip()).map(|number| (number, block(number))).collect(),
        }
    }

    fn judged(chains: Vec<NodeChain>, chain: Option<&Chain>) -> Finding {
        let mut finding = Finding::new(NAME);
        let nodes = NodesFacts {
            chains,
            ..NodesFacts::default()
        };
        check(&mut finding, 1, &nodes, chain);
        finding
    }

    #[test]
    fn nodes_that_agree_with_each_other_and_with_l1_pass_at_whatever_height() {
        let chain = grown(&[1, 2, 3]);
        let late = node("late", &grown(&[1, 2]));
        let mut final_here = node("one", &chain);
        final_here.blocks.get_mut(&1).unwrap().finality = Finality::Proven;
        let finding = judged(vec![final_here, late], Some(&chain));
        assert_eq!(finding.verdict, Verdict::Pass, "{finding:?}");
        assert_eq!(finding.figures["heights_compared_with_l1"], 3);
    }

    #[test]
    fn a_root_of_its_own_is_found_whoever_has_it() {
        let chain = grown(&[1, 2, 3]);
        let mut other = node("other", &chain);
        other.blocks.get_mut(&2).unwrap().header.nullifier_root =
            Digest::from_b256(B256::with_last_byte(1)).unwrap();
        let finding = judged(vec![node("one", &chain), other], Some(&chain));
        assert!(finding.first[0].contains("block 2: other and one"), "{finding:?}");

        // All nodes agree on what L1 does not have.
        let forked = grown(&[1, 2, 4]);
        let finding = judged(vec![node("one", &forked), node("two", &forked)], Some(&chain));
        assert!(finding.first[0].contains("L1"), "{finding:?}");
        assert_eq!(finding.violations, 1);
    }

    #[test]
    fn nobody_and_l1_away_and_a_node_far_behind_are_unknown() {
        let chain = grown(&(1..=20).collect::<Vec<_>>());
        for (chains, on_l1) in [
            (vec![], Some(&chain)),
            (vec![node("one", &chain)], None),
            (vec![node("far", &grown(&[1]))], Some(&chain)),
        ] {
            assert_eq!(judged(chains, on_l1).verdict, Verdict::Unknown);
        }
    }
}
