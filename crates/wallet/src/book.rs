//! What a wallet knows: its notes, the note tree's leaves and the last blocks it has read. One file, replaced atomically.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use agoge_protocol::rpc::RpcEffects;
use agoge_protocol::{BlockHash, Deposit, Digest, Element, L2BlockNumber, TxId};
use agoge_state_transition::hash::{self, Output};
use borsh::{BorshDeserialize, BorshSerialize};

use crate::cipher;
use crate::seed::Keys;
use crate::tree::NoteTree;

/// Blocks remembered by hash: a replaced chain is followed back this far, beyond it everything is read again.
const BLOCKS_MAX: usize = 1_024;
/// Format of the file.
const VERSION: u8 = 1;

/// A note of this wallet.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
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

/// A transaction that was sent and is in no block yet.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SentTx {
    /// Its id.
    pub id: TxId,
    /// What it spends.
    pub nullifiers: [Digest; 2],
}

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
    #[error("the notes of block {block} hash to {computed}, the node says {claimed}; ask another node")]
    WrongRoot {
        /// The block.
        block: L2BlockNumber,
        /// From all leaves.
        computed: Digest,
        /// Answered.
        claimed: Digest,
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

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BookFileError {
    /// Reading or writing failed.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Not a wallet's file, or of another version.
    #[error("{path} is no wallet state of version {VERSION}; hint: remove it, the next command reads the chain again")]
    Format {
        /// The file.
        path: PathBuf,
    },
    /// The file belongs to another network.
    #[error("{path} is for the instance {found}, the node is of {expected}; hint: use another --dir for each network")]
    OtherInstance {
        /// The file.
        path: PathBuf,
        /// The node's genesis id.
        expected: Digest,
        /// The file's.
        found: Digest,
    },
}

#[derive(BorshSerialize, BorshDeserialize)]
struct BookFile {
    version: u8,
    genesis_id: Digest,
    blocks: Vec<ReadBlock>,
    leaves: Vec<Digest>,
    notes: Vec<OwnedNote>,
    sent: Vec<SentTx>,
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
}

impl Book {
    /// An empty book of an instance.
    pub fn new(genesis_id: Digest) -> Self {
        Self { genesis_id, blocks: VecDeque::new(), tree: NoteTree::default(), notes: BTreeMap::new(), sent: Vec::new() }
    }

    /// Opens the book at `path`, or an empty one when there is no file.
    ///
    /// # Errors
    /// [`BookFileError`].
    pub fn open(path: &Path, genesis_id: Digest) -> Result<Self, BookFileError> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::new(genesis_id)),
            Err(source) => return Err(BookFileError::Io { path: path.to_owned(), source }),
        };
        let format = || BookFileError::Format { path: path.to_owned() };
        let file: BookFile = borsh::from_slice(&bytes).map_err(|_| format())?;
        if file.version != VERSION {
            return Err(format());
        }
        if file.genesis_id != genesis_id {
            let found = file.genesis_id;
            return Err(BookFileError::OtherInstance { path: path.to_owned(), expected: genesis_id, found });
        }
        Ok(Self {
            genesis_id,
            blocks: file.blocks.into(),
            tree: NoteTree::from_leaves(&file.leaves),
            notes: file.notes.into_iter().map(|note| (note.index, note)).collect(),
            sent: file.sent,
        })
    }

    /// Replaces the file at `path`: written beside it, synced, renamed.
    ///
    /// # Errors
    /// [`BookFileError::Io`].
    pub fn save(&self, path: &Path) -> Result<(), BookFileError> {
        let io = |source| BookFileError::Io { path: path.to_owned(), source };
        let file = BookFile {
            version: VERSION,
            genesis_id: self.genesis_id,
            blocks: self.blocks.iter().copied().collect(),
            leaves: self.tree.leaves().to_vec(),
            notes: self.notes.values().cloned().collect(),
            sent: self.sent.clone(),
        };
        let bytes = borsh::to_vec(&file).map_err(io)?;
        let beside = path.with_extension("new");
        let mut out =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside).map_err(io)?;
        out.write_all(&bytes).and_then(|()| out.sync_all()).map_err(io)?;
        fs::rename(&beside, path).map_err(io)
    }

    /// The last block read; `None` at genesis.
    pub fn tip(&self) -> Option<ReadBlock> {
        self.blocks.back().copied()
    }

    /// Blocks remembered by hash, newest first.
    pub fn recent_blocks(&self) -> impl Iterator<Item = ReadBlock> + '_ {
        self.blocks.iter().rev().copied()
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
        self.notes.values().filter(|note| note.spent_in.is_none() && note.value > 0 && !self.is_under_way(note))
    }

    /// Gwei in notes that no block has spent.
    pub fn balance(&self) -> u128 {
        self.notes.values().filter(|n| n.spent_in.is_none()).map(|n| u128::from(n.value)).sum()
    }

    /// Transactions sent and not yet read in a block.
    pub fn sent(&self) -> &[SentTx] {
        &self.sent
    }

    /// Remembers a transaction that was handed to a node, so that its notes are not chosen again.
    pub fn add_sent(&mut self, sent: SentTx) {
        self.sent.push(sent);
    }

    /// Forgets a transaction that a node has dropped: its notes can be spent again.
    pub fn forget_sent(&mut self, id: TxId) {
        self.sent.retain(|sent| sent.id != id);
    }

    /// Goes back to the state after a block; `None` is genesis.
    pub fn return_to(&mut self, block: Option<ReadBlock>) {
        let (number, count) = block.map_or((L2BlockNumber::GENESIS, 0), |b| (b.number, b.note_count));
        self.blocks.retain(|read| read.number <= number);
        self.tree.truncate(count);
        self.notes.retain(|index, _| *index < count);
        for note in self.notes.values_mut() {
            if note.spent_in.is_some_and(|spent| spent > number) {
                note.spent_in = None;
            }
        }
    }

    /// Reads one block's effects. On an error the book is unchanged.
    ///
    /// # Errors
    /// [`BookError`].
    pub fn read(&mut self, keys: &Keys, effects: &RpcEffects) -> Result<(), BookError> {
        let block = effects.number;
        let expected = self.next_block();
        if block != expected {
            return Err(BookError::WrongBlock { expected, found: block });
        }
        let first = self.tree.count();
        if effects.first_note_index != first {
            return Err(BookError::WrongLeaf { block, expected: first, found: effects.first_note_index });
        }
        let before = self.tip();
        let result = self.read_notes(keys, effects);
        let computed = self.tree.root_at(self.tree.count());
        let result = result.and_then(|()| {
            let claimed = effects.note_root;
            if computed == claimed { Ok(()) } else { Err(BookError::WrongRoot { block, computed, claimed }) }
        });
        if result.is_err() {
            self.return_to(before);
            return result;
        }
        for nullifier in effects.transactions.iter().flat_map(|tx| tx.nullifiers) {
            for note in self.notes.values_mut().filter(|note| note.nullifier == nullifier) {
                note.spent_in = Some(block);
            }
            self.sent.retain(|sent| !sent.nullifiers.contains(&nullifier));
        }
        self.blocks.push_back(ReadBlock { number: block, block_hash: effects.block_hash, note_count: self.tree.count() });
        if self.blocks.len() > BLOCKS_MAX {
            self.blocks.pop_front();
        }
        Ok(())
    }

    fn read_notes(&mut self, keys: &Keys, effects: &RpcEffects) -> Result<(), BookError> {
        let block = effects.number;
        for deposit in effects.deposits.iter().map(Deposit::from) {
            let malformed = BookError::MalformedDeposit { block, index: deposit.index };
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
            let outputs = tx.commitments.iter().zip(&tx.ciphertexts).zip([Output::First, Output::Second]);
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

    fn own(&mut self, keys: &Keys, block: L2BlockNumber, commitment: Digest, value: u64, rho: Digest, randomness: Digest) {
        let index = self.tree.count();
        let nullifier = hash::nullifier(&keys.spending_key, commitment);
        self.notes.insert(index, OwnedNote { index, block, value, rho, randomness, nullifier, spent_in: None });
    }

    fn is_under_way(&self, note: &OwnedNote) -> bool {
        self.sent.iter().any(|sent| sent.nullifiers.contains(&note.nullifier))
    }
}
