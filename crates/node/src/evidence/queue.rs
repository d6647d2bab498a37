//! What waits for L1, in memory and in a file that is replaced whole: evidence outlives a crash before anything is done with it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Error, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use agoge_protocol::equivocation::{MessageKind, NotEquivocation};
use agoge_protocol::{Address, Equivocation, Slot, keccak256};
use serde::{Deserialize, Serialize};

use crate::files;

/// Reports kept at most. Each costs a staked key its stake, so more can only be a mistake.
const WAITING_MAX: usize = 256;
/// Bytes of the file at most: a report has about 900.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Failures of one report after which it is given up: with the longest pause between them, 30 times 64 L1 slots.
const FAILURES_MAX: u32 = 36;
/// The longest pause after a failure is two to this power L1 slots.
const PAUSE_EXPONENT_MAX: u32 = 6;
/// Reporters take turns, so that not all of a network's nodes pay for one slashing.
const TURNS: u8 = 8;

/// What L1 slashes for once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// Whose key.
    pub(crate) attester: Address,
    /// Of which instance the messages are.
    pub(crate) instance: Address,
    /// What was signed twice.
    pub(crate) kind: MessageKind,
    /// For which slot.
    pub(crate) slot: Slot,
}

/// How long things take, milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// An L1 slot.
    pub(crate) l1_slot_ms: u64,
    /// How long an L1 block may still be reorganised away.
    pub(crate) reorg_ms: u64,
}

/// Why evidence is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AddError {
    /// It proves nothing.
    #[error(transparent)]
    NotEquivocation(#[from] NotEquivocation),
    /// It is waiting already.
    #[error("the same is waiting already")]
    Known,
    /// There is no room.
    #[error("{WAITING_MAX} reports are waiting already")]
    Full,
    /// It could not be written.
    #[error("the file of reports: {0}")]
    File(#[from] Error),
}

/// What came of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tried {
    /// The sender is needed for something else.
    NotNow,
    /// Nothing is in a block.
    Failed,
    /// L1 has slashed for it.
    Slashed,
    /// L1 will not slash for it (any more).
    Over,
}

/// Why a report has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Nothing is left to slash, and no ordinary reorg changes that.
    Settled,
    /// It failed too often.
    GivenUp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    equivocation: Equivocation,
    /// L1 said that nothing is left to do; looked at once more when no reorg is to be expected.
    is_settled: bool,
    failures: u32,
}

#[derive(Clone, Debug)]
struct Waiting {
    report: Report,
    /// When it is looked at next, Unix ms.
    at_ms: u64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Queue {
    path: PathBuf,
    chain_id: u64,
    pace: Pace,
    /// Bound: [`WAITING_MAX`].
    waiting: BTreeMap<Key, Waiting>,
}

impl Queue {
    /// Reads the file; none means that nothing waits.
    ///
    /// # Errors
    /// Those of the file system; `InvalidData` when it holds anything but evidence.
    pub(crate) fn open(path: &Path, chain_id: u64, pace: Pace, now_ms: u64) -> std::io::Result<Self> {
        let mut queue = Self {
            path: path.to_owned(),
            chain_id,
            pace,
            waiting: BTreeMap::new(),
        };
        let mut text = String::new();
        match File::open(path) {
            Ok(file) => drop(file.take(FILE_BYTES_MAX).read_to_string(&mut text)?),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(queue),
            Err(error) => return Err(error),
        }
        let reports: Vec<Report> = serde_json::from_str(&text).map_err(|error| damaged(&error))?;
        for report in reports.into_iter().take(WAITING_MAX) {
            let key = queue.key(&report.equivocation).map_err(|error| damaged(&error))?;
            let wait = if report.is_settled { pace.reorg_ms } else { 0 };
            let at_ms = now_ms.saturating_add(wait);
            queue.waiting.insert(key, Waiting { report, at_ms });
        }
        Ok(queue)
    }

    /// Takes evidence up, to be tried from `at_ms` (Unix ms) on; on the disk when this returns. Blocks.
    ///
    /// # Errors
    /// [`AddError`]; nothing is changed then.
    pub(crate) fn add(&mut self, equivocation: Equivocation, at_ms: u64) -> Result<Key, AddError> {
        let key = self.key(&equivocation)?;
        if self.waiting.contains_key(&key) {
            return Err(AddError::Known);
        }
        if self.waiting.len() >= WAITING_MAX {
            return Err(AddError::Full);
        }
        let report = Report {
            equivocation,
            is_settled: false,
            failures: 0,
        };
        self.waiting.insert(key, Waiting { report, at_ms });
        if let Err(error) = self.write() {
            self.waiting.remove(&key);
            return Err(error.into());
        }
        Ok(key)
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The report whose time came first.
    pub(crate) fn due(&self, now_ms: u64) -> Option<(Key, Equivocation)> {
        let due = self.waiting.iter().filter(|(_, waiting)| waiting.at_ms <= now_ms);
        let (key, waiting) = due.min_by_key(|(_, waiting)| waiting.at_ms)?;
        Some((*key, waiting.report.equivocation))
    }

    /// A try has ended; why the report has left, if it has. Blocks.
    ///
    /// # Errors
    /// Those of the file system; the file may then hold what is done, which L1 says again after a restart.
    pub(crate) fn on_tried(
        &mut self,
        key: &Key,
        tried: Tried,
        now_ms: u64,
    ) -> std::io::Result<Option<Ended>> {
        let Some(Waiting { report, at_ms }) = self.waiting.get_mut(key) else {
            return Ok(None);
        };
        let Pace { l1_slot_ms, reorg_ms } = self.pace;
        let ended = match tried {
            Tried::NotNow => {
                *at_ms = now_ms.saturating_add(l1_slot_ms);
                return Ok(None);
            }
            Tried::Over if report.is_settled => Some(Ended::Settled),
            Tried::Over | Tried::Slashed => {
                report.is_settled = true;
                *at_ms = now_ms.saturating_add(reorg_ms);
                None
            }
            Tried::Failed => {
                let slots = 2_u64.saturating_pow(report.failures.min(PAUSE_EXPONENT_MAX));
                *at_ms = now_ms.saturating_add(l1_slot_ms.saturating_mul(slots));
                report.failures = report.failures.saturating_add(1);
                (report.failures >= FAILURES_MAX).then_some(Ended::GivenUp)
            }
        };
        if ended.is_some() {
            self.waiting.remove(key);
        }
        self.write()?;
        Ok(ended)
    }

    fn key(&self, equivocation: &Equivocation) -> Result<Key, NotEquivocation> {
        Ok(Key {
            attester: equivocation.culprit(self.chain_id)?,
            instance: equivocation.instance,
            kind: equivocation.kind,
            slot: equivocation.slot,
        })
    }

    fn write(&self) -> std::io::Result<()> {
        let reports: Vec<&Report> = self.waiting.values().map(|waiting| &waiting.report).collect();
        files::replace(&self.path, serde_json::to_string_pretty(&reports)?.as_bytes())
    }
}

/// How long a reporter waits before its first try, milliseconds: one of eight L1 slots, by its address and the report.
pub(crate) fn turn_ms(reporter: Address, equivocation: &Equivocation, l1_slot_ms: u64) -> u64 {
    let mut text = reporter.to_vec();
    for message in &equivocation.messages {
        text.extend_from_slice(message.block_hash.as_slice());
        text.extend_from_slice(message.body_hash.as_slice());
    }
    let [first, ..] = keccak256(text).0;
    l1_slot_ms.saturating_mul(u64::from(first % TURNS))
}

fn damaged(error: &impl core::fmt::Display) -> Error {
    let text =
        format!("{error}; hint: it holds evidence for L1 and nothing else, remove it to go on without");
    Error::new(ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use agoge_protocol::messages::Attestation;
    use agoge_protocol::{B256, CompactSignature, Digest};
    use alloy::signers::SignerSync as _;
    use alloy::signers::local::PrivateKeySigner;

    const CHAIN: u64 = 1;
    const PACE: Pace = Pace {
        l1_slot_ms: 12_000,
        reorg_ms: 768_000,
    };
    const ROLLUP: Address = Address::repeat_byte(7);

    fn equivocation(key: u8, slot: u64) -> Equivocation {
        let key = PrivateKeySigner::from_bytes(&B256::repeat_byte(key)).unwrap();
        let slot = Slot::new(slot);
        let domain = agoge_protocol::eip712::domain(CHAIN, ROLLUP);
        let pair = [1, 2].map(|block| {
            let block_hash = B256::repeat_byte(block);
            let digest = Attestation::digest(slot, block_hash, Digest::ZERO, &domain);
            let signature = CompactSignature::from_signature(&key.sign_hash_sync(&digest).unwrap());
            Attestation {
                slot,
                index: 0,
                block_hash,
                signature,
            }
        });
        Equivocation::of_attestations(ROLLUP, Digest::ZERO, &pair)
    }

    fn open(path: &Path) -> Queue {
        Queue::open(path, CHAIN, PACE, 0).unwrap()
    }

    #[test]
    fn evidence_is_kept_once_and_across_a_crash_until_it_is_settled() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("equivocations.json");
        let mut queue = open(&path);
        let key = queue.add(equivocation(1, 5), 100).unwrap();
        assert!(matches!(queue.add(equivocation(1, 5), 0), Err(AddError::Known)));
        assert!(queue.due(99).is_none());
        assert_eq!(queue.due(100), Some((key, equivocation(1, 5))));
        // A crash here: nothing was sent.
        let mut queue = open(&path);
        assert_eq!(queue.due(0), Some((key, equivocation(1, 5))));
        assert_eq!(queue.on_tried(&key, Tried::Slashed, 1_000).unwrap(), None);
        assert_eq!(queue.due(768_999), None, "L1 may still be reorganised");
        assert_eq!(queue.due(769_000).map(|due| due.0), Some(key));
        let mut queue = open(&path);
        assert_eq!(
            queue.due(767_999),
            None,
            "known to be settled after a restart too"
        );
        assert_eq!(
            queue.on_tried(&key, Tried::Over, 769_000).unwrap(),
            Some(Ended::Settled)
        );
        assert_eq!((queue.len(), open(&path).len()), (0, 0));
    }

    #[test]
    fn what_is_over_at_the_first_look_is_looked_at_once_more() {
        let directory = tempfile::tempdir().unwrap();
        let mut queue = open(&directory.path().join("equivocations.json"));
        let key = queue.add(equivocation(1, 5), 0).unwrap();
        assert_eq!(queue.on_tried(&key, Tried::Over, 0).unwrap(), None);
        // The block that had slashed was reorganised away, ours is in another.
        assert_eq!(queue.on_tried(&key, Tried::Slashed, 768_000).unwrap(), None);
        assert_eq!(
            queue.on_tried(&key, Tried::Over, 1_536_000).unwrap(),
            Some(Ended::Settled)
        );
    }

    #[test]
    fn failures_are_paused_after_and_end() {
        let directory = tempfile::tempdir().unwrap();
        let mut queue = open(&directory.path().join("equivocations.json"));
        let key = queue.add(equivocation(1, 5), 0).unwrap();
        let other = queue.add(equivocation(2, 5), 1).unwrap();
        let (mut now, mut pauses) = (0, Vec::new());
        assert_eq!(queue.on_tried(&key, Tried::NotNow, now).unwrap(), None);
        assert_eq!(
            queue.due(5).map(|due| due.0),
            Some(other),
            "others do not wait for it"
        );
        queue.on_tried(&other, Tried::Slashed, 0).unwrap();
        let ended = loop {
            if let Some(ended) = queue.on_tried(&key, Tried::Failed, now).unwrap() {
                break ended;
            }
            let next = (now..)
                .step_by(12_000)
                .find(|at| queue.due(*at).is_some_and(|due| due.0 == key));
            pauses.push((next.unwrap() - now) / 12_000);
            now = next.unwrap();
            queue.on_tried(&other, Tried::Slashed, now).unwrap();
        };
        assert_eq!(ended, Ended::GivenUp);
        assert_eq!(pauses[..8], [1, 2, 4, 8, 16, 32, 64, 64]);
        assert_eq!((pauses.len(), queue.len()), (35, 1));
    }

    #[test]
    fn what_proves_nothing_and_what_is_too_much_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("equivocations.json");
        let mut queue = open(&path);
        let mut same = equivocation(1, 5);
        same.messages[1] = same.messages[0];
        assert!(matches!(queue.add(same, 0), Err(AddError::NotEquivocation(_))));
        for slot in 0..256 {
            queue.add(equivocation(1, slot), 0).unwrap();
        }
        assert!(matches!(queue.add(equivocation(1, 256), 0), Err(AddError::Full)));
        assert_eq!(open(&path).len(), 256, "a full file can be read again");
        std::fs::write(&path, "[1]").unwrap();
        let refused = Queue::open(&path, CHAIN, PACE, 0).unwrap_err();
        assert!(refused.to_string().contains("hint: "), "{refused}");
        std::fs::write(
            &path,
            serde_json::to_string(&[Report {
                equivocation: same,
                is_settled: false,
                failures: 0,
            }])
            .unwrap(),
        )
        .unwrap();
        assert!(
            Queue::open(&path, CHAIN, PACE, 0).is_err(),
            "evidence that was changed"
        );
    }

    #[test]
    fn reporters_take_turns() {
        let one = equivocation(1, 5);
        let turns: std::collections::BTreeSet<u64> = (0..64)
            .map(|reporter| turn_ms(Address::repeat_byte(reporter), &one, 12_000))
            .collect();
        assert!(
            turns.len() > 4 && turns.iter().all(|turn| *turn <= 84_000),
            "{turns:?}"
        );
    }
}
