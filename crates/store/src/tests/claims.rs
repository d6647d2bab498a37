//! Claims: what a replacement keeps, what a reorg brings back, and what stays for the claimant.

use agoge_protocol::{Address, B256, Epoch, L1BlockNumber, L2BlockNumber, Slot};

use super::support::{Act, CONFIG, Chain, twins};
use crate::{ClaimEnd, EpochClaim, L1Change, MinedAt, Store};

fn claim(epoch: u64, prover: u8) -> EpochClaim {
    EpochClaim {
        epoch: Epoch::new(epoch),
        prover: Address::repeat_byte(prover),
        basis_point_fee: 1_000 - u16::from(prover),
        bond_wei: 1,
        quote_digest: B256::repeat_byte(prover),
        l1_block: L1BlockNumber::new(1),
        deadline: None,
        end: None,
    }
}

fn end(epoch: u64) -> L1Change {
    L1Change::ClaimEnd {
        epoch: Epoch::new(epoch),
        end: ClaimEnd {
            outcome: agoge_protocol::chain::ClaimOutcome::Delivered,
            slashed_wei: 0,
            rescued_wei: 0,
            l1_block: L1BlockNumber::new(1),
        },
    }
}

fn apply(chain: &mut Chain, store: &Store, changes: Vec<L1Change>) {
    let mut step = chain.next_step(&[]);
    step.changes.extend(changes);
    store.apply_l1_block(step).unwrap();
}

#[test]
fn a_cheaper_claim_keeps_the_deadline_and_a_reorg_brings_the_dearer_back() {
    for (name, store, _dir) in twins(CONFIG) {
        let mut chain = Chain::new();
        chain.start(&store);
        let epoch = Epoch::new(3);
        let deadline = L1Change::ClaimDeadline {
            epoch,
            deadline: Slot::new(40),
        };
        apply(&mut chain, &store, vec![L1Change::Claimed(claim(3, 1)), deadline]);
        let first = store.view().claim(epoch).unwrap();
        apply(&mut chain, &store, vec![L1Change::Claimed(claim(3, 2))]);
        let expected = EpochClaim {
            deadline: Some(Slot::new(40)),
            ..claim(3, 2)
        };
        assert_eq!(store.view().claim(epoch).unwrap(), Some(expected), "{name}");
        chain.roll_back(&store, 1);
        assert_eq!(store.view().claim(epoch).unwrap(), first, "{name}");
    }
}

#[test]
fn open_claims_are_those_without_an_end() {
    for (name, store, _dir) in twins(CONFIG) {
        let mut chain = Chain::new();
        chain.start(&store);
        let claims = [2, 3, 5].map(|epoch| L1Change::Claimed(claim(epoch, 1)));
        apply(&mut chain, &store, claims.to_vec());
        apply(&mut chain, &store, vec![end(3)]);
        let open = |from| {
            let claims = store.view().open_claims(Epoch::new(from)).unwrap();
            claims.iter().map(|claim| claim.epoch.get()).collect::<Vec<_>>()
        };
        assert_eq!((open(0), open(3)), (vec![2, 5], vec![5]), "{name}");
        chain.roll_back(&store, 1);
        assert_eq!(open(3), [3, 5], "{name}");
    }
}

#[test]
fn transactions_of_a_proven_epoch_stay_while_its_claim_is_open() {
    for (name, store, _dir) in twins(CONFIG) {
        let mut chain = Chain::new();
        chain.start(&store);
        for _ in 0..12 {
            chain.offer(&store);
            let one = Act::Block {
                txs: 1,
                is_known: true,
            };
            chain.apply(&store, &[one]);
        }
        let epoch_of = |number: u64| {
            let block = store.view().block(L2BlockNumber::new(number)).unwrap();
            block.unwrap().header.slot.get() / CONFIG.epoch_slots
        };
        let claimed = epoch_of(5);
        let first = (1..=5).find(|number| epoch_of(*number) == claimed).unwrap();
        let oldest_kept = || {
            let view = store.view();
            (1..=12).find(|number| {
                let number = L2BlockNumber::new(*number);
                view.has_mined_tx(MinedAt { number, position: 0 }).unwrap()
            })
        };
        apply(&mut chain, &store, vec![L1Change::Claimed(claim(claimed, 1))]);
        chain.apply(&store, &[Act::Prove { count: 12 }]);
        for _ in 0..64 {
            chain.apply(&store, &[]);
        }
        assert_eq!(oldest_kept(), Some(first), "{name}");
        apply(&mut chain, &store, vec![end(claimed)]);
        let first_of_last = (1..=12).find(|number| epoch_of(*number) == epoch_of(12));
        assert_eq!(oldest_kept(), first_of_last, "{name}: delivered");
    }
}
