//! A Rollup that is not in the deployment file: whether it is one of this build, for this network.

use agoge_contract_bindings::rollup::Rollup;
use agoge_l1_client::{At, CallError, L1Client};
use agoge_protocol::deployment::DeployedContract;
use agoge_protocol::{Address, Deployment, keccak256};
use alloy::primitives::Bytes;

use crate::config::{self, Proving, Shared};
use crate::error::DeployError;
use crate::plan::NotDeployable;
use crate::verify::{Finding, Verdict, code_verdict};

/// Checks a Rollup that somebody wants to add: its parameters are the network file's, its code and that of the contracts that check its epochs
/// are this build's.
///
/// # Errors
/// As [`crate::verify`].
pub async fn verify_rollup(
    client: &L1Client,
    deployment: &Deployment,
    rollup: Address,
) -> Result<Vec<Finding>, DeployError> {
    let shared = Shared::of(deployment).map_err(NotDeployable::from)?;
    let finding = |subject: &str, address, check, verdict| Finding {
        subject: subject.to_owned(),
        address,
        check,
        verdict,
    };
    let config = match client.view(rollup, &Rollup::configCall {}, At::Latest).await {
        Ok(config) => config,
        Err(CallError::Rpc(error)) => return Err(error.into()),
        Err(error) => {
            let no = Verdict::Different(format!("it does not answer as a Rollup does: {error}"));
            return Ok(vec![finding("new Rollup", rollup, "parameters", no)]);
        }
    };
    let proving = Proving {
        epoch_statement: config.epochStatement,
        epoch_proof_verifier: config.epochProofVerifier,
    };
    let network = &client.config().network;
    let expected = config::rollup_config(network, &shared, &proving);
    let parameters = if expected == config {
        Verdict::Same
    } else {
        Verdict::Different(config::differences(&expected, &config))
    };
    let mut findings = vec![finding("new Rollup", rollup, "parameters", parameters)];
    let parts = [
        (
            "Rollup",
            "new Rollup",
            rollup,
            config::rollup(network, &shared, &proving),
        ),
        (
            "EpochStatement",
            "its EpochStatement",
            proving.epoch_statement,
            Bytes::new(),
        ),
        (
            "EpochProofVerifier",
            "its EpochProofVerifier",
            proving.epoch_proof_verifier,
            Bytes::new(),
        ),
    ];
    for (name, subject, address, arguments) in parts {
        let code = client.code(address).await?;
        let contract = DeployedContract {
            name: name.to_owned(),
            address,
            code_hash: keccak256(&code),
            constructor_args: arguments.clone(),
            instance: None,
        };
        let verdict = code_verdict(client, deployment, &contract, arguments, &code).await?;
        findings.push(finding(subject, address, "code", verdict));
    }
    Ok(findings)
}
