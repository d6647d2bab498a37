//! More than a thousand random payments between a few people, through blocks, blobs and settlement lists, against a ledger that only
//! adds and subtracts. Client proofs are left out: their relation is checked natively, which the circuit does in the same words.

use std::collections::BTreeMap;

use agoge_protocol::rpc::{RpcDeposit, RpcEffects, RpcTxEffects};
use agoge_protocol::settlement::{SettledBlock, SettledDeposit, SettlementList};
use agoge_protocol::{Address, B256, Deposit, L2BlockNumber, Slot, Transaction, keccak256};
use agoge_state_transition::block::{BlockContext, BlockLimits, execute_block};
use agoge_state_transition::memory::MemoryState;
use agoge_state_transition::state::Tree;
use agoge_state_transition::{blob, tree};
use agoge_wallet::book::Book;
use agoge_wallet::transfer::{
    Anchor, Payee, Payment, TransferError, choose_notes, deposit_note, needed, witness,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::support::{account, address, genesis, seed};

const PEOPLE: u8 = 6;
const TRANSFERS: usize = 1_000;
const FEE: u64 = 1_000;
const LIMITS: BlockLimits = BlockLimits {
    txs_max: 64,
    deposits_max: 16,
    withdrawals_max: 12,
    tx_fee_min: FEE,
};

/// The simple truth, gwei.
#[derive(Default)]
struct Ledger {
    people: BTreeMap<u8, u64>,
    withdrawn: BTreeMap<Address, u64>,
    fees: u64,
    deposited: u64,
}

impl Ledger {
    fn pay(&mut self, from: u8, to: Payee, amount: u64) {
        *self.people.get_mut(&from).unwrap() -= amount + FEE;
        self.fees += FEE;
        match to {
            Payee::L1(recipient) => *self.withdrawn.entry(recipient).or_default() += amount,
            Payee::Shielded(to) => {
                let person = (1..=PEOPLE).find(|number| address(*number) == to).unwrap();
                *self.people.entry(person).or_default() += amount;
            }
        }
    }

    /// Nothing is made and nothing is lost.
    fn total(&self) -> u64 {
        self.people.values().sum::<u64>() + self.withdrawn.values().sum::<u64>() + self.fees
    }
}

/// A chain without L1, and everybody's book of it.
struct World {
    random: StdRng,
    state: MemoryState,
    books: BTreeMap<u8, Book>,
    inbox: u64,
    number: u64,
    settled: Vec<SettledBlock>,
    ledger: Ledger,
}

impl World {
    fn new() -> Self {
        Self {
            random: StdRng::seed_from_u64(7),
            state: MemoryState::new(),
            books: (1..=PEOPLE)
                .map(|number| (number, Book::new(genesis())))
                .collect(),
            inbox: 0,
            number: 0,
            settled: Vec::new(),
            ledger: Ledger::default(),
        }
    }

    fn deposit(&mut self) -> Deposit {
        let person = self.random.gen_range(1..=PEOPLE);
        let value = self.random.gen_range(50_000..5_000_000);
        let (partial, ciphertext) =
            deposit_note(&seed(99), &address(person), value, self.random.r#gen()).unwrap();
        *self.ledger.people.entry(person).or_default() += value;
        self.ledger.deposited += value;
        let index = self.inbox;
        self.inbox += 1;
        Deposit {
            index,
            partial,
            value,
            ciphertext,
            time: 0,
            inbox_hash: B256::ZERO,
        }
    }

    /// A payment of one person, who has not paid in this block yet, or nothing if no two notes suffice.
    fn payment(&mut self, from: u8) -> Option<Transaction> {
        let to = if self.random.gen_ratio(1, 8) {
            Payee::L1(account(self.random.gen_range(1..=3)))
        } else {
            Payee::Shielded(address(self.random.gen_range(1..=PEOPLE)))
        };
        let amount = self.random.gen_range(1..400_000);
        let payment = Payment { to, amount, fee: FEE };
        let book = &self.books[&from];
        let notes = match choose_notes(book, 0, needed(payment).unwrap()) {
            Ok(notes) => notes,
            Err(TransferError::NotEnough { .. } | TransferError::TooManyNotes { .. }) => return None,
            Err(error) => panic!("{error}"),
        };
        let note_count = book.tree().count();
        let anchor = Anchor {
            note_root: book.tree().root_at(note_count),
            note_count,
        };
        let (witness, ciphertexts) = witness(&seed(from), book, genesis(), anchor, &notes, payment).unwrap();
        let tx = Transaction::new(witness.public_inputs().unwrap(), ciphertexts, Vec::new()).unwrap();
        self.ledger.pay(from, to, amount);
        Some(tx)
    }

    /// Executes a block, sends its effects through a blob, and lets everybody read what came out.
    fn block(&mut self, deposits: Vec<Deposit>, txs: &[Transaction]) {
        self.number += 1;
        let number = L2BlockNumber::new(self.number);
        let slot = Slot::new(self.number);
        let inbox_start = self.inbox - deposits.len() as u64;
        let context = BlockContext {
            genesis_id: genesis(),
            slot,
            timestamp: self.number * 4,
            fee_recipient: account(200),
            inbox_start,
            limits: LIMITS,
        };
        let effects: Vec<_> = txs.iter().map(Transaction::effects).collect();
        let bytes = blob::encode(&effects).unwrap();
        let effects = blob::decode(&bytes, LIMITS.txs_max).unwrap();
        let executed = execute_block(&self.state, &context, &deposits, &effects).unwrap();
        self.state.apply(&executed.diff);
        self.settled.push(SettledBlock {
            slot,
            fee_recipient: context.fee_recipient,
            total_fees: executed.header.total_fees,
            tx_count: u16::try_from(executed.header.tx_count).unwrap(),
            archive: executed.archive,
            deposits: deposits
                .iter()
                .map(|deposit| SettledDeposit {
                    partial: deposit.partial,
                    value: deposit.value,
                })
                .collect(),
            withdrawals: executed.withdrawals,
        });
        let read = RpcEffects {
            number,
            slot,
            block_hash: keccak256(self.number.to_be_bytes()),
            note_root: executed.header.note_root,
            first_note_index: executed.first_note_index,
            deposits: deposits.iter().map(RpcDeposit::from).collect(),
            transactions: effects.iter().map(RpcTxEffects::from).collect(),
        };
        for (person, book) in &mut self.books {
            book.read(&seed(*person).keys(), &read).unwrap();
        }
    }

    /// What L1 settles, from calldata, as the proofs of these blocks would carry it: gwei of deposits, of withdrawals, of fees.
    fn settle(&self) -> (u64, BTreeMap<Address, u64>, u64) {
        let (mut deposited, mut withdrawn, mut fees) = (0, BTreeMap::new(), 0);
        for epoch in self.settled.chunks(32) {
            let list = SettlementList::new(epoch.to_vec()).unwrap();
            for block in SettlementList::decode(&list.encode()).unwrap().blocks() {
                fees += block.total_fees;
                deposited += block.deposits.iter().map(|deposit| deposit.value).sum::<u64>();
                for withdrawal in &block.withdrawals {
                    *withdrawn.entry(withdrawal.recipient).or_default() += withdrawal.amount;
                }
            }
        }
        (deposited, withdrawn, fees)
    }
}

#[test]
fn a_thousand_random_payments_make_and_lose_nothing() {
    let mut world = World::new();
    let mut transfers = 0;
    while transfers < TRANSFERS {
        let count = world.random.gen_range(0..3);
        let deposits: Vec<Deposit> = (0..count).map(|_| world.deposit()).collect();
        let txs: Vec<Transaction> = (1..=PEOPLE).filter_map(|from| world.payment(from)).collect();
        transfers += txs.len();
        world.block(deposits, &txs);
        assert_eq!(world.ledger.total(), world.ledger.deposited);
    }
    for (person, book) in &world.books {
        let expected = u128::from(world.ledger.people.get(person).copied().unwrap_or_default());
        assert_eq!(book.balance(), expected, "person {person}");
        let root = book.tree().root_at(book.tree().count());
        assert_eq!(root, tree::root(&world.state, Tree::Note).unwrap());
    }
    let ledger = &world.ledger;
    assert!(!ledger.withdrawn.is_empty() && ledger.fees == FEE * transfers as u64);
    assert_eq!(
        world.settle(),
        (ledger.deposited, ledger.withdrawn.clone(), ledger.fees)
    );
    // What is left in the pool is what the notes are worth.
    let notes: u128 = world.books.values().map(Book::balance).sum();
    let left = ledger.deposited - ledger.withdrawn.values().sum::<u64>() - ledger.fees;
    assert_eq!(notes, u128::from(left));
}
