//! What a wallet knows: its notes, the note tree's leaves, the last blocks it has read and the transactions it has sent.

mod file;
mod history;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use agoge_protocol::limits::{BLOCK_DEPOSITS_MAX, BLOCK_TXS_MAX};
use agoge_protocol::rpc::RpcEffects;
use agoge_protocol::{BlockHash, Deposit, Digest, Element, L2BlockNumber, Transaction, TxId, Withdrawal};
use agoge_state_transition::hash::{self, Output};
use borsh::{BorshDeserialize, BorshSerialize};

use crate::cipher;
use crate::seed::Keys;
use crate::tree::NoteTree;

pub use file::BookFileError;
pub use history::{MinedWithdrawal, OwnDeposit};

/// Blocks remembered by hash: a replaced chain is followed back this far, beyond it everything is read again.
const BLOCKS_MAX: usize = 1_024;
/// Transactions under way at most.
pub const UNDER_WAY_MAX: usize = 64;
/// Settled transactions remembered in case their block is replaced.
const SETTLED_MAX: usize = 1_024;

/// A note of this wallet. `Debug` does not show what opens it.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OwnedNote {
    /// Leaf in the note tree.
    pub index: u64,
    /// Block that made it.
    pub block: L2BlockNumber,
    /// Gwei.
    pub value: u64,
    /// The note's rho.
    pub rho: Digest,
    /// The note's randomness.
    pub randomness: Digest,
    /// What spending it publishes.
    pub nullifier: Digest,
    /// Block that spent it.
    pub spent_in: Option<L2BlockNumber>,
}

impl core::fmt::Debug for OwnedNote {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self {
            index,
            block,
            spent_in,
            ..
        } = self;
        f.debug_struct("OwnedNote")
            .field("index", index)
            .field("block", block)
            .field("spent_in", spent_in)
            .finish_non_exhaustive()
    }
}

/// A block that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ReadBlock {
    /// Number.
    pub number: L2BlockNumber,
    /// Tells a replaced block.
    #[borsh(
        serialize_with = "agoge_protocol::signature::write_b256",
        deserialize_with = "agoge_protocol::signature::read_b256"
    )]
    pub block_hash: BlockHash,
    /// Leaves of the note tree after it.
    pub note_count: u64,
}

/// A transaction that this wallet has handed to a node.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SentTx {
    /// Its id.
    pub id: TxId,
    /// What it spends.
    pub nullifiers: [Digest; 2],
    /// What it withdraws to L1; amount 0 if nothing.
    pub withdrawal: Withdrawal,
    /// Its encoding, to be handed over again should the node have lost it; empty once a block has settled it, since nodes queue the
    /// transactions of a replaced block by themselves.
    pub encoded: Vec<u8>,
    /// Block that holds it, or that spends one of its notes by another transaction. `None` while it is under way.
    pub settled_in: Option<L2BlockNumber>,
}

/// As many transactions are under way as the wallet keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{UNDER_WAY_MAX} transactions are under way; hint: wait until some of them are in a block")]
pub struct TooManyUnderWay;

/// A node's answer does not fit what the wallet has read before, or itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// Another block than the next.
    #[error("the node answered block {found}, expected {expected}")]
    WrongBlock {
        /// Next block.
        expected: L2BlockNumber,
        /// Answered.
        found: L2BlockNumber,
    },
    /// The block's first leaf is elsewhere.
    #[error("block {block} starts at leaf {found}, expected {expected}")]
    WrongLeaf {
        /// The block.
        block: L2BlockNumber,
        /// Leaves read.
        expected: u64,
        /// Answered.
        found: u64,
    },
    /// The leaves do not hash to the block's note root: the node left out or changed something.
    #[error("the notes of block {block} hash to {computed}, the node says {claimed}; hint: ask another node")]
    WrongRoot {
        /// The block.
        block: L2BlockNumber,
        /// From all leaves.
        computed: Digest,
        /// Answered.
        claimed: Digest,
    },
    /// More than any block holds.
    #[error("block {block} has {found} {what}, the limit is {limit}")]
    TooMany {
        /// The block.
        block: L2BlockNumber,
        /// "deposits" or "transactions".
        what: &'static str,
        /// Answered.
        found: usize,
        /// Of every network.
        limit: usize,
    },
    /// A deposit's value or index is out of range.
    #[error("deposit {index} of block {block} is malformed")]
    MalformedDeposit {
        /// The block.
        block: L2BlockNumber,
        /// The deposit.
        index: u64,
    },
}

/// All that a wallet has read from the chain.
#[derive(Clone, Debug)]
pub struct Book {
    genesis_id: Digest,
    blocks: VecDeque<ReadBlock>,
    tree: NoteTree,
    /// By leaf index.
    notes: BTreeMap<u64, OwnedNote>,
    sent: Vec<SentTx>,
    /// Oldest first.
    withdrawals: Vec<MinedWithdrawal>,
    /// By inbox index.
    deposits: BTreeMap<u64, OwnDeposit>,
}

impl Book {
    /// An empty book of an instance.
    pub fn new(genesis_id: Digest) -> Self {
        Self {
            genesis_id,
            blocks: VecDeque::new(),
            tree: NoteTree::default(),
            notes: BTreeMap::new(),
            sent: Vec::new(),
            withdrawals: Vec::new(),
            deposits: BTreeMap::new(),
        }
    }

    /// The last block read; `None` at genesis.
    pub fn tip(&self) -> Option<ReadBlock> {
        self.blocks.back().copied()
    }

    /// Blocks remembered by hash, oldest first.
    pub fn blocks(&self) -> impl Iterator<Item = ReadBlock> + '_ {
        self.blocks.iter().copied()
    }

    /// Number of the next block to read.
    pub fn next_block(&self) -> L2BlockNumber {
        self.tip().map_or(L2BlockNumber::GENESIS, |tip| tip.number).next()
    }

    /// The note tree.
    pub const fn tree(&self) -> &NoteTree {
        &self.tree
    }

    /// Notes that are in no spent state and in no transaction under way, oldest first.
    pub fn spendable(&self) -> impl Iterator<Item = &OwnedNote> {
        self.notes
            .values()
            .filter(|note| note.spent_in.is_none() && note.value > 0 && !self.is_under_way(note))
    }

    /// Gwei in notes that no block has spent.
    pub fn balance(&self) -> u128 {
        self.balance_of_first(u64::MAX)
    }

    /// Gwei in those of them that are among the first `count` leaves of the note tree.
    pub fn balance_of_first(&self, count: u64) -> u128 {
        self.notes
            .range(..count)
            .filter(|(_, note)| note.spent_in.is_none())
            .map(|(_, note)| u128::from(note.value))
            .sum()
    }

    /// Transactions that were sent and that no block read so far has settled, oldest first.
    pub fn under_way(&self) -> impl Iterator<Item = &SentTx> {
        self.sent.iter().filter(|sent| sent.settled_in.is_none())
    }

    /// Remembers a transaction that is handed to a node, so that its notes are not chosen again.
    ///
    /// # Errors
    /// [`TooManyUnderWay`].
    pub fn add_sent(&mut self, tx: &Transaction) -> Result<(), TooManyUnderWay> {
        if self.under_way().count() >= UNDER_WAY_MAX {
            return Err(TooManyUnderWay);
        }
        let id = tx.id();
        self.forget_sent(id);
        // Writing to a vector cannot fail.
        let encoded = borsh::to_vec(tx).unwrap_or_default();
        self.sent.push(SentTx {
            id,
            nullifiers: *tx.public_inputs.nullifiers(),
            withdrawal: tx.public_inputs.withdrawal(),
            encoded,
            settled_in: None,
        });
        Ok(())
    }

    /// Forgets a transaction that will not be mined: its notes can be spent again.
    pub fn forget_sent(&mut self, id: TxId) {
        self.sent.retain(|sent| sent.id != id);
    }

    /// Goes back to the state after a block; `None` is genesis.
    pub fn return_to(&mut self, block: Option<ReadBlock>) {
        let (number, count) = block.map_or((L2BlockNumber::GENESIS, 0), |b| (b.number, b.note_count));
        self.blocks.retain(|read| read.number <= number);
        self.tree.truncate(count);
        self.notes.retain(|index, _| *index < count);
        for spent_in in self.notes.values_mut().map(|note| &mut note.spent_in) {
            *spent_in = spent_in.filter(|spent| *spent <= number);
        }
        // Nodes queue the transactions of a replaced block again: their notes are not free.
        for settled_in in self.sent.iter_mut().map(|sent| &mut sent.settled_in) {
            *settled_in = settled_in.filter(|settled| *settled <= number);
        }
        self.return_history_to(number);
    }

    /// Reads one block's effects. On an error the book is unchanged.
    ///
    /// # Errors
    /// [`BookError`].
    pub fn read(&mut self, keys: &Keys, effects: &RpcEffects) -> Result<(), BookError> {
        let block = effects.number;
        let expected = self.next_block();
        if block != expected {
            return Err(BookError::WrongBlock {
                expected,
                found: block,
            });
        }
        for (what, found, limit) in [
            ("deposits", effects.deposits.len(), BLOCK_DEPOSITS_MAX),
            ("transactions", effects.transactions.len(), BLOCK_TXS_MAX),
        ] {
            if found > limit {
                return Err(BookError::TooMany {
                    block,
                    what,
                    found,
                    limit,
                });
            }
        }
        let first = self.tree.count();
        if effects.first_note_index != first {
            return Err(BookError::WrongLeaf {
                block,
                expected: first,
                found: effects.first_note_index,
            });
        }
        let before = self.tip();
        let result = self.read_notes(keys, effects);
        let computed = self.tree.root_at(self.tree.count());
        let result = result.and_then(|()| {
            let claimed = effects.note_root;
            if computed == claimed {
                Ok(())
            } else {
                Err(BookError::WrongRoot {
                    block,
                    computed,
                    claimed,
                })
            }
        });
        if result.is_err() {
            self.return_to(before);
            return result;
        }
        self.keep_history(effects);
        self.settle(
            block,
            &effects.transactions.iter().flat_map(|tx| tx.nullifiers).collect(),
        );
        self.blocks.push_back(ReadBlock {
            number: block,
            block_hash: effects.block_hash,
            note_count: self.tree.count(),
        });
        if self.blocks.len() > BLOCKS_MAX {
            self.blocks.pop_front();
        }
        Ok(())
    }

    fn read_notes(&mut self, keys: &Keys, effects: &RpcEffects) -> Result<(), BookError> {
        let block = effects.number;
        for deposit in effects.deposits.iter().map(Deposit::from) {
            let malformed = BookError::MalformedDeposit {
                block,
                index: deposit.index,
            };
            let rho = hash::deposit_rho(self.genesis_id, deposit.index).map_err(|_| malformed.clone())?;
            let value = Element::new(deposit.value).map_err(|_| malformed)?;
            let commitment = hash::commitment(deposit.partial, value, rho);
            let secret = cipher::open(&keys.viewing_key, &deposit.ciphertext);
            // The deposit's own value counts: the ciphertext's may say anything.
            if let Some(secret) = secret
                && hash::partial(keys.owner, secret.randomness) == deposit.partial
            {
                self.own(keys, block, commitment, deposit.value, rho, secret.randomness);
            }
            self.tree.append(commitment);
        }
        for tx in &effects.transactions {
            let [first_nullifier, _] = tx.nullifiers;
            let outputs = tx
                .commitments
                .iter()
                .zip(&tx.ciphertexts)
                .zip([Output::First, Output::Second]);
            for ((commitment, ciphertext), output) in outputs {
                if let Some(secret) = cipher::open(&keys.viewing_key, ciphertext)
                    && let Ok(value) = Element::new(secret.value)
                {
                    let rho = hash::rho(first_nullifier, output);
                    let partial = hash::partial(keys.owner, secret.randomness);
                    // A ciphertext that lies about its note is no note.
                    if hash::commitment(partial, value, rho) == *commitment {
                        self.own(keys, block, *commitment, secret.value, rho, secret.randomness);
                    }
                }
                self.tree.append(*commitment);
            }
        }
        Ok(())
    }

    fn own(
        &mut self,
        keys: &Keys,
        block: L2BlockNumber,
        commitment: Digest,
        value: u64,
        rho: Digest,
        randomness: Digest,
    ) {
        let index = self.tree.count();
        let nullifier = hash::nullifier(&keys.spending_key, commitment);
        self.notes.insert(
            index,
            OwnedNote {
                index,
                block,
                value,
                rho,
                randomness,
                nullifier,
                spent_in: None,
            },
        );
    }

    /// Marks what a block's nullifiers spend.
    fn settle(&mut self, block: L2BlockNumber, nullifiers: &BTreeSet<Digest>) {
        for note in self
            .notes
            .values_mut()
            .filter(|note| nullifiers.contains(&note.nullifier))
        {
            note.spent_in = Some(block);
        }
        for sent in self.sent.iter_mut().filter(|sent| sent.settled_in.is_none()) {
            if sent
                .nullifiers
                .iter()
                .any(|nullifier| nullifiers.contains(nullifier))
            {
                sent.settled_in = Some(block);
                sent.encoded = Vec::new();
            }
        }
        let settled = self.sent.iter().filter(|sent| sent.settled_in.is_some()).count();
        let mut surplus = settled.saturating_sub(SETTLED_MAX);
        self.sent.retain(|sent| {
            let is_surplus = surplus > 0 && sent.settled_in.is_some();
            surplus = surplus.saturating_sub(usize::from(is_surplus));
            !is_surplus
        });
    }

    fn is_under_way(&self, note: &OwnedNote) -> bool {
        self.under_way()
            .any(|sent| sent.nullifiers.contains(&note.nullifier))
    }
}
