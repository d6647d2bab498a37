//! The wallet's way to L1: one endpoint, checked against what the node says of the network, and an account that pays.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use agoge_contract_bindings::rollup::Rollup;
use agoge_l1_client::{
    At, CallError, ClientError, L1Client, L1Config, MinedTx, RevertReason, SendOutcome, SenderError,
    TxRequest, UrlError,
};
use agoge_protocol::deployment::{DeployedContract, Deployment};
use agoge_protocol::exit::ExitCode;
use agoge_protocol::network::{NetworkConfig, NetworkError, built_in};
use agoge_protocol::rpc::NodeInfo;
use agoge_protocol::{Address, L2BlockNumber, U256};
use agoge_supervisor::SystemClock;
use alloy::signers::local::{LocalSigner, PrivateKeySigner};
use alloy::sol_types::SolCall;
use secrecy::{ExposeSecret, SecretString};

/// Wei of one gwei.
pub(crate) const GWEI: u64 = 1_000_000_000;

/// Why L1 could not be asked or told.
#[derive(Debug, thiserror::Error)]
pub enum L1Error {
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
    /// The Rollup answered something else than its interface promises.
    #[error("{rollup} does not answer {function} as a Rollup does; hint: ask another node")]
    NoRollup {
        /// As the node says.
        rollup: Address,
        /// Signature of the function.
        function: &'static str,
    },
    /// The transaction could not be made or followed.
    #[error(transparent)]
    Sender(#[from] SenderError),
    /// The Rollup refuses; nothing was sent.
    #[error("the Rollup would refuse: {0}; nothing was sent")]
    Refused(RevertReason),
    /// The transaction ended otherwise than mined.
    #[error("{0}")]
    NotMined(Box<SendOutcome>),
}

impl L1Error {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::NetworkFile { .. } | Self::DeploymentFile { .. } | Self::Network(_) | Self::Url(_) => {
                ExitCode::Usage
            }
            Self::Keystore { .. } => ExitCode::Precondition,
            Self::OtherChain { .. } | Self::OtherRollup { .. } => ExitCode::WrongNetwork,
            Self::Client(error) if error.is_wrong_chain() => ExitCode::WrongNetwork,
            Self::Refused(_) => ExitCode::SimulationReverts,
            Self::NotMined(outcome) => outcome.exit_code(),
            _ => ExitCode::Failed,
        }
    }
}

/// Opens the keystore of an L1 account.
pub(crate) fn open_keystore(path: &Path, password: &SecretString) -> Result<PrivateKeySigner, L1Error> {
    LocalSigner::decrypt_keystore(path, password.expose_secret()).map_err(|e| L1Error::Keystore {
        path: path.to_owned(),
        reason: e.to_string(),
    })
}

/// The Rollup that the node names, on L1.
pub(crate) struct L1Rollup {
    client: L1Client,
    /// Its address.
    pub(crate) address: Address,
}

impl L1Rollup {
    /// Connects to the network's L1. `deployment` confirms what the node says of the Rollup.
    pub(crate) async fn connect(
        info: &NodeInfo,
        rpc_url: &str,
        network: &str,
        deployment: Option<&Path>,
    ) -> Result<Self, L1Error> {
        let network = network_of(network)?;
        if network.network.chain_id != info.chain_id {
            return Err(L1Error::OtherChain {
                node: info.chain_id,
                network: network.network.chain_id,
            });
        }
        if let Some(path) = deployment {
            check_rollup(path, info)?;
        }
        let config = L1Config::new(network, None, vec![rpc_url.parse()?], Vec::new());
        let client = L1Client::connect(config, Arc::new(SystemClock)).await?;
        Ok(Self {
            client,
            address: info.rollup,
        })
    }

    /// A view of the Rollup.
    pub(crate) async fn view<C: SolCall>(&self, call: &C) -> Result<C::Return, L1Error> {
        let answer = self
            .client
            .call(self.address, call.abi_encode().into(), At::Latest)
            .await?;
        C::abi_decode_returns(&answer).map_err(|_| L1Error::NoRollup {
            rollup: self.address,
            function: C::SIGNATURE,
        })
    }

    /// Wei that an account may pull.
    pub(crate) async fn owed(&self, account: Address) -> Result<U256, L1Error> {
        self.view(&Rollup::owedCall { account }).await
    }

    /// Last proven block.
    pub(crate) async fn proven(&self) -> Result<L2BlockNumber, L1Error> {
        let tips = self.view(&Rollup::tipsCall {}).await?;
        Ok(L2BlockNumber::new(tips.provenNumber.into()))
    }

    /// Sends one transaction of an account and waits until it is mined.
    pub(crate) async fn send(&self, key: PrivateKeySigner, request: TxRequest) -> Result<MinedTx, L1Error> {
        match self.client.wallet(key).send(request).await? {
            SendOutcome::Mined(tx) => Ok(tx),
            SendOutcome::SimulationReverted { reason } => Err(L1Error::Refused(reason)),
            outcome => Err(L1Error::NotMined(Box::new(outcome))),
        }
    }
}

/// The node says where the money goes; a deployment file confirms it.
fn check_rollup(path: &Path, info: &NodeInfo) -> Result<(), L1Error> {
    let file_error = |reason: String| L1Error::DeploymentFile {
        path: path.to_owned(),
        reason,
    };
    let text = std::fs::read_to_string(path).map_err(|e| file_error(e.to_string()))?;
    let deployment: Deployment = serde_json::from_str(&text).map_err(|e| file_error(e.to_string()))?;
    if deployment.chain_id != info.chain_id {
        return Err(L1Error::OtherChain {
            node: info.chain_id,
            network: deployment.chain_id,
        });
    }
    let is_known = |contract: &DeployedContract| contract.name == "Rollup" && contract.address == info.rollup;
    if deployment.contracts.iter().any(is_known) {
        Ok(())
    } else {
        Err(L1Error::OtherRollup {
            node: info.rollup,
            path: path.to_owned(),
        })
    }
}

fn network_of(name_or_path: &str) -> Result<NetworkConfig, L1Error> {
    let text = match built_in(name_or_path) {
        Some(text) => text.to_owned(),
        None => std::fs::read_to_string(name_or_path).map_err(|source| L1Error::NetworkFile {
            path: PathBuf::from(name_or_path),
            source,
        })?,
    };
    Ok(NetworkConfig::parse(&text)?)
}
