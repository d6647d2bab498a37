//! `signal`, through a node or with attester keys, and `quotes`.

use std::path::PathBuf;
use std::time::Duration;

use agoge_contract_bindings::governance_proposer::GovernanceProposer;
use agoge_contract_bindings::rollup::Rollup;
use agoge_host::report::{self, CliError};
use agoge_l1_client::{At, CallError};
use agoge_protocol::eip712::{SignalMessage, domain, signing_digest};
use agoge_protocol::exit::ExitCode as Exit;
use agoge_protocol::rpc::RpcQuote;
use agoge_protocol::{Address, B256, CompactSignature, Slot, U256};
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use clap::Args;
use jsonrpsee::rpc_params;
use serde_json::{Value, json};

use super::{Output, request};
use crate::failure;
use crate::flags::Flags;
use crate::input::nonzero_address;
use crate::node::Node;
use crate::payload::{Payload, expect};
use crate::send::{Sent, confirm, send};
use crate::session::Session;

#[derive(Debug, Args)]
pub(crate) struct SignalArgs {
    /// The payload.
    #[arg(value_name = "PAYLOAD", value_parser = nonzero_address, required_unless_present = "clear")]
    payload: Option<Address>,
    /// Let this node signal in all slots of its attesters: URL of its admin RPC.
    #[arg(
        long,
        value_name = "URL",
        requires = "token",
        required_unless_present = "sign_with"
    )]
    node: Option<String>,
    /// The node's admin.token.
    #[arg(long, value_name = "FILE", requires = "node")]
    token: Option<PathBuf>,
    /// Let the node signal for nothing any more.
    #[arg(long, requires = "node", conflicts_with_all = ["payload", "sign_with"])]
    clear: bool,
    /// Sign with this attester's key file in its next slot; the account pays. May be given several times.
    #[arg(long, value_name = "FILE", conflicts_with = "node")]
    sign_with: Vec<PathBuf>,
    /// Slots to signal in.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    slots: u32,
    /// Seconds to wait at most for these slots.
    #[arg(long, default_value_t = 3_600, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=604_800))]
    wait: u64,
    /// Signal only if the payload's actions have this hash, as `payload verify` printed it.
    #[arg(long, value_name = "HASH")]
    expect_hash: Option<B256>,
}

#[derive(Debug, Args)]
pub(crate) struct QuotesArgs {
    /// URL of the node's JSON-RPC.
    #[arg(
        long,
        env = "AGOGE_NODE",
        default_value = "http://127.0.0.1:8700",
        value_name = "URL"
    )]
    node: String,
    /// Epoch [default: all that are kept].
    #[arg(long)]
    epoch: Option<u64>,
}

pub(crate) async fn run(flags: &Flags, args: &SignalArgs) -> Result<Output, CliError> {
    let Some(address) = args.payload else {
        return tell_node(flags, args, Value::Null, "signals for nothing").await;
    };
    let session = Session::open(flags).await?;
    let payload = Payload::read(&session, address).await?;
    expect(args.expect_hash, payload.hash())?;
    if args.node.is_some() {
        report::tell(&payload.details(&session).join("\n"));
        let setting = json!({ "payload": address, "actionsHash": payload.hash() });
        return tell_node(flags, args, setting, &format!("signals for {address}")).await;
    }
    let mut signallers = Vec::new();
    for path in &args.sign_with {
        signallers.push(flags.key.open_file(path, session.deployment.chain_id)?);
    }
    sign(&session, flags, args, &payload, &signallers).await
}

async fn tell_node(flags: &Flags, args: &SignalArgs, setting: Value, word: &str) -> Result<Output, CliError> {
    let node = Node::new(args.node.as_deref().unwrap_or_default(), args.token.as_deref())?;
    if flags.dry_run {
        let text = format!("dry run: the node was not told; then it {word}\n");
        return Ok(Output::new(
            "signal",
            json!({ "sent": false, "setting": setting }),
            text,
        ));
    }
    confirm(flags)?;
    let _answer: Value = node
        .call("agogeAdmin_setPayload", rpc_params![setting.clone()])
        .await?;
    let text = format!("the node {word}, in every slot of its attesters\n");
    Ok(Output::new(
        "signal",
        json!({ "sent": true, "setting": setting }),
        text,
    ))
}

/// Signs in the next slots whose proposers are the keys, as many as asked for.
async fn sign(
    session: &Session,
    flags: &Flags,
    args: &SignalArgs,
    payload: &Payload,
    signallers: &[PrivateKeySigner],
) -> Result<Output, CliError> {
    let payer = flags.key.open(session.deployment.chain_id)?;
    let wanted = usize::try_from(args.slots).unwrap_or(usize::MAX);
    let network = &session.network;
    let poll = Duration::from_millis(network.l1.poll_interval_ms);
    let end = session.now.saturating_add(args.wait);
    let mut flags = flags.clone();
    let mut last: Option<Slot> = None;
    let mut sent: Vec<Sent> = Vec::new();
    while sent.len() < wanted {
        let now = session.client.head().await.map_err(failure::rpc)?.time;
        if now >= end {
            let message = format!(
                "{} of {wanted} signals were given within {} s; the keys had no more slots",
                sent.len(),
                args.wait
            );
            return Err(CliError::new(Exit::TimedOut, "AGOGE-GOV-008", message)
                .with_hint("give more time with --wait, or let the node signal with --node"));
        }
        let slot = session.timing.slot_at(now);
        // The next L1 block has to be in the slot as well.
        let is_time_left = slot.is_some_and(|slot| {
            now.saturating_add(network.network.l1_slot_seconds) < session.timing.slot_end(slot)
        });
        let Some(slot) = slot.filter(|slot| last != Some(*slot) && is_time_left) else {
            tokio::time::sleep(poll).await;
            continue;
        };
        let instance = session.canonical(session.timing.epoch_of(slot).get()).await?;
        let proposer = proposer_at(session, instance, slot).await?;
        let Some(key) = signallers.iter().find(|key| Some(key.address()) == proposer) else {
            if proposer.is_some() {
                last = Some(slot);
            }
            tokio::time::sleep(poll).await;
            continue;
        };
        last = Some(slot);
        match signal(session, &flags, &payer, key, instance, slot, payload).await {
            Ok(one) => {
                sent.push(one);
                // What was agreed to once need not be asked again.
                flags.yes = true;
            }
            Err(error) if is_slot_lost(&error) => {
                report::tell(&format!("slot {}: {}", slot.get(), error.message))
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Output::sent("signal", &sent))
}

/// Whether the slot is over or has its signal: another one may do.
fn is_slot_lost(error: &CliError) -> bool {
    [
        "GovernanceProposer__WrongSlot",
        "GovernanceProposer__AlreadySignalled",
    ]
    .iter()
    .any(|name| error.message.contains(name))
        || error.exit == Exit::TimedOut
}

/// `None` while the epoch has no committee on L1.
async fn proposer_at(session: &Session, instance: Address, slot: Slot) -> Result<Option<Address>, CliError> {
    let call = Rollup::proposerAtCall {
        _slot: U256::from(slot.get()),
    };
    match session.client.view(instance, &call, At::Latest).await {
        Ok(proposer) => Ok(Some(proposer)),
        Err(CallError::Reverted { .. }) => Ok(None),
        Err(error) => Err(failure::call(error)),
    }
}

async fn signal(
    session: &Session,
    flags: &Flags,
    payer: &PrivateKeySigner,
    key: &PrivateKeySigner,
    instance: Address,
    slot: Slot,
    payload: &Payload,
) -> Result<Sent, CliError> {
    let proposer_contract = session.contract("GovernanceProposer")?;
    let message = SignalMessage {
        instance,
        slot: U256::from(slot.get()),
        payload: payload.address,
        actionsHash: payload.hash(),
    };
    let digest = signing_digest(&message, &domain(session.deployment.chain_id, proposer_contract));
    let signature = key
        .sign_hash_sync(&digest)
        .map_err(|error| CliError::new(Exit::Failed, "AGOGE-KEY-004", error))?;
    let compact = CompactSignature::from_signature(&signature);
    let (r, vs) = compact.as_bytes().split_at(32);
    let call = GovernanceProposer::signalWithSignatureCall {
        _signal: GovernanceProposer::SignedSignal {
            instance,
            slot: message.slot,
            payload: payload.address,
            actionsHash: payload.hash(),
            r: B256::from_slice(r),
            vs: B256::from_slice(vs),
        },
    };
    let mut request = request(proposer_contract, &call, "signal");
    request.deadline_time = Some(session.timing.slot_end(slot));
    let mut details = vec![format!("slot {} of {}", slot.get(), key.address())];
    details.extend(payload.details(session));
    send(session, flags, payer, request, "signal for a payload", &details).await
}

pub(crate) async fn quotes(args: &QuotesArgs) -> Result<Output, CliError> {
    let node = Node::new(&args.node, None)?;
    let params = match args.epoch {
        Some(epoch) => rpc_params![epoch],
        None => rpc_params![],
    };
    let quotes: Vec<RpcQuote> = node.call("agoge_quotes", params).await?;
    let mut text = String::new();
    for entry in &quotes {
        let quote = &entry.quote;
        text.push_str(&format!(
            "epoch {}: {} asks {} bp, bond {} gwei, until slot {}\n",
            quote.epoch.get(),
            quote.prover,
            quote.basis_point_fee,
            quote.bond_amount_gwei,
            quote.valid_until_slot.get()
        ));
    }
    if quotes.is_empty() {
        text.push_str("the node keeps no quotes\n");
    }
    Ok(Output::new("quotes", json!({ "quotes": quotes }), text))
}
