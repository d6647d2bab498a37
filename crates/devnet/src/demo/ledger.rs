//! What proven blocks earned in fees, and who has it on L1.

use std::collections::BTreeSet;

use agoge_contract_bindings::prover_bonds::ProverBonds;
use agoge_contract_bindings::rollup::Rollup;
use agoge_l1_client::At;
use agoge_protocol::{Address, Epoch, L2BlockNumber, U256};
use alloy::sol_types::SolCall;
use eyre::{Result, eyre};

use crate::keys::{Role, key};
use crate::network::Devnet;
use crate::watch::ClaimState;

/// Wei of one gwei.
const GWEI: u64 = 1_000_000_000;

/// Fees of proven blocks, wei, as of one L1 block.
pub(super) struct Fees {
    /// Sum of the blocks' total fees.
    pub(super) earned: U256,
    /// What may be pulled of it.
    pub(super) credited: U256,
    /// What of that is the proposers'.
    pub(super) proposers: U256,
    /// What of that is the provers'.
    pub(super) provers: U256,
    /// What waits for the outcome of a claim.
    pub(super) reserved: U256,
}

/// Reads them at L1's head. Nobody has pulled fees yet.
pub(super) async fn fees(devnet: &Devnet) -> Result<Fees> {
    let head = devnet.l1.head().await?;
    let at = At::Block(head.hash);
    let proven = devnet.reader.tips_at(at, head.time).await?.proven.get();
    let node = devnet
        .nodes
        .first()
        .ok_or_else(|| eyre!("there are no nodes"))?
        .rpc()?;
    let (mut earned, mut epochs) = (U256::ZERO, BTreeSet::new());
    for number in 1..=proven {
        let block = node.block(L2BlockNumber::new(number)).await?;
        let header = block
            .ok_or_else(|| eyre!("the node has no block {number}"))?
            .header;
        earned = earned.saturating_add(wei(header.total_fees));
        epochs.insert(devnet.timing().epoch_of(header.slot));
    }
    let sum = async |contract: &str, role: Role, count: usize| -> Result<U256> {
        let mut sum = U256::ZERO;
        for number in 0..count {
            let account = key(&devnet.plan.seed, role, number).address();
            sum = sum.saturating_add(owed(devnet, contract, account, at).await?);
        }
        Ok(sum)
    };
    // A node's fees go to its publisher unless it says otherwise.
    let proposers = sum("Rollup", Role::Publisher, devnet.plan.procs).await?;
    let provers = sum("Rollup", Role::Prover, devnet.plan.provers)
        .await?
        .saturating_add(sum("ProverBonds", Role::Prover, devnet.plan.provers).await?);
    let mut reserved = U256::ZERO;
    for epoch in epochs {
        reserved = reserved.saturating_add(reserved_of(devnet, epoch, at).await?);
    }
    Ok(Fees {
        earned,
        credited: proposers.saturating_add(provers),
        proposers,
        provers,
        reserved,
    })
}

async fn owed(devnet: &Devnet, contract: &str, account: Address, at: At) -> Result<U256> {
    let call = Rollup::owedCall { account };
    let address = devnet.deployment.address(contract)?;
    let answer = devnet.l1.call(address, call.abi_encode().into(), at).await?;
    Ok(Rollup::owedCall::abi_decode_returns(&answer)?)
}

async fn reserved_of(devnet: &Devnet, epoch: Epoch, at: At) -> Result<U256> {
    let call = ProverBonds::claimOfCall {
        _instance: devnet.deployment.address("Rollup")?,
        _epoch: U256::from(epoch.get()),
    };
    let bonds = devnet.deployment.address("ProverBonds")?;
    let answer = devnet.l1.call(bonds, call.abi_encode().into(), at).await?;
    let claim = ProverBonds::claimOfCall::abi_decode_returns(&answer)?;
    // A settled claim remembers what it had reserved.
    Ok(if claim.state == ClaimState::Claimed as u8 {
        wei(claim.reservedGwei)
    } else {
        U256::ZERO
    })
}

fn wei(gwei: u64) -> U256 {
    U256::from(gwei).saturating_mul(U256::from(GWEI))
}
