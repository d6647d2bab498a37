//! `agoge-gate watch`.

use std::path::PathBuf;

use agoge_host::config::{load_deployment, load_network};
use agoge_host::report::CliError;
use agoge_l1_client::SecretUrl;

use super::{DirArgs, Output};
use crate::requirement::Stage;
use crate::watch::Watch;

/// What to watch. URLs are repeated or separated by commas.
#[derive(Debug, clap::Args)]
pub(crate) struct WatchArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// The operator's network, or the public one.
    #[arg(long, value_enum, default_value = "internal")]
    stage: Stage,
    /// Network name or file.
    #[arg(long, env = "AGOGE_NETWORK", value_name = "NAME|FILE")]
    network: String,
    /// Where the network lives on L1.
    #[arg(long, env = "AGOGE_DEPLOYMENT", value_name = "FILE")]
    deployment: PathBuf,
    /// JSON-RPC of every node.
    #[arg(long, value_name = "URL", value_delimiter = ',', required = true)]
    rpc: Vec<String>,
    /// Monitoring port of every node, in the order of --rpc; without them restarts are unknown.
    #[arg(long, value_name = "URL", value_delimiter = ',')]
    metrics: Vec<String>,
    /// L1 JSON-RPC, best first.
    #[arg(
        long,
        env = "ETH_RPC_URL",
        value_name = "URL",
        value_delimiter = ',',
        required = true,
        hide_env_values = true
    )]
    l1: Vec<SecretUrl>,
    /// End after so many records.
    #[arg(long, value_name = "N")]
    slots: Option<u64>,
}

/// Runs it.
///
/// # Errors
/// Wrong input, another network, or a disk that refuses.
pub(crate) async fn run(args: WatchArgs) -> Result<Output, CliError> {
    let network = load_network(&args.network)?;
    let deployment = load_deployment(&args.deployment, &network)?;
    let watch = Watch {
        network,
        deployment,
        rpc: args.rpc,
        metrics: args.metrics,
        l1: args.l1,
        dir: args.dir.evidence(args.stage),
        slots: args.slots,
    };
    let watched = watch.run().await?;
    let text = format!(
        "{} slots recorded; evidence head {}\n",
        watched.recorded, watched.head
    );
    Ok(Output::new("watch", watched, text))
}
