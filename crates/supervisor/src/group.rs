//! A part of the process that comes and goes: started, named, stopped and failed apart from the rest.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tracing::Span;

use crate::supervisor::{Failure, Spawner};

tokio::task_local! {
    /// The running task's group, for its metrics.
    static GROUP: Option<GroupLabel>;
}

/// What a group's metrics and log lines are marked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupLabel {
    /// Name of the label.
    pub key: &'static str,
    /// Its value.
    pub value: Arc<str>,
}

/// Tasks that stop together, and without the rest of the process. A task that fails stops its group only; a panic is a bug, of which nobody
/// knows how far it reaches, and stops the process as everywhere.
#[derive(Debug)]
pub struct Group {
    spawner: Spawner,
}

/// How a group ended.
#[derive(Debug)]
pub struct Ended {
    /// The first task that failed, and how; `None` when the stop was asked for.
    pub failure: Option<(&'static str, Failure)>,
    /// Tasks that had not stopped at the end of the grace time.
    pub remaining: Vec<&'static str>,
}

impl Group {
    /// An empty group among the tasks of `parent`, stopped with it.
    pub fn new(parent: &Spawner, label: GroupLabel) -> Self {
        Self {
            spawner: parent.child(label),
        }
    }

    /// Starts tasks in the group. Its token is cancelled when the group stops, its `stop` stops the group.
    pub fn spawner(&self) -> Spawner {
        self.spawner.clone()
    }

    /// Waits until the group was asked to stop or failed, and its tasks have ended, for which they have `grace`.
    pub async fn ended(self, grace: Duration) -> Ended {
        let (failure, remaining) = self.spawner.stopped(grace).await;
        Ended { failure, remaining }
    }
}

/// The label of the task that runs this.
pub(crate) fn current_label() -> Option<GroupLabel> {
    GROUP.try_with(Clone::clone).ok().flatten()
}

pub(crate) async fn scoped<T>(label: Option<GroupLabel>, task: impl Future<Output = T>) -> T {
    GROUP.scope(label, task).await
}

pub(crate) fn scoped_sync<T>(label: Option<GroupLabel>, work: impl FnOnce() -> T) -> T {
    GROUP.sync_scope(label, work)
}

/// What log lines of a group's tasks stand in; nothing outside of groups.
pub(crate) fn span(label: Option<&GroupLabel>) -> Span {
    label.map_or_else(Span::none, |label| {
        tracing::info_span!(parent: None, "group", "{}", format_args!("{}={}", label.key, label.value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ActorError, Severity, Stop, Supervisor};

    const GRACE: Duration = Duration::from_secs(5);

    #[derive(Debug, thiserror::Error)]
    #[error("disk is gone")]
    struct Broken;

    impl ActorError for Broken {
        fn severity(&self) -> Severity {
            Severity::Fatal
        }
    }

    fn group(supervisor: &Supervisor) -> Group {
        let label = GroupLabel {
            key: "part",
            value: "2".into(),
        };
        Group::new(&supervisor.spawner(), label)
    }

    fn wait_in(spawner: &Spawner, name: &'static str) {
        let cancel = spawner.token();
        spawner.spawn(name, async move {
            cancel.cancelled().await;
            Ok::<(), std::convert::Infallible>(())
        });
    }

    #[tokio::test]
    async fn a_failure_stops_its_group_and_nothing_else() {
        let supervisor = Supervisor::new();
        let (root, group) = (supervisor.spawner(), group(&supervisor));
        wait_in(&root, "outside");
        wait_in(&group.spawner(), "inside");
        assert!(
            root.running().contains(&"inside"),
            "a group's tasks are the process's"
        );
        group.spawner().spawn("store", async { Err(Broken) });
        let ended = group.ended(GRACE).await;
        assert!(matches!(
            ended.failure,
            Some((
                "store",
                Failure::Error {
                    severity: Severity::Fatal,
                    ..
                }
            ))
        ));
        assert!(ended.remaining.is_empty());
        assert_eq!(root.running(), ["outside"]);
        assert!(!root.token().is_cancelled());
        root.stop();
        assert_eq!(supervisor.run(GRACE).await.unwrap(), Stop::Requested);
    }

    #[tokio::test]
    async fn a_group_stops_alone_when_told_and_with_its_process() {
        let supervisor = Supervisor::new();
        let [first, second] = [group(&supervisor), group(&supervisor)];
        let inside = second.spawner();
        wait_in(&first.spawner(), "first");
        wait_in(&inside, "second");
        first.spawner().stop();
        assert!(first.ended(GRACE).await.failure.is_none());
        assert_eq!(supervisor.spawner().running(), ["second"]);
        supervisor.spawner().stop();
        assert_eq!(supervisor.run(GRACE).await.unwrap(), Stop::Requested);
        assert!(inside.token().is_cancelled() && inside.running().is_empty());
        assert!(second.ended(GRACE).await.failure.is_none());
    }

    #[tokio::test]
    async fn tasks_and_blocking_work_know_their_group() {
        let supervisor = Supervisor::new();
        let group = group(&supervisor);
        let value = || current_label().map(|label| label.value);
        let inside = group.spawner().spawn_blocking("look", value).await.unwrap();
        assert_eq!(inside.as_deref(), Some("2"));
        assert_eq!(
            supervisor.spawner().spawn_blocking("look", value).await.unwrap(),
            None
        );
        assert_eq!(value(), None);
    }
}
