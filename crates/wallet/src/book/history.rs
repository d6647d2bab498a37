//! Money that crosses the border of the pool: what the wallet has deposited and withdrawn.
//!
//! Both are read from the blocks' effects, so a restored wallet knows them too; only a deposit to somebody else, or one that no block
//! has consumed yet, is known to nobody but the wallet that made it.

use std::collections::BTreeSet;

use agoge_protocol::rpc::RpcEffects;
use agoge_protocol::{Digest, L2BlockNumber, Withdrawal};
use borsh::{BorshDeserialize, BorshSerialize};

use super::Book;

/// A withdrawal of this wallet's that a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct MinedWithdrawal {
    /// The block.
    pub block: L2BlockNumber,
    /// How much, and who may pull it on L1.
    pub withdrawal: Withdrawal,
}

/// A deposit that this wallet made or received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OwnDeposit {
    /// Position in the inbox.
    pub index: u64,
    /// What L1 knows of the note.
    pub partial: Digest,
    /// Gwei.
    pub value: u64,
    /// The block that consumed it; `None` while it waits in the inbox.
    pub block: Option<L2BlockNumber>,
    /// Whether this wallet made it, so that it is remembered while no block holds it.
    pub is_made_here: bool,
}

impl Book {
    /// Withdrawals in blocks, oldest first.
    pub fn withdrawals(&self) -> impl DoubleEndedIterator<Item = &MinedWithdrawal> {
        self.withdrawals.iter()
    }

    /// Deposits made or received, by inbox index.
    pub fn deposits(&self) -> impl DoubleEndedIterator<Item = &OwnDeposit> {
        self.deposits.values()
    }

    /// Remembers a deposit that this wallet has just made. A block that was read already may hold it.
    pub fn add_deposit(&mut self, index: u64, partial: Digest, value: u64) {
        let block = self
            .deposits
            .get(&index)
            .filter(|found| found.partial == partial)
            .and_then(|found| found.block);
        let deposit = OwnDeposit {
            index,
            partial,
            value,
            block,
            is_made_here: true,
        };
        self.deposits.insert(index, deposit);
    }

    /// Notes a block's deposits and withdrawals that are this wallet's. Comes before the block's nullifiers are marked as spent.
    pub(super) fn keep_history(&mut self, effects: &RpcEffects) {
        let block = effects.number;
        for (deposit, leaf) in effects.deposits.iter().zip(effects.first_note_index..) {
            let (index, partial, value) = (deposit.index, deposit.partial, deposit.value);
            let made = self.deposits.get(&index).filter(|made| made.partial == partial);
            let is_made_here = made.is_some_and(|made| made.is_made_here);
            if is_made_here || self.notes.contains_key(&leaf) {
                let block = Some(block);
                let deposit = OwnDeposit {
                    index,
                    partial,
                    value,
                    block,
                    is_made_here,
                };
                self.deposits.insert(index, deposit);
            } else {
                // The index went to another deposit: an L1 reorg took this wallet's back, and its money with it.
                self.deposits.remove(&index);
            }
        }
        let mut withdrawals = effects.transactions.iter().filter(|tx| tx.withdrawal.is_some());
        let Some(first) = withdrawals.next() else {
            return;
        };
        let own: BTreeSet<Digest> = self.notes.values().map(|note| note.nullifier).collect();
        for tx in std::iter::once(first).chain(withdrawals) {
            if let Some(withdrawal) = tx.withdrawal
                && tx.nullifiers.iter().any(|nullifier| own.contains(nullifier))
            {
                self.withdrawals.push(MinedWithdrawal {
                    block,
                    withdrawal: Withdrawal {
                        amount: withdrawal.amount,
                        recipient: withdrawal.recipient,
                    },
                });
            }
        }
    }

    /// Forgets what the blocks after `number` held.
    pub(super) fn return_history_to(&mut self, number: L2BlockNumber) {
        self.withdrawals.retain(|mined| mined.block <= number);
        for deposit in self.deposits.values_mut() {
            deposit.block = deposit.block.filter(|block| *block <= number);
        }
        // One that somebody else made comes back with the block that consumes it.
        self.deposits
            .retain(|_, deposit| deposit.is_made_here || deposit.block.is_some());
    }
}
