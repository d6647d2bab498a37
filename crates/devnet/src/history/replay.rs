//! A Rollup's events, applied in L1's order: which blocks are on the chain, which are proven, what its rules of order say.

use std::collections::BTreeMap;

use agoge_contract_bindings::rollup::Rollup;
use agoge_protocol::{Address, B256, Digest, FreeFields, Slot, U256};

use super::evidence::l1::Placed;

/// A block of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its slot.
    pub slot: u64,
    /// Archive root after it.
    pub archive: B256,
    /// What the committee attested to.
    pub block_hash: B256,
    /// Deposits consumed up to and with it.
    pub inbox_end: u64,
    /// Who proposed it; zero for one that was appended with its proof.
    pub proposer: Address,
}

/// The chain that the events lead to.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    /// Blocks by number, from 1.
    pub blocks: BTreeMap<u64, Block>,
    /// Last proven block.
    pub proven: u64,
    /// Value (gwei) and rolling hash of each deposit.
    pub deposits: Vec<(U256, B256)>,
    /// Blocks ever proposed.
    pub proposed: u64,
    /// Blocks that left by a prune.
    pub pruned: u64,
    /// Wei that left by pull payments.
    pub withdrawn: U256,
    /// What is against the rules, with the L1 block.
    pub problems: Vec<String>,
    genesis_archive: B256,
    committee_slot: Option<u64>,
}

impl Chain {
    /// Applies all events.
    pub fn replay(genesis_archive: B256, events: &[Placed<Rollup::RollupEvents>]) -> Self {
        let mut chain = Self::new(genesis_archive);
        for placed in events {
            chain.apply(placed);
        }
        chain
    }

    /// The chain before the first event.
    pub fn new(genesis_archive: B256) -> Self {
        Self {
            genesis_archive,
            ..Self::default()
        }
    }

    /// Number of the last block.
    pub fn tip(&self) -> u64 {
        self.blocks.last_key_value().map_or(0, |(number, _)| *number)
    }

    /// Archive after a block; after number 0, the genesis archive.
    pub fn archive(&self, number: u64) -> Option<B256> {
        if number == 0 {
            return Some(self.genesis_archive);
        }
        self.blocks.get(&number).map(|block| block.archive)
    }

    /// Rolling hash of the inbox after so many deposits.
    pub fn inbox_hash(&self, count: u64) -> Option<B256> {
        let Some(index) = count.checked_sub(1) else {
            return Some(B256::ZERO);
        };
        let index = usize::try_from(index).ok()?;
        self.deposits.get(index).map(|(_, hash)| *hash)
    }

    /// Applies one event.
    pub fn apply(&mut self, placed: &Placed<Rollup::RollupEvents>) {
        let at = placed.l1_block;
        match &placed.event {
            Rollup::RollupEvents::BlockProposed(event) => self.propose(at, event),
            Rollup::RollupEvents::Pruned(event) => self.prune(at, event),
            Rollup::RollupEvents::EpochProven(event) => self.prove(at, event),
            Rollup::RollupEvents::Deposited(event) => {
                if number(event.index) != u64::try_from(self.deposits.len()).unwrap_or(u64::MAX) {
                    self.problem(at, format!("deposit {} is not the next one", event.index));
                }
                self.deposits
                    .push((event.valueGwei, B256::from(event.rollingHash)));
            }
            Rollup::RollupEvents::Withdrawn(event) => {
                self.withdrawn = self.withdrawn.saturating_add(event.amount);
            }
            _ => {}
        }
    }

    fn propose(&mut self, at: u64, event: &Rollup::BlockProposed) {
        let (given, tip) = (number(event.number), self.tip());
        self.proposed = self.proposed.saturating_add(1);
        if given != tip.saturating_add(1) {
            self.problem(at, format!("block {given} follows block {tip}"));
        }
        let block = Block {
            slot: number(event.slot),
            archive: event.archive,
            block_hash: event.blockHash,
            inbox_end: number(event.inboxEnd),
            proposer: event.proposer,
        };
        self.check_slot(at, given, &block);
        let parent = self.blocks.get(&given.saturating_sub(1));
        if parent.is_some_and(|parent| block.inbox_end < parent.inbox_end) {
            self.problem(
                at,
                format!("block {given} consumes fewer deposits than its parent"),
            );
        }
        if self.hash(event, given) != Some(event.blockHash) {
            self.problem(
                at,
                format!(
                    "the hash of block {given}, {}, is not that of its fields on block {}",
                    event.blockHash,
                    given.saturating_sub(1)
                ),
            );
        }
        self.blocks.insert(given, block);
    }

    /// A committee has one block a slot, for ever; one that is appended later has a slot after its parent's.
    fn check_slot(&mut self, at: u64, given: u64, block: &Block) {
        let parent = self.blocks.get(&given.saturating_sub(1));
        let before = if block.proposer.is_zero() {
            parent.map(|parent| parent.slot)
        } else {
            self.committee_slot.max(parent.map(|parent| parent.slot))
        };
        if let Some(before) = before.filter(|before| *before >= block.slot) {
            self.problem(
                at,
                format!(
                    "block {given} is of slot {}, not later than slot {before}, which has a block",
                    block.slot
                ),
            );
        }
        if !block.proposer.is_zero() {
            self.committee_slot = self.committee_slot.max(Some(block.slot));
        }
    }

    /// The hash of a proposed block's fields on the chain as it is.
    fn hash(&self, event: &Rollup::BlockProposed, given: u64) -> Option<B256> {
        let fields = FreeFields {
            slot: Slot::new(number(event.slot)),
            fee_recipient: event.feeRecipient,
            inbox_end: number(event.inboxEnd),
            archive: Digest::from_b256(event.archive).ok()?,
        };
        let parent = Digest::from_b256(self.archive(given.checked_sub(1)?)?).ok()?;
        let inbox_hash = self.inbox_hash(fields.inbox_end)?;
        Some(fields.block_hash(parent, inbox_hash, event.blobHash))
    }

    fn prune(&mut self, at: u64, event: &Rollup::Pruned) {
        let (from, to, tip) = (number(event.fromNumber), number(event.toNumber), self.tip());
        if from != tip || to != self.proven {
            self.problem(
                at,
                format!(
                    "a prune of blocks {to} to {from}, the tip is {tip} and the proven block {}",
                    self.proven
                ),
            );
        }
        let gone = self.blocks.split_off(&to.saturating_add(1));
        self.pruned = self
            .pruned
            .saturating_add(u64::try_from(gone.len()).unwrap_or(u64::MAX));
    }

    fn prove(&mut self, at: u64, event: &Rollup::EpochProven) {
        let (from, to) = (number(event.fromNumber), number(event.toNumber));
        let settled = number(event.settledNumber);
        if from == 0 || from > self.proven.saturating_add(1) || to < from || to > self.tip() {
            self.problem(
                at,
                format!(
                    "a proof of blocks {from} to {to}, the tip is {} and the proven block {}",
                    self.tip(),
                    self.proven
                ),
            );
        }
        // Blocks that were proven before are not settled again.
        let expected = if to > self.proven {
            self.proven.saturating_add(1)
        } else {
            to.saturating_add(1)
        };
        if settled != expected {
            self.problem(
                at,
                format!("a proof settles from block {settled}, expected {expected}"),
            );
        }
        if self.archive(to) != Some(event.endArchive) {
            self.problem(
                at,
                format!("a proof ends with an archive that is not block {to}'s"),
            );
        }
        self.proven = self.proven.max(to);
    }

    fn problem(&mut self, at: u64, what: String) {
        self.problems.push(format!("L1 block {at}: {what}"));
    }
}

/// A number of an event; what does not fit is as large as can be and fails wherever it is compared.
pub fn number(value: U256) -> u64 {
    value.try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) const GENESIS: B256 = B256::ZERO;

    /// Events of a chain of well-formed blocks, one a slot, as a Rollup would emit them.
    pub(crate) fn proposed(chain: &Chain, slot: u64) -> Placed<Rollup::RollupEvents> {
        let given = chain.tip() + 1;
        let archive = B256::from(U256::from(1_000 * slot + given));
        let mut event = Rollup::BlockProposed {
            number: U256::from(given),
            slot: U256::from(slot),
            archive,
            blockHash: B256::ZERO,
            blobHash: B256::repeat_byte(3),
            feeRecipient: Address::repeat_byte(4),
            inboxEnd: U256::from(chain.deposits.len()),
            proposer: Address::repeat_byte(5),
        };
        event.blockHash = chain.hash(&event, given).unwrap();
        placed(slot, Rollup::RollupEvents::BlockProposed(event))
    }

    pub(crate) fn placed<E>(l1_block: u64, event: E) -> Placed<E> {
        Placed {
            l1_block,
            tx_index: 0,
            event,
        }
    }

    pub(crate) fn proven(chain: &Chain, from: u64, to: u64) -> Placed<Rollup::RollupEvents> {
        let settled = if to > chain.proven {
            chain.proven + 1
        } else {
            to + 1
        };
        placed(
            100,
            Rollup::RollupEvents::EpochProven(Rollup::EpochProven {
                epoch: U256::ZERO,
                prover: Address::repeat_byte(6),
                fromNumber: U256::from(from),
                toNumber: U256::from(to),
                settledNumber: U256::from(settled),
                endArchive: chain.archive(to).unwrap(),
            }),
        )
    }

    fn pruned(from: u64, to: u64) -> Placed<Rollup::RollupEvents> {
        placed(
            101,
            Rollup::RollupEvents::Pruned(Rollup::Pruned {
                fromNumber: U256::from(from),
                toNumber: U256::from(to),
            }),
        )
    }

    pub(crate) fn grown(slots: &[u64]) -> Chain {
        let mut chain = Chain::new(GENESIS);
        for slot in slots {
            let next = proposed(&chain, *slot);
            chain.apply(&next);
        }
        chain
    }

    #[test]
    fn blocks_proofs_and_prunes_in_order_are_no_problem() {
        let mut chain = grown(&[1, 2, 5]);
        let proof = proven(&chain, 1, 2);
        chain.apply(&proof);
        chain.apply(&pruned(3, 2));
        let again = proposed(&chain, 9);
        chain.apply(&again);
        // A proof of what is proven delivers a claim and settles nothing.
        let delivery = proven(&chain, 1, 2);
        chain.apply(&delivery);
        assert_eq!(chain.problems, Vec::<String>::new());
        assert_eq!((chain.tip(), chain.proven), (3, 2));
        assert_eq!((chain.proposed, chain.pruned), (4, 1));
    }

    #[test]
    fn a_slot_taken_a_gap_and_a_hash_on_another_parent_are_problems() {
        for (what, spoil) in [
            (
                "slot",
                (|event| event.slot = U256::from(5)) as fn(&mut Rollup::BlockProposed),
            ),
            ("number", |event| event.number = U256::from(7)),
            ("hash", |event| event.blockHash = B256::ZERO),
            ("archive", |event| event.archive = B256::repeat_byte(0)),
        ] {
            let mut chain = grown(&[1, 5]);
            let mut next = proposed(&chain, 6);
            if let Rollup::RollupEvents::BlockProposed(event) = &mut next.event {
                spoil(event);
            }
            chain.apply(&next);
            assert!(!chain.problems.is_empty(), "{what}");
        }
    }

    #[test]
    fn a_slot_stays_taken_when_its_block_is_pruned() {
        let mut chain = grown(&[1, 2]);
        chain.apply(&pruned(2, 0));
        let next = proposed(&chain, 2);
        chain.apply(&next);
        assert!(chain.problems[0].contains("slot 2"), "{:?}", chain.problems);
    }

    #[test]
    fn a_prune_of_proven_blocks_and_a_proof_that_settles_twice_are_problems() {
        let mut chain = grown(&[1, 2]);
        let proof = proven(&chain, 1, 2);
        chain.apply(&proof);
        chain.apply(&proof);
        assert!(chain.problems[0].contains("settles"), "{:?}", chain.problems);
        let mut chain = grown(&[1, 2]);
        let proof = proven(&chain, 1, 1);
        chain.apply(&proof);
        chain.apply(&pruned(2, 0));
        assert!(chain.problems[0].contains("prune"), "{:?}", chain.problems);
    }
}
