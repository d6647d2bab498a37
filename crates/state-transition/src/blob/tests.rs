//! Round trips, the evaluation convention against two independent readings of EIP-4844, and a blob for each rule of the decoder.

use std::sync::LazyLock;

use agoge_protocol::element::MODULUS;
use agoge_protocol::transaction::VALUE_BOUND;
use agoge_protocol::{Address, Ciphertext, Digest, Element, Withdrawal};
use ark_bls12_381::Fr;
use ark_ff::{BigInteger, Field, PrimeField};
use proptest::prelude::*;

use super::limbs::{LIMB_BITS, write_tx};
use super::*;

fn digest() -> impl Strategy<Value = Digest> {
    proptest::array::uniform4(prop_oneof![
        0..MODULUS,
        Just(0),
        Just(MODULUS - 1),
        Just((1 << 32) - 1),
        Just(0xffff_ffff_0000_0000)
    ])
    .prop_map(|raw| Digest(raw.map(|number| Element::new(number).unwrap())))
}

fn withdrawal() -> impl Strategy<Value = Withdrawal> {
    let some = (1..VALUE_BOUND, any::<[u8; 20]>()).prop_map(|(amount, recipient)| Withdrawal {
        amount,
        recipient: Address::from(recipient),
    });
    prop_oneof![Just(Withdrawal::default()), some]
}

fn ciphertext() -> impl Strategy<Value = Ciphertext> {
    proptest::collection::vec(any::<u8>(), 91)
        .prop_map(|bytes| Ciphertext::from_bytes(&bytes.try_into().unwrap()))
}

fn tx() -> impl Strategy<Value = TxEffects> {
    let pair = |strategy: fn() -> BoxedStrategy<Digest>| [strategy(), strategy()];
    let boxed = || digest().boxed();
    (
        pair(boxed),
        pair(boxed),
        0..VALUE_BOUND,
        withdrawal(),
        [ciphertext(), ciphertext()],
    )
        .prop_map(
            |(nullifiers, commitments, fee, withdrawal, ciphertexts)| TxEffects {
                nullifiers,
                commitments,
                fee,
                withdrawal,
                ciphertexts,
            },
        )
        .prop_filter("forms", |tx| tx.check().is_ok())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn decode_inverts_encode(txs in proptest::collection::vec(tx(), 0..=8)) {
        let blob = encode(&txs).unwrap();
        prop_assert_eq!(decode(&blob, 8).unwrap(), txs);
    }

    #[test]
    fn no_byte_can_change_without_the_effects_changing(
        txs in proptest::collection::vec(tx(), 0..=2), position in 0..BLOB_BYTES, change in 1_u8..
    ) {
        let mut blob = encode(&txs).unwrap();
        blob[position] ^= change;
        if let Ok(other) = decode(&blob, 8) {
            prop_assert_ne!(&other, &txs);
            prop_assert_eq!(encode(&other).unwrap(), blob);
        }
    }
}

fn sample() -> TxEffects {
    let digest = |start: u32| Digest([0, 1, 2, 3].map(|i| Element::from_u32(start + i)));
    TxEffects {
        nullifiers: [digest(1), digest(5)],
        commitments: [digest(9), digest(13)],
        fee: VALUE_BOUND - 1,
        withdrawal: Withdrawal {
            amount: 3,
            recipient: Address::repeat_byte(0xcd),
        },
        ciphertexts: [
            Ciphertext::from_bytes(&[0xab; 91]),
            Ciphertext::from_bytes(&[1; 91]),
        ],
    }
}

#[test]
fn the_largest_block_fits_and_one_more_is_refused() {
    let most = vec![sample(); BLOCK_TXS_MAX];
    assert_eq!(decode(&encode(&most).unwrap(), BLOCK_TXS_MAX).unwrap(), most);
    let more = vec![sample(); BLOCK_TXS_MAX + 1];
    assert_eq!(
        encode(&more),
        Err(EncodeError::TooManyTxs {
            found: BLOCK_TXS_MAX + 1
        })
    );
}

#[test]
fn effects_that_no_block_has_are_not_encoded() {
    let bad = TxEffects {
        fee: VALUE_BOUND,
        ..sample()
    };
    let reason = MalformedTx::ValueTooLarge {
        field: "fee",
        found: VALUE_BOUND,
    };
    assert_eq!(
        encode(&[sample(), bad]),
        Err(EncodeError::Malformed { index: 1, reason })
    );
}

// The evaluation convention.

/// EIP-4844 (consensus specs, deneb): `PRIMITIVE_ROOT_OF_UNITY = 7`.
static ROOT: LazyLock<Fr> = LazyLock::new(|| {
    let mut exponent = Fr::MODULUS;
    exponent.sub_with_borrow(&1_u64.into());
    exponent >>= 12;
    Fr::from(7_u64).pow(exponent)
});

/// `sum c_i x^i` from the documented limbs, in the plainest way.
fn naive(coefficients: &[Coefficient], x: Fr) -> Fr {
    let two_28 = Fr::from(1_u64 << 28);
    coefficients.iter().rev().fold(Fr::from(0_u64), |sum, limbs| {
        let number = limbs
            .iter()
            .rev()
            .fold(Fr::from(0_u64), |n, limb| n * two_28 + Fr::from(*limb));
        sum * x + number
    })
}

fn coefficients_of(txs: &[TxEffects]) -> Vec<Coefficient> {
    let count = u32::try_from(txs.len()).unwrap();
    std::iter::once([1, count, 0, 0, 0, 0, 0, 0, 0])
        .chain(txs.iter().flat_map(write_tx))
        .collect()
}

#[test]
fn the_blob_holds_the_evaluations_at_bit_reversed_roots() {
    let txs = vec![sample(); 3];
    let blob = encode(&txs).unwrap();
    let coefficients = coefficients_of(&txs);
    for position in [0_u32, 1, 2, 3, 5, 1_000, 2_048, 4_095] {
        let reversed = (0..12).fold(0_u64, |acc, bit| {
            acc | (u64::from(position >> bit & 1) << (11 - bit))
        });
        let expected = naive(&coefficients, ROOT.pow([reversed]))
            .into_bigint()
            .to_bytes_be();
        let start = usize::try_from(position).unwrap() * 32;
        assert_eq!(blob[start..start + 32], expected[..], "position {position}");
    }
}

#[test]
fn c_kzg_evaluates_the_same_polynomial() {
    let txs = vec![sample(); 5];
    let blob = c_kzg::Blob::new(*encode(&txs).unwrap());
    let settings = c_kzg::ethereum_kzg_settings(0);
    for z in [2_u64, 12_345_678_901, u64::MAX] {
        let point: [u8; 32] = Fr::from(z).into_bigint().to_bytes_be().try_into().unwrap();
        let (_, y) = settings.compute_kzg_proof(&blob, &point.into()).unwrap();
        let expected = naive(&coefficients_of(&txs), Fr::from(z))
            .into_bigint()
            .to_bytes_be();
        assert_eq!(y.as_slice(), expected);
    }
}

#[test]
fn the_layout_is_that_of_the_document() {
    let tx = TxEffects {
        nullifiers: [[0x0102_0304_0506_0708, 0, 0, 0], [1, 0, 0, 0]]
            .map(|raw| Digest(raw.map(|number| Element::new(number).unwrap()))),
        fee: 0x0fed_cba9_8765_4321,
        withdrawal: Withdrawal {
            amount: 1,
            recipient: Address::from(core::array::from_fn(|i| u8::try_from(i).unwrap())),
        },
        ..sample()
    };
    let limbs = write_tx(&tx).concat();
    assert_eq!(limbs.len(), 117);
    assert_eq!(limbs[..3], [0x506_0708, 0x020_3040, 0x01]);
    assert_eq!(limbs[48..51], [0x765_4321, 0xedc_ba98, 0xf]);
    assert_eq!(limbs[51..54], [1, 0, 0]);
    assert_eq!(
        limbs[54..60],
        [0x11_1213, 0x0d0_e0f1, 0x90a_0b0c, 0x060_7080, 0x203_0405, 0x10]
    );
    assert_eq!(limbs[112..], [0; 5]);
}

// A blob for each rule.

/// Coefficient, limb and its new value.
type Change = (usize, usize, u32);

/// Changes limbs of a block of two samples and decodes.
fn decode_changed(changes: &[Change]) -> Result<Vec<TxEffects>, BlobError> {
    let mut coefficients = coefficients_of(&[sample(), sample()]);
    coefficients.resize(BLOB_ELEMENTS, [0; COEFFICIENT_LIMBS]);
    for (coefficient, limb, value) in changes {
        assert!(*value < 1 << LIMB_BITS);
        coefficients[*coefficient][*limb] = *value;
    }
    decode(&polynomial::evaluate(&coefficients), 2)
}

/// Limb `limb` of transaction 1 as (coefficient, limb).
fn at(limb: usize, value: u32) -> Change {
    (14 + limb / 9, limb % 9, value)
}

#[test]
fn each_rule_of_the_decoder_has_a_blob_that_breaks_only_it() {
    assert_eq!(decode_changed(&[]), Ok(vec![sample(); 2]));
    let index = 1;
    let wide = |field, limb, bits| BlobError::LimbTooWide {
        index,
        field,
        limb,
        bits,
    };
    let no_amount = [at(51, 0), at(52, 0), at(53, 0)];
    let no_recipient = [54, 55, 56, 57, 58, 59].map(|limb| at(limb, 0));
    assert!(decode_changed(&[no_amount.as_slice(), &no_recipient].concat()).is_ok());
    let p = [at(3, 1), at(4, 0xfff_fff0), at(5, 0xff)];
    let max = [at(48, 0xfff_ffff), at(49, 0xfff_ffff)];
    let cases = [
        ("version 0", vec![(0, 0, 0)], BlobError::Version { found: 0 }),
        ("version 2", vec![(0, 0, 2)], BlobError::Version { found: 2 }),
        ("limb 2 of the header", vec![(0, 2, 1)], BlobError::HeaderPadding),
        ("limb 8 of the header", vec![(0, 8, 1)], BlobError::HeaderPadding),
        (
            "more than T",
            vec![(0, 1, 3)],
            BlobError::TooManyTxs { found: 3, limit: 2 },
        ),
        (
            "a huge count",
            vec![(0, 1, 0xfff_ffff)],
            BlobError::TooManyTxs {
                found: 0xfff_ffff,
                limit: 2,
            },
        ),
        (
            "count below the data",
            vec![(0, 1, 1)],
            BlobError::TrailingData { position: 14 },
        ),
        (
            "first coefficient after the data",
            vec![(27, 8, 1)],
            BlobError::TrailingData { position: 27 },
        ),
        (
            "last coefficient",
            vec![(4_095, 0, 1)],
            BlobError::TrailingData { position: 4_095 },
        ),
        (
            "first padding limb",
            vec![at(112, 1)],
            BlobError::TxPadding { index },
        ),
        (
            "last padding limb",
            vec![at(116, 1)],
            BlobError::TxPadding { index },
        ),
        (
            "an element of 65 bits",
            vec![at(2, 0x100)],
            wide("nullifier 0", 0x100, 8),
        ),
        (
            "a commitment of 65 bits",
            vec![at(47, 0x100)],
            wide("commitment 1", 0x100, 8),
        ),
        (
            "the modulus itself",
            p.to_vec(),
            BlobError::Element {
                index,
                field: "nullifier 0",
                reason: NotCanonical { found: MODULUS },
            },
        ),
        (
            "a fee of 2^60",
            [max.as_slice(), &[at(50, 0x10)]].concat(),
            wide("fee", 0x10, 4),
        ),
        (
            "a withdrawal of 2^60",
            vec![at(53, 0x10)],
            wide("withdrawal amount", 0x10, 4),
        ),
        (
            "a recipient of 161 bits",
            vec![at(59, 1 << 20)],
            wide("withdrawal recipient", 1 << 20, 20),
        ),
        (
            "a recipient without amount",
            no_amount.to_vec(),
            BlobError::RecipientWithoutAmount { index },
        ),
    ];
    for (description, changes, expected) in cases {
        assert_eq!(decode_changed(&changes), Err(expected), "{description}");
    }
}

#[test]
fn coefficients_of_253_bits_are_refused() {
    // Adding a constant to a polynomial adds it to every evaluation.
    let mut blob = encode(&[]).unwrap();
    let two_252 = Fr::from(2_u64).pow([252]);
    for chunk in blob.as_chunks_mut::<32>().0 {
        let sum = Fr::from_be_bytes_mod_order(chunk) + two_252;
        chunk.copy_from_slice(&sum.into_bigint().to_bytes_be());
    }
    assert_eq!(
        decode(&blob, 8),
        Err(BlobError::CoefficientTooWide { position: 0 })
    );
}

#[test]
fn scalars_at_or_above_the_modulus_are_refused() {
    let empty = encode(&[]).unwrap();
    for position in [0, 7, 4_095] {
        let mut blob = empty.clone();
        let chunk = &mut blob.as_chunks_mut::<32>().0[position];
        // The same polynomial, its evaluation written as value + r.
        let mut number = Fr::from_be_bytes_mod_order(chunk).into_bigint();
        number.add_with_carry(&Fr::MODULUS);
        chunk.copy_from_slice(&number.to_bytes_be());
        assert_eq!(decode(&blob, 8), Err(BlobError::ScalarNotCanonical { position }));
    }
}
