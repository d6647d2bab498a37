//! What the nodes say over their JSON-RPC.

use std::collections::{BTreeMap, BTreeSet};

use agoge_protocol::rpc::{EFFECTS_RANGE_MAX, RpcBlock, RpcEffects, TransactionStatus};
use agoge_protocol::{L2BlockNumber, TxId};
use agoge_wallet::node::{Node, NodeError};

use super::wire::Instance;

/// Heights at which nodes are compared, at most, evenly spread, the highest among them.
pub const HEIGHTS_MAX: u64 = 256;

/// A node's chain of one instance.
#[derive(Clone, Debug, Default)]
pub struct NodeChain {
    /// The node.
    pub name: String,
    /// Its pending tip.
    pub tip: u64,
    /// Its blocks at the heights that were asked for.
    pub blocks: BTreeMap<u64, RpcBlock>,
}

/// All of them, of one instance.
#[derive(Clone, Debug, Default)]
pub struct NodesFacts {
    /// Nodes that answered.
    pub chains: Vec<NodeChain>,
    /// The others, and why.
    pub silent: Vec<(String, String)>,
    /// Effects of all blocks of the highest chain, from block 1.
    pub effects: Vec<RpcEffects>,
    /// What nodes say of transactions, each with its name.
    pub statuses: BTreeMap<TxId, Vec<(String, TransactionStatus)>>,
}

/// Asks all nodes about an instance and about some transactions.
pub async fn gather(nodes: &[(String, String)], instance: Instance, txs: &[TxId]) -> NodesFacts {
    let mut facts = NodesFacts::default();
    let mut answering = Vec::new();
    for (name, url) in nodes {
        let url = format!(
            "{}/instances/{}",
            url.trim_end_matches('/'),
            instance.genesis_id.to_b256()
        );
        match tip(&url).await {
            Ok((node, tip)) => answering.push((name.clone(), node, tip)),
            Err(error) => facts.silent.push((name.clone(), error.to_string())),
        }
    }
    let highest = answering.iter().map(|(_, _, tip)| *tip).max().unwrap_or(0);
    let heights = heights(highest);
    for (name, node, tip) in &answering {
        match chain(node, name, *tip, &heights).await {
            Ok(chain) => facts.chains.push(chain),
            Err(error) => facts.silent.push((name.clone(), error.to_string())),
        }
        for id in txs {
            if let Ok(status) = node.status(*id).await {
                facts
                    .statuses
                    .entry(*id)
                    .or_default()
                    .push((name.clone(), status));
            }
        }
    }
    if let Some((name, node, tip)) = answering.iter().max_by_key(|(_, _, tip)| *tip) {
        match effects(node, *tip).await {
            Ok(effects) => facts.effects = effects,
            Err(error) => facts.silent.push((name.clone(), error.to_string())),
        }
    }
    facts
}

async fn tip(url: &str) -> Result<(Node, u64), NodeError> {
    let node = Node::new(url)?;
    let tip = node.tips().await?.pending.number.get();
    Ok((node, tip))
}

async fn chain(node: &Node, name: &str, tip: u64, heights: &BTreeSet<u64>) -> Result<NodeChain, NodeError> {
    let mut blocks = BTreeMap::new();
    for height in heights.iter().filter(|height| **height <= tip) {
        if let Some(block) = node.block(L2BlockNumber::new(*height)).await? {
            blocks.insert(*height, block);
        }
    }
    Ok(NodeChain {
        name: name.to_owned(),
        tip,
        blocks,
    })
}

async fn effects(node: &Node, tip: u64) -> Result<Vec<RpcEffects>, NodeError> {
    let mut all: Vec<RpcEffects> = Vec::new();
    let mut from = 1_u64;
    while from <= tip {
        let to = from.saturating_add(EFFECTS_RANGE_MAX.saturating_sub(1)).min(tip);
        let batch = node
            .effects(L2BlockNumber::new(from), L2BlockNumber::new(to))
            .await?;
        let Some(last) = batch.last() else { break };
        from = last.number.get().saturating_add(1);
        all.extend(batch);
    }
    Ok(all)
}

/// Heights from 1 to the highest, thinned out.
fn heights(highest: u64) -> BTreeSet<u64> {
    let step = highest.div_ceil(HEIGHTS_MAX).max(1);
    let step = usize::try_from(step).unwrap_or(usize::MAX);
    (1..=highest).rev().step_by(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heights_are_few_and_hold_the_highest() {
        assert!(heights(0).is_empty());
        assert_eq!(heights(3), BTreeSet::from([1, 2, 3]));
        let many = heights(10_000);
        assert!(many.len() <= 256 && many.contains(&10_000), "{}", many.len());
    }

    #[tokio::test]
    async fn a_node_that_does_not_answer_is_named() {
        let instance = Instance {
            number: 1,
            chain_id: 1,
            rollup: agoge_protocol::Address::ZERO,
            genesis_id: agoge_protocol::Digest::ZERO,
        };
        // Nobody listens on port 1.
        let nodes = [("node-0".to_owned(), "http://127.0.0.1:1".to_owned())];
        let facts = gather(&nodes, instance, &[]).await;
        assert!(facts.chains.is_empty());
        assert_eq!(facts.silent[0].0, "node-0");
    }
}
