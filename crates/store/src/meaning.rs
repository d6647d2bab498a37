//! What an event of L1 means for the store: one translation for every program that keeps one.

use agoge_protocol::{L1BlockNumber, L1Event, L2BlockNumber, Posted};

use crate::records::{ClaimEnd, EpochClaim, EpochProof, L1Change};

/// What an event of L1 means.
#[derive(Clone, Debug)]
pub enum Meaning {
    /// A change that needs nothing but the event.
    Change(L1Change),
    /// A block. It is a change once it was executed, if the chain is followed up to its parent.
    Block {
        /// Its number.
        number: L2BlockNumber,
        /// The block.
        posted: Posted,
    },
    /// The pending chain was cut back. It is a change if the chain is followed beyond that block.
    Prune {
        /// The new pending tip.
        to: L2BlockNumber,
    },
    /// An epoch proof was accepted. It is a change if the chain is followed up to its end.
    Proof(EpochProof),
}

impl Meaning {
    /// What an event in an L1 block means.
    pub fn of(event: L1Event, l1_block: L1BlockNumber) -> Self {
        Self::Change(match event {
            L1Event::BlockProposed {
                number,
                free_fields,
                blob_hash,
                block_hash,
            } => {
                let posted = Posted {
                    free_fields,
                    blob_hash,
                    block_hash,
                };
                return Self::Block { number, posted };
            }
            L1Event::Pruned { to } => return Self::Prune { to },
            L1Event::Proven {
                epoch,
                prover,
                from,
                to,
                settled_from,
                end_archive: _,
            } => {
                return Self::Proof(EpochProof {
                    epoch,
                    prover,
                    from,
                    to,
                    settled_from,
                    l1_block,
                });
            }
            L1Event::Deposited(deposit) => L1Change::Deposit(deposit),
            L1Event::EpochSetUp { epoch, seed } => L1Change::Seed { epoch, seed },
            L1Event::InstanceAdded { instance, activation } => L1Change::Instance { instance, activation },
            L1Event::EpochClaimed {
                epoch,
                prover,
                basis_point_fee,
                bond_wei,
                quote_digest,
            } => L1Change::Claimed(EpochClaim {
                epoch,
                prover,
                basis_point_fee,
                bond_wei,
                quote_digest,
                l1_block,
                deadline: None,
                end: None,
            }),
            L1Event::ClaimDeadlineSet { epoch, deadline } => L1Change::ClaimDeadline { epoch, deadline },
            L1Event::ClaimSettled {
                epoch,
                prover: _,
                outcome,
                slashed_wei,
                rescued_wei,
            } => L1Change::ClaimEnd {
                epoch,
                end: ClaimEnd {
                    outcome,
                    slashed_wei,
                    rescued_wei,
                    l1_block,
                },
            },
        })
    }
}
