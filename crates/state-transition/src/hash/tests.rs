//! Golden vectors of every tag, and an independent sponge over plonky2's slow permutation.

use super::*;
use agoge_protocol::{L2BlockNumber, Slot, Withdrawal};
use proptest::prelude::*;

/// The text of `docs/protocol.md` section 4, word for word.
fn reference(tag: u64, inputs: &[Element]) -> Digest {
    let mut state = [0_u64; 12];
    state[8] = tag;
    state[9] = inputs.len() as u64;
    for chunk in inputs.chunks(8) {
        for (i, element) in chunk.iter().enumerate() {
            state[i] = element.get();
        }
        let permuted = GoldilocksField::poseidon_naive(state.map(GoldilocksField::from_canonical_u64));
        state = permuted.map(|field| field.to_canonical_u64());
    }
    Digest([0, 1, 2, 3].map(|i| Element::new(state[i]).unwrap()))
}

fn counting<const N: usize>() -> [Element; N] {
    core::array::from_fn(|i| Element::from_u32(u32::try_from(i).unwrap() + 1))
}

fn digest(start: u32) -> Digest {
    Digest([start, start + 1, start + 2, start + 3].map(Element::from_u32))
}

#[test]
fn every_tag_has_a_golden_vector_and_follows_the_text() {
    macro_rules! check {
        ($($tag:ident = $number:literal, $golden:literal;)*) => {
            let mut wrong = Vec::new();
            $(
                let digest = hash($tag, &counting());
                assert_eq!($tag.number(), $number);
                assert_eq!(digest, reference($number, &counting::<{ $tag.inputs() }>()), stringify!($tag));
                if digest.to_string() != $golden {
                    wrong.push(format!("{} is {digest}", stringify!($tag)));
                }
            )*
            assert!(wrong.is_empty(), "{wrong:#?}");
        };
    }
    check! {
        OWNER = 1, "0xfb8477ba9cd9528755f915da587a0953ee55fb540de5332a31fef78ff2eea1ca";
        PARTIAL = 2, "0x50351e665be6722826560dbcd197cd227a2353c46e7e3e3a59e42f28f6cc3541";
        NOTE = 3, "0x53872a0c33be853aa09a97ace94488a9086236a2b4c3e10aa8acdc4b4e090951";
        RHO = 4, "0xf97ea3e36bdd58c05bd8407fd4e19112ea309731c534e54668fc3a6f5a1fe71a";
        DEPOSIT_RHO = 5, "0x69f927e965b1bd133097dfcae358c5ec498800b2c3e6808745fafc3f82065109";
        NULLIFIER = 6, "0x85c8eae336527937aad55d1d9a402629e08a4b7a22ed0defd0ade84aaabe916b";
        NODE = 7, "0x803abb29bdfbe9078626e5c663d1e55fe5c0365b01bb035bf409dbcc77d91821";
        NULLIFIER_LEAF = 8, "0x245e6014048f0f8c7d120490a78032cedcd44ad1dc1da261f58a2f4058683ab7";
        CIPHERTEXTS = 9, "0x5179a222cfe5018ab355ea64acb1015758aa68a5f923eec4a2634835534d7e34";
        TX_EFFECTS = 10, "0x9f910a8924ec70fc0ff46dcb17d534273f358302e6e926764892be068593c9f3";
        EFFECTS_STEP = 11, "0x00a27a430400bdc070d1e11697768a766c863ebe7f7767a4d20b4a0c361ec895";
        DEPOSIT_STEP = 12, "0xea05c8f97e297960c193c0c620d9f08deb2574b9bed28b010e5101dd0e98c3a3";
        WITHDRAWAL_STEP = 13, "0x64065f4b4d146fd4d9cd867f5bdd46c268d1eaa52dc4826cfa107398c8d82146";
        HEADER = 14, "0x7a7006da55b79c5c924c38677680c488080a9be05e86da481b079e0b9ff49088";
        TX_CHAIN_STEP = 15, "0x0313e4aacdf046f115e2fd9ee0ce06d99268b1d99f1247f460c4a6a0aa9199c5";
        HEADER_CHAIN_STEP = 16, "0x5a4a32257c3df9cb4872258c5965d10fab527f8d8e571fef28b5ad04d129b44e";
    }
}

#[test]
fn named_helpers_put_their_inputs_in_the_documented_order() {
    let sk = counting::<4>();
    assert_eq!(owner(&sk), hash(OWNER, &sk));
    assert_eq!(partial(digest(1), digest(5)), hash(PARTIAL, &counting()));
    assert_eq!(
        commitment(digest(1), Element::from_u32(5), digest(6)),
        hash(NOTE, &counting())
    );
    assert_eq!(nullifier(&sk, digest(5)), hash(NULLIFIER, &counting()));
    assert_eq!(node(digest(1), digest(5)), hash(NODE, &counting()));
    assert_eq!(
        nullifier_leaf([1, 2].map(Element::from_u32), [3, 4].map(Element::from_u32)),
        hash(NULLIFIER_LEAF, &counting())
    );
    assert_eq!(
        effects_step(digest(1), digest(5)),
        hash(EFFECTS_STEP, &counting())
    );
    assert_eq!(
        deposit_step(digest(1), digest(5), Element::from_u32(9)),
        hash(DEPOSIT_STEP, &counting())
    );
    assert_eq!(
        tx_chain_step(digest(1), digest(5), digest(9), digest(13)),
        hash(TX_CHAIN_STEP, &counting())
    );
    assert_eq!(
        header_chain_step(digest(1), digest(5), digest(9)),
        hash(HEADER_CHAIN_STEP, &counting())
    );
    assert_eq!(deposit_rho(digest(1), 5), Ok(hash(DEPOSIT_RHO, &counting())));
    let with_index = |index| [1, 2, 3, 4, index].map(Element::from_u32);
    assert_eq!(rho(digest(1), Output::First), hash(RHO, &with_index(0)));
    assert_eq!(rho(digest(1), Output::Second), hash(RHO, &with_index(1)));
}

/// The 20 bytes whose limbs are 5, 6, 7.
fn address() -> Address {
    let mut bytes = [0; 20];
    (bytes[6], bytes[13], bytes[19]) = (5, 6, 7);
    Address::from(bytes)
}

#[test]
fn withdrawals_ciphertexts_effects_and_headers_follow_the_documented_order() {
    assert_eq!(
        withdrawal_step(digest(1), address(), Element::from_u32(8)),
        hash(WITHDRAWAL_STEP, &counting())
    );

    let [first, second] = [0, 13].map(|skip| {
        Ciphertext::new(core::array::from_fn(|i| {
            Element::from_u32(u32::try_from(i + skip).unwrap() + 1)
        }))
        .unwrap()
    });
    assert_eq!(ciphertexts(&[first, second]), hash(CIPHERTEXTS, &counting()));

    let effects = TxEffects {
        nullifiers: [digest(1), digest(5)],
        commitments: [digest(9), digest(13)],
        fee: 17,
        withdrawal: Withdrawal {
            amount: 18,
            recipient: address(),
        },
        ciphertexts: [first, second],
    };
    let mut inputs = counting::<25>();
    inputs[18..21].copy_from_slice(&[5, 6, 7].map(Element::from_u32));
    assert_eq!(tx_effects(&effects, digest(22)), Ok(hash(TX_EFFECTS, &inputs)));
    let TxEffects {
        nullifiers,
        commitments,
        fee,
        withdrawal,
        ..
    } = effects.clone();
    let public_inputs = TxPublicInputs::new(
        digest(77),
        digest(88),
        nullifiers,
        commitments,
        fee,
        withdrawal,
        digest(22),
    );
    assert_eq!(tx_effects_of(&public_inputs.unwrap()), hash(TX_EFFECTS, &inputs));
    assert!(
        tx_effects(
            &TxEffects {
                fee: u64::MAX,
                ..effects
            },
            Digest::ZERO
        )
        .is_err()
    );

    let block = Header {
        genesis_id: digest(1),
        number: L2BlockNumber::new(5),
        slot: Slot::new(6),
        timestamp: 7,
        parent_archive: digest(8),
        note_root: digest(12),
        note_count: 16,
        nullifier_root: digest(17),
        nullifier_count: 21,
        inbox_end: 22,
        settlement_hash: digest(23),
        effects_hash: digest(27),
        fee_recipient: address(),
        total_fees: 34,
        tx_count: 35,
    };
    let mut inputs = counting::<35>();
    inputs[30..33].copy_from_slice(&[5, 6, 7].map(Element::from_u32));
    assert_eq!(header(&block), Ok(hash(HEADER, &inputs)));
    assert_eq!(
        header(&block).unwrap().to_string(),
        "0x94da47bd9c43a92acfd9de96621314c163a9dfe15214da5dfec0a896adec0703"
    );
    assert!(
        header(&Header {
            timestamp: u64::MAX,
            ..block
        })
        .is_err()
    );
}

proptest! {
    #[test]
    fn the_sponge_equals_the_reference(raw in proptest::array::uniform32(0..agoge_protocol::element::MODULUS)) {
        let inputs: [Element; 26] = core::array::from_fn(|i| Element::new(raw[i]).unwrap());
        prop_assert_eq!(hash(CIPHERTEXTS, &inputs), reference(9, &inputs));
        let inputs: [Element; 8] = core::array::from_fn(|i| inputs[i]);
        prop_assert_eq!(hash(NODE, &inputs), reference(7, &inputs));
    }
}
