//! `agoge-gate state`: a signed statement beside the evidence.

use std::path::PathBuf;

use agoge_host::keys::AccountFlags;
use agoge_host::report::CliError;
use agoge_protocol::{Address, B256};
use sha2::{Digest as _, Sha256};

use super::{DirArgs, Output, now, read_file};
use crate::evidence::{self, Header};
use crate::failure;
use crate::requirement::{Phase, Stage};
use crate::statement::{self, Statement, StatementKind};

/// What to state.
#[derive(Debug, clap::Args)]
pub(crate) struct StateArgs {
    /// What it says.
    #[arg(value_enum)]
    kind: StatementKind,
    /// A node's URL as it is watched, or a requirement's id.
    subject: String,
    /// In words: why; where the document is.
    #[arg(long)]
    text: String,
    /// The document that is meant, by its SHA-256; needed by reports.
    #[arg(long, value_name = "FILE")]
    document: Option<PathBuf>,
    /// First slot of an excuse.
    #[arg(long, value_name = "SLOT")]
    from_slot: Option<u64>,
    /// Last slot of an excuse.
    #[arg(long, value_name = "SLOT")]
    to_slot: Option<u64>,
    /// Whose evidence it goes with.
    #[arg(long, value_enum, default_value = "internal")]
    stage: Stage,
    #[command(flatten)]
    dir: DirArgs,
    #[command(flatten)]
    account: AccountFlags,
}

/// Signs and keeps it.
///
/// # Errors
/// A subject that does not exist, slots that make no sense, no evidence to go with, or a key that cannot be used.
pub(crate) fn run(args: StateArgs) -> Result<Output, CliError> {
    let dir = args.dir.evidence(args.stage);
    let header = evidence::read(&dir, |_, _, _| ())
        .map_err(failure::evidence)?
        .header;
    check_subject(&args, &header)?;
    let (from_slot, to_slot) = match (args.kind, args.from_slot, args.to_slot) {
        (StatementKind::Excuse, Some(from), Some(to)) if from <= to => (from, to),
        (StatementKind::Excuse, ..) => {
            return Err(failure::usage(
                "an excuse needs its slots, first to last",
                "give --from-slot N --to-slot M, at most the slots that the restart takes",
            ));
        }
        (_, None, None) => (0, 0),
        _ => return Err(failure::usage("only an excuse has slots", "leave them out")),
    };
    let document = match &args.document {
        Some(path) => B256::from_slice(&Sha256::digest(read_file(path)?)),
        None => B256::ZERO,
    };
    let key = args.account.open(header.network.network.chain_id)?;
    let statement = Statement {
        kind: args.kind,
        subject: args.subject,
        text: args.text,
        document,
        from_slot,
        to_slot,
        time: now(),
        signer: Address::ZERO,
        signature: Vec::new().into(),
    };
    let statement = statement
        .sign(&header, &key)
        .map_err(|error| failure::precondition(error, "use a key file with a secp256k1 key"))?;
    statement::append(&dir, &statement).map_err(failure::chain)?;
    let text = format!("{} says: {}\n", statement.signer, statement.text);
    Ok(Output::new("state", statement, text))
}

fn check_subject(args: &StateArgs, header: &Header) -> Result<(), CliError> {
    if args.kind == StatementKind::Excuse {
        if header.nodes.contains(&args.subject) {
            return Ok(());
        }
        return Err(failure::usage(
            format!("no node {:?} is watched", args.subject),
            format!("nodes are: {}", header.nodes.join(", ")),
        ));
    }
    let mut known = Vec::new();
    for number in 1..=4 {
        let phase = Phase::new(number, &header.network, 1).map_err(failure::requirement)?;
        known.extend(phase.requirements(args.stage).map_err(failure::requirement)?);
    }
    if known.iter().any(|asked| asked.id == args.subject) {
        return Ok(());
    }
    let ids: std::collections::BTreeSet<&str> = known.iter().map(|asked| asked.id.as_str()).collect();
    Err(failure::usage(
        format!(
            "there is no requirement {:?} in the {} stage",
            args.subject, args.stage
        ),
        format!(
            "requirements are: {}",
            ids.into_iter().collect::<Vec<_>>().join(", ")
        ),
    ))
}
