//! Validators and committees: show, exit, finalise, migrate.

use agoge_contract_bindings::rollup::Rollup;
use agoge_contract_bindings::staking::Staking;
use agoge_host::report::CliError;
use agoge_l1_client::{At, CallError};
use agoge_protocol::{Address, U256};
use clap::Args;
use serde_json::json;

use super::{Output, request};
use crate::failure;
use crate::flags::Flags;
use crate::input::nonzero_address;
use crate::send::send;
use crate::session::Session;
use crate::show::{self, small};

/// Words of the contract's states, in its order.
const STATUS: [&str; 4] = ["not staked", "queued", "active", "exiting"];

#[derive(Debug, Args)]
pub(crate) struct OneAttester {
    /// The validator.
    #[arg(value_name = "ATTESTER", value_parser = nonzero_address)]
    attester: Address,
}

#[derive(Debug, Args)]
pub(crate) struct ValidatorsArgs {
    /// Validators [default: all of the canonical instance's set].
    #[arg(value_name = "ATTESTER", value_parser = nonzero_address)]
    attesters: Vec<Address>,
}

#[derive(Debug, Args)]
pub(crate) struct CommitteeArgs {
    /// Epoch [default: the current one].
    #[arg(long)]
    epoch: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    /// The validator.
    #[arg(value_name = "ATTESTER", value_parser = nonzero_address)]
    attester: Address,
    /// `follow` for the instance that is canonical, whichever it is; or the Rollup to stay with.
    #[arg(long, value_name = "follow|ROLLUP", value_parser = destination)]
    to: Address,
}

/// Zero lets a validator follow the Registry.
fn destination(text: &str) -> Result<Address, String> {
    if text == "follow" {
        Ok(Address::ZERO)
    } else {
        nonzero_address(text).map_err(|error| format!("neither `follow` nor a Rollup: {error}"))
    }
}

impl Session {
    pub(crate) async fn validator(&self, attester: Address) -> Result<Staking::Validator, CliError> {
        let call = Staking::validatorCall { _attester: attester };
        self.view(self.contract("Staking")?, &call).await
    }

    /// The attesters from whom the current committee of the canonical instance is drawn; before genesis nobody.
    pub(crate) async fn current_set(&self) -> Result<Vec<Address>, CliError> {
        let epoch = self.epoch();
        let call = Staking::setCall {
            _instance: self.canonical(epoch).await?,
            _epoch: U256::from(epoch),
        };
        match self
            .client
            .view(self.contract("Staking")?, &call, At::Latest)
            .await
        {
            Ok(set) => Ok(set),
            Err(CallError::Reverted { reason, .. }) if reason.is("Staking__SetNotFrozen") => Ok(Vec::new()),
            Err(error) => Err(failure::call(error)),
        }
    }
}

pub(crate) async fn list(flags: &Flags, args: &ValidatorsArgs) -> Result<Output, CliError> {
    let session = Session::open(flags).await?;
    let attesters = if args.attesters.is_empty() {
        session.current_set().await?
    } else {
        args.attesters.clone()
    };
    let mut list = Vec::new();
    let mut text = String::new();
    for attester in attesters {
        let validator = session.validator(attester).await?;
        let status = STATUS
            .get(usize::from(validator.status))
            .copied()
            .unwrap_or("unknown");
        let exitable_at = validator.exitableAt.to::<u64>();
        text.push_str(&format!("{attester} {status}"));
        if validator.status != 0 {
            text.push_str(&format!(
                ", {}, withdrawer {}",
                show::wei(U256::from(validator.stake)),
                validator.withdrawer
            ));
            let follows = validator.pinnedTo == Address::ZERO;
            if follows {
                text.push_str(", follows the Registry");
            } else {
                text.push_str(&format!(", pinned to {}", session.describe(validator.pinnedTo)));
            }
        }
        if exitable_at != 0 {
            text.push_str(&format!(", exit ends {}", show::time(exitable_at, session.now)));
        }
        text.push('\n');
        list.push(json!({
            "attester": attester, "status": status, "stake_wei": validator.stake.to_string(),
            "withdrawer": validator.withdrawer, "pinned_to": validator.pinnedTo,
            "activated_at": validator.activatedAt.to::<u64>(), "exitable_at": exitable_at,
        }));
    }
    if list.is_empty() {
        text.push_str("no validator is in the set of this epoch\n");
    }
    Ok(Output::new(
        "validators",
        json!({ "epoch": session.epoch(), "validators": list }),
        text,
    ))
}

pub(crate) async fn committee(flags: &Flags, args: &CommitteeArgs) -> Result<Output, CliError> {
    let session = Session::open(flags).await?;
    let epoch = args.epoch.unwrap_or_else(|| session.epoch());
    let rollup = session.canonical(epoch).await?;
    let call = Rollup::committeeOfEpochCall {
        _epoch: U256::from(epoch),
    };
    let members = match session.client.view(rollup, &call, At::Latest).await {
        Ok(members) => members,
        Err(CallError::Reverted { reason, .. }) if reason.is("Rollup__EpochNotSetUp") => {
            return Err(failure::precondition(
                format!(
                    "epoch {epoch} has no committee on L1: its first block sets it up, and old ones are forgotten"
                ),
                "ask a node for committees before: agoge_committee",
            ));
        }
        Err(error) => return Err(failure::call(error)),
    };
    let mut text = format!("epoch {epoch} of {}\n", session.describe(rollup));
    for (index, member) in members.iter().enumerate() {
        text.push_str(&format!("{index} {member}\n"));
    }
    Ok(Output::new(
        "committee",
        json!({ "epoch": epoch, "rollup": rollup, "members": members }),
        text,
    ))
}

pub(crate) async fn exit(flags: &Flags, args: &OneAttester) -> Result<Output, CliError> {
    let session = Session::open(flags).await?;
    let validator = staked(&session, args.attester).await?;
    if validator.status == 3 {
        let ends = show::time(validator.exitableAt.to::<u64>(), session.now);
        return Ok(Output::already(
            "exit",
            &format!("{} is exiting, until {ends}", args.attester),
        ));
    }
    let key = withdrawer_key(&session, flags, args.attester, &validator)?;
    let staking = session.contract("Staking")?;
    let delay = session
        .view(staking, &Staking::configCall {})
        .await?
        .exitDelaySeconds;
    let call = Staking::startExitCall {
        _attester: args.attester,
    };
    let details = [
        format!("attester {}", args.attester),
        format!(
            "the stake stays slashable for {}; then `govctl finalise` and `govctl withdraw`",
            show::duration(small(delay))
        ),
    ];
    let request = request(staking, &call, "exit");
    let sent = send(
        &session,
        flags,
        &key,
        request,
        "start a validator's exit",
        &details,
    )
    .await?;
    Ok(Output::sent("exit", &[sent]))
}

pub(crate) async fn finalise(flags: &Flags, args: &OneAttester) -> Result<Output, CliError> {
    let session = Session::open(flags).await?;
    let validator = session.validator(args.attester).await?;
    if validator.status == 0 {
        return Ok(Output::already(
            "finalise",
            &format!("{} is not staked", args.attester),
        ));
    }
    let exitable_at = validator.exitableAt.to::<u64>();
    if validator.status != 3 {
        return Err(failure::precondition(
            format!("{} is not exiting", args.attester),
            "its withdrawer runs `govctl exit` first",
        ));
    }
    if session.now < exitable_at {
        return Err(failure::precondition(
            format!(
                "the exit of {} ends {}",
                args.attester,
                show::time(exitable_at, session.now)
            ),
            "wait until then",
        ));
    }
    let key = flags.key.open(session.deployment.chain_id)?;
    let call = Staking::finaliseExitCall {
        _attester: args.attester,
    };
    let details = [format!("credits the stake to {}", validator.withdrawer)];
    let request = request(session.contract("Staking")?, &call, "finalise");
    let sent = send(&session, flags, &key, request, "end a validator's exit", &details).await?;
    Ok(Output::sent("finalise", &[sent]))
}

pub(crate) async fn migrate(flags: &Flags, args: &MigrateArgs) -> Result<Output, CliError> {
    let session = Session::open(flags).await?;
    let validator = staked(&session, args.attester).await?;
    let goal = if args.to == Address::ZERO {
        "follows the Registry".to_owned()
    } else {
        format!("is pinned to {}", session.describe(args.to))
    };
    if validator.pinnedTo == args.to {
        return Ok(Output::already(
            "migrate",
            &format!("{} {goal} already", args.attester),
        ));
    }
    if args.to != Address::ZERO
        && !session
            .instances()
            .await?
            .iter()
            .any(|(rollup, _)| *rollup == args.to)
    {
        return Err(failure::precondition(
            format!("{} is no instance of the Registry", args.to),
            "`govctl status` lists the instances",
        ));
    }
    let key = withdrawer_key(&session, flags, args.attester, &validator)?;
    let call = Staking::pinCall {
        _attester: args.attester,
        _instance: args.to,
    };
    let details = [
        format!("attester {}", args.attester),
        format!("then it {goal}, from the next epoch whose set is not frozen"),
    ];
    let request = request(session.contract("Staking")?, &call, "migrate");
    let sent = send(&session, flags, &key, request, "move a validator", &details).await?;
    Ok(Output::sent("migrate", &[sent]))
}

async fn staked(session: &Session, attester: Address) -> Result<Staking::Validator, CliError> {
    let validator = session.validator(attester).await?;
    if validator.status == 0 {
        return Err(failure::precondition(
            format!("{attester} is not staked"),
            "`govctl validators` lists the validators",
        ));
    }
    Ok(validator)
}

fn withdrawer_key(
    session: &Session,
    flags: &Flags,
    attester: Address,
    validator: &Staking::Validator,
) -> Result<alloy::signers::local::PrivateKeySigner, CliError> {
    let key = flags.key.open(session.deployment.chain_id)?;
    if key.address() == validator.withdrawer {
        return Ok(key);
    }
    Err(failure::precondition(
        format!(
            "{} is not the withdrawer of {attester}, {} is; nothing was sent",
            key.address(),
            validator.withdrawer
        ),
        "send with the withdrawer's account",
    ))
}
