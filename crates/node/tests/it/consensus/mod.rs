//! The validators' state machine: every rule as a scenario, and many machines together.

mod claims;
mod scenarios;
mod simulation;

use std::sync::LazyLock;

use agoge_node::consensus::{ChainView, Rules, TipView};
use agoge_protocol::messages::{Proposal, SignedProposal};
use agoge_protocol::sampling::Committee;
use agoge_protocol::{
    Address, B256, CompactSignature, Digest, Element, Epoch, FreeFields, L1Block, L1BlockNumber,
    L2BlockNumber, Slot, Timing, TxId, keccak256,
};
use alloy::signers::{SignerSync as _, local::PrivateKeySigner};

/// Seats of the committees of these tests; key i has seat i.
pub(crate) const SEATS: u16 = 16;
/// Network genesis, Unix seconds.
pub(crate) const GENESIS: u64 = 12_000;

/// The numbers of the phases: slots of 36 s, L1 blocks of 12 s.
pub(crate) fn rules() -> Rules {
    Rules {
        timing: Timing {
            genesis_time: GENESIS,
            slot_seconds: 36,
            epoch_slots: 32,
            set_lag: 2,
            entropy_lag: 1,
        },
        l1_slot_seconds: 12,
        committee_size: usize::from(SEATS),
        claim_window_slots: 13,
        head_age_max_seconds: 60,
        genesis_id: digest(99),
        domain: agoge_protocol::eip712::domain(1, Address::repeat_byte(7)),
    }
}

static KEYS: LazyLock<Vec<PrivateKeySigner>> = LazyLock::new(|| {
    (0..100_u16)
        .map(|index| PrivateKeySigner::from_bytes(&keccak256(index.to_be_bytes())).unwrap())
        .collect()
});

pub(crate) fn key(index: u16) -> &'static PrivateKeySigner {
    &KEYS[usize::from(index)]
}

pub(crate) fn sign(index: u16, digest: B256) -> CompactSignature {
    CompactSignature::from_signature(&key(index).sign_hash_sync(&digest).unwrap())
}

pub(crate) fn committee(epoch: u64) -> Committee {
    Committee {
        epoch: Epoch::new(epoch),
        members: (0..SEATS).map(|i| key(i).address()).collect(),
    }
}

pub(crate) fn digest(number: u32) -> Digest {
    Digest([Element::from_u32(number); 4])
}

/// A block of a slot: `content` tells two blocks of one slot apart.
pub(crate) fn block(slot: u64, parent: Digest, content: u32) -> Proposal {
    let archive = Digest(
        [parent.0[0].get(), slot, u64::from(content), 1].map(|n| Element::new(n % (1 << 40)).unwrap()),
    );
    let free_fields = FreeFields {
        slot: Slot::new(slot),
        fee_recipient: Address::ZERO,
        inbox_end: 0,
        archive,
    };
    let txs = vec![TxId(B256::repeat_byte(content.to_le_bytes()[0]))];
    Proposal::new(free_fields, parent, B256::ZERO, B256::repeat_byte(3), txs).unwrap()
}

pub(crate) fn signed_by(index: u16, proposal: Proposal) -> SignedProposal {
    let rules = rules();
    let signature = sign(index, proposal.digest(rules.genesis_id, &rules.domain));
    SignedProposal { proposal, signature }
}

pub(crate) fn head(time: u64) -> L1Block {
    L1Block {
        number: L1BlockNumber::new(time),
        hash: B256::left_padding_from(&time.to_be_bytes()),
        parent_hash: B256::ZERO,
        time,
        prevrandao: B256::ZERO,
    }
}

pub(crate) fn view(time: u64, tip: TipView) -> ChainView {
    ChainView {
        head: head(time),
        tip,
        is_synced: true,
    }
}

pub(crate) fn genesis_tip() -> TipView {
    TipView {
        number: L2BlockNumber::GENESIS,
        slot: None,
        archive: digest(1),
    }
}
