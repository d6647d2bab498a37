//! The actor that follows the Registry at the L1 head and starts and stops instances as the plan says.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use agoge_protocol::{Address, B256, NetworkConfig};
use agoge_supervisor::{CancellationToken, Health, SlotClock, Spawner};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::plan::Plan;
use super::shared_plan::SharedPlan;
use super::stack::{STACK, Stack, Stacks, health_of};
use super::words::{Input, Launch, Output, Unknown};
use crate::call::{At, CallError};
use crate::client::L1Client;
use crate::instance::Unfit;
use crate::reader::RollupReader;

/// Name of the Registry's follower on health pages.
const HEALTH: &str = "registry";
/// Results that wait for the actor: two for each of more instances than there will be.
const INPUTS_MAX: usize = 64;
/// Looks at L1 that may fail in a row: an endpoint may not know the head that another one has told.
const FAILURES_MAX: u32 = 3;

/// What the actor works with.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// L1.
    pub l1: L1Client,
    /// Reads the Registry, and looks at what it lists.
    pub registry: RollupReader,
    /// The network that instances must belong to.
    pub network: NetworkConfig,
    /// Told of the Registry and of each instance's part ([`health_of`](super::health_of)).
    pub health: Health,
    /// The process's clock.
    pub slots: SlotClock,
    /// Starts the actor and the groups of stacks.
    pub spawner: Spawner,
    /// Filled in once `home` runs.
    pub plan: SharedPlan,
}

/// Starts the stack of the deployment's own instance, which is never left, and then the actor that follows the Registry to the others.
///
/// # Errors
/// That of the own instance's stack; the caller then lets the process end.
pub async fn start<S: Stacks>(
    surroundings: Surroundings,
    stacks: Arc<S>,
    home: Launch,
) -> Result<(), S::Error> {
    let spawner = surroundings.spawner.clone();
    let mut stack = Stack::launch(&stacks, home, &surroundings.health, &spawner);
    stack.started().await?;
    let plan = Plan::new(surroundings.slots.now_unix_ms(), &home);
    surroundings.plan.begin(plan);
    let actor = InstancesActor::new(surroundings, stacks, stack);
    spawner.spawn("instances", actor.run(spawner.token()));
    Ok(())
}

/// The actor.
struct InstancesActor<S> {
    // Interfaces.
    around: Surroundings,
    stacks: Arc<S>,
    inputs: mpsc::Receiver<Input>,
    results: mpsc::Sender<Input>,
    // State.
    /// The L1 block whose list was taken.
    seen: Option<B256>,
    /// Looks that failed in a row.
    failures: u32,
    /// Bound: the plan's.
    running: BTreeMap<Address, Spawner>,
}

impl<S: Stacks> InstancesActor<S> {
    /// An actor that takes over the stack of the deployment's own instance, which has started.
    fn new(around: Surroundings, stacks: Arc<S>, home: Stack<S::Error>) -> Self {
        let (results, inputs) = mpsc::channel(INPUTS_MAX);
        let mut actor = Self {
            around,
            stacks,
            inputs,
            results,
            seen: None,
            failures: 0,
            running: BTreeMap::new(),
        };
        actor.watch(home, true);
        actor
    }

    /// Runs until cancelled.
    async fn run(mut self, cancel: CancellationToken) -> Result<(), Infallible> {
        self.around.health.register(HEALTH);
        let interval = Duration::from_millis(self.around.network.l1.poll_interval_ms.max(1));
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
        let head = self.around.l1.head().await?;
        if self.seen == Some(head.hash) {
            return Ok(());
        }
        // An endpoint that hangs far behind says nothing of now, and would take instances back that are listed.
        let age_seconds = (self.around.slots.now_unix_ms() / 1_000).saturating_sub(head.time);
        if age_seconds > self.around.network.l1.head_age_max_seconds {
            return Ok(());
        }
        let instances = self.around.registry.instances(At::Block(head.hash)).await?;
        self.seen = Some(head.hash);
        self.stacks.at_head(head);
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
                self.around.health.set(HEALTH, Ok(()));
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                tracing::debug!(%error, failures = self.failures, "the list of instances was not told");
                if self.failures >= FAILURES_MAX {
                    let reason = format!("L1 does not tell the list of instances: {error}");
                    self.around.health.set(HEALTH, Err(reason));
                }
            }
        }
    }

    fn step(&mut self, input: Input) {
        let now = self.around.slots.now_unix_ms();
        for output in self.around.plan.step(now, input) {
            self.carry_out(output);
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Inspect { rollup, attempt } => self.inspect(rollup, attempt),
            Output::Start(launch) => {
                let around = &self.around;
                let stack = Stack::launch(&self.stacks, launch, &around.health, &around.spawner);
                self.watch(stack, false);
            }
            Output::Stop { rollup } => {
                tracing::info!(%rollup, "L1 took the instance back: its stack stops, its data stay");
                if let Some(stack) = self.running.get(&rollup) {
                    stack.stop();
                }
            }
            Output::Unready { number, reason } => {
                let health = health_of(&self.around.health, number);
                health.remove_part();
                health.set(STACK, Err(reason));
            }
            Output::Forget { number } => health_of(&self.around.health, number).remove_part(),
        }
    }

    fn inspect(&self, rollup: Address, attempt: u64) {
        let (registry, network) = (self.around.registry.clone(), self.around.network.clone());
        let (results, cancel) = (self.results.clone(), self.around.spawner.token());
        let (stacks, at) = (Arc::clone(&self.stacks), self.seen.map_or(At::Latest, At::Block));
        self.around.spawner.spawn("instance-inspect", async move {
            let look = async {
                let found = registry.inspect(rollup, at, &network).await;
                let facts = found.map_err(|unfit: Unfit| Unknown {
                    is_transient: unfit.is_transient(),
                    reason: unfit.to_string(),
                })?;
                stacks.fits(&facts, at).await.map(|()| facts)
            };
            let result = tokio::select! {
                () = cancel.cancelled() => return Ok::<(), Infallible>(()),
                result = look => result,
            };
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

    /// Waits for a stack's start, unless it has started, and for its end.
    fn watch(&mut self, mut stack: Stack<S::Error>, has_started: bool) {
        let rollup = stack.rollup;
        self.running.insert(rollup, stack.spawner());
        let (stacks, results) = (Arc::clone(&self.stacks), self.results.clone());
        self.around.spawner.spawn("instance-watch", async move {
            let start_failure = if has_started {
                None
            } else {
                stack.start_failure().await
            };
            let failure = stack.ended(start_failure).await;
            stacks.ended(rollup);
            if let Some(reason) = &failure {
                tracing::error!(%rollup, %reason, "an instance's stack ended; it will be started again");
            }
            // The actor may be stopping.
            results.send(Input::Ended { rollup, failure }).await.ok();
            Ok::<(), Infallible>(())
        });
    }
}
