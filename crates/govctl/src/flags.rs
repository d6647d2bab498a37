//! What every command takes.

use std::path::PathBuf;

use agoge_host::keys::AccountFlags;
use agoge_l1_client::SecretUrl;
use clap::Args;

/// Flags of all commands.
#[derive(Clone, Debug, Args)]
pub(crate) struct Flags {
    /// Network name or file [default: the name in the deployment file].
    #[arg(long, global = true, env = "AGOGE_NETWORK", value_name = "NAME|FILE")]
    pub(crate) network: Option<String>,
    /// Where the network lives on L1 [default: deployments/<network>.json].
    #[arg(long, global = true, env = "AGOGE_DEPLOYMENT", value_name = "FILE")]
    pub(crate) deployment: Option<PathBuf>,
    /// L1 JSON-RPC endpoints, best first, separated by commas.
    #[arg(
        long,
        global = true,
        env = "ETH_RPC_URL",
        value_name = "URL",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub(crate) rpc_url: Vec<SecretUrl>,
    #[command(flatten)]
    pub(crate) key: AccountFlags,
    /// Simulate and say what would be sent; send nothing.
    #[arg(long, global = true)]
    pub(crate) dry_run: bool,
    /// Send without asking.
    #[arg(long, global = true)]
    pub(crate) yes: bool,
    /// One JSON document on stdout.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}
