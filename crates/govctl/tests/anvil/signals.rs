//! Real proposers: attester keys sign for a payload in their slots, the round's winner is nominated, voted on and executed.

use std::path::PathBuf;
use std::time::Duration;

use agoge_devnet::keys::{Role, key};
use agoge_devnet::network::Devnet;
use agoge_devnet::plan::{Plan, Verifier, Wishes};
use agoge_host::keys::{PasswordSource, import_raw_key};
use eyre::{Result, bail, ensure, eyre};
use serde_json::{Value, json};

use crate::support::{Ended, private_dir, run};

/// Validators, all of one process: each slot's proposer is one of them.
const KEYS: usize = 4;
/// Wei that every withdrawer has.
const ALLOWANCE: u128 = 10_000_000_000_000_000_000;

/// What a person has who governs a devnet.
struct Person {
    devnet: Devnet,
    home: PathBuf,
}

impl Person {
    fn key_file(&self, role: Role, number: usize) -> Result<String> {
        let path = self.home.join(format!("{role:?}-{number}.json"));
        if !path.exists() {
            let password = PasswordSource::File(self.devnet.dir().join("password")).read()?;
            let raw = format!("{:x}", key(&self.devnet.plan.seed, role, number).to_bytes());
            import_raw_key(&raw, &path, &password)?.map_err(|_| eyre!("no key"))?;
        }
        Ok(path.display().to_string())
    }

    fn govctl(&self, withdrawer: usize, args: &[&str]) -> Result<Ended> {
        let text = |path: PathBuf| path.display().to_string();
        let (network, deployment) = (
            text(self.devnet.network_file().to_owned()),
            text(self.devnet.deployment_file().to_owned()),
        );
        let (keystore, password) = (
            self.key_file(Role::Withdrawer, withdrawer)?,
            text(self.devnet.dir().join("password")),
        );
        let mut all = vec![
            "--yes",
            "--json",
            "--network",
            &network,
            "--deployment",
            &deployment,
        ];
        all.extend(["--rpc-url", self.devnet.anvil.url()]);
        all.extend(["--keystore", &keystore, "--password-file", &password]);
        all.extend(args);
        run(&self.home, &all)
    }

    /// Repeats a command until its precondition is met.
    async fn when_possible(&self, withdrawer: usize, args: &[&str]) -> Result<Value> {
        for _ in 0..120 {
            let ended = self.govctl(withdrawer, args)?;
            if ended.code != 3 {
                return ended.data();
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        bail!(
            "{args:?} did not become possible: {:?}",
            self.govctl(withdrawer, args)?
        )
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signals_of_real_proposers_become_a_proposal_slow() -> Result<()> {
    let home = private_dir()?;
    let wishes = Wishes {
        keys: Some(KEYS),
        procs: Some(1),
        committee: Some(KEYS),
        provers: Some(0),
        verifier: Verifier::Test,
        dir: Some(home.path().join("devnet")),
        ..Wishes::default()
    };
    let mut devnet = Devnet::start(Plan::new(&wishes)?).await?;
    devnet.wait_for_block(1, devnet.slots(20)).await?;
    for number in 0..KEYS {
        let withdrawer = key(&devnet.plan.seed, Role::Withdrawer, number).address();
        devnet.anvil.set_balance(withdrawer, ALLOWANCE).await?;
    }
    let person = Person {
        devnet,
        home: home.path().to_owned(),
    };

    let data = person
        .govctl(0, &["payload", "deploy", "allow-list-off"])?
        .data()?;
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(|| eyre!("{value}"));
    let payload = text(&data["payload"]["address"])?;
    let hash = text(&data["payload"]["actions_hash"])?;
    // Two rounds' worth of slots: whichever slot is the first, one round is signalled in from its beginning.
    let mut signal = vec![
        "signal",
        &payload,
        "--expect-hash",
        &hash,
        "--slots",
        "14",
        "--wait",
        "300",
    ];
    let mut files = Vec::new();
    for number in 0..KEYS {
        files.push(person.key_file(Role::Attester, number)?);
    }
    for file in &files {
        signal.extend(["--sign-with", file]);
    }
    let data = person.govctl(0, &signal)?.data()?;
    ensure!(
        data["transactions"].as_array().map(Vec::len) == Some(14),
        "{data}"
    );

    let made = person.when_possible(0, &["nominate"]).await?;
    let again = person.govctl(1, &["nominate"])?.data()?;
    ensure!(again["already"] == json!(true), "{again}");
    let id = text(&made["proposal"]["id"])?;
    for voter in 0..KEYS {
        person
            .when_possible(voter, &["vote", &id, "for", "--expect-hash", &hash])
            .await?;
    }
    person.when_possible(0, &["queue", &id]).await?;
    person.when_possible(0, &["execute", &id]).await?;
    let status = person.govctl(0, &["status"])?.data()?;
    ensure!(status["is_allow_list_on"] == json!(false), "{status}");
    person.devnet.stop().await;
    Ok(())
}
