//! The signing guard: one key never signs two messages of a kind for one slot, across crashes, restarts, restored backups and L1 reorgs.
//!
//! ```text
//! reserve(request) --> SignNow(token)      the digest is on the disk; sign it, then store(token, signature)
//!                  --> AlreadySigned(sig)  send this one again; nothing is signed twice
//!                  --> Refused(why)        the duty is lost, the stake is not
//! ```
//!
//! A slot must be above every earlier slot of its (instance, key, kind), unless the digest is the one that was reserved for it: then the
//! stored signature is given out, or, if a crash came between reservation and signature, the same digest may be signed again.
//!
//! The guard is one append-only file under an exclusive lock (layout: `guard/record.rs`). It is never created silently: a
//! missing file is refused until the operator says that these keys have signed nowhere else ([`SigningGuard::init`]). A key that is added to
//! a guard that does not know it waits as the keys of a new guard do ([`SigningGuard::admit`]).

mod book;
mod error;
mod interchange;
mod log;
mod record;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use agoge_protocol::{Address, B256, CompactSignature, Digest, Slot};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

pub use book::{HISTORY_SLOTS_MAX, Refusal, SUBJECTS_MAX};
pub use error::{GuardError, ImportError};
pub use interchange::{Interchange, InterchangeEntry, InterchangeMetadata, InterchangeRecord};

use book::{Book, Subject, Verdict};
use log::Log;
use record::Entry;

/// What kind of message is signed. Kinds do not exclude each other: a proposer attests to its own block.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum SigningKind {
    /// A block for the slot.
    Proposal,
    /// A word for the slot's block.
    Attestation,
    /// The publication of a block on L1.
    Publication,
}

const KINDS: [SigningKind; 3] = [
    SigningKind::Proposal,
    SigningKind::Attestation,
    SigningKind::Publication,
];

/// What a key is about to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigningRequest {
    /// Genesis id of the instance.
    pub genesis_id: Digest,
    /// Address of the attester key.
    pub key: Address,
    /// Kind of message.
    pub kind: SigningKind,
    /// Slot that the message is for.
    pub slot: Slot,
    /// The EIP-712 digest.
    pub digest: B256,
}

/// The right to sign one digest; given back with the signature.
#[derive(Debug)]
#[must_use = "sign the digest and store the signature"]
pub struct SigningToken {
    request: SigningRequest,
}

impl SigningToken {
    /// What may be signed.
    pub const fn digest(&self) -> B256 {
        self.request.digest
    }
}

/// What the guard says to a request.
#[derive(Debug)]
pub enum Decision {
    /// The digest is on the disk: sign it.
    SignNow(SigningToken),
    /// It was signed before: send this signature.
    AlreadySigned(CompactSignature),
    /// It must not be signed.
    Refused(Refusal),
}

/// What an import changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportSummary {
    /// (instance, key, kind) whose watermark rose.
    pub raised: usize,
    /// Those whose watermark was as high already.
    pub unchanged: usize,
}

/// The signing guard of a node: all its keys, all instances of one chain. Share it behind an `Arc`; methods block on the disk.
#[derive(Debug)]
pub struct SigningGuard {
    chain_id: u64,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    book: Book,
    log: Log,
}

impl SigningGuard {
    /// Makes the guard's file. `first_slot` is the first slot that may be signed at all: 0 for keys that are new, otherwise the slot after a
    /// wait that shows whether they sign elsewhere.
    ///
    /// # Errors
    /// [`GuardError::Exists`] when there is one; [`GuardError::Locked`]; [`GuardError::Io`].
    pub fn init(path: &Path, chain_id: u64, first_slot: Slot) -> Result<Self, GuardError> {
        let mut book = Book::default();
        book.raise_floor(first_slot);
        let log = Log::create(path, chain_id, &book.entries())?;
        Ok(Self {
            chain_id,
            inner: Mutex::new(Inner { book, log }),
        })
    }

    /// Opens the guard's file. An append that a crash cut short is dropped: nothing was signed on its strength.
    ///
    /// # Errors
    /// [`GuardError`].
    pub fn open(path: &Path, chain_id: u64) -> Result<Self, GuardError> {
        let mut book = Book::default();
        let log = Log::open(path, chain_id, |entry| book.insert(entry))?;
        Ok(Self {
            chain_id,
            inner: Mutex::new(Inner { book, log }),
        })
    }

    /// Decides on a message. [`Decision::SignNow`] is given only after the reservation is on the disk.
    ///
    /// # Errors
    /// [`GuardError`]: nothing may be signed. After a failed write the guard refuses everything until it is opened again.
    pub fn reserve(&self, request: &SigningRequest) -> Result<Decision, GuardError> {
        let mut inner = self.lock();
        inner.log.check_usable()?;
        match inner.book.judge(request) {
            Verdict::Refuse(refusal) => Ok(Decision::Refused(refusal)),
            Verdict::Signed(signature) => Ok(Decision::AlreadySigned(signature)),
            Verdict::Reserved => Ok(Decision::SignNow(SigningToken { request: *request })),
            Verdict::Free => {
                inner.add(Entry::reserved(request))?;
                Ok(Decision::SignNow(SigningToken { request: *request }))
            }
        }
    }

    /// Stores a signature; it is on the disk when this returns. The signature to send is returned: the first one stored, should two callers
    /// have signed the same digest.
    ///
    /// # Errors
    /// [`GuardError`].
    pub fn store(
        &self,
        token: SigningToken,
        signature: CompactSignature,
    ) -> Result<CompactSignature, GuardError> {
        let SigningToken { request } = token;
        let mut inner = self.lock();
        inner.log.check_usable()?;
        if let Verdict::Signed(first) = inner.book.judge(&request) {
            return Ok(first);
        }
        inner.add(Entry::signed(&request, signature))?;
        Ok(signature)
    }

    /// All that the guard knows, to be merged into another ([`Self::import`]).
    pub fn export(&self) -> Interchange {
        Interchange::new(self.chain_id, self.lock().book.export())
    }

    /// Raises watermarks to those of an interchange; never lowers one. From then on nothing below `first_slot` is signed: the wait that shows
    /// whether the keys still sign where the export was made.
    ///
    /// # Errors
    /// [`ImportError`]; nothing is changed then.
    pub fn import(
        &self,
        interchange: &Interchange,
        instances: &[Digest],
        first_slot: Slot,
    ) -> Result<ImportSummary, ImportError> {
        let watermarks = interchange.watermarks(self.chain_id, instances)?;
        let mut inner = self.lock();
        inner.log.check_usable()?;
        let mut book = inner.book.clone();
        let mut summary = ImportSummary::default();
        for (subject, slot) in watermarks {
            let count = if book.raise(subject, slot)? {
                &mut summary.raised
            } else {
                &mut summary.unchanged
            };
            *count = count.saturating_add(1);
        }
        book.raise_floor(first_slot);
        inner.log.rewrite(&book.entries())?;
        inner.book = book;
        Ok(summary)
    }

    /// Takes keys up in an instance, before any of them signs: a key of which the guard knows nothing there signs nothing below `first_slot`, the wait that shows
    /// whether it signs elsewhere. The wait is remembered, so a restart does not begin it again. `first_slot` 0 changes nothing. Returns
    /// the keys that wait.
    ///
    /// # Errors
    /// [`GuardError`]; nothing is changed then, and none of the keys may be used.
    pub fn admit(
        &self,
        genesis_id: Digest,
        keys: &[Address],
        first_slot: Slot,
    ) -> Result<Vec<Address>, GuardError> {
        let Some(last_refused) = first_slot.get().checked_sub(1).map(Slot::new) else {
            return Ok(Vec::new());
        };
        let mut inner = self.lock();
        inner.log.check_usable()?;
        let mut unknown: Vec<Address> = keys.to_vec();
        unknown.retain(|key| !inner.book.knows(genesis_id, *key));
        if unknown.is_empty() {
            return Ok(unknown);
        }
        let mut book = inner.book.clone();
        for key in &unknown {
            // A twin that may still run elsewhere signs for every instance: a wait for one holds for all.
            let elsewhere = book.highest(*key);
            let last_refused = elsewhere.map_or(last_refused, |slot| slot.max(last_refused));
            for kind in KINDS {
                let subject = Subject {
                    genesis_id,
                    key: *key,
                    kind,
                };
                book.raise(subject, last_refused)?;
            }
        }
        // At once: a key of which only some kinds are known would count as known.
        inner.log.rewrite(&book.entries())?;
        inner.book = book;
        Ok(unknown)
    }

    /// The first slot that may be signed at all.
    pub fn first_slot(&self) -> Slot {
        self.lock().book.floor()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The book changes only after the log did, in one step each: a panic elsewhere leaves both whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Makes an entry durable, then known.
    fn add(&mut self, entry: Entry) -> Result<(), GuardError> {
        self.book.check_room(&entry)?;
        self.log.append(&entry)?;
        // The book was asked before and nothing came between, so it agrees.
        self.book.insert(entry).map_err(|_| GuardError::Unusable)?;
        if self.log.is_worth_compacting(self.book.len()) {
            self.log.rewrite(&self.book.entries())?;
        }
        Ok(())
    }
}
