//! The actor that follows the Registry at the L1 head and starts and stops instances as the plan says.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use agoge_l1_client::{At, CallError, RollupReader, Unfit};
use agoge_protocol::{Address, B256};
use agoge_supervisor::{CancellationToken, Ended, Group, GroupLabel, Lost, Spawner};
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use super::error::StartError;
use super::shared::Shared;
use super::stack::start_stack;
use crate::instances::{Input, Launch, Output, Unknown};

/// Label of an instance's metrics. Not `instance`, which Prometheus gives to every scraped process.
const LABEL: &str = "rollup_instance";
/// Name of the Registry's follower on health pages.
const HEALTH: &str = "registry";
/// Name of an instance's stack on health pages, within its part.
const STACK: &str = "stack";
/// Results that wait for the actor: two for each of more instances than there will be.
const INPUTS_MAX: usize = 64;
/// Looks at L1 that may fail in a row: an endpoint may not know the head that another one has told.
const FAILURES_MAX: u32 = 3;
/// Time that a stack's tasks have to end.
const GRACE: Duration = Duration::from_secs(15);

/// All that runs for an instance, from its start to its end.
#[derive(Debug)]
pub(super) struct Stack {
    rollup: Address,
    group: Group,
    started: oneshot::Receiver<Result<(), StartError>>,
}

impl Stack {
    /// Starts a stack in a group of its own.
    pub(super) fn launch(shared: &Arc<Shared>, launch: Launch) -> Self {
        let label = GroupLabel {
            key: LABEL,
            value: launch.number.to_string().into(),
        };
        let health = shared.health_of(launch.number);
        health.remove_part();
        health.register(STACK);
        let group = Group::new(&shared.spawner, label);
        let (spawner, shared) = (group.spawner(), Arc::clone(shared));
        let (report, started) = oneshot::channel();
        let facts = launch.facts;
        group.spawner().spawn("instance-start", async move {
            let cancel = spawner.token();
            let result = tokio::select! {
                () = cancel.cancelled() => return Ok::<(), Infallible>(()),
                result = Box::pin(start_stack(&shared, launch, spawner)) => result,
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
            report.send(result.map(drop)).ok();
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
    /// [`StartError`]; the stack is stopping then.
    pub(super) async fn started(&mut self) -> Result<(), StartError> {
        let lost = Lost {
            task: "instance-start",
        };
        (&mut self.started).await.unwrap_or(Err(StartError::Lost(lost)))
    }

    /// Waits for the end; why, when nobody had asked for it.
    async fn ended(self, start: Result<(), StartError>) -> Option<String> {
        let Ended { failure, remaining } = self.group.ended(GRACE).await;
        if !remaining.is_empty() {
            tracing::warn!(?remaining, "an instance's tasks did not stop in time");
        }
        match (start, failure) {
            (Err(StartError::Lost(_)) | Ok(()), None) => None,
            (Err(StartError::Lost(_)) | Ok(()), Some((task, failure))) => Some(format!("{task}: {failure}")),
            (Err(error), _) => Some(format!("does not start: {error}")),
        }
    }
}

/// The actor.
#[derive(Debug)]
pub(super) struct InstancesActor {
    // Interfaces.
    shared: Arc<Shared>,
    registry: RollupReader,
    inputs: mpsc::Receiver<Input>,
    results: mpsc::Sender<Input>,
    // State.
    /// The L1 block whose list was taken.
    seen: Option<B256>,
    /// Looks that failed in a row.
    failures: u32,
    /// Bound: the plan's.
    stacks: BTreeMap<Address, Spawner>,
}

impl InstancesActor {
    /// An actor that takes over the stack of the deployment's own instance, which has started.
    pub(super) fn new(shared: Arc<Shared>, registry: RollupReader, home: Stack) -> Self {
        let (results, inputs) = mpsc::channel(INPUTS_MAX);
        let mut actor = Self {
            shared,
            registry,
            inputs,
            results,
            seen: None,
            failures: 0,
            stacks: BTreeMap::new(),
        };
        actor.watch(home, Some(Ok(())));
        actor
    }

    /// Runs until cancelled.
    pub(super) async fn run(mut self, cancel: CancellationToken) -> Result<(), Infallible> {
        self.shared.health.register(HEALTH);
        let interval = Duration::from_millis(self.shared.config.network.l1.poll_interval_ms.max(1));
        let mut tick = tokio::time::interval(interval);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                Some(input) = self.inputs.recv() => self.step(input),
                _ = tick.tick() => {
                    let looked = tokio::select! {
                        () = cancel.cancelled() => return Ok(()),
                        looked = self.look() => looked,
                    };
                    self.tell_health(looked);
                    self.step(Input::Tick);
                }
            }
        }
    }

    /// Takes the Registry's list at the head, once for each head.
    async fn look(&mut self) -> Result<(), CallError> {
        let head = self.shared.l1.head().await?;
        if self.seen == Some(head.hash) {
            return Ok(());
        }
        let instances = self.registry.instances(At::Block(head.hash)).await?;
        self.seen = Some(head.hash);
        self.shared.signals.head.send_replace(Some(head));
        self.step(Input::Listed {
            head: head.number,
            instances,
        });
        Ok(())
    }

    fn tell_health(&mut self, looked: Result<(), CallError>) {
        match looked {
            Ok(()) => {
                self.failures = 0;
                self.shared.health.set(HEALTH, Ok(()));
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                tracing::debug!(%error, failures = self.failures, "the list of instances was not told");
                if self.failures >= FAILURES_MAX {
                    let reason = format!("L1 does not tell the list of instances: {error}");
                    self.shared.health.set(HEALTH, Err(reason));
                }
            }
        }
    }

    fn step(&mut self, input: Input) {
        let now = self.shared.slots.now_unix_ms();
        let outputs = self.shared.plan().as_mut().map(|plan| plan.step(now, input));
        for output in outputs.unwrap_or_default() {
            self.carry_out(output);
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Inspect { rollup, attempt } => self.inspect(rollup, attempt),
            Output::Start(launch) => {
                let stack = Stack::launch(&self.shared, launch);
                self.watch(stack, None);
            }
            Output::Stop { rollup } => {
                tracing::info!(%rollup, "L1 took the instance back: its stack stops, its data stay");
                if let Some(stack) = self.stacks.get(&rollup) {
                    stack.stop();
                }
            }
            Output::Unready { number, reason } => {
                let health = self.shared.health_of(number);
                health.remove_part();
                health.set(STACK, Err(reason));
            }
            Output::Forget { number } => self.shared.health_of(number).remove_part(),
        }
    }

    fn inspect(&self, rollup: Address, attempt: u64) {
        let (registry, network) = (self.registry.clone(), self.shared.config.network.clone());
        let (results, cancel) = (self.results.clone(), self.shared.spawner.token());
        let at = self.seen.map_or(At::Latest, At::Block);
        self.shared.spawner.spawn("instance-inspect", async move {
            let found = tokio::select! {
                () = cancel.cancelled() => return Ok::<(), Infallible>(()),
                found = registry.inspect(rollup, at, &network) => found,
            };
            let result = found.map_err(|unfit: Unfit| Unknown {
                is_transient: unfit.is_transient(),
                reason: unfit.to_string(),
            });
            let input = Input::Inspected {
                rollup,
                attempt,
                result,
            };
            // The actor may be stopping.
            results.send(input).await.ok();
            Ok(())
        });
    }

    /// Waits for a stack's start, if it is not known yet, and for its end.
    fn watch(&mut self, mut stack: Stack, started: Option<Result<(), StartError>>) {
        let rollup = stack.rollup;
        self.stacks.insert(rollup, stack.group.spawner());
        let (shared, results) = (Arc::clone(&self.shared), self.results.clone());
        self.shared.spawner.spawn("instance-watch", async move {
            let started = match started {
                Some(started) => started,
                None => stack.started().await,
            };
            let failure = stack.ended(started).await;
            shared.remove(rollup);
            if let Some(reason) = &failure {
                tracing::error!(%rollup, %reason, "an instance's stack ended; it will be started again");
            }
            // The actor may be stopping.
            results.send(Input::Ended { rollup, failure }).await.ok();
            Ok::<(), Infallible>(())
        });
    }
}
