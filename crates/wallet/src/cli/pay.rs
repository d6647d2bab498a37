//! `send` and `withdraw`: choose notes, prove, hand over, wait.

use agoge_circuits::ClientProver;
use agoge_protocol::network::ClientProfile;
use agoge_protocol::rpc::{NodeInfo, TransactionStatus};
use agoge_protocol::{L2BlockNumber, Transaction, TxId};
use serde_json::json;

use super::error::Output;
use super::input;
use super::session::{Released, Session};
use super::wait::Patience;
use super::{Global, Paying, Send, Wait, Waiting, WalletError, Withdraw, say};
use crate::book::{TooManyUnderWay, UNDER_WAY_MAX};
use crate::node::{Node, NodeError, words};
use crate::raw_transaction;
use crate::seed::Seed;
use crate::transfer::{self, Payee, Payment};
use agoge_host::amount::format_ether;

/// Most that is paid as a fee without a word: a node could ask for anything.
const FEE_UNASKED_MAX: u64 = 100_000;
/// The only chain with the testing profile.
const DEVNET_CHAIN: u64 = 31_337;

pub(super) async fn send(global: &Global, args: Send) -> Result<Output, WalletError> {
    let to = Payee::Shielded(args.to);
    pay(global, to, &args.paying, "agoge.wallet.send/1").await
}

pub(super) async fn withdraw(global: &Global, args: Withdraw) -> Result<Output, WalletError> {
    let mut output = pay(
        global,
        Payee::L1(args.to),
        &args.paying,
        "agoge.wallet.withdraw/1",
    )
    .await?;
    if let Some(data) = output.data.as_object_mut() {
        data.insert("recipient".to_owned(), json!(args.to));
    }
    if !args.paying.print_raw {
        say(&format!(
            "{} can pull it on L1 once the block is proven: agoge-wallet claim",
            args.to
        ));
    }
    Ok(output)
}

async fn pay(global: &Global, to: Payee, args: &Paying, schema: &'static str) -> Result<Output, WalletError> {
    let amount = args.amount;
    // What is wrong by itself is said before a password is asked for.
    transfer::needed(Payment { to, amount, fee: 0 })?;
    let seed = input::seed(global)?;
    let mut session = Session::start(global, &seed).await?;
    check_profile(&session.node, &session.info)?;
    let fee = fee(args.fee, session.info.tx_fee_min_gwei)?;
    if session.book.under_way().count() >= UNDER_WAY_MAX && !args.print_raw {
        return Err(TooManyUnderWay.into());
    }
    let tx = prove(&session, seed, Payment { to, amount, fee }).await?;
    let id = tx.id();
    if args.print_raw {
        let raw = raw_transaction(&tx);
        say("nothing was sent");
        return Ok(Output {
            schema,
            data: json!({"id": id, "raw": raw}),
            lines: vec![raw],
        });
    }
    // Remembered before it leaves: whatever happens from here on, its notes are not spent a second time by mistake.
    session.book.add_sent(&tx)?;
    session.save()?;
    match session.node.send(&tx).await {
        Ok(_) => {}
        Err(error @ NodeError::Refused { .. }) => {
            session.book.forget_sent(id);
            session.save()?;
            return Err(error.into());
        }
        Err(source) => return Err(WalletError::HandOver { id, source }),
    }
    say(&format!("transaction {id} is queued"));
    let block = wait_for_tx(&session.release(), id, args.waiting).await?;
    let data =
        json!({"id": id, "amount_gwei": amount.to_string(), "fee_gwei": fee.to_string(), "block": block});
    let what = match to {
        Payee::Shielded(_) => "sent",
        Payee::L1(_) => "withdrew",
    };
    let amount = format_ether(amount.into());
    let line = match block {
        Some(block) => format!("{what} {amount} in block {block}, transaction {id}"),
        None => format!("{what} {amount}, transaction {id}"),
    };
    Ok(Output {
        schema,
        data,
        lines: vec![line],
    })
}

/// Chooses notes and anchor and makes the client proof.
async fn prove(session: &Session, seed: Seed, payment: Payment) -> Result<Transaction, WalletError> {
    let notes = transfer::choose_notes(
        &session.book,
        session.tips.proven.note_count,
        transfer::needed(payment)?,
    )?;
    let anchor = session.anchor(&notes);
    say("making the zero-knowledge proof (a few seconds)");
    let (book, info) = (session.book.clone(), session.info.clone());
    tokio::task::spawn_blocking(move || {
        let prover = ClientProver::new(info.client_profile)?;
        Ok(transfer::build(
            &seed,
            &book,
            info.genesis_id,
            anchor,
            &notes,
            payment,
            &prover,
        )?)
    })
    .await?
}

/// A proof of the testing profile hides nothing, so no distant node may ask for one.
pub(super) fn check_profile(node: &Node, info: &NodeInfo) -> Result<(), WalletError> {
    let is_devnet = info.chain_id == DEVNET_CHAIN && node.is_local();
    match info.client_profile {
        ClientProfile::Default => Ok(()),
        ClientProfile::Testing if is_devnet => Ok(()),
        ClientProfile::Testing => Err(WalletError::TestingProfile),
    }
}

pub(super) fn fee(given: Option<u64>, least: u64) -> Result<u64, WalletError> {
    match given {
        Some(given) if given < least => Err(WalletError::FeeTooLow { given, least }),
        Some(given) => Ok(given),
        None if least > FEE_UNASKED_MAX => Err(WalletError::FeeTooHigh {
            least,
            max: FEE_UNASKED_MAX,
        }),
        None => Ok(least),
    }
}

async fn wait_for_tx(
    session: &Released,
    id: TxId,
    waiting: Waiting,
) -> Result<Option<L2BlockNumber>, WalletError> {
    let Waiting {
        wait,
        timeout: seconds,
    } = waiting;
    if wait == Wait::None {
        return Ok(None);
    }
    let patience = Patience::new(seconds);
    loop {
        match (patience.tolerate(session.node.status(id).await)?, wait) {
            (Some(TransactionStatus::Mined { number }), Wait::Mined)
            | (Some(TransactionStatus::Proven { number }), _) => {
                return Ok(Some(number));
            }
            (Some(TransactionStatus::Dropped { message, .. }), _) => {
                session.forget(id).await?;
                return Err(WalletError::Dropped {
                    id,
                    reason: words(&message),
                });
            }
            _ => {}
        }
        if !patience.pause().await {
            let what = if wait == Wait::Proven {
                "the proof"
            } else {
                "inclusion"
            };
            return Err(WalletError::TimedOut { what, seconds, id });
        }
    }
}
