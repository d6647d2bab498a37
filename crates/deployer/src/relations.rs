//! What holds between the contracts of a network: circuit, genesis ids, first instance, who has which power.

use agoge_contract_bindings::registry::Registry;
use agoge_contract_bindings::rollup::Rollup;
use agoge_contract_bindings::timelock::Timelock;
use agoge_l1_client::{At, CallError, L1Client};
use agoge_protocol::{Address, B256, Deployment, U256, keccak256};
use alloy::primitives::Bytes;

use crate::config::Shared;
use crate::error::DeployError;
use crate::plan::{NotDeployable, Verifier, circuit_digest, creation_code};
use crate::verify::{Finding, Verdict, subject};

pub(crate) async fn circuit_finding(
    client: &L1Client,
    deployment: &Deployment,
) -> Result<Finding, DeployError> {
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

pub(crate) async fn instance_findings(
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
pub(crate) async fn power_findings(client: &L1Client, shared: &Shared) -> Result<Vec<Finding>, DeployError> {
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
