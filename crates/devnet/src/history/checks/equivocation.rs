//! One key never signs two messages of a kind for one slot (`docs/protocol.md`, section 15, invariant 3).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use agoge_protocol::{Address, B256};

use crate::history::evidence::signatures::{Kind, Place, Signed};
use crate::history::finding::Finding;

/// Name of the check.
pub const NAME: &str = "equivocation";

/// What each key signed, over all records together.
#[derive(Debug, Default)]
pub struct Words {
    first: BTreeMap<(u32, Address, Kind, u64), (B256, Place)>,
    equivocations: Vec<String>,
    seen: BTreeMap<Kind, u64>,
}

impl Words {
    /// Takes one more signed message; the same one again is no matter.
    pub fn hear(&mut self, kind: Kind, signed: Signed) {
        let seen = self.seen.entry(kind).or_default();
        *seen = seen.saturating_add(1);
        let Signed {
            instance,
            signer,
            slot,
            digest,
            place,
        } = signed;
        match self.first.entry((instance, signer, kind, slot)) {
            Entry::Vacant(free) => {
                free.insert((digest, place));
            }
            Entry::Occupied(taken) => {
                let (known, at) = taken.get();
                if *known != digest {
                    self.equivocations.push(format!(
                        "{signer} signed two {}s for slot {slot} of instance {instance}: {known} ({at}) and {digest} ({place})",
                        kind.name()
                    ));
                }
            }
        }
    }

    /// Whether anything was heard.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// Adds what was heard to a finding.
    pub fn judge(self, finding: &mut Finding) {
        for kind in Kind::ALL {
            finding.figure(kind.plural(), self.seen.get(&kind).copied().unwrap_or(0));
        }
        let keys: std::collections::BTreeSet<_> = self.first.keys().map(|(_, signer, ..)| signer).collect();
        finding.figure("keys", u64::try_from(keys.len()).unwrap_or(u64::MAX));
        finding.violated_all(self.equivocations);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::finding::Verdict;

    fn signed(instance: u32, signer: u8, slot: u64, digest: u8) -> Signed {
        Signed {
            instance,
            signer: Address::repeat_byte(signer),
            slot,
            digest: B256::repeat_byte(digest),
            place: Place::Line("w".into(), u64::from(digest)),
        }
    }

    fn judged(words: Words) -> Finding {
        let mut finding = Finding::new(NAME);
        words.judge(&mut finding);
        finding
    }

    #[test]
    fn two_digests_of_a_key_kind_and_slot_are_told_with_both_places() {
        let mut words = Words::default();
        words.hear(Kind::Proposal, signed(1, 1, 7, 1));
        words.hear(Kind::Proposal, signed(1, 1, 7, 2));
        let finding = judged(words);
        assert_eq!((finding.verdict, finding.violations), (Verdict::Fail, 1));
        assert!(finding.first[0].contains("w:1") && finding.first[0].contains("w:2"));
    }

    #[test]
    fn another_key_kind_slot_or_instance_and_the_same_message_again_are_none() {
        let mut words = Words::default();
        for (kind, signed) in [
            (Kind::Proposal, signed(1, 1, 7, 1)),
            (Kind::Proposal, signed(1, 1, 7, 1)),
            (Kind::Attestation, signed(1, 1, 7, 2)),
            (Kind::Proposal, signed(1, 1, 8, 3)),
            (Kind::Proposal, signed(1, 2, 7, 4)),
            (Kind::Proposal, signed(2, 1, 7, 5)),
        ] {
            words.hear(kind, signed);
        }
        let finding = judged(words);
        assert_eq!(finding.verdict, Verdict::Pass);
        assert_eq!(
            (finding.figures["proposals"], finding.figures["attestations"]),
            (5, 1)
        );
        assert_eq!(finding.figures["keys"], 2);
    }
}
