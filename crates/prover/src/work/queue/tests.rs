//! The queue, step by step.

use super::*;
use agoge_protocol::B256;

const A: WorkerId = WorkerId(0);
const B: WorkerId = WorkerId(1);

fn id(number: u8) -> JobId {
    JobId::block(B256::repeat_byte(number), &[])
}

fn job(number: u8, kind: JobKind, needs: &[u8], epoch: u64) -> WantedJob {
    WantedJob {
        id: id(number),
        kind,
        needs: needs.iter().map(|need| id(*need)).collect(),
        epoch,
    }
}

/// Two leaves, their merge, and the root of epoch 5; a leaf of epoch 4.
fn jobs() -> Vec<WantedJob> {
    vec![
        job(9, JobKind::Root, &[3], 5),
        job(3, JobKind::Merge(Track::State), &[1, 2], 5),
        job(1, JobKind::Leaf(Track::State), &[], 5),
        job(2, JobKind::Leaf(Track::State), &[], 5),
        job(4, JobKind::Leaf(Track::Settlement), &[], 4),
    ]
}

fn queue() -> JobQueue {
    let mut queue = JobQueue::default();
    queue.add_worker(A);
    queue.add_worker(B);
    assert_eq!(queue.set_wanted(jobs(), |_| false), 0);
    queue
}

#[test]
fn older_epochs_first_and_needs_before_what_needs_them() {
    let mut queue = queue();
    assert_eq!(queue.take(A, 0), Some(id(4)));
    let mut taken: Vec<_> = (0..3).filter_map(|_| queue.take(B, 0)).collect();
    taken.sort();
    let mut leaves = [id(1), id(2)];
    leaves.sort();
    assert_eq!(taken, leaves, "the merge waits for both");
    queue.finish(id(1), B);
    assert_eq!(queue.take(B, 0), None);
    queue.finish(id(2), B);
    assert_eq!(queue.take(B, 0), Some(id(3)));
    queue.finish(id(3), B);
    assert_eq!(queue.take(B, 0), Some(id(9)));
    let counts = queue.counts(None);
    assert_eq!((counts.running, counts.done), (2, 3));
    assert_eq!(queue.counts(Some(5)).running, 1);
    assert_eq!(queue.remaining(Some(5)), BTreeMap::from([(JobKind::Root, 1)]));
}

#[test]
fn a_wrong_result_goes_to_another_worker_and_three_of_them_end_the_trust() {
    let mut queue = queue();
    let mut refused = Vec::new();
    for strike in 1..=3_u64 {
        let now = strike * 1_000_000;
        let job = queue.take(A, now).unwrap();
        assert!(!refused.contains(&job), "A does not get it again");
        refused.push(job);
        queue.fail(job, A, Fault::WrongResult, now);
        assert_eq!(queue.is_trusted(A), strike < 3);
    }
    assert_eq!(queue.take(A, 9_000_000), None);
    assert_eq!(queue.trusted_workers(), 1);
    let mut taken: Vec<_> = (0..4).filter_map(|_| queue.take(B, 9_000_000)).collect();
    taken.sort();
    let mut expected = [1, 2, 4].map(id);
    expected.sort();
    assert_eq!(taken, expected);
}

#[test]
fn a_worker_that_fails_at_everything_rests_and_the_others_go_on_at_once() {
    let mut queue = queue();
    let job = queue.take(A, 0).unwrap();
    queue.fail(job, A, Fault::Failed, 0);
    assert_eq!(queue.take(A, 999), None, "A rests for a second");
    assert_eq!(queue.take(B, 0), Some(job), "B gets the job at once");
    queue.finish(job, B);
    let next = queue.take(A, 1_000).unwrap();
    queue.fail(next, A, Fault::Failed, 1_000);
    assert_eq!(queue.take(A, 2_999), None, "then for two");
    assert!(queue.is_trusted(A), "to fail is no fraud");
    let last = queue.take(A, 3_000).unwrap();
    assert_ne!(last, next);
    queue.finish(last, A);
    assert_eq!(queue.take(B, 3_000), Some(next));
    queue.fail(next, B, Fault::Failed, 3_000);
    assert_eq!(queue.counts(None).pausing, 1, "now both have failed at it");
}

#[test]
fn when_every_worker_was_refused_any_may_try_again() {
    let mut queue = JobQueue::default();
    queue.add_worker(A);
    queue.set_wanted([job(1, JobKind::Wrap, &[], 1)], |_| false);
    assert_eq!(queue.take(A, 0), Some(id(1)));
    queue.fail(id(1), A, Fault::WrongResult, 0);
    assert_eq!(queue.take(A, 999), None, "it pauses");
    assert_eq!(queue.take(A, 1_000), Some(id(1)));
}

#[test]
fn the_last_worker_only_rests_and_is_trusted_again_after_a_good_result() {
    let mut queue = JobQueue::default();
    queue.add_worker(A);
    queue.set_wanted([job(1, JobKind::Wrap, &[], 1)], |_| false);
    for round in 1..=5_u64 {
        let now = round * 1_000_000;
        assert_eq!(queue.take(A, now), Some(id(1)), "{round}");
        queue.fail(id(1), A, Fault::WrongResult, now);
        assert_eq!(queue.take(A, now + 999), None, "it rests");
        assert_eq!(queue.trusted_workers(), usize::from(round < 3));
    }
    assert_eq!(queue.take(A, 9_000_000), Some(id(1)));
    queue.finish(id(1), A);
    assert_eq!(queue.trusted_workers(), 1);
}

#[test]
fn an_impossible_job_is_not_tried_again_and_nobody_is_blamed() {
    let mut queue = queue();
    assert_eq!(queue.take(A, 0), Some(id(4)));
    queue.fail(id(4), A, Fault::Impossible, 0);
    assert!(queue.is_impossible(4) && !queue.is_impossible(5));
    assert_eq!(queue.counts(Some(4)).impossible, 1);
    let next = queue.take(A, 0);
    assert!(next.is_some() && next != Some(id(4)), "A goes on with others");
    let taken: Vec<_> = (0..4).filter_map(|_| queue.take(B, u64::MAX)).collect();
    assert!(!taken.contains(&id(4)));
    // As long as it is wanted it stays impossible.
    queue.set_wanted(jobs(), |_| false);
    assert!(queue.is_impossible(4));
    queue.set_wanted([], |_| false);
    assert!(!queue.is_impossible(4));
}

#[test]
fn pauses_grow_and_have_a_bound() {
    let pauses = [1, 2, 3, 6, 7, 8, 200].map(pause_ms);
    assert_eq!(pauses, [1_000, 2_000, 4_000, 32_000, 60_000, 60_000, 60_000]);
}

#[test]
fn jobs_kept_too_long_are_given_to_another_and_a_late_result_still_counts() {
    let mut queue = queue();
    let job = queue.take(A, 0).unwrap();
    assert_eq!(queue.expire(1_000, 999), []);
    assert_eq!(queue.expire(1_000, 1_000), [(job, A)]);
    assert_ne!(queue.take(A, 1_000), Some(job));
    assert_eq!(queue.take(B, 1_000), Some(job));
    // A fails late: B keeps the job.
    queue.fail(job, A, Fault::Failed, 1_001);
    assert_eq!(queue.expire(1_000, 1_500), []);
    queue.finish(job, B);
    assert!(queue.is_done(job));
}

#[test]
fn a_new_plan_keeps_what_is_known_of_jobs_that_stay() {
    let mut queue = queue();
    let running = queue.take(A, 0).unwrap();
    let kept: Vec<_> = jobs().into_iter().filter(|job| job.epoch == 4).collect();
    queue.set_wanted(kept, |_| false);
    assert_eq!(running, id(4));
    assert_eq!(queue.counts(None).running, 1);
    assert_eq!(queue.ids(), BTreeSet::from([id(4)]));
    // After a restart results that are at hand are not made again.
    queue.set_wanted(jobs(), |job| job == id(1));
    assert!(queue.is_done(id(1)) && !queue.is_done(id(2)));
    // A result that was lost is.
    queue.set_wanted(jobs(), |_| false);
    assert!(!queue.is_done(id(1)));
    queue.finish(id(77), A);
    queue.fail(id(77), A, Fault::Failed, 0);
    assert!(
        queue.job(id(77)).is_none(),
        "a result of a dropped job is nothing"
    );
}

#[test]
fn the_number_of_jobs_is_bounded() {
    let mut queue = JobQueue::default();
    let many = (0..JOBS_MAX + 3).map(|number| WantedJob {
        id: JobId::block(B256::from(agoge_protocol::U256::from(number)), &[]),
        kind: JobKind::Root,
        needs: Vec::new(),
        epoch: 0,
    });
    assert_eq!(queue.set_wanted(many, |_| false), 3);
    assert_eq!(queue.counts(None).waiting, JOBS_MAX);
}
