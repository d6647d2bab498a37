//! Deploys an Agoge network on the devnet's L1, stakes its validators and bonds its provers.
//!
//! Contracts name each other: those that come first name the addresses that the deployer's nonce will give to the Rollup, the
//! Timelock and Governance, and the result is checked before anything is staked.

mod config;
mod stake;

use agoge_contract_bindings::epoch_proof_verifier::EpochProofVerifier;
use agoge_contract_bindings::epoch_statement::EpochStatement;
use agoge_contract_bindings::governance::Governance;
use agoge_contract_bindings::governance_proposer::GovernanceProposer;
use agoge_contract_bindings::prover_bonds::ProverBonds;
use agoge_contract_bindings::registry::Registry;
use agoge_contract_bindings::rollup::Rollup;
use agoge_contract_bindings::staking::Staking;
use agoge_contract_bindings::test_epoch_proof_verifier::TestEpochProofVerifier;
use agoge_contract_bindings::timelock::Timelock;
use agoge_l1_client::{At, L1Client, L1Wallet, SendOutcome};
use agoge_protocol::deployment::DeployedContract;
use agoge_protocol::{B256, Deployment, U256, keccak256};
use alloy::primitives::Bytes;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::{SolCall, SolConstructor};
use eyre::{Context, Result, bail, ensure, eyre};

use self::config::{Parts, Predicted};
use crate::anvil::{Anvil, FUNDED_KEY};
use crate::keys::{Role, key};
use crate::network::l1;
use crate::plan::{Plan, Verifier};

/// Wei of one gwei.
const GWEI: u64 = 1_000_000_000;
/// Seconds for deployment, staking and bonds before the network's genesis.
const SETUP_SECONDS: u64 = 24;

/// Deploys the contracts, checks them, allow-lists and stakes every validator of the plan, and deposits the provers' bonds.
///
/// # Errors
/// The transaction or check that failed.
pub async fn deploy_and_stake(plan: &Plan, anvil: &Anvil) -> Result<Deployment> {
    let client = l1(plan, anvil, None).await?;
    let funded: PrivateKeySigner = FUNDED_KEY.parse()?;
    let (_, now) = anvil.head().await?;
    let staking_seconds = u64::try_from(plan.keys.div_ceil(stake::STAKERS))?.saturating_mul(2);
    let genesis_time = now.saturating_add(SETUP_SECONDS).saturating_add(staking_seconds);
    let deployment = deploy(&client, funded, plan, genesis_time).await?;
    l1(plan, anvil, Some(deployment.clone()))
        .await?
        .reader()?
        .verify_deployment(&plan.network)
        .await?;
    stake::validators(&client, plan, anvil, &deployment).await?;
    stake::provers(&client, plan, &deployment).await?;
    let (_, now) = anvil.head().await?;
    ensure!(
        now < genesis_time,
        "staking took until after the network's genesis; hint: the machine is too busy"
    );
    Ok(deployment)
}

async fn deploy(
    client: &L1Client,
    deployer: PrivateKeySigner,
    plan: &Plan,
    genesis_time: u64,
) -> Result<Deployment> {
    let nonce = client.nonce(deployer.address()).await?;
    let predicted = Predicted::of(deployer.address(), nonce);
    let deploy_block = client.head().await?.number.get();
    let network = &plan.network;
    let admin = key(&plan.seed, Role::AllowListAdmin, 0).address();
    let mut wallet = client.wallet(deployer);

    let config = config::registry(network, genesis_time, predicted);
    let registry = create(
        &mut wallet,
        "Registry",
        &Registry::BYTECODE,
        &Registry::constructorCall { _config: config }.abi_encode(),
    )
    .await?;
    let config = config::staking(network, registry.address, predicted.timelock, admin);
    let staking = create(
        &mut wallet,
        "Staking",
        &Staking::BYTECODE,
        &Staking::constructorCall { _config: config }.abi_encode(),
    )
    .await?;
    let config = config::prover_bonds(network, registry.address, predicted.timelock);
    let prover_bonds = create(
        &mut wallet,
        "ProverBonds",
        &ProverBonds::BYTECODE,
        &ProverBonds::constructorCall { _config: config }.abi_encode(),
    )
    .await?;
    let config = config::governance_proposer(network, registry.address, predicted.governance);
    let governance_proposer = create(
        &mut wallet,
        "GovernanceProposer",
        &GovernanceProposer::BYTECODE,
        &GovernanceProposer::constructorCall { _config: config }.abi_encode(),
    )
    .await?;
    let epoch_statement = create(&mut wallet, "EpochStatement", &EpochStatement::BYTECODE, &[]).await?;
    let verifier_code = match plan.verifier {
        Verifier::Real => &EpochProofVerifier::BYTECODE,
        Verifier::Test => &TestEpochProofVerifier::BYTECODE,
    };
    let epoch_proof_verifier = create(&mut wallet, "EpochProofVerifier", verifier_code, &[]).await?;
    let parts = Parts {
        registry: registry.address,
        staking: staking.address,
        prover_bonds: prover_bonds.address,
        governance_proposer: governance_proposer.address,
        epoch_statement: epoch_statement.address,
        epoch_proof_verifier: epoch_proof_verifier.address,
    };
    let config = config::rollup(network, parts);
    let mut rollup = create(
        &mut wallet,
        "Rollup",
        &Rollup::BYTECODE,
        &Rollup::constructorCall { _config: config }.abi_encode(),
    )
    .await?;
    let timelock = create(
        &mut wallet,
        "Timelock",
        &Timelock::BYTECODE,
        &Timelock::constructorCall {
            _delaySeconds: U256::from(network.governance.timelock_seconds),
            _governance: predicted.governance,
        }
        .abi_encode(),
    )
    .await?;
    let config = config::governance(network, parts, timelock.address)?;
    let governance = create(
        &mut wallet,
        "Governance",
        &Governance::BYTECODE,
        &Governance::constructorCall { _config: config }.abi_encode(),
    )
    .await?;
    for (created, expected) in [
        (&rollup, predicted.rollup),
        (&timelock, predicted.timelock),
        (&governance, predicted.governance),
    ] {
        ensure!(
            created.address == expected,
            "{} is at {}, the other contracts name {expected}; hint: another transaction of the deployer came between",
            created.name,
            created.address
        );
    }
    rollup.instance = Some(1);
    let inbox = DeployedContract {
        name: "Inbox".to_owned(),
        ..rollup.clone()
    };

    let mut contracts = vec![
        registry,
        staking,
        prover_bonds,
        governance_proposer,
        epoch_statement,
        epoch_proof_verifier,
        rollup,
        inbox,
        timelock,
        governance,
    ];
    for contract in &mut contracts {
        contract.code_hash = keccak256(client.code(contract.address).await?);
    }
    let genesis_id = client
        .call(
            predicted.rollup,
            Rollup::genesisIdCall {}.abi_encode().into(),
            At::Latest,
        )
        .await?;
    Ok(Deployment {
        network: network.network.name.clone(),
        chain_id: network.network.chain_id,
        deploy_block,
        genesis_time,
        genesis_ids: vec![Rollup::genesisIdCall::abi_decode_returns(&genesis_id)?],
        verifier_circuit_digest: B256::ZERO,
        contracts,
    })
}

async fn create(
    wallet: &mut L1Wallet,
    name: &str,
    code: &Bytes,
    arguments: &[u8],
) -> Result<DeployedContract> {
    let creation: Bytes = [code.as_ref(), arguments].concat().into();
    let outcome = wallet
        .deploy(creation)
        .await
        .wrap_err_with(|| format!("deploying {name}"))?;
    let SendOutcome::Mined(mined) = &outcome else {
        bail!("deploying {name}: {outcome}")
    };
    let address = mined
        .created
        .ok_or_else(|| eyre!("deploying {name}: the receipt names no contract"))?;
    tracing::debug!(name, %address, gas = mined.gas_used, "deployed");
    Ok(DeployedContract {
        name: name.to_owned(),
        address,
        code_hash: B256::ZERO,
        constructor_args: arguments.to_vec().into(),
        instance: None,
    })
}

fn wei(gwei: u64) -> U256 {
    U256::from(gwei).saturating_mul(U256::from(GWEI))
}
