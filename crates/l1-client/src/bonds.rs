//! Typed views of ProverBonds, and what any contract owes.

use agoge_contract_bindings::prover_bonds::ProverBonds;
use agoge_contract_bindings::rollup::Rollup;
use agoge_protocol::chain::ClaimOutcome;
use agoge_protocol::{Address, B256, Epoch, SignedQuote, Slot, U256};
use alloy::sol_types::SolCall;

use crate::call::{At, CallError, view, view_at_time};
use crate::proving::{BlockRange, block_range, signed_quote};
use crate::reader::{RollupReader, small};

/// What a prover has in ProverBonds, wei.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProverAccount {
    /// All that is deposited.
    pub deposited: u128,
    /// Part of it that bonds hold.
    pub locked: u128,
    /// Part of it that is about to leave.
    pub withdrawing: u128,
    /// Unix seconds from which it may; 0 if nothing is.
    pub withdrawable_at: u64,
}

impl ProverAccount {
    /// What the prover's next quotes may lock.
    pub const fn available(&self) -> u128 {
        self.deposited
            .saturating_sub(self.locked)
            .saturating_sub(self.withdrawing)
    }
}

/// A claimed epoch as L1 has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The claimant.
    pub prover: Address,
    /// Its share of the fees.
    pub basis_point_fee: u16,
    /// Its bond, wei.
    pub bond_wei: u128,
    /// Blocks of the epoch that were unproven when it was claimed.
    pub blocks: u16,
    /// Those of them that are proven.
    pub proven_blocks: u16,
    /// Shares that wait for the outcome, gwei.
    pub reserved_gwei: u64,
    /// First slot in which it can no longer deliver; `None` while the epoch before is not proven.
    pub deadline: Option<Slot>,
    /// First slot in which no block of the epoch can be proven.
    pub window_end: Slot,
    /// Its end; `None` while it is open.
    pub outcome: Option<ClaimOutcome>,
}

impl RollupReader {
    /// What a prover has in ProverBonds.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn prover_account(&self, at: At, prover: Address) -> Result<ProverAccount, CallError> {
        let call = ProverBonds::accountOfCall { _prover: prover };
        let account = view(self.rpc(), self.contracts().prover_bonds, &call, at).await?;
        Ok(ProverAccount {
            deposited: account.deposited,
            locked: account.locked,
            withdrawing: account.withdrawing,
            withdrawable_at: account.withdrawableAt,
        })
    }

    /// The claim of an epoch of this Rollup.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn claim_of(&self, at: At, epoch: Epoch) -> Result<Option<Claim>, CallError> {
        let call = ProverBonds::claimOfCall {
            _instance: self.contracts().rollup,
            _epoch: U256::from(epoch.get()),
        };
        let claim = view(self.rpc(), self.contracts().prover_bonds, &call, at).await?;
        let outcome = match claim.state {
            0 => return Ok(None),
            1 => None,
            2 => Some(ClaimOutcome::Delivered),
            3 => Some(ClaimOutcome::Defaulted),
            4 => Some(ClaimOutcome::Released),
            _ => {
                return Err(CallError::OutOfRange {
                    function: ProverBonds::claimOfCall::SIGNATURE,
                    field: "state",
                });
            }
        };
        Ok(Some(Claim {
            prover: claim.prover,
            basis_point_fee: claim.basisPointFee,
            bond_wei: claim.bondAmount,
            blocks: claim.blocks,
            proven_blocks: claim.provenBlocks,
            reserved_gwei: claim.reservedGwei,
            deadline: (claim.deadlineSlot != 0).then(|| Slot::new(claim.deadlineSlot)),
            window_end: Slot::new(claim.windowEndSlot),
            outcome,
        }))
    }

    /// The digest of a quote that could be claimed in an L1 block of time `time` (Unix seconds) on top of the head: all checks of a claim
    /// (signature, bond, epoch, archive, window) but who claims and what is claimed already.
    ///
    /// # Errors
    /// [`CallError`]; `ProverBonds__*` and `Rollup__NotTheEpochsBlocks` name what is wrong.
    pub async fn quote_digest_if_claimable(
        &self,
        time: u64,
        signed: &SignedQuote,
        epoch: BlockRange,
    ) -> Result<B256, CallError> {
        let call = ProverBonds::quoteDigestIfClaimableCall {
            _signed: signed_quote(signed),
            _range: block_range(epoch),
        };
        view_at_time(self.rpc(), self.contracts().prover_bonds, &call, time).await
    }

    /// Whether a quote was claimed before.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn is_quote_used(&self, at: At, digest: B256) -> Result<bool, CallError> {
        let call = ProverBonds::isQuoteUsedCall { digest };
        view(self.rpc(), self.contracts().prover_bonds, &call, at).await
    }

    /// What one of the contracts that pay by pulling (Rollup, ProverBonds, Staking) owes an account, wei.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn owed_by(&self, contract: Address, account: Address) -> Result<U256, CallError> {
        view(self.rpc(), contract, &Rollup::owedCall { account }, At::Latest).await
    }

    /// Whether blocks of an epoch may be appended with their proof by anyone.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn is_open_to_all(&self, at: At, epoch: Epoch) -> Result<bool, CallError> {
        let call = Rollup::isOpenToAllCall {
            _epoch: U256::from(epoch.get()),
        };
        view(self.rpc(), self.contracts().rollup, &call, at).await
    }

    /// Seconds from the start to the end of a bond's withdrawal, and the least bond of a quote in wei.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn bond_rules(&self) -> Result<(u64, U256), CallError> {
        let config = view(
            self.rpc(),
            self.contracts().prover_bonds,
            &ProverBonds::configCall {},
            At::Latest,
        )
        .await?;
        let function = ProverBonds::configCall::SIGNATURE;
        Ok((
            small(function, "withdrawalDelaySeconds", config.withdrawalDelaySeconds)?,
            config.minimumBond,
        ))
    }
}
