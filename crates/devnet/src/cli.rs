//! The command line of `agoge-devnet`.

use std::io::Write;
use std::path::PathBuf;

use agoge_protocol::exit::ExitCode;
use agoge_protocol::network::ClientProfile;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use crate::demo;
use crate::faults;
use crate::network::Devnet;
use crate::plan::{Plan, Verifier, Wishes};

/// A whole Agoge network on this machine.
#[derive(Debug, Parser)]
#[command(
    name = "agoge-devnet",
    version,
    after_help = "Examples:
  script/devnet --demo
  script/devnet --demo proving --test-verifier
  script/devnet --serve --json
  script/devnet --serve --keys 48 --procs 12 --committee 16
  script/devnet run --keys 48 --procs 12 --epochs 20 --faults kill --seed 7
Exit codes: 0 ok, 1 failed, 2 usage."
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start L1, contracts and validators; then tell the demo's story, or serve until a signal.
    Up(Up),
    /// Run a network under load and faults for some epochs and judge it: ends with 0 if everything was kept, with 1 if not.
    Run(faults::args::Args),
}

/// What a network looks like.
#[derive(Debug, ClapArgs)]
pub(crate) struct Shape {
    /// Validators [default: the network file's].
    #[arg(long, value_name = "N")]
    keys: Option<usize>,
    /// Node processes [default: 4].
    #[arg(long, value_name = "M")]
    procs: Option<usize>,
    /// Milliseconds of a slot: a multiple of 1000, at least 3000.
    #[arg(long, value_name = "T")]
    slot_ms: Option<u64>,
    /// Slots of an epoch.
    #[arg(long, value_name = "E")]
    epoch_slots: Option<u64>,
    /// Members of a committee.
    #[arg(long, value_name = "C")]
    committee: Option<usize>,
    /// Where keys, logs and data go [default: data/devnet].
    #[arg(long, value_name = "D")]
    dir: Option<PathBuf>,
    /// Decides every key of the devnet, and every fault of a run.
    #[arg(long, value_name = "S")]
    seed: Option<String>,
    /// Provers [default: 1].
    #[arg(long, value_name = "N")]
    provers: Option<usize>,
    /// Network file [default: devnet].
    #[arg(long, value_name = "NAME|FILE")]
    network: Option<String>,
}

impl Shape {
    /// As wishes for a plan.
    pub(crate) fn wishes(&self) -> Wishes {
        Wishes {
            keys: self.keys,
            procs: self.procs,
            slot_ms: self.slot_ms,
            epoch_slots: self.epoch_slots,
            committee: self.committee,
            dir: self.dir.clone(),
            seed: self.seed.clone(),
            provers: self.provers,
            network: self.network.clone(),
            ..Wishes::default()
        }
    }
}

#[derive(Debug, ClapArgs)]
struct Up {
    #[command(flatten)]
    shape: Shape,
    /// Tell a story once, each step checked on L1, and exit.
    #[arg(long, value_name = "STORY", num_args = 0..=1, default_missing_value = "all", conflicts_with = "serve")]
    demo: Option<Story>,
    /// Stay up until a signal.
    #[arg(long)]
    serve: bool,
    /// Epoch proofs are real plonky2 proofs, verified on L1 [default].
    #[arg(long, conflicts_with = "test_verifier")]
    real_proofs: bool,
    /// Deploy a verifier that takes empty epoch proofs, on chain 31337 only: cheap, for everything but the proofs. Implies the
    /// testing profile of client proofs.
    #[arg(long)]
    test_verifier: bool,
    /// Parameters of client proofs.
    #[arg(long, value_enum, value_name = "PROFILE")]
    client_profile: Option<Profile>,
    /// With --serve: one JSON line on stdout that says where everything is.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Story {
    /// Those of the chain and of proving, one after the other.
    All,
    /// Stake, deposit, private transfer, blocks on L1, a fresh node that rebuilds the state.
    Chain,
    /// Quote, claim, epoch proof on L1, fees and bond, a withdrawal that its owner pulls on L1.
    Proving,
    /// A new Rollup is deployed, signalled, voted and executed; the nodes move to it and its first epoch is proven; then the network is opened
    /// to everybody. Epochs of 8 slots unless --epoch-slots says otherwise.
    Upgrade,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Profile {
    /// Zero-knowledge; a proof takes about 5 s.
    Default,
    /// Fast and without zero-knowledge.
    Testing,
}

/// Runs a command and says how the program ends.
pub async fn run(args: Args) -> ExitCode {
    let up = match args.command {
        Command::Up(up) => up,
        Command::Run(run) => return Box::pin(faults::args::command(run)).await,
    };
    let wishes = Wishes {
        // An upgrade waits for several whole epochs.
        epoch_slots: up
            .shape
            .epoch_slots
            .or(matches!(up.demo, Some(Story::Upgrade)).then_some(8)),
        verifier: if up.test_verifier {
            Verifier::Test
        } else {
            Verifier::Real
        },
        client_profile: up.client_profile.map(|profile| match profile {
            Profile::Default => ClientProfile::Default,
            Profile::Testing => ClientProfile::Testing,
        }),
        ..up.shape.wishes()
    };
    let plan = match Plan::new(&wishes) {
        Ok(plan) => plan,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::Usage;
        }
    };
    // A story holds a whole network: too much for the stack of a thread.
    match Box::pin(go(plan, &up)).await {
        Ok(()) => ExitCode::Ok,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::Failed
        }
    }
}

async fn go(plan: Plan, up: &Up) -> eyre::Result<()> {
    if let Some(story) = up.demo {
        let devnet = match story {
            Story::All => demo::all(plan).await?,
            Story::Chain => demo::chain(plan).await?,
            Story::Proving => demo::proving(plan).await?,
            Story::Upgrade => demo::upgrade(plan).await?,
        };
        eprintln!(
            "every step was checked on L1; logs and data: {}",
            devnet.dir().display()
        );
        devnet.stop().await;
        return Ok(());
    }
    let devnet = Devnet::start(plan).await?;
    if up.json {
        let line = devnet.describe().await?;
        // A reader that has gone does not end the network.
        drop(writeln!(std::io::stdout(), "{line}"));
    } else {
        print_table(&devnet).await?;
    }
    if up.serve {
        wait_for_signal().await?;
        eprintln!("stopping");
    }
    devnet.stop().await;
    Ok(())
}

async fn print_table(devnet: &Devnet) -> eyre::Result<()> {
    eprintln!("L1 and beacon  {}", devnet.anvil.url());
    eprintln!("deployment     {}", devnet.dir().join("deployments").display());
    for node in &devnet.nodes {
        eprintln!(
            "{:<14} {}  log {}",
            node.name(),
            node.rpc_url(),
            node.log().display()
        );
    }
    for prover in &devnet.provers {
        eprintln!(
            "{:<14} {}  log {}",
            prover.name(),
            prover.rpc_url(),
            prover.log().display()
        );
    }
    Ok(())
}

async fn wait_for_signal() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}
