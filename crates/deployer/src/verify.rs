//! What L1 must hold for a deployment file to be true: everything is derived again from this build and the network file.

use agoge_contract_bindings::registry::Registry;
use agoge_contract_bindings::rollup::Rollup;
use agoge_contract_bindings::timelock::Timelock;
use agoge_l1_client::{At, CallError, L1Client, Simulation};
use agoge_protocol::deployment::{DeployedContract, MissingContract};
use agoge_protocol::{Address, B256, Deployment, U256, keccak256};
use alloy::primitives::Bytes;

use crate::config::{self, Proving, Shared};
use crate::error::DeployError;
use crate::plan::{Creation, NotDeployable, Verifier, circuit_digest, creation_code};

/// One check of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Contract, with its instance where it has one; or what the check is about.
    pub subject: String,
    /// Where it is; zero for what is no contract.
    pub address: Address,
    /// What was compared.
    pub check: &'static str,
    /// How it ended.
    pub verdict: Verdict,
}

/// How a check ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it must be.
    Same,
    /// As it must be, but a person should know something.
    Note(String),
    /// Something else.
    Different(String),
}

impl Finding {
    /// Whether L1 is not what it must be.
    pub const fn is_wrong(&self) -> bool {
        matches!(self.verdict, Verdict::Different(_))
    }
}

/// The runtime code that a creation of this build leaves at its address, immutables included. Genesis times are checked against the block's
/// time, so the creation runs at the genesis time.
///
/// # Errors
/// [`CallError`].
pub(crate) async fn reproduce(
    client: &L1Client,
    creation: &Creation,
    genesis_time: u64,
) -> Result<Bytes, CallError> {
    let mut simulation = Simulation::creation(creation.address, creation.input());
    simulation.time = (creation.name == "Registry").then_some(genesis_time);
    client.simulate(&simulation).await
}

/// Checks a deployment file against L1, this build and the network file: code of every contract byte for byte, constructor arguments, genesis
/// ids, the circuit, who has which power.
///
/// # Errors
/// [`DeployError::Plan`] when the file lacks a contract, [`DeployError::Rpc`] or [`DeployError::Call`] when L1 does not answer.
pub async fn verify(client: &L1Client, deployment: &Deployment) -> Result<Vec<Finding>, DeployError> {
    let shared = Shared::of(deployment).map_err(NotDeployable::from)?;
    let mut findings = Vec::new();
    for contract in &deployment.contracts {
        findings.extend(contract_findings(client, deployment, &shared, contract).await?);
    }
    findings.push(circuit_finding(client, deployment).await?);
    findings.extend(instance_findings(client, deployment, &shared).await?);
    findings.extend(power_findings(client, &shared).await?);
    Ok(findings)
}

async fn contract_findings(
    client: &L1Client,
    deployment: &Deployment,
    shared: &Shared,
    contract: &DeployedContract,
) -> Result<Vec<Finding>, DeployError> {
    let finding = |check, verdict| Finding {
        subject: subject(contract),
        address: contract.address,
        check,
        verdict,
    };
    let code = client.code(contract.address).await?;
    let found = keccak256(&code);
    let is_file_right = found == contract.code_hash;
    let file = if is_file_right {
        Verdict::Same
    } else {
        Verdict::Different(format!(
            "L1 has {found}, the deployment file says {}",
            contract.code_hash
        ))
    };
    let mut findings = vec![finding("code hash", file)];
    let expected = expected_arguments(client, deployment, shared, contract).map_err(NotDeployable::from)?;
    let Some(arguments) = expected else {
        let unknown = "this build knows no contract of this name".to_owned();
        findings.push(finding("code", Verdict::Different(unknown)));
        return Ok(findings);
    };
    let same = arguments == contract.constructor_args;
    let verdict = if same {
        Verdict::Same
    } else {
        Verdict::Different(format!(
            "the network file gives {arguments}, the deployment file says {}",
            contract.constructor_args
        ))
    };
    findings.push(finding("constructor arguments", verdict));
    findings.push(finding(
        "code",
        code_verdict(client, deployment, contract, arguments, &code).await?,
    ));
    Ok(findings)
}

/// What this build would create at a contract's address, against what is there.
pub(crate) async fn code_verdict(
    client: &L1Client,
    deployment: &Deployment,
    contract: &DeployedContract,
    arguments: Bytes,
    code: &Bytes,
) -> Result<Verdict, DeployError> {
    let version = version_of(client, contract).await?;
    let kinds: &[Verifier] = match contract.name.as_str() {
        "EpochProofVerifier" => &[Verifier::Real, Verifier::Test],
        _ => &[Verifier::Real],
    };
    let mut last = Verdict::Different(format!(
        "this build has no {} of version {version}",
        contract.name
    ));
    for kind in kinds {
        let Some((name, creation_code)) =
            known(&contract.name).and_then(|name| Some((name, creation_code(name, version, *kind)?)))
        else {
            continue;
        };
        let creation = Creation {
            name,
            instance: contract.instance,
            address: contract.address,
            code: creation_code.clone(),
            arguments: arguments.clone(),
        };
        match reproduce(client, &creation, deployment.genesis_time).await {
            Ok(expected) if expected == *code && *kind == Verifier::Test => {
                return Ok(Verdict::Note(
                    "the test verifier: it takes an empty proof of anything".to_owned(),
                ));
            }
            Ok(expected) if expected == *code => return Ok(Verdict::Same),
            Ok(expected) if matches!(last, Verdict::Different(_)) => {
                let (expected, found) = (keccak256(expected), keccak256(code));
                last = Verdict::Different(format!("this build creates {expected} there, L1 has {found}"));
            }
            Ok(_) => {}
            // A payload whose Rollup is listed refuses to be created again; the code hash of the file was compared.
            Err(CallError::Reverted { reason, .. }) if reason.is("UpgradePayload__AlreadyListed") => {
                return Ok(Verdict::Note(
                    "executed: its Rollup is in the Registry".to_owned(),
                ));
            }
            Err(CallError::Reverted { reason, .. }) => {
                if *kind == Verifier::Real {
                    last = Verdict::Different(format!("its constructor refuses now: {reason}"));
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(last)
}

async fn circuit_finding(client: &L1Client, deployment: &Deployment) -> Result<Finding, DeployError> {
    let verifier = deployment
        .address("EpochProofVerifier")
        .map_err(NotDeployable::from)?;
    let code = client.code(verifier).await?;
    let is_test = creation_code("EpochProofVerifier", 1, Verifier::Test)
        .is_some_and(|creation| is_tail(creation, &code));
    let kind = if is_test { Verifier::Test } else { Verifier::Real };
    let (expected, found) = (circuit_digest(kind), deployment.verifier_circuit_digest);
    let verdict = if expected == found {
        Verdict::Same
    } else {
        Verdict::Different(format!(
            "this build's circuit is {expected}, the deployment file says {found}"
        ))
    };
    Ok(Finding {
        subject: "verifier's circuit".to_owned(),
        address: verifier,
        check: "circuit digest",
        verdict,
    })
}

/// Whether creation code without immutables ends with a runtime code.
fn is_tail(creation: &Bytes, runtime: &Bytes) -> bool {
    !runtime.is_empty()
        && creation
            .windows(runtime.len())
            .any(|window| window == runtime.as_ref())
}

async fn instance_findings(
    client: &L1Client,
    deployment: &Deployment,
    shared: &Shared,
) -> Result<Vec<Finding>, DeployError> {
    let mut findings = Vec::new();
    let rollups = deployment
        .contracts
        .iter()
        .filter(|contract| contract.name == "Rollup");
    for contract in rollups {
        let place = contract.instance.unwrap_or(1).saturating_sub(1);
        let expected = usize::try_from(place)
            .ok()
            .and_then(|place| deployment.genesis_ids.get(place));
        let found = view_word(client, contract.address).await?;
        let verdict = if expected == Some(&found) {
            Verdict::Same
        } else {
            Verdict::Different(format!("L1 has {found}, the deployment file says {expected:?}"))
        };
        findings.push(Finding {
            subject: subject(contract),
            address: contract.address,
            check: "genesis id",
            verdict,
        });
    }
    let first = deployment.address("Rollup").map_err(NotDeployable::from)?;
    let call = Registry::canonicalAtCall { _epoch: U256::ZERO };
    let found = client.view(shared.registry, &call, At::Latest).await;
    let verdict = match found {
        Ok(found) if found == first => Verdict::Same,
        Ok(found) => Verdict::Different(format!(
            "the Registry's first instance is {found}, expected {first}"
        )),
        Err(CallError::Rpc(error)) => return Err(error.into()),
        Err(error) => Verdict::Different(error.to_string()),
    };
    findings.push(Finding {
        subject: "Registry".to_owned(),
        address: shared.registry,
        check: "first instance",
        verdict,
    });
    Ok(findings)
}

/// The genesis id, or zero from what is no Rollup.
async fn view_word(client: &L1Client, rollup: Address) -> Result<B256, DeployError> {
    match client.view(rollup, &Rollup::genesisIdCall {}, At::Latest).await {
        Ok(id) => Ok(id),
        Err(CallError::Rpc(error)) => Err(error.into()),
        Err(_) => Ok(B256::ZERO),
    }
}

/// Governance is the Timelock's proposer, canceller and executor, and nobody its admin.
async fn power_findings(client: &L1Client, shared: &Shared) -> Result<Vec<Finding>, DeployError> {
    let roles = [
        ("proposer", keccak256("PROPOSER_ROLE"), shared.governance, true),
        ("canceller", keccak256("CANCELLER_ROLE"), shared.governance, true),
        ("executor", keccak256("EXECUTOR_ROLE"), shared.governance, true),
        ("no admin", B256::ZERO, shared.timelock, false),
        (
            "no open execution",
            keccak256("EXECUTOR_ROLE"),
            Address::ZERO,
            false,
        ),
    ];
    let mut findings = Vec::new();
    for (check, role, account, expected) in roles {
        let call = Timelock::hasRoleCall { role, account };
        let verdict = match client.view(shared.timelock, &call, At::Latest).await {
            Ok(found) if found == expected => Verdict::Same,
            Ok(found) => Verdict::Different(format!("{account} has the role: {found}")),
            Err(CallError::Rpc(error)) => return Err(error.into()),
            Err(error) => Verdict::Different(error.to_string()),
        };
        findings.push(Finding {
            subject: "Timelock".to_owned(),
            address: shared.timelock,
            check,
            verdict,
        });
    }
    Ok(findings)
}

/// What a contract of the deployment was created with, if the network file and the other contracts are to fit; `None` for an unknown name.
fn expected_arguments(
    client: &L1Client,
    deployment: &Deployment,
    shared: &Shared,
    contract: &DeployedContract,
) -> Result<Option<Bytes>, MissingContract> {
    let network = &client.config().network;
    let instance = contract.instance.unwrap_or(1);
    Ok(match contract.name.as_str() {
        "Registry" => {
            let first = deployment.address("Rollup")?;
            Some(config::registry(network, deployment.genesis_time, shared, first))
        }
        "Staking" => config::allow_list_admin(&contract.constructor_args)
            .map(|admin| config::staking(network, shared, admin)),
        "ProverBonds" => Some(config::prover_bonds(network, shared)),
        "GovernanceProposer" => Some(config::governance_proposer(network, shared)),
        "EpochStatement" | "EpochProofVerifier" => Some(Bytes::new()),
        "Rollup" | "Inbox" => {
            let proving = Proving::of(deployment, instance)?;
            Some(config::rollup(network, shared, &proving))
        }
        "Timelock" => Some(config::timelock(network, shared)),
        "Governance" => config::governance(network, shared),
        "UpgradePayload" => {
            let rollup = deployment
                .contracts
                .iter()
                .find(|other| other.name == "Rollup" && other.instance == contract.instance);
            rollup.map(|rollup| config::upgrade_payload(shared, rollup.address))
        }
        _ => None,
    })
}

/// The version that a Rollup says; 1 for other contracts, 0 for what does not answer.
async fn version_of(client: &L1Client, contract: &DeployedContract) -> Result<u64, DeployError> {
    if !matches!(contract.name.as_str(), "Rollup" | "Inbox") {
        return Ok(1);
    }
    match client
        .view(contract.address, &Rollup::versionCall {}, At::Latest)
        .await
    {
        Ok(version) => Ok(u64::try_from(version).unwrap_or(u64::MAX)),
        Err(CallError::Rpc(error)) => Err(error.into()),
        Err(_) => Ok(0),
    }
}

fn known(name: &str) -> Option<&'static str> {
    const NAMES: [&str; 11] = [
        "Registry",
        "Staking",
        "ProverBonds",
        "GovernanceProposer",
        "EpochStatement",
        "EpochProofVerifier",
        "Rollup",
        "Inbox",
        "Timelock",
        "Governance",
        "UpgradePayload",
    ];
    NAMES.into_iter().find(|known| *known == name)
}

fn subject(contract: &DeployedContract) -> String {
    match contract.instance {
        Some(instance) => format!("{} of instance {instance}", contract.name),
        None => contract.name.clone(),
    }
}
