//! From the node's words to the wire's.

use agoge_protocol::network::NetworkConfig;
use agoge_protocol::rpc::{self as wire, Finality};
use agoge_protocol::{Digest, L2BlockNumber, Slot, Timing};
use agoge_store::{EpochClaim, EpochProof};

use crate::duties::{DutyKind, DutyOutcome, DutyRecord};
use crate::mempool::DropReason;
use crate::query::{
    BlockEffects, BlockView, CommitteeView, EpochView, NodeInfo, NoteWitness, PeerView, Tip, Tips, TxStatus,
};
use crate::quotes::Kept;
use agoge_l1_client::instances::{InstanceState, InstanceView};

/// Wei of one gwei.
const WEI_PER_GWEI: u128 = 1_000_000_000;

pub(super) fn node_info(info: NodeInfo, network: &NetworkConfig) -> wire::NodeInfo {
    wire::NodeInfo {
        version: info.version.to_owned(),
        network: info.network,
        chain_id: info.chain_id,
        instance: info.instance,
        rollup: info.rollup,
        rollup_version: info.rollup_version,
        genesis_id: info.genesis_id,
        genesis_time: info.genesis_time,
        slot_seconds: info.slot_seconds,
        epoch_slots: info.epoch_slots,
        client_profile: network.proving.client_profile,
        tx_fee_min_gwei: network.fees.tx_fee_min_gwei,
        peer_id: info.peer_id,
    }
}

pub(super) fn instance(view: InstanceView) -> wire::RpcInstance {
    wire::RpcInstance {
        number: view.number,
        rollup: view.rollup,
        activation_epoch: view.activation,
        state: match view.state {
            InstanceState::Idle => wire::InstanceState::Idle,
            InstanceState::Active => wire::InstanceState::Active,
            InstanceState::Superseded => wire::InstanceState::Superseded,
            InstanceState::Unknown => wire::InstanceState::Unknown,
        },
        is_canonical: view.is_canonical,
        genesis_id: view.identity.map(|(genesis_id, _)| genesis_id),
        rollup_version: view.identity.map(|(_, version)| version),
        reason: view.problem,
    }
}

const fn tip(tip: Tip) -> wire::Tip {
    wire::Tip {
        number: tip.number,
        slot: tip.slot,
        archive: tip.archive,
        note_root: tip.note_root,
        note_count: tip.note_count,
        nullifier_root: tip.nullifier_root,
        nullifier_count: tip.nullifier_count,
        inbox_end: tip.inbox_end,
    }
}

pub(super) fn tips(tips: Tips) -> wire::Tips {
    wire::Tips {
        pending: tip(tips.pending),
        proven: tip(tips.proven),
        finalized: tip(tips.finalized),
        l1: tips.l1_head.map(|head| wire::L1Head {
            number: head.number,
            hash: head.hash,
            time: head.time,
        }),
    }
}

pub(super) fn block(view: &BlockView, finalized: L2BlockNumber) -> wire::RpcBlock {
    let finality = match (view.is_proven, view.header.number <= finalized) {
        (true, true) => Finality::Finalized,
        (true, false) => Finality::Proven,
        (false, _) => Finality::Pending,
    };
    wire::RpcBlock {
        header: wire::RpcHeader::new(&view.header, view.header_hash),
        block_hash: view.block_hash,
        blob_hash: view.blob_hash,
        archive: view.archive,
        l1_block: view.l1_block,
        finality,
    }
}

pub(super) fn effects(view: &BlockView, effects: &BlockEffects) -> wire::RpcEffects {
    wire::RpcEffects {
        number: effects.number,
        slot: view.header.slot,
        block_hash: view.block_hash,
        note_root: view.header.note_root,
        first_note_index: effects.first_note_index,
        deposits: effects.deposits.iter().map(Into::into).collect(),
        transactions: effects.transactions.iter().map(Into::into).collect(),
    }
}

pub(super) fn tx_status(status: TxStatus) -> wire::TransactionStatus {
    match status {
        TxStatus::Unknown => wire::TransactionStatus::Unknown,
        TxStatus::Queued => wire::TransactionStatus::Queued,
        TxStatus::Mined { number } => wire::TransactionStatus::Mined { number },
        TxStatus::Proven { number } => wire::TransactionStatus::Proven { number },
        TxStatus::Dropped { reason } => wire::TransactionStatus::Dropped {
            reason: match reason {
                DropReason::Evicted => "evicted",
                DropReason::Replaced { .. } => "replaced",
                DropReason::SpentElsewhere { .. } => "spent_elsewhere",
                DropReason::AnchorGone => "anchor_gone",
            }
            .to_owned(),
            message: reason.to_string(),
        },
    }
}

pub(super) fn note_witness(witness: NoteWitness, commitment: Digest) -> wire::NoteWitness {
    wire::NoteWitness {
        number: witness.block,
        anchor: witness.anchor,
        is_proven: witness.is_proven,
        index: witness.index,
        commitment,
        siblings: witness.siblings,
    }
}

pub(super) fn committee(view: CommitteeView, epoch_slots: u64) -> wire::Committee {
    let last = view
        .first_slot
        .get()
        .saturating_add(epoch_slots.saturating_sub(1));
    wire::Committee {
        epoch: view.epoch,
        first_slot: view.first_slot,
        last_slot: Slot::new(last),
        members: view.members,
    }
}

pub(super) fn quote(kept: &Kept) -> wire::RpcQuote {
    wire::RpcQuote::new(kept.digest, &kept.signed)
}

pub(super) fn epoch(view: EpochView, timing: &Timing) -> wire::RpcEpoch {
    let EpochView {
        epoch,
        is_over,
        blocks,
        end_archive,
        proven_blocks,
        claim,
        proofs,
    } = view;
    let end = timing.first_slot(epoch.next()).get();
    wire::RpcEpoch {
        epoch,
        first_slot: timing.first_slot(epoch),
        last_slot: Slot::new(end.saturating_sub(1)),
        is_over,
        first_block: blocks.map(|(first, _)| first),
        last_block: blocks.map(|(_, last)| last),
        end_archive,
        proven_blocks,
        claim: claim.map(|claim| self::claim(&claim)),
        proofs: proofs.iter().map(epoch_proof).collect(),
    }
}

fn claim(claim: &EpochClaim) -> wire::RpcClaim {
    let gwei = |wei: u128| u64::try_from(wei / WEI_PER_GWEI).unwrap_or(u64::MAX);
    let end = claim.end;
    wire::RpcClaim {
        prover: claim.prover,
        basis_point_fee: claim.basis_point_fee,
        bond_gwei: gwei(claim.bond_wei),
        quote_digest: claim.quote_digest,
        l1_block: claim.l1_block,
        deadline_slot: claim.deadline,
        outcome: end.map(|end| end.outcome),
        slashed_gwei: end.map_or(0, |end| gwei(end.slashed_wei)),
        rescued_gwei: end.map_or(0, |end| gwei(end.rescued_wei)),
    }
}

const fn epoch_proof(proof: &EpochProof) -> wire::RpcEpochProof {
    wire::RpcEpochProof {
        prover: proof.prover,
        from: proof.from,
        to: proof.to,
        settled_from: proof.settled_from,
        l1_block: proof.l1_block,
    }
}

pub(super) fn peer(peer: PeerView) -> wire::Peer {
    wire::Peer {
        peer_id: peer.id,
        address: peer.address,
        score: peer.score,
    }
}

pub(super) fn duty(record: DutyRecord) -> Result<wire::Duty, serde_json::Error> {
    let outcome = match record.outcome {
        DutyOutcome::Published { number, attestations } => {
            wire::DutyOutcome::Published { number, attestations }
        }
        DutyOutcome::Attested { block_hash } => wire::DutyOutcome::Attested { block_hash },
        DutyOutcome::Missed { reason } => {
            // A unit variant is written as its name, any other as an object with its name as the only key.
            let word = match serde_json::to_value(&reason)? {
                serde_json::Value::String(word) => word,
                serde_json::Value::Object(map) => {
                    map.into_iter().next().map(|(word, _)| word).unwrap_or_default()
                }
                other => other.to_string(),
            };
            wire::DutyOutcome::Missed {
                reason: word,
                message: reason.to_string(),
            }
        }
    };
    let kind = match record.kind {
        DutyKind::Propose => wire::DutyKind::Propose,
        DutyKind::Attest => wire::DutyKind::Attest,
    };
    Ok(wire::Duty {
        slot: record.slot,
        attester: record.attester,
        kind,
        outcome,
    })
}
