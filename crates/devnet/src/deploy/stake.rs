//! Stakes the validators and bonds the provers.

use agoge_contract_bindings::prover_bonds::ProverBonds;
use agoge_contract_bindings::staking::Staking;
use agoge_l1_client::{L1Client, L1Wallet, Purpose, SendOutcome, TxRequest};
use agoge_protocol::{Address, Deployment};
use alloy::primitives::Bytes;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall;
use eyre::{Result, bail, eyre};

use super::{GWEI, wei};
use crate::anvil::Anvil;
use crate::keys::{Role, key, proof_of_possession};
use crate::plan::Plan;

/// Senders of stake deposits; each waits for its transactions one by one, so several share the work.
pub(super) const STAKERS: usize = 8;
/// Epochs that a prover's deposit can be bonded for at once.
const BONDS: u64 = 8;

/// Allow-lists and stakes every validator of the plan.
pub(super) async fn validators(
    client: &L1Client,
    plan: &Plan,
    anvil: &Anvil,
    deployment: &Deployment,
) -> Result<()> {
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

/// Deposits every prover's bonds, paid by itself.
pub(super) async fn provers(client: &L1Client, plan: &Plan, deployment: &Deployment) -> Result<()> {
    let bonds = deployment.address("ProverBonds")?;
    for number in 0..plan.provers {
        let prover = key(&plan.seed, Role::Prover, number);
        let call = ProverBonds::depositCall {
            _prover: prover.address(),
        };
        let mut request = TxRequest::call(bonds, call.abi_encode().into(), Purpose::named("bond"));
        request.value = wei(plan.network.proving.bond_min_gwei.saturating_mul(BONDS));
        send(&mut client.wallet(prover), request).await?;
    }
    Ok(())
}
