//! `exit`: out of an instance that makes no blocks any more.

use std::path::{Path, PathBuf};
use std::time::Duration;

use agoge_circuits::ClientProver;
use agoge_contract_bindings::rollup::Rollup::isOpenToAllCall;
use agoge_host::amount::{format_ether, format_wei};
use agoge_host::keys::write_private_file;
use agoge_protocol::rpc::NodeInfo;
use agoge_protocol::{Address, L2BlockNumber, Transaction, TxId, U256};
use agoge_supervisor::{Clock as _, SystemClock};
use alloy::signers::local::PrivateKeySigner;
use serde_json::json;
use tokio::time::{Instant, sleep_until};

use super::error::Output;
use super::pay::{check_profile, fee};
use super::session::Session;
use super::wait::Patience;
use super::{Exit, Global, WalletError, border, input, say};
use crate::book::{SentTx, UNDER_WAY_MAX};
use crate::exit::{AppendCall, AppendReport, Extent, Leaving, plan};
use crate::l1::L1Rollup;
use crate::node::{Node, words};
use crate::seed::Seed;
use crate::transfer::{self, Payee, Payment};
use crate::withdrawal::{self, ClaimError, Claimed};

/// Between two looks at an instance that is not open.
const LOOK: Duration = Duration::from_secs(12);

pub(super) async fn exit(global: &Global, args: Exit) -> Result<Output, WalletError> {
    if args.to == Some(Address::ZERO) {
        return Err(ClaimError::ZeroRecipient.into());
    }
    if args.amount == Some(0) {
        return Err(transfer::TransferError::ZeroAmount.into());
    }
    let seed = input::seed(global)?;
    let mut session = Session::start(global, &seed).await?;
    check_profile(&session.node, &session.info)?;
    let fee = fee(args.fee, session.info.tx_fee_min_gwei)?;
    let (rollup, key) = border::open(&args.account, &session.info).await?;
    // Before anything is made: what an instance with a committee is handed, that one puts into a block.
    wait_until_open(&rollup, &session.info, args.wait).await?;
    let to = args.to.unwrap_or_else(|| key.address());
    let handed = hand_over(&mut session, &seed, (to, fee), args.amount).await?;
    let file = transactions_file(&global.dir, &handed)?;
    let call = append_call(&args, rollup.address, &file);
    // The proof may take long; other commands may use the directory meanwhile.
    drop(session);
    let report = call.run().await;
    // It is made anew each time; one that stays is in nobody's way.
    std::fs::remove_file(&file).ok();
    let report = report?;
    tell(&report);

    let node = Node::new(&global.node)?;
    wait_until_read(&node, report.last, args.timeout).await?;
    let claimed = pull(&rollup, key, to).await?;
    let mut session = Session::start(global, &seed).await?;
    for refused in &report.refused {
        session.book.forget_sent(refused.id);
    }
    session.save()?;
    Ok(output(&session, &report, &handed, to, claimed.as_ref()))
}

/// Waits until anyone may append to the instance, at most `seconds`.
async fn wait_until_open(rollup: &L1Rollup, info: &NodeInfo, seconds: u64) -> Result<(), WalletError> {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        let now = SystemClock.now_unix_ms() / 1_000;
        let slot = now
            .saturating_sub(info.genesis_time)
            .checked_div(info.slot_seconds);
        let epoch = slot
            .and_then(|slot| slot.checked_div(info.epoch_slots))
            .unwrap_or(0);
        let call = isOpenToAllCall {
            _epoch: U256::from(epoch),
        };
        if rollup.view(&call).await? {
            return Ok(());
        }
        if Instant::now() >= end {
            return Err(WalletError::NotOpen {
                rollup: rollup.address,
            });
        }
        sleep_until(end.min(Instant::now() + LOOK)).await;
    }
}

/// The withdrawals: those that are under way already, and new ones of the notes that are free. They are in the book, so whatever happens
/// from here on they are the ones that are handed over the next time.
async fn hand_over(
    session: &mut Session,
    seed: &Seed,
    (to, fee): (Address, u64),
    amount: Option<u64>,
) -> Result<Vec<SentTx>, WalletError> {
    let under_way: Vec<SentTx> = session.book.under_way().cloned().collect();
    let extent = amount.map_or(Extent::All, |amount| {
        // What an earlier try has made counts.
        let leaving = under_way.iter().filter(|sent| sent.withdrawal.recipient == to);
        let made = leaving.fold(0_u64, |sum, sent| sum.saturating_add(sent.withdrawal.amount));
        Extent::Gwei(amount.saturating_sub(made))
    });
    let room = UNDER_WAY_MAX.saturating_sub(under_way.len());
    let (leaving, uncovered) = plan(&session.book, session.tips.proven.note_count, fee, extent, room);
    if uncovered > 0 {
        let found: u64 = leaving
            .iter()
            .fold(0, |sum, leaving| sum.saturating_add(leaving.amount));
        return Err(WalletError::NotEnoughToLeave { uncovered, found });
    }
    if leaving.is_empty() && under_way.is_empty() {
        return Err(WalletError::NothingToLeave { fee });
    }
    for tx in prove(session, seed, to, fee, leaving).await? {
        session.book.add_sent(&tx)?;
    }
    session.save()?;
    Ok(session.book.under_way().cloned().collect())
}

/// Makes the client proofs.
async fn prove(
    session: &Session,
    seed: &Seed,
    to: Address,
    fee: u64,
    leaving: Vec<Leaving>,
) -> Result<Vec<Transaction>, WalletError> {
    if leaving.is_empty() {
        return Ok(Vec::new());
    }
    say(&format!(
        "making {} zero-knowledge proofs (a few seconds each)",
        leaving.len()
    ));
    let notes: Vec<_> = leaving.iter().flat_map(|leaving| leaving.notes.clone()).collect();
    let anchor = session.anchor(&notes);
    let (seed, book, info) = (seed.clone(), session.book.clone(), session.info.clone());
    tokio::task::spawn_blocking(move || {
        let prover = ClientProver::new(info.client_profile)?;
        let mut txs = Vec::new();
        for Leaving { notes, amount } in leaving {
            let to = Payee::L1(to);
            let payment = Payment { to, amount, fee };
            txs.push(transfer::build(
                &seed,
                &book,
                info.genesis_id,
                anchor,
                &notes,
                payment,
                &prover,
            )?);
        }
        Ok(txs)
    })
    .await?
}

/// A file that the prover reads.
fn transactions_file(dir: &Path, handed: &[SentTx]) -> Result<PathBuf, WalletError> {
    let path = dir.join(format!("exit-{}.txs", std::process::id()));
    // Of a process that had this number and was killed.
    std::fs::remove_file(&path).ok();
    let lines: Vec<String> = handed
        .iter()
        .map(|sent| format!("0x{}\n", hex::encode(&sent.encoded)))
        .collect();
    write_private_file(&path, lines.concat().as_bytes())?;
    Ok(path)
}

fn append_call(args: &Exit, rollup: Address, file: &Path) -> AppendCall {
    let account = &args.account;
    let path = |path: &Path| path.display().to_string();
    let mut flags = vec![
        ("--network", account.network.clone()),
        ("--l1-rpc-urls", account.rpc_url.clone()),
        ("--keys-prover-file", path(&account.keystore)),
        ("--wait", args.wait.to_string()),
    ];
    let optional = [
        ("--keys-password-file", &account.l1_password_file),
        ("--deployment", &account.deployment),
    ];
    let given = optional
        .into_iter()
        .filter_map(|(flag, file)| Some((flag, path(file.as_deref()?))));
    flags.extend(given);
    AppendCall {
        program: args.prover.clone(),
        rollup,
        transactions: file.to_owned(),
        flags,
        extra: args.prover_args.clone(),
    }
}

fn tell(report: &AppendReport) {
    let AppendReport {
        first, last, l1_tx, ..
    } = report;
    say(&format!(
        "blocks {first}..{last} are appended and proven: {l1_tx}"
    ));
    for refused in &report.refused {
        say(&format!(
            "transaction {} was refused: {}",
            refused.id,
            words(&refused.reason)
        ));
    }
}

/// Waits until the node has the blocks, so that the book can be brought up to date.
async fn wait_until_read(node: &Node, last: L2BlockNumber, seconds: u64) -> Result<(), WalletError> {
    let patience = Patience::new(seconds);
    loop {
        let tips = patience.tolerate(node.tips().await)?;
        if tips.is_some_and(|tips| tips.proven.number >= last) {
            return Ok(());
        }
        if !patience.pause().await {
            return Err(WalletError::NotRead { last, seconds });
        }
    }
}

/// Pulls the money if it is the account's own.
async fn pull(rollup: &L1Rollup, key: PrivateKeySigner, to: Address) -> Result<Option<Claimed>, WalletError> {
    if key.address() == to {
        Ok(Some(withdrawal::claim(rollup, key, to).await?))
    } else {
        say(&format!("{to} can pull it on L1: agoge-wallet claim"));
        Ok(None)
    }
}

fn output(
    session: &Session,
    report: &AppendReport,
    handed: &[SentTx],
    to: Address,
    claimed: Option<&Claimed>,
) -> Output {
    let is_in = |ids: &[TxId], sent: &&SentTx| ids.contains(&sent.id);
    let withdrawn = handed
        .iter()
        .filter(|sent| is_in(&report.transactions, sent) && sent.withdrawal.recipient == to)
        .fold(0_u128, |sum, sent| {
            sum.saturating_add(sent.withdrawal.amount.into())
        });
    let remaining = session.book.balance();
    let refused: Vec<_> = report
        .refused
        .iter()
        .map(|refused| json!({"id": refused.id, "reason": words(&refused.reason)}))
        .collect();
    let data = json!({
        "rollup": session.info.rollup,
        "genesis_id": session.info.genesis_id,
        "recipient": to,
        "withdrawn_gwei": withdrawn.to_string(),
        "transactions": report.transactions,
        "first": report.first,
        "last": report.last,
        "l1_tx": report.l1_tx,
        "refused": refused,
        "left": report.left,
        "pulled_wei": claimed.map(|claimed| claimed.wei.to_string()),
        "pull_l1_tx": claimed.map(|claimed| claimed.l1_tx),
        "remaining_gwei": remaining.to_string(),
    });
    let mut lines = vec![format!(
        "withdrew {} to {to} in blocks {}..{}",
        format_ether(withdrawn),
        report.first,
        report.last
    )];
    if let Some(Claimed { wei, l1_tx }) = claimed {
        lines.push(format!("pulled {} to {to}: {l1_tx}", format_wei(*wei)));
    }
    if !report.left.is_empty() {
        lines.push(format!(
            "{} transactions had no room: run the command again in the next epoch",
            report.left.len()
        ));
    }
    lines.push(format!("remaining  {}", format_ether(remaining)));
    Output {
        schema: "agoge.wallet.exit/1",
        data,
        lines,
    }
}
