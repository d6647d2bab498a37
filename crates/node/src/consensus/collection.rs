//! Attestations of one slot, from the network and from own keys.

use std::collections::BTreeMap;

use agoge_protocol::messages::{Attestation, AttestationSet};
use agoge_protocol::sampling::Committee;
use agoge_protocol::{BlockHash, CompactSignature};

use super::output::{Evidence, Verdict};
use super::window::Rules;

/// The first attestation of each member. Bound: the committee's size, at most 128.
#[derive(Debug, Default)]
pub(super) struct Collection {
    first: BTreeMap<u16, Seen>,
}

#[derive(Debug)]
struct Seen {
    attestation: Attestation,
    is_equivocator: bool,
}

impl Collection {
    /// Checks an attestation and keeps it: cheap rules first, its signature last.
    pub(super) fn add(
        &mut self,
        attestation: Attestation,
        committee: &Committee,
        rules: &Rules,
    ) -> (Verdict, Option<Evidence>) {
        let Some(member) = committee.members.get(usize::from(attestation.index)) else {
            return (Verdict::Reject, None);
        };
        if let Some(seen) = self.first.get(&attestation.index)
            && (seen.is_equivocator || seen.attestation.block_hash == attestation.block_hash)
        {
            return (Verdict::Ignore, None);
        }
        if attestation.signer(rules.genesis_id, &rules.domain).ok() != Some(*member) {
            return (Verdict::Reject, None);
        }
        match self.first.get_mut(&attestation.index) {
            Some(seen) => {
                seen.is_equivocator = true;
                let pair = Box::new([seen.attestation, attestation]);
                // Others should see the evidence too.
                (Verdict::Accept, Some(Evidence::Attestations(pair)))
            }
            None => {
                self.first.insert(
                    attestation.index,
                    Seen {
                        attestation,
                        is_equivocator: false,
                    },
                );
                (Verdict::Accept, None)
            }
        }
    }

    /// Members that attested to a block.
    pub(super) fn count(&self, block_hash: BlockHash) -> usize {
        self.of(block_hash).count()
    }

    /// The lowest `threshold` members' signatures for a block; `None` when there are fewer.
    pub(super) fn pack(&self, block_hash: BlockHash, threshold: usize) -> Option<AttestationSet> {
        let chosen: BTreeMap<u16, CompactSignature> = self
            .of(block_hash)
            .take(threshold)
            .map(|a| (a.index, a.signature))
            .collect();
        (chosen.len() == threshold).then(|| AttestationSet::pack(&chosen))
    }

    fn of(&self, block_hash: BlockHash) -> impl Iterator<Item = &Attestation> {
        self.first
            .values()
            .map(|seen| &seen.attestation)
            .filter(move |a| a.block_hash == block_hash)
    }
}
