//! What each command does.

use std::path::Path;

use agoge_protocol::TxId;
use agoge_protocol::rpc::TransactionStatus;
use serde_json::json;

use super::error::Output;
use super::session::Session;
use super::{Args, Command, Global, WalletError, border, exit, input, pay, say};
use crate::dir::DirLock;
use crate::keyfile;
use crate::node::{Node, words};
use crate::seed::Seed;
use agoge_host::amount::format_ether;

pub(super) async fn dispatch(args: Args) -> Result<Output, WalletError> {
    let global = &args.global;
    match args.command {
        Command::New { show_seed } => new(global, show_seed).await,
        Command::Restore => restore(global).await,
        Command::Address => address(global),
        Command::Balance => balance_of(global, &input::seed(global)?).await,
        Command::Deposit(deposit) => border::deposit(global, deposit).await,
        Command::Deposits => border::deposits(global).await,
        Command::Send(send) => pay::send(global, send).await,
        Command::Withdraw(withdraw) => pay::withdraw(global, withdraw).await,
        Command::Withdrawals(args) => border::withdrawals(global, args).await,
        Command::Claim(claim) => border::claim(global, claim).await,
        Command::Exit(args) => Box::pin(exit::exit(global, args)).await,
        Command::Status { id } => status(global, TxId(id)).await,
        Command::Submit { file } => submit(global, &file).await,
        Command::Completions { shell } => Ok(completions(shell)),
    }
}

async fn new(global: &Global, show_seed: bool) -> Result<Output, WalletError> {
    if global.seed.is_some() {
        return Err(WalletError::SeedGiven);
    }
    let seed = Seed::random(&mut rand::rngs::OsRng);
    store(global, &seed).await?;
    let address = seed.keys().address().to_string();
    let mut lines = vec![address.clone()];
    let mut data = json!({"address": address, "dir": global.dir});
    if show_seed {
        let text = hex::encode(seed.expose());
        lines.push(format!("seed {text}"));
        if let Some(data) = data.as_object_mut() {
            data.insert("seed".to_owned(), text.into());
        }
    }
    Ok(Output {
        schema: "agoge.wallet.new/1",
        data,
        lines,
    })
}

async fn restore(global: &Global) -> Result<Output, WalletError> {
    let seed = input::given_seed(global)?.ok_or(WalletError::SeedNeeded)?;
    store(global, &seed).await?;
    let dir = &global.dir;
    say(&format!(
        "the seed is stored in {}; reading the chain",
        dir.display()
    ));
    let unread = |source| WalletError::RestoredUnread {
        dir: dir.clone(),
        source: Box::new(source),
    };
    let mut output = balance_of(global, &seed).await.map_err(unread)?;
    let address = seed.keys().address().to_string();
    output.schema = "agoge.wallet.restore/1";
    if let Some(data) = output.data.as_object_mut() {
        data.insert("address".to_owned(), address.clone().into());
    }
    output.lines.insert(0, address);
    Ok(output)
}

async fn store(global: &Global, seed: &Seed) -> Result<(), WalletError> {
    if keyfile::exists(&global.dir) {
        // Said before a password is asked for.
        return Err(keyfile::KeyfileError::Exists {
            path: keyfile::path(&global.dir),
        }
        .into());
    }
    let password = input::new_password(global)?;
    let _lock = DirLock::take(&global.dir).await?;
    Ok(keyfile::create(&global.dir, seed, &password)?)
}

fn address(global: &Global) -> Result<Output, WalletError> {
    let address = input::seed(global)?.keys().address().to_string();
    Ok(Output {
        schema: "agoge.wallet.address/1",
        data: json!({"address": address}),
        lines: vec![address],
    })
}

async fn balance_of(global: &Global, seed: &Seed) -> Result<Output, WalletError> {
    let session = Session::start(global, seed).await?;
    let book = &session.book;
    let balance = book.balance();
    let proven = book.balance_of_first(session.tips.proven.note_count);
    let pending = balance.saturating_sub(proven);
    let spendable: u128 = book.spendable().map(|note| u128::from(note.value)).sum();
    let tips = session.tips;
    let data = json!({
        "balance_gwei": balance.to_string(),
        "proven_gwei": proven.to_string(),
        "pending_gwei": pending.to_string(),
        "spendable_gwei": spendable.to_string(),
        "notes": book.spendable().count(),
        "transactions_under_way": book.under_way().count(),
        "block": tips.pending.number,
        "proven_block": tips.proven.number,
    });
    let mut lines = vec![
        format!("balance    {}", format_ether(balance)),
        format!("proven     {}", format_ether(proven)),
        format!("pending    {} (could still be pruned)", format_ether(pending)),
        format!("spendable  {}", format_ether(spendable)),
        format!(
            "as of block {}, proven up to block {}",
            tips.pending.number, tips.proven.number
        ),
    ];
    lines.extend(book.under_way().map(|sent| format!("under way  {}", sent.id)));
    Ok(Output {
        schema: "agoge.wallet.balance/1",
        data,
        lines,
    })
}

async fn status(global: &Global, id: TxId) -> Result<Output, WalletError> {
    let status = Node::new(&global.node)?.status(id).await?;
    let data = json!({"id": id, "status": status});
    let line = match &status {
        TransactionStatus::Queued => "queued".to_owned(),
        TransactionStatus::Mined { number } => {
            format!("in block {number}, not proven: it can still be pruned")
        }
        TransactionStatus::Proven { number } => format!("in block {number}, proven"),
        TransactionStatus::Dropped { reason, message } => {
            format!("dropped ({}): {}", words(reason), words(message))
        }
        TransactionStatus::Unknown => "unknown to this node".to_owned(),
    };
    Ok(Output {
        schema: "agoge.wallet.status/1",
        data,
        lines: vec![line],
    })
}

async fn submit(global: &Global, file: &Path) -> Result<Output, WalletError> {
    let tx = input::transaction(file)?;
    Node::new(&global.node)?.send(&tx).await?;
    let id = tx.id();
    Ok(Output {
        schema: "agoge.wallet.submit/1",
        data: json!({"id": id}),
        lines: vec![id.to_string()],
    })
}

fn completions(shell: clap_complete::Shell) -> Output {
    let mut script = Vec::new();
    clap_complete::generate(
        shell,
        &mut <Args as clap::CommandFactory>::command(),
        "agoge-wallet",
        &mut script,
    );
    let script = String::from_utf8_lossy(&script).into_owned();
    Output {
        schema: "agoge.wallet.completions/1",
        data: json!({"script": script}),
        lines: vec![script],
    }
}
