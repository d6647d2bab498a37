//! All that is heard from and said to L1: a reorg-aware event stream, blobs, typed views, one transaction sender per key.
//!
//! Only this crate speaks JSON-RPC to L1 and only this crate sends L1 transactions. Whatever an endpoint says is checked as far as it can be:
//! blocks by parent hash, logs by block, blobs by KZG commitment, headers by hash, the chain by its id.
//!
//! [`L1Client::connect`] is the door. Errors name the cause and, through `hint()`, the fix.

mod blob;
mod bonds;
mod call;
mod client;
mod config;
mod follower;
mod governance;
mod instance;
pub mod instances;
pub mod kzg;
mod l1_json;
pub mod metrics;
mod numbers;
mod proving;
mod publication;
mod reader;
mod revert;
mod rpc;
mod sender;
mod simulate;
mod slashing;
mod version;

pub use blob::{ArchiveError, Blob, BlobError, BlobSource, SourceFailure, WrongBlobLength};
pub use bonds::{Claim, ProverAccount};
pub use call::{At, CallError};
pub use client::{ClientError, L1Client};
pub use config::{Contracts, ENDPOINTS_MAX, L1Config, SecretUrl, UrlError};
pub use follower::{ChainStream, DecodeError, FollowerError, FollowerHealth, L1Follower, Problem};
pub use governance::{GovernanceReader, PayloadFacts};
pub use instance::{InstanceFacts, Unfit};
pub use proving::{
    BlockRange, EPOCH_PROOF_GAS_MAX, EpochProofSubmission, claim, claim_bundle, deposit_bond,
    finish_bond_withdrawal, replace_claim, settle_claim, start_bond_withdrawal, withdraw_credit,
};
pub use publication::{CommitteeProof, Publication, claim_hash};
pub use reader::{EntropyBlock, EntropyError, HISTORY_BLOCKS, RollupReader, Tips, VerifyError};
pub use revert::RevertReason;
pub use rpc::{MESSAGE_BYTES_MAX, RpcCause, RpcError};
pub use sender::{
    GAS_LIMIT_MAX, GasPolicy, JournalError, L1Sender, L1Wallet, MinedTx, Purpose, SendOutcome, SenderError,
    SenderHandle, SenderHealth, SenderStopped, SignError, TxRequest,
};
pub use simulate::Simulation;
pub use slashing::{is_slashing_over, slash};
pub use version::RollupVersion;
