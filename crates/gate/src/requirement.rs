//! The requirements of each phase, as data: `requirements.toml`, with the numbers of a network file's `[gate]`.

use agoge_protocol::NetworkConfig;
use serde::{Deserialize, Serialize};

/// The list that is compiled in.
const REQUIREMENTS: &str = include_str!("../requirements.toml");
/// Seconds of the slots in which the plan's hours are counted.
const NOMINAL_SLOT_SECONDS: u64 = 36;

/// Before or after a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// The operator's private network.
    Internal,
    /// The public network.
    Public,
}

impl core::fmt::Display for Stage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Internal => "internal",
            Self::Public => "public",
        })
    }
}

/// What sort of requirement it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Something holds for long enough.
    MinDuration,
    /// A rate or share is high enough.
    MinRate,
    /// Nothing is missing for too long.
    MaxGap,
    /// Something is not too late.
    MaxLag,
    /// Something happened, or did not.
    Event,
    /// A person says so, and signs.
    Manual,
    /// A person signs a document.
    SignedReport,
}

/// The figure that is measured, see `judge/measure.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "what each is stands where it is measured")]
pub(crate) enum Query {
    CleanSlots,
    BlocklessSlots,
    ProofLagEpochs,
    RootConflicts,
    StoppedShare,
    Wipes,
    ProvenBlocks,
    RealVerifier,
    MinedTps,
    PeakTps,
    FilledShare,
    Validators,
    ReadyShare,
    ProgramVersions,
    Upgrades,
    AllowListOff,
    OnSepolia,
}

/// A number, or the name of one of the phase's.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Bound {
    /// The number.
    Number(f64),
    /// Its name.
    Named(Name),
}

/// Numbers of a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Name {
    /// `private_hours` or `public_hours`, in slots.
    Hours,
    /// `load_tps`.
    LoadTps,
    /// `peak_tps`.
    PeakTps,
    /// `validators` of `[protocol]`.
    Validators,
}

/// Switches of `[gate]` that a requirement may depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum When {
    /// `needs_upgrade`.
    NeedsUpgrade,
    /// `ends_permissionless`.
    EndsPermissionless,
    /// `peak_epochs` is not zero.
    HasPeak,
}

/// One requirement.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Requirement {
    /// Stable name.
    pub(crate) id: String,
    /// What is asked for, for people.
    pub(crate) text: String,
    /// Phases that ask for it.
    pub(crate) phases: Vec<u8>,
    /// Before the release, after it, or both.
    pub(crate) stages: Vec<Stage>,
    /// Sort.
    pub(crate) kind: Kind,
    /// What is measured; none for what people sign.
    pub(crate) query: Option<Query>,
    /// The figure must not be below.
    pub(crate) at_least: Option<Bound>,
    /// The figure must not be above.
    pub(crate) at_most: Option<Bound>,
    /// Part of an `at_least` bound that may be missing.
    #[serde(default)]
    pub(crate) tolerance: f64,
    /// Unit of figure and bound.
    #[serde(default)]
    pub(crate) unit: String,
    /// Whether a release waits for it.
    pub(crate) is_blocking: bool,
    /// Whether missing it is a fatal crash.
    #[serde(default)]
    pub(crate) is_crash: bool,
    /// Asked for only if the phase's switch is on.
    pub(crate) when: Option<When>,
}

/// A bound in its direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Limit {
    /// Not below.
    AtLeast(f64),
    /// Not above.
    AtMost(f64),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    requirement: Vec<Requirement>,
}

/// A phase's numbers.
#[derive(Clone, Debug)]
pub(crate) struct Phase {
    /// 1 to 4.
    pub(crate) number: u8,
    /// The network file whose `[gate]` counts.
    network: NetworkConfig,
    /// Divides the durations; 1 for a release.
    pub(crate) compress: u64,
}

/// Why there are no requirements.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequirementError {
    /// Phases are 1 to 4.
    #[error("there is no phase {0}; phases are 1 to 4")]
    NoPhase(u8),
    /// The compiled-in data cannot be read: this build is broken.
    #[error("requirements of this build: {0}")]
    Data(String),
}

impl Phase {
    /// The phase `number`, with the numbers of `network` if it is that phase's, else of the built-in file: so a devnet is measured against
    /// a phase. Durations are divided by `compress`.
    ///
    /// # Errors
    /// [`RequirementError`].
    pub(crate) fn new(number: u8, network: &NetworkConfig, compress: u64) -> Result<Self, RequirementError> {
        let name = format!("phase{number}");
        let text = agoge_protocol::network::built_in(&name).ok_or(RequirementError::NoPhase(number))?;
        let network = if network.network.name == name {
            network.clone()
        } else {
            NetworkConfig::parse(text).map_err(|error| RequirementError::Data(error.to_string()))?
        };
        Ok(Self {
            number,
            network,
            compress: compress.max(1),
        })
    }

    /// Slots of a stage's duration.
    pub(crate) fn slots(&self, stage: Stage) -> u64 {
        let hours = match stage {
            Stage::Internal => self.network.gate.private_hours,
            Stage::Public => self.network.gate.public_hours,
        };
        let nominal = hours
            .saturating_mul(3_600)
            .checked_div(NOMINAL_SLOT_SECONDS)
            .unwrap_or(0);
        nominal.div_ceil(self.compress)
    }

    /// Epochs of the peak.
    pub(crate) const fn peak_epochs(&self) -> u64 {
        self.network.gate.peak_epochs
    }

    /// The phase's requirements in a stage, in the file's order.
    ///
    /// # Errors
    /// [`RequirementError::Data`].
    pub(crate) fn requirements(&self, stage: Stage) -> Result<Vec<Requirement>, RequirementError> {
        let file: File =
            toml::from_str(REQUIREMENTS).map_err(|error| RequirementError::Data(error.to_string()))?;
        let gate = &self.network.gate;
        let is_on = |when: When| match when {
            When::NeedsUpgrade => gate.needs_upgrade,
            When::EndsPermissionless => gate.ends_permissionless,
            When::HasPeak => gate.peak_epochs > 0,
        };
        Ok(file
            .requirement
            .into_iter()
            .filter(|asked| asked.phases.contains(&self.number) && asked.stages.contains(&stage))
            .filter(|asked| asked.when.is_none_or(is_on))
            .collect())
    }

    /// The bound of a requirement; `None` for what people sign.
    pub(crate) fn limit(&self, asked: &Requirement, stage: Stage) -> Option<Limit> {
        let number = |bound| match bound {
            Bound::Number(number) => number,
            Bound::Named(Name::Hours) => float(self.slots(stage)),
            Bound::Named(Name::LoadTps) => self.network.gate.load_tps,
            Bound::Named(Name::PeakTps) => self.network.gate.peak_tps,
            Bound::Named(Name::Validators) => float(self.network.protocol.validators),
        };
        let at_least = asked
            .at_least
            .map(|bound| Limit::AtLeast(number(bound) * (1.0 - asked.tolerance)));
        at_least.or_else(|| asked.at_most.map(|bound| Limit::AtMost(number(bound))))
    }
}

/// A count as a figure; counts beyond 2^32 do not occur and saturate.
pub(crate) fn float(count: impl TryInto<u32>) -> f64 {
    f64::from(count.try_into().unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn phase(number: u8) -> Phase {
        Phase::new(number, &crate::sample::header().network, 1).unwrap()
    }

    #[test]
    fn the_data_are_whole() {
        let file: File = toml::from_str(REQUIREMENTS).unwrap();
        let ids: BTreeSet<_> = file.requirement.iter().map(|asked| &asked.id).collect();
        assert_eq!(ids.len(), file.requirement.len(), "ids are unique");
        for asked in &file.requirement {
            let id = &asked.id;
            assert!(!asked.phases.is_empty() && !asked.stages.is_empty(), "{id}");
            assert!(asked.phases.iter().all(|phase| (1..=4).contains(phase)), "{id}");
            let bounds = usize::from(asked.at_least.is_some()) + usize::from(asked.at_most.is_some());
            let signed = matches!(asked.kind, Kind::Manual | Kind::SignedReport);
            assert_eq!(
                bounds,
                usize::from(!signed),
                "{id} has one bound unless it is signed"
            );
            assert_eq!(asked.query.is_some(), !signed, "{id}");
            match asked.kind {
                Kind::MinDuration | Kind::MinRate => assert!(asked.at_least.is_some(), "{id}"),
                Kind::MaxGap | Kind::MaxLag => assert!(asked.at_most.is_some(), "{id}"),
                Kind::Event | Kind::Manual | Kind::SignedReport => {}
            }
            assert!(
                !asked.is_crash || asked.at_most.is_some() && asked.is_blocking,
                "{id}"
            );
        }
    }

    #[test]
    fn phases_ask_for_what_the_plan_says() {
        let slots = |number, stage| phase(number).slots(stage);
        for number in 1..=4 {
            assert_eq!(slots(number, Stage::Internal), 9_000, "90 h");
        }
        assert_eq!(slots(1, Stage::Public), 12_000, "120 h");
        assert_eq!(slots(4, Stage::Public), 33_600, "2 weeks");
        let has = |number, stage, id: &str| {
            let list = phase(number).requirements(stage).unwrap();
            list.into_iter().find(|asked| asked.id == id)
        };
        assert!(has(3, Stage::Public, "upgrade").is_some() && has(1, Stage::Internal, "upgrade").is_none());
        assert!(has(4, Stage::Public, "partners").is_some() && has(4, Stage::Internal, "partners").is_none());
        assert!(!has(2, Stage::Internal, "peak").unwrap().is_blocking);
        let load = has(1, Stage::Internal, "load").unwrap();
        assert_eq!(
            phase(1).limit(&load, Stage::Internal),
            Some(Limit::AtLeast(0.019))
        );
        for number in 1..=4 {
            for stage in [Stage::Internal, Stage::Public] {
                let crashes = phase(number).requirements(stage).unwrap();
                assert_eq!(crashes.iter().filter(|asked| asked.is_crash).count(), 5);
            }
        }
        assert!(matches!(
            Phase::new(5, &crate::sample::header().network, 1),
            Err(RequirementError::NoPhase(5))
        ));
    }

    #[test]
    fn a_devnet_is_measured_against_the_phase_and_compressed() {
        let devnet = crate::sample::header_of("devnet").network;
        assert_eq!(Phase::new(1, &devnet, 1).unwrap().slots(Stage::Internal), 9_000);
        assert_eq!(Phase::new(1, &devnet, 100).unwrap().slots(Stage::Internal), 90);
        let mut own = crate::sample::header().network;
        own.gate.private_hours = 1;
        assert_eq!(Phase::new(1, &own, 1).unwrap().slots(Stage::Internal), 100);
        assert_eq!(
            Phase::new(2, &own, 1).unwrap().slots(Stage::Internal),
            9_000,
            "another phase's file does not count"
        );
    }
}
