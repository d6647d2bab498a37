//! The parts of L1's JSON that are read. Unknown fields are ignored, so a fork that adds some changes nothing here.

use agoge_protocol::{L1Block, L1BlockNumber};
use alloy::primitives::{Address, B256, Bloom, Bytes, U64, U128, U256};
use serde::Deserialize;

/// A block header as `eth_getBlockBy*` gives it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HeaderJson {
    pub(crate) number: U64,
    pub(crate) hash: B256,
    pub(crate) parent_hash: B256,
    pub(crate) timestamp: U64,
    #[serde(default)]
    pub(crate) mix_hash: B256,
    #[serde(default)]
    pub(crate) logs_bloom: Bloom,
    #[serde(default)]
    pub(crate) base_fee_per_gas: Option<U128>,
}

impl HeaderJson {
    pub(crate) fn block(&self) -> L1Block {
        L1Block {
            number: L1BlockNumber::new(self.number.to()),
            hash: self.hash,
            parent_hash: self.parent_hash,
            time: self.timestamp.to(),
            prevrandao: self.mix_hash,
        }
    }
}

/// A log as `eth_getLogs` gives it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LogJson {
    pub(crate) address: Address,
    pub(crate) topics: Vec<B256>,
    pub(crate) data: Bytes,
    pub(crate) block_hash: B256,
    pub(crate) block_number: U64,
    pub(crate) log_index: U64,
    #[serde(default)]
    pub(crate) removed: bool,
}

/// A receipt as `eth_getTransactionReceipt` gives it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReceiptJson {
    pub(crate) status: U64,
    pub(crate) block_hash: B256,
    pub(crate) block_number: U64,
    pub(crate) gas_used: U64,
    #[serde(default)]
    pub(crate) effective_gas_price: U256,
    #[serde(default)]
    pub(crate) blob_gas_used: U256,
    #[serde(default)]
    pub(crate) blob_gas_price: U256,
    #[serde(default)]
    pub(crate) contract_address: Option<Address>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_forks_to_come_are_read() {
        let text = r#"{"number":"0x8c","hash":"0x1111111111111111111111111111111111111111111111111111111111111111",
            "parentHash":"0x2222222222222222222222222222222222222222222222222222222222222222","timestamp":"0x6ac4f8a0",
            "mixHash":"0x3333333333333333333333333333333333333333333333333333333333333333","baseFeePerGas":"0x7",
            "blockAccessListHash":"0x4444444444444444444444444444444444444444444444444444444444444444","slotNumber":"0xac5f00",
            "fieldOfTheNextFork":{"a":[1]},"transactions":[]}"#;
        let block = serde_json::from_str::<HeaderJson>(text).unwrap().block();
        assert_eq!((block.number.get(), block.time), (0x8c, 0x6ac4_f8a0));
        assert_eq!(block.prevrandao, B256::repeat_byte(0x33));
        assert_eq!(block.parent_hash, B256::repeat_byte(0x22));
    }
}
