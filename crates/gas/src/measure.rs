//! Running a recorded call under the rules of a fork.

use eyre::{Result, bail};
use revm::context::{CfgEnv, Context, TxEnv};
use revm::database::{CacheDB, EmptyDB};
use revm::primitives::TxKind;
use revm::primitives::hardfork::SpecId;
use revm::state::{AccountInfo, Bytecode};
use revm::{ExecuteEvm, MainBuilder, MainContext};

use crate::call::RecordedCall;

/// More than any call of ours may take: what is measured is what it uses.
const GAS_LIMIT: u64 = 200_000_000;

/// Rules of an L1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fork {
    /// What forge and anvil know.
    Osaka,
    /// What Sepolia runs: dearer calldata (EIP-7976) and state (EIP-8037).
    Amsterdam,
}

impl Fork {
    /// All that are measured.
    pub(crate) const ALL: [Self; 2] = [Self::Osaka, Self::Amsterdam];

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Osaka => "osaka",
            Self::Amsterdam => "amsterdam",
        }
    }

    const fn spec(self) -> SpecId {
        match self {
            Self::Osaka => SpecId::OSAKA,
            Self::Amsterdam => SpecId::AMSTERDAM,
        }
    }
}

/// What a call costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Measured {
    /// What the sender pays for.
    pub(crate) total: u64,
    /// What counts against the cap of a transaction, 16,777,216.
    pub(crate) regular: u64,
    /// What new state costs, outside that cap (Amsterdam only).
    pub(crate) state: u64,
    /// The least that the calldata cost.
    pub(crate) floor: u64,
    /// Length of the calldata.
    pub(crate) bytes: usize,
}

/// Runs the call; one that reverts or halts is an error.
pub(crate) fn run(call: &RecordedCall, fork: Fork) -> Result<Measured> {
    let mut state = CacheDB::new(EmptyDB::default());
    for (address, account) in &call.accounts {
        // A forge test, which is a contract, stands for the account that sends a transaction.
        let code = if *address == call.from {
            Bytecode::default()
        } else {
            Bytecode::new_raw(account.code.clone())
        };
        let info = AccountInfo::new(account.balance, account.nonce, code.hash_slow(), code);
        state.insert_account_info(*address, info);
        for (slot, value) in &account.storage {
            state.insert_account_storage(*address, (*slot).into(), (*value).into())?;
        }
    }
    let nonce = call.accounts.get(&call.from).map_or(0, |account| account.nonce);
    let mut config = CfgEnv::new_with_spec(fork.spec()).with_chain_id(call.chain_id);
    config.tx_gas_limit_cap = Some(u64::MAX);
    config.disable_balance_check = true;
    let context = Context::mainnet()
        .with_db(state)
        .with_cfg(config)
        .modify_block_chained(|block| {
            block.number = call.block_number;
            block.timestamp = call.timestamp;
            block.gas_limit = u64::MAX;
            block.basefee = 0;
        });
    let mut tx = TxEnv::builder()
        .caller(call.from)
        .kind(TxKind::Call(call.to))
        .data(call.data.clone())
        .value(call.value)
        .gas_limit(GAS_LIMIT)
        .gas_price(0)
        .nonce(nonce)
        .chain_id(Some(call.chain_id));
    if !call.blob_hashes.is_empty() {
        // Blob gas has a price of its own and is not measured here.
        tx = tx
            .blob_hashes(call.blob_hashes.clone())
            .max_fee_per_blob_gas(u128::MAX)
            .gas_priority_fee(Some(0));
    }
    let tx = tx.build().map_err(|error| eyre::eyre!("{error:?}"))?;
    let result = context.build_mainnet().transact(tx)?.result;
    if !result.is_success() {
        bail!("the call fails under {}: {result:?}", fork.name());
    }
    let gas = result.gas();
    Ok(Measured {
        total: gas.tx_gas_used(),
        regular: gas.block_regular_gas_used(),
        state: gas.block_state_gas_used(),
        floor: gas.floor_gas(),
        bytes: call.data.len(),
    })
}
