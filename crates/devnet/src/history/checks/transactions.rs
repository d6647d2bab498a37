//! Every transaction is mined exactly once: nullifiers are unique, and nothing that a node accepted is lost
//! (`docs/protocol.md`, section 15, invariant 5).

use std::collections::{BTreeMap, BTreeSet};

use agoge_protocol::rpc::{RpcEffects, TransactionStatus};
use agoge_protocol::{Digest, TxId};

use crate::history::evidence::load::{Load, Sent};
use crate::history::evidence::nodes::NodesFacts;
use crate::history::finding::Finding;

/// Name of the check.
pub const NAME: &str = "transactions";

/// Judges the blocks of an instance: no note is spent twice.
pub fn check_blocks(finding: &mut Finding, number: u32, effects: &[RpcEffects]) {
    let mut spent: BTreeMap<Digest, u64> = BTreeMap::new();
    for block in effects {
        finding.count("blocks");
        for tx in &block.transactions {
            finding.count("transactions");
            let in_block = block.number.get();
            for nullifier in tx.nullifiers {
                if let Some(before) = spent.insert(nullifier, in_block) {
                    finding.violated(format!(
                        "instance {number}: nullifier {} is in block {before} and again in block {in_block}",
                        nullifier.to_b256()
                    ));
                }
            }
        }
    }
}

/// Judges what became of the load.
pub fn check_load(finding: &mut Finding, load: &Load, nodes: &NodesFacts) {
    let mut spent: BTreeMap<Digest, u64> = BTreeMap::new();
    for block in &nodes.effects {
        for tx in &block.transactions {
            spent.insert(tx.nullifiers[0], block.number.get());
        }
    }
    finding.figure("accepted", u64::try_from(load.accepted.len()).unwrap_or(u64::MAX));
    finding.figure("refused", load.refused);
    if load.torn > 0 {
        finding.missing(format!("{} lines of the load cannot be read", load.torn));
    }
    if nodes.chains.is_empty() && !load.accepted.is_empty() {
        finding.missing("no node answered: nobody can say what became of the load");
        return;
    }
    for (id, sent) in &load.accepted {
        let statuses = nodes.statuses.get(id).map_or(&[][..], Vec::as_slice);
        judge(finding, *id, sent, statuses, &spent);
    }
}

fn judge(
    finding: &mut Finding,
    id: TxId,
    sent: &Sent,
    statuses: &[(String, TransactionStatus)],
    spent: &BTreeMap<Digest, u64>,
) {
    let mined: BTreeSet<u64> = statuses
        .iter()
        .filter_map(|(_, status)| match status {
            TransactionStatus::Mined { number } | TransactionStatus::Proven { number } => Some(number.get()),
            _ => None,
        })
        .collect();
    let in_block = sent
        .nullifier
        .and_then(|nullifier| spent.get(&nullifier).copied());
    if mined.len() > 1 || in_block.is_some_and(|block| mined.iter().any(|mined| *mined != block)) {
        finding.violated(format!(
            "transaction {id}: the nodes have it in blocks {mined:?}, its nullifier is in block {in_block:?}"
        ));
        return;
    }
    let dropped = statuses.iter().find_map(|(_, status)| match status {
        TransactionStatus::Dropped { reason, .. } => Some(reason.as_str()),
        _ => None,
    });
    let is_queued = statuses
        .iter()
        .any(|(_, status)| matches!(status, TransactionStatus::Queued));
    if !mined.is_empty() || in_block.is_some() {
        finding.count("mined");
    } else if is_queued {
        finding.count("queued");
    } else if let Some(reason) = dropped.or(sent.dropped.as_deref()) {
        if reason.is_empty() {
            finding.violated(format!("transaction {id} was dropped without a reason"));
        }
        finding.count("dropped");
    } else if statuses.is_empty() {
        finding.missing(format!("no node says what became of transaction {id}"));
    } else if let (Some(block), None) = (sent.seen_in, sent.nullifier) {
        // Nodes forget ids some time after the block's proof, and the block holds effects only.
        finding.count("mined_by_the_loads_word");
        finding.missing(format!(
            "transactions that were mined (one in block {block}) and forgotten: the load names no nullifiers"
        ));
    } else {
        finding.violated(format!(
            "transaction {id} was accepted and is lost: no node knows it"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::checks::roots::tests::node;
    use crate::history::finding::Verdict;
    use crate::history::replay::tests::grown;
    use agoge_protocol::rpc::RpcTxEffects;
    use agoge_protocol::{B256, Ciphertext, L2BlockNumber, Slot};

    fn digest(number: u8) -> Digest {
        Digest::from_b256(B256::with_last_byte(number)).unwrap()
    }

    fn block(number: u64, nullifiers: &[[u8; 2]]) -> RpcEffects {
        let tx = |pair: &[u8; 2]| RpcTxEffects {
            nullifiers: pair.map(digest),
            commitments: [Digest::ZERO; 2],
            fee: 0,
            withdrawal: None,
            ciphertexts: [Ciphertext::from_bytes(&[0; 91]); 2],
        };
        RpcEffects {
            number: L2BlockNumber::new(number),
            slot: Slot::new(number),
            block_hash: B256::ZERO,
            note_root: Digest::ZERO,
            first_note_index: 0,
            deposits: Vec::new(),
            transactions: nullifiers.iter().map(tx).collect(),
        }
    }

    #[test]
    fn a_nullifier_in_two_blocks_or_twice_in_one_is_found_and_distinct_ones_are_not() {
        for (blocks, expected) in [
            (vec![block(1, &[[1, 2], [3, 4]]), block(2, &[[5, 6]])], 0),
            (vec![block(1, &[[1, 2]]), block(2, &[[3, 1]])], 1),
            (vec![block(1, &[[1, 1]])], 1),
        ] {
            let mut finding = Finding::new(NAME);
            check_blocks(&mut finding, 1, &blocks);
            assert_eq!(finding.violations, expected, "{finding:?}");
        }
    }

    fn mined(number: u64) -> TransactionStatus {
        TransactionStatus::Mined {
            number: L2BlockNumber::new(number),
        }
    }

    fn dropped(reason: &str) -> TransactionStatus {
        TransactionStatus::Dropped {
            reason: reason.to_owned(),
            message: String::new(),
        }
    }

    fn judged(sent: Sent, statuses: Vec<TransactionStatus>) -> Finding {
        let id = TxId(B256::repeat_byte(1));
        let load = Load {
            accepted: [(id, sent)].into(),
            ..Load::default()
        };
        let named = statuses.into_iter().map(|status| ("node".to_owned(), status));
        let nodes = NodesFacts {
            chains: vec![node("node", &grown(&[1, 2]))],
            effects: vec![block(1, &[[1, 2]]), block(2, &[[3, 4]])],
            statuses: [(id, named.collect())].into(),
            ..NodesFacts::default()
        };
        let mut finding = Finding::new(NAME);
        check_load(&mut finding, &load, &nodes);
        finding
    }

    fn with_nullifier(number: u8) -> Sent {
        Sent {
            nullifier: Some(digest(number)),
            ..Sent::default()
        }
    }

    #[test]
    fn mined_once_queued_or_dropped_for_a_reason_is_what_may_become_of_a_transaction() {
        let unknown = TransactionStatus::Unknown;
        for (sent, statuses) in [
            (Sent::default(), vec![mined(1), unknown.clone(), mined(1)]),
            (with_nullifier(1), vec![unknown.clone()]),
            (with_nullifier(3), vec![mined(2)]),
            (Sent::default(), vec![unknown.clone(), TransactionStatus::Queued]),
            (Sent::default(), vec![dropped("evicted"), unknown]),
        ] {
            let finding = judged(sent.clone(), statuses);
            assert_eq!(finding.verdict, Verdict::Pass, "{sent:?} {finding:?}");
        }
    }

    #[test]
    fn lost_mined_twice_and_dropped_for_no_reason_are_violations() {
        let unknown = TransactionStatus::Unknown;
        for (sent, statuses) in [
            (Sent::default(), vec![unknown.clone(), unknown.clone()]),
            (with_nullifier(9), vec![unknown]),
            (Sent::default(), vec![mined(1), mined(2)]),
            (with_nullifier(1), vec![mined(2)]),
            (Sent::default(), vec![dropped("")]),
        ] {
            let finding = judged(sent.clone(), statuses);
            assert_eq!(finding.verdict, Verdict::Fail, "{sent:?} {finding:?}");
        }
    }

    #[test]
    fn what_only_the_load_says_is_unknown() {
        let sent = Sent {
            seen_in: Some(1),
            ..Sent::default()
        };
        let finding = judged(sent, vec![TransactionStatus::Unknown]);
        assert_eq!(finding.verdict, Verdict::Unknown, "{finding:?}");
        assert_eq!(judged(Sent::default(), vec![]).verdict, Verdict::Unknown);
    }
}
