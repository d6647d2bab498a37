//! L1: one committee's block a slot, numbers and archives in a row, drawn proposers, a tip that only prunes move back.

use std::collections::BTreeMap;

use agoge_contract_bindings::rollup::Rollup;
use agoge_protocol::sampling::{self, Committee};
use agoge_protocol::{Address, B256, Epoch, Slot};

use crate::history::evidence::l1::{Head, RollupFacts};
use crate::history::evidence::signatures::commitment;
use crate::history::finding::Finding;
use crate::history::replay::{Chain, number};

/// Name of the check.
pub const NAME: &str = "l1-chain";

/// The committees of an instance, drawn again from the sets and the L1 blocks that they are drawn from.
#[derive(Clone, Debug, Default)]
pub struct Committees {
    /// By epoch.
    pub drawn: BTreeMap<u64, Committee>,
    /// Epochs whose committee on L1 is another one.
    pub wrong: Vec<String>,
    /// Epochs that cannot be drawn again.
    pub unknown: Vec<String>,
}

impl Committees {
    /// Draws the committees of all epochs that were set up.
    pub fn draw(facts: &RollupFacts, blocks: &[Head]) -> Self {
        let mut all = Self::default();
        for placed in &facts.events {
            if let Rollup::RollupEvents::EpochSetUp(event) = &placed.event {
                all.draw_one(facts, blocks, event);
            }
        }
        all
    }

    fn draw_one(&mut self, facts: &RollupFacts, blocks: &[Head], event: &Rollup::EpochSetUp) {
        let number_of_epoch = number(event.epoch);
        let epoch = Epoch::new(number_of_epoch);
        let of = |what: String| format!("epoch {number_of_epoch}: {what}");
        let Some(seed) = seed(facts, blocks, epoch) else {
            self.unknown.push(of("its entropy block is not known".to_owned()));
            return;
        };
        if seed != event.seed {
            self.wrong
                .push(of(format!("L1 drew with seed {}, expected {seed}", event.seed)));
        }
        let set = match facts.sets.get(&number_of_epoch) {
            Some(Ok(set)) => set,
            Some(Err(error)) => return self.unknown.push(of(error.clone())),
            None => return self.unknown.push(of("its validator set is not known".to_owned())),
        };
        match Committee::sample(epoch, seed, set, facts.committee_size) {
            Ok(committee) => {
                if commitment(&committee.members) != event.commitment {
                    self.wrong
                        .push(of("L1 keeps another committee than is drawn".to_owned()));
                }
                self.drawn.insert(number_of_epoch, committee);
            }
            Err(error) => self.wrong.push(of(error.to_string())),
        }
    }

    /// Members and proposer of a slot.
    pub fn of_slot(&self, facts: &RollupFacts, slot: u64) -> Option<(Vec<Address>, Address)> {
        let slot = Slot::new(slot);
        let committee = self.drawn.get(&facts.timing.epoch_of(slot).get())?;
        Some((
            committee.members.clone(),
            committee.proposer(&facts.timing, slot)?,
        ))
    }
}

fn seed(facts: &RollupFacts, blocks: &[Head], epoch: Epoch) -> Option<B256> {
    let instance = &facts.instance;
    match facts.timing.entropy_time(epoch) {
        None => Some(sampling::genesis_seed(instance.chain_id, instance.rollup)),
        Some(time) => blocks
            .iter()
            .find(|block| block.time >= time)
            .map(|block| sampling::seed(instance.genesis_id, epoch, block.prevrandao)),
    }
}

/// Judges an instance's chain.
pub fn check(
    finding: &mut Finding,
    facts: &RollupFacts,
    chain: &Chain,
    committees: &Committees,
    blocks: &[Head],
) {
    let times: BTreeMap<u64, u64> = blocks.iter().map(|block| (block.number, block.time)).collect();
    let of = |what: &String| format!("instance {}: {what}", facts.instance.number);
    finding.figure("blocks", chain.proposed);
    finding.figure("pruned", chain.pruned);
    finding.figure("proven", chain.proven);
    finding.figure(
        "epochs",
        u64::try_from(committees.drawn.len()).unwrap_or(u64::MAX),
    );
    finding.violated_all(chain.problems.iter().map(of));
    finding.violated_all(committees.wrong.iter().map(of));
    for unknown in &committees.unknown {
        finding.missing(of(unknown));
    }
    for placed in &facts.events {
        if let Rollup::RollupEvents::BlockProposed(event) = &placed.event
            && !event.proposer.is_zero()
        {
            let (given, slot) = (number(event.number), number(event.slot));
            let at = times.get(&placed.l1_block).copied();
            let slot_of_l1 = at.and_then(|time| facts.timing.slot_at(time)).map(Slot::get);
            if slot_of_l1 != Some(slot) {
                finding.violated(of(&format!(
                    "block {given} of slot {slot} is in L1 block {}, which is of slot {slot_of_l1:?}",
                    placed.l1_block
                )));
            }
            match committees.of_slot(facts, slot) {
                Some((_, proposer)) if proposer != event.proposer => finding.violated(of(&format!(
                    "block {given} is by {}, drawn for slot {slot} is {proposer}",
                    event.proposer
                ))),
                Some(_) => finding.count("proposers_drawn_again"),
                None => finding.missing(of(&format!("nobody knows who was drawn for slot {slot}"))),
            }
        }
    }
    compare_with_state(finding, facts, chain);
}

/// The contract's own tips and ring are what the events lead to, apart from a prune that is due and not done.
fn compare_with_state(finding: &mut Finding, facts: &RollupFacts, chain: &Chain) {
    let (pending, proven) = facts.tips;
    let is_pruned = pending == proven && pending < chain.tip();
    if proven != chain.proven || (pending != chain.tip() && !is_pruned) {
        finding.violated(format!(
            "instance {}: L1's tips are {pending} and {proven}, the events lead to {} and {}",
            facts.instance.number,
            chain.tip(),
            chain.proven
        ));
    }
    for (given, (archive, block_hash)) in &facts.records {
        finding.count("ring_records");
        let block = chain.blocks.get(given);
        if block.map(|block| (block.archive, block.block_hash)) != Some((*archive, *block_hash)) {
            finding.violated(format!(
                "instance {}: L1's record of block {given} is not what its event says",
                facts.instance.number
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::evidence::wire::Instance;
    use crate::history::finding::Verdict;
    use crate::history::replay::tests::{GENESIS, placed, proposed};
    use agoge_protocol::{Digest, Timing, U256};

    const TIMING: Timing = Timing {
        genesis_time: 100,
        slot_seconds: 4,
        epoch_slots: 8,
        set_lag: 2,
        entropy_lag: 1,
    };

    /// Two blocks of epoch 0, whose proposers are the drawn ones, in L1 blocks 1 and 2.
    fn scene() -> (RollupFacts, Vec<Head>) {
        let instance = Instance {
            number: 1,
            chain_id: 31_337,
            rollup: Address::repeat_byte(1),
            genesis_id: Digest::ZERO,
        };
        let set: Vec<Address> = (1..=4).map(Address::repeat_byte).collect();
        let seed = sampling::genesis_seed(instance.chain_id, instance.rollup);
        let committee = Committee::sample(Epoch::new(0), seed, &set, 4).unwrap();
        let mut facts = RollupFacts {
            instance,
            timing: TIMING,
            genesis_archive: GENESIS,
            committee_size: 4,
            events: vec![placed(
                1,
                Rollup::RollupEvents::EpochSetUp(Rollup::EpochSetUp {
                    epoch: U256::ZERO,
                    seed,
                    commitment: commitment(&committee.members),
                }),
            )],
            sets: BTreeMap::from([(0, Ok(set))]),
            tips: (2, 0),
            records: BTreeMap::new(),
            balance: U256::ZERO,
            owed: BTreeMap::new(),
        };
        let mut chain = Chain::new(GENESIS);
        for slot in [1, 2] {
            let mut next = proposed(&chain, slot);
            if let Rollup::RollupEvents::BlockProposed(event) = &mut next.event {
                event.proposer = committee.proposer(&TIMING, Slot::new(slot)).unwrap();
            }
            chain.apply(&next);
            facts.events.push(next);
        }
        let block = chain.blocks[&2];
        facts.records.insert(2, (block.archive, block.block_hash));
        let heads = (1..=2).map(|number| Head {
            number,
            hash: B256::ZERO,
            time: TIMING.slot_start(Slot::new(number)),
            prevrandao: B256::ZERO,
        });
        (facts, heads.collect())
    }

    fn judged(facts: &RollupFacts, heads: &[Head]) -> Finding {
        let mut finding = Finding::new(NAME);
        let chain = Chain::replay(GENESIS, &facts.events);
        let committees = Committees::draw(facts, heads);
        check(&mut finding, facts, &chain, &committees, heads);
        finding
    }

    #[test]
    fn a_chain_by_drawn_proposers_passes() {
        let (facts, heads) = scene();
        let finding = judged(&facts, &heads);
        assert_eq!(finding.verdict, Verdict::Pass, "{finding:?}");
        assert_eq!(finding.figures["proposers_drawn_again"], 2);
    }

    #[test]
    fn each_lie_of_l1_is_found() {
        type Spoil = fn(&mut RollupFacts, &mut Vec<Head>);
        let cases: [(&str, Spoil); 6] = [
            ("proposer", |facts, _| {
                if let Rollup::RollupEvents::BlockProposed(event) = &mut facts.events[1].event {
                    event.proposer = Address::repeat_byte(9);
                }
            }),
            ("slot", |_, heads| heads[0].time = 4_000),
            ("tips", |facts, _| facts.tips = (1, 0)),
            ("record", |facts, _| {
                facts.records.insert(1, (B256::ZERO, B256::ZERO));
            }),
            ("commitment", |facts, _| {
                if let Rollup::RollupEvents::EpochSetUp(event) = &mut facts.events[0].event {
                    event.commitment = B256::ZERO;
                }
            }),
            ("seed", |facts, _| {
                if let Rollup::RollupEvents::EpochSetUp(event) = &mut facts.events[0].event {
                    event.seed = B256::ZERO;
                }
            }),
        ];
        for (what, spoil) in cases {
            let (mut facts, mut heads) = scene();
            spoil(&mut facts, &mut heads);
            assert_eq!(judged(&facts, &heads).verdict, Verdict::Fail, "{what}");
        }
    }

    #[test]
    fn a_set_that_l1_does_not_tell_is_unknown() {
        let (mut facts, heads) = scene();
        facts.sets.insert(0, Err("reverted".to_owned()));
        let finding = judged(&facts, &heads);
        assert_eq!(finding.verdict, Verdict::Unknown, "{finding:?}");
    }
}
