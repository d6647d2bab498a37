//! What a devnet looks like: the flags of `agoge-devnet up`, resolved against the network file and checked before anything starts.

use std::path::PathBuf;

pub use agoge_deployer::Verifier;
use agoge_protocol::network::{ClientProfile, NetworkConfig, NetworkError, built_in};

/// Slots of a devnet whose provers make real proofs: an epoch's proof takes two cores more than a minute, and a claim is delivered in an
/// epoch's time.
const PROVING_SLOT_MS: u64 = 8_000;

/// anvil's chain id; a devnet runs on no other.
const ANVIL_CHAIN_ID: u64 = 31_337;
/// Validators that one devnet may have.
const KEYS_MAX: usize = 512;
/// Node processes that one devnet may have.
const PROCS_MAX: usize = 32;
/// Provers that one devnet may have.
const PROVERS_MAX: usize = 4;

/// What a person may choose; everything left out comes from the network file.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Validators.
    pub keys: Option<usize>,
    /// Node processes.
    pub procs: Option<usize>,
    /// Milliseconds of a slot.
    pub slot_ms: Option<u64>,
    /// Slots of an epoch.
    pub epoch_slots: Option<u64>,
    /// Members of a committee.
    pub committee: Option<usize>,
    /// Where keys, logs and data go.
    pub dir: Option<PathBuf>,
    /// Decides every key of the devnet.
    pub seed: Option<String>,
    /// Network file, or the name `devnet`.
    pub network: Option<String>,
    /// Parameters of client proofs.
    pub client_profile: Option<ClientProfile>,
    /// Provers.
    pub provers: Option<usize>,
    /// Which contract checks epoch proofs.
    pub verifier: Verifier,
    /// Whether nodes record their peer messages, for the history checker.
    pub records_wire: bool,
}

/// A checked plan.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Every number of the network.
    pub network: NetworkConfig,
    /// Validators.
    pub keys: usize,
    /// Node processes.
    pub procs: usize,
    /// Provers.
    pub provers: usize,
    /// Which contract checks epoch proofs.
    pub verifier: Verifier,
    /// Where keys, logs and data go.
    pub dir: PathBuf,
    /// Decides every key of the devnet.
    pub seed: String,
    /// Whether nodes record their peer messages.
    pub records_wire: bool,
}

/// Why a wish cannot be met; always a matter of usage.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A flag is outside its range.
    #[error("--{flag} {given}: {rule}")]
    Flag {
        /// Its name.
        flag: &'static str,
        /// As given.
        given: String,
        /// What must hold.
        rule: &'static str,
    },
    /// The network file cannot be read.
    #[error("network file {path}: {source}")]
    Read {
        /// As given.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The network file is wrong, or the flags do not fit it.
    #[error("network file {path}: {source}")]
    Network {
        /// As given.
        path: String,
        /// Why.
        #[source]
        source: NetworkError,
    },
}

impl Plan {
    /// Resolves wishes.
    ///
    /// # Errors
    /// [`PlanError`] naming the flag or the file.
    pub fn new(wishes: &Wishes) -> Result<Self, PlanError> {
        let (path, text) = network_text(wishes.network.as_deref())?;
        let in_file = |source| PlanError::Network {
            path: path.clone(),
            source,
        };
        let mut network = NetworkConfig::parse(&text).map_err(in_file)?;
        if network.network.chain_id != ANVIL_CHAIN_ID {
            return Err(flag("network", &path, "a devnet runs on chain 31337 only"));
        }
        let protocol = &mut network.protocol;
        let provers = wishes.provers.unwrap_or(1);
        let is_proving = wishes.verifier == Verifier::Real && provers > 0 && wishes.network.is_none();
        if let Some(ms) = wishes.slot_ms.or(is_proving.then_some(PROVING_SLOT_MS)) {
            if ms < 3_000 || ms.checked_rem(1_000) != Some(0) {
                return Err(flag(
                    "slot-ms",
                    &ms,
                    "must be a multiple of 1000 and at least 3000 (L1 blocks are 1 s)",
                ));
            }
            protocol.slot_seconds = ms.div_euclid(1_000);
        }
        if let Some(slots) = wishes.epoch_slots {
            if !(4..=32).contains(&slots) {
                return Err(flag("epoch-slots", &slots, "must be 4 to 32"));
            }
            protocol.epoch_slots = slots;
        }
        let keys = wishes.keys.unwrap_or(protocol.validators);
        if !(1..=KEYS_MAX).contains(&keys) {
            return Err(flag("keys", &keys, "must be 1 to 512"));
        }
        protocol.validators = keys;
        protocol.committee_size = wishes
            .committee
            .unwrap_or_else(|| protocol.committee_size.min(keys));
        if !(1..=keys).contains(&protocol.committee_size) {
            return Err(flag(
                "committee",
                &protocol.committee_size,
                "must be at least 1 and at most --keys",
            ));
        }
        let procs = wishes.procs.unwrap_or_else(|| keys.min(4));
        if !(1..=keys.min(PROCS_MAX)).contains(&procs) {
            return Err(flag(
                "procs",
                &procs,
                "must be at least 1 and at most --keys and 32",
            ));
        }
        if provers > PROVERS_MAX {
            return Err(flag("provers", &provers, "must be at most 4"));
        }
        network.proving.client_profile = client_profile(wishes, network.proving.client_profile)?;
        // A process of a network of one has nobody to wait for.
        network.p2p.peers_min = u32::from(procs > 1);
        fit_windows(&mut network);
        network.check().map_err(in_file)?;
        Ok(Self {
            network,
            keys,
            procs,
            provers,
            verifier: wishes.verifier,
            dir: wishes.dir.clone().unwrap_or_else(|| PathBuf::from("data/devnet")),
            seed: wishes.seed.clone().unwrap_or_else(|| "agoge".to_owned()),
            records_wire: wishes.records_wire,
        })
    }

    /// Indices of the validators that process `process` runs; every validator belongs to one process.
    pub fn keys_of(&self, process: usize) -> Vec<usize> {
        (0..self.keys)
            .filter(|key| key.checked_rem(self.procs) == Some(process))
            .collect()
    }
}

/// The epoch circuit holds the verifier of one profile of client proofs, the default one; empty epoch proofs ask for none.
fn client_profile(wishes: &Wishes, in_file: ClientProfile) -> Result<ClientProfile, PlanError> {
    match (wishes.verifier, wishes.client_profile.unwrap_or(in_file)) {
        (Verifier::Test, _) if wishes.client_profile == Some(ClientProfile::Default) => Err(flag(
            "client-profile",
            &"default",
            "--test-verifier implies the testing profile",
        )),
        (Verifier::Test, _) => Ok(ClientProfile::Testing),
        (Verifier::Real, ClientProfile::Default) => Ok(ClientProfile::Default),
        (Verifier::Real, ClientProfile::Testing) => Err(flag(
            "client-profile",
            &"testing",
            "real epoch proofs are made of client proofs of the default profile; say --test-verifier",
        )),
    }
}

/// Windows that the design derives from the length of an epoch.
fn fit_windows(network: &mut NetworkConfig) {
    let slots = network.protocol.epoch_slots;
    let proving = &mut network.proving;
    proving.claim_window_slots = slots.saturating_mul(13).div_ceil(32);
    proving.proof_window_epochs = if slots >= 32 {
        2
    } else {
        proving.proof_window_epochs.max(4)
    };
    proving.stall_epochs = proving
        .stall_epochs
        .max(proving.proof_window_epochs.saturating_add(1));
    proving.ring_blocks = proving.ring_blocks.max(
        proving
            .proof_window_epochs
            .saturating_add(2)
            .saturating_mul(slots),
    );
    let epoch_seconds = slots.saturating_mul(network.protocol.slot_seconds);
    let held = network
        .protocol
        .set_lag_epochs
        .saturating_add(1)
        .saturating_mul(epoch_seconds);
    network.staking.exit_delay_seconds = network.staking.exit_delay_seconds.max(held);
}

fn network_text(name: Option<&str>) -> Result<(String, String), PlanError> {
    let name = name.unwrap_or("devnet");
    let text = match built_in(name) {
        Some(text) => text.to_owned(),
        None => std::fs::read_to_string(name).map_err(|source| PlanError::Read {
            path: name.to_owned(),
            source,
        })?,
    };
    Ok((name.to_owned(), text))
}

fn flag(flag: &'static str, given: &impl ToString, rule: &'static str) -> PlanError {
    PlanError::Flag {
        flag,
        given: given.to_string(),
        rule,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_network_file() {
        let plan = Plan::new(&Wishes {
            provers: Some(0),
            ..Wishes::default()
        })
        .unwrap();
        assert_eq!((plan.keys, plan.procs), (16, 4));
        assert_eq!(
            plan.network,
            NetworkConfig::parse(built_in("devnet").unwrap()).unwrap()
        );
        assert_eq!(plan.keys_of(1), [1, 5, 9, 13]);
    }

    #[test]
    fn real_proofs_have_longer_slots_unless_told_otherwise() {
        let cases = [
            (Wishes::default(), 8),
            (
                Wishes {
                    slot_ms: Some(5_000),
                    ..Wishes::default()
                },
                5,
            ),
            (
                Wishes {
                    verifier: Verifier::Test,
                    ..Wishes::default()
                },
                4,
            ),
        ];
        for (wishes, seconds) in cases {
            assert_eq!(Plan::new(&wishes).unwrap().network.protocol.slot_seconds, seconds);
        }
    }

    #[test]
    fn the_test_verifier_implies_the_testing_profile() {
        for (verifier, profile) in [
            (Verifier::Real, ClientProfile::Default),
            (Verifier::Test, ClientProfile::Testing),
        ] {
            let plan = Plan::new(&Wishes {
                verifier,
                ..Wishes::default()
            })
            .unwrap();
            assert_eq!(plan.network.proving.client_profile, profile);
        }
    }

    #[test]
    fn windows_follow_the_epoch() {
        for (epoch_slots, claim, window, ring) in [(8, 4, 4, 96), (16, 7, 4, 96), (32, 13, 2, 128)] {
            let plan = Plan::new(&Wishes {
                epoch_slots: Some(epoch_slots),
                ..Wishes::default()
            })
            .unwrap();
            let proving = plan.network.proving;
            let found = (
                proving.claim_window_slots,
                proving.proof_window_epochs,
                proving.ring_blocks,
            );
            assert_eq!(found, (claim, window, ring), "{epoch_slots} slots");
        }
    }

    #[test]
    fn bad_flags_are_named() {
        let wishes = Wishes::default;
        let cases = [
            (
                Wishes {
                    slot_ms: Some(2_000),
                    ..wishes()
                },
                "--slot-ms 2000",
            ),
            (
                Wishes {
                    slot_ms: Some(4_500),
                    ..wishes()
                },
                "--slot-ms 4500",
            ),
            (
                Wishes {
                    epoch_slots: Some(3),
                    ..wishes()
                },
                "--epoch-slots 3",
            ),
            (
                Wishes {
                    keys: Some(0),
                    ..wishes()
                },
                "--keys 0",
            ),
            (
                Wishes {
                    keys: Some(4),
                    committee: Some(5),
                    ..wishes()
                },
                "--committee 5",
            ),
            (
                Wishes {
                    keys: Some(4),
                    procs: Some(5),
                    ..wishes()
                },
                "--procs 5",
            ),
            (
                Wishes {
                    provers: Some(5),
                    ..wishes()
                },
                "--provers 5",
            ),
            (
                Wishes {
                    client_profile: Some(ClientProfile::Testing),
                    ..wishes()
                },
                "--client-profile testing",
            ),
            (
                Wishes {
                    verifier: Verifier::Test,
                    client_profile: Some(ClientProfile::Default),
                    ..wishes()
                },
                "--client-profile default",
            ),
            (
                // The test verifier and the testing profile exist on anvil only.
                Wishes {
                    verifier: Verifier::Test,
                    network: Some("phase4".to_owned()),
                    ..wishes()
                },
                "chain 31337 only",
            ),
            (
                Wishes {
                    network: Some("/nowhere.toml".to_owned()),
                    ..wishes()
                },
                "/nowhere.toml",
            ),
        ];
        for (wishes, expected) in cases {
            let error = Plan::new(&wishes).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
