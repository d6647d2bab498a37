//! The settlement list: everything that L1 settles from an epoch proof (`docs/protocol.md` section 16.3).
//!
//! One list, two forms: [`SettlementList::encode`] is what `submitEpochProof` takes as calldata, [`SettlementList::elements`] what the
//! fingerprint is computed over. L1 computes timestamps and inbox ends itself, so calldata does not carry them.

use alloy_primitives::Address;
use borsh::{BorshDeserialize, BorshSerialize};
use std::io::{Error, ErrorKind, Read, Result as IoResult};

use crate::element::{Element, NotCanonical, address_limbs};
use crate::limits::{BLOCK_DEPOSITS_MAX, BLOCK_TXS_MAX, BLOCK_WITHDRAWALS_MAX, EPOCH_BLOCKS_MAX};
use crate::transaction::VALUE_BOUND;
use crate::{B256, Digest, Slot, Timing, Withdrawal};

/// Bytes of a block in calldata, without its deposits and withdrawals.
pub const BLOCK_BYTES: usize = 70;
/// Bytes of a deposit in calldata.
pub const DEPOSIT_BYTES: usize = 40;
/// Bytes of a withdrawal in calldata.
pub const WITHDRAWAL_BYTES: usize = 28;
/// Elements of a block in the fingerprint, without its deposits and withdrawals.
pub const BLOCK_ELEMENTS: usize = 14;
/// Elements of a deposit in the fingerprint.
pub const DEPOSIT_ELEMENTS: usize = 5;
/// Elements of a withdrawal in the fingerprint.
pub const WITHDRAWAL_ELEMENTS: usize = 4;
/// Most elements of a list: 32 full blocks and the number of blocks.
pub const LIST_ELEMENTS_MAX: usize = 1 + EPOCH_BLOCKS_MAX
    * (BLOCK_ELEMENTS + BLOCK_DEPOSITS_MAX * DEPOSIT_ELEMENTS + BLOCK_WITHDRAWALS_MAX * WITHDRAWAL_ELEMENTS);

/// A deposit that a block consumed; its index follows from its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SettledDeposit {
    /// What the depositor wrote on L1.
    pub partial: Digest,
    /// Gwei, `< 2^60`.
    pub value: u64,
}

/// What L1 settles of one block.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SettledBlock {
    /// Slot of the block, `< 2^32`.
    pub slot: Slot,
    /// Who is credited with the proposer's share of the fees.
    #[borsh(
        serialize_with = "crate::signature::write_address",
        deserialize_with = "crate::signature::read_address"
    )]
    pub fee_recipient: Address,
    /// Gwei, `< 2^60`.
    pub total_fees: u64,
    /// Number of transactions.
    pub tx_count: u16,
    /// Archive root after the block.
    pub archive: Digest,
    /// Consumed deposits, in order.
    pub deposits: Vec<SettledDeposit>,
    /// Withdrawals, in the order of their transactions; amounts above 0.
    pub withdrawals: Vec<Withdrawal>,
}

/// The settled blocks of one proof, in order: 1 to [`EPOCH_BLOCKS_MAX`].
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
pub struct SettlementList(Vec<SettledBlock>);

/// Why a list is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettlementError {
    /// Not 1 to 32 blocks.
    #[error("a settlement list has 1 to {EPOCH_BLOCKS_MAX} blocks, not {found}")]
    BlockCount {
        /// Blocks found.
        found: usize,
    },
    /// A block carries more than any block may.
    #[error("block {block} has {found} {what}, the limit is {limit}")]
    TooMany {
        /// Position in the list, from 0.
        block: usize,
        /// What there is too much of.
        what: &'static str,
        /// Number found.
        found: usize,
        /// The bound.
        limit: usize,
    },
    /// A number is not below its bound.
    #[error("block {block}: {what} is {found}, not below {bound}")]
    OutOfRange {
        /// Position in the list, from 0.
        block: usize,
        /// Which number.
        what: &'static str,
        /// As it was found.
        found: u64,
        /// First number too large.
        bound: u64,
    },
    /// A withdrawal of nothing, which no block has.
    #[error("block {block}: withdrawal {index} is of 0 gwei")]
    EmptyWithdrawal {
        /// Position in the list, from 0.
        block: usize,
        /// Position in the block, from 0.
        index: usize,
    },
    /// A digest holds a number that is no element.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
    /// The bytes end in the middle of a record.
    #[error("the list ends within block {block}")]
    Truncated {
        /// Position of the incomplete block, from 0.
        block: usize,
    },
}

/// First slot number that calldata cannot hold.
const SLOT_BOUND: u64 = 1 << 32;

impl SettlementList {
    /// Puts a list together.
    ///
    /// # Errors
    /// [`SettlementError`]; never `Truncated` or `NotCanonical`.
    pub fn new(blocks: Vec<SettledBlock>) -> Result<Self, SettlementError> {
        if blocks.is_empty() || blocks.len() > EPOCH_BLOCKS_MAX {
            return Err(SettlementError::BlockCount { found: blocks.len() });
        }
        for (position, block) in blocks.iter().enumerate() {
            check(position, block)?;
        }
        Ok(Self(blocks))
    }

    /// The blocks, in order.
    pub fn blocks(&self) -> &[SettledBlock] {
        &self.0
    }

    /// The calldata of the list.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for block in &self.0 {
            // Counts and slot are below their bounds by construction.
            let count = |n: usize| u16::try_from(n).unwrap_or(u16::MAX).to_be_bytes();
            let slot = u32::try_from(block.slot.get()).unwrap_or(u32::MAX);
            out.extend(slot.to_be_bytes());
            out.extend(block.fee_recipient.as_slice());
            out.extend(block.total_fees.to_be_bytes());
            out.extend(block.tx_count.to_be_bytes());
            out.extend(count(block.deposits.len()));
            out.extend(count(block.withdrawals.len()));
            out.extend(block.archive.to_b256().0);
            for deposit in &block.deposits {
                out.extend(deposit.partial.to_b256().0);
                out.extend(deposit.value.to_be_bytes());
            }
            for withdrawal in &block.withdrawals {
                out.extend(withdrawal.recipient.as_slice());
                out.extend(withdrawal.amount.to_be_bytes());
            }
        }
        out
    }

    /// Reads calldata; no byte may be left over.
    ///
    /// # Errors
    /// [`SettlementError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, SettlementError> {
        let mut blocks = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let position = blocks.len();
            if position == EPOCH_BLOCKS_MAX {
                return Err(SettlementError::BlockCount {
                    found: position.saturating_add(1),
                });
            }
            blocks.push(decode_block(&mut rest, position)?);
        }
        Self::new(blocks)
    }

    /// The list as the fingerprint absorbs it. `inbox_start` is the number of deposits consumed before the first block.
    ///
    /// # Errors
    /// [`NotCanonical`] when a timestamp or inbox end is not below the field modulus, which no chain reaches.
    pub fn elements(&self, inbox_start: u64, timing: &Timing) -> Result<Vec<Element>, NotCanonical> {
        let number = |n: usize| Element::new(u64::try_from(n).unwrap_or(u64::MAX));
        let mut out = Vec::new();
        let mut inbox_end = inbox_start;
        for block in &self.0 {
            for deposit in &block.deposits {
                out.extend(deposit.partial.0);
                out.push(Element::new(deposit.value)?);
                inbox_end = inbox_end.saturating_add(1);
            }
            for withdrawal in &block.withdrawals {
                out.extend(address_limbs(withdrawal.recipient));
                out.push(Element::new(withdrawal.amount)?);
            }
            out.push(Element::new(block.slot.get())?);
            out.push(Element::new(timing.slot_start(block.slot))?);
            out.extend(address_limbs(block.fee_recipient));
            out.push(Element::new(block.total_fees)?);
            out.push(Element::new(inbox_end)?);
            out.extend(block.archive.0);
            out.push(Element::from_u32(u32::from(block.tx_count)));
            out.push(number(block.deposits.len())?);
            out.push(number(block.withdrawals.len())?);
        }
        out.push(number(self.0.len())?);
        Ok(out)
    }
}

impl BorshDeserialize for SettlementList {
    fn deserialize_reader<R: Read>(reader: &mut R) -> IoResult<Self> {
        let invalid = |e| Error::new(ErrorKind::InvalidData, e);
        let count = u32::deserialize_reader(reader)?;
        let found = usize::try_from(count).unwrap_or(usize::MAX);
        if found > EPOCH_BLOCKS_MAX {
            return Err(invalid(SettlementError::BlockCount { found }));
        }
        let blocks = (0..found)
            .map(|_| SettledBlock::deserialize_reader(reader))
            .collect::<IoResult<Vec<_>>>()?;
        Self::new(blocks).map_err(invalid)
    }
}

fn check(position: usize, block: &SettledBlock) -> Result<(), SettlementError> {
    let at_most = |what, found, limit| {
        if found <= limit {
            Ok(())
        } else {
            Err(SettlementError::TooMany {
                block: position,
                what,
                found,
                limit,
            })
        }
    };
    let below = |what, found, bound| {
        if found < bound {
            Ok(())
        } else {
            Err(SettlementError::OutOfRange {
                block: position,
                what,
                found,
                bound,
            })
        }
    };
    at_most("transactions", usize::from(block.tx_count), BLOCK_TXS_MAX)?;
    at_most("deposits", block.deposits.len(), BLOCK_DEPOSITS_MAX)?;
    at_most("withdrawals", block.withdrawals.len(), BLOCK_WITHDRAWALS_MAX)?;
    below("slot", block.slot.get(), SLOT_BOUND)?;
    below("total fees", block.total_fees, VALUE_BOUND)?;
    for deposit in &block.deposits {
        below("a deposit's value", deposit.value, VALUE_BOUND)?;
    }
    for (index, withdrawal) in block.withdrawals.iter().enumerate() {
        below("a withdrawal's amount", withdrawal.amount, VALUE_BOUND)?;
        if withdrawal.amount == 0 {
            return Err(SettlementError::EmptyWithdrawal {
                block: position,
                index,
            });
        }
    }
    Ok(())
}

fn decode_block(rest: &mut &[u8], block: usize) -> Result<SettledBlock, SettlementError> {
    let truncated = SettlementError::Truncated { block };
    let slot = u32::from_be_bytes(take(rest).ok_or(truncated)?);
    let fee_recipient = Address::from(take::<20>(rest).ok_or(truncated)?);
    let total_fees = u64::from_be_bytes(take(rest).ok_or(truncated)?);
    let mut count = || Some(u16::from_be_bytes(take(rest)?));
    let tx_count = count().ok_or(truncated)?;
    let deposit_count = count().ok_or(truncated)?;
    let withdrawal_count = count().ok_or(truncated)?;
    let archive = Digest::from_b256(B256::from(take::<32>(rest).ok_or(truncated)?))?;
    // The number of records is bounded by the bytes that are there: each takes some or ends the loop.
    let deposits = (0..deposit_count)
        .map(|_| {
            Ok(SettledDeposit {
                partial: Digest::from_b256(B256::from(take::<32>(rest).ok_or(truncated)?))?,
                value: u64::from_be_bytes(take(rest).ok_or(truncated)?),
            })
        })
        .collect::<Result<_, SettlementError>>()?;
    let withdrawals = (0..withdrawal_count)
        .map(|_| {
            Ok(Withdrawal {
                recipient: Address::from(take::<20>(rest).ok_or(truncated)?),
                amount: u64::from_be_bytes(take(rest).ok_or(truncated)?),
            })
        })
        .collect::<Result<_, SettlementError>>()?;
    Ok(SettledBlock {
        slot: Slot::new(u64::from(slot)),
        fee_recipient,
        total_fees,
        tx_count,
        archive,
        deposits,
        withdrawals,
    })
}

/// The next `N` bytes.
fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}

#[cfg(test)]
mod tests;
