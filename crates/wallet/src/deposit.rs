//! Deposits: from an L1 account into the instance's inbox.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use agoge_contract_bindings::rollup::Rollup;
use agoge_l1_client::{
    At, CallError, ClientError, L1Client, L1Config, Purpose, RevertReason, SendOutcome, SenderError,
    TxRequest, UrlError,
};
use agoge_protocol::deployment::{DeployedContract, Deployment};
use agoge_protocol::exit::ExitCode;
use agoge_protocol::network::{NetworkConfig, NetworkError, built_in};
use agoge_protocol::note::next_inbox_hash;
use agoge_protocol::rpc::NodeInfo;
use agoge_protocol::{Address, B256, Ciphertext, Digest, ShieldedAddress, U256};
use agoge_supervisor::SystemClock;
use alloy::signers::local::LocalSigner;
use alloy::sol_types::SolCall;
use rand::RngCore;
use secrecy::{ExposeSecret, SecretString};

use crate::cipher::WeakViewingKey;
use crate::cli::Deposit;
use crate::seed::Seed;
use crate::transfer::deposit_note;

/// Wei of one gwei.
const GWEI: u64 = 1_000_000_000;

/// Why a deposit failed.
#[derive(Debug, thiserror::Error)]
pub enum DepositError {
    /// `--network` is neither a name nor a file.
    #[error("--network {path}: {source}; hint: devnet, phase1 .. phase4, or the path of a network file")]
    NetworkFile {
        /// As given.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The network file is wrong.
    #[error("--network: {0}")]
    Network(#[from] NetworkError),
    /// The node serves another chain than the network or deployment file names.
    #[error("the node is on chain {node}, --network or --deployment is for chain {network}")]
    OtherChain {
        /// The node's.
        node: u64,
        /// The file's.
        network: u64,
    },
    /// `--deployment` cannot be read.
    #[error("--deployment {path}: {reason}")]
    DeploymentFile {
        /// As given.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The node names another Rollup than the deployment.
    #[error(
        "the node's Rollup is {node}, which is not in {path}: money sent there would be lost; hint: ask another node"
    )]
    OtherRollup {
        /// The node's.
        node: Address,
        /// The deployment file.
        path: PathBuf,
    },
    /// `--rpc-url` is no endpoint.
    #[error("--rpc-url: {0}")]
    Url(#[from] UrlError),
    /// The L1 keystore cannot be opened.
    #[error("--keystore {path}: {reason}")]
    Keystore {
        /// As given.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// L1 cannot be reached, or is another chain.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A view failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The transaction could not be made or followed.
    #[error(transparent)]
    Sender(#[from] SenderError),
    /// The recipient's viewing key is unusable.
    #[error(transparent)]
    Recipient(#[from] WeakViewingKey),
    /// The inbox refuses; nothing was sent.
    #[error("the inbox would refuse: {0}; nothing was sent")]
    Refused(RevertReason),
    /// The transaction ended otherwise than mined.
    #[error("{0}")]
    NotMined(Box<SendOutcome>),
    /// Mined, but the inbox has no such entry: L1 reorganised under it.
    #[error(
        "L1 mined {l1_tx}, but no inbox entry came of it; hint: L1 may have reorganised, look again with agoge-wallet balance"
    )]
    NotInInbox {
        /// The transaction.
        l1_tx: B256,
    },
}

impl DepositError {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::NetworkFile { .. } | Self::DeploymentFile { .. } | Self::Network(_) | Self::Url(_) => {
                ExitCode::Usage
            }
            Self::Keystore { .. } => ExitCode::Precondition,
            Self::OtherChain { .. } | Self::OtherRollup { .. } => ExitCode::WrongNetwork,
            Self::Client(error) if error.is_wrong_chain() => ExitCode::WrongNetwork,
            Self::Refused(_) => ExitCode::SimulationReverts,
            Self::NotMined(outcome) => match outcome.as_ref() {
                SendOutcome::Reverted { .. } => ExitCode::Reverted,
                SendOutcome::SimulationReverted { .. } => ExitCode::SimulationReverts,
                SendOutcome::Unfunded { .. } => ExitCode::Precondition,
                SendOutcome::Expired { .. } => ExitCode::TimedOut,
                SendOutcome::WrongChain { .. } => ExitCode::WrongNetwork,
                _ => ExitCode::Failed,
            },
            _ => ExitCode::Failed,
        }
    }
}

/// A deposit that is on L1.
pub(crate) struct Made {
    /// Inbox index.
    pub(crate) index: u64,
    /// L1 transaction.
    pub(crate) l1_tx: B256,
}

/// Pays `args.amount` from an L1 account into a note of `to`.
pub(crate) async fn deposit_to_inbox(
    seed: &Seed,
    to: &ShieldedAddress,
    info: &NodeInfo,
    args: &Deposit,
    password: &SecretString,
) -> Result<Made, DepositError> {
    let network = network(&args.network)?;
    if network.network.chain_id != info.chain_id {
        return Err(DepositError::OtherChain {
            node: info.chain_id,
            network: network.network.chain_id,
        });
    }
    if let Some(path) = &args.deployment {
        check_rollup(path, info)?;
    }
    let key = LocalSigner::decrypt_keystore(&args.keystore, password.expose_secret()).map_err(|e| {
        DepositError::Keystore {
            path: args.keystore.clone(),
            reason: e.to_string(),
        }
    })?;
    let config = L1Config::new(network, None, vec![args.rpc_url.parse()?], Vec::new());
    let client = L1Client::connect(config, Arc::new(SystemClock)).await?;

    let mut salt = [0; 32];
    rand::rngs::OsRng.fill_bytes(&mut salt);
    let (partial, ciphertext) = deposit_note(seed, to, args.amount, salt)?;
    let mut request = TxRequest::call(
        info.rollup,
        calldata(partial, &ciphertext),
        Purpose::named("deposit"),
    );
    request.value = U256::from(args.amount).saturating_mul(U256::from(GWEI));
    match client.wallet(key).send(request).await? {
        SendOutcome::Mined(tx) => {
            let index = find(&client, info, partial, args.amount)
                .await?
                .ok_or(DepositError::NotInInbox { l1_tx: tx.hash })?;
            Ok(Made {
                index,
                l1_tx: tx.hash,
            })
        }
        SendOutcome::SimulationReverted { reason } => Err(DepositError::Refused(reason)),
        outcome => Err(DepositError::NotMined(Box::new(outcome))),
    }
}

/// The node says where the money goes; a deployment file confirms it.
fn check_rollup(path: &Path, info: &NodeInfo) -> Result<(), DepositError> {
    let file_error = |reason: String| DepositError::DeploymentFile {
        path: path.to_owned(),
        reason,
    };
    let text = std::fs::read_to_string(path).map_err(|e| file_error(e.to_string()))?;
    let deployment: Deployment = serde_json::from_str(&text).map_err(|e| file_error(e.to_string()))?;
    if deployment.chain_id != info.chain_id {
        return Err(DepositError::OtherChain {
            node: info.chain_id,
            network: deployment.chain_id,
        });
    }
    let is_known = |contract: &DeployedContract| contract.name == "Rollup" && contract.address == info.rollup;
    if deployment.contracts.iter().any(is_known) {
        Ok(())
    } else {
        Err(DepositError::OtherRollup {
            node: info.rollup,
            path: path.to_owned(),
        })
    }
}

fn calldata(partial: Digest, ciphertext: &Ciphertext) -> alloy::primitives::Bytes {
    let call = Rollup::depositCall {
        _partialCommitment: partial.to_b256(),
        _ciphertext: ciphertext.to_bytes().to_vec().into(),
    };
    call.abi_encode().into()
}

/// The inbox entry that a deposit became, found by its rolling hash among the newest ones.
async fn find(
    client: &L1Client,
    info: &NodeInfo,
    partial: Digest,
    value: u64,
) -> Result<Option<u64>, DepositError> {
    /// Deposits that others may have made since.
    const NEWEST: u64 = 64;
    let call = Rollup::inboxCountCall {}.abi_encode();
    let count = client.call(info.rollup, call.into(), At::Latest).await?;
    let count = Rollup::inboxCountCall::abi_decode_returns(&count).unwrap_or_default();
    let count = u64::try_from(count).unwrap_or_default();
    let mut after = None;
    for index in (count.saturating_sub(NEWEST)..count).rev() {
        let hash = inbox_hash(client, info, index).await?;
        if after.is_some_and(|(_, after)| next_inbox_hash(hash, partial, value) == after) {
            return Ok(after.map(|(index, _)| index));
        }
        after = Some((index, hash));
    }
    // The first entry of all follows on the empty inbox.
    let is_first = after
        .is_some_and(|(index, after)| index == 0 && next_inbox_hash(B256::ZERO, partial, value) == after);
    Ok(is_first.then_some(0))
}

async fn inbox_hash(client: &L1Client, info: &NodeInfo, index: u64) -> Result<B256, DepositError> {
    let call = Rollup::inboxCall {
        _index: U256::from(index),
    }
    .abi_encode();
    let word = client.call(info.rollup, call.into(), At::Latest).await?;
    let word = Rollup::inboxCall::abi_decode_returns(&word).map_or(U256::ZERO, |entry| entry.rollingHash);
    Ok(B256::from(word))
}

fn network(name_or_path: &str) -> Result<NetworkConfig, DepositError> {
    let text = match built_in(name_or_path) {
        Some(text) => text.to_owned(),
        None => std::fs::read_to_string(name_or_path).map_err(|source| DepositError::NetworkFile {
            path: PathBuf::from(name_or_path),
            source,
        })?,
    };
    Ok(NetworkConfig::parse(&text)?)
}
