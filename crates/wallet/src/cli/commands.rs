//! What each command does.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use agoge_circuits::ClientProver;
use agoge_protocol::rpc::{NodeInfo, TransactionStatus};
use agoge_protocol::{L2BlockNumber, TxId};
use secrecy::SecretString;
use serde_json::json;
use tokio::time::Instant;

use super::error::Output;
use super::{Args, Command, Deposit, Global, Send, Wait, WalletError};
use crate::amount::format_ether;
use crate::book::{Book, SentTx};
use crate::deposit::deposit_to_inbox;
use crate::node::Node;
use crate::scan::scan;
use crate::seed::{Keys, Seed};
use crate::transfer::{self, Anchor, Payment};
use crate::{keyfile, raw_transaction};

/// Between two looks at a node while waiting.
const POLL: Duration = Duration::from_millis(500);

pub(super) async fn dispatch(args: Args) -> Result<Output, WalletError> {
    let global = &args.global;
    match args.command {
        Command::New { show_seed } => new(global, show_seed),
        Command::Restore => restore(global).await,
        Command::Address => address(global),
        Command::Balance => balance(global).await,
        Command::Deposit(deposit) => self::deposit(global, deposit).await,
        Command::Send(send) => self::send(global, send).await,
        Command::Status { id } => status(global, TxId(id)).await,
        Command::Submit { raw } => submit(global, raw).await,
        Command::Completions { shell } => Ok(completions(shell)),
    }
}

fn new(global: &Global, show_seed: bool) -> Result<Output, WalletError> {
    if global.seed.is_some() {
        return Err(WalletError::SeedGiven);
    }
    let seed = Seed::random(&mut rand::rngs::OsRng);
    keyfile::create(&global.dir, &seed, &password(global.password_file.as_deref(), "New wallet password: ")?)?;
    let address = seed.keys().address().to_string();
    let mut lines = vec![address.clone()];
    let mut data = json!({"address": address, "dir": global.dir});
    if show_seed {
        let text = hex::encode(seed.expose());
        lines.push(format!("seed {text}"));
        data["seed"] = text.into();
    }
    Ok(Output { schema: "agoge.wallet.new/1", data, lines })
}

async fn restore(global: &Global) -> Result<Output, WalletError> {
    let seed = given_seed(global)?.ok_or(WalletError::SeedNeeded)?;
    keyfile::create(&global.dir, &seed, &password(global.password_file.as_deref(), "New wallet password: ")?)?;
    let mut output = balance_of(global, &seed).await?;
    output.schema = "agoge.wallet.restore/1";
    output.lines.insert(0, seed.keys().address().to_string());
    Ok(output)
}

fn address(global: &Global) -> Result<Output, WalletError> {
    let address = seed(global)?.keys().address().to_string();
    Ok(Output { schema: "agoge.wallet.address/1", data: json!({"address": address}), lines: vec![address] })
}

async fn balance(global: &Global) -> Result<Output, WalletError> {
    balance_of(global, &seed(global)?).await
}

async fn balance_of(global: &Global, seed: &Seed) -> Result<Output, WalletError> {
    let session = Session::start(global, seed).await?;
    let book = &session.book;
    let spendable: u128 = book.spendable().map(|note| u128::from(note.value)).sum();
    let proven = session.node.tips().await?.proven.note_count;
    let proven: u128 = book.spendable().filter(|n| n.index < proven).map(|n| u128::from(n.value)).sum();
    let tip = book.tip().map_or(0, |tip| tip.number.get());
    let data = json!({
        "balance_gwei": book.balance().to_string(),
        "spendable_gwei": spendable.to_string(),
        "proven_gwei": proven.to_string(),
        "notes": book.spendable().count(),
        "transactions_under_way": book.sent().len(),
        "block": tip,
    });
    let lines = vec![
        format!("balance    {}", format_ether(book.balance())),
        format!("spendable  {}", format_ether(spendable)),
        format!("proven     {} (the rest could still be pruned)", format_ether(proven)),
        format!("as of block {tip}"),
    ];
    Ok(Output { schema: "agoge.wallet.balance/1", data, lines })
}

async fn deposit(global: &Global, args: Deposit) -> Result<Output, WalletError> {
    let seed = seed(global)?;
    let to = args.to.unwrap_or_else(|| seed.keys().address());
    let node = Node::new(&global.node)?;
    let info = node.info().await?;
    let l1_password = password(args.l1_password_file.as_deref(), "L1 keystore password: ")?;
    let made = deposit_to_inbox(&seed, &to, &info, &args, &l1_password).await?;
    say(&format!("deposit {} is on L1: {}", made.index, made.l1_tx));
    if args.wait != Wait::None {
        wait_for_deposit(&node, made.index, args.timeout).await?;
    }
    let data = json!({"index": made.index, "l1_tx": made.l1_tx, "amount_gwei": args.amount.to_string(), "to": to.to_string()});
    let line = format!("deposited {} as inbox entry {}", format_ether(args.amount.into()), made.index);
    Ok(Output { schema: "agoge.wallet.deposit/1", data, lines: vec![line] })
}

async fn wait_for_deposit(node: &Node, index: u64, seconds: u64) -> Result<(), WalletError> {
    let end = Instant::now() + Duration::from_secs(seconds);
    while node.tips().await?.pending.inbox_end <= index {
        if Instant::now() >= end {
            return Err(WalletError::DepositTimedOut { index, seconds });
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

async fn send(global: &Global, args: Send) -> Result<Output, WalletError> {
    let seed = seed(global)?;
    let mut session = Session::start(global, &seed).await?;
    let info = session.info.clone();
    let fee = args.fee.unwrap_or(info.tx_fee_min_gwei);
    if fee < info.tx_fee_min_gwei {
        return Err(WalletError::FeeTooLow { given: fee, least: info.tx_fee_min_gwei });
    }
    let payment = Payment { to: args.to, amount: args.amount, fee };
    let notes = transfer::choose_notes(&session.book, transfer::needed(payment)?)?;
    let anchor = session.anchor(&notes).await?;
    say("making the zero-knowledge proof (a few seconds)");
    let profile = info.client_profile;
    let (work_seed, book) = (seed.clone(), session.book.clone());
    let tx = tokio::task::spawn_blocking(move || -> Result<_, WalletError> {
        let prover = ClientProver::new(profile)?;
        Ok(transfer::build(&work_seed, &book, info.genesis_id, anchor, &notes, payment, &prover)?)
    })
    .await
    .map_err(|source| WalletError::Read { path: PathBuf::from("proof task"), source: source.into() })??;
    let id = tx.id();
    if args.print_raw {
        let raw = raw_transaction(&tx);
        say("nothing was sent");
        let data = json!({"id": id, "raw": raw});
        return Ok(Output { schema: "agoge.wallet.send/1", data, lines: vec![raw] });
    }
    session.node.send(&tx).await?;
    session.book.add_sent(SentTx { id, nullifiers: *tx.public_inputs.nullifiers() });
    session.book.save(&session.book_path)?;
    say(&format!("transaction {id} is queued"));
    let block = wait_for_tx(&mut session, id, args.wait, args.timeout).await?;
    let data = json!({"id": id, "amount_gwei": args.amount.to_string(), "fee_gwei": fee.to_string(), "block": block});
    let line = match block {
        Some(block) => format!("sent {} in block {block}, transaction {id}", format_ether(args.amount.into())),
        None => format!("sent {}, transaction {id}", format_ether(args.amount.into())),
    };
    Ok(Output { schema: "agoge.wallet.send/1", data, lines: vec![line] })
}

async fn wait_for_tx(session: &mut Session, id: TxId, wait: Wait, seconds: u64) -> Result<Option<L2BlockNumber>, WalletError> {
    let end = Instant::now() + Duration::from_secs(seconds);
    while wait != Wait::None {
        match (session.node.status(id).await?, wait) {
            (TransactionStatus::Mined { number }, Wait::Mined) | (TransactionStatus::Proven { number }, _) => {
                return Ok(Some(number));
            }
            (TransactionStatus::Dropped { message, .. }, _) => {
                session.book.forget_sent(id);
                session.book.save(&session.book_path)?;
                return Err(WalletError::Dropped { id, reason: message });
            }
            _ => {}
        }
        if Instant::now() >= end {
            let what = if wait == Wait::Proven { "the proof" } else { "inclusion" };
            return Err(WalletError::TimedOut { what, seconds, id });
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(None)
}

async fn status(global: &Global, id: TxId) -> Result<Output, WalletError> {
    let status = Node::new(&global.node)?.status(id).await?;
    let data = json!({"id": id, "status": status});
    let line = match &status {
        TransactionStatus::Queued => "queued".to_owned(),
        TransactionStatus::Mined { number } => format!("in block {number}, not proven: it can still be pruned"),
        TransactionStatus::Proven { number } => format!("in block {number}, proven"),
        TransactionStatus::Dropped { reason, message } => format!("dropped ({reason}): {message}"),
        TransactionStatus::Unknown => "unknown to this node".to_owned(),
    };
    Ok(Output { schema: "agoge.wallet.status/1", data, lines: vec![line] })
}

async fn submit(global: &Global, raw: String) -> Result<Output, WalletError> {
    let raw = if raw == "-" { stdin()? } else { raw };
    let id = Node::new(&global.node)?.send_raw(raw.trim()).await?;
    Ok(Output { schema: "agoge.wallet.submit/1", data: json!({"id": id}), lines: vec![id.to_string()] })
}

fn completions(shell: clap_complete::Shell) -> Output {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut <Args as clap::CommandFactory>::command(), "agoge-wallet", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    Output { schema: "agoge.wallet.completions/1", data: json!({"script": script}), lines: vec![script] }
}

/// A node, and the wallet's book brought up to its tip.
struct Session {
    node: Node,
    info: NodeInfo,
    book: Book,
    book_path: PathBuf,
}

impl Session {
    async fn start(global: &Global, seed: &Seed) -> Result<Self, WalletError> {
        let node = Node::new(&global.node)?;
        let info = node.info().await?;
        let keys: Keys = seed.keys();
        // One file for each key and instance: a --seed wallet never mixes with the stored one.
        let name = format!("{}-{}.book", short(keys.owner), short(info.genesis_id));
        create_dir(&global.dir)?;
        let book_path = global.dir.join(name);
        let mut book = Book::open(&book_path, info.genesis_id)?;
        scan(&node, &keys, &mut book).await?;
        drop_lost(&node, &mut book).await?;
        book.save(&book_path)?;
        Ok(Self { node, info, book, book_path })
    }

    /// The newest proven anchor that holds the notes, since only that survives a prune; else the pending tip, with a warning.
    async fn anchor(&self, notes: &[crate::book::OwnedNote]) -> Result<Anchor, WalletError> {
        let proven = self.node.tips().await?.proven;
        if notes.iter().all(|note| note.index < proven.note_count) {
            return Ok(Anchor { note_root: proven.note_root, note_count: proven.note_count });
        }
        say("the notes are in no proven block: if their block is pruned, this transaction goes with it");
        let note_count = self.book.tree().count();
        Ok(Anchor { note_root: self.book.tree().root_at(note_count), note_count })
    }
}

/// Forgets sent transactions that the node has dropped, so that their notes can be spent.
async fn drop_lost(node: &Node, book: &mut Book) -> Result<(), WalletError> {
    for sent in book.sent().to_vec() {
        if matches!(node.status(sent.id).await?, TransactionStatus::Dropped { .. }) {
            book.forget_sent(sent.id);
        }
    }
    Ok(())
}

fn short(digest: agoge_protocol::Digest) -> String {
    hex::encode(digest.to_b256().0.first_chunk::<8>().copied().unwrap_or_default())
}

fn create_dir(dir: &Path) -> Result<(), WalletError> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|source| WalletError::Read { path: dir.to_owned(), source })
}

fn seed(global: &Global) -> Result<Seed, WalletError> {
    match given_seed(global)? {
        Some(seed) => Ok(seed),
        None => Ok(keyfile::open(&global.dir, &password(global.password_file.as_deref(), "Wallet password: ")?)?),
    }
}

fn given_seed(global: &Global) -> Result<Option<Seed>, WalletError> {
    match global.seed.as_deref() {
        None => Ok(None),
        Some("-") => Ok(Some(Seed::from_hex(&stdin()?)?)),
        Some(text) => Ok(Some(Seed::from_hex(text)?)),
    }
}

fn stdin() -> Result<String, WalletError> {
    const BYTES_MAX: u64 = 1 << 20;
    let mut text = String::new();
    std::io::stdin()
        .take(BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|source| WalletError::Read { path: PathBuf::from("stdin"), source })?;
    Ok(text)
}

fn password(file: Option<&Path>, prompt: &str) -> Result<SecretString, WalletError> {
    let text = match file {
        Some(path) => std::fs::read_to_string(path).map_err(|source| WalletError::Read { path: path.to_owned(), source })?,
        None => rpassword::prompt_password(prompt).map_err(|source| WalletError::Password { source })?,
    };
    Ok(SecretString::from(text.lines().next().unwrap_or_default().to_owned()))
}

/// Progress for people; a closed stderr is nobody listening.
fn say(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}
