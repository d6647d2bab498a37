//! The guard as JSON, to move keys between machines: the idea of EIP-3076.
//!
//! An import takes only watermarks: the highest slot of each (instance, key, kind), by `watermark` and by every record. Digests are for
//! people: what another machine signed is never signed again here, not even the same.

use std::collections::BTreeMap;

use agoge_protocol::{Address, B256, Digest, Slot};
use serde::{Deserialize, Serialize};

use super::SigningKind;
use super::book::{HISTORY_SLOTS_MAX, SUBJECTS_MAX, Subject};
use super::error::ImportError;

const FORMAT: &str = "agoge-signing-guard";
const VERSION: u32 = 1;
/// Bytes of an export at the guard's bounds.
const TEXT_BYTES_MAX: usize = SUBJECTS_MAX * (512 + HISTORY_SLOTS_MAX * 192);

/// An export of a guard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interchange {
    /// What this is.
    pub metadata: InterchangeMetadata,
    /// What was signed.
    pub data: Vec<InterchangeEntry>,
}

/// What an export is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InterchangeMetadata {
    /// `agoge-signing-guard`.
    pub interchange_format: String,
    /// 1.
    pub version: u32,
    /// L1 chain id.
    pub chain_id: u64,
}

/// What one key signed of one kind for one instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InterchangeEntry {
    /// The instance.
    pub genesis_id: Digest,
    /// Address of the key.
    pub attester: Address,
    /// Kind of message.
    pub kind: SigningKind,
    /// The highest slot signed, or perhaps signed.
    pub watermark: Slot,
    /// The newest messages.
    pub records: Vec<InterchangeRecord>,
}

/// A message that was signed, or perhaps signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InterchangeRecord {
    /// Its slot.
    pub slot: Slot,
    /// Its EIP-712 digest.
    pub digest: B256,
}

impl Interchange {
    pub(super) fn new(chain_id: u64, data: Vec<InterchangeEntry>) -> Self {
        let metadata = InterchangeMetadata {
            interchange_format: FORMAT.to_owned(),
            version: VERSION,
            chain_id,
        };
        Self { metadata, data }
    }

    /// Reads an export.
    ///
    /// # Errors
    /// [`ImportError::Json`], [`ImportError::TooLong`], [`ImportError::Format`].
    pub fn parse(text: &str) -> Result<Self, ImportError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(ImportError::TooLong {
                found: text.len(),
                limit: TEXT_BYTES_MAX,
            });
        }
        let parsed: Self = serde_json::from_str(text)?;
        let InterchangeMetadata {
            interchange_format,
            version,
            ..
        } = &parsed.metadata;
        if interchange_format != FORMAT || *version != VERSION {
            return Err(ImportError::Format {
                expected_format: FORMAT,
                expected_version: VERSION,
                found_format: interchange_format.clone(),
                found_version: *version,
            });
        }
        Ok(parsed)
    }

    /// The JSON text.
    ///
    /// # Errors
    /// [`ImportError::Json`]: never in fact, for every field has a JSON form.
    pub fn to_json(&self) -> Result<String, ImportError> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    /// Highest slots, after checking that it is for this chain and has one of these instances.
    pub(super) fn watermarks(
        &self,
        chain_id: u64,
        instances: &[Digest],
    ) -> Result<BTreeMap<Subject, Slot>, ImportError> {
        if self.metadata.chain_id != chain_id {
            return Err(ImportError::OtherChain {
                expected: chain_id,
                found: self.metadata.chain_id,
            });
        }
        // Marks of an instance that is not known here yet, after an upgrade, only forbid; a file without any of ours is another network's.
        let is_ours = |entry: &&InterchangeEntry| instances.contains(&entry.genesis_id);
        if let Some(first) = self.data.first()
            && self.data.iter().find(is_ours).is_none()
        {
            return Err(ImportError::OtherInstance {
                found: first.genesis_id,
            });
        }
        let mut watermarks = BTreeMap::new();
        for entry in &self.data {
            let InterchangeEntry {
                genesis_id,
                attester,
                kind,
                watermark,
                ref records,
            } = *entry;
            let highest = records
                .iter()
                .fold(watermark, |highest, record| highest.max(record.slot));
            let subject = Subject {
                genesis_id,
                key: attester,
                kind,
            };
            let slot = watermarks.entry(subject).or_insert(highest);
            *slot = highest.max(*slot);
        }
        Ok(watermarks)
    }
}
