//! A command's way to L1, with the prover's key.

use std::sync::Arc;

use agoge_host::keys::{KeyError, PasswordSource, open_key_file};
use agoge_host::report::CliError;
use agoge_l1_client::{CallError, L1Client, RollupReader, SendOutcome, VerifyError};
use agoge_protocol::exit::ExitCode as Exit;
use agoge_supervisor::SystemClock;
use alloy::signers::local::PrivateKeySigner;

use crate::config::Config;

/// L1, checked against the deployment file.
pub(super) struct Connected {
    pub(super) l1: L1Client,
    /// Of the deployment file's instance.
    pub(super) reader: RollupReader,
    pub(super) key: PrivateKeySigner,
}

/// Opens the key and checks that L1 is the network's.
pub(super) async fn connect(config: &Config) -> Result<Connected, CliError> {
    let deployment = config.load_deployment()?;
    let source = PasswordSource::choose(config.password_file.as_deref());
    let password = source.read().map_err(KeyError::from)?;
    let key = open_key_file(&config.key_file, config.network.network.chain_id, &password)?;
    let l1 = L1Client::connect(config.l1_client(deployment), Arc::new(SystemClock))
        .await
        .map_err(|error| {
            let (exit, code) = if error.is_wrong_chain() {
                (Exit::WrongNetwork, "AGOGE-L1-001")
            } else {
                (Exit::Failed, "AGOGE-L1-002")
            };
            CliError::new(exit, code, error)
        })?;
    let reader = l1
        .reader()
        .map_err(|error| CliError::new(Exit::Precondition, "AGOGE-DEP-002", error))?;
    reader
        .verify_deployment(&config.network)
        .await
        .map_err(verify_error)?;
    Ok(Connected { l1, reader, key })
}

/// Why a deployment is not taken: the network is another one only if L1 said so.
pub(super) fn verify_error(error: VerifyError) -> CliError {
    let (exit, code) = match &error {
        VerifyError::Call(_) => (Exit::Failed, "AGOGE-L1-002"),
        _ => (Exit::WrongNetwork, "AGOGE-DEP-005"),
    };
    CliError::new(exit, code, error)
}

/// A view that gave no value.
pub(super) fn l1_call(error: CallError) -> CliError {
    CliError::new(Exit::Failed, "AGOGE-L1-002", error)
}

/// A transaction that ended otherwise than mined.
pub(super) fn not_mined(outcome: &SendOutcome) -> CliError {
    let code = match outcome {
        SendOutcome::Reverted { .. } => "AGOGE-PRV-003",
        SendOutcome::SimulationReverted { .. } => "AGOGE-PRV-004",
        SendOutcome::Expired { .. } => "AGOGE-PRV-005",
        SendOutcome::WrongChain { .. } => "AGOGE-L1-001",
        SendOutcome::Unfunded { .. } => "AGOGE-PRV-006",
        _ => "AGOGE-L1-002",
    };
    CliError::new(outcome.exit_code(), code, outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use agoge_protocol::Address;

    #[test]
    fn an_l1_that_does_not_answer_is_no_other_network() {
        let away = CallError::Undecodable {
            contract: Address::ZERO,
            function: "config()",
        };
        assert_eq!(verify_error(VerifyError::Call(away)).exit, Exit::Failed);
        let other = VerifyError::Network {
            expected: "devnet".to_owned(),
            found: "sepolia".to_owned(),
        };
        assert_eq!(verify_error(other).exit, Exit::WrongNetwork);
    }
}
