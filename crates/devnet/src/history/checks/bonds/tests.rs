//! A claim's lives, and the ones that must not be.

use super::*;
use crate::history::finding::Verdict;
use crate::history::replay::tests::placed;

const ROLLUP: Address = Address::repeat_byte(1);
const PROVER: Address = Address::repeat_byte(2);
const CHEAPER: Address = Address::repeat_byte(3);
const TREASURY: Address = Address::repeat_byte(9);

fn wei(amount: u64) -> U256 {
    U256::from(amount)
}

fn deposited(prover: Address) -> Event {
    Event::BondDeposited(ProverBonds::BondDeposited {
        prover,
        amount: wei(10),
    })
}

fn claimed(prover: Address, fee: u64) -> Event {
    Event::EpochClaimed(ProverBonds::EpochClaimed {
        instance: ROLLUP,
        epoch: wei(1),
        prover,
        basisPointFee: wei(fee),
        bondAmount: wei(4),
        quoteDigest: Default::default(),
    })
}

fn unlocked(prover: Address) -> Event {
    Event::BondUnlocked(ProverBonds::BondUnlocked {
        instance: ROLLUP,
        epoch: wei(1),
        prover,
        bondAmount: wei(4),
    })
}

fn reserved(amount: u64) -> Event {
    Event::ShareReserved(ProverBonds::ShareReserved {
        instance: ROLLUP,
        epoch: wei(1),
        prover: PROVER,
        blocks: wei(1),
        amount: wei(amount),
    })
}

fn settled(prover: Address, state: ClaimState, slashed: u64) -> Event {
    Event::ClaimSettled(ProverBonds::ClaimSettled {
        instance: ROLLUP,
        epoch: wei(1),
        prover,
        state: state as u8,
        slashed: wei(slashed),
        rescued: wei(0),
    })
}

fn credited(account: Address, amount: u64) -> Event {
    Event::Credited(ProverBonds::Credited {
        account,
        amount: wei(amount),
    })
}

fn account(deposited: u64, locked: u64) -> Account {
    Account {
        deposited: wei(deposited),
        locked: wei(locked),
    }
}

fn facts(events: Vec<Event>, accounts: &[(Address, Account)], owed: &[(Address, u64)]) -> BondsFacts {
    BondsFacts {
        events: events.into_iter().map(|event| placed(1, event)).collect(),
        balance: wei(25),
        accounts: accounts.iter().copied().collect(),
        owed: owed
            .iter()
            .map(|(account, amount)| (*account, wei(*amount)))
            .collect(),
    }
}

fn judged(facts: &BondsFacts) -> Finding {
    let mut finding = Finding::new(NAME);
    check(&mut finding, facts);
    finding
}

/// Two provers deposit; the claim is replaced, a share is reserved, the cheaper one delivers.
fn delivered() -> BondsFacts {
    facts(
        vec![
            deposited(PROVER),
            deposited(CHEAPER),
            claimed(PROVER, 20),
            unlocked(PROVER),
            claimed(CHEAPER, 10),
            reserved(5),
            unlocked(CHEAPER),
            settled(CHEAPER, ClaimState::Delivered, 0),
            credited(CHEAPER, 5),
        ],
        &[(PROVER, account(10, 0)), (CHEAPER, account(10, 0))],
        &[(CHEAPER, 5)],
    )
}

#[test]
fn a_claim_that_is_replaced_and_delivered_passes() {
    let finding = judged(&delivered());
    assert_eq!(finding.verdict, Verdict::Pass, "{finding:?}");
    assert_eq!((finding.figures["claims"], finding.figures["settled"]), (1, 1));
}

#[test]
fn a_claim_that_defaults_costs_its_bond_and_an_open_one_locks_it() {
    let defaulted = facts(
        vec![
            deposited(PROVER),
            claimed(PROVER, 20),
            settled(PROVER, ClaimState::Defaulted, 4),
            credited(TREASURY, 4),
        ],
        &[(PROVER, account(6, 0))],
        &[(TREASURY, 4)],
    );
    assert_eq!(
        judged(&defaulted).verdict,
        Verdict::Pass,
        "{:?}",
        judged(&defaulted)
    );
    let open = facts(
        vec![deposited(PROVER), claimed(PROVER, 20), reserved(5)],
        &[(PROVER, account(10, 4))],
        &[],
    );
    assert_eq!(judged(&open).verdict, Verdict::Pass, "{:?}", judged(&open));
}

#[test]
fn settled_twice_claimed_again_dearer_or_unlocked_for_nothing_is_found() {
    for (what, extra) in [
        ("twice", settled(CHEAPER, ClaimState::Delivered, 0)),
        ("claimed", claimed(CHEAPER, 5)),
        ("not locked", unlocked(PROVER)),
        ("reserved", reserved(0)),
    ] {
        let mut facts = delivered();
        facts.events.push(placed(2, extra));
        let finding = judged(&facts);
        assert_eq!(finding.verdict, Verdict::Fail, "{what}");
        assert!(finding.first[0].contains(what), "{what}: {finding:?}");
    }
    let dearer = facts(
        vec![
            deposited(PROVER),
            claimed(PROVER, 20),
            unlocked(PROVER),
            claimed(PROVER, 20),
        ],
        &[(PROVER, account(10, 4))],
        &[],
    );
    assert!(judged(&dearer).first[0].contains("not cheaper"));
}

#[test]
fn a_missing_wei_and_an_account_that_is_not_what_happened_are_found() {
    let mut poor = delivered();
    poor.balance = wei(24);
    assert_eq!(judged(&poor).verdict, Verdict::Fail);
    let mut wrong = delivered();
    wrong.accounts.insert(PROVER, account(10, 4));
    assert_eq!(judged(&wrong).verdict, Verdict::Fail);
    let mut unpaid = delivered();
    unpaid.owed.clear();
    assert_eq!(judged(&unpaid).verdict, Verdict::Fail);
}
