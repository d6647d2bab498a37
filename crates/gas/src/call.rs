//! A call and the state that it reads, as a forge test records them (`contracts/test/support/TransactionGas.sol`).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use eyre::{Result, WrapErr};
use revm::primitives::{Address, B256, Bytes, U256};
use serde::Deserialize;

/// Largest file that is read.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// A call with everything that it depends on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordedCall {
    /// What is measured.
    pub(crate) name: String,
    /// File of the state before the call, relative to this file.
    alloc: String,
    /// Sender.
    pub(crate) from: Address,
    /// Contract.
    pub(crate) to: Address,
    /// Wei sent along.
    #[serde(default)]
    pub(crate) value: U256,
    /// Calldata.
    pub(crate) data: Bytes,
    /// Versioned hashes of the transaction's blobs.
    #[serde(default)]
    pub(crate) blob_hashes: Vec<B256>,
    /// Number of the L1 block.
    pub(crate) block_number: U256,
    /// Its time.
    pub(crate) timestamp: U256,
    /// Chain id.
    #[serde(deserialize_with = "quantity")]
    pub(crate) chain_id: u64,
    /// The state, from the file `alloc`.
    #[serde(skip)]
    pub(crate) accounts: BTreeMap<Address, Account>,
}

/// An account of the state.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Account {
    /// Wei.
    pub(crate) balance: U256,
    /// Nonce.
    #[serde(deserialize_with = "quantity")]
    pub(crate) nonce: u64,
    /// Code.
    pub(crate) code: Bytes,
    /// Storage.
    pub(crate) storage: BTreeMap<B256, B256>,
}

impl RecordedCall {
    /// Reads a call and its state.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let mut call: Self = serde_json::from_str(&text(path)?)?;
        let alloc = path.with_file_name(&call.alloc);
        call.accounts = text(&alloc)
            .and_then(|text| Ok(serde_json::from_str(&text)?))
            .wrap_err_with(|| alloc.display().to_string())?;
        Ok(call)
    }
}

fn text(path: &Path) -> Result<String> {
    let length = fs::metadata(path)?.len();
    eyre::ensure!(
        length <= FILE_BYTES_MAX,
        "{length} bytes, more than {FILE_BYTES_MAX}"
    );
    Ok(fs::read_to_string(path)?)
}

/// A number or a hexadecimal string: both occur in dumped states.
fn quantity<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = U256::deserialize(deserializer)?;
    u64::try_from(number).map_err(serde::de::Error::custom)
}
