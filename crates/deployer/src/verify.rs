//! What L1 must hold for a deployment file to be true: everything is derived again from this build and the network file.

use agoge_contract_bindings::epoch_proof_verifier::EpochProofVerifier;
use agoge_contract_bindings::rollup::Rollup;
use agoge_l1_client::{At, CallError, L1Client, Simulation};
use agoge_protocol::deployment::{DeployedContract, MissingContract};
use agoge_protocol::{Address, Deployment, keccak256};
use alloy::primitives::Bytes;

use crate::config::{self, Proving, Shared};
use crate::error::DeployError;
use crate::plan::{Creation, NotDeployable, Verifier, creation_code};
use crate::relations::{circuit_finding, instance_findings, power_findings};

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
    // The verifier's constructor creates a table of numbers, which it cannot do at an address where it has done so. The verifier has no
    // immutables, and its code names the hash of the table's.
    if creation.code == EpochProofVerifier::BYTECODE {
        return Ok(EpochProofVerifier::DEPLOYED_BYTECODE.clone());
    }
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

pub(crate) fn subject(contract: &DeployedContract) -> String {
    match contract.instance {
        Some(instance) => format!("{} of instance {instance}", contract.name),
        None => contract.name.clone(),
    }
}
