//! Committees found while L1 is reorganised, and failures that are remembered.

use std::sync::{Arc, Mutex, OnceLock};

use agoge_node::chain::{Committees, ReadError, SetReader};
use agoge_node::query::CommitteeError;
use agoge_protocol::{Address, Digest, Epoch, L1Block};
use agoge_store::Store;
use futures::future::{BoxFuture, FutureExt as _};

use super::support::{TIMING, l1, store_config};

const EPOCH: Epoch = Epoch::new(1);

/// What L1 says to each question for a set: the set, or nothing.
type Answers = Mutex<Vec<Result<Vec<Address>, &'static str>>>;

/// An L1 that may be reorganised while it is asked.
#[derive(Default)]
struct Sets {
    answers: Answers,
    asked: Mutex<u32>,
    reorgs: Mutex<u32>,
    committees: OnceLock<Committees>,
}

impl SetReader for Sets {
    fn validator_set(&self, _: Epoch) -> BoxFuture<'_, Result<Option<Vec<Address>>, ReadError>> {
        *self.asked.lock().unwrap() += 1;
        let answer = self.answers.lock().unwrap().remove(0);
        let mut reorgs = self.reorgs.lock().unwrap();
        if *reorgs > 0 {
            *reorgs -= 1;
            self.committees.get().unwrap().on_rolled_back(&before_all());
        }
        async move { answer.map(Some).map_err(ReadError::from) }.boxed()
    }

    fn first_block_at(&self, _: u64) -> BoxFuture<'_, Result<Option<L1Block>, ReadError>> {
        async { Ok(None) }.boxed()
    }
}

fn before_all() -> L1Block {
    L1Block {
        time: TIMING.genesis_time - 10,
        ..l1(1)
    }
}

fn set(first: u8) -> Vec<Address> {
    (first..first + 4).map(Address::repeat_byte).collect()
}

fn committees(answers: Vec<Result<Vec<Address>, &'static str>>, reorgs: u32) -> (Committees, Arc<Sets>) {
    let sets = Arc::new(Sets {
        answers: Mutex::new(answers),
        reorgs: Mutex::new(reorgs),
        ..Sets::default()
    });
    let store = Arc::new(Store::in_memory(store_config()).unwrap());
    let committees = Committees::new(
        Arc::clone(&sets) as Arc<dyn SetReader>,
        store,
        TIMING,
        (31_337, Address::ZERO, Digest::ZERO),
        4,
    );
    assert!(sets.committees.set(committees.clone()).is_ok());
    (committees, sets)
}

#[tokio::test]
async fn a_set_read_before_a_reorg_is_neither_told_nor_remembered() {
    let (committees, sets) = committees(vec![Ok(set(1)), Ok(set(100))], 1);
    let committee = committees.get(EPOCH).await.unwrap();
    assert!(committee.members.iter().all(|member| set(100).contains(member)));
    assert_eq!(*sets.asked.lock().unwrap(), 2);
    assert_eq!(committees.get(EPOCH).await.unwrap(), committee, "remembered");
    assert!(committees.is_current(EPOCH, &committee));
    // An answer that is still on its way to the validators when L1 is reorganised is not theirs any more.
    assert_eq!(committees.on_rolled_back(&before_all()), [EPOCH]);
    assert!(!committees.is_current(EPOCH, &committee));
}

#[tokio::test]
async fn a_failed_look_up_is_remembered_until_the_next_l1_block() {
    let (committees, sets) = committees(vec![Err("down"), Ok(set(1)[..2].to_vec()), Ok(set(1))], 0);
    for _ in 0..3 {
        let error = committees.get(EPOCH).await.unwrap_err();
        assert!(matches!(error, CommitteeError::L1 { .. }), "{error}");
    }
    assert_eq!(*sets.asked.lock().unwrap(), 1);
    committees.on_l1_block();
    for _ in 0..3 {
        let error = committees.get(EPOCH).await.unwrap_err();
        assert!(
            matches!(
                error,
                CommitteeError::SetTooSmall {
                    found: 2,
                    needed: 4,
                    ..
                }
            ),
            "{error}"
        );
    }
    assert_eq!(*sets.asked.lock().unwrap(), 2);
    committees.on_l1_block();
    committees.get(EPOCH).await.unwrap();
    assert_eq!(*sets.asked.lock().unwrap(), 3);
}
