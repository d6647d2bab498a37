//! Deploys an Agoge network on the devnet's L1 and stakes its validators.
//!
//! Registry and Rollup name each other: the Registry is created first, with the address that the deployer's nonce will give to the
//! Rollup, and the result is checked before anything is staked.

use agoge_contract_bindings::registry::Registry;
use agoge_contract_bindings::rollup::Rollup;
use agoge_contract_bindings::staking::Staking;
use agoge_l1_client::{At, L1Client, L1Wallet, Purpose, SendOutcome, TxRequest};
use agoge_protocol::deployment::DeployedContract;
use agoge_protocol::{Address, B256, Deployment, NetworkConfig, U256, keccak256};
use agoge_state_transition::tree::empty_root;
use alloy::primitives::Bytes;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::{SolCall, SolConstructor};
use eyre::{Context, Result, bail, ensure, eyre};

use crate::anvil::{Anvil, FUNDED_KEY};
use crate::keys::{Role, key, proof_of_possession};
use crate::network::l1;
use crate::plan::Plan;

/// Wei of one gwei.
const GWEI: u64 = 1_000_000_000;
/// Senders of stake deposits; each waits for its transactions one by one, so several share the work.
const STAKERS: usize = 8;
/// Seconds for deployment and staking before the network's genesis.
const SETUP_SECONDS: u64 = 12;

/// Deploys the contracts, checks them, allow-lists and stakes every validator of the plan.
///
/// # Errors
/// The transaction or check that failed.
pub async fn deploy_and_stake(plan: &Plan, anvil: &Anvil) -> Result<Deployment> {
    let client = l1(plan, anvil, None).await?;
    let funded: PrivateKeySigner = FUNDED_KEY.parse()?;
    let (_, now) = anvil.head().await?;
    let staking_seconds = u64::try_from(plan.keys.div_ceil(STAKERS))?.saturating_mul(2);
    let genesis_time = now.saturating_add(SETUP_SECONDS).saturating_add(staking_seconds);
    let deployment = deploy(&client, funded, plan, genesis_time).await?;
    l1(plan, anvil, Some(deployment.clone()))
        .await?
        .reader()?
        .verify_deployment(&plan.network)
        .await?;
    stake(&client, plan, anvil, &deployment).await?;
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
    let rollup_address = deployer.address().create(nonce.saturating_add(2));
    let deploy_block = client.head().await?.number.get();
    let network = &plan.network;
    let admin = key(&plan.seed, Role::AllowListAdmin, 0).address();
    let mut wallet = client.wallet(deployer);

    let config = registry_config(network, genesis_time, rollup_address);
    let registry = create(
        &mut wallet,
        "Registry",
        &Registry::BYTECODE,
        Registry::constructorCall { _config: config },
    )
    .await?;
    let config = staking_config(network, registry.address, admin);
    let staking = create(
        &mut wallet,
        "Staking",
        &Staking::BYTECODE,
        Staking::constructorCall { _config: config },
    )
    .await?;
    let config = rollup_config(network, registry.address, staking.address);
    let mut rollup = create(
        &mut wallet,
        "Rollup",
        &Rollup::BYTECODE,
        Rollup::constructorCall { _config: config },
    )
    .await?;
    ensure!(
        rollup.address == rollup_address,
        "the Rollup is at {}, the Registry names {rollup_address}",
        rollup.address
    );
    rollup.instance = Some(1);
    let inbox = DeployedContract {
        name: "Inbox".to_owned(),
        ..rollup.clone()
    };

    let mut contracts = vec![registry, staking, rollup, inbox];
    for contract in &mut contracts {
        contract.code_hash = keccak256(client.code(contract.address).await?);
    }
    let genesis_id = client
        .call(
            rollup_address,
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
    constructor: impl SolConstructor,
) -> Result<DeployedContract> {
    let arguments = constructor.abi_encode();
    let creation: Bytes = [code.as_ref(), &arguments].concat().into();
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
        constructor_args: arguments.into(),
        instance: None,
    })
}

/// Nobody has this address's key: until Governance is deployed, nobody has its powers and its share of slashed stake is burnt.
fn no_governance() -> Address {
    Address::from_word(keccak256("agoge: no governance"))
}

fn registry_config(
    network: &NetworkConfig,
    genesis_time: u64,
    first_instance: Address,
) -> Registry::RegistryConfig {
    Registry::RegistryConfig {
        genesisTime: U256::from(genesis_time),
        slotSeconds: U256::from(network.protocol.slot_seconds),
        epochSlots: U256::from(network.protocol.epoch_slots),
        setLagEpochs: U256::from(network.protocol.set_lag_epochs),
        activationDelayEpochs: U256::from(network.governance.activation_delay_epochs),
        governance: no_governance(),
        firstInstance: first_instance,
    }
}

fn staking_config(network: &NetworkConfig, registry: Address, admin: Address) -> Staking::StakingConfig {
    let staking = &network.staking;
    Staking::StakingConfig {
        registry,
        treasury: no_governance(),
        allowListAdmin: admin,
        activationStake: wei(staking.activation_stake_gwei),
        minimumStake: wei(staking.ejection_stake_gwei),
        entriesPerEpoch: U256::from(staking.entry_queue_per_epoch),
        exitDelaySeconds: U256::from(staking.exit_delay_seconds),
        slashBps: U256::from(staking.slash_bps),
        reporterBps: U256::from(staking.reporter_share_bps),
        isAllowListOn: staking.is_allow_listed,
    }
}

fn rollup_config(network: &NetworkConfig, registry: Address, staking: Address) -> Rollup::RollupConfig {
    let (protocol, proving) = (&network.protocol, &network.proving);
    Rollup::RollupConfig {
        registry,
        staking,
        epochProofVerifier: Address::ZERO,
        genesisArchive: empty_root().to_b256(),
        committeeSize: U256::from(protocol.committee_size),
        entropyLagEpochs: U256::from(protocol.entropy_lag_epochs),
        proofWindowEpochs: U256::from(proving.proof_window_epochs),
        ringSize: U256::from(proving.ring_blocks),
        inboxLagSlots: U256::from(protocol.inbox_lag_slots),
        depositsPerBlockMax: U256::from(protocol.block_deposits_max),
        minimumDepositGwei: U256::from(network.fees.deposit_min_gwei),
    }
}

fn wei(gwei: u64) -> U256 {
    U256::from(gwei).saturating_mul(U256::from(GWEI))
}

async fn stake(client: &L1Client, plan: &Plan, anvil: &Anvil, deployment: &Deployment) -> Result<()> {
    let staking = deployment.address("Staking")?;
    let attesters: Vec<_> = (0..plan.keys)
        .map(|number| key(&plan.seed, Role::Attester, number))
        .collect();
    let stakes = u128::from(plan.network.staking.activation_stake_gwei).saturating_mul(u128::from(GWEI));
    let funds = stakes
        .saturating_mul(u128::try_from(plan.keys)?)
        .saturating_add(1_000_000_000_000_000_000);
    if plan.network.staking.is_allow_listed {
        let admin = key(&plan.seed, Role::AllowListAdmin, 0);
        anvil.set_balance(admin.address(), funds).await?;
        let addresses = attesters.iter().map(PrivateKeySigner::address).collect();
        let allow = Staking::setAllowedCall {
            _attesters: addresses,
            _isAllowed: true,
        }
        .abi_encode();
        send(
            &mut client.wallet(admin),
            TxRequest::call(staking, allow.into(), Purpose::named("allow-list")),
        )
        .await?;
    }

    // Deposits of different senders share L1 blocks.
    let mut shares = tokio::task::JoinSet::new();
    for share in 0..STAKERS.min(plan.keys) {
        // Withdrawer n pays for validators n, n + STAKERS, ...
        let payer = key(&plan.seed, Role::Withdrawer, share);
        anvil.set_balance(payer.address(), funds).await?;
        let mut wallet = client.wallet(payer);
        let requests = attesters
            .iter()
            .enumerate()
            .filter(|(number, _)| number.checked_rem(STAKERS) == Some(share))
            .map(|(number, attester)| deposit_request(plan, deployment, staking, number, attester))
            .collect::<Result<Vec<_>>>()?;
        shares.spawn(async move {
            for request in requests {
                send(&mut wallet, request).await?;
            }
            Ok::<_, eyre::Report>(())
        });
    }
    while let Some(share) = shares.join_next().await {
        share??;
    }
    Ok(())
}

fn deposit_request(
    plan: &Plan,
    deployment: &Deployment,
    staking: Address,
    number: usize,
    attester: &PrivateKeySigner,
) -> Result<TxRequest> {
    let withdrawer = key(&plan.seed, Role::Withdrawer, number).address();
    let proof = proof_of_possession(attester, withdrawer, 0, deployment.chain_id, staking)
        .ok_or_else(|| eyre!("attester {number} cannot sign"))?;
    let call = Staking::depositCall {
        _attester: attester.address(),
        _withdrawer: withdrawer,
        _proofOfPossession: Bytes::copy_from_slice(proof.as_bytes()),
    };
    let mut request = TxRequest::call(staking, call.abi_encode().into(), Purpose::named("stake"));
    request.value = wei(plan.network.staking.activation_stake_gwei);
    Ok(request)
}

async fn send(wallet: &mut L1Wallet, request: TxRequest) -> Result<()> {
    match wallet.send(request).await? {
        SendOutcome::Mined(_) => Ok(()),
        outcome => bail!("{outcome}"),
    }
}
