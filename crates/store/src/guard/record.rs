//! The bytes of the guard's file: a header and records of 256 bytes each, so that none crosses a disk sector's boundary.
//!
//! | bytes | header | record |
//! |---|---|---|
//! | 0 | `AGOGEGRD` | type: 1 message, 2 watermark, 3 floor |
//! | 1 | | kind: 0 proposal, 1 attestation, 2 publication |
//! | 2 | | 1 when a signature follows |
//! | 8..16 | version, big-endian | slot, big-endian |
//! | 16..48 | chain id in the first 8, big-endian | genesis id |
//! | 48..68 | | key |
//! | 72..104 | | digest |
//! | 104..168 | | signature |
//! | 224..256 | keccak of bytes 0..224 | keccak of (checksum before, bytes 0..224) |
//!
//! All other bytes are zero. Each checksum covers the one before, so a missing or moved record is noticed.

use agoge_protocol::{Address, B256, CompactSignature, Digest, Slot, keccak256};

use super::book::Subject;
use super::{SigningKind, SigningRequest};

/// Bytes of the header and of a record.
pub(super) const RECORD_BYTES: usize = 256;
const BODY_BYTES: usize = RECORD_BYTES - 32;
const MAGIC: [u8; 8] = *b"AGOGEGRD";
const VERSION: u64 = 1;

/// The header or a record, encoded.
pub(super) type Block = [u8; RECORD_BYTES];

/// One thing the guard's file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A digest is reserved for a slot, and perhaps signed.
    Message {
        subject: Subject,
        slot: Slot,
        digest: B256,
        signature: Option<CompactSignature>,
    },
    /// Slots up to this one were perhaps signed elsewhere.
    Watermark(Subject, Slot),
    /// First slot that may be signed.
    Floor(Slot),
}

impl Entry {
    pub(super) const fn reserved(request: &SigningRequest) -> Self {
        Self::message(request, None)
    }

    pub(super) const fn signed(request: &SigningRequest, signature: CompactSignature) -> Self {
        Self::message(request, Some(signature))
    }

    const fn message(request: &SigningRequest, signature: Option<CompactSignature>) -> Self {
        Self::Message {
            subject: Subject::of(request),
            slot: request.slot,
            digest: request.digest,
            signature,
        }
    }

    pub(super) const fn subject(&self) -> Option<Subject> {
        match self {
            Self::Message { subject, .. } | Self::Watermark(subject, _) => Some(*subject),
            Self::Floor(_) => None,
        }
    }

    /// The record after the one with the checksum `previous`.
    pub(super) fn encode(&self, previous: B256) -> Block {
        let mut body = Body::default();
        match self {
            Self::Message {
                subject,
                slot,
                digest,
                signature,
            } => {
                body.tag = [1, kind_number(subject.kind), u8::from(signature.is_some())];
                body.subject(subject);
                body.slot = slot.get();
                body.digest = *digest;
                body.signature = signature.map_or([0; 64], |signature| *signature.as_bytes());
            }
            Self::Watermark(subject, slot) => {
                body.tag = [2, kind_number(subject.kind), 0];
                body.subject(subject);
                body.slot = slot.get();
            }
            Self::Floor(slot) => {
                body.tag = [3, 0, 0];
                body.slot = slot.get();
            }
        }
        seal(&body.to_bytes(), previous)
    }

    /// Decodes a record whose checksum fits; `None` when no guard would have written it.
    pub(super) fn decode(block: &Block) -> Option<Self> {
        let body = Body::from_bytes(block.first_chunk()?);
        let slot = Slot::new(body.slot);
        let entry = match body.tag {
            [1, kind, has_signature @ (0 | 1)] => Self::Message {
                subject: body.to_subject(kind)?,
                slot,
                digest: body.digest,
                signature: (has_signature == 1).then(|| CompactSignature::from_bytes(body.signature)),
            },
            [2, kind, 0] => Self::Watermark(body.to_subject(kind)?, slot),
            [3, 0, 0] => Self::Floor(slot),
            _ => return None,
        };
        // Every byte counts: one record has one form.
        (entry.encode(B256::ZERO).first_chunk::<BODY_BYTES>() == block.first_chunk()).then_some(entry)
    }
}

/// The header of a guard's file.
pub(super) fn header(chain_id: u64) -> Block {
    let mut body = [0; BODY_BYTES];
    let fields = [MAGIC, VERSION.to_be_bytes(), chain_id.to_be_bytes()];
    for (place, field) in body.as_chunks_mut::<8>().0.iter_mut().zip(fields) {
        *place = field;
    }
    seal(&body, B256::ZERO)
}

/// The chain id in a header; `None` when it is no header of this version.
pub(super) fn chain_id_of(block: &Block) -> Option<u64> {
    let (_, chain_id) = block.first_chunk::<24>()?.split_last_chunk::<8>()?;
    let chain_id = u64::from_be_bytes(*chain_id);
    (header(chain_id) == *block).then_some(chain_id)
}

/// The checksum that a record carries.
pub(super) fn checksum_of(block: &Block) -> B256 {
    block.last_chunk().map_or(B256::ZERO, |bytes| B256::new(*bytes))
}

/// The checksum that a record should carry.
pub(super) fn checksum_after(previous: B256, block: &Block) -> B256 {
    block
        .first_chunk::<BODY_BYTES>()
        .map_or(B256::ZERO, |body| checksum(previous, body))
}

fn checksum(previous: B256, body: &[u8; BODY_BYTES]) -> B256 {
    keccak256([previous.as_slice(), body.as_slice()].concat())
}

fn seal(body: &[u8; BODY_BYTES], previous: B256) -> Block {
    let mut block = [0; RECORD_BYTES];
    let (place, checksum_place) = block.split_at_mut(BODY_BYTES);
    place.copy_from_slice(body);
    checksum_place.copy_from_slice(checksum(previous, body).as_slice());
    block
}

const fn kind_number(kind: SigningKind) -> u8 {
    match kind {
        SigningKind::Proposal => 0,
        SigningKind::Attestation => 1,
        SigningKind::Publication => 2,
    }
}

/// The fields of a record, whatever it says.
struct Body {
    tag: [u8; 3],
    slot: u64,
    genesis_id: B256,
    key: Address,
    digest: B256,
    signature: [u8; 64],
}

impl Default for Body {
    fn default() -> Self {
        let zero = B256::ZERO;
        Self {
            tag: [0; 3],
            slot: 0,
            genesis_id: zero,
            key: Address::ZERO,
            digest: zero,
            signature: [0; 64],
        }
    }
}

impl Body {
    fn subject(&mut self, subject: &Subject) {
        self.genesis_id = subject.genesis_id.to_b256();
        self.key = subject.key;
    }

    fn to_subject(&self, kind: u8) -> Option<Subject> {
        let kind = match kind {
            0 => SigningKind::Proposal,
            1 => SigningKind::Attestation,
            2 => SigningKind::Publication,
            _ => return None,
        };
        Some(Subject {
            genesis_id: Digest::from_b256(self.genesis_id).ok()?,
            key: self.key,
            kind,
        })
    }

    fn to_bytes(&self) -> [u8; BODY_BYTES] {
        let mut bytes = [0; BODY_BYTES];
        let fields: [(usize, &[u8]); 6] = [
            (0, &self.tag),
            (8, &self.slot.to_be_bytes()),
            (16, self.genesis_id.as_slice()),
            (48, self.key.as_slice()),
            (72, self.digest.as_slice()),
            (104, &self.signature),
        ];
        for (offset, field) in fields {
            for (place, byte) in bytes.iter_mut().skip(offset).zip(field) {
                *place = *byte;
            }
        }
        bytes
    }

    fn from_bytes(bytes: &[u8; BODY_BYTES]) -> Self {
        Self {
            tag: field(bytes, 0),
            slot: u64::from_be_bytes(field(bytes, 8)),
            genesis_id: B256::new(field(bytes, 16)),
            key: Address::new(field(bytes, 48)),
            digest: B256::new(field(bytes, 72)),
            signature: field(bytes, 104),
        }
    }
}

fn field<const N: usize>(bytes: &[u8; BODY_BYTES], offset: usize) -> [u8; N] {
    let mut field = [0; N];
    for (place, byte) in field.iter_mut().zip(bytes.iter().skip(offset)) {
        *place = *byte;
    }
    field
}
