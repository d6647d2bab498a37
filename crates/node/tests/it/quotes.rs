//! Quotes: what is refused, before which cost, and which one a proposer claims.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use agoge_l1_client::BlockRange;
use agoge_node::chain::ReadError;
use agoge_node::quotes::{BondReader, EPOCH_QUOTES_MAX, QuoteRefusal, QuoteRules, Quotes};
use agoge_protocol::eip712::domain;
use agoge_protocol::{
    Address, B256, CompactSignature, Digest, Element, Epoch, L1Event, Quote, SignedQuote, Slot, keccak256,
};
use alloy::signers::{SignerSync as _, local::PrivateKeySigner};
use futures::future::{BoxFuture, FutureExt as _};

use super::support::{TIMING, TestNode, fork, l1, posted, proven};

const INSTANCE: Address = Address::repeat_byte(1);
const BONDS: Address = Address::repeat_byte(2);
const BOND_GWEI: u64 = 1_000;
/// The last L1 block before the first slot of epoch 1: the next block may claim epoch 0.
const WINDOW_OPENS: u64 = 63;

/// An L1 that knows what provers have.
#[derive(Debug, Default)]
struct Bonds {
    available: Mutex<BTreeMap<Address, u128>>,
    asked: Mutex<Vec<Address>>,
    /// Fees of quotes that L1 would not take.
    unclaimable: Mutex<Vec<u16>>,
    is_down: Mutex<bool>,
    /// Times at which claims were tried.
    tried: Mutex<Vec<u64>>,
}

impl BondReader for Bonds {
    fn available(&self, prover: Address) -> BoxFuture<'_, Result<u128, ReadError>> {
        self.asked.lock().unwrap().push(prover);
        let available = self.available.lock().unwrap().get(&prover).copied();
        async move { Ok(available.unwrap_or(0)) }.boxed()
    }

    fn is_claimable(
        &self,
        time: u64,
        signed: SignedQuote,
        epoch: BlockRange,
    ) -> BoxFuture<'_, Result<Result<(), String>, ReadError>> {
        self.tried.lock().unwrap().push(time);
        let is_down = *self.is_down.lock().unwrap();
        let is_refused = self
            .unclaimable
            .lock()
            .unwrap()
            .contains(&signed.quote.basis_point_fee);
        async move {
            assert_eq!((epoch.first.get(), epoch.last.get()), (1, 2));
            match (is_down, is_refused) {
                (true, _) => Err(ReadError::from("L1 is down")),
                (_, true) => Ok(Err("no".to_owned())),
                _ => Ok(Ok(())),
            }
        }
        .boxed()
    }
}

struct World {
    node: TestNode,
    quotes: Quotes,
    bonds: Arc<Bonds>,
}

fn prover(n: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&keccak256([n])).unwrap()
}

impl World {
    /// A node with two blocks in epoch 0, followed up to an L1 block.
    fn new(head: u64) -> Self {
        let node = TestNode::new();
        for number in 1..=9 {
            node.extend(l1(number), &[], None).unwrap();
        }
        for (number, slot) in [(1, 3), (2, 4)] {
            let block = node.build(slot);
            node.extend(l1(9 + number), &[posted(number, &block)], None)
                .unwrap();
        }
        let bonds = Arc::new(Bonds::default());
        let rules = QuoteRules {
            instance: INSTANCE,
            domain: domain(31_337, BONDS),
            timing: TIMING,
            l1_slot_seconds: 1,
            claim_window_slots: 7,
            bond_min_gwei: BOND_GWEI,
        };
        let quotes = Quotes::new(
            rules,
            Arc::clone(&node.store),
            Arc::clone(&bonds) as Arc<dyn BondReader>,
        );
        let world = Self { node, quotes, bonds };
        world.to(head);
        world
    }

    /// Follows L1 blocks without events.
    fn to(&self, head: u64) {
        let from = self
            .node
            .store
            .view()
            .l1_head()
            .unwrap()
            .unwrap()
            .block
            .number
            .get();
        for number in from + 1..=head {
            self.node.extend(l1(number), &[], None).unwrap();
        }
    }

    fn fund(&self, n: u8, gwei: u64) {
        let wei = u128::from(gwei) * 1_000_000_000;
        self.bonds
            .available
            .lock()
            .unwrap()
            .insert(prover(n).address(), wei);
    }

    fn quote(&self, n: u8, fee: u16) -> Quote {
        Quote {
            instance: INSTANCE,
            epoch: Epoch::new(0),
            end_archive: self.node.archive(),
            valid_until_slot: Slot::new(20),
            bond_amount_gwei: BOND_GWEI,
            prover: prover(n).address(),
            basis_point_fee: fee,
            nonce: 1,
        }
    }

    async fn submit(&self, n: u8, fee: u16) -> Result<B256, QuoteRefusal> {
        self.quotes
            .submit(None, signed(n, self.quote(n, fee), BONDS))
            .await
    }

    async fn claimed_fee(&self) -> Option<u16> {
        let offer = self.quotes.offer().await?;
        assert_eq!(offer.epoch, Epoch::new(0));
        assert_eq!(offer.bundle_hash, keccak256(&offer.bundle));
        // The seventh word of the bundle is the fee.
        let word: [u8; 32] = offer.bundle[6 * 32..7 * 32].try_into().unwrap();
        Some(u16::from_be_bytes([word[30], word[31]]))
    }
}

fn signed(n: u8, quote: Quote, bonds: Address) -> SignedQuote {
    let digest = quote.digest(&domain(31_337, bonds));
    let signature = prover(n).sign_hash_sync(&digest).unwrap();
    SignedQuote {
        quote,
        signature: CompactSignature::from_signature(&signature),
    }
}

#[tokio::test]
async fn hostile_quotes_are_refused_before_l1_is_asked() {
    let world = World::new(WINDOW_OPENS);
    let good = world.quote(1, 500);
    let make = |change: &dyn Fn(&mut Quote)| {
        let mut quote = good;
        change(&mut quote);
        signed(1, quote, BONDS)
    };
    let mut malleable = signed(1, good, BONDS);
    malleable.signature = CompactSignature::from_bytes([0xff; 64]);
    type Expected = fn(&QuoteRefusal) -> bool;
    let rows: [(&str, SignedQuote, Expected, bool); 13] = [
        (
            "another instance",
            make(&|q| q.instance = Address::ZERO),
            |r| matches!(r, QuoteRefusal::WrongInstance { .. }),
            true,
        ),
        (
            "more than everything",
            make(&|q| q.basis_point_fee = 10_001),
            |r| matches!(r, QuoteRefusal::Invalid(_)),
            true,
        ),
        (
            "nobody",
            make(&|q| q.prover = Address::ZERO),
            |r| matches!(r, QuoteRefusal::Invalid(_)),
            true,
        ),
        (
            "small bond",
            make(&|q| q.bond_amount_gwei = BOND_GWEI - 1),
            |r| matches!(r, QuoteRefusal::BondTooSmall { .. }),
            true,
        ),
        (
            "the running epoch",
            make(&|q| q.epoch = Epoch::new(1)),
            |r| matches!(r, QuoteRefusal::WrongEpoch { .. }),
            false,
        ),
        (
            "an epoch to come",
            make(&|q| q.epoch = Epoch::new(9)),
            |r| matches!(r, QuoteRefusal::WrongEpoch { .. }),
            false,
        ),
        (
            "the last epoch of all",
            make(&|q| q.epoch = Epoch::new(u64::MAX)),
            |r| matches!(r, QuoteRefusal::WrongEpoch { .. }),
            false,
        ),
        (
            "expired",
            make(&|q| q.valid_until_slot = Slot::new(15)),
            |r| matches!(r, QuoteRefusal::Expired { .. }),
            false,
        ),
        (
            "another end of the epoch",
            make(&|q| q.end_archive = Digest([Element::from_u32(3); 4])),
            |r| matches!(r, QuoteRefusal::WrongArchive { .. }),
            false,
        ),
        (
            "another's signature",
            signed(2, good, BONDS),
            |r| matches!(r, QuoteRefusal::Invalid(_)),
            true,
        ),
        (
            "a signature for another ProverBonds",
            signed(1, good, Address::repeat_byte(9)),
            |r| matches!(r, QuoteRefusal::Invalid(_)),
            true,
        ),
        (
            "no signature",
            malleable,
            |r| matches!(r, QuoteRefusal::Invalid(_)),
            true,
        ),
        (
            "a fee lowered after signing",
            SignedQuote {
                quote: Quote {
                    basis_point_fee: 1,
                    ..good
                },
                ..signed(1, good, BONDS)
            },
            |r| matches!(r, QuoteRefusal::Invalid(_)),
            true,
        ),
    ];
    for (what, quote, is_expected, is_sender_wrong) in rows {
        let refusal = world.quotes.submit(None, quote).await.unwrap_err();
        assert!(is_expected(&refusal), "{what}: {refusal:?}");
        assert_eq!(refusal.is_sender_wrong(), is_sender_wrong, "{what}");
    }
    assert!(world.bonds.asked.lock().unwrap().is_empty());
    assert!(world.quotes.quotes(None).is_empty());
    // The same quote, honest and funded, is taken, once.
    world.fund(1, BOND_GWEI);
    let digest = world.submit(1, 500).await.unwrap();
    assert_eq!(world.quotes.quotes(Some(Epoch::new(0)))[0].digest, digest);
    assert!(matches!(world.submit(1, 500).await, Err(QuoteRefusal::Known)));
    assert_eq!(
        world.bonds.asked.lock().unwrap().len(),
        1,
        "a replay costs nothing"
    );
}

#[tokio::test]
async fn quotes_without_bonds_are_not_kept_and_a_flood_of_them_is_bounded() {
    let world = World::new(WINDOW_OPENS);
    world.fund(1, BOND_GWEI - 1);
    assert!(matches!(
        world.submit(1, 1).await,
        Err(QuoteRefusal::NoBond { .. })
    ));
    for n in 2..=200 {
        world.submit(n, 1).await.unwrap_err();
    }
    assert_eq!(
        world.bonds.asked.lock().unwrap().len(),
        4,
        "look-ups for one source"
    );
    assert!(world.quotes.quotes(None).is_empty());
    // The next L1 block brings new look-ups.
    world.to(WINDOW_OPENS + 1);
    world.fund(201, BOND_GWEI);
    world.submit(201, 900).await.unwrap();
    assert_eq!(world.quotes.quotes(None).len(), 1);
}

#[tokio::test]
async fn the_cheapest_stay_when_there_are_many() {
    let world = World::new(WINDOW_OPENS);
    for n in 1..=24_u8 {
        world.fund(n, BOND_GWEI);
        // Four look-ups for each L1 block.
        world.to(WINDOW_OPENS + u64::from(n) / 4);
        world.submit(n, 1_000 - u16::from(n)).await.unwrap();
    }
    let fees: Vec<u16> = world
        .quotes
        .quotes(Some(Epoch::new(0)))
        .iter()
        .map(|kept| kept.signed.quote.basis_point_fee)
        .collect();
    assert_eq!((fees.len(), fees[0]), (EPOCH_QUOTES_MAX, 976));
    world.to(WINDOW_OPENS + 7);
    world.fund(30, BOND_GWEI);
    assert!(matches!(
        world.submit(30, 999).await,
        Err(QuoteRefusal::NotCheaper { .. })
    ));
}

#[tokio::test]
async fn a_proposer_claims_the_cheapest_quote_that_l1_would_take() {
    let world = World::new(WINDOW_OPENS);
    assert_eq!(world.claimed_fee().await, None, "there is none");
    for (n, fee) in [(1, 300), (2, 100), (3, 200)] {
        world.fund(n, BOND_GWEI);
        world.submit(n, fee).await.unwrap();
    }
    assert_eq!(world.claimed_fee().await, Some(100));
    assert_eq!(
        world.bonds.tried.lock().unwrap().as_slice(),
        [1_064],
        "judged by the next L1 block's time"
    );
    world.bonds.unclaimable.lock().unwrap().push(100);
    assert_eq!(world.claimed_fee().await, Some(200));
    *world.bonds.is_down.lock().unwrap() = true;
    assert_eq!(world.claimed_fee().await, None, "no claim, and no wait either");
    *world.bonds.is_down.lock().unwrap() = false;
    // Slot 22 is the last of the window; the quotes are valid until slot 20.
    world.to(l1_of_slot(20));
    assert_eq!(world.claimed_fee().await, Some(200));
    world.to(l1_of_slot(21));
    assert_eq!(world.claimed_fee().await, None, "expired");
}

#[tokio::test]
async fn a_quote_that_l1_refused_is_not_tried_again() {
    let world = World::new(WINDOW_OPENS);
    for (n, fee) in [(1, 100), (2, 200), (3, 300), (4, 400)] {
        world.fund(n, BOND_GWEI);
        world.submit(n, fee).await.unwrap();
    }
    // More than are tried for one claim: those of provers that cannot pay must not hide the one that can.
    world.bonds.unclaimable.lock().unwrap().extend([100, 200, 300]);
    assert_eq!(world.claimed_fee().await, None);
    assert_eq!(world.claimed_fee().await, Some(400));
    let kept = world.quotes.quotes(Some(Epoch::new(0)));
    assert_eq!(kept.len(), 1, "refused quotes have gone");
}

#[tokio::test]
async fn expired_quotes_make_room() {
    let world = World::new(WINDOW_OPENS);
    for n in 1..=u8::try_from(EPOCH_QUOTES_MAX).unwrap() {
        world.fund(n, BOND_GWEI);
        world.to(WINDOW_OPENS + u64::from(n) / 4);
        let quote = Quote {
            valid_until_slot: Slot::new(17),
            ..world.quote(n, u16::from(n))
        };
        let signed = signed(n, quote, BONDS);
        world.quotes.submit(None, signed).await.unwrap();
    }
    world.fund(30, BOND_GWEI);
    assert!(matches!(
        world.submit(30, 900).await,
        Err(QuoteRefusal::NotCheaper { .. })
    ));
    world.to(l1_of_slot(18));
    world.submit(30, 900).await.unwrap();
    assert_eq!(world.claimed_fee().await, Some(900));
}

/// The L1 block before the first of a slot.
fn l1_of_slot(slot: u64) -> u64 {
    slot * TIMING.slot_seconds - 1
}

#[tokio::test]
async fn what_is_claimed_proven_or_reorganised_is_not_claimed_again() {
    let claim = L1Event::EpochClaimed {
        epoch: Epoch::new(0),
        prover: Address::repeat_byte(5),
        basis_point_fee: 50,
        bond_wei: 1,
        quote_digest: B256::ZERO,
    };
    for (what, event) in [("claimed", claim), ("proven", proven(1, 2))] {
        let world = World::new(WINDOW_OPENS);
        world.fund(1, BOND_GWEI);
        world.submit(1, 100).await.unwrap();
        let next = l1(WINDOW_OPENS + 1);
        world
            .node
            .extend(next, std::slice::from_ref(&event), None)
            .unwrap();
        assert_eq!(world.claimed_fee().await, None, "{what}");
        world.node.applier.roll_back(&l1(WINDOW_OPENS)).unwrap();
        assert_eq!(world.claimed_fee().await, Some(100), "{what}, and taken back");
    }
    // An L1 reorg in which the epoch has only its first block voids quotes for both.
    let world = World::new(WINDOW_OPENS);
    world.fund(1, BOND_GWEI);
    world.submit(1, 100).await.unwrap();
    world.node.applier.roll_back(&l1(10)).unwrap();
    let mut head = l1(10);
    for _ in 10..WINDOW_OPENS {
        head = fork(&head, 7);
        world.node.extend(head, &[], None).unwrap();
    }
    assert_eq!(world.claimed_fee().await, None);
    assert!(matches!(
        world.submit(1, 90).await,
        Err(QuoteRefusal::NoBond { .. }) | Ok(_)
    ));
    let kept = world.quotes.quotes(Some(Epoch::new(0)));
    assert!(
        kept.iter()
            .all(|kept| kept.signed.quote.end_archive == world.node.archive()),
        "the void quote has gone"
    );
}

#[tokio::test]
async fn quotes_come_in_the_last_slot_of_their_epoch_at_the_earliest() {
    let world = World::new(l1_of_slot(14));
    world.fund(1, BOND_GWEI);
    assert!(matches!(
        world.submit(1, 100).await,
        Err(QuoteRefusal::WrongEpoch { .. })
    ));
    world.to(l1_of_slot(15));
    world.submit(1, 100).await.unwrap();
    assert_eq!(world.claimed_fee().await, None, "it is not over yet");
    world.to(WINDOW_OPENS);
    assert_eq!(world.claimed_fee().await, Some(100));
}
