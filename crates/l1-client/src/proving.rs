//! What provers, claimants and owners of credits ask of L1: requests for a sender, which simulates each before it sends it.

use std::sync::Arc;

use agoge_contract_bindings::prover_bonds::ProverBonds;
use agoge_contract_bindings::rollup::Rollup;
use agoge_protocol::{Address, B256, CompactSignature, Epoch, L2BlockNumber, SignedQuote, U256};
use alloy::primitives::Bytes;
use alloy::sol_types::{SolCall, SolValue};

use crate::kzg::Sidecar;
use crate::sender::{GasPolicy, Purpose, TxRequest};

/// Largest gas limit of an epoch proof: that of a transaction since Fusaka.
pub const EPOCH_PROOF_GAS_MAX: u64 = 16_777_216;

/// First and last block of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockRange {
    /// First block.
    pub first: L2BlockNumber,
    /// Last block.
    pub last: L2BlockNumber,
}

/// All that `submitEpochProof` takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochProofSubmission {
    /// Blocks of the proof, of one epoch.
    pub blocks: BlockRange,
    /// Who is paid; the proof binds it.
    pub prover: Address,
    /// The settlement list (`docs/protocol.md` 16.3).
    pub settlement: Bytes,
    /// KZG commitments of the blobs, 128 bytes each.
    pub commitments: Bytes,
    /// y and the KZG proof, 80 bytes.
    pub evaluation: Bytes,
    /// The plonky2 proof.
    pub proof: Bytes,
}

impl EpochProofSubmission {
    /// Calldata of `submitEpochProof`.
    pub fn calldata(&self) -> Bytes {
        Rollup::submitEpochProofCall {
            _fromNumber: U256::from(self.blocks.first.get()),
            _toNumber: U256::from(self.blocks.last.get()),
            _prover: self.prover,
            _settlement: self.settlement.clone(),
            _commitments: self.commitments.clone(),
            _evaluation: self.evaluation.clone(),
            _proof: self.proof.clone(),
        }
        .abi_encode()
        .into()
    }

    /// The transaction.
    pub fn request(&self, rollup: Address) -> TxRequest {
        TxRequest {
            gas: GasPolicy::Estimate {
                max: EPOCH_PROOF_GAS_MAX,
            },
            ..TxRequest::call(rollup, self.calldata(), Purpose::named("epoch proof"))
        }
    }
}

/// All that `proposeProven` takes: blocks together with their proof, on the proven tip of an instance that is open to all.
#[derive(Clone, Debug)]
pub struct ProvenBlocks {
    /// Who is paid; the proof binds it.
    pub prover: Address,
    /// The settlement list (`docs/protocol.md` 16.3).
    pub settlement: Bytes,
    /// KZG commitments of the blobs, 128 bytes each.
    pub commitments: Bytes,
    /// y and the KZG proof, 80 bytes.
    pub evaluation: Bytes,
    /// The plonky2 proof.
    pub proof: Bytes,
    /// The blocks' blobs, in order.
    pub sidecar: Arc<Sidecar>,
}

impl ProvenBlocks {
    /// The transaction.
    pub fn request(self, rollup: Address) -> TxRequest {
        let calldata = Rollup::proposeProvenCall {
            _prover: self.prover,
            _settlement: self.settlement,
            _commitments: self.commitments,
            _evaluation: self.evaluation,
            _proof: self.proof,
        }
        .abi_encode();
        TxRequest {
            gas: GasPolicy::Estimate {
                max: EPOCH_PROOF_GAS_MAX,
            },
            sidecar: Some(self.sidecar),
            ..TxRequest::call(rollup, calldata.into(), Purpose::named("append"))
        }
    }
}

/// A quote as ProverBonds takes it.
pub(crate) fn signed_quote(signed: &SignedQuote) -> ProverBonds::SignedQuote {
    let quote = &signed.quote;
    let (r, vs) = halves(&signed.signature);
    ProverBonds::SignedQuote {
        quote: ProverBonds::Quote {
            instance: quote.instance,
            epoch: U256::from(quote.epoch.get()),
            endArchive: quote.end_archive.to_b256(),
            validUntilSlot: U256::from(quote.valid_until_slot.get()),
            bondAmount: quote.bond_amount_wei(),
            prover: quote.prover,
            basisPointFee: U256::from(quote.basis_point_fee),
            nonce: U256::from(quote.nonce),
        },
        r,
        vs,
    }
}

pub(crate) fn block_range(range: BlockRange) -> ProverBonds::BlockRange {
    ProverBonds::BlockRange {
        firstNumber: U256::from(range.first.get()),
        lastNumber: U256::from(range.last.get()),
    }
}

fn halves(signature: &CompactSignature) -> (B256, B256) {
    let (r, vs) = signature.as_bytes().split_at(32);
    (B256::from_slice(r), B256::from_slice(vs))
}

/// The bytes of a claim that a block carries: `abi.encode(SignedQuote, BlockRange)`. A publication signs their keccak.
pub fn claim_bundle(signed: &SignedQuote, epoch: BlockRange) -> Bytes {
    (signed_quote(signed), block_range(epoch))
        .abi_encode_params()
        .into()
}

/// Claims an epoch outside a block; `signature` is of the current slot's proposer over [`agoge_protocol::quote::claim_digest`].
pub fn claim(
    prover_bonds: Address,
    signed: &SignedQuote,
    epoch: BlockRange,
    signature: &CompactSignature,
) -> TxRequest {
    let (r, vs) = halves(signature);
    let call = ProverBonds::claimCall {
        _signed: signed_quote(signed),
        _range: block_range(epoch),
        _r: r,
        _vs: vs,
    };
    request(prover_bonds, &call, "claim")
}

/// Replaces an epoch's claim by a cheaper quote.
pub fn replace_claim(prover_bonds: Address, signed: &SignedQuote, epoch: BlockRange) -> TxRequest {
    let call = ProverBonds::replaceClaimCall {
        _signed: signed_quote(signed),
        _range: block_range(epoch),
    };
    request(prover_bonds, &call, "replace claim")
}

/// Settles a claim whose claimant did not deliver.
pub fn settle_claim(prover_bonds: Address, instance: Address, epoch: Epoch) -> TxRequest {
    let call = ProverBonds::settleCall {
        _instance: instance,
        _epoch: U256::from(epoch.get()),
    };
    request(prover_bonds, &call, "settle claim")
}

/// Deposits `wei` for a prover's bonds.
pub fn deposit_bond(prover_bonds: Address, prover: Address, wei: U256) -> TxRequest {
    let call = ProverBonds::depositCall { _prover: prover };
    TxRequest {
        value: wei,
        ..request(prover_bonds, &call, "deposit bond")
    }
}

/// Starts to take `wei` of the sender's available deposit out.
pub fn start_bond_withdrawal(prover_bonds: Address, wei: U256) -> TxRequest {
    let call = ProverBonds::startWithdrawalCall { _amount: wei };
    request(prover_bonds, &call, "start bond withdrawal")
}

/// Credits what the sender is taking out, after the delay; [`withdraw_credit`] pays it.
pub fn finish_bond_withdrawal(prover_bonds: Address) -> TxRequest {
    request(
        prover_bonds,
        &ProverBonds::finishWithdrawalCall {},
        "finish bond withdrawal",
    )
}

/// Pays all that a contract (Rollup: withdrawals and fees; ProverBonds: shares and bonds) owes the sender to `recipient`.
pub fn withdraw_credit(contract: Address, recipient: Address) -> TxRequest {
    // Both contracts inherit the function from PullPayments.
    let call = Rollup::withdrawCall {
        _recipient: recipient,
    };
    request(contract, &call, "withdraw")
}

fn request<C: SolCall>(to: Address, call: &C, name: &str) -> TxRequest {
    TxRequest::call(to, call.abi_encode().into(), Purpose::named(name))
}
