//! The plan: what is listed, what was found there, what runs.

use std::collections::BTreeMap;

use agoge_protocol::limits::L1_REORG_DEPTH_MAX;
use agoge_protocol::{Address, B256, Epoch, L1BlockNumber};

use super::words::{Input, InstanceState, InstanceView, Launch, Output, Unknown};
use crate::instance::InstanceFacts;

/// Shortest and longest pause before a stack that failed is started again, milliseconds.
const PAUSE_MS: (u64, u64) = (1_000, 60_000);
/// A stack that ran longer than this, milliseconds, starts anew with the shortest pause.
const STABLE_MS: u64 = 600_000;

#[derive(Clone, Debug)]
enum Stage {
    /// Under inspection.
    Inspecting,
    /// L1 did not answer: inspected again at the next head.
    Unanswered(String),
    /// Not for this build.
    Unfit(String),
    /// To be started at a time, Unix milliseconds; the reason of the last failure.
    Down {
        facts: InstanceFacts,
        at_ms: u64,
        failure: String,
    },
    /// Its stack runs, since a time, Unix milliseconds.
    Up { facts: InstanceFacts, since_ms: u64 },
    /// Its stack was told to stop, to begin anew under another number or because it is listed no more.
    Stopping { facts: InstanceFacts },
}

#[derive(Clone, Debug)]
struct Entry {
    number: u32,
    activation: Epoch,
    /// Whether the last list has it; otherwise its stack is stopping.
    is_listed: bool,
    /// Stacks that failed in a row.
    failures: u32,
    /// The last inspection asked for.
    attempt: u64,
    stage: Stage,
}

/// The state machine. Bound: one entry for each instance that the Registry lists.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The instance of the deployment file, which was checked against it and is never left.
    home: Address,
    /// What an instance of this build starts from.
    genesis_archive: B256,
    head: Option<L1BlockNumber>,
    attempts: u64,
    entries: BTreeMap<Address, Entry>,
}

impl Plan {
    /// A plan in which the deployment file's own instance runs already.
    pub fn new(now_ms: u64, home: &Launch) -> Self {
        let entry = Entry {
            number: home.number,
            activation: home.activation,
            is_listed: true,
            failures: 0,
            attempt: 0,
            stage: Stage::Up {
                facts: home.facts,
                since_ms: now_ms,
            },
        };
        let home_rollup = home.facts.contracts.rollup;
        Self {
            home: home_rollup,
            genesis_archive: home.facts.genesis_archive,
            head: None,
            attempts: 0,
            entries: BTreeMap::from([(home_rollup, entry)]),
        }
    }

    /// Takes an input in and says what is to be done, in order. `now_ms` is Unix time in milliseconds.
    pub fn step(&mut self, now_ms: u64, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        match input {
            Input::Listed { head, instances } => self.listed(head, &instances, &mut out),
            Input::Inspected {
                rollup,
                attempt,
                result,
            } => self.inspected(now_ms, (rollup, attempt), result, &mut out),
            Input::Ended { rollup, failure } => self.ended(now_ms, rollup, failure, &mut out),
            Input::Tick => {}
        }
        self.start_due(now_ms, &mut out);
        out
    }

    /// All that are listed, in order. `epoch` is the current one.
    pub fn view(&self, epoch: Epoch) -> Vec<InstanceView> {
        let mut listed: Vec<_> = self.entries.iter().filter(|(_, entry)| entry.is_listed).collect();
        listed.sort_by_key(|(_, entry)| entry.number);
        let canonical = listed.iter().rfind(|(_, entry)| entry.activation <= epoch);
        let canonical = canonical.map_or(0, |(_, entry)| entry.number);
        let view = |(rollup, entry): (&Address, &Entry)| {
            let facts = entry.stage.facts();
            let state = match entry.number.cmp(&canonical) {
                _ if facts.is_none() => InstanceState::Unknown,
                core::cmp::Ordering::Less => InstanceState::Superseded,
                core::cmp::Ordering::Equal => InstanceState::Active,
                core::cmp::Ordering::Greater => InstanceState::Idle,
            };
            InstanceView {
                number: entry.number,
                rollup: *rollup,
                activation: entry.activation,
                state,
                is_canonical: entry.number == canonical,
                identity: facts.map(|facts| (facts.genesis_id, facts.version.number())),
                problem: entry.stage.problem(),
            }
        };
        listed.into_iter().map(view).collect()
    }

    /// First epoch in which a later instance is canonical, if one is listed: from then on nobody whose stake follows the Registry makes
    /// blocks of this one.
    pub fn superseded_at(&self, rollup: Address) -> Option<Epoch> {
        let number = self.entries.get(&rollup)?.number;
        let later = self
            .entries
            .values()
            .filter(|entry| entry.is_listed && entry.number > number);
        later.map(|entry| entry.activation).min()
    }

    fn listed(&mut self, head: L1BlockNumber, instances: &[(Address, Epoch)], out: &mut Vec<Output>) {
        // An endpoint that lags shows an old list, which takes nothing back. A reorg to fewer blocks is followed when it has grown again.
        let is_behind = |seen: &L1BlockNumber| {
            let missing = seen.get().saturating_sub(head.get());
            (1..=L1_REORG_DEPTH_MAX).contains(&missing)
        };
        if self.head.as_ref().is_some_and(is_behind) {
            return;
        }
        self.head = Some(head);
        let home = self.home;
        let is_gone =
            |rollup: &Address| *rollup != home && instances.iter().all(|(listed, _)| listed != rollup);
        let gone: Vec<Address> = self.entries.keys().copied().filter(is_gone).collect();
        for rollup in gone {
            self.delist(rollup, out);
        }
        for (number, (rollup, activation)) in (1_u32..).zip(instances) {
            self.list(number, *rollup, *activation, out);
        }
    }

    fn list(&mut self, number: u32, rollup: Address, activation: Epoch, out: &mut Vec<Output>) {
        let attempt = self.attempts.saturating_add(1);
        let Some(entry) = self.entries.get_mut(&rollup) else {
            self.attempts = attempt;
            let entry = Entry {
                number,
                activation,
                is_listed: true,
                failures: 0,
                attempt,
                stage: Stage::Inspecting,
            };
            self.entries.insert(rollup, entry);
            out.push(unready(number, "being inspected on L1"));
            out.push(Output::Inspect { rollup, attempt });
            return;
        };
        // A number may only change with an L1 reorg. It is part of ports and names, so the stack begins anew.
        let is_renumbered = entry.number != number;
        if is_renumbered {
            out.push(Output::Forget { number: entry.number });
        }
        (entry.number, entry.activation, entry.is_listed) = (number, activation, true);
        match &entry.stage {
            Stage::Unanswered(_) => {
                entry.attempt = attempt;
                entry.stage = Stage::Inspecting;
                self.attempts = attempt;
                out.push(Output::Inspect { rollup, attempt });
            }
            Stage::Up { facts, .. } if is_renumbered => {
                entry.stage = Stage::Stopping { facts: *facts };
                out.push(Output::Stop { rollup });
            }
            Stage::Unfit(reason) if is_renumbered => out.push(unready(number, reason)),
            _ => {}
        }
    }

    fn delist(&mut self, rollup: Address, out: &mut Vec<Output>) {
        let Some(entry) = self.entries.get_mut(&rollup).filter(|entry| entry.is_listed) else {
            return;
        };
        entry.is_listed = false;
        out.push(Output::Forget { number: entry.number });
        match &entry.stage {
            Stage::Up { facts, .. } => {
                entry.stage = Stage::Stopping { facts: *facts };
                out.push(Output::Stop { rollup });
            }
            Stage::Stopping { .. } => {}
            _ => {
                self.entries.remove(&rollup);
            }
        }
    }

    fn inspected(
        &mut self,
        now_ms: u64,
        (rollup, attempt): (Address, u64),
        result: Result<InstanceFacts, Unknown>,
        out: &mut Vec<Output>,
    ) {
        let result = result.and_then(|facts| self.check(rollup, facts));
        let Some(entry) = self.entries.get_mut(&rollup) else {
            return;
        };
        // Of an entry that was taken back meanwhile, and perhaps added again.
        if entry.attempt != attempt || !matches!(entry.stage, Stage::Inspecting) {
            return;
        }
        entry.stage = match result {
            Ok(facts) => Stage::Down {
                facts,
                at_ms: now_ms,
                failure: "starting".to_owned(),
            },
            Err(unknown) => {
                out.push(unready(entry.number, &unknown.reason));
                if unknown.is_transient {
                    Stage::Unanswered(unknown.reason)
                } else {
                    Stage::Unfit(unknown.reason)
                }
            }
        };
    }

    /// What only this node can compare: where the chain starts, and that no two instances share what their signatures name.
    fn check(&self, rollup: Address, facts: InstanceFacts) -> Result<InstanceFacts, Unknown> {
        let unfit = |reason| Unknown {
            reason,
            is_transient: false,
        };
        if facts.genesis_archive != self.genesis_archive {
            return Err(unfit(format!(
                "it starts from archive {}, this build from {}; hint: install a newer release",
                facts.genesis_archive, self.genesis_archive
            )));
        }
        let is_same = |other: &InstanceFacts| other.genesis_id == facts.genesis_id;
        let others = self.entries.iter().filter(|(other, _)| **other != rollup);
        let mut others = others.filter_map(|(other, entry)| Some((other, entry.stage.facts()?)));
        match others.find(|(_, other)| is_same(other)) {
            Some((other, _)) => Err(unfit(format!("its genesis id is that of the Rollup {other}"))),
            None => Ok(facts),
        }
    }

    fn ended(&mut self, now_ms: u64, rollup: Address, failure: Option<String>, out: &mut Vec<Output>) {
        let Some(entry) = self.entries.get_mut(&rollup) else {
            return;
        };
        if !entry.is_listed {
            self.entries.remove(&rollup);
            return;
        }
        let (facts, ran_ms) = match &entry.stage {
            Stage::Up { facts, since_ms } => (*facts, now_ms.saturating_sub(*since_ms)),
            Stage::Stopping { facts } => (*facts, u64::MAX),
            _ => return,
        };
        if ran_ms > STABLE_MS {
            entry.failures = 0;
        }
        let (at_ms, failure) = match failure {
            None => (now_ms, "starting".to_owned()),
            Some(failure) => {
                let (least, most) = PAUSE_MS;
                let pause = least
                    .saturating_mul(2_u64.saturating_pow(entry.failures))
                    .min(most);
                entry.failures = entry.failures.saturating_add(1);
                (now_ms.saturating_add(pause), failure)
            }
        };
        out.push(unready(entry.number, &failure));
        entry.stage = Stage::Down {
            facts,
            at_ms,
            failure,
        };
    }

    fn start_due(&mut self, now_ms: u64, out: &mut Vec<Output>) {
        for entry in self.entries.values_mut() {
            let Stage::Down { facts, at_ms, .. } = &entry.stage else {
                continue;
            };
            if *at_ms > now_ms {
                continue;
            }
            let facts = *facts;
            entry.stage = Stage::Up {
                facts,
                since_ms: now_ms,
            };
            out.push(Output::Start(Launch {
                number: entry.number,
                activation: entry.activation,
                facts,
            }));
        }
    }
}

impl Stage {
    const fn facts(&self) -> Option<&InstanceFacts> {
        match self {
            Self::Inspecting | Self::Unanswered(_) | Self::Unfit(_) => None,
            Self::Down { facts, .. } | Self::Up { facts, .. } | Self::Stopping { facts } => Some(facts),
        }
    }

    fn problem(&self) -> Option<String> {
        match self {
            Self::Inspecting => Some("being inspected on L1".to_owned()),
            Self::Unanswered(reason) | Self::Unfit(reason) => Some(reason.clone()),
            Self::Down { failure, .. } => Some(failure.clone()),
            Self::Up { .. } => None,
            Self::Stopping { .. } => Some("stopping, to begin anew".to_owned()),
        }
    }
}

fn unready(number: u32, reason: &str) -> Output {
    Output::Unready {
        number,
        reason: reason.to_owned(),
    }
}
