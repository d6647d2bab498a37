//! The command line of `agoge-wallet`: flags in, data on stdout, everything for people on stderr.

mod border;
mod commands;
mod error;
mod exit;
mod input;
mod pay;
mod session;
mod wait;

use std::convert::Infallible;
use std::io::Write;
use std::path::PathBuf;

use agoge_protocol::exit::ExitCode;
use agoge_protocol::{Address, ShieldedAddress};
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use secrecy::SecretString;

pub use error::WalletError;

use agoge_host::amount::parse_gwei;

/// Most that `--timeout` takes: a year.
const TIMEOUT_MAX: u64 = 365 * 24 * 3_600;

/// Shielded payments on an Agoge network.
#[derive(Debug, Parser)]
#[command(
    name = "agoge-wallet",
    version,
    after_help = "Examples:
  agoge-wallet new
  agoge-wallet deposit --amount 0.1ether --network phase4 --rpc-url http://127.0.0.1:8545 --keystore key.json
  agoge-wallet send --to agoge1... --amount 5000gwei --wait mined
  agoge-wallet withdraw --to 0x... --amount 0.05ether --wait proven
Exit codes: 0 ok, 1 failed, 2 usage, 3 precondition, 4 wrong network, 5 reverted, 6 simulation reverts, 7 timed out."
)]
pub struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Global {
    /// Directory of the wallet: its seed and what it has read of the chain.
    #[arg(long, global = true, env = "AGOGE_WALLET_DIR", default_value = "data/wallet")]
    pub(crate) dir: PathBuf,
    /// File (mode 600) whose first line is the wallet's password; without it the terminal is asked.
    #[arg(long, global = true, env = "AGOGE_WALLET_PASSWORD_FILE", value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Use this seed (64 hex digits, or - for stdin) instead of the stored one. Arguments are visible to other users: for devnets and tests.
    #[arg(long, global = true, value_name = "HEX|-", value_parser = secret)]
    pub(crate) seed: Option<SecretString>,
    /// RPC address of a node.
    #[arg(
        long,
        global = true,
        env = "AGOGE_NODE",
        default_value = "http://127.0.0.1:8700",
        value_name = "URL"
    )]
    pub(crate) node: String,
    /// One JSON document on stdout.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a wallet: a random seed, stored encrypted.
    New {
        /// Print the seed too, to be written down.
        #[arg(long)]
        show_seed: bool,
    },
    /// Create the wallet of a known seed (--seed) and find its notes on the chain.
    Restore,
    /// Print the address that others send to.
    Address,
    /// Read the chain and print what the wallet holds.
    Balance,
    /// Move sepETH from L1 into a shielded note.
    Deposit(Deposit),
    /// List the deposits made and received, and how far each has come.
    Deposits,
    /// Pay a shielded address.
    Send(Send),
    /// Pay an L1 address out of the pool: once the block is proven, it can be pulled there.
    Withdraw(Withdraw),
    /// List the withdrawals, and how far each has come.
    Withdrawals(Withdrawals),
    /// Pull on L1 all that the Rollup owes an L1 account: withdrawals and fees.
    Claim(Claim),
    /// Leave an old pool, which makes no blocks any more: withdraw, append the block together with its proof, pull the money.
    Exit(Exit),
    /// Say what became of a transaction.
    Status {
        /// Transaction id, 0x and 64 hex digits.
        id: agoge_protocol::B256,
    },
    /// Hand a node a transaction that `send --print-raw` made.
    Submit {
        /// File with the transaction's 0x hex, or - for stdin (it is too long for an argument).
        file: PathBuf,
    },
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Deposit {
    /// How much, as in 0.1ether or 5000gwei.
    #[arg(long, value_parser = parse_gwei, value_name = "AMOUNT")]
    pub(crate) amount: u64,
    /// Shielded address that gets the note; the wallet's own without it.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) to: Option<ShieldedAddress>,
    #[command(flatten)]
    pub(crate) account: L1Account,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Claim {
    /// L1 address that gets the money; the account itself without it.
    #[arg(long, value_name = "L1_ADDRESS")]
    pub(crate) to: Option<Address>,
    #[command(flatten)]
    pub(crate) account: L1Account,
}

/// An L1 account and where its L1 is.
#[derive(Debug, ClapArgs)]
pub(crate) struct L1Account {
    /// L1 JSON-RPC endpoint.
    #[arg(long, env = "ETH_RPC_URL", value_name = "URL", hide_env_values = true)]
    pub(crate) rpc_url: String,
    /// Keystore (v3) of the L1 account.
    #[arg(long, env = "ETH_KEYSTORE", value_name = "FILE")]
    pub(crate) keystore: PathBuf,
    /// File whose first line is that keystore's password; without it the terminal is asked.
    #[arg(long, env = "ETH_PASSWORD", value_name = "FILE")]
    pub(crate) l1_password_file: Option<PathBuf>,
    /// Network file or name; must be that of the node.
    #[arg(long, env = "AGOGE_NETWORK", value_name = "NAME|FILE")]
    pub(crate) network: String,
    /// Deployment file of the network: its Rollup must be the one that the node names. Give it when the node is not yours, since the
    /// node says where the money is.
    #[arg(long, env = "AGOGE_DEPLOYMENT", value_name = "FILE")]
    pub(crate) deployment: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Withdrawals {
    /// L1 JSON-RPC endpoint, to see what was pulled; without it L1 is not asked.
    #[arg(long, env = "ETH_RPC_URL", value_name = "URL", hide_env_values = true)]
    pub(crate) rpc_url: Option<String>,
    /// Network file or name [default: the name that the node says].
    #[arg(long, env = "AGOGE_NETWORK", value_name = "NAME|FILE")]
    pub(crate) network: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Send {
    /// Shielded address of the recipient.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) to: ShieldedAddress,
    #[command(flatten)]
    pub(crate) paying: Paying,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Withdraw {
    /// L1 address that may pull the money once it is proven. It and the amount are public.
    #[arg(long, value_name = "L1_ADDRESS")]
    pub(crate) to: Address,
    #[command(flatten)]
    pub(crate) paying: Paying,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Exit {
    /// L1 address that gets the money; the account of --keystore without it. It and the amounts are public.
    #[arg(long, value_name = "L1_ADDRESS")]
    pub(crate) to: Option<Address>,
    /// How much, as in 0.1ether; without it everything that is worth its fee.
    #[arg(long, value_parser = parse_gwei, value_name = "AMOUNT")]
    pub(crate) amount: Option<u64>,
    /// Fee of each transaction; without it the least fee that the node asks for, up to 0.0001ether.
    #[arg(long, value_parser = parse_gwei, value_name = "AMOUNT")]
    pub(crate) fee: Option<u64>,
    #[command(flatten)]
    pub(crate) account: L1Account,
    /// The agoge-prover program [default: the one beside this program, else by its name].
    #[arg(long, value_name = "PATH")]
    pub(crate) prover: Option<PathBuf>,
    /// Seconds to wait for the moment when an append is possible, if it is not yet.
    #[arg(long, default_value_t = 0, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=TIMEOUT_MAX))]
    pub(crate) wait: u64,
    /// Seconds to wait for the node to have the appended blocks.
    #[arg(long, default_value_t = 600, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=TIMEOUT_MAX))]
    pub(crate) timeout: u64,
    /// Further flags of `agoge-prover append`, after --: its data directory, L1's beacon APIs or the archive of blobs.
    #[arg(last = true, value_name = "PROVER_FLAGS")]
    pub(crate) prover_args: Vec<String>,
}

/// What both ways of spending notes take.
#[derive(Debug, ClapArgs)]
pub(crate) struct Paying {
    /// How much, as in 0.1ether or 5000gwei.
    #[arg(long, value_parser = parse_gwei, value_name = "AMOUNT")]
    pub(crate) amount: u64,
    /// Fee; without it the least fee that the node asks for, up to 0.0001ether.
    #[arg(long, value_parser = parse_gwei, value_name = "AMOUNT")]
    pub(crate) fee: Option<u64>,
    /// Print the transaction and send nothing.
    #[arg(long)]
    pub(crate) print_raw: bool,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
}

#[derive(Clone, Copy, Debug, ClapArgs)]
pub(crate) struct Waiting {
    /// What to wait for.
    #[arg(long, value_enum, default_value_t = Wait::Mined)]
    pub(crate) wait: Wait,
    /// Seconds to wait at most.
    #[arg(long, default_value_t = 600, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=TIMEOUT_MAX))]
    pub(crate) timeout: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Wait {
    /// Return at once.
    None,
    /// Until a block on L1 holds it (it can still be pruned).
    Mined,
    /// Until that block is proven.
    Proven,
}

fn secret(text: &str) -> Result<SecretString, Infallible> {
    Ok(SecretString::from(text))
}

/// Progress for people; a closed stderr is nobody listening.
fn say(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// Runs a command, prints its result or its error, and says how the program ends.
pub async fn run(args: Args) -> ExitCode {
    let is_json = args.global.json;
    match commands::dispatch(args).await {
        Ok(output) => {
            output.print(is_json);
            ExitCode::Ok
        }
        Err(error) => {
            error.print(is_json);
            error.exit_code()
        }
    }
}
