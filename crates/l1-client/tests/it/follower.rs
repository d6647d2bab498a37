//! Following L1: order, reorgs, refusals and lies.

use std::time::Duration;

use agoge_l1_client::{ChainStream, FollowerError};
use agoge_protocol::{B256, ChainEvent, L1Block, L1Event};
use agoge_supervisor::CancellationToken;
use alloy::primitives::Bytes;
use tokio::task::JoinHandle;

use crate::fake::{DEPLOY_BLOCK, FakeL1, Fault, ROLLUP, connect};

/// A follower and what its user would have.
struct Model {
    stream: ChainStream,
    task: JoinHandle<Result<(), FollowerError>>,
    blocks: Vec<(L1Block, Vec<L1Event>)>,
    rollbacks: Vec<u64>,
    cancel: CancellationToken,
}

impl Drop for Model {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl Model {
    async fn start(l1: &FakeL1, cursor: Vec<L1Block>) -> Self {
        Self::start_with(&[l1], cursor).await
    }

    async fn start_with(l1: &[&FakeL1], cursor: Vec<L1Block>) -> Self {
        let urls: Vec<_> = l1.iter().map(|l1| &l1.url).collect();
        let (follower, stream) = connect(&urls).await.follower(cursor.clone()).unwrap();
        let cancel = CancellationToken::new();
        let task = tokio::spawn(follower.run(cancel.clone()));
        let blocks = cursor.into_iter().map(|block| (block, Vec::new())).collect();
        Self {
            stream,
            task,
            blocks,
            rollbacks: Vec::new(),
            cancel,
        }
    }

    /// Applies the next event; every rule of the stream is checked here.
    async fn next(&mut self) -> Option<()> {
        let event = tokio::time::timeout(Duration::from_secs(20), self.stream.next())
            .await
            .expect("no event in 20 s")?;
        match event {
            ChainEvent::Extended { block, events } => {
                if let Some((tip, _)) = self.blocks.last() {
                    assert_eq!(
                        (block.parent_hash, block.number.get()),
                        (tip.hash, tip.number.get() + 1)
                    );
                }
                self.blocks.push((block, events));
            }
            ChainEvent::RolledBack { to } => {
                let before = self.blocks.len();
                while self
                    .blocks
                    .last()
                    .is_some_and(|(block, _)| block.number > to.number)
                {
                    self.blocks.pop();
                }
                assert!(self.blocks.last().is_none_or(|(block, _)| *block == to));
                self.rollbacks
                    .push(u64::try_from(before - self.blocks.len()).unwrap());
            }
        }
        Some(())
    }

    async fn until_synced(&mut self, l1: &FakeL1) {
        let tip = l1.edit(|chain| chain.blocks.last().unwrap().hash);
        while self.blocks.last().is_none_or(|(block, _)| block.hash != tip) {
            self.next().await.expect("the follower goes on");
        }
        // State is that of the chain, nothing missing, nothing twice.
        let (blocks, first) = l1.edit(|chain| (chain.blocks.clone(), self.blocks[0].0.number.get()));
        let expected: Vec<B256> = blocks
            .iter()
            .filter(|block| block.number >= first)
            .map(|block| block.hash)
            .collect();
        assert_eq!(
            self.blocks
                .iter()
                .map(|(block, _)| block.hash)
                .collect::<Vec<_>>(),
            expected
        );
    }

    fn events(&self) -> Vec<(u64, u64, u8)> {
        let events = self
            .blocks
            .iter()
            .flat_map(|(block, events)| events.iter().map(move |event| (block, event)));
        events
            .map(|(block, event)| match event {
                L1Event::EpochSetUp { epoch, seed } => (block.number.get(), epoch.get(), seed[0]),
                other => panic!("{other:?}"),
            })
            .collect()
    }
}

fn expected_events(first: u64, last: u64) -> Vec<(u64, u64, u8)> {
    (first..=last)
        .filter(|number| number.is_multiple_of(3))
        .map(|number| (number, number, 0))
        .collect()
}

#[tokio::test]
async fn all_blocks_and_events_arrive_in_order_for_few_requests() {
    let l1 = FakeL1::start(400).await;
    let mut model = Model::start(&l1, Vec::new()).await;
    model.until_synced(&l1).await;
    assert_eq!(model.blocks[0].0.number.get(), DEPLOY_BLOCK);
    assert_eq!(model.events(), expected_events(DEPLOY_BLOCK, 399));
    let log_calls = l1.calls("eth_getLogs");
    assert!(
        log_calls <= 1 + 64,
        "one range and one for each block near the head: {log_calls}"
    );
    for _ in 0..5 {
        l1.edit(|chain| chain.grow(1, 0));
        model.until_synced(&l1).await;
    }
    assert_eq!(l1.calls("eth_getLogs"), log_calls + 5, "one for each new block");
    let health = model.stream.health();
    assert!(health.borrow().problem.is_none() && health.borrow().is_synced());
    assert!(health.borrow().finalized.is_none(), "never needed");
}

#[tokio::test]
async fn following_goes_on_from_a_cursor() {
    let l1 = FakeL1::start(120).await;
    let mut model = Model::start(&l1, Vec::new()).await;
    model.until_synced(&l1).await;
    let cursor: Vec<L1Block> = model.blocks.iter().map(|(block, _)| *block).collect();
    drop(model);
    // While nobody listened, the chain was reorganised and grew.
    l1.edit(|chain| {
        chain.cut(10);
        chain.grow(30, 1);
    });
    let mut model = Model::start(&l1, cursor).await;
    model.until_synced(&l1).await;
    assert_eq!(model.rollbacks, [10]);
}

#[tokio::test]
async fn a_chain_that_flips_twice_ends_as_it_was() {
    let l1 = FakeL1::start(50).await;
    let mut model = Model::start(&l1, Vec::new()).await;
    model.until_synced(&l1).await;
    let before = model.events();
    let original = l1.edit(|chain| chain.blocks.clone());
    l1.edit(|chain| {
        chain.cut(5);
        chain.grow(6, 1);
    });
    model.until_synced(&l1).await;
    assert_ne!(model.events(), before);
    l1.edit(|chain| {
        chain.blocks = original;
        chain.grow(2, 0);
    });
    model.until_synced(&l1).await;
    assert_eq!(model.rollbacks, [5, 6]);
    assert_eq!(model.events(), [before, vec![(51, 51, 0)]].concat());
}

#[tokio::test]
async fn reorgs_are_followed_to_depth_64_and_refused_below() {
    for (depth, is_followed) in [(1, true), (64, true), (65, false), (90, false)] {
        let l1 = FakeL1::start(150).await;
        let mut model = Model::start(&l1, Vec::new()).await;
        model.until_synced(&l1).await;
        l1.edit(|chain| {
            chain.cut(depth);
            chain.grow(u64::try_from(depth).unwrap() + 1, 1);
        });
        if is_followed {
            model.until_synced(&l1).await;
            assert_eq!(model.rollbacks, [u64::try_from(depth).unwrap()]);
        } else {
            while model.next().await.is_some() {}
            let error = (&mut model.task).await.unwrap().unwrap_err();
            assert!(
                matches!(error, FollowerError::ReorgTooDeep { limit: 64, .. }),
                "{error}"
            );
            assert!(error.to_string().contains("hint"), "{error}");
            assert!(
                model.rollbacks.is_empty(),
                "nothing of the other chain was reported"
            );
        }
    }
}

#[tokio::test]
async fn a_head_that_goes_back_takes_nothing_with_it() {
    let l1 = FakeL1::start(300).await;
    let mut model = Model::start(&l1, Vec::new()).await;
    model.until_synced(&l1).await;
    let all = l1.edit(|chain| chain.blocks.clone());
    for cut in [3, 200] {
        l1.edit(|chain| chain.cut(cut));
        let mut health = model.stream.health();
        let head = l1.edit(|chain| chain.blocks.last().unwrap().number);
        let went_back = |health: &agoge_l1_client::FollowerHealth| {
            let is_lagging = health.head.is_some_and(|block| block.number.get() == head);
            is_lagging
                || health
                    .problem
                    .as_ref()
                    .is_some_and(|problem| problem.text.contains("went back"))
        };
        tokio::time::timeout(Duration::from_secs(60), health.wait_for(went_back))
            .await
            .unwrap()
            .unwrap();
        l1.edit(|chain| chain.blocks = all.clone());
    }
    l1.edit(|chain| chain.grow(1, 0));
    model.until_synced(&l1).await;
    assert!(model.rollbacks.is_empty());
}

#[tokio::test]
async fn log_ranges_shrink_to_what_the_provider_takes() {
    let limits = [
        (
            10,
            -32_005,
            "query returned more than 10000 results. Try with this block range [0x3, 0x9].",
        ),
        (
            100,
            -32_602,
            "Log response size exceeded. this block range should work: [0x3, 0x20]",
        ),
        (5, -32_614, "eth_getLogs is limited to a 5 range"),
        (1, -32_600, "block range too wide"),
    ];
    for limit in limits {
        let l1 = FakeL1::start(200).await;
        l1.edit(|chain| chain.range_limit = Some(limit));
        let mut model = Model::start(&l1, Vec::new()).await;
        model.until_synced(&l1).await;
        assert_eq!(model.events(), expected_events(DEPLOY_BLOCK, 199), "{limit:?}");
    }
}

#[tokio::test]
async fn a_log_that_one_answer_omits_is_found() {
    let l1 = FakeL1::start(200).await;
    l1.edit(|chain| chain.omissions = 1);
    let mut model = Model::start(&l1, Vec::new()).await;
    model.until_synced(&l1).await;
    for _ in 0..9 {
        l1.edit(|chain| {
            chain.grow(1, 0);
            chain.omissions = 1;
        });
        model.until_synced(&l1).await;
    }
    assert_eq!(model.events(), expected_events(DEPLOY_BLOCK, 208));
}

#[tokio::test]
async fn logs_of_another_block_are_never_reported() {
    let l1 = FakeL1::start(10).await;
    l1.edit(|chain| chain.is_forging = true);
    let mut model = Model::start(&l1, Vec::new()).await;
    let mut health = model.stream.health();
    let lies = |health: &agoge_l1_client::FollowerHealth| health.problem.is_some();
    tokio::time::timeout(Duration::from_secs(60), health.wait_for(lies))
        .await
        .unwrap()
        .unwrap();
    l1.edit(|chain| chain.is_forging = false);
    model.until_synced(&l1).await;
    assert_eq!(model.events(), expected_events(DEPLOY_BLOCK, 9));
}

#[tokio::test]
async fn an_event_that_cannot_be_decoded_stops_with_its_name() {
    let l1 = FakeL1::start(10).await;
    let topic = B256::repeat_byte(0x77);
    l1.edit(|chain| chain.blocks[7].events.push((ROLLUP, vec![topic], Bytes::new())));
    let mut model = Model::start(&l1, Vec::new()).await;
    while model.next().await.is_some() {}
    let error = (&mut model.task).await.unwrap().unwrap_err().to_string();
    assert!(
        error.contains(&topic.to_string()) && error.contains("block 7"),
        "{error}"
    );
    assert!(
        model.blocks.iter().all(|(block, _)| block.number.get() < 7),
        "nothing after it is reported"
    );
}

#[tokio::test]
async fn faults_are_reported_with_a_hint_and_survived() {
    let l1 = FakeL1::start(80).await;
    l1.edit(|chain| chain.has_finality = true);
    let mut model = Model::start(&l1, Vec::new()).await;
    model.until_synced(&l1).await;
    // Its look at finality, which forgives faults, is over.
    let finality =
        |health: &agoge_l1_client::FollowerHealth| health.finalized.is_some_and(|block| block.get() == 15);
    let mut health = model.stream.health();
    tokio::time::timeout(Duration::from_secs(60), health.wait_for(finality))
        .await
        .unwrap()
        .unwrap();
    for (fault, text, hint) in [
        (Fault::Html, "web page", "login"),
        (Fault::RateLimited, "limited", "plan"),
        (Fault::HalfJson, "malformed", "proxy"),
    ] {
        let mut health = model.stream.health();
        l1.edit(|chain| chain.faults.push_back(fault));
        let failing = |health: &agoge_l1_client::FollowerHealth| {
            health
                .problem
                .as_ref()
                .is_some_and(|problem| problem.text.contains(text) && problem.hint.contains(hint))
        };
        tokio::time::timeout(Duration::from_secs(60), health.wait_for(failing))
            .await
            .unwrap()
            .unwrap();
        l1.edit(|chain| chain.grow(1, 0));
        model.until_synced(&l1).await;
        tokio::time::timeout(
            Duration::from_secs(60),
            health.wait_for(|health| health.problem.is_none()),
        )
        .await
        .unwrap()
        .unwrap();
    }
}

#[tokio::test]
async fn two_endpoints_of_different_height_give_one_chain() {
    let (slow, fast) = (FakeL1::start(40).await, FakeL1::start(60).await);
    let mut model = Model::start_with(&[&fast, &slow], Vec::new()).await;
    model.until_synced(&fast).await;
    for _ in 0..3 {
        fast.edit(|chain| {
            chain.grow(2, 0);
            chain.faults.push_back(Fault::ServerError);
        });
        model.until_synced(&fast).await;
        slow.edit(|chain| chain.faults.push_back(Fault::ServerError));
    }
    assert!(model.rollbacks.is_empty());
}

#[tokio::test]
async fn an_answer_that_lacks_some_logs_is_not_believed() {
    let l1 = FakeL1::start(100).await;
    l1.edit(|chain| chain.has_state = true);
    let mut model = Model::start(&l1, Vec::new()).await;
    model.until_synced(&l1).await;
    for (first, blocks) in [(0, 1), (3, 2)] {
        let before = l1.calls("eth_getLogs");
        l1.edit(|chain| {
            chain.partial = 2;
            for block in 0..blocks {
                chain.grow_deposits(first + 3 * block, 3);
            }
        });
        model.until_synced(&l1).await;
        assert!(
            l1.calls("eth_getLogs") >= before + 3,
            "asked again until all are there"
        );
    }
    let deposits: Vec<u64> = model
        .blocks
        .iter()
        .flat_map(|(_, events)| events)
        .filter_map(|event| match event {
            L1Event::Deposited(deposit) => Some(deposit.index),
            _ => None,
        })
        .collect();
    assert_eq!(deposits, (0..9).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_endpoint_without_state_is_followed_unchecked() {
    let l1 = FakeL1::start(100).await;
    let mut model = Model::start(&l1, Vec::new()).await;
    model.until_synced(&l1).await;
    assert!(l1.calls("eth_call") > 0, "it was asked");
    l1.edit(|chain| chain.grow_deposits(0, 2));
    model.until_synced(&l1).await;
    assert_eq!(model.blocks.last().unwrap().1.len(), 2);
}
