//! The pool: everything is proven whatever some workers do, and nothing twice.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use agoge_prover::runtime::{Goal, ProofMaker as _};
use agoge_prover::work::{Pool, PoolConfig, Recipes, SharedWorker, Task, WorkError, Worker};
use agoge_supervisor::{Spawner, Supervisor, SystemClock};

use crate::support::{Conduct, FakeCircuits, FakeWorker, Finished, SHAPE, good};

const CONFIG: PoolConfig = PoolConfig {
    job_timeout_ms: 60_000,
};

fn start(finished: &Finished, dir: &Path, workers: &[Arc<FakeWorker>], spawner: &Spawner) -> Pool {
    let shared = |worker: &Arc<FakeWorker>| SharedWorker::new(Arc::clone(worker) as Arc<dyn Worker>);
    let workers = workers.iter().map(shared);
    Pool::start(
        finished.library(dir),
        Arc::new(FakeCircuits),
        workers.collect(),
        CONFIG,
        Arc::new(SystemClock),
        spawner,
    )
}

/// Waits for the proof of a goal.
async fn proof(pool: &Pool, goal: &Goal) -> Arc<Vec<u8>> {
    let wait = async {
        loop {
            if let Some(proof) = pool.proof(goal) {
                return proof;
            }
            pool.set_goals(vec![goal.clone()]);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), wait)
        .await
        .expect("the epoch is proven")
}

/// Jobs of a goal.
fn jobs(finished: &Finished, goal: &Goal) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let mut stream = finished.library(dir.path()).stream(&goal.blocks).unwrap();
    stream.statement = goal.statement.as_ref().map(|statement| statement.inputs);
    Recipes::new(agoge_protocol::B256::repeat_byte(7), &SHAPE, &stream)
        .jobs
        .len()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_is_proven_once_and_found_done_after_a_restart() {
    let (finished, dir) = (Finished::new(4, 10), tempfile::tempdir().unwrap());
    let goal = finished.goal(true);
    let supervisor = Supervisor::new();
    let worker = FakeWorker::new(Conduct::Honest);
    let first = {
        let pool = start(
            &finished,
            dir.path(),
            &[Arc::clone(&worker)],
            &supervisor.spawner(),
        );
        proof(&pool, &goal).await
    };
    let all = jobs(&finished, &goal);
    assert_eq!(worker.count(), all, "each job once");
    supervisor.spawner().stop();

    let supervisor = Supervisor::new();
    let idle = FakeWorker::new(Conduct::Honest);
    let pool = start(&finished, dir.path(), &[Arc::clone(&idle)], &supervisor.spawner());
    assert_eq!(proof(&pool, &goal).await, first);
    assert_eq!(idle.count(), 0, "everything was kept");
    let progress = pool.progress(goal.key.epoch);
    assert_eq!((progress.jobs.done, progress.eta_seconds), (all, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn work_begins_before_the_epoch_is_over_and_goes_on() {
    let (finished, dir) = (Finished::new(6, 20), tempfile::tempdir().unwrap());
    let supervisor = Supervisor::new();
    let worker = FakeWorker::new(Conduct::Honest);
    let pool = start(
        &finished,
        dir.path(),
        &[Arc::clone(&worker)],
        &supervisor.spawner(),
    );
    let open = finished.goal(false);
    let early = jobs(&finished, &open);
    pool.set_goals(vec![open.clone()]);
    tokio::time::timeout(Duration::from_secs(120), async {
        while worker.count() < early {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("full leaves and merges are done early");
    assert!(early > 5);
    let goal = finished.goal(true);
    proof(&pool, &goal).await;
    assert_eq!(
        worker.count(),
        jobs(&finished, &goal),
        "what was done early is not done again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_workers_are_found_out_and_the_epoch_is_proven() {
    let finished = Finished::new(3, 9);
    let goal = finished.goal(true);
    for conduct in [
        Conduct::Garbage,
        Conduct::AnotherJobs,
        Conduct::TooMuch,
        Conduct::Nothing,
        Conduct::Panics,
    ] {
        let dir = tempfile::tempdir().unwrap();
        let supervisor = Supervisor::new();
        let (bad, honest) = (FakeWorker::new(conduct), FakeWorker::new(Conduct::Honest));
        let workers = [Arc::clone(&bad), Arc::clone(&honest)];
        let pool = start(&finished, dir.path(), &workers, &supervisor.spawner());
        let found = proof(&pool, &goal).await;

        let alone = tempfile::tempdir().unwrap();
        let pool_alone = start(
            &finished,
            alone.path(),
            &[FakeWorker::new(Conduct::Honest)],
            &supervisor.spawner(),
        );
        assert_eq!(found, proof(&pool_alone, &goal).await, "{conduct:?}");
        let (trusted, all) = pool.trusted_workers();
        let is_blamed = matches!(
            conduct,
            Conduct::Garbage | Conduct::AnotherJobs | Conduct::TooMuch
        );
        assert_eq!(all, 2);
        if is_blamed && bad.count() >= 3 {
            assert_eq!(trusted, 1, "{conduct:?}: three wrong results end the trust");
            assert_eq!(bad.count(), 3, "{conduct:?}: it gets nothing more");
        } else {
            assert!(trusted >= 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_result_is_made_again() {
    let (finished, dir) = (Finished::new(2, 6), tempfile::tempdir().unwrap());
    let open = finished.goal(false);
    let supervisor = Supervisor::new();
    let worker = FakeWorker::new(Conduct::Honest);
    let early = jobs(&finished, &open);
    {
        let pool = start(
            &finished,
            dir.path(),
            &[Arc::clone(&worker)],
            &supervisor.spawner(),
        );
        pool.set_goals(vec![open]);
        tokio::time::timeout(Duration::from_secs(120), async {
            while pool.progress(finished.epoch.epoch()).jobs.done < early {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .expect("done early");
        supervisor.spawner().stop();
    }
    // Every kept file is damaged, witnesses and results alike.
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        std::fs::write(entry.unwrap().path(), b"damaged").unwrap();
    }
    let supervisor = Supervisor::new();
    let goal = finished.goal(true);
    let pool = start(
        &finished,
        dir.path(),
        &[FakeWorker::new(Conduct::Honest)],
        &supervisor.spawner(),
    );
    let found = proof(&pool, &goal).await;
    let clean = tempfile::tempdir().unwrap();
    let pool = start(
        &finished,
        clean.path(),
        &[FakeWorker::new(Conduct::Honest)],
        &supervisor.spawner(),
    );
    assert_eq!(found, proof(&pool, &goal).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rest_of_an_epoch_is_another_proof_and_both_are_made() {
    use agoge_protocol::L2BlockNumber;
    use agoge_prover::epochs::Statement;
    use agoge_prover::runtime::GoalKey;
    let (finished, dir) = (Finished::new(5, 12), tempfile::tempdir().unwrap());
    let whole = finished.goal(true);
    // Block 2 is the first of the epoch; another prover has proven 2 and 3.
    let first = L2BlockNumber::new(4);
    let blocks = finished.epoch.blocks().since(first);
    assert_eq!(
        blocks.start_archive,
        finished.epoch.blocks().blocks[1].record.free_fields.archive
    );
    let statement = Statement::new(
        finished.epoch.claimant(),
        finished.epoch.timing(),
        &blocks,
        &finished.epoch.blobs()[2..],
    )
    .unwrap();
    assert_ne!(statement.inputs, finished.statement.inputs);
    assert_eq!(
        statement.inputs.end_archive,
        finished.statement.inputs.end_archive
    );
    let rest = Goal {
        key: GoalKey {
            first,
            ..whole.key.clone()
        },
        blocks: Arc::new(blocks),
        statement: Some(Arc::new(statement)),
    };
    let supervisor = Supervisor::new();
    let pool = start(
        &finished,
        dir.path(),
        &[FakeWorker::new(Conduct::Honest)],
        &supervisor.spawner(),
    );
    let of_rest = proof(&pool, &rest).await;
    let of_whole = proof(&pool, &whole).await;
    assert_ne!(of_rest, of_whole);
    assert_eq!(
        proof(&pool, &rest).await,
        of_rest,
        "results are kept for a while when goals change"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_batch_says_nothing_about_the_time_of_a_full_one() {
    let (finished, dir) = (Finished::new(2, 0), tempfile::tempdir().unwrap());
    let supervisor = Supervisor::new();
    let worker = FakeWorker::new(Conduct::Honest);
    let pool = start(&finished, dir.path(), &[worker], &supervisor.spawner());
    // One transaction against none: a leaf of the transaction track, which has not been timed.
    let leaf = |pool: &Pool| pool.estimate_seconds(1, 1);
    assert!(leaf(&pool) >= 12);
    proof(&pool, &finished.goal(true)).await;
    assert!(leaf(&pool) >= 12, "{}", leaf(&pool));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_that_is_left_is_known_when_all_is_planned() {
    let (finished, dir) = (Finished::new(4, 10), tempfile::tempdir().unwrap());
    let supervisor = Supervisor::new();
    let worker = FakeWorker::new(Conduct::Honest);
    let pool = start(&finished, dir.path(), &[worker], &supervisor.spawner());
    let (open, goal) = (finished.goal(false), finished.goal(true));
    pool.set_goals(vec![open.clone()]);
    let early = jobs(&finished, &open);
    tokio::time::timeout(Duration::from_secs(120), async {
        while pool.progress(goal.key.epoch).jobs.done < early {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("done early");
    assert_eq!(pool.progress(goal.key.epoch).eta_seconds, 0);
    assert_eq!(pool.remaining_seconds(&open), None, "the rest is not planned");
    proof(&pool, &goal).await;
    assert_eq!(pool.remaining_seconds(&goal), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_impossible_is_tried_once_and_its_epoch_is_given_up() {
    let (finished, dir) = (Finished::new(2, 6), tempfile::tempdir().unwrap());
    let supervisor = Supervisor::new();
    let worker = FakeWorker::new(Conduct::Impossible);
    let pool = start(
        &finished,
        dir.path(),
        &[Arc::clone(&worker)],
        &supervisor.spawner(),
    );
    let goal = finished.goal(true);
    assert!(!pool.is_impossible(&goal));
    pool.set_goals(vec![goal.clone()]);
    tokio::time::timeout(Duration::from_secs(120), async {
        while pool.progress(goal.key.epoch).jobs.impossible == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("it is found out");
    assert!(pool.is_impossible(&goal) && pool.has_workers());
    // Longer than the first pauses of a failure.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let leaves = pool.progress(goal.key.epoch).jobs.impossible;
    assert_eq!(worker.count(), leaves, "each once");
}

/// Honest but slow; counts who is at work at the same time.
#[derive(Default)]
struct Crowd {
    at_work: AtomicUsize,
    most: AtomicUsize,
    tasks: AtomicUsize,
}

impl Worker for Crowd {
    fn work(&self, task: &Task) -> Result<Vec<u8>, WorkError> {
        let at_work = self.at_work.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(at_work, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(3));
        self.tasks.fetch_add(1, Ordering::SeqCst);
        self.at_work.fetch_sub(1, Ordering::SeqCst);
        Ok(good(task))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_with_one_worker_do_one_job_at_a_time() {
    let instances = [Finished::new(3, 9), Finished::new(2, 6)];
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (supervisor, crowd) = (Supervisor::new(), Arc::new(Crowd::default()));
    let worker = SharedWorker::new(Arc::clone(&crowd) as Arc<dyn Worker>);
    let pool = |number: usize| {
        Pool::start(
            instances[number].library(dirs[number].path()),
            Arc::new(FakeCircuits),
            vec![worker.clone()],
            CONFIG,
            Arc::new(SystemClock),
            &supervisor.spawner(),
        )
    };
    let (old, new) = (pool(0), pool(1));
    let goals = [instances[0].goal(true), instances[1].goal(true)];
    let (of_old, of_new) = tokio::join!(proof(&old, &goals[0]), proof(&new, &goals[1]));
    assert_ne!(of_old, of_new);
    assert_eq!(crowd.most.load(Ordering::SeqCst), 1, "never two");
    let all = jobs(&instances[0], &goals[0]) + jobs(&instances[1], &goals[1]);
    assert_eq!(crowd.tasks.load(Ordering::SeqCst), all);

    // Without the turns they would.
    let alone = |number: usize| {
        let dir = tempfile::tempdir().unwrap();
        let worker = SharedWorker::new(Arc::clone(&crowd) as Arc<dyn Worker>);
        let pool = Pool::start(
            instances[number].library(dir.path()),
            Arc::new(FakeCircuits),
            vec![worker],
            CONFIG,
            Arc::new(SystemClock),
            &supervisor.spawner(),
        );
        (pool, dir)
    };
    let ((old, _old_dir), (new, _new_dir)) = (alone(0), alone(1));
    tokio::join!(proof(&old, &goals[0]), proof(&new, &goals[1]));
    assert!(crowd.most.load(Ordering::SeqCst) > 1, "the test sees two at once");
}
