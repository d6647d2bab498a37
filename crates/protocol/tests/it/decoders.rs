//! Whatever bytes come from a peer, from calldata or from a file: decoding never panics, and what decodes has no second encoding.
//! A seed is a real encoding; some thousand reproducible mutations of each keep most of its structure, so they get past the first check.

use agoge_protocol::messages::AttestationSet;
use agoge_protocol::settlement::{SettledBlock, SettledDeposit};
use agoge_protocol::{
    Address, Attestation, B256, Ciphertext, CompactSignature, Deposit, Digest, Element, Epoch, FreeFields,
    Header, L2BlockNumber, NetworkConfig, Proposal, Quote, SettlementList, SignedProposal, SignedQuote, Slot,
    Transaction, TxId, TxPublicInputs, Withdrawal,
};
use borsh::{BorshDeserialize, BorshSerialize};

const MUTATIONS: usize = 4_000;

/// Numbers at which bounds are.
const EDGES: [u64; 8] = [
    0,
    1,
    0xffff,
    u32::MAX as u64,
    1 << 56,
    1 << 60,
    agoge_protocol::element::MODULUS,
    u64::MAX,
];

/// A reproducible source of choices (xorshift64*).
struct Choices(u64);

impl Choices {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound.max(1)).expect("64 bits")).expect("64 bits")
    }

    /// One to three changes: a bit, a byte, a number at a bound, a cut, more bytes, a part twice.
    fn mutate(&mut self, seed: &[u8]) -> Vec<u8> {
        let mut bytes = seed.to_vec();
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len());
            match self.below(7) {
                0 | 1 => bytes
                    .iter_mut()
                    .skip(at)
                    .take(1)
                    .for_each(|byte| *byte ^= 1 << self.below(8)),
                2 => bytes
                    .iter_mut()
                    .skip(at)
                    .take(1)
                    .for_each(|byte| *byte = self.next().to_le_bytes()[0]),
                3 => {
                    let edge = EDGES[self.below(EDGES.len())].to_le_bytes();
                    bytes
                        .iter_mut()
                        .skip(at)
                        .zip(edge)
                        .for_each(|(byte, new)| *byte = new);
                }
                4 => bytes.truncate(at),
                5 => bytes.extend((0..self.below(40)).map(|_| self.next().to_le_bytes()[0])),
                _ => bytes.extend_from_within(at..),
            }
        }
        bytes
    }
}

/// Tries a decoder, whose success gives the canonical encoding, with a seed and its mutations; returns how many of these decoded.
fn try_decoder(name: &str, seed: &[u8], decode: impl Fn(&[u8]) -> Option<Vec<u8>>) -> usize {
    assert_eq!(
        decode(seed).as_deref(),
        Some(seed),
        "{name}: the seed is a real encoding"
    );
    for length in 0..seed.len() {
        assert!(decode(&seed[..length]).is_none(), "{name}: cut to {length} bytes");
    }
    let mut choices = Choices(0xa609e);
    let mut decoded = 0;
    for _ in 0..MUTATIONS {
        let bytes = choices.mutate(seed);
        if let Some(again) = decode(&bytes) {
            assert_eq!(again, bytes, "{name}: a second encoding");
            decoded += 1;
        }
    }
    assert!(decoded < MUTATIONS, "{name}: everything decodes");
    decoded
}

fn try_borsh<T: BorshSerialize + BorshDeserialize>(name: &str, value: &T) {
    let seed = borsh::to_vec(value).expect("encodes");
    let decoded = try_decoder(name, &seed, |bytes| {
        borsh::from_slice::<T>(bytes)
            .ok()
            .map(|value| borsh::to_vec(&value).expect("encodes"))
    });
    assert!(decoded > 0, "{name}: no mutation got through, so none was deep");
}

fn digest(first: u32) -> Digest {
    Digest([first, 2, 3, 4].map(Element::from_u32))
}

fn withdrawal() -> Withdrawal {
    Withdrawal {
        amount: 5,
        recipient: Address::repeat_byte(6),
    }
}

fn transaction() -> Transaction {
    let inputs = TxPublicInputs::new(
        digest(1),
        digest(2),
        [digest(3), digest(4)],
        [digest(5), digest(6)],
        7,
        withdrawal(),
        digest(8),
    );
    let ciphertexts = [
        Ciphertext::from_bytes(&[9; 91]),
        Ciphertext::from_bytes(&[10; 91]),
    ];
    Transaction::new(inputs.expect("legal"), ciphertexts, vec![11; 40]).expect("short")
}

fn free_fields() -> FreeFields {
    FreeFields {
        slot: Slot::new(1),
        fee_recipient: Address::repeat_byte(2),
        inbox_end: 3,
        archive: digest(4),
    }
}

fn signature() -> CompactSignature {
    CompactSignature::from_bytes([12; 64])
}

fn settlement() -> SettlementList {
    let block = SettledBlock {
        slot: Slot::new(13),
        fee_recipient: Address::repeat_byte(14),
        total_fees: 15,
        tx_count: 1,
        archive: digest(16),
        deposits: vec![SettledDeposit {
            partial: digest(17),
            value: 18,
        }],
        withdrawals: vec![withdrawal()],
    };
    SettlementList::new(vec![block]).expect("legal")
}

#[test]
fn what_peers_gossip_has_one_encoding() {
    try_borsh("transaction", &transaction());
    let ids: Vec<TxId> = vec![transaction().id(); 3];
    let proposal = Proposal::new(
        free_fields(),
        digest(1),
        B256::repeat_byte(2),
        B256::repeat_byte(3),
        ids,
    );
    let signed = SignedProposal {
        proposal: proposal.expect("short"),
        signature: signature(),
    };
    try_borsh("proposal", &signed);
    let attestation = Attestation {
        slot: Slot::new(1),
        index: 2,
        block_hash: B256::repeat_byte(3),
        signature: signature(),
    };
    try_borsh("attestation", &attestation);
    try_borsh(
        "attestations",
        &AttestationSet::pack(&[(1, signature()), (5, signature())].into()),
    );
    let quote = Quote {
        instance: Address::repeat_byte(1),
        epoch: Epoch::new(2),
        end_archive: digest(3),
        valid_until_slot: Slot::new(4),
        bond_amount_gwei: 5,
        prover: Address::repeat_byte(6),
        basis_point_fee: 7,
        nonce: 8,
    };
    try_borsh(
        "quote",
        &SignedQuote {
            quote,
            signature: signature(),
        },
    );
}

#[test]
fn what_nodes_answer_and_store_has_one_encoding() {
    try_borsh("effects", &transaction().effects());
    try_borsh("settlement list", &settlement());
    let deposit = Deposit {
        index: 1,
        partial: digest(2),
        value: 3,
        ciphertext: Ciphertext::from_bytes(&[4; 91]),
        time: 5,
        inbox_hash: B256::repeat_byte(6),
    };
    try_borsh("deposit", &deposit);
    let header = Header {
        genesis_id: digest(1),
        number: L2BlockNumber::new(2),
        slot: Slot::new(3),
        timestamp: 4,
        parent_archive: digest(5),
        note_root: digest(6),
        note_count: 7,
        nullifier_root: digest(8),
        nullifier_count: 9,
        inbox_end: 10,
        settlement_hash: digest(11),
        effects_hash: digest(12),
        fee_recipient: Address::repeat_byte(13),
        total_fees: 14,
        tx_count: 15,
    };
    try_borsh("header", &header);
}

#[test]
fn settlement_calldata_has_one_encoding() {
    let decoded = try_decoder("settlement calldata", &settlement().encode(), |bytes| {
        SettlementList::decode(bytes).ok().map(|list| list.encode())
    });
    assert!(decoded > 0, "no mutation got through");
}

/// Text has many spellings; a mutated file gives an error or a value, never a panic.
#[test]
fn a_mutated_network_file_does_not_panic() {
    let network = include_str!("../../../../script/networks/devnet.toml");
    assert!(NetworkConfig::parse(network).is_ok(), "the seed is a real file");
    let mut choices = Choices(0xa609e);
    let mut refused = 0;
    for _ in 0..MUTATIONS / 4 {
        let bytes = choices.mutate(network.as_bytes());
        let text = String::from_utf8_lossy(&bytes);
        refused += usize::from(NetworkConfig::parse(&text).is_err());
    }
    assert!(refused > 0, "nothing was refused");
}
