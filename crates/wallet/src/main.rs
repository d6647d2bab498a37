//! `agoge-wallet`: see `agoge-wallet --help` and docs/wallet-guide.md.

use clap::Parser;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let args = agoge_wallet::cli::Args::parse();
    agoge_wallet::cli::run(args).await.into()
}
