//! Withdrawals: how far each has come, and the pull on L1 that ends it.
//!
//! A withdrawal is queued, then in a block, then in a proven block: that proof's settlement credits the recipient on L1, who pulls the
//! credit from the Rollup. A pull takes all that the account is owed, so what is left there is always the newest credits.

use std::collections::BTreeMap;

use agoge_contract_bindings::rollup::Rollup;
use agoge_l1_client::{Purpose, TxRequest};
use agoge_protocol::exit::ExitCode;
use agoge_protocol::{Address, B256, L2BlockNumber, TxId, U256, Withdrawal};
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall;
use serde::Serialize;

use crate::book::Book;
use crate::l1::{GWEI, L1Error, L1Rollup};

/// How far a withdrawal has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Stage {
    /// Handed to a node, in no block that was read.
    Queued {
        /// The transaction.
        id: TxId,
    },
    /// In a block that is not proven: it can still be pruned.
    Mined {
        /// The block.
        block: L2BlockNumber,
    },
    /// In a proven block: L1 has credited it. L1 was not asked whether it was pulled.
    Proven {
        /// The block.
        block: L2BlockNumber,
    },
    /// L1 owes it to the recipient, who may pull it.
    Credited {
        /// The block.
        block: L2BlockNumber,
    },
    /// The recipient has pulled it.
    Pulled {
        /// The block.
        block: L2BlockNumber,
    },
}

/// All withdrawals of a book with their stages, oldest first, as of a proven tip.
pub fn stages(book: &Book, proven: L2BlockNumber) -> Vec<(Withdrawal, Stage)> {
    let mined = book.withdrawals().map(|mined| {
        let block = mined.block;
        let stage = if block <= proven {
            Stage::Proven { block }
        } else {
            Stage::Mined { block }
        };
        (mined.withdrawal, stage)
    });
    let queued = book
        .under_way()
        .filter(|sent| sent.withdrawal.amount > 0)
        .map(|sent| (sent.withdrawal, Stage::Queued { id: sent.id }));
    mined.chain(queued).collect()
}

/// Tells proven withdrawals that are still to be pulled from pulled ones, by what L1 owes each recipient in wei.
///
/// The newest count first, since a pull leaves nothing behind. An account that others pay too, or that earns fees, is owed more than this
/// wallet's withdrawals: then one that was pulled can look credited, never the other way round.
///
/// `proven` is the proven tip where L1 was asked, which may be behind the node's: what is proven after it is not credited there yet.
pub fn settle(stages: &mut [(Withdrawal, Stage)], owed: &BTreeMap<Address, U256>, proven: L2BlockNumber) {
    let mut left = owed.clone();
    for (withdrawal, stage) in stages.iter_mut().rev() {
        let (Stage::Proven { block }, Some(left)) = (*stage, left.get_mut(&withdrawal.recipient)) else {
            continue;
        };
        if block > proven {
            continue;
        }
        *stage = if left.is_zero() {
            Stage::Pulled { block }
        } else {
            Stage::Credited { block }
        };
        *left = left.saturating_sub(U256::from(withdrawal.amount).saturating_mul(U256::from(GWEI)));
    }
}

/// Why nothing was pulled.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// L1 could not be asked or told.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// The account has no credit.
    #[error(
        "the Rollup owes {account} nothing; hint: a withdrawal is credited when its block is proven, see agoge-wallet withdrawals"
    )]
    NothingOwed {
        /// The L1 account.
        account: Address,
    },
    /// It would be burnt.
    #[error("--to is the zero address, which nobody has the key of")]
    ZeroRecipient,
}

impl ClaimError {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::L1(error) => error.exit_code(),
            Self::NothingOwed { .. } => ExitCode::Precondition,
            Self::ZeroRecipient => ExitCode::Usage,
        }
    }
}

/// A credit that was pulled.
pub(crate) struct Claimed {
    /// What was owed, wei.
    pub(crate) wei: U256,
    /// L1 transaction.
    pub(crate) l1_tx: B256,
}

/// Pulls all that the Rollup owes an account to `to`.
pub(crate) async fn claim(
    rollup: &L1Rollup,
    key: PrivateKeySigner,
    to: Address,
) -> Result<Claimed, ClaimError> {
    let account = key.address();
    let wei = rollup.owed(account).await?;
    if wei.is_zero() {
        return Err(ClaimError::NothingOwed { account });
    }
    let call = Rollup::withdrawCall { _recipient: to };
    let request = TxRequest::call(
        rollup.address,
        call.abi_encode().into(),
        Purpose::named("withdraw"),
    );
    let l1_tx = rollup.send(key, request).await?.hash;
    Ok(Claimed { wei, l1_tx })
}
