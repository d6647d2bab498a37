//! Settlement lists, challenges, quotes and claims against `contracts/test/vectors/proving.json`, which forge writes.

use agoge_protocol::epoch_proof::{ChallengeContext, EpochPublicInputs, blobs_hash};
use agoge_protocol::quote::{Quote, claim_digest};
use agoge_protocol::settlement::SettlementList;
use agoge_protocol::{Address, B256, Digest, Element, Epoch, Slot, Timing, U256, eip712, keccak256};
use alloy_primitives::{address, hex};
use serde::Deserialize;

const CONTRACT: Address = address!("00000000000000000000000000000000000A909E");
const PROVER: Address = address!("A1b2c3D4E5f60718293A4B5C6D7E8f9001122334");
const CHAIN_ID: u64 = 31_337;
const INBOX_START: u64 = 5;
const MODULUS: u128 = 0xffff_ffff_0000_0001;
const TIMING: Timing = Timing {
    genesis_time: 1_800_000_000,
    slot_seconds: 36,
    epoch_slots: 32,
    set_lag: 2,
    entropy_lag: 1,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vectors {
    genesis_id: B256,
    start_archive: B256,
    end_archive: B256,
    settlement: String,
    blob_hashes: String,
    evaluation: String,
    inbox_hash: B256,
    last_block_hash: B256,
    public_inputs: Vec<String>,
    quote: B256,
    claim: B256,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../../contracts/test/vectors/proving.json")).unwrap()
}

fn digest(bytes: B256) -> Digest {
    Digest::from_b256(bytes).unwrap()
}

/// The list at alpha in `F_p[X]/(X^2 - 7)`, with the leading 1.
fn fingerprint(elements: &[Element], alpha: [Element; 2]) -> [Element; 2] {
    let [a0, a1] = alpha.map(|a| u128::from(a.get()));
    let product = |a: u128, b: u128| a * b % MODULUS;
    let acc = elements.iter().fold([1_u128, 0], |[c0, c1], element| {
        [
            (product(c0, a0) + 7 * product(c1, a1) + u128::from(element.get())) % MODULUS,
            (product(c0, a1) + product(c1, a0)) % MODULUS,
        ]
    });
    acc.map(|c| Element::new(u64::try_from(c).unwrap()).unwrap())
}

/// y in five limbs of 56 bits, least significant first.
fn limbs(y: U256) -> [Element; 5] {
    let mask = U256::from((1_u64 << 56) - 1);
    core::array::from_fn(|i| Element::new(((y >> (56 * i)) & mask).to::<u64>()).unwrap())
}

#[test]
fn public_inputs_are_those_of_l1() {
    let v = vectors();
    let calldata = hex::decode(&v.settlement).unwrap();
    let list = SettlementList::decode(&calldata).unwrap();
    assert_eq!(list.encode(), calldata);
    assert_eq!(list.blocks().len(), 3);

    let blobs: Vec<B256> = hex::decode(&v.blob_hashes)
        .unwrap()
        .chunks(32)
        .map(B256::from_slice)
        .collect();
    let context = ChallengeContext {
        chain_id: CHAIN_ID,
        rollup: CONTRACT,
        start_archive: digest(v.start_archive),
        end_archive: digest(v.end_archive),
        blobs_hash: blobs_hash(&blobs),
    };
    let alpha = context.settlement_challenge(PROVER, &calldata);
    let evaluation = hex::decode(&v.evaluation).unwrap();
    let inputs = EpochPublicInputs {
        genesis_id: digest(v.genesis_id),
        start_archive: context.start_archive,
        end_archive: context.end_archive,
        alpha,
        fingerprint: fingerprint(&list.elements(INBOX_START, &TIMING).unwrap(), alpha),
        z: context.blob_challenge(),
        y: limbs(U256::from_be_slice(&evaluation[..32])),
    };
    let expected: Vec<u64> = v.public_inputs.iter().map(|n| n.parse().unwrap()).collect();
    assert_eq!(inputs.to_elements().map(Element::get).to_vec(), expected);
}

/// L1 rolls the inbox up over the list's deposits; the block hash shows that the list has them in the same order and form.
#[test]
fn block_hash_is_that_of_l1() {
    let v = vectors();
    let list = SettlementList::decode(&hex::decode(&v.settlement).unwrap()).unwrap();
    let mut rolling = U256::from_be_bytes(v.inbox_hash.0);
    let mut inbox_end = INBOX_START;
    for deposit in list.blocks().iter().flat_map(|block| &block.deposits) {
        let words = [
            rolling.to_be_bytes::<32>(),
            deposit.partial.to_b256().0,
            U256::from(deposit.value).to_be_bytes::<32>(),
        ];
        rolling = U256::from_be_bytes(keccak256(words.concat()).0) & ((U256::from(1) << 216) - U256::from(1));
        inbox_end += 1;
    }
    let [.., before, last] = list.blocks() else {
        panic!("the list has several blocks")
    };
    let blob_hash = hex::decode(&v.blob_hashes).unwrap().split_off(64);
    let words = [
        before.archive.to_b256().0,
        U256::from(last.slot.get()).to_be_bytes::<32>(),
        last.fee_recipient.into_word().0,
        U256::from(inbox_end).to_be_bytes::<32>(),
        rolling.to_be_bytes::<32>(),
        last.archive.to_b256().0,
    ];
    assert_eq!(keccak256([words.concat(), blob_hash].concat()), v.last_block_hash);
}

#[test]
fn quote_and_claim_digests_are_those_of_l1() {
    let v = vectors();
    let domain = eip712::domain(CHAIN_ID, CONTRACT);
    let quote = Quote {
        instance: CONTRACT,
        epoch: Epoch::new(2),
        end_archive: digest(v.end_archive),
        valid_until_slot: Slot::new(100),
        bond_amount_gwei: 1_000_000_000,
        prover: PROVER,
        basis_point_fee: 250,
        nonce: 9,
    };
    assert_eq!(quote.digest(&domain), v.quote);
    assert_eq!(claim_digest(CONTRACT, Slot::new(77), v.quote, &domain), v.claim);
}
