use agoge_protocol::{B256, Digest, Element, EpochPublicInputs};
use agoge_state_transition::MemoryState;
use agoge_state_transition::witness::StateBoundary;

use crate::epoch::expected::{Expected, JobError, attempt_error};
use crate::epoch::jobs::{
    EPOCH_PROOF_BYTES_MAX, EpochProof, Job, JobOutput, MERGE_CHILDREN_MAX, MergeInput, RootProof,
    SegmentProof, TREE_PROOF_BYTES_MAX, Track,
};
use crate::epoch::settlement::{SettlementBoundary, SettlementChallenges, SettlementInput};
use crate::epoch::state::StateInput;
use crate::epoch::transactions::{TransactionsError, TransactionsInput};

fn digest(first: u32) -> Digest {
    Digest([first; 4].map(Element::from_u32))
}

/// A segment of the transaction track without a proof.
fn segment(start: u32, end: u32) -> SegmentProof {
    SegmentProof {
        track: Track::Transactions,
        is_merge: false,
        public: [digest(start), digest(end), Digest::ZERO]
            .map(|digest| digest.0)
            .concat(),
        bytes: vec![1, 2, 3],
    }
}

fn merge(children: Vec<SegmentProof>) -> Job {
    Job::Merge(MergeInput {
        track: Track::Transactions,
        children,
    })
}

fn error(job: &Job) -> JobError {
    Expected::of(job).err().unwrap()
}

#[test]
fn a_merge_says_what_its_children_say_together() {
    let job = merge(vec![segment(1, 2), segment(2, 5)]);
    let expected = Expected::of(&job).unwrap();
    let mut output = SegmentProof {
        is_merge: true,
        ..segment(1, 5)
    };
    assert!(expected.is_met_by(&JobOutput::Segment(output.clone())));
    output.public[11] = Element::from_u32(9);
    assert!(
        expected.is_met_by(&JobOutput::Segment(output.clone())),
        "the merge id is no part of the statement"
    );
    for changed in [
        segment(1, 5),
        SegmentProof {
            is_merge: true,
            ..segment(1, 6)
        },
        SegmentProof {
            track: Track::State,
            ..output.clone()
        },
        SegmentProof {
            public: output.public[..11].to_vec(),
            ..output.clone()
        },
    ] {
        assert!(
            !expected.is_met_by(&JobOutput::Segment(changed.clone())),
            "{changed:?}"
        );
    }
}

#[test]
fn a_leaf_says_nothing_after_its_statement() {
    let expected = Expected::of(&Job::Transactions(TransactionsInput {
        start: digest(1),
        transactions: vec![],
    }))
    .unwrap();
    let mut output = segment(1, 1);
    assert!(expected.is_met_by(&JobOutput::Segment(output.clone())));
    for index in 8..12 {
        output.public[index] = Element::from_u32(1);
        assert!(
            !expected.is_met_by(&JobOutput::Segment(output.clone())),
            "{index}"
        );
        output.public[index] = Element::ZERO;
    }
    output.public.push(Element::ZERO);
    assert!(!expected.is_met_by(&JobOutput::Segment(output)));
}

#[test]
fn what_is_wrong_with_an_input_is_told_from_the_proof_system() {
    let too_many = TransactionsError::TooMany { found: 2, limit: 1 };
    assert!(attempt_error(too_many.into()).is_input());
    let not_canonical = Element::new(u64::MAX).unwrap_err();
    assert!(attempt_error(not_canonical.into()).is_input());
    let other = attempt_error("no".into());
    assert!(matches!(other, JobError::Prover(_)) && !other.is_input());
}

#[test]
fn children_that_do_not_merge_are_named() {
    assert!(matches!(error(&merge(vec![])), JobError::NothingToMerge));
    let job = merge(vec![segment(1, 2), segment(3, 4)]);
    assert!(matches!(error(&job), JobError::NotInOrder { index: 1 }));
    let mut other = segment(2, 3);
    other.track = Track::State;
    let job = merge(vec![segment(1, 2), other]);
    assert!(matches!(
        error(&job),
        JobError::WrongTrack {
            index: 1,
            expected: Track::Transactions
        }
    ));
    let mut short = segment(2, 3);
    short.public.pop();
    assert!(matches!(
        error(&merge(vec![short])),
        JobError::WrongTrack { index: 0, .. }
    ));
    let places = Track::Transactions.merge_children();
    let chain = (0..).map(|i| segment(i, i + 1)).take(places + 1).collect();
    assert!(matches!(error(&merge(chain)), JobError::TooLong { found, limit, .. } if found == limit + 1));
    assert!(error(&merge(vec![])).is_input());
}

#[test]
fn a_job_is_named_by_what_it_proves_not_by_the_proofs_at_hand() {
    let circuits = B256::repeat_byte(1);
    let job = merge(vec![segment(1, 2), segment(2, 5)]);
    let mut proven_again = segment(1, 2);
    proven_again.bytes = vec![9];
    assert_eq!(
        job.id(circuits),
        merge(vec![proven_again, segment(2, 5)]).id(circuits)
    );
    let root = |first| RootProof {
        public_inputs: EpochPublicInputs::from_elements(&[Element::from_u32(first); 24]),
        bytes: vec![],
    };
    let transactions = |start| {
        Job::Transactions(TransactionsInput {
            start: digest(start),
            transactions: vec![],
        })
    };
    let mut ids = vec![
        job.id(circuits),
        job.id(B256::repeat_byte(2)),
        merge(vec![segment(1, 5)]).id(circuits),
        merge(vec![segment(1, 2)]).id(circuits),
        transactions(1).id(circuits),
        transactions(2).id(circuits),
        Job::Wrap(root(1)).id(circuits),
        Job::Wrap(root(2)).id(circuits),
    ];
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "all differ");
}

#[test]
fn what_is_read_is_bounded() {
    let decode = |proof: &SegmentProof| borsh::from_slice::<SegmentProof>(&borsh::to_vec(proof).unwrap());
    let fits = SegmentProof {
        bytes: vec![0; TREE_PROOF_BYTES_MAX],
        ..segment(1, 2)
    };
    assert_eq!(decode(&fits).unwrap(), fits);
    let long = SegmentProof {
        bytes: vec![0; TREE_PROOF_BYTES_MAX + 1],
        ..segment(1, 2)
    };
    assert!(decode(&long).is_err());
    let wide = SegmentProof {
        public: vec![Element::ZERO; 257],
        ..segment(1, 2)
    };
    assert!(decode(&wide).is_err());
    let proof = EpochProof {
        public_inputs: EpochPublicInputs::from_elements(&[Element::ZERO; 24]),
        bytes: vec![0; EPOCH_PROOF_BYTES_MAX + 1],
    };
    assert!(borsh::from_slice::<EpochProof>(&borsh::to_vec(&proof).unwrap()).is_err());
    let many = merge(vec![segment(1, 1); MERGE_CHILDREN_MAX + 1]);
    assert!(borsh::from_slice::<Job>(&borsh::to_vec(&many).unwrap()).is_err());
    let job = merge(vec![segment(1, 1); MERGE_CHILDREN_MAX]);
    assert_eq!(
        borsh::from_slice::<Job>(&borsh::to_vec(&job).unwrap()).unwrap(),
        job
    );
}

/// The number of steps is looked at before any of them is read.
#[test]
fn steps_that_are_read_fit_into_a_leaf() {
    let state = Job::State(StateInput {
        genesis_id: digest(1),
        start: StateBoundary::at_start(&MemoryState::new(), 0).unwrap(),
        steps: vec![],
    });
    let settlement = Job::Settlement(SettlementInput {
        start: SettlementBoundary::START,
        challenges: SettlementChallenges {
            alpha: [Element::ZERO; 2],
            z: [Element::ZERO; 3],
        },
        steps: vec![],
    });
    for (track, job) in [(Track::State, state), (Track::Settlement, settlement)] {
        let encoded = borsh::to_vec(&job).unwrap();
        assert_eq!(borsh::from_slice::<Job>(&encoded).unwrap(), job);
        let (head, _) = encoded.split_last_chunk::<4>().unwrap();
        let units = u32::try_from(track.leaf_units()).unwrap();
        for (count, is_bound) in [(units, false), (units + 1, true)] {
            let bytes = [head, &count.to_le_bytes()].concat();
            let error = borsh::from_slice::<Job>(&bytes).unwrap_err().to_string();
            assert_eq!(error.contains("the limit is"), is_bound, "{track:?} {error}");
        }
    }
}
