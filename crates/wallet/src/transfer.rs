//! Building transactions: which notes to spend, under which anchor, and the client proof.

use agoge_circuits::{ClientProver, ClientWitness, InputNote, OutputNote, ProveError};
use agoge_protocol::transaction::MalformedTx;
use agoge_protocol::{Address, Ciphertext, Digest, ShieldedAddress, Transaction, Withdrawal};
use agoge_state_transition::hash;

use crate::book::{Book, OwnedNote};
use crate::cipher::{self, NoteSecret, WeakViewingKey};
use crate::seed::Seed;

/// Who is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payee {
    /// A shielded address: the amount becomes a note.
    Shielded(ShieldedAddress),
    /// An L1 account: the amount leaves the pool, publicly, and can be pulled on L1 once its block is proven.
    L1(Address),
}

/// What is to be paid.
#[derive(Clone, Copy, Debug)]
pub struct Payment {
    /// The recipient.
    pub to: Payee,
    /// Gwei.
    pub amount: u64,
    /// Gwei.
    pub fee: u64,
}

/// Where the spent notes are proven to be: a note tree of `note_count` leaves, the state after some block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Note root of that block's header.
    pub note_root: Digest,
    /// Leaves after that block.
    pub note_count: u64,
}

/// Why a payment cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// Nothing to pay.
    #[error("the amount is 0")]
    ZeroAmount,
    /// Nobody could ever pull it.
    #[error("the zero address owns nothing: the withdrawal would be lost")]
    ZeroRecipient,
    /// Amount and fee do not fit a value.
    #[error("amount and fee together are {found} gwei, the limit is 2^60 - 1")]
    TooMuch {
        /// Their sum.
        found: u128,
    },
    /// Not enough in all notes together.
    #[error("{needed} gwei are needed, {available} gwei can be spent{}", waiting(.under_way))]
    NotEnough {
        /// Amount and fee.
        needed: u64,
        /// In spendable notes.
        available: u128,
        /// Transactions whose change is not there yet.
        under_way: usize,
    },
    /// Enough, but spread over more than two notes.
    #[error(
        "{needed} gwei are in no two notes; the two largest hold {two_largest} gwei; hint: first send yourself the sum of two notes"
    )]
    TooManyNotes {
        /// Amount and fee.
        needed: u64,
        /// What one transaction can spend.
        two_largest: u64,
    },
    /// The wallet's tree and the anchor differ: the node answered inconsistently.
    #[error(
        "the wallet's note tree has the root {computed} at {note_count} leaves, the node's is {anchor}; hint: the chain has just changed, try again"
    )]
    AnchorMismatch {
        /// From the wallet's leaves.
        computed: Digest,
        /// From the node.
        anchor: Digest,
        /// Leaves of the anchor.
        note_count: u64,
    },
    /// The recipient's viewing key is unusable.
    #[error(transparent)]
    Recipient(#[from] WeakViewingKey),
    /// No proof.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// The proof does not fit a transaction.
    #[error(transparent)]
    Transaction(#[from] MalformedTx),
    /// A transaction spends one or two notes.
    #[error("a transaction spends one or two notes, {found} were chosen")]
    NoteCount {
        /// Notes given.
        found: usize,
    },
    /// More leaves than the tree can hold.
    #[error("leaf {index} is outside the note tree")]
    LeafOutOfRange {
        /// The note's leaf.
        index: u64,
    },
}

fn waiting(under_way: &usize) -> String {
    if *under_way == 0 {
        String::new()
    } else {
        format!(
            "; {under_way} transactions are under way, their change can be spent once they are in a block"
        )
    }
}

/// Chooses at most two notes that hold at least `needed`: the smallest single note that suffices, else the smallest sufficient pair.
/// Notes among the first `proven_count` leaves come first, because a transaction that spends only those survives any prune.
///
/// # Errors
/// [`TransferError::NotEnough`], [`TransferError::TooManyNotes`].
pub fn choose_notes(book: &Book, proven_count: u64, needed: u64) -> Result<Vec<OwnedNote>, TransferError> {
    let mut notes: Vec<&OwnedNote> = book.spendable().collect();
    notes.sort_by_key(|note| (note.value, note.index));
    let proven: Vec<&OwnedNote> = notes
        .iter()
        .copied()
        .filter(|note| note.index < proven_count)
        .collect();
    if let Some(chosen) = choose_among(&proven, needed).or_else(|| choose_among(&notes, needed)) {
        return Ok(chosen);
    }
    let available: u128 = notes.iter().map(|note| u128::from(note.value)).sum();
    if available < u128::from(needed) {
        return Err(TransferError::NotEnough {
            needed,
            available,
            under_way: book.under_way().count(),
        });
    }
    let two_largest = notes
        .iter()
        .rev()
        .take(2)
        .fold(0, |sum: u64, note| sum.saturating_add(note.value));
    Err(TransferError::TooManyNotes { needed, two_largest })
}

/// `notes` are sorted by value.
fn choose_among(notes: &[&OwnedNote], needed: u64) -> Option<Vec<OwnedNote>> {
    if let Some(note) = notes.iter().find(|note| note.value >= needed) {
        return Some(vec![(*note).clone()]);
    }
    let (largest, others) = notes.split_last()?;
    let other = others
        .iter()
        .find(|note| note.value.saturating_add(largest.value) >= needed)?;
    Some(vec![(*other).clone(), (*largest).clone()])
}

/// Builds and proves a payment from chosen notes; what is left comes back as change.
///
/// # Errors
/// [`TransferError`].
pub fn build(
    seed: &Seed,
    book: &Book,
    genesis_id: Digest,
    anchor: Anchor,
    notes: &[OwnedNote],
    payment: Payment,
    prover: &ClientProver,
) -> Result<Transaction, TransferError> {
    let (witness, ciphertexts) = witness(seed, book, genesis_id, anchor, notes, payment)?;
    let (public_inputs, proof) = prover.prove(&witness)?;
    Ok(Transaction::new(public_inputs, ciphertexts, proof)?)
}

/// What a payment's client proof is made from, and the ciphertexts of its outputs.
///
/// # Errors
/// [`TransferError`].
pub fn witness(
    seed: &Seed,
    book: &Book,
    genesis_id: Digest,
    anchor: Anchor,
    notes: &[OwnedNote],
    payment: Payment,
) -> Result<(ClientWitness, [Ciphertext; 2]), TransferError> {
    let needed = needed(payment)?;
    let computed = book.tree().root_at(anchor.note_count);
    if computed != anchor.note_root {
        let Anchor {
            note_root,
            note_count,
        } = anchor;
        return Err(TransferError::AnchorMismatch {
            computed,
            anchor: note_root,
            note_count,
        });
    }
    let inputs = inputs(seed, book, anchor, notes)?;
    let available: u64 = notes.iter().fold(0, |sum, note| sum.saturating_add(note.value));
    let change = available.checked_sub(needed).ok_or(TransferError::NotEnough {
        needed,
        available: u128::from(available),
        under_way: book.under_way().count(),
    })?;
    let own = seed.keys().address();
    let first_nullifier = inputs[0].nullifier().map_err(ProveError::from)?;
    // Every transaction has two outputs: beside a withdrawal the first is an empty note of one's own.
    let (to, value, withdrawal) = match payment.to {
        Payee::Shielded(to) => (to, payment.amount, Withdrawal::default()),
        Payee::L1(recipient) => {
            let amount = payment.amount;
            (own, 0, Withdrawal { amount, recipient })
        }
    };
    let (paid, paid_ciphertext) = output(seed, first_nullifier, 0, to, value)?;
    let (kept, kept_ciphertext) = output(seed, first_nullifier, 1, own, change)?;
    let ciphertexts = [paid_ciphertext, kept_ciphertext];
    let witness = ClientWitness {
        genesis_id,
        anchor: anchor.note_root,
        inputs,
        outputs: [paid, kept],
        fee: payment.fee,
        withdrawal,
        ciphertext_hash: hash::ciphertexts(&ciphertexts),
    };
    Ok((witness, ciphertexts))
}

/// Amount and fee, checked.
///
/// # Errors
/// [`TransferError::ZeroAmount`], [`TransferError::ZeroRecipient`], [`TransferError::TooMuch`].
pub fn needed(payment: Payment) -> Result<u64, TransferError> {
    if payment.amount == 0 {
        return Err(TransferError::ZeroAmount);
    }
    if payment.to == Payee::L1(Address::ZERO) {
        return Err(TransferError::ZeroRecipient);
    }
    let too_much = || TransferError::TooMuch {
        found: u128::from(payment.amount) + u128::from(payment.fee),
    };
    let sum = payment.amount.checked_add(payment.fee).ok_or_else(too_much)?;
    if sum < agoge_protocol::transaction::VALUE_BOUND {
        Ok(sum)
    } else {
        Err(too_much())
    }
}

fn inputs(
    seed: &Seed,
    book: &Book,
    anchor: Anchor,
    notes: &[OwnedNote],
) -> Result<[InputNote; 2], TransferError> {
    let keys = seed.keys();
    let spend = |note: &OwnedNote| {
        let index =
            u32::try_from(note.index).map_err(|_| TransferError::LeafOutOfRange { index: note.index })?;
        Ok::<_, TransferError>(InputNote {
            spending_key: keys.spending_key,
            value: note.value,
            rho: note.rho,
            randomness: note.randomness,
            index,
            siblings: book.tree().path_at(note.index, anchor.note_count),
        })
    };
    // A dummy's nullifier must be new for each transaction: it follows from the real note and the anchor.
    let dummy = |beside: &[u8], place: u8| {
        let root = anchor.note_root.to_b256();
        let place = [place];
        let context: [&[u8]; 3] = [beside, root.as_slice(), &place];
        InputNote::dummy(
            seed.elements("dummy key", &context).0,
            seed.elements("dummy rho", &context),
        )
    };
    match notes {
        [first, second] => Ok([spend(first)?, spend(second)?]),
        [only] => Ok([spend(only)?, dummy(only.nullifier.to_b256().as_slice(), 1)]),
        more => Err(TransferError::NoteCount { found: more.len() }),
    }
}

/// An output and its ciphertext. Every secret follows from the seed and from all that the output says, so that two different
/// transactions over the same notes never share a key.
fn output(
    seed: &Seed,
    first_nullifier: Digest,
    place: u8,
    to: ShieldedAddress,
    value: u64,
) -> Result<(OutputNote, Ciphertext), TransferError> {
    let nullifier = first_nullifier.to_b256();
    let owner = to.owner.to_b256();
    let amount = value.to_be_bytes();
    let place = [place];
    let context: [&[u8]; 5] = [
        nullifier.as_slice(),
        &place,
        owner.as_slice(),
        &to.viewing_key,
        &amount,
    ];
    let randomness = seed.elements("output randomness", &context);
    let ciphertext = cipher::seal(
        &to,
        NoteSecret { value, randomness },
        *seed.bytes("output ephemeral", &context),
    )?;
    Ok((
        OutputNote {
            partial: hash::partial(to.owner, randomness),
            value,
        },
        ciphertext,
    ))
}

/// A deposit's commitment part and ciphertext. `salt` is fresh for each deposit.
///
/// # Errors
/// [`WeakViewingKey`].
pub fn deposit_note(
    seed: &Seed,
    to: &ShieldedAddress,
    value: u64,
    salt: [u8; 32],
) -> Result<(Digest, Ciphertext), WeakViewingKey> {
    let context: [&[u8]; 1] = [&salt];
    let randomness = seed.elements("deposit randomness", &context);
    let ciphertext = cipher::seal(
        to,
        NoteSecret { value, randomness },
        *seed.bytes("deposit ephemeral", &context),
    )?;
    Ok((hash::partial(to.owner, randomness), ciphertext))
}
