//! What a caller asks of a sender and what it is told.

use std::sync::Arc;

use agoge_protocol::exit::ExitCode;
use agoge_protocol::{Address, B256, Slot, U256, keccak256};
use alloy::primitives::Bytes;
use borsh::{BorshDeserialize, BorshSerialize};

use crate::kzg::Sidecar;
use crate::revert::RevertReason;

/// Bytes of a purpose's name.
const NAME_BYTES_MAX: usize = 32;

/// Why a transaction is sent. At most one `propose` of a slot is ever sent by a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Purpose {
    name: String,
    once: Option<u64>,
}

impl Purpose {
    /// Publication of a slot's block. A second one with other bytes is refused, whatever became of the first.
    pub fn propose(slot: Slot) -> Self {
        Self {
            name: "propose".to_owned(),
            once: Some(slot.get()),
        }
    }

    /// Anything else; the name (cut to 32 bytes) is for logs.
    pub fn named(name: &str) -> Self {
        let mut end = name.len().min(NAME_BYTES_MAX);
        while !name.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        Self {
            name: name.get(..end).unwrap_or_default().to_owned(),
            once: None,
        }
    }

    /// Whether other bytes for the same purpose are refused.
    pub const fn is_once(&self) -> bool {
        self.once.is_some()
    }
}

impl std::fmt::Display for Purpose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.once {
            Some(number) => write!(f, "{} {number}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// How the gas limit is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GasPolicy {
    /// A limit known by measurement. Nothing is estimated.
    Fixed(u64),
    /// The node's estimate plus 30 %, at most `max`; with an estimate above `max` nothing is sent.
    Estimate {
        /// Largest limit accepted.
        max: u64,
    },
}

/// A transaction to be sent.
#[derive(Clone, Debug)]
pub struct TxRequest {
    /// Receiver; `None` creates a contract.
    pub to: Option<Address>,
    /// Calldata or creation code.
    pub calldata: Bytes,
    /// Wei.
    pub value: U256,
    /// The blobs of a blob transaction.
    pub sidecar: Option<Arc<Sidecar>>,
    /// Gas limit.
    pub gas: GasPolicy,
    /// No L1 block with an earlier time may contain it: it is not sent before the next block can be that late. Unix seconds.
    pub earliest_time: Option<u64>,
    /// No L1 block with this or a later time may contain it: it is given up then. Unix seconds.
    pub deadline_time: Option<u64>,
    /// Why.
    pub purpose: Purpose,
    /// Calldata of a view on `to` that makes the same checks, used for the simulation instead of the transaction's own.
    pub check: Option<Bytes>,
}

impl TxRequest {
    /// A call without value, blob or deadline and with estimated gas.
    pub fn call(to: Address, calldata: Bytes, purpose: Purpose) -> Self {
        Self {
            to: Some(to),
            calldata,
            value: U256::ZERO,
            sidecar: None,
            gas: GasPolicy::Estimate { max: GAS_LIMIT_MAX },
            earliest_time: None,
            deadline_time: None,
            purpose,
            check: None,
        }
    }

    /// Creation of a contract.
    pub fn create(code: Bytes) -> Self {
        Self {
            to: None,
            ..Self::call(Address::ZERO, code, Purpose::named("deploy"))
        }
    }

    /// Blobs that it carries.
    pub(crate) fn blobs(&self) -> u64 {
        let count = |sidecar: &Arc<Sidecar>| sidecar.versioned_hashes().len();
        u64::try_from(self.sidecar.as_ref().map_or(0, count)).unwrap_or(u64::MAX)
    }

    /// What makes two requests the same transaction.
    pub(crate) fn digest(&self) -> B256 {
        let mut bytes = Vec::with_capacity(self.calldata.len().saturating_add(128));
        bytes.extend_from_slice(self.to.unwrap_or_default().as_slice());
        bytes.push(u8::from(self.to.is_some()));
        bytes.extend_from_slice(&self.value.to_be_bytes::<32>());
        match &self.sidecar {
            Some(sidecar) => bytes.extend(sidecar.versioned_hashes().iter().flatten()),
            None => bytes.extend_from_slice(B256::ZERO.as_slice()),
        }
        bytes.extend_from_slice(&self.calldata);
        keccak256(bytes)
    }
}

/// Largest gas limit ever asked for: a contract of full size under Amsterdam's state gas takes about 45 million.
pub const GAS_LIMIT_MAX: u64 = 60_000_000;

/// A transaction in an L1 block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct MinedTx {
    /// Transaction hash.
    #[borsh(
        serialize_with = "agoge_protocol::signature::write_b256",
        deserialize_with = "agoge_protocol::signature::read_b256"
    )]
    pub hash: B256,
    /// L1 block number.
    pub block_number: u64,
    /// L1 block hash.
    #[borsh(
        serialize_with = "agoge_protocol::signature::write_b256",
        deserialize_with = "agoge_protocol::signature::read_b256"
    )]
    pub block_hash: B256,
    /// Gas used.
    pub gas_used: u64,
    /// Gas and blob gas paid, wei; saturates.
    pub cost_wei: u128,
    /// Address of the contract that a creation made.
    #[borsh(serialize_with = "write_address", deserialize_with = "read_address")]
    pub created: Option<Address>,
}

fn write_address<W: std::io::Write>(address: &Option<Address>, writer: &mut W) -> std::io::Result<()> {
    address.map(|address| address.0.0).serialize(writer)
}

fn read_address<R: std::io::Read>(reader: &mut R) -> std::io::Result<Option<Address>> {
    Ok(Option::<[u8; 20]>::deserialize_reader(reader)?.map(Address::from))
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// In a block and successful. A reorg can still undo it; the sender then sends the same bytes again while the deadline permits.
    Mined(MinedTx),
    /// In a block and reverted.
    Reverted {
        /// Where.
        tx: MinedTx,
        /// Why, where the node can replay it.
        reason: Option<RevertReason>,
    },
    /// The simulation reverts; nothing was sent.
    SimulationReverted {
        /// Why.
        reason: RevertReason,
    },
    /// The deadline passed. One of the hashes may still be mined (and then revert); an empty list means that nothing was sent.
    Expired {
        /// Everything that was sent.
        hashes: Vec<B256>,
    },
    /// The key cannot pay; nothing was sent.
    Unfunded {
        /// Balance, wei.
        balance: U256,
        /// Most that the transaction could cost with its value, wei.
        needed: U256,
    },
    /// Fees are above the network file's `tx_cost_max_gwei`; nothing was sent.
    TooExpensive {
        /// Least that it would cost, wei.
        cost: U256,
        /// Limit, wei.
        max: U256,
    },
    /// Every endpoint refused the transaction.
    Refused {
        /// In the node's words.
        message: String,
    },
    /// Other bytes were sent for the same purpose before; nothing was sent.
    Conflict {
        /// The purpose.
        purpose: Purpose,
    },
    /// An endpoint serves another chain; nothing was sent (exit code 4).
    WrongChain {
        /// The endpoint's answer.
        message: String,
    },
}

impl SendOutcome {
    /// The exit code of a program that ends with it.
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self::Mined(_) => ExitCode::Ok,
            Self::Reverted { .. } => ExitCode::Reverted,
            Self::SimulationReverted { .. } => ExitCode::SimulationReverts,
            Self::Expired { .. } => ExitCode::TimedOut,
            Self::Unfunded { .. } => ExitCode::Precondition,
            Self::WrongChain { .. } => ExitCode::WrongNetwork,
            Self::TooExpensive { .. } | Self::Refused { .. } | Self::Conflict { .. } => ExitCode::Failed,
        }
    }

    pub(crate) const fn label(&self) -> &'static str {
        match self {
            Self::Mined(_) => "mined",
            Self::Reverted { .. } => "reverted",
            Self::SimulationReverted { .. } => "simulation_reverted",
            Self::Expired { .. } => "expired",
            Self::Unfunded { .. } => "unfunded",
            Self::TooExpensive { .. } => "too_expensive",
            Self::Refused { .. } => "refused",
            Self::Conflict { .. } => "conflict",
            Self::WrongChain { .. } => "wrong_chain",
        }
    }
}

impl std::fmt::Display for SendOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Mined(tx) => write!(f, "{} is in L1 block {}", tx.hash, tx.block_number),
            Self::Reverted {
                tx,
                reason: Some(reason),
            } => {
                write!(
                    f,
                    "{} reverted in L1 block {}: {reason}",
                    tx.hash, tx.block_number
                )
            }
            Self::Reverted { tx, reason: None } => {
                write!(f, "{} reverted in L1 block {}", tx.hash, tx.block_number)
            }
            Self::SimulationReverted { reason } => write!(f, "nothing was sent, it would revert: {reason}"),
            Self::Expired { hashes } if hashes.is_empty() => {
                f.write_str("nothing was sent before the deadline")
            }
            Self::Expired { hashes } => write!(f, "not in a block before the deadline: {hashes:?}"),
            Self::Unfunded { balance, needed } => {
                write!(
                    f,
                    "nothing was sent, the balance is {balance} wei and {needed} wei may be needed; hint: send ETH to the key"
                )
            }
            Self::TooExpensive { cost, max } => {
                write!(
                    f,
                    "nothing more was sent, it would cost {cost} wei and [l1] tx_cost_max_gwei allows {max} wei"
                )
            }
            Self::Refused { message } => write!(f, "refused by L1: {message}"),
            Self::Conflict { purpose } => write!(
                f,
                "nothing was sent, another transaction for {purpose} was sent before"
            ),
            Self::WrongChain { message } => write!(f, "nothing was sent: {message}"),
        }
    }
}
