//! `stake`: validators, with the attester's key or with a proof of possession that was made elsewhere.

use std::path::PathBuf;

use agoge_contract_bindings::staking::Staking;
use agoge_host::report::{self, CliError};
use agoge_protocol::eip712::{ProofOfPossessionMessage, domain, signing_digest};
use agoge_protocol::exit::ExitCode as Exit;
use agoge_protocol::{Address, CompactSignature};
use alloy::primitives::Bytes;
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use clap::Args;
use serde_json::json;

use super::{Output, request};
use crate::failure;
use crate::flags::{Flags, KeyFlags};
use crate::input::nonzero_address;
use crate::send::send;
use crate::session::Session;

#[derive(Debug, Args)]
pub(crate) struct StakeArgs {
    /// Key file of an attester; several are staked one after the other.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "attester",
        conflicts_with = "attester"
    )]
    attester_keystore: Vec<PathBuf>,
    /// File with the attester key files' password [default: that of --password-file].
    #[arg(long, value_name = "FILE")]
    attester_password_file: Option<PathBuf>,
    /// Attester whose key is elsewhere.
    #[arg(long, value_name = "ADDRESS", value_parser = nonzero_address, requires = "proof")]
    attester: Option<Address>,
    /// Its proof of possession, 0x and 128 hex digits, as `--print-proof` makes it.
    #[arg(long, value_name = "HEX", requires = "attester")]
    proof: Option<Bytes>,
    /// Who controls the stake: starts the exit, votes, is paid [default: the account that sends].
    #[arg(long, value_name = "ADDRESS", value_parser = nonzero_address)]
    withdrawer: Option<Address>,
    /// Print the proofs of possession for --withdrawer and send nothing: for another machine to stake with.
    #[arg(long, requires = "withdrawer", conflicts_with = "attester")]
    print_proof: bool,
}

/// An attester, and its key if that is here.
struct Candidate {
    attester: Address,
    key: Option<PrivateKeySigner>,
}

pub(crate) async fn run(flags: &Flags, args: &StakeArgs) -> Result<Output, CliError> {
    if args.proof.as_ref().is_some_and(|proof| proof.len() != 64) {
        return Err(failure::usage(
            "--proof is not 64 bytes",
            "copy the whole proof of `govctl stake --print-proof`",
        ));
    }
    let session = Session::open(flags).await?;
    let staking = session.contract("Staking")?;
    let candidates = candidates(flags, args, session.deployment.chain_id)?;
    if let (true, Some(withdrawer)) = (args.print_proof, args.withdrawer) {
        return proofs(&session, staking, &candidates, withdrawer).await;
    }
    let mut waiting = Vec::new();
    for candidate in candidates {
        let call = Staking::validatorCall {
            _attester: candidate.attester,
        };
        let validator = session.view(staking, &call).await?;
        if validator.status == 0 {
            waiting.push(candidate);
        } else {
            report::tell(&format!(
                "{} is already staked, withdrawer {}",
                candidate.attester, validator.withdrawer
            ));
        }
    }
    if waiting.is_empty() {
        return Ok(Output::already("stake", "every attester is already staked"));
    }
    let payer = flags.key.open(session.deployment.chain_id)?;
    let withdrawer = args.withdrawer.unwrap_or_else(|| payer.address());
    let stake = session
        .view(staking, &Staking::configCall {})
        .await?
        .activationStake;
    let mut sent = Vec::new();
    for candidate in waiting {
        let proof = match &candidate.key {
            Some(key) => proof(&session, staking, key, withdrawer).await?,
            None => args.proof.clone().unwrap_or_default(),
        };
        let call = Staking::depositCall {
            _attester: candidate.attester,
            _withdrawer: withdrawer,
            _proofOfPossession: proof,
        };
        let mut request = request(staking, &call, "stake");
        request.value = stake;
        let details = [
            format!("attester {}", candidate.attester),
            format!("withdrawer {withdrawer}"),
        ];
        sent.push(send(&session, flags, &payer, request, "stake a validator", &details).await?);
    }
    Ok(Output::sent("stake", &sent))
}

fn candidates(flags: &Flags, args: &StakeArgs, chain_id: u64) -> Result<Vec<Candidate>, CliError> {
    if let Some(attester) = args.attester {
        return Ok(vec![Candidate { attester, key: None }]);
    }
    let keys = KeyFlags {
        password_file: args
            .attester_password_file
            .clone()
            .or_else(|| flags.key.password_file.clone()),
        ..flags.key.clone()
    };
    args.attester_keystore
        .iter()
        .map(|path| {
            let key = keys.open_file(path, chain_id)?;
            Ok(Candidate {
                attester: key.address(),
                key: Some(key),
            })
        })
        .collect()
}

/// The attester's consent to be staked for a withdrawer, the next time.
async fn proof(
    session: &Session,
    staking: Address,
    attester: &PrivateKeySigner,
    withdrawer: Address,
) -> Result<Bytes, CliError> {
    let call = Staking::attesterNoncesCall {
        attester: attester.address(),
    };
    let message = ProofOfPossessionMessage {
        attester: attester.address(),
        withdrawer,
        nonce: session.view(staking, &call).await?,
    };
    let digest = signing_digest(&message, &domain(session.deployment.chain_id, staking));
    let signature = attester
        .sign_hash_sync(&digest)
        .map_err(|error| CliError::new(Exit::Failed, "AGOGE-KEY-004", error))?;
    Ok(Bytes::copy_from_slice(
        CompactSignature::from_signature(&signature).as_bytes(),
    ))
}

async fn proofs(
    session: &Session,
    staking: Address,
    candidates: &[Candidate],
    withdrawer: Address,
) -> Result<Output, CliError> {
    let mut list = Vec::new();
    let mut text = String::new();
    for candidate in candidates {
        if let Some(key) = &candidate.key {
            let proof = proof(session, staking, key, withdrawer).await?;
            text.push_str(&format!(
                "--attester {} --withdrawer {withdrawer} --proof {proof}\n",
                candidate.attester
            ));
            list.push(json!({ "attester": candidate.attester, "withdrawer": withdrawer, "proof": proof }));
        }
    }
    Ok(Output::new("stake", json!({ "proofs": list }), text))
}
