//! Named tasks under one roof: started here, counted here, stopped together.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::PanicHookInfo;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::Instrument as _;

use crate::backoff::Backoff;
use crate::group::{GroupLabel, scoped, scoped_sync, span};
use crate::severity::{ActorError, Severity};
use crate::systemd;

tokio::task_local! {
    /// Name of the running task, for the panic hook.
    static TASK: &'static str;
}

thread_local! {
    /// Whether this thread is inside [`contained`].
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Shortest and longest pause before a task is started again.
const RESTART_PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));

/// Why a task made the process stop.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It returned an error.
    #[error("{severity} error: {error}")]
    Error {
        /// The error's own class.
        severity: Severity,
        /// The error.
        error: Box<dyn ActorError>,
    },
    /// It panicked. The message is left out: it may hold a secret.
    #[error("panicked at {location}")]
    Panicked {
        /// File and line, as far as known.
        location: String,
    },
}

/// Why [`Supervisor::run`] ended otherwise than asked.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A task failed; all others were told to stop.
    #[error("task {task} failed: {failure}")]
    Task {
        /// The task.
        task: &'static str,
        /// What happened.
        #[source]
        failure: Failure,
        /// Tasks that had not stopped at the end of the grace time.
        remaining: Vec<&'static str>,
    },
    /// A stop was asked for and these tasks had not stopped at the end of the grace time.
    #[error("tasks did not stop in time: {remaining:?}")]
    Remaining {
        /// Their names.
        remaining: Vec<&'static str>,
    },
    /// The system refused to tell us of signals.
    #[error("cannot listen for signals: {0}")]
    Signals(#[source] std::io::Error),
}

/// Why a program stopped in good order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// SIGINT.
    Interrupted,
    /// SIGTERM.
    Terminated,
    /// [`Spawner::stop`] was called.
    Requested,
}

/// The result of work was lost: the work panicked (the process is stopping), or the runtime is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{task} ended without a result")]
pub struct Lost {
    /// The task.
    pub task: &'static str,
}

/// Owner of all tasks of a process; made once, by `main`.
#[derive(Debug, Default)]
pub struct Supervisor {
    spawner: Spawner,
}

/// Starts tasks. Clones belong to the same [`Supervisor`].
#[derive(Clone, Debug, Default)]
pub struct Spawner {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    cancel: CancellationToken,
    tracker: TaskTracker,
    /// Bound: one entry for each task that runs.
    running: Mutex<Running>,
    /// The first failure only.
    failure: Mutex<Option<(&'static str, Failure)>>,
    /// Of a group: its name and whose part it is.
    label: Option<GroupLabel>,
    parent: Option<Arc<Shared>>,
}

#[derive(Debug, Default)]
struct Running {
    next: u64,
    names: BTreeMap<u64, &'static str>,
}

impl Supervisor {
    /// A supervisor without tasks.
    pub fn new() -> Self {
        Self::default()
    }

    /// For actors that start tasks.
    pub fn spawner(&self) -> Spawner {
        self.spawner.clone()
    }

    /// See [`Spawner::spawn`].
    pub fn spawn<E: ActorError>(
        &self,
        name: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        self.spawner.spawn(name, task);
    }

    /// Waits for SIGINT, SIGTERM, [`Spawner::stop`] or a failed task; then cancels all tasks and waits `grace` for them. A second
    /// signal ends the wait.
    ///
    /// Blocking work cannot be interrupted: after [`RunError::Remaining`] let the process exit rather than the runtime be dropped.
    ///
    /// # Errors
    /// [`RunError`], naming tasks.
    pub async fn run(self, grace: Duration) -> Result<Stop, RunError> {
        let shared = self.spawner.shared;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::Signals)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(RunError::Signals)?;
        let stop = tokio::select! {
            () = shared.cancel.cancelled() => Stop::Requested,
            stop = next_signal(&mut interrupt, &mut terminate) => stop,
        };
        match &*lock(&shared.failure) {
            Some((task, _)) => tracing::error!(task, "stopping after a failure"),
            None => tracing::info!(reason = ?stop, "stopping"),
        }
        systemd::notify_stopping();
        shared.cancel.cancel();
        shared.tracker.close();
        tokio::select! {
            () = shared.tracker.wait() => {}
            () = tokio::time::sleep(grace) => {}
            _ = next_signal(&mut interrupt, &mut terminate) => tracing::warn!("second signal: not waiting for tasks"),
        }
        let remaining: Vec<_> = lock(&shared.running).names.values().copied().collect();
        match lock(&shared.failure).take() {
            Some((task, failure)) => Err(RunError::Task {
                task,
                failure,
                remaining,
            }),
            None if remaining.is_empty() => Ok(stop),
            None => Err(RunError::Remaining { remaining }),
        }
    }
}

impl Spawner {
    /// Starts a task. If it panics or returns an error of any class, the process stops: an error that leaves a task is one that
    /// nobody handled. Returning `Ok` is an ordinary end.
    ///
    /// The task must end soon after [`Self::token`] is cancelled.
    pub fn spawn<E: ActorError>(
        &self,
        name: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        let guard = Guard::enter(&self.shared, name);
        let label = self.shared.label.clone();
        let span = span(label.as_ref());
        let task = async move {
            if let Err(error) = task.await {
                guard.fail(Failure::Error {
                    severity: error.severity(),
                    error: Box::new(error),
                });
            }
            drop(guard);
        };
        self.shared
            .tracker
            .spawn(TASK.scope(name, scoped(label, task.instrument(span))));
    }

    /// Starts a task that is made anew after [`Severity::Retry`] and [`Severity::Reset`] errors, after a growing pause. A fatal error
    /// or a panic stops the process. The maker sees the severity of the error before (`None` at first).
    pub fn spawn_restarting<E, F, Make>(&self, name: &'static str, make: Make)
    where
        E: ActorError,
        F: Future<Output = Result<(), E>> + Send + 'static,
        Make: FnMut(Option<Severity>) -> F + Send + 'static,
    {
        self.spawn_restarting_after(name, Backoff::new(RESTART_PAUSE.0, RESTART_PAUSE.1), make);
    }

    fn spawn_restarting_after<E, F, Make>(&self, name: &'static str, mut backoff: Backoff, mut make: Make)
    where
        E: ActorError,
        F: Future<Output = Result<(), E>> + Send + 'static,
        Make: FnMut(Option<Severity>) -> F + Send + 'static,
    {
        let cancel = self.token();
        self.spawn(name, async move {
            let mut last = None;
            loop {
                let started = tokio::time::Instant::now();
                let Err(error) = make(last).await else { return Ok(()) };
                if error.severity() == Severity::Fatal {
                    return Err(error);
                }
                if started.elapsed() > RESTART_PAUSE.1 {
                    backoff.reset();
                }
                let pause = backoff.next_pause();
                tracing::warn!(task = name, severity = %error.severity(), %error, ?pause, "task starts again");
                last = Some(error.severity());
                tokio::select! {
                    () = cancel.cancelled() => return Ok(()),
                    () = tokio::time::sleep(pause) => {}
                }
            }
        });
    }

    /// Runs blocking or long computing work on the blocking pool; the result comes through the future. Dropping the future does not
    /// stop the work. A panic stops the process.
    pub fn spawn_blocking<T, Work>(
        &self,
        name: &'static str,
        work: Work,
    ) -> impl Future<Output = Result<T, Lost>> + Send + use<T, Work>
    where
        T: Send + 'static,
        Work: FnOnce() -> T + Send + 'static,
    {
        let guard = Guard::enter(&self.shared, name);
        let label = self.shared.label.clone();
        let (sender, receiver) = oneshot::channel();
        self.shared.tracker.spawn_blocking(move || {
            let span = span(label.as_ref());
            let result = TASK.sync_scope(name, || scoped_sync(label, || span.in_scope(work)));
            // The caller may have stopped waiting.
            sender.send(result).ok();
            drop(guard);
        });
        async move { receiver.await.map_err(|_| Lost { task: name }) }
    }

    /// Cancelled when the process, or this spawner's group, stops.
    pub fn token(&self) -> CancellationToken {
        self.shared.cancel.clone()
    }

    /// Asks the process to stop in good order; a group's spawner stops its group only.
    pub fn stop(&self) {
        self.shared.cancel.cancel();
    }

    /// Names of the tasks that run, for health pages and tests.
    pub fn running(&self) -> Vec<&'static str> {
        lock(&self.shared.running).names.values().copied().collect()
    }

    /// A part of the process that can stop, or fail, without the rest. See [`Group`](crate::Group).
    pub(crate) fn child(&self, label: GroupLabel) -> Self {
        let shared = Shared {
            cancel: self.shared.cancel.child_token(),
            label: Some(label),
            parent: Some(Arc::clone(&self.shared)),
            ..Shared::default()
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Waits until no task runs, once a stop was asked for, at most `grace`; then the first failure and what still runs.
    pub(crate) async fn stopped(
        &self,
        grace: Duration,
    ) -> (Option<(&'static str, Failure)>, Vec<&'static str>) {
        self.shared.cancel.cancelled().await;
        self.shared.tracker.close();
        // What is left when the time is over is told.
        tokio::time::timeout(grace, self.shared.tracker.wait()).await.ok();
        (lock(&self.shared.failure).take(), self.running())
    }
}

/// Makes every panic of the process, in tasks of ours or of libraries, stop it through its supervisor; those inside [`contained`] are
/// logged only. Logs where it happened and not its message, which may hold a secret.
pub fn install_panic_hook(spawner: &Spawner) {
    let shared = Arc::clone(&spawner.shared);
    std::panic::set_hook(Box::new(move |info| {
        let (task, location) = (
            TASK.try_with(|name| *name).unwrap_or("unnamed"),
            location_of(info),
        );
        if CONTAINED.get() {
            tracing::error!(task, %location, "panicked; contained");
        } else {
            tracing::error!(task, %location, "panicked");
            shared.fail(task, Failure::Panicked { location });
        }
    }));
}

/// Runs work that catches its own panics (`catch_unwind` around a library that is fed outside data): the panic hook, which runs before
/// anything is caught, then logs them and does not stop the process.
///
/// It covers this thread alone: a panic on a thread that the work hands parts to still stops the process. A panic that leaves the work
/// uncaught goes on as any other, and stops the process when it leaves a supervised task.
pub fn contained<T>(work: impl FnOnce() -> T) -> T {
    let _restore = RestoreContained(CONTAINED.replace(true));
    work()
}

/// Marks a thread of a library's pool, for as long as it lives: its panics are logged and do not stop the process. For threads that do parts
/// of work which is [`contained`] where it was started.
pub fn contain_thread() {
    CONTAINED.set(true);
}

/// Sets the flag back to what it was, also when the work unwinds.
struct RestoreContained(bool);

impl Drop for RestoreContained {
    fn drop(&mut self) {
        CONTAINED.set(self.0);
    }
}

fn location_of(info: &PanicHookInfo<'_>) -> String {
    info.location()
        .map_or_else(|| "an unknown place".to_owned(), ToString::to_string)
}

async fn next_signal(interrupt: &mut Signal, terminate: &mut Signal) -> Stop {
    tokio::select! {
        _ = interrupt.recv() => Stop::Interrupted,
        _ = terminate.recv() => Stop::Terminated,
    }
}

impl Shared {
    fn fail(&self, task: &'static str, failure: Failure) {
        lock(&self.failure).get_or_insert((task, failure));
        self.cancel.cancel();
    }
}

/// Strikes a task off the list when it ends, however it ends.
struct Guard {
    shared: Arc<Shared>,
    id: u64,
    name: &'static str,
    /// A group's task is one of its parent's, too, which waits for it.
    _of_parent: Option<(Box<Guard>, TaskTrackerToken)>,
}

impl Guard {
    fn enter(shared: &Arc<Shared>, name: &'static str) -> Self {
        let id = {
            let mut running = lock(&shared.running);
            let id = running.next;
            running.next = id.wrapping_add(1);
            running.names.insert(id, name);
            id
        };
        let of_parent = |parent| (Box::new(Self::enter(parent, name)), parent.tracker.token());
        Self {
            shared: Arc::clone(shared),
            id,
            name,
            _of_parent: shared.parent.as_ref().map(of_parent),
        }
    }

    fn fail(&self, failure: Failure) {
        tracing::error!(task = self.name, %failure, "task failed");
        self.shared.fail(self.name, failure);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        lock(&self.shared.running).names.remove(&self.id);
        if std::thread::panicking() {
            self.shared.fail(
                self.name,
                Failure::Panicked {
                    location: "a supervised task".to_owned(),
                },
            );
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The maps behind these locks are whole after each statement, also after a panic elsewhere.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
