//! Carries a plan out, one creation after the other, and goes on where a former run stopped.

use std::time::Duration;

use agoge_contract_bindings::rollup::Rollup;
use agoge_l1_client::{At, CallError, L1Client, L1Wallet, SendOutcome, Simulation};
use agoge_protocol::deployment::DeployedContract;
use agoge_protocol::{Address, B256, Deployment, keccak256};

use crate::error::DeployError;
use crate::plan::{Creation, NetworkChoices, Plan, RollupChoices, circuit_digest};
use crate::state::{State, StateFile, Step, Target};
use crate::verify::reproduce;

/// Looks at the pool before a transaction that waits there is given up on, a poll interval apart.
const POOL_LOOKS: u32 = 150;

/// A deployment under way. Nothing but [`Self::advance`] sends.
#[derive(Debug)]
pub struct Deployer {
    client: L1Client,
    plan: Plan,
    state: State,
    file: Option<StateFile>,
    /// What the new contracts are added to: for a network nothing, for a Rollup the network's deployment.
    base: Deployment,
}

impl Deployer {
    /// A whole network. With a state file a deployment that was begun is taken up, and what it created is checked.
    ///
    /// # Errors
    /// [`DeployError`].
    pub async fn network(
        client: &L1Client,
        deployer: Address,
        choices: NetworkChoices,
        file: Option<StateFile>,
    ) -> Result<Self, DeployError> {
        let network = &client.config().network.network;
        let base = Deployment {
            network: network.name.clone(),
            chain_id: network.chain_id,
            deploy_block: 0,
            genesis_time: choices.genesis_time,
            genesis_ids: Vec::new(),
            verifier_circuit_digest: circuit_digest(choices.verifier),
            contracts: Vec::new(),
        };
        Self::open(client, deployer, Target::Network(choices), base, file).await
    }

    /// One more Rollup for a network, with its payload.
    ///
    /// # Errors
    /// [`DeployError`].
    pub async fn rollup(
        client: &L1Client,
        deployment: Deployment,
        deployer: Address,
        choices: RollupChoices,
        file: Option<StateFile>,
    ) -> Result<Self, DeployError> {
        Self::open(client, deployer, Target::Rollup(choices), deployment, file).await
    }

    async fn open(
        client: &L1Client,
        deployer: Address,
        target: Target,
        mut base: Deployment,
        file: Option<StateFile>,
    ) -> Result<Self, DeployError> {
        let network = &client.config().network;
        let begun = file.as_ref().map(StateFile::read).transpose()?.flatten();
        let state = match begun {
            Some(state) => {
                if let (Some(difference), Some(file)) =
                    (state.difference(network, deployer, target), file.as_ref())
                {
                    return Err(file.other_plan(difference));
                }
                state
            }
            None => {
                let nonce = client.nonce(deployer).await?;
                let first_block = client.head().await?.number.get();
                State::new(network, deployer, nonce, first_block, target)
            }
        };
        let plan = match &state.target {
            Target::Rollup(choices) => Plan::rollup(network, &base, choices, deployer, state.first_nonce)?,
            Target::Network(choices) => {
                base.deploy_block = state.first_block;
                base.genesis_time = choices.genesis_time;
                Plan::network(network, choices, deployer, state.first_nonce)?
            }
        };
        let deployer = Self {
            client: client.clone(),
            plan,
            state,
            file,
            base,
        };
        deployer.check_steps().await?;
        Ok(deployer)
    }

    /// Everything that is to be created.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What is mined and known.
    pub fn steps(&self) -> &[Step] {
        &self.state.steps
    }

    /// Whether nothing is missing.
    pub fn is_complete(&self) -> bool {
        self.state.steps.len() >= self.plan.creations.len()
    }

    /// Creates what is missing first and waits until it is mined; `None` when nothing is missing.
    ///
    /// # Errors
    /// [`DeployError`].
    pub async fn advance(&mut self, wallet: &mut L1Wallet) -> Result<Option<&Step>, DeployError> {
        let place = self.state.steps.len();
        let Some(creation) = self.plan.creations.get(place).cloned() else {
            return Ok(None);
        };
        let step = if self.is_created(place).await? {
            self.adopt(&creation).await?
        } else {
            self.create(&creation, wallet).await?
        };
        self.state.steps.push(step);
        if let Some(file) = &self.file {
            file.write(&self.state)?;
        }
        Ok(self.state.steps.last())
    }

    /// Creates all that is missing.
    ///
    /// # Errors
    /// [`DeployError`].
    pub async fn run(&mut self, wallet: &mut L1Wallet) -> Result<(), DeployError> {
        while self.advance(wallet).await?.is_some() {}
        Ok(())
    }

    /// Runs the missing creations without sending: each on top of the code that those before it leave.
    ///
    /// # Errors
    /// [`DeployError::Refused`] names the constructor that reverts.
    pub async fn simulate(&self) -> Result<(), DeployError> {
        let mut codes: Vec<_> = Vec::new();
        for creation in self.plan.creations.iter().skip(self.state.steps.len()) {
            let mut simulation = Simulation::creation(creation.address, creation.input());
            simulation.from = self.plan.deployer;
            simulation.codes.extend(codes.iter().cloned());
            let runtime = self
                .client
                .simulate(&simulation)
                .await
                .map_err(|source| match source {
                    CallError::Rpc(error) => DeployError::Rpc(error),
                    source => DeployError::Refused {
                        name: creation.name,
                        source,
                    },
                })?;
            codes.push((creation.address, runtime));
        }
        Ok(())
    }

    /// The deployment file of a complete deployment.
    ///
    /// # Errors
    /// [`DeployError`].
    pub async fn deployment(&self) -> Result<Deployment, DeployError> {
        let mut deployment = self.base.clone();
        if let Target::Rollup(choices) = &self.state.target {
            // An instance of this number that never came into the Registry gives way.
            let stays = |contract: &DeployedContract| contract.instance != Some(choices.instance);
            deployment.contracts.retain(stays);
            let before = usize::try_from(choices.instance.saturating_sub(1)).unwrap_or(usize::MAX);
            deployment.genesis_ids.truncate(before);
        }
        for (creation, step) in self.plan.creations.iter().zip(&self.state.steps) {
            let contract = DeployedContract {
                name: step.name.clone(),
                address: step.address,
                code_hash: step.code_hash,
                constructor_args: step.constructor_args.clone(),
                instance: creation.instance,
            };
            if creation.name == "Rollup" {
                let id = self
                    .client
                    .view(step.address, &Rollup::genesisIdCall {}, At::Latest)
                    .await?;
                deployment.genesis_ids.push(id);
                let inbox = DeployedContract {
                    name: "Inbox".to_owned(),
                    ..contract.clone()
                };
                deployment.contracts.extend([contract, inbox]);
            } else {
                deployment.contracts.push(contract);
            }
        }
        Ok(deployment)
    }

    /// That what was created is still there: an L1 that was started anew has forgotten it.
    async fn check_steps(&self) -> Result<(), DeployError> {
        for step in &self.state.steps {
            let found = keccak256(self.client.code(step.address).await?);
            if found != step.code_hash {
                return Err(DeployError::Lost {
                    name: step.name.clone(),
                    address: step.address,
                    expected: step.code_hash,
                    found,
                });
            }
        }
        let mismatch = self
            .plan
            .creations
            .iter()
            .zip(&self.state.steps)
            .find(|(creation, step)| {
                creation.address != step.address || creation.arguments != step.constructor_args
            });
        match mismatch {
            Some((creation, step)) => Err(DeployError::OtherCode {
                name: creation.name,
                address: step.address,
            }),
            None => Ok(()),
        }
    }

    /// Whether the deployer's nonce is past a creation; waits for one that a killed run has sent.
    async fn is_created(&self, place: usize) -> Result<bool, DeployError> {
        let deployer = self.plan.deployer;
        let expected = self.plan.nonce_of(place);
        let poll = Duration::from_millis(self.client.config().network.l1.poll_interval_ms);
        for _ in 0..POOL_LOOKS {
            let found = self.client.nonce(deployer).await?;
            if found > expected {
                return Ok(true);
            }
            if found < expected {
                return Err(DeployError::NonceMoved {
                    deployer,
                    expected,
                    found,
                });
            }
            if self.client.pending_nonce(deployer).await? <= expected {
                return Ok(false);
            }
            tokio::time::sleep(poll).await;
        }
        Err(DeployError::Pending { deployer })
    }

    /// Takes what a killed run has created, if it is that.
    async fn adopt(&self, creation: &Creation) -> Result<Step, DeployError> {
        let code = self.client.code(creation.address).await?;
        if code.is_empty() {
            let found = self.client.nonce(self.plan.deployer).await?;
            return Err(DeployError::NonceMoved {
                deployer: self.plan.deployer,
                expected: self.plan.nonce_of(self.state.steps.len()),
                found,
            });
        }
        if reproduce(&self.client, creation, self.base.genesis_time).await? != code {
            return Err(DeployError::OtherCode {
                name: creation.name,
                address: creation.address,
            });
        }
        tracing::debug!(name = creation.name, address = %creation.address, "was created before");
        Ok(step(creation, None, keccak256(code)))
    }

    async fn create(&self, creation: &Creation, wallet: &mut L1Wallet) -> Result<Step, DeployError> {
        if self.state.steps.is_empty()
            && let Some(file) = &self.file
        {
            // So that a run killed right after sending is known to have begun.
            file.write(&self.state)?;
        }
        let outcome = wallet.deploy(creation.input()).await?;
        let SendOutcome::Mined(mined) = &outcome else {
            return Err(DeployError::NotMined {
                name: creation.name,
                outcome: Box::new(outcome),
            });
        };
        if mined.created != Some(creation.address) {
            // The nonce moved between the look and the transaction.
            return Err(DeployError::NonceMoved {
                deployer: self.plan.deployer,
                expected: self.plan.nonce_of(self.state.steps.len()),
                found: self.client.nonce(self.plan.deployer).await?,
            });
        }
        tracing::debug!(name = creation.name, address = %creation.address, gas = mined.gas_used, "deployed");
        let code_hash = keccak256(self.client.code(creation.address).await?);
        Ok(step(creation, Some(mined.hash), code_hash))
    }
}

fn step(creation: &Creation, tx: Option<B256>, code_hash: B256) -> Step {
    Step {
        name: creation.name.to_owned(),
        address: creation.address,
        tx,
        code_hash,
        constructor_args: creation.arguments.clone(),
    }
}
