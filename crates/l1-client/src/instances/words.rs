//! What the plan is told and what it says.

use agoge_protocol::{Address, Digest, Epoch, L1BlockNumber};

use crate::instance::InstanceFacts;

/// An instance that runs or is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launch {
    /// Its place in the Registry's list, from 1.
    pub number: u32,
    /// First epoch in which it is canonical.
    pub activation: Epoch,
    /// What L1 has.
    pub facts: InstanceFacts,
}

/// What the plan is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The Registry's list after an L1 block.
    Listed {
        /// That block.
        head: L1BlockNumber,
        /// Rollup and activation, oldest first.
        instances: Vec<(Address, Epoch)>,
    },
    /// An inspection is over.
    Inspected {
        /// The Rollup.
        rollup: Address,
        /// As in [`Output::Inspect`].
        attempt: u64,
        /// What was found; else why it is not run, and whether that is for ever.
        result: Result<InstanceFacts, Unknown>,
    },
    /// A stack has ended and let go of its files and ports.
    Ended {
        /// The Rollup.
        rollup: Address,
        /// Why, when nobody had asked for it.
        failure: Option<String>,
    },
    /// Time has passed.
    Tick,
}

/// Why an instance is not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// For a person.
    pub reason: String,
    /// Whether another look may find otherwise.
    pub is_transient: bool,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Look at a Rollup.
    Inspect {
        /// The Rollup.
        rollup: Address,
        /// To be given back: what an older look found is void.
        attempt: u64,
    },
    /// Start the instance's stack.
    Start(Launch),
    /// Stop the instance's stack; its data stay.
    Stop {
        /// The Rollup.
        rollup: Address,
    },
    /// Say on `/healthz` why an instance does not run.
    Unready {
        /// Its number.
        number: u32,
        /// Why.
        reason: String,
    },
    /// An instance is listed no more under this number.
    Forget {
        /// Its number.
        number: u32,
    },
}

/// Where an instance stands by the Registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceState {
    /// Not canonical yet.
    Idle,
    /// Canonical.
    Active,
    /// Another took its place; its last epochs are still proven.
    Superseded,
    /// Not run by this build, or not inspected yet.
    Unknown,
}

impl InstanceState {
    /// Its word in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Active => "active",
            Self::Superseded => "superseded",
            Self::Unknown => "unknown",
        }
    }
}

/// An instance as told to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceView {
    /// Its place in the Registry's list, from 1.
    pub number: u32,
    /// Its Rollup.
    pub rollup: Address,
    /// First epoch in which it is canonical.
    pub activation: Epoch,
    /// Where it stands.
    pub state: InstanceState,
    /// Whether it is the one that is canonical now, be it known or not.
    pub is_canonical: bool,
    /// Genesis id and the number of its version, once it was inspected.
    pub identity: Option<(Digest, u64)>,
    /// Why it does not run; `None` when it does.
    pub problem: Option<String>,
}
