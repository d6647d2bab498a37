//! What was signed, in memory, and the rules: pure.

use std::collections::BTreeMap;

use agoge_protocol::{Address, B256, CompactSignature, Digest, Slot};

use super::error::{Damage, GuardError};
use super::interchange::{InterchangeEntry, InterchangeRecord};
use super::record::Entry;
use super::{SigningKind, SigningRequest};

/// Slots whose digests are remembered for each (instance, key, kind); older ones are refused whatever is to be signed.
pub const HISTORY_SLOTS_MAX: usize = 16;
/// (instance, key, kind) that a guard knows: 128 keys, 3 kinds, 10 instances.
pub const SUBJECTS_MAX: usize = 4_096;

/// Whose messages exclude each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Subject {
    pub(super) genesis_id: Digest,
    pub(super) key: Address,
    pub(super) kind: SigningKind,
}

impl Subject {
    pub(super) const fn of(request: &SigningRequest) -> Self {
        Self {
            genesis_id: request.genesis_id,
            key: request.key,
            kind: request.kind,
        }
    }
}

/// Why a message must not be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The slot is at or below one that was signed.
    #[error("slot {slot} is not above slot {watermark}, the last one signed here or perhaps elsewhere")]
    NotAbove {
        /// As asked.
        slot: Slot,
        /// The highest slot signed, or perhaps signed elsewhere: imported, or before the key was added and its wait over.
        watermark: Slot,
    },
    /// Another message was signed, or may have been, for the slot.
    #[error("slot {slot} has the digest {reserved}, another one ({digest}) would be an equivocation")]
    OtherDigest {
        /// As asked.
        slot: Slot,
        /// As asked.
        digest: B256,
        /// The slot's.
        reserved: B256,
    },
    /// The wait after creating the guard or importing into it is not over.
    #[error("slot {slot} is before slot {first_slot}, the first one this guard allows")]
    Waiting {
        /// As asked.
        slot: Slot,
        /// First slot allowed.
        first_slot: Slot,
    },
}

/// What the book says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing stands against it.
    Free,
    /// This digest was reserved and no signature stored.
    Reserved,
    /// This digest was signed.
    Signed(CompactSignature),
    /// Must not be signed.
    Refuse(Refusal),
}

#[derive(Clone, Debug, Default)]
struct History {
    /// Highest slot reserved here or imported.
    watermark: Option<Slot>,
    /// Highest slot imported: what was only reserved here may have been signed differently there.
    imported: Option<Slot>,
    /// The newest slots reserved here.
    slots: BTreeMap<Slot, (B256, Option<CompactSignature>)>,
}

/// What was signed.
#[derive(Clone, Debug)]
pub(super) struct Book {
    floor: Slot,
    histories: BTreeMap<Subject, History>,
}

impl Default for Book {
    fn default() -> Self {
        Self {
            floor: Slot::new(0),
            histories: BTreeMap::new(),
        }
    }
}

impl Book {
    /// The highest slot of a key in any instance: signed here, or refused while it may have been signed elsewhere.
    pub(super) fn highest(&self, key: Address) -> Option<Slot> {
        let own = self.histories.iter().filter(|(subject, _)| subject.key == key);
        own.filter_map(|(_, history)| history.watermark).max()
    }

    pub(super) fn judge(&self, request: &SigningRequest) -> Verdict {
        let SigningRequest { slot, digest, .. } = *request;
        let history = self.histories.get(&Subject::of(request));
        let known = history.and_then(|history| history.slots.get(&slot));
        match known {
            Some((reserved, _)) if *reserved != digest => {
                return Verdict::Refuse(Refusal::OtherDigest {
                    slot,
                    digest,
                    reserved: *reserved,
                });
            }
            Some((_, Some(signature))) => return Verdict::Signed(*signature),
            _ => {}
        }
        if slot < self.floor {
            return Verdict::Refuse(Refusal::Waiting {
                slot,
                first_slot: self.floor,
            });
        }
        let bound = history.and_then(|history| {
            if known.is_some() {
                history.imported
            } else {
                history.watermark
            }
        });
        match bound {
            Some(watermark) if slot <= watermark => Verdict::Refuse(Refusal::NotAbove { slot, watermark }),
            _ if known.is_some() => Verdict::Reserved,
            _ => Verdict::Free,
        }
    }

    /// Whether an entry may be added without exceeding the bound.
    pub(super) fn check_room(&self, entry: &Entry) -> Result<(), GuardError> {
        let is_new = entry
            .subject()
            .is_some_and(|subject| !self.histories.contains_key(&subject));
        if is_new && self.histories.len() >= SUBJECTS_MAX {
            return Err(GuardError::TooManySubjects { limit: SUBJECTS_MAX });
        }
        Ok(())
    }

    /// Takes an entry over from the log. What it says must not contradict what is known.
    pub(super) fn insert(&mut self, entry: Entry) -> Result<(), Damage> {
        match entry {
            Entry::Floor(slot) => self.raise_floor(slot),
            Entry::Watermark(subject, slot) => {
                let history = self.histories.entry(subject).or_default();
                history.watermark = history.watermark.max(Some(slot));
                history.imported = history.imported.max(Some(slot));
            }
            Entry::Message {
                subject,
                slot,
                digest,
                signature,
            } => {
                let history = self.histories.entry(subject).or_default();
                let known = history.slots.entry(slot).or_insert((digest, None));
                if known.0 != digest {
                    return Err(Damage::TwoDigests { slot });
                }
                known.1 = known.1.or(signature);
                history.watermark = history.watermark.max(Some(slot));
                while history.slots.len() > HISTORY_SLOTS_MAX {
                    history.slots.pop_first();
                }
            }
        }
        Ok(())
    }

    /// Raises an imported watermark; whether anything that was allowed is refused by it.
    pub(super) fn raise(&mut self, subject: Subject, slot: Slot) -> Result<bool, GuardError> {
        let entry = Entry::Watermark(subject, slot);
        self.check_room(&entry)?;
        let history = self.histories.entry(subject).or_default();
        let is_raised = history.watermark < Some(slot);
        history.watermark = history.watermark.max(Some(slot));
        history.imported = history.imported.max(Some(slot));
        Ok(is_raised)
    }

    /// Whether anything is known of a key in an instance.
    pub(super) fn knows(&self, genesis_id: Digest, key: Address) -> bool {
        let is_it = |subject: &Subject| subject.genesis_id == genesis_id && subject.key == key;
        self.histories.keys().any(is_it)
    }

    pub(super) fn raise_floor(&mut self, slot: Slot) {
        self.floor = self.floor.max(slot);
    }

    pub(super) const fn floor(&self) -> Slot {
        self.floor
    }

    /// Number of entries that say all of it.
    pub(super) fn len(&self) -> usize {
        self.histories.values().fold(1, |total, history| {
            total
                .saturating_add(history.slots.len())
                .saturating_add(usize::from(history.imported.is_some()))
        })
    }

    /// The entries that say all of it. Watermarks come first; a slot dropped from the history is below the watermark of a later one.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let mut entries = vec![Entry::Floor(self.floor)];
        for (subject, history) in &self.histories {
            entries.extend(history.imported.map(|slot| Entry::Watermark(*subject, slot)));
            entries.extend(
                history
                    .slots
                    .iter()
                    .map(|(slot, (digest, signature))| Entry::Message {
                        subject: *subject,
                        slot: *slot,
                        digest: *digest,
                        signature: *signature,
                    }),
            );
        }
        entries
    }

    /// What another guard needs to know.
    pub(super) fn export(&self) -> Vec<InterchangeEntry> {
        let entry = |(subject, history): (&Subject, &History)| {
            Some(InterchangeEntry {
                genesis_id: subject.genesis_id,
                attester: subject.key,
                kind: subject.kind,
                watermark: history.watermark?,
                records: history
                    .slots
                    .iter()
                    .map(|(slot, (digest, _))| InterchangeRecord {
                        slot: *slot,
                        digest: *digest,
                    })
                    .collect(),
            })
        };
        self.histories.iter().filter_map(entry).collect()
    }
}
