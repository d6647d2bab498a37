use super::*;
use std::convert::Infallible;

const GRACE: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
#[error("disk is gone")]
struct Broken(Severity);

impl ActorError for Broken {
    fn severity(&self) -> Severity {
        self.0
    }
}

#[tokio::test]
async fn a_requested_stop_waits_for_tasks_and_blocking_work() {
    let supervisor = Supervisor::new();
    let spawner = supervisor.spawner();
    let cancel = spawner.token();
    supervisor.spawn("waiter", async move {
        cancel.cancelled().await;
        Ok::<(), Infallible>(())
    });
    assert_eq!(spawner.spawn_blocking("sum", || 1 + 1).await, Ok(2));
    assert!(spawner.running().contains(&"waiter"));
    spawner.stop();
    assert_eq!(supervisor.run(GRACE).await.unwrap(), Stop::Requested);
    assert!(spawner.running().is_empty());
}

#[tokio::test]
async fn an_error_that_leaves_a_task_stops_the_others_and_is_named() {
    let supervisor = Supervisor::new();
    let cancel = supervisor.spawner().token();
    supervisor.spawn("healthy", async move {
        cancel.cancelled().await;
        Ok::<(), Infallible>(())
    });
    supervisor.spawn("store", async { Err(Broken(Severity::Fatal)) });
    let error = supervisor.run(GRACE).await.unwrap_err();
    let RunError::Task {
        task: "store",
        failure: Failure::Error {
            severity: Severity::Fatal,
            ..
        },
        remaining,
    } = error
    else {
        panic!("{error}");
    };
    assert!(remaining.is_empty());
}

#[tokio::test]
async fn panics_of_tasks_and_of_blocking_work_stop_the_process() {
    let supervisor = Supervisor::new();
    supervisor.spawn::<Infallible>("careless", async { panic!("secret") });
    let error = supervisor.run(GRACE).await.unwrap_err();
    assert!(matches!(
        &error,
        RunError::Task {
            task: "careless",
            failure: Failure::Panicked { .. },
            ..
        }
    ));
    assert!(!error.to_string().contains("secret"));

    let supervisor = Supervisor::new();
    let lost = supervisor
        .spawner()
        .spawn_blocking::<(), _>("prover", || panic!("secret"))
        .await;
    assert_eq!(lost, Err(Lost { task: "prover" }));
    assert!(matches!(
        supervisor.run(GRACE).await,
        Err(RunError::Task { task: "prover", .. })
    ));
}

#[tokio::test]
async fn a_task_that_does_not_stop_is_named_after_the_grace_time() {
    let supervisor = Supervisor::new();
    supervisor.spawn("deaf", std::future::pending::<Result<(), Infallible>>());
    supervisor.spawner().stop();
    let error = supervisor.run(Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, RunError::Remaining { remaining } if remaining == ["deaf"]));
}

#[tokio::test]
async fn a_restarting_task_is_made_again_until_a_fatal_error() {
    let supervisor = Supervisor::new();
    let classes = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&classes);
    let mut outcomes = [Severity::Retry, Severity::Reset, Severity::Fatal].into_iter();
    let at_once = Backoff::with_seed(Duration::ZERO, Duration::ZERO, 1);
    supervisor
        .spawner()
        .spawn_restarting_after("l1", at_once, move |last| {
            lock(&seen).push(last);
            let outcome = outcomes.next();
            async move { outcome.map_or(Ok(()), |severity| Err(Broken(severity))) }
        });
    let error = supervisor.run(GRACE).await.unwrap_err();
    assert!(matches!(error, RunError::Task { task: "l1", .. }));
    assert_eq!(
        *lock(&classes),
        [None, Some(Severity::Retry), Some(Severity::Reset)]
    );
}

#[tokio::test]
async fn a_restarting_task_in_its_pause_ends_with_the_process() {
    let supervisor = Supervisor::new();
    let spawner = supervisor.spawner();
    let stopper = spawner.clone();
    let never = Backoff::with_seed(Duration::MAX, Duration::MAX, 1);
    spawner.spawn_restarting_after("l1", never, move |_| {
        stopper.stop();
        async { Err(Broken(Severity::Retry)) }
    });
    assert_eq!(supervisor.run(GRACE).await.unwrap(), Stop::Requested);
}
