//! Names of jobs.

use agoge_protocol::{B256, TxId, keccak256};
use borsh::{BorshDeserialize, BorshSerialize};

use crate::plan::Track;

/// Name of a job: the hash of the circuits and of everything that the result depends on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct JobId([u8; 32]);

/// What came before a place in an epoch's stream of units: a hash chain from the start archive. Two places with the same digest have the
/// same past, so all that the circuits carry from unit to unit is the same, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct StreamDigest([u8; 32]);

impl StreamDigest {
    /// Before the first unit of a stream.
    pub fn start(track: Track, genesis_id: B256, start_archive: B256) -> Self {
        Self(hash(
            "AGOGE_STREAM",
            &[
                track.name().as_bytes(),
                genesis_id.as_slice(),
                start_archive.as_slice(),
            ],
        ))
    }

    /// After one more unit, given by the hash of its encoding.
    #[must_use]
    pub fn then(self, unit: B256) -> Self {
        Self(hash("AGOGE_UNIT", &[&self.0, unit.as_slice()]))
    }
}

impl JobId {
    /// The leaf between two places. `context` is what a track depends on beside its stream: the challenges, or nothing.
    pub fn leaf(
        circuits: B256,
        track: Track,
        (start, end): (StreamDigest, StreamDigest),
        context: &[u8],
    ) -> Self {
        let parts: [&[u8]; 5] = [
            circuits.as_slice(),
            track.name().as_bytes(),
            &start.0,
            &end.0,
            context,
        ];
        Self(hash("AGOGE_JOB_LEAF", &parts))
    }

    /// The merge of segments.
    pub fn merge(circuits: B256, track: Track, children: &[Self]) -> Self {
        let mut parts: Vec<&[u8]> = vec![circuits.as_slice(), track.name().as_bytes()];
        parts.extend(children.iter().map(|child| child.0.as_slice()));
        Self(hash("AGOGE_JOB_MERGE", &parts))
    }

    /// The epoch root over one segment of each track, and what it opens.
    pub fn root(circuits: B256, segments: [Self; 3], opening: &[u8]) -> Self {
        let [a, b, c] = segments;
        Self(hash(
            "AGOGE_JOB_ROOT",
            &[circuits.as_slice(), &a.0, &b.0, &c.0, opening],
        ))
    }

    /// The wrap of a root.
    pub fn wrap(circuits: B256, root: Self) -> Self {
        Self(hash("AGOGE_JOB_WRAP", &[circuits.as_slice(), &root.0]))
    }

    /// The work on a block before any circuit: its transactions' places and its witness. The block hash does not cover anchors; the
    /// transactions' ids do.
    pub fn block(block_hash: B256, txs: &[TxId]) -> Self {
        let mut parts: Vec<&[u8]> = vec![block_hash.as_slice()];
        parts.extend(txs.iter().map(|id| id.0.as_slice()));
        Self(hash("AGOGE_BLOCK_WITNESS", &parts))
    }

    /// The name in a file name: 64 hex digits.
    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }

    /// Reads [`Self::to_hex`]; anything else is no name, so no path can be smuggled in.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let is_lower = text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        (is_lower && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(Self(bytes))
    }
}

impl core::fmt::Debug for JobId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "JobId({self})")
    }
}

impl core::fmt::Display for JobId {
    /// The first 8 bytes: enough for people.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Keccak of a domain and parts, each with its length, so that no two lists of parts read the same.
fn hash(domain: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut bytes = Vec::new();
    for part in core::iter::once(domain.as_bytes()).chain(parts.iter().copied()) {
        bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    keccak256(bytes).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_differ_in_everything_that_the_result_depends_on() {
        let [a, b] = [1, 2].map(B256::repeat_byte);
        let start = StreamDigest::start(Track::State, a, b);
        let end = start.then(a);
        let leaf = |circuits, track, places, context: &[u8]| JobId::leaf(circuits, track, places, context);
        let base = leaf(a, Track::State, (start, end), &[]);
        let ids = [
            base,
            leaf(b, Track::State, (start, end), &[]),
            leaf(a, Track::Settlement, (start, end), &[]),
            leaf(a, Track::State, (end, start), &[]),
            leaf(a, Track::State, (start, start), &[]),
            leaf(a, Track::State, (start, end), &[0]),
            JobId::merge(a, Track::State, &[base, base]),
            JobId::merge(a, Track::State, &[base, base, base]),
            JobId::merge(a, Track::Transactions, &[base, base]),
            JobId::root(a, [base; 3], &[]),
            JobId::root(a, [base; 3], &[1]),
            JobId::wrap(a, base),
            JobId::block(a, &[]),
            JobId::block(a, &[TxId(a)]),
            JobId::block(a, &[TxId(b)]),
            JobId::block(a, &[TxId(a), TxId(b)]),
        ];
        assert_eq!(BTreeSet::from(ids).len(), ids.len());
        assert_ne!(start, StreamDigest::start(Track::State, b, b));
        assert_ne!(start, StreamDigest::start(Track::Transactions, a, b));
        assert_ne!(start.then(a).then(b), start.then(b).then(a));
    }

    #[test]
    fn only_64_lower_case_digits_are_a_name() {
        let id = JobId::block(B256::ZERO, &[]);
        let text = id.to_hex();
        assert_eq!(JobId::from_hex(&text), Some(id));
        let upper = text.to_uppercase();
        for bad in [
            "",
            "../../../../etc/passwd",
            &text[1..],
            &format!("{text}0"),
            &upper,
        ] {
            assert_eq!(JobId::from_hex(bad), None, "{bad}");
        }
    }
}
