//! Commands about money that crosses the border of the pool: deposits in, withdrawals out, and the pull on L1.

use std::collections::BTreeMap;

use agoge_protocol::rpc::NodeInfo;
use agoge_protocol::{Address, U256};
use alloy::signers::local::PrivateKeySigner;
use serde_json::json;

use super::error::Output;
use super::session::{Home, Session};
use super::wait::Patience;
use super::{Claim, Deposit, Global, L1Account, Wait, Waiting, WalletError, Withdrawals, input, say};
use crate::deposit::deposit_to_inbox;
use crate::l1::{L1Rollup, open_keystore};
use crate::node::Node;
use crate::withdrawal::{self, ClaimError, Stage};
use agoge_host::amount::{format_ether, format_wei};

pub(super) async fn deposit(global: &Global, args: Deposit) -> Result<Output, WalletError> {
    let seed = input::seed(global)?;
    let keys = seed.keys();
    let to = args.to.unwrap_or_else(|| keys.address());
    let node = Node::new(&global.node)?;
    let info = node.info().await?;
    let (rollup, key) = open(&args.account, &info).await?;
    let made = deposit_to_inbox(&seed, &to, args.amount, &rollup, key).await?;
    say(&format!("deposit {} is on L1: {}", made.index, made.l1_tx));
    Home::new(global, &keys, info.genesis_id)
        .change(|book| book.add_deposit(made.index, made.partial, args.amount))
        .await?;
    wait_for_deposit(&node, made.index, args.waiting).await?;
    let data = json!({"index": made.index, "l1_tx": made.l1_tx, "amount_gwei": args.amount.to_string(), "to": to.to_string()});
    let line = format!(
        "deposited {} as inbox entry {}",
        format_ether(args.amount.into()),
        made.index
    );
    Ok(Output {
        schema: "agoge.wallet.deposit/1",
        data,
        lines: vec![line],
    })
}

pub(super) async fn open(
    args: &L1Account,
    info: &NodeInfo,
) -> Result<(L1Rollup, PrivateKeySigner), WalletError> {
    let password = input::l1_password(args.l1_password_file.as_deref())?;
    let rollup = L1Rollup::connect(info, &args.rpc_url, &args.network, args.deployment.as_deref()).await?;
    Ok((rollup, open_keystore(&args.keystore, &password)?))
}

async fn wait_for_deposit(node: &Node, index: u64, waiting: Waiting) -> Result<(), WalletError> {
    let Waiting {
        wait,
        timeout: seconds,
    } = waiting;
    if wait == Wait::None {
        return Ok(());
    }
    let patience = Patience::new(seconds);
    loop {
        let tips = patience.tolerate(node.tips().await)?;
        let tip = tips.map(|tips| {
            if wait == Wait::Proven {
                tips.proven
            } else {
                tips.pending
            }
        });
        if tip.is_some_and(|tip| tip.inbox_end > index) {
            return Ok(());
        }
        if !patience.pause().await {
            let where_to = if wait == Wait::Proven {
                "proven block"
            } else {
                "block"
            };
            return Err(WalletError::DepositTimedOut {
                index,
                where_to,
                seconds,
            });
        }
    }
}

pub(super) async fn deposits(global: &Global) -> Result<Output, WalletError> {
    let session = Session::start(global, &input::seed(global)?).await?;
    let proven = session.tips.proven.number;
    let (mut data, mut lines) = (Vec::new(), Vec::new());
    for deposit in session.book.deposits() {
        let (status, words) = match deposit.block {
            None => ("waiting", "on L1, waits for a block".to_owned()),
            Some(block) if block <= proven => ("proven", format!("in block {block}, proven")),
            Some(block) => ("mined", format!("in block {block}, not proven")),
        };
        data.push(json!({
            "index": deposit.index,
            "amount_gwei": deposit.value.to_string(),
            "status": status,
            "block": deposit.block,
        }));
        lines.push(format!(
            "{}  {}  {words}",
            deposit.index,
            format_ether(deposit.value.into())
        ));
    }
    Ok(Output {
        schema: "agoge.wallet.deposits/1",
        data: json!({"deposits": data, "block": session.tips.pending.number, "proven_block": proven}),
        lines,
    })
}

pub(super) async fn withdrawals(global: &Global, args: Withdrawals) -> Result<Output, WalletError> {
    let session = Session::start(global, &input::seed(global)?).await?;
    let proven = session.tips.proven.number;
    let mut stages = withdrawal::stages(&session.book, proven);
    if let Some(rpc_url) = &args.rpc_url {
        let network = args.network.as_deref().unwrap_or(&session.info.network);
        let rollup = L1Rollup::connect(&session.info, rpc_url, network, None).await?;
        // Before what is owed, which then includes all that these blocks credit.
        let proven_there = rollup.proven().await?;
        let mut owed: BTreeMap<Address, U256> = BTreeMap::new();
        for (withdrawal, stage) in &stages {
            if matches!(stage, Stage::Proven { .. }) && !owed.contains_key(&withdrawal.recipient) {
                owed.insert(withdrawal.recipient, rollup.owed(withdrawal.recipient).await?);
            }
        }
        withdrawal::settle(&mut stages, &owed, proven_there);
    }
    let (mut data, mut lines) = (Vec::new(), Vec::new());
    for (withdrawal, stage) in &stages {
        let mut entry = json!(stage);
        if let Some(entry) = entry.as_object_mut() {
            entry.insert("recipient".to_owned(), json!(withdrawal.recipient));
            entry.insert("amount_gwei".to_owned(), withdrawal.amount.to_string().into());
        }
        data.push(entry);
        let words = match stage {
            Stage::Queued { id } => format!("queued, transaction {id}"),
            Stage::Mined { block } => format!("in block {block}, not proven: it can still be pruned"),
            Stage::Proven { block } => {
                format!("in block {block}, proven; with --rpc-url L1 is asked whether it was pulled")
            }
            Stage::Credited { block } => format!("in block {block}, credited on L1, to be pulled"),
            Stage::Pulled { block } => format!("in block {block}, pulled on L1"),
        };
        lines.push(format!(
            "{}  {}  {words}",
            withdrawal.recipient,
            format_ether(withdrawal.amount.into())
        ));
    }
    Ok(Output {
        schema: "agoge.wallet.withdrawals/1",
        data: json!({"withdrawals": data, "block": session.tips.pending.number, "proven_block": proven}),
        lines,
    })
}

pub(super) async fn claim(global: &Global, args: Claim) -> Result<Output, WalletError> {
    if args.to == Some(Address::ZERO) {
        return Err(ClaimError::ZeroRecipient.into());
    }
    // No seed: whoever has the L1 key pulls.
    let info = Node::new(&global.node)?.info().await?;
    let (rollup, key) = open(&args.account, &info).await?;
    let account = key.address();
    let to = args.to.unwrap_or(account);
    let claimed = withdrawal::claim(&rollup, key, to).await?;
    Ok(Output {
        schema: "agoge.wallet.claim/1",
        data: json!({"account": account, "to": to, "amount_wei": claimed.wei.to_string(), "l1_tx": claimed.l1_tx}),
        lines: vec![format!(
            "pulled {} to {to}: {}",
            format_wei(claimed.wei),
            claimed.l1_tx
        )],
    })
}
