//! One look at L1 and all nodes. A source that does not answer is written down as missing; nothing here ends the watch.

mod l1;
mod node;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use agoge_protocol::{Address, Slot, Timing};

use crate::evidence::{CommitteeReading, NodeReading, SlotRecord};

pub(crate) use l1::L1Source;
pub(crate) use node::{NodeSource, SourceError};

/// Characters of a problem that are kept.
const PROBLEM_CHARS_MAX: usize = 200;

/// All sources of a network.
#[derive(Debug)]
pub(crate) struct Sources {
    pub(crate) l1: L1Source,
    pub(crate) nodes: Vec<NodeSource>,
    pub(crate) timing: Timing,
    /// Longest wait for a source.
    pub(crate) timeout: Duration,
}

/// What a node gave: its reading, and what it says of the committee.
#[derive(Debug, Default)]
struct NodeAnswer {
    reading: NodeReading,
    /// Members of the slot's committee, if it told.
    members: Option<Vec<Address>>,
    proposer: Option<Address>,
    /// Attesters of which it has a duty in one of the last slots.
    attesters: BTreeSet<Address>,
}

impl Sources {
    /// Looks at everything at once; takes about the timeout at most.
    pub(crate) async fn look(&self, slot: Slot, time: u64) -> SlotRecord {
        let l1 = tokio::time::timeout(self.timeout, self.l1.read(&self.timing, slot));
        let nodes = self.nodes.iter().map(|node| node.read(slot, self.timeout));
        let (l1, answers) = tokio::join!(l1, futures::future::join_all(nodes));
        let l1 = l1.unwrap_or_else(|_| Err(format!("no answer within {:?}", self.timeout)));
        let (l1, l1_problem) = match l1 {
            Ok(reading) => (Some(reading), None),
            Err(problem) => (None, Some(shorten(&problem))),
        };
        let committee = committee(&answers);
        SlotRecord {
            slot: slot.get(),
            time,
            l1,
            l1_problem,
            committee,
            nodes: answers.into_iter().map(|answer| answer.reading).collect(),
        }
    }
}

/// The committee that most nodes name, and how many of its members have a duty on a node that answers.
fn committee(answers: &[NodeAnswer]) -> Option<CommitteeReading> {
    let mut votes: BTreeMap<&[Address], u32> = BTreeMap::new();
    for members in answers.iter().filter_map(|answer| answer.members.as_deref()) {
        let count = votes.entry(members).or_default();
        *count = count.saturating_add(1);
    }
    let (members, _) = votes.into_iter().max_by_key(|(_, count)| *count)?;
    let is_online = |member: &&Address| answers.iter().any(|answer| answer.attesters.contains(member));
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    Some(CommitteeReading {
        size: count(members.len()),
        online: count(members.iter().filter(is_online).count()),
        is_complete: answers.iter().all(|answer| answer.members.is_some()),
        proposer: answers.iter().find_map(|answer| answer.proposer),
    })
}

/// Words of others as they may be kept and shown: bounded, without characters that steer a terminal.
fn shorten(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(PROBLEM_CHARS_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_count_as_online_only_on_nodes_that_answer() {
        let member = Address::repeat_byte;
        let members = Some(vec![member(1), member(2), member(3)]);
        let answer = |attesters: &[Address]| NodeAnswer {
            members: members.clone(),
            attesters: attesters.iter().copied().collect(),
            ..NodeAnswer::default()
        };
        let both = [answer(&[member(1), member(9)]), answer(&[member(2)])];
        let reading = committee(&both).unwrap();
        assert_eq!((reading.size, reading.online, reading.is_complete), (3, 2, true));
        let one = [answer(&[member(1)]), NodeAnswer::default()];
        let reading = committee(&one).unwrap();
        assert_eq!((reading.size, reading.online, reading.is_complete), (3, 1, false));
        assert_eq!(committee(&[NodeAnswer::default()]), None);
    }

    #[test]
    fn words_of_others_are_bounded_and_plain() {
        assert_eq!(shorten("a\u{1b}[31m\nb"), "a [31m b");
        assert_eq!(shorten(&"x".repeat(5_000)).len(), PROBLEM_CHARS_MAX);
    }
}
