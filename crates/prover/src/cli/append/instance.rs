//! Which instance is meant.

use agoge_host::report::CliError;
use agoge_l1_client::{At, InstanceFacts, RollupReader};
use agoge_protocol::exit::ExitCode as Exit;
use agoge_protocol::{Address, B256, Epoch, Timing};
use agoge_state_transition::tree;

use crate::cli::l1::{Connected, l1_call};
use crate::cli::run::start_error;
use crate::config::Config;
use crate::runtime::StartError;

/// The instance that is meant, looked at.
pub(super) async fn instance(
    connected: &Connected,
    config: &Config,
    timing: &Timing,
    now: u64,
    wanted: Option<&str>,
) -> Result<InstanceFacts, CliError> {
    let listed = connected.reader.instances(At::Latest).await.map_err(l1_call)?;
    let unknown = |wanted: &str| {
        CliError::new(
            Exit::Usage,
            "AGOGE-CFG-002",
            format!("--rollup: the Registry lists no instance {wanted}"),
        )
        .with_hint("`agoge-prover status` of a running prover and `govctl status` list the instances")
    };
    let genesis_id = match wanted.map(|wanted| (wanted, wanted.parse::<Address>())) {
        None => {
            let epoch = timing
                .slot_at(now)
                .map_or(Epoch::new(0), |slot| timing.epoch_of(slot));
            let rollup = newest_superseded(&listed, epoch);
            let rollup = rollup.ok_or_else(|| unknown("at all"))?;
            return inspect(&connected.reader, rollup, config).await;
        }
        Some((wanted, Ok(rollup))) => {
            if !listed.iter().any(|(other, _)| *other == rollup) {
                return Err(unknown(wanted));
            }
            return inspect(&connected.reader, rollup, config).await;
        }
        Some((wanted, Err(_))) => wanted.parse::<B256>().map_err(|_| {
            CliError::new(
                Exit::Usage,
                "AGOGE-CFG-002",
                format!("--rollup: {wanted} is neither an address nor a genesis id"),
            )
        })?,
    };
    for (rollup, _) in listed {
        // One that this release does not know cannot be the one that it is asked for.
        if let Ok(facts) = inspect(&connected.reader, rollup, config).await
            && facts.genesis_id.to_b256() == genesis_id
        {
            return Ok(facts);
        }
    }
    Err(unknown(&genesis_id.to_string()))
}

/// The instance before the canonical one, or that one if it is the first. `listed` is the Registry's list, oldest first.
fn newest_superseded(listed: &[(Address, Epoch)], now: Epoch) -> Option<Address> {
    let mut active = listed.iter().filter(|(_, activation)| *activation <= now).rev();
    let canonical = active.next().or_else(|| listed.first())?;
    Some(active.next().unwrap_or(canonical).0)
}

async fn inspect(reader: &RollupReader, rollup: Address, config: &Config) -> Result<InstanceFacts, CliError> {
    let facts = reader
        .inspect(rollup, At::Latest, &config.network)
        .await
        .map_err(|error| start_error(StartError::from(error)))?;
    let expected = tree::empty_root().to_b256();
    if facts.genesis_archive == expected {
        Ok(facts)
    } else {
        Err(start_error(StartError::GenesisArchive {
            expected,
            found: facts.genesis_archive,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_word_the_newest_superseded_instance_is_meant() {
        let [a, b, c] = [1, 2, 3].map(Address::repeat_byte);
        let listed = [(a, Epoch::new(0)), (b, Epoch::new(10)), (c, Epoch::new(20))];
        let meant = |count: usize, now| newest_superseded(&listed[..count], Epoch::new(now));
        assert_eq!(meant(1, 5), Some(a), "the only one may have stalled");
        assert_eq!(meant(2, 9), Some(a), "the second is not canonical yet");
        assert_eq!(meant(2, 10), Some(a));
        assert_eq!(meant(3, 19), Some(a));
        assert_eq!(meant(3, 20), Some(b));
        assert_eq!(meant(0, 20), None);
    }
}
