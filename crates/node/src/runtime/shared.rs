//! What all instances of a node have in common: L1, the one sender, keys and their guard, the clock.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use agoge_circuits::ClientVerifier;
use agoge_l1_client::instances::{Launch, SharedPlan, Stacks, health_of};
use agoge_l1_client::{InstanceFacts, L1Client, SenderHandle, kzg};
use agoge_protocol::rpc::Signal;
use agoge_protocol::{Address, Epoch, L1Block};
use agoge_store::SigningGuard;
use agoge_store::guard::GuardError;
use agoge_supervisor::{Health, SlotClock, Spawner};
use tokio::sync::mpsc;

use super::error::{SenderFailed, StartError};
use super::handle::InstanceHandle;
use super::local::guard_first_slot;
use super::reports::{Means, NOTICES_MAX, Notice};
use super::signals::Signals;
use super::stack::start_stack;
use crate::config::Config;
use crate::duties::Switches;
use crate::evidence::{Pace, Queue};
use crate::keys::KeyRing;
use crate::signals::Choice;
use crate::signer::{AttesterKey, Signer};

/// See the module.
pub(super) struct Shared {
    // Interfaces.
    pub(super) l1: L1Client,
    pub(super) sender: Option<SenderHandle>,
    /// Where validators report equivocations to.
    pub(super) notices: mpsc::Sender<Notice>,
    /// Keys and guard; each instance signs with one of its own ([`Signer::of_instance`]).
    pub(super) signer: Signer,
    pub(super) verifier: Arc<ClientVerifier>,
    pub(super) signals: Signals,
    pub(super) health: Health,
    pub(super) slots: SlotClock,
    pub(super) spawner: Spawner,
    // Config.
    pub(super) config: Config,
    pub(super) fee_recipient: Option<Address>,
    // State.
    pub(super) switches: Arc<Mutex<Switches>>,
    /// Held while keys or switches change, and while an instance starts with them.
    pub(super) keys_change: tokio::sync::Mutex<()>,
    /// Bound: the Registry's list.
    running: RwLock<BTreeMap<Address, InstanceHandle>>,
    /// Which instances run.
    pub(super) plan: SharedPlan,
}

impl core::fmt::Debug for Shared {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Shared")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// What [`Shared::open`] works with.
pub(super) struct Environment {
    pub(super) config: Config,
    pub(super) l1: L1Client,
    pub(super) slots: SlotClock,
    pub(super) health: Health,
    pub(super) spawner: Spawner,
    pub(super) plan: SharedPlan,
}

/// What [`super::reports::run`] starts with.
pub(super) struct Reporting {
    pub(super) means: Option<Means>,
    pub(super) noticed: mpsc::Receiver<Notice>,
}

impl Shared {
    /// Opens guard, switches and the sender's journal, each of which there is once. `home` is the instance of the deployment file, `configured` what its
    /// proposers signal for unless the admin port has chosen.
    ///
    /// # Errors
    /// [`StartError`].
    pub(super) async fn open(
        environment: Environment,
        keys: KeyRing,
        home: &InstanceFacts,
        configured: Option<Signal>,
    ) -> Result<(Self, Reporting), StartError> {
        let Environment {
            config,
            l1,
            slots,
            health,
            spawner,
            plan,
        } = environment;
        // The first block needs the KZG set-up; nothing waits for it before. Dropping the future does not stop the work.
        drop(spawner.spawn_blocking("kzg-set-up", kzg::warm_up));
        let KeyRing { attesters, publisher } = keys;
        let is_reporting = config.report_equivocation && publisher.is_some();
        let fee_recipient = config
            .fee_recipient
            .or_else(|| publisher.as_ref().map(|key| key.address()));
        let opening = (config.clone(), slots.clone(), home.genesis_id);
        let opened = spawner.spawn_blocking("open-guard", move || {
            let (config, slots, home) = opening;
            let guard = open_guard(&config, &slots, attesters.is_empty())?;
            let path = config.data_dir.join("duties-off.json");
            let switches = Switches::open(&path).map_err(file_error(path))?;
            let path = config.signal_file();
            let choice = Choice::open(&path).map_err(file_error(path))?;
            let reports = match is_reporting {
                true => Some(open_reports(&config, &slots)?),
                false => None,
            };
            let verifier = ClientVerifier::new(config.network.proving.client_profile)?;
            let signer = Signer::new(Arc::new(guard), home, attesters);
            Ok::<_, StartError>((signer, switches, choice, reports, verifier))
        });
        let (signer, switches, choice, reports, verifier) = opened.await??;
        let sender = match publisher {
            Some(key) => {
                let (sender, handle) = l1.sender(key, &config.sender_dir())?;
                let cancel = spawner.token();
                spawner.spawn("l1-sender", async move {
                    sender.run(cancel).await.map_err(SenderFailed::from)
                });
                Some(handle)
            }
            None => None,
        };
        let signals = Signals::new(l1.governance(home), choice, configured);
        let (notices, noticed) = mpsc::channel(NOTICES_MAX);
        let means = reports.zip(sender.clone()).map(|(queue, sender)| Means {
            sender,
            queue: Arc::new(Mutex::new(queue)),
            staking: home.contracts.staking,
        });
        let shared = Self {
            l1,
            sender,
            notices,
            signer,
            verifier: Arc::new(verifier),
            signals,
            health,
            slots,
            spawner,
            config,
            fee_recipient,
            switches: Arc::new(Mutex::new(switches)),
            keys_change: tokio::sync::Mutex::default(),
            running: RwLock::default(),
            plan,
        };
        Ok((shared, Reporting { means, noticed }))
    }

    /// Attester keys, and whether their duties are on.
    pub(super) fn attesters(&self) -> Vec<(Address, bool)> {
        let switches = self.switches.lock().unwrap_or_else(PoisonError::into_inner);
        let addresses = self.signer.addresses().into_iter();
        addresses.map(|key| (key, switches.is_on(key))).collect()
    }

    /// The current epoch; 0 before genesis.
    pub(super) fn epoch(&self) -> Epoch {
        self.slots.epoch().unwrap_or(Epoch::new(0))
    }

    /// An instance's part of the health pages.
    pub(super) fn health_of(&self, number: u32) -> Health {
        health_of(&self.health, number)
    }

    /// The instances that run.
    pub(super) fn running(&self) -> Vec<InstanceHandle> {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        running.values().cloned().collect()
    }

    /// The instance of a Rollup, if it runs.
    pub(super) fn get(&self, rollup: Address) -> Option<InstanceHandle> {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        running.get(&rollup).cloned()
    }

    /// The instance that is canonical now, if it runs.
    pub(super) fn canonical(&self) -> Option<InstanceHandle> {
        self.get(self.plan.canonical(self.epoch())?.rollup)
    }

    /// From now on the instance is asked and told.
    pub(super) fn put(&self, instance: InstanceHandle) {
        let mut running = self.running.write().unwrap_or_else(PoisonError::into_inner);
        running.insert(instance.rollup(), instance);
    }
}

impl Stacks for Shared {
    type Error = StartError;

    async fn start(&self, launch: Launch, spawner: Spawner) -> Result<(), StartError> {
        start_stack(self, launch, spawner).await
    }

    fn ended(&self, rollup: Address) {
        let mut running = self.running.write().unwrap_or_else(PoisonError::into_inner);
        running.remove(&rollup);
    }

    fn at_head(&self, head: L1Block) {
        self.signals.head.send_replace(Some(head));
    }
}

pub(super) fn file_error(path: PathBuf) -> impl FnOnce(std::io::Error) -> StartError {
    |source| StartError::File { path, source }
}

/// Opens the equivocations that wait to be reported.
fn open_reports(config: &Config, slots: &SlotClock) -> Result<Queue, StartError> {
    let network = &config.network;
    let l1_slot_ms = network.network.l1_slot_seconds.saturating_mul(1_000);
    let pace = Pace {
        l1_slot_ms,
        reorg_ms: l1_slot_ms.saturating_mul(network.l1.reorg_depth_max),
    };
    let path = config.reports_file();
    Queue::open(&path, network.network.chain_id, pace, slots.now_unix_ms()).map_err(file_error(path))
}

/// Opens the guard. It is made only when the operator says so, or when there is no key yet whose past it could have forgotten.
fn open_guard(config: &Config, slots: &SlotClock, is_keyless: bool) -> Result<SigningGuard, StartError> {
    let (path, chain_id) = (config.guard_file(), config.network.network.chain_id);
    Ok(match SigningGuard::open(&path, chain_id) {
        Err(GuardError::Missing { .. }) if config.init_guard || is_keyless => {
            let first_slot = guard_first_slot(slots, config.doppelganger_epochs);
            tracing::info!(%first_slot, "signing guard made; nothing is signed before this slot");
            SigningGuard::init(&path, chain_id, first_slot)?
        }
        opened => opened?,
    })
}

/// Lets the guard take keys up in an instance, before they are used; those that it does not know there wait.
///
/// # Errors
/// [`GuardError`]; the keys must not be used then.
pub(super) fn admit(
    signer: &Signer,
    keys: &[Address],
    first_slot: agoge_protocol::Slot,
) -> Result<(), GuardError> {
    for key in signer.guard().admit(signer.genesis_id(), keys, first_slot)? {
        tracing::info!(attester = %key, %first_slot, "the signing guard does not know this key here; it signs nothing before this slot");
    }
    Ok(())
}

/// Addresses of keys.
pub(super) fn addresses(keys: &[AttesterKey]) -> Vec<Address> {
    keys.iter().map(AttesterKey::address).collect()
}
