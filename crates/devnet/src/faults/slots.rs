//! Judging slots after a run: whose they were, whether they could be made, and whether they were.

use std::collections::BTreeMap;

use agoge_contract_bindings::rollup::Rollup;
use agoge_l1_client::At;
use agoge_protocol::messages::attestation_threshold;
use agoge_protocol::rpc;
use agoge_protocol::sampling::Committee;
use agoge_protocol::{Address, B256, Epoch, Slot, Timing, U256};
use alloy::sol_types::SolEvent;
use eyre::{Result, eyre};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::outage::Outages;
use crate::network::Devnet;

/// A slot of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotFact {
    /// The slot.
    pub slot: u64,
    /// Whether its proposer's process and those of a threshold of its committee were in order all the time.
    pub producible: bool,
    /// Its block on L1.
    pub block: Option<u64>,
}

/// Judges the slots from `first` to `last`.
///
/// # Errors
/// L1 does not answer.
pub(super) async fn judge(
    devnet: &Devnet,
    outages: &Outages,
    first: Slot,
    last: Slot,
) -> Result<Vec<SlotFact>> {
    let timing = devnet.timing();
    let processes: BTreeMap<Address, usize> = devnet
        .nodes
        .iter()
        .enumerate()
        .flat_map(|(number, node)| node.attesters().iter().map(move |attester| (*attester, number)))
        .collect();
    let blocks = blocks(devnet).await?;
    let mut facts = Vec::new();
    let mut committee: Option<Committee> = None;
    for slot in (first.get()..=last.get()).map(Slot::new) {
        let epoch = timing.epoch_of(slot);
        if committee.as_ref().is_none_or(|known| known.epoch != epoch) {
            committee = committee_of(devnet, epoch).await?;
        }
        facts.push(SlotFact {
            slot: slot.get(),
            // Where nobody can say whose a slot was, it should have been made.
            producible: committee
                .as_ref()
                .is_none_or(|committee| is_producible(committee, &timing, slot, &processes, outages)),
            block: blocks.get(&slot).copied(),
        });
    }
    Ok(facts)
}

fn is_producible(
    committee: &Committee,
    timing: &Timing,
    slot: Slot,
    processes: &BTreeMap<Address, usize>,
    outages: &Outages,
) -> bool {
    let (from, to) = (
        timing.slot_start(slot).saturating_mul(1_000),
        timing.slot_end(slot).saturating_mul(1_000),
    );
    let was_well = |attester: &Address| {
        processes
            .get(attester)
            .is_some_and(|node| outages.was_well(*node, from, to))
    };
    let members = committee.members.iter().filter(|member| was_well(member)).count();
    committee
        .proposer(timing, slot)
        .is_some_and(|proposer| was_well(&proposer))
        && members >= attestation_threshold(committee.members.len())
}

/// From L1; of an epoch without a block from a node, which knows some epochs back.
async fn committee_of(devnet: &Devnet, epoch: Epoch) -> Result<Option<Committee>> {
    if let Some(members) = devnet.reader.committee_of_epoch(At::Latest, epoch).await? {
        return Ok(Some(Committee { epoch, members }));
    }
    for node in &devnet.nodes {
        if let Ok(answer) = node.public_call("agoge_committee", json!([epoch])).await {
            let committee: rpc::Committee = serde_json::from_value(answer)?;
            let members = committee.members;
            return Ok(Some(Committee { epoch, members }));
        }
    }
    Ok(None)
}

/// Numbers of all blocks on L1's canonical chain, pruned ones too, by slot.
async fn blocks(devnet: &Devnet) -> Result<BTreeMap<Slot, u64>> {
    let filter = json!({
        "address": devnet.deployment.address("Rollup")?,
        "fromBlock": format!("{:#x}", devnet.deployment.deploy_block),
        "topics": [Rollup::BlockProposed::SIGNATURE_HASH],
    });
    let logs = devnet.anvil.call("eth_getLogs", json!([filter])).await?;
    let logs = logs
        .as_array()
        .ok_or_else(|| eyre!("eth_getLogs answered {logs}"))?;
    logs.iter()
        .map(|log| {
            let topic = |index: usize| -> Option<u64> {
                let topic: B256 = log.get("topics")?.get(index)?.as_str()?.parse().ok()?;
                u64::try_from(U256::from_be_bytes(topic.0)).ok()
            };
            match (topic(2), topic(1)) {
                (Some(slot), Some(number)) => Ok((Slot::new(slot), number)),
                _ => Err(eyre!("a log of a block without number and slot: {log}")),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_needs_its_proposer_and_a_threshold_of_its_committee() {
        let timing = Timing {
            genesis_time: 1_000,
            slot_seconds: 4,
            epoch_slots: 4,
            set_lag: 2,
            entropy_lag: 1,
        };
        let members: Vec<Address> = (0..4).map(Address::repeat_byte).collect();
        let processes = members.iter().copied().zip(0..).collect();
        let committee = Committee {
            epoch: Epoch::new(0),
            members,
        };
        let outages = Outages::default();
        let producible = |outages: &Outages| -> Vec<bool> {
            (0..4)
                .map(|slot| is_producible(&committee, &timing, Slot::new(slot), &processes, outages))
                .collect()
        };
        assert_eq!(attestation_threshold(4), 3);
        assert_eq!(producible(&outages), [true; 4]);
        // L1's blocks of slot 2 are replaced.
        outages.everybody(1_009_000, 1_011_000);
        assert_eq!(producible(&outages), [true, true, false, true]);
    }

    #[test]
    fn one_process_of_four_may_be_out_two_may_not() {
        let now = super::super::now_ms().div_euclid(1_000);
        let timing = Timing {
            genesis_time: now + 10,
            slot_seconds: 4,
            epoch_slots: 4,
            set_lag: 2,
            entropy_lag: 1,
        };
        let members: Vec<Address> = (0..4).map(Address::repeat_byte).collect();
        let processes = members.iter().copied().zip(0..).collect();
        let committee = Committee {
            epoch: Epoch::new(0),
            members,
        };
        let outages = Outages::default();
        let producible = |slot| is_producible(&committee, &timing, Slot::new(slot), &processes, &outages);
        let _first = outages.begin(1);
        assert!(producible(0) && !producible(1) && producible(2) && producible(3));
        let _second = outages.begin(2);
        assert!(!producible(0) && !producible(3));
        assert!(!producible(4), "a slot of another epoch");
    }
}
