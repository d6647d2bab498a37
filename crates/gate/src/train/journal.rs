//! A train's journal: an append-only chain of its states. Only legal steps are written, and only legal steps are read.
//!
//! ```text
//! BUILT -> INTERNAL_SOAK -> DECIDED go -> ANNOUNCED -> PUBLIC -> PUBLIC_SOAK -> PASSED
//!   ^           |                                        |            |
//!   |           +-> DECIDED no-go                        +-> FAILED <-+
//!   +--------------------+---------------------------------------+
//! ```

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Decision, Manifest, Week};
use crate::chain::{self, Appender, ChainError, Head};
use crate::requirement::Stage;

/// File name of the journal in a train's directory.
const JOURNAL_FILE: &str = "train.jsonl";

/// Where a train is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// The release exists; or it has to be built again.
    Built,
    /// The internal network runs.
    InternalSoak,
    /// Decided: it goes on.
    #[value(skip)]
    DecidedGo,
    /// Decided: it does not.
    #[value(skip)]
    DecidedNoGo,
    /// Participants were told.
    Announced,
    /// The public network is deployed.
    Public,
    /// The public gate runs.
    PublicSoak,
    /// The public gate is passed.
    #[value(skip)]
    Passed,
    /// The public gate is not passed.
    Failed,
}

impl State {
    /// States that may follow.
    const fn next(self) -> &'static [Self] {
        match self {
            Self::Built => &[Self::InternalSoak],
            Self::InternalSoak => &[Self::DecidedGo, Self::DecidedNoGo],
            Self::DecidedGo => &[Self::Announced],
            Self::DecidedNoGo | Self::Failed => &[Self::Built],
            Self::Announced => &[Self::Public],
            Self::Public => &[Self::PublicSoak, Self::Failed],
            Self::PublicSoak => &[Self::Passed, Self::Failed],
            Self::Passed => &[],
        }
    }

    /// Whether a decision leads here.
    const fn needs_decision(self) -> bool {
        matches!(self, Self::DecidedGo | Self::DecidedNoGo | Self::Passed)
    }
}

impl core::fmt::Display for State {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Built => "BUILT",
            Self::InternalSoak => "INTERNAL_SOAK",
            Self::DecidedGo => "DECIDED (go)",
            Self::DecidedNoGo => "DECIDED (no-go)",
            Self::Announced => "ANNOUNCED",
            Self::Public => "PUBLIC",
            Self::PublicSoak => "PUBLIC_SOAK",
            Self::Passed => "PASSED",
            Self::Failed => "FAILED",
        })
    }
}

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    /// The train begins, in `BUILT`.
    New {
        /// Its week.
        train: Week,
        /// Its phase.
        phase: u8,
        /// The release on the internal network.
        manifest: Box<Manifest>,
        /// Unix seconds.
        time: u64,
    },
    /// The train enters a state.
    Entered {
        /// The state.
        state: State,
        /// What the operator says about it.
        note: Option<String>,
        /// The release on the public network, with `PUBLIC`; on the internal one, with `BUILT`.
        manifest: Option<Box<Manifest>>,
        /// Unix seconds.
        time: u64,
    },
    /// A decision, which leads to `DECIDED`, `PASSED` or `FAILED`.
    Decided {
        /// The decision.
        decision: Box<Decision>,
    },
}

/// A train, as its journal tells it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Train {
    /// Its week.
    pub(crate) week: Week,
    /// Its phase.
    pub(crate) phase: u8,
    /// Where it is.
    pub(crate) state: State,
    /// The release on the internal network.
    pub(crate) internal: Manifest,
    /// The release on the public network, once it is deployed.
    pub(crate) public: Option<Manifest>,
    /// Decisions, oldest first.
    pub(crate) decisions: Vec<Decision>,
    /// States with their times, oldest first.
    pub(crate) history: Vec<(State, u64)>,
}

/// Why a step or a journal is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JournalError {
    /// The file.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// There is none.
    #[error("{} holds no train", dir.display())]
    Missing {
        /// The train's directory.
        dir: PathBuf,
    },
    /// There is one.
    #[error("{} holds a train already", dir.display())]
    Exists {
        /// The train's directory.
        dir: PathBuf,
    },
    /// The state does not follow.
    #[error("from {from} a train goes to {expected}, not to {to}")]
    Step {
        /// Where it is.
        from: State,
        /// Where it may go.
        expected: String,
        /// Where it was to go.
        to: State,
    },
    /// The journal does not begin with a train.
    #[error("the journal does not begin with a new train, or has a second one")]
    Beginning,
    /// A decision that nobody who may decide has signed, or for another report.
    #[error("a decision in the journal is not signed by a signer of the manifest")]
    Unsigned,
    /// A state that only a decision reaches.
    #[error("{0} is reached by `agoge-gate decide`")]
    NeedsDecision(State),
    /// `PUBLIC` without the public network's manifest.
    #[error("PUBLIC needs the public network's manifest")]
    NoManifest,
}

impl Train {
    fn begin(event: &Event) -> Result<Self, JournalError> {
        match event {
            Event::New {
                train,
                phase,
                manifest,
                time,
            } => Ok(Self {
                week: *train,
                phase: *phase,
                state: State::Built,
                internal: (**manifest).clone(),
                public: None,
                decisions: Vec::new(),
                history: vec![(State::Built, *time)],
            }),
            Event::Entered { .. } | Event::Decided { .. } => Err(JournalError::Beginning),
        }
    }

    /// The release on a stage's network.
    pub(crate) const fn manifest(&self, stage: Stage) -> Option<&Manifest> {
        match stage {
            Stage::Internal => Some(&self.internal),
            Stage::Public => self.public.as_ref(),
        }
    }

    /// The stage that is soaking.
    pub(crate) const fn soaking(&self) -> Option<Stage> {
        match self.state {
            State::InternalSoak => Some(Stage::Internal),
            State::PublicSoak => Some(Stage::Public),
            _ => None,
        }
    }

    /// Takes a step.
    ///
    /// # Errors
    /// [`JournalError`]; the train is unchanged.
    fn apply(&mut self, event: &Event) -> Result<(), JournalError> {
        let (state, time) = match event {
            Event::New { .. } => return Err(JournalError::Beginning),
            Event::Entered { state, .. } if state.needs_decision() => {
                return Err(JournalError::NeedsDecision(*state));
            }
            Event::Entered { state, time, .. } => (*state, *time),
            Event::Decided { decision } => {
                let state = match (decision.stage, decision.is_go) {
                    (Stage::Internal, true) => State::DecidedGo,
                    (Stage::Internal, false) => State::DecidedNoGo,
                    (Stage::Public, true) => State::Passed,
                    (Stage::Public, false) => State::Failed,
                };
                (state, decision.time)
            }
        };
        let next = self.state.next();
        if !next.contains(&state) {
            let expected: Vec<String> = next.iter().map(ToString::to_string).collect();
            return Err(JournalError::Step {
                from: self.state,
                expected: if expected.is_empty() {
                    "nowhere: it has arrived".to_owned()
                } else {
                    expected.join(" or ")
                },
                to: state,
            });
        }
        match event {
            Event::Decided { decision } => {
                let manifest = self.manifest(decision.stage);
                if !manifest.is_some_and(|manifest| decision.is_valid(self.week, manifest)) {
                    return Err(JournalError::Unsigned);
                }
                self.decisions.push((**decision).clone());
            }
            Event::Entered { manifest, .. } => match (state, manifest) {
                (State::Public, None) => return Err(JournalError::NoManifest),
                (State::Public, Some(manifest)) => self.public = Some((**manifest).clone()),
                (State::Built, Some(manifest)) => {
                    self.internal = (**manifest).clone();
                    self.public = None;
                }
                _ => {}
            },
            Event::New { .. } => {}
        }
        self.state = state;
        self.history.push((state, time));
        Ok(())
    }
}

/// A journal open for the next step.
#[derive(Debug)]
pub(crate) struct Journal {
    file: Appender,
    train: Train,
}

impl Journal {
    /// Begins a train in a directory, made if it is not there.
    ///
    /// # Errors
    /// [`JournalError`].
    pub(crate) fn create(dir: &Path, event: &Event) -> Result<Train, JournalError> {
        let train = Train::begin(event)?;
        std::fs::create_dir_all(dir).map_err(ChainError::io(dir))?;
        let path = dir.join(JOURNAL_FILE);
        if path.exists() {
            return Err(JournalError::Exists { dir: dir.to_owned() });
        }
        Appender::create(&path, Head::default())?.append(event)?;
        Ok(train)
    }

    /// Reads a train without opening its journal; `None` if the directory has none.
    ///
    /// # Errors
    /// [`JournalError`].
    pub(crate) fn read(dir: &Path) -> Result<Option<Train>, JournalError> {
        let path = dir.join(JOURNAL_FILE);
        if !path.is_file() {
            return Ok(None);
        }
        let mut events = Vec::new();
        chain::read::<Event>(&path, Head::default(), |_, event| events.push(event))?;
        replay(&events).map(Some)
    }

    /// Opens a train's journal.
    ///
    /// # Errors
    /// [`JournalError`].
    pub(crate) fn open(dir: &Path) -> Result<Self, JournalError> {
        let path = dir.join(JOURNAL_FILE);
        if !path.is_file() {
            return Err(JournalError::Missing { dir: dir.to_owned() });
        }
        let mut events = Vec::new();
        let (file, _) = Appender::resume::<Event>(&path, Head::default(), |_, event| events.push(event))?;
        let train = replay(&events)?;
        Ok(Self { file, train })
    }

    /// The train.
    pub(crate) const fn train(&self) -> &Train {
        &self.train
    }

    /// Takes a step and writes it down.
    ///
    /// # Errors
    /// [`JournalError`]; nothing is written.
    pub(crate) fn step(mut self, event: &Event) -> Result<Train, JournalError> {
        self.train.apply(event)?;
        self.file.append(event)?;
        Ok(self.train)
    }
}

fn replay(events: &[Event]) -> Result<Train, JournalError> {
    let (first, rest) = events.split_first().ok_or(JournalError::Beginning)?;
    let mut train = Train::begin(first)?;
    for event in rest {
        train.apply(event)?;
    }
    Ok(train)
}

#[cfg(test)]
mod tests;
