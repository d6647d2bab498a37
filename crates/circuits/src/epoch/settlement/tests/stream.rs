//! Streams of steps with their headers.

use agoge_protocol::settlement::{SettledBlock, SettledDeposit, SettlementList};
use agoge_protocol::{
    Address, Ciphertext, Digest, Element, Header, L2BlockNumber, Slot, Timing, TxEffects, Withdrawal,
};
use agoge_state_transition::hash;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

pub(super) const TIMING: Timing = Timing {
    genesis_time: 1_700_000_000,
    slot_seconds: 36,
    epoch_slots: 32,
    set_lag: 2,
    entropy_lag: 1,
};

/// An epoch: its steps, its list and its blobs' transactions.
pub(super) struct Epoch {
    pub(super) steps: Vec<SettlementStep>,
    pub(super) list: SettlementList,
    pub(super) inbox_start: u64,
    pub(super) blocks: Vec<Vec<TxEffects>>,
}

pub(super) fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

pub(super) fn challenges(rng: &mut ChaCha8Rng) -> SettlementChallenges {
    SettlementChallenges {
        alpha: [element(rng), element(rng)],
        z: core::array::from_fn(|_| Element::new(rng.gen_range(0..1 << 56)).unwrap()),
    }
}

fn element(rng: &mut ChaCha8Rng) -> Element {
    // Half of them near the ends of the field and of its split.
    let special = [
        0,
        1,
        (1 << 32) - 2,
        (1 << 32) - 1,
        1 << 32,
        agoge_protocol::element::MODULUS - 1,
    ];
    if rng.gen_bool(0.3) {
        Element::new(special[rng.gen_range(0..special.len())]).unwrap()
    } else {
        Element::new(rng.gen_range(0..agoge_protocol::element::MODULUS)).unwrap()
    }
}

pub(super) fn digest(rng: &mut ChaCha8Rng) -> Digest {
    Digest(core::array::from_fn(|_| element(rng)))
}

pub(super) fn deposit(rng: &mut ChaCha8Rng) -> SettledDeposit {
    SettledDeposit {
        partial: digest(rng),
        value: rng.gen_range(0..1 << 60),
    }
}

pub(super) fn effects(rng: &mut ChaCha8Rng, is_withdrawal: bool) -> TxEffects {
    let withdrawal = Withdrawal {
        amount: rng.gen_range(1..1 << 60),
        recipient: Address::from(rng.r#gen::<[u8; 20]>()),
    };
    TxEffects {
        nullifiers: [digest(rng), digest(rng)],
        commitments: [digest(rng), digest(rng)],
        fee: rng.gen_range(0..1 << 60),
        withdrawal: if is_withdrawal {
            withdrawal
        } else {
            Withdrawal::default()
        },
        ciphertexts: core::array::from_fn(|_| {
            let bytes: Vec<u8> = (0..91).map(|_| rng.r#gen()).collect();
            Ciphertext::from_bytes(&bytes.try_into().unwrap())
        }),
    }
}

/// Blocks of so many (deposits, transactions), every other transaction with a withdrawal.
pub(super) fn epoch(rng: &mut ChaCha8Rng, shape: &[(usize, usize)]) -> Epoch {
    let inbox_start = 1_000;
    let mut inbox_end = inbox_start;
    let mut steps = vec![];
    let mut settled = vec![];
    let mut blocks = vec![];
    for (position, (deposits, txs)) in shape.iter().enumerate() {
        let deposits: Vec<_> = (0..*deposits).map(|_| deposit(rng)).collect();
        let txs: Vec<_> = (0..*txs).map(|i| effects(rng, i % 2 == 1)).collect();
        inbox_end += deposits.len() as u64;
        let header = header(rng, position as u64, inbox_end, &deposits, &txs);
        let archive = digest(rng);
        settled.push(SettledBlock {
            slot: header.slot,
            fee_recipient: header.fee_recipient,
            total_fees: header.total_fees,
            tx_count: u16::try_from(txs.len()).unwrap(),
            archive,
            deposits: deposits.clone(),
            withdrawals: txs
                .iter()
                .map(|tx| tx.withdrawal)
                .filter(|withdrawal| withdrawal.amount != 0)
                .collect(),
        });
        steps.extend(deposits.into_iter().map(SettlementStep::Deposit));
        steps.extend(
            txs.iter()
                .cloned()
                .map(|tx| SettlementStep::Transaction(Box::new(tx))),
        );
        steps.push(SettlementStep::BlockEnd {
            header: Box::new(header),
            archive,
        });
        blocks.push(txs);
    }
    Epoch {
        steps,
        list: SettlementList::new(settled).unwrap(),
        inbox_start,
        blocks,
    }
}

fn header(
    rng: &mut ChaCha8Rng,
    position: u64,
    inbox_end: u64,
    deposits: &[SettledDeposit],
    txs: &[TxEffects],
) -> Header {
    let slot = Slot::new(64 + position);
    let mut settlement_hash = Digest::ZERO;
    let mut effects_hash = Digest::ZERO;
    for deposit in deposits {
        let value = Element::new(deposit.value).unwrap();
        settlement_hash = hash::deposit_step(settlement_hash, deposit.partial, value);
    }
    for tx in txs {
        let hash = hash::tx_effects(tx, hash::ciphertexts(&tx.ciphertexts)).unwrap();
        effects_hash = hash::effects_step(effects_hash, hash);
        if tx.withdrawal.amount != 0 {
            let amount = Element::new(tx.withdrawal.amount).unwrap();
            settlement_hash = hash::withdrawal_step(settlement_hash, tx.withdrawal.recipient, amount);
        }
    }
    Header {
        genesis_id: digest(rng),
        number: L2BlockNumber::new(7 + position),
        slot,
        timestamp: TIMING.slot_start(slot),
        parent_archive: digest(rng),
        note_root: digest(rng),
        note_count: 12,
        nullifier_root: digest(rng),
        nullifier_count: 34,
        inbox_end,
        settlement_hash,
        effects_hash,
        fee_recipient: Address::from(rng.r#gen::<[u8; 20]>()),
        total_fees: rng.gen_range(0..1 << 60),
        tx_count: txs.len() as u64,
    }
}
