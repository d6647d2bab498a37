//! What the root joins, with values in place of proofs: the segments' verification is tested with the merges.

use agoge_protocol::limits::TREE_DEPTH;
use agoge_protocol::{Address, Digest, Element, EpochPublicInputs, Header, L2BlockNumber, Slot};
use agoge_state_transition::witness::{GrowingTree, OpenBlock, StateBoundary};
use agoge_state_transition::{BlobSums, Fingerprint, MemoryState, Scalar, hash};
use plonky2::field::types::PrimeField64;
use plonky2::iop::witness::WitnessWrite;

use super::*;
use crate::epoch::expected::{Expected, JobError};
use crate::epoch::jobs::{Job, RootInput, SegmentProof, Track};
use crate::epoch::root::{Ends, ParentHeader, ParentTargets, RootCheck, join};
use crate::epoch::settlement::{SettlementBoundary, SettlementChallenges};
use crate::field;

/// A root's values: those of three segments and of the parent.
#[derive(Clone)]
pub(super) struct Values {
    genesis_id: Digest,
    pub(super) parent: Option<ParentHeader>,
    transactions: [Digest; 2],
    state: [StateBoundary; 2],
    settlement: [SettlementBoundary; 2],
    challenges: SettlementChallenges,
    /// Where the parent header is shown, if not at its place.
    index: Option<u64>,
}

fn digest(first: u32) -> Digest {
    Digest([first, first + 1, first + 2, first + 3].map(Element::from_u32))
}

fn number(value: u64) -> Element {
    Element::new(value).unwrap()
}

fn header() -> Header {
    Header {
        genesis_id: digest(10),
        number: L2BlockNumber::new(6),
        slot: Slot::new(77),
        timestamp: 1_800_000_000,
        parent_archive: digest(20),
        note_root: digest(30),
        note_count: 41,
        nullifier_root: digest(50),
        nullifier_count: 60,
        inbox_end: 9,
        settlement_hash: digest(70),
        effects_hash: digest(80),
        fee_recipient: Address::from([7; 20]),
        total_fees: 123,
        tx_count: 4,
    }
}

/// Archive root over a header at an index with these siblings.
fn archive(header: &Header, siblings: &[Digest; TREE_DEPTH], index: u64) -> Digest {
    let leaf = hash::header(header).unwrap();
    siblings.iter().zip(0..).fold(leaf, |node, (sibling, level)| {
        if (index >> level) & 1 == 0 {
            hash::node(node, *sibling)
        } else {
            hash::node(*sibling, node)
        }
    })
}

/// The state after a block, at rest.
fn after(header: &Header, archive: Digest) -> StateBoundary {
    let tree = |root, count| GrowingTree {
        root,
        count,
        odd_leaf: digest(90),
        is_odd_leaf_in: true,
    };
    StateBoundary {
        notes: tree(header.note_root, header.note_count),
        nullifiers: tree(header.nullifier_root, header.nullifier_count),
        archive,
        number: header.number,
        inbox_index: header.inbox_end,
        block: OpenBlock::default(),
        tx_chain: Digest::ZERO,
        header_chain: Digest::ZERO,
    }
}

/// An epoch after block 6, with any end.
pub(super) fn values() -> Values {
    let siblings = core::array::from_fn(|level| digest(1000 + 4 * u32::try_from(level).unwrap()));
    let header = header();
    let start = after(&header, archive(&header, &siblings, header.number.get() - 1));
    with_start(start, Some(ParentHeader { header, siblings }))
}

/// An epoch from genesis.
fn from_genesis() -> Values {
    with_start(StateBoundary::at_start(&MemoryState::new(), 0).unwrap(), None)
}

fn with_start(start: StateBoundary, parent: Option<ParentHeader>) -> Values {
    let end = StateBoundary {
        archive: digest(200),
        number: L2BlockNumber::new(start.number.get() + 3),
        tx_chain: digest(210),
        header_chain: digest(220),
        ..start
    };
    let settled = SettlementBoundary {
        header_chain: end.header_chain,
        fingerprint: [number(0xaaaa_bbbb_cccc), number(0x1111_2222)],
        blobs: BlobSums {
            total: Scalar::from_u64(0x1234_5678_9abc_def0).power(7),
            weight: Scalar::from_u64(99),
            base: Scalar::from_u64(98),
            ..BlobSums::START
        },
        block_count: number(3),
        ..SettlementBoundary::START
    };
    Values {
        genesis_id: digest(10),
        parent,
        transactions: [Digest::ZERO, end.tx_chain],
        state: [start, end],
        settlement: [SettlementBoundary::START, settled],
        challenges: SettlementChallenges {
            alpha: [number(0xdead_beef_0000), number(0x77)],
            z: [number(5), number(6), number(7)],
        },
        index: None,
    }
}

impl Values {
    /// Start, end, context of each track.
    pub(super) fn segments(&self) -> [[Vec<Element>; 3]; 3] {
        let [tx_start, tx_end] = self.transactions.map(|chain| chain.0.to_vec());
        let [state_start, state_end] = self
            .state
            .map(|boundary| boundary.to_elements().unwrap().to_vec());
        let [list_start, list_end] = self
            .settlement
            .clone()
            .map(|boundary| boundary.to_elements().to_vec());
        let context = [&self.challenges.alpha[..], &self.challenges.z].concat();
        [
            [tx_start, tx_end, vec![]],
            [state_start, state_end, self.genesis_id.0.to_vec()],
            [list_start, list_end, context],
        ]
    }

    /// The public inputs by the protocol's own functions.
    pub(super) fn expected(&self) -> EpochPublicInputs {
        let [start, end] = self.state;
        let [_, settled] = &self.settlement;
        let mut list = Fingerprint::resume(self.challenges.alpha, settled.fingerprint);
        list.absorb(settled.block_count);
        EpochPublicInputs {
            genesis_id: self.genesis_id,
            start_archive: start.archive,
            end_archive: end.archive,
            alpha: self.challenges.alpha,
            fingerprint: list.value(),
            z: self.challenges.z,
            y: settled.blobs.total.to_wide_limbs(),
        }
    }

    /// The same as a job, with segments that have no proof.
    fn job(&self) -> Job {
        let tracks = [Track::Transactions, Track::State, Track::Settlement];
        let segments = tracks.into_iter().zip(self.segments());
        let mut segments = segments.map(|(track, [start, end, context])| SegmentProof {
            track,
            is_merge: false,
            public: [start, end, context, vec![Element::ZERO; 4]].concat(),
            bytes: vec![],
        });
        Job::Root(Box::new(RootInput {
            transactions: segments.next().unwrap(),
            state: segments.next().unwrap(),
            settlement: segments.next().unwrap(),
            parent: self.parent.clone(),
        }))
    }
}

/// The root without the verification of proofs.
struct Joined {
    data: CircuitData<F, TreeC, D>,
    tracks: [[Vec<Target>; 3]; 3],
    parent: ParentTargets,
}

impl Joined {
    fn without(omitted: Option<RootCheck>) -> Self {
        let mut builder = Builder::new(toy_config());
        let lengths = values().segments().map(|track| track.map(|part| part.len()));
        let tracks = lengths.map(|track| track.map(|length| builder.add_virtual_targets(length)));
        let ends = tracks
            .clone()
            .map(|[start, end, context]| Ends { start, end, context });
        let parent = ParentTargets::allocate(&mut builder);
        let public = join(&mut builder, ends.each_ref(), &parent, omitted).unwrap();
        builder.register_public_inputs(&public);
        Self {
            data: builder.build(),
            tracks,
            parent,
        }
    }

    /// The public inputs that are proven for the values.
    fn proves(&self, values: &Values) -> Option<Vec<u64>> {
        let proof = provable(&self.data, || {
            let mut witness = PartialWitness::new();
            let targets = self.tracks.iter().flatten().flatten();
            let segments = values.segments();
            for (target, element) in targets.zip(segments.iter().flatten().flatten()) {
                witness.set_target(*target, field::element(*element))?;
            }
            match values.index {
                None => self.parent.assign(&mut witness, values.parent.as_ref())?,
                Some(index) => self
                    .parent
                    .assign_at(&mut witness, values.parent.as_ref(), index)?,
            }
            Ok(self.data.prove(witness)?)
        });
        Some(
            proof?
                .public_inputs
                .iter()
                .map(|x| x.to_canonical_u64())
                .collect(),
        )
    }
}

#[test]
fn an_epoch_after_a_block_and_one_from_genesis_are_joined() {
    let complete = Joined::without(None);
    for values in [values(), from_genesis()] {
        let public = values.expected();
        let elements = public.to_elements().map(Element::get);
        assert_eq!(complete.proves(&values), Some(elements.to_vec()));
        let Ok(Expected::Root(expected)) = Expected::of(&values.job()) else {
            panic!("a root");
        };
        assert_eq!(expected, public, "native twin");
    }
}

#[test]
fn every_check_refuses_what_breaks_it_alone() {
    type Change = fn(&mut Values);
    let cases: Vec<(&str, RootCheck, Change)> = vec![
        ("note root", RootCheck::StartState, |v| {
            v.state[0].notes.root = digest(1)
        }),
        ("note count", RootCheck::StartState, |v| {
            v.state[0].notes.count += 1
        }),
        ("nullifier root", RootCheck::StartState, |v| {
            v.state[0].nullifiers.root = digest(1)
        }),
        ("nullifier count", RootCheck::StartState, |v| {
            v.state[0].nullifiers.count += 2
        }),
        ("inbox", RootCheck::StartState, |v| v.state[0].inbox_index -= 1),
        ("another instance", RootCheck::StartState, |v| {
            v.genesis_id = digest(11)
        }),
        ("archive", RootCheck::ParentUnderArchive, |v| {
            v.state[0].archive = digest(1)
        }),
        ("sibling", RootCheck::ParentUnderArchive, |v| {
            v.parent.as_mut().unwrap().siblings[3] = digest(1)
        }),
        ("another place", RootCheck::ParentPlace, |v| {
            let parent = v.parent.as_ref().unwrap();
            v.state[0].archive = archive(&parent.header, &parent.siblings, 2);
            v.index = Some(2);
        }),
        ("odd note", RootCheck::StateAtRest, |v| {
            v.state[0].notes.is_odd_leaf_in = false
        }),
        ("odd nullifier at the end", RootCheck::StateAtRest, |v| {
            v.state[1].nullifiers.is_odd_leaf_in = false
        }),
        ("open settlement hash", RootCheck::StateAtRest, |v| {
            v.state[0].block.settlement_hash = digest(1)
        }),
        ("open effects hash at the end", RootCheck::StateAtRest, |v| {
            v.state[1].block.effects_hash = digest(1)
        }),
        ("open fees", RootCheck::StateAtRest, |v| {
            v.state[0].block.total_fees = 1
        }),
        ("open count at the end", RootCheck::StateAtRest, |v| {
            v.state[1].block.tx_count = 1
        }),
        ("transactions before", RootCheck::StateAtRest, |v| {
            v.state[0].tx_chain = digest(1)
        }),
        ("headers before", RootCheck::StateAtRest, |v| {
            v.state[0].header_chain = digest(1)
        }),
        ("transactions from elsewhere", RootCheck::TransactionChain, |v| {
            v.transactions[0] = digest(1)
        }),
        ("other transactions", RootCheck::TransactionChain, |v| {
            v.transactions[1] = digest(1)
        }),
        ("list before", RootCheck::SettlementAtRest, |v| {
            v.settlement[0].fingerprint = [number(2); 2]
        }),
        ("blocks before", RootCheck::SettlementAtRest, |v| {
            v.settlement[0].block_count = number(1)
        }),
        ("sum before", RootCheck::SettlementAtRest, |v| {
            v.settlement[0].blobs.total = Scalar::ONE
        }),
        ("weight", RootCheck::SettlementAtRest, |v| {
            v.settlement[0].blobs.weight = Scalar::ZERO
        }),
        ("open blob", RootCheck::SettlementAtRest, |v| {
            v.settlement[1].blobs.block = Scalar::ONE
        }),
        ("open effects", RootCheck::SettlementAtRest, |v| {
            v.settlement[1].effects = digest(1)
        }),
        ("open settlement", RootCheck::SettlementAtRest, |v| {
            v.settlement[1].settlement = digest(1)
        }),
        ("open transaction", RootCheck::SettlementAtRest, |v| {
            v.settlement[1].tx_count = number(1)
        }),
        ("open deposit", RootCheck::SettlementAtRest, |v| {
            v.settlement[1].deposit_count = number(1)
        }),
        ("open withdrawal", RootCheck::SettlementAtRest, |v| {
            v.settlement[1].withdrawal_count = number(1)
        }),
        ("other headers", RootCheck::HeaderChain, |v| {
            v.settlement[1].header_chain = digest(1)
        }),
    ];
    let complete = Joined::without(None);
    let mut incomplete: Option<(RootCheck, Joined)> = None;
    for (name, check, change) in cases {
        if incomplete.as_ref().is_none_or(|(of, _)| *of != check) {
            incomplete = Some((check, Joined::without(Some(check))));
        }
        let mut values = values();
        change(&mut values);
        let (_, without) = incomplete.as_ref().unwrap();
        assert!(
            without.proves(&values).is_some(),
            "{name}: {check:?} is what refuses this"
        );
        assert!(complete.proves(&values).is_none(), "{name}");
        assert_not_joined(&values);
    }
}

/// The native twin names what is broken before anything is proven, and it is the input's fault.
fn assert_not_joined(values: &Values) {
    let error = Expected::of(&values.job()).err().unwrap();
    assert!(
        matches!(error, JobError::NotJoined { .. }) && error.is_input(),
        "{error}"
    );
}

#[test]
fn genesis_is_not_a_block_and_a_block_not_genesis() {
    let complete = Joined::without(None);
    let mut values = values();
    values.parent = None;
    assert!(
        complete.proves(&values).is_none(),
        "a block's state without its header"
    );
    assert_not_joined(&values);
    let mut values = from_genesis();
    let mut header = header();
    header.number = L2BlockNumber::new(1);
    values.parent = Some(ParentHeader {
        header,
        siblings: [Digest::ZERO; TREE_DEPTH],
    });
    assert!(complete.proves(&values).is_none(), "genesis under a header");
    assert_not_joined(&values);
    for change in [
        |state: &mut StateBoundary| state.notes.count = 1,
        |state: &mut StateBoundary| state.nullifiers.root = digest(1),
        |state: &mut StateBoundary| state.inbox_index = 1,
        |state: &mut StateBoundary| state.number = L2BlockNumber::new(1),
        |state: &mut StateBoundary| state.archive = digest(1),
    ] {
        let mut values = from_genesis();
        change(&mut values.state[0]);
        assert!(complete.proves(&values).is_none());
        assert_not_joined(&values);
    }
}

#[test]
fn a_root_job_of_other_tracks_is_refused() {
    let Job::Root(mut input) = values().job() else {
        panic!("a root");
    };
    input.state.track = Track::Settlement;
    let error = Expected::of(&Job::Root(input)).err();
    assert!(matches!(
        error,
        Some(JobError::WrongTrack {
            index: 1,
            expected: Track::State
        })
    ));
}
