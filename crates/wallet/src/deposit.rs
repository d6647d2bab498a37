//! Deposits: from an L1 account into the instance's inbox.

use agoge_contract_bindings::rollup::Rollup;
use agoge_l1_client::{Purpose, TxRequest};
use agoge_protocol::exit::ExitCode;
use agoge_protocol::note::next_inbox_hash;
use agoge_protocol::{B256, Ciphertext, Digest, ShieldedAddress, U256};
use alloy::primitives::Bytes;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall;
use rand::RngCore;

use crate::cipher::WeakViewingKey;
use crate::l1::{GWEI, L1Error, L1Rollup};
use crate::seed::Seed;
use crate::transfer::deposit_note;

/// Why a deposit failed.
#[derive(Debug, thiserror::Error)]
pub enum DepositError {
    /// L1 could not be asked or told.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// The recipient's viewing key is unusable.
    #[error(transparent)]
    Recipient(#[from] WeakViewingKey),
    /// Mined, but the inbox has no such entry: L1 reorganised under it.
    #[error(
        "L1 mined {l1_tx}, but no inbox entry came of it; hint: L1 may have reorganised, look again with agoge-wallet balance"
    )]
    NotInInbox {
        /// The transaction.
        l1_tx: B256,
    },
}

impl DepositError {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::L1(error) => error.exit_code(),
            Self::Recipient(_) | Self::NotInInbox { .. } => ExitCode::Failed,
        }
    }
}

/// A deposit that is on L1.
pub(crate) struct Made {
    /// Inbox index.
    pub(crate) index: u64,
    /// What the inbox keeps of the note.
    pub(crate) partial: Digest,
    /// L1 transaction.
    pub(crate) l1_tx: B256,
}

/// Pays `gwei` from an L1 account into a note of `to`.
pub(crate) async fn deposit_to_inbox(
    seed: &Seed,
    to: &ShieldedAddress,
    gwei: u64,
    rollup: &L1Rollup,
    key: PrivateKeySigner,
) -> Result<Made, DepositError> {
    let mut salt = [0; 32];
    rand::rngs::OsRng.fill_bytes(&mut salt);
    let (partial, ciphertext) = deposit_note(seed, to, gwei, salt)?;
    let mut request = TxRequest::call(
        rollup.address,
        calldata(partial, &ciphertext),
        Purpose::named("deposit"),
    );
    request.value = U256::from(gwei).saturating_mul(U256::from(GWEI));
    let l1_tx = rollup.send(key, request).await?.hash;
    let index = find(rollup, partial, gwei)
        .await?
        .ok_or(DepositError::NotInInbox { l1_tx })?;
    Ok(Made {
        index,
        partial,
        l1_tx,
    })
}

fn calldata(partial: Digest, ciphertext: &Ciphertext) -> Bytes {
    let call = Rollup::depositCall {
        _partialCommitment: partial.to_b256(),
        _ciphertext: ciphertext.to_bytes().to_vec().into(),
    };
    call.abi_encode().into()
}

/// The inbox entry that a deposit became, found by its rolling hash among the newest ones.
async fn find(rollup: &L1Rollup, partial: Digest, value: u64) -> Result<Option<u64>, L1Error> {
    /// Deposits that others may have made since.
    const NEWEST: u64 = 64;
    let count = rollup.view(&Rollup::inboxCountCall {}).await?;
    let count = u64::try_from(count).unwrap_or_default();
    let mut after = None;
    for index in (count.saturating_sub(NEWEST)..count).rev() {
        let hash = inbox_hash(rollup, index).await?;
        if after.is_some_and(|(_, after)| next_inbox_hash(hash, partial, value) == after) {
            return Ok(after.map(|(index, _)| index));
        }
        after = Some((index, hash));
    }
    // The first entry of all follows on the empty inbox.
    let is_first = after
        .is_some_and(|(index, after)| index == 0 && next_inbox_hash(B256::ZERO, partial, value) == after);
    Ok(is_first.then_some(0))
}

async fn inbox_hash(rollup: &L1Rollup, index: u64) -> Result<B256, L1Error> {
    let call = Rollup::inboxCall {
        _index: U256::from(index),
    };
    Ok(B256::from(rollup.view(&call).await?.rollingHash))
}
