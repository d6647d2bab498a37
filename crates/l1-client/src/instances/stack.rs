//! All that runs for an instance, from its start to its end.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use agoge_protocol::{Address, L1Block};
use agoge_supervisor::{Ended, Group, GroupLabel, Health, Lost, Spawner};
use tokio::sync::oneshot;

use super::words::{Launch, Unknown};
use crate::call::At;
use crate::instance::InstanceFacts;

/// Label of an instance's metrics. Not `instance`, which Prometheus gives to every scraped process.
const LABEL: &str = "rollup_instance";
/// Name of an instance's stack on health pages, within its part.
pub(super) const STACK: &str = "stack";
/// Time that a stack's tasks have to end.
const GRACE: Duration = Duration::from_secs(15);

/// What a program runs for each instance.
pub trait Stacks: Send + Sync + 'static {
    /// Why a stack does not start.
    type Error: core::error::Error + From<Lost> + Send + 'static;

    /// Whether this program can serve an instance as it is `at` an L1 block, beyond what every program asks of one.
    fn fits(&self, _facts: &InstanceFacts, _at: At) -> impl Future<Output = Result<(), Unknown>> + Send {
        core::future::ready(Ok(()))
    }

    /// Starts an instance's tasks with `spawner`, with whose group they stop. Of an error the caller stops the group.
    fn start(&self, launch: Launch, spawner: Spawner)
    -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// An instance's stack has ended.
    fn ended(&self, rollup: Address);

    /// The Registry's list was read at this L1 block.
    fn at_head(&self, _head: L1Block) {}
}

/// An instance's part of the health pages.
pub fn health_of(health: &Health, number: u32) -> Health {
    health.of_part(&format!("instance-{number}"))
}

/// See the module.
#[derive(Debug)]
pub(super) struct Stack<E> {
    pub(super) rollup: Address,
    group: Group,
    started: oneshot::Receiver<Result<(), E>>,
}

impl<E: core::error::Error + From<Lost> + Send + 'static> Stack<E> {
    /// Starts a stack in a group of its own.
    pub(super) fn launch<S: Stacks<Error = E>>(
        stacks: &Arc<S>,
        launch: Launch,
        health: &Health,
        parent: &Spawner,
    ) -> Self {
        let label = GroupLabel {
            key: LABEL,
            value: launch.number.to_string().into(),
        };
        let health = health_of(health, launch.number);
        health.remove_part();
        health.register(STACK);
        let group = Group::new(parent, label);
        let (spawner, stacks) = (group.spawner(), Arc::clone(stacks));
        let (report, started) = oneshot::channel();
        let facts = launch.facts;
        group.spawner().spawn("instance-start", async move {
            let cancel = spawner.token();
            let result = tokio::select! {
                () = cancel.cancelled() => return Ok::<(), Infallible>(()),
                result = Box::pin(stacks.start(launch, spawner)) => result,
            };
            if result.is_ok() {
                health.set(STACK, Ok(()));
                tracing::info!(
                    number = launch.number, genesis_id = %facts.genesis_id, version = facts.version.number(),
                    rollup = %facts.contracts.rollup, activation = %launch.activation, "instance runs"
                );
            } else {
                cancel.cancel();
            }
            // Whoever waited for the start may be stopping.
            report.send(result).ok();
            Ok(())
        });
        Self {
            rollup: facts.contracts.rollup,
            group,
            started,
        }
    }

    /// Waits for the start; once.
    ///
    /// # Errors
    /// The stack's; it is stopping then.
    pub(super) async fn started(&mut self) -> Result<(), E> {
        let lost = Lost {
            task: "instance-start",
        };
        (&mut self.started).await.unwrap_or_else(|_| Err(lost.into()))
    }

    /// Waits for the start; why there was none, unless it was cut short.
    pub(super) async fn start_failure(&mut self) -> Option<String> {
        match (&mut self.started).await {
            Ok(Err(error)) => Some(format!("does not start: {error}")),
            Ok(Ok(())) | Err(_) => None,
        }
    }

    /// Of the stack's group: its `stop` stops the stack.
    pub(super) fn spawner(&self) -> Spawner {
        self.group.spawner()
    }

    /// Waits for the end; why, when nobody had asked for it.
    pub(super) async fn ended(self, start_failure: Option<String>) -> Option<String> {
        let Ended { failure, remaining } = self.group.ended(GRACE).await;
        if !remaining.is_empty() {
            tracing::warn!(?remaining, "an instance's tasks did not stop in time");
        }
        start_failure.or_else(|| failure.map(|(task, failure)| format!("{task}: {failure}")))
    }
}
