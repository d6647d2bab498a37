use proptest::prelude::*;

use super::*;
use crate::element::MODULUS;

const TIMING: Timing = Timing {
    genesis_time: 1_000,
    slot_seconds: 36,
    epoch_slots: 32,
    set_lag: 2,
    entropy_lag: 1,
};

fn digest() -> impl Strategy<Value = Digest> {
    prop::array::uniform4(0..MODULUS).prop_map(|n| Digest(n.map(|n| Element::new(n).unwrap())))
}

prop_compose! {
    fn block()(
        slot in 0..SLOT_BOUND,
        fee_recipient: [u8; 20],
        total_fees in 0..VALUE_BOUND,
        tx_count in 0..=64_u16,
        archive in digest(),
        deposits in prop::collection::vec((digest(), 0..VALUE_BOUND), 0..=16),
        withdrawals in prop::collection::vec((any::<[u8; 20]>(), 1..VALUE_BOUND), 0..=12),
    ) -> SettledBlock {
        SettledBlock {
            slot: Slot::new(slot),
            fee_recipient: Address::from(fee_recipient),
            total_fees,
            tx_count,
            archive,
            deposits: deposits.into_iter().map(|(partial, value)| SettledDeposit { partial, value }).collect(),
            withdrawals: withdrawals
                .into_iter()
                .map(|(recipient, amount)| Withdrawal { amount, recipient: Address::from(recipient) })
                .collect(),
        }
    }
}

fn plain() -> SettledBlock {
    SettledBlock {
        slot: Slot::new(7),
        fee_recipient: Address::repeat_byte(0xab),
        total_fees: 5,
        tx_count: 1,
        archive: Digest([1_u32, 2, 3, 4].map(Element::from_u32)),
        deposits: vec![SettledDeposit {
            partial: Digest([5_u32, 6, 7, 8].map(Element::from_u32)),
            value: 9,
        }],
        withdrawals: vec![Withdrawal {
            amount: 10,
            recipient: Address::repeat_byte(0xcd),
        }],
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn calldata_and_borsh_round_trip(blocks in prop::collection::vec(block(), 1..=4), cut in 1_usize..40) {
        let list = SettlementList::new(blocks).unwrap();
        let bytes = list.encode();
        prop_assert_eq!(&SettlementList::decode(&bytes).unwrap(), &list);
        prop_assert_eq!(&borsh::from_slice::<SettlementList>(&borsh::to_vec(&list).unwrap()).unwrap(), &list);
        // The last record of a block has at least 28 bytes, so a shorter cut ends within one.
        let cut = cut.min(WITHDRAWAL_BYTES - 1);
        prop_assert!(SettlementList::decode(&bytes[..bytes.len() - cut]).is_err());
        let mut longer = bytes;
        longer.push(0);
        prop_assert!(SettlementList::decode(&longer).is_err());
    }

    /// Different lists have different elements: what makes the fingerprint bind the list.
    #[test]
    fn lists_are_injective(a in prop::collection::vec(block(), 1..=2), b in prop::collection::vec(block(), 1..=2)) {
        let elements = |blocks: &Vec<SettledBlock>| {
            SettlementList::new(blocks.clone()).unwrap().elements(3, &TIMING).unwrap()
        };
        prop_assert_eq!(a == b, elements(&a) == elements(&b));
    }
}

#[test]
fn elements_stand_in_the_documented_order() {
    let list = SettlementList::new(vec![plain()]).unwrap();
    let numbers: Vec<u64> = list
        .elements(41, &TIMING)
        .unwrap()
        .into_iter()
        .map(Element::get)
        .collect();
    let recipient = address_limbs(Address::repeat_byte(0xcd)).map(Element::get);
    let fees_to = address_limbs(Address::repeat_byte(0xab)).map(Element::get);
    let mut expected = vec![5, 6, 7, 8, 9];
    expected.extend(recipient);
    expected.extend([10, 7, 1_000 + 7 * 36]);
    expected.extend(fees_to);
    expected.extend([5, 42, 1, 2, 3, 4, 1, 1, 1, 1]);
    assert_eq!(numbers, expected);
}

#[test]
fn calldata_has_the_documented_sizes() {
    let bytes = SettlementList::new(vec![plain()]).unwrap().encode();
    assert_eq!(bytes.len(), BLOCK_BYTES + DEPOSIT_BYTES + WITHDRAWAL_BYTES);
    assert_eq!(bytes[..4], [0, 0, 0, 7]);
    assert_eq!(LIST_ELEMENTS_MAX, 4_545);
}

#[test]
fn what_no_block_has_is_refused() {
    let with = |change: fn(&mut SettledBlock)| {
        let mut block = plain();
        change(&mut block);
        SettlementList::new(vec![plain(), block]).unwrap_err().to_string()
    };
    for (found, expected) in [
        (
            with(|b| b.tx_count = 65),
            "block 1 has 65 transactions, the limit is 64",
        ),
        (
            with(|b| b.deposits = vec![b.deposits[0]; 17]),
            "block 1 has 17 deposits, the limit is 16",
        ),
        (
            with(|b| b.withdrawals = vec![b.withdrawals[0]; 13]),
            "block 1 has 13 withdrawals, the limit is 12",
        ),
        (
            with(|b| b.slot = Slot::new(1 << 32)),
            "block 1: slot is 4294967296, not below 4294967296",
        ),
        (
            with(|b| b.total_fees = VALUE_BOUND),
            "block 1: total fees is 1152921504606846976, not below 1152921504606846976",
        ),
        (
            with(|b| b.deposits[0].value = VALUE_BOUND),
            "block 1: a deposit's value is 1152921504606846976, not below 1152921504606846976",
        ),
        (
            with(|b| b.withdrawals[0].amount = VALUE_BOUND),
            "block 1: a withdrawal's amount is 1152921504606846976, not below 1152921504606846976",
        ),
        (
            with(|b| b.withdrawals[0].amount = 0),
            "block 1: withdrawal 0 is of 0 gwei",
        ),
    ] {
        assert_eq!(found, expected);
    }
    for count in [0, 33] {
        let error = SettlementList::new(vec![plain(); count]).unwrap_err();
        assert_eq!(error, SettlementError::BlockCount { found: count });
    }
    assert_eq!(
        SettlementList::decode(&[]),
        Err(SettlementError::BlockCount { found: 0 })
    );
    let one = SettlementList::new(vec![plain()]).unwrap().encode();
    assert_eq!(
        SettlementList::decode(&one.repeat(33)),
        Err(SettlementError::BlockCount { found: 33 })
    );
    let mut forged = one;
    forged[BLOCK_BYTES - 32..BLOCK_BYTES - 24].fill(0xff);
    assert!(matches!(
        SettlementList::decode(&forged),
        Err(SettlementError::NotCanonical(_))
    ));
}
