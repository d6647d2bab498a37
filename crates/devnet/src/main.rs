//! `agoge-devnet`: see `agoge-devnet up --help`.

use clap::Parser;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let args = agoge_devnet::cli::Args::parse();
    if let Err(error) =
        agoge_supervisor::init_logging(agoge_supervisor::LogFormat::Text, "warn,agoge_devnet=info")
    {
        eprintln!("error: {error}");
        return agoge_protocol::exit::ExitCode::Usage.into();
    }
    agoge_devnet::cli::run(args).await.into()
}
