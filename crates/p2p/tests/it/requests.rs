use std::time::Duration;

use agoge_p2p::{
    Limits, Offence, P2pConfig, REQUEST_TXS_MAX, Rate, Refusal, Request, RequestError, Response, Status,
    Target,
};
use agoge_protocol::limits::BLOB_BYTES;
use agoge_protocol::{B256, Digest, L2BlockNumber};

use crate::hostile::{Hostile, Script, frame};
use crate::support::*;

fn status(tip: u64) -> Status {
    Status {
        genesis_id: genesis(),
        tip: L2BlockNumber::new(tip),
        archive: digest(9),
    }
}

fn status_frame() -> Vec<u8> {
    frame(
        &borsh::to_vec(&Response::Status(Status {
            archive: Digest::ZERO,
            ..status(0)
        }))
        .unwrap(),
    )
}

#[tokio::test]
async fn each_kind_is_asked_and_answered() {
    let (asker, mut answerer) = pair(config(), config()).await;
    let target = Target::Peer(answerer.id());
    answerer.handle.set_status(status(42)).await.unwrap();
    let answer = asker
        .handle
        .request(target.clone(), Request::Status)
        .await
        .unwrap();
    assert_eq!(
        (answer.peer, answer.response),
        (answerer.id(), Response::Status(status(42)))
    );
    assert_eq!(asker.handle.peers().await.unwrap()[0].status, status(42));

    let txs: Vec<_> = (0..20).map(transaction).collect();
    let request = Request::Transactions(txs.iter().map(|tx| tx.id()).collect());
    let block_ids = Request::BlockTxIds {
        number: L2BlockNumber::new(5),
        block_hash: B256::repeat_byte(2),
    };
    let known = vec![Some(txs[0].id()), None];
    let serve = async {
        let (peer, asked, reply) = answerer.asked().await;
        assert_eq!((peer, asked), (asker.id(), request.clone()));
        reply.respond(Response::Transactions(txs.clone()));
        let (_, asked, reply) = answerer.asked().await;
        assert_eq!(asked, Request::Blob(B256::repeat_byte(1)));
        reply.respond(Response::Blob(Some(vec![5; BLOB_BYTES])));
        let (_, _, reply) = answerer.asked().await;
        reply.respond(Response::Blob(None));
        let (_, asked, reply) = answerer.asked().await;
        assert_eq!(asked, block_ids);
        reply.respond(Response::BlockTxIds(Some(known.clone())));
    };
    let ask = async {
        let answer = asker.handle.request(target, request.clone()).await.unwrap();
        assert_eq!(answer.response, Response::Transactions(txs.clone()));
        let blob = Request::Blob(B256::repeat_byte(1));
        let answer = asker.handle.request(Target::ANY, blob.clone()).await.unwrap();
        assert_eq!(answer.response, Response::Blob(Some(vec![5; BLOB_BYTES])));
        assert_eq!(
            asker.handle.request(Target::ANY, blob).await.unwrap().response,
            Response::Blob(None)
        );
        let answer = asker
            .handle
            .request(Target::ANY, block_ids.clone())
            .await
            .unwrap();
        assert_eq!(answer.response, Response::BlockTxIds(Some(known.clone())));
    };
    tokio::join!(serve, ask);
}

#[tokio::test]
async fn refusals_have_their_reasons() {
    let (asker, mut answerer) = pair(config(), config()).await;
    let target = Target::Peer(answerer.id());
    let peer = answerer.id();
    let blob = Request::Blob(B256::ZERO);
    let found = REQUEST_TXS_MAX + 1;
    let many = Request::Transactions(vec![transaction(1).id(); found]);
    let too_many = RequestError::TooMany {
        found,
        limit: REQUEST_TXS_MAX,
    };
    assert_eq!(asker.handle.request(target.clone(), many).await, Err(too_many));
    assert_eq!(
        asker
            .handle
            .request(Target::AnyExcept(vec![peer]), blob.clone())
            .await,
        Err(RequestError::NoPeer)
    );
    for expected in [Refusal::Busy, Refusal::RateLimited] {
        let (_, result) = tokio::join!(
            async {
                let (_, _, reply) = answerer.asked().await;
                match expected {
                    Refusal::Busy => drop(reply),
                    refusal @ Refusal::RateLimited => reply.refuse(refusal),
                }
            },
            asker.handle.request(target.clone(), blob.clone())
        );
        assert_eq!(
            result,
            Err(RequestError::Refused {
                peer,
                refusal: expected
            })
        );
    }
}

#[tokio::test]
async fn a_peer_gets_no_more_than_its_rate() {
    // The handshake's status takes one token, a blob eight.
    let limits = Limits {
        requests: Rate {
            burst: 9,
            per_second: 0,
        },
        ..Limits::default()
    };
    let (mut answerer, asker) = pair(P2pConfig { limits, ..config() }, config()).await;
    let blob = || asker.handle.request(Target::ANY, Request::Blob(B256::ZERO));
    let (_, first) = tokio::join!(
        async { answerer.asked().await.2.respond(Response::Blob(None)) },
        blob()
    );
    assert_eq!(first.unwrap().response, Response::Blob(None));
    let refused = RequestError::Refused {
        peer: answerer.id(),
        refusal: Refusal::RateLimited,
    };
    assert_eq!(blob().await, Err(refused));
}

#[tokio::test]
async fn questions_under_way_are_bounded_on_both_sides() {
    let few = Limits {
        requests_per_peer_max: 2,
        ..Limits::default()
    };
    let (mut answerer, asker) = pair(
        P2pConfig {
            limits: few,
            ..config()
        },
        config(),
    )
    .await;
    let blob = || asker.handle.request(Target::ANY, Request::Blob(B256::ZERO));
    // The third finds both places taken, by requests that are answered only after it was refused.
    let serve = async {
        let first = answerer.asked().await.2;
        let second = answerer.asked().await.2;
        let peer = answerer.id();
        assert_eq!(
            blob().await,
            Err(RequestError::Refused {
                peer,
                refusal: Refusal::Busy
            })
        );
        first.respond(Response::Blob(None));
        second.respond(Response::Blob(None));
    };
    let (a, b, ()) = tokio::join!(blob(), blob(), serve);
    assert!(a.is_ok() && b.is_ok());

    let one = Limits {
        requests_per_peer_max: 1,
        ..Limits::default()
    };
    let (mut answerer, asker) = pair(
        config(),
        P2pConfig {
            limits: one,
            ..config()
        },
    )
    .await;
    let serve = async {
        let reply = answerer.asked().await.2;
        let second = asker.handle.request(Target::ANY, Request::Blob(B256::ZERO)).await;
        assert_eq!(second, Err(RequestError::Busy { found: 1 }));
        reply.respond(Response::Blob(None));
    };
    let (first, ()) = tokio::join!(
        asker.handle.request(Target::ANY, Request::Blob(B256::ZERO)),
        serve
    );
    assert!(first.is_ok());
}

async fn ask_hostile(
    script: Script,
    request_timeout: Duration,
) -> (Result<agoge_p2p::Answer, RequestError>, agoge_p2p::PeerId, f64) {
    let mut config = config();
    config.pace.request_timeout = request_timeout;
    let fork = config.fork_digest;
    let mut node = Node::start(config).await;
    let mut hostile = Hostile::dial(fork, &node.addresses().await[0], script);
    let id = hostile.id();
    let result = hostile.beside(async {
        node.meets(vec![id]).await;
        let result = node
            .handle
            .request(Target::Peer(id), Request::Blob(B256::ZERO))
            .await;
        let score = node
            .handle
            .peers()
            .await
            .unwrap()
            .first()
            .map_or(f64::NEG_INFINITY, |info| info.score);
        (result, score)
    });
    let (result, score) = result.await;
    (result, id, score)
}

#[tokio::test]
async fn silence_is_timed_out() {
    let script: Script = |request| (request.len() == 5).then(status_frame);
    // Long enough for the handshake's own question on a busy machine.
    let (result, peer, score) = ask_hostile(script, Duration::from_secs(2)).await;
    assert_eq!(result, Err(RequestError::Timeout { peer }));
    assert!(score < 0.0, "{score}");
}

#[tokio::test]
async fn answers_that_do_not_fit_are_refused_and_penalised() {
    let scripts: [Script; 4] = [
        // Another kind.
        |_| Some(status_frame()),
        // A length above the limit.
        |request| {
            Some(if request.len() == 5 {
                status_frame()
            } else {
                u32::MAX.to_le_bytes().to_vec()
            })
        },
        // A blob that is too short.
        |request| {
            Some(if request.len() == 5 {
                status_frame()
            } else {
                frame(&[2, 1, 1, 0, 0, 0, 7])
            })
        },
        // An unknown kind.
        |request| {
            Some(if request.len() == 5 {
                status_frame()
            } else {
                frame(&[9])
            })
        },
    ];
    for script in scripts {
        let (result, peer, score) = ask_hostile(script, PATIENCE).await;
        assert_eq!(result, Err(RequestError::WrongAnswer { peer }));
        assert!(score <= -45.0, "{score}");
    }
}

#[tokio::test]
async fn transactions_that_were_not_asked_for_are_refused() {
    let (mut asker, mut answerer) = pair(config(), config()).await;
    let peer = answerer.id();
    for answer in [vec![transaction(2)], vec![transaction(1), transaction(1)]] {
        let (_, result) = tokio::join!(
            async { answerer.asked().await.2.respond(Response::Transactions(answer)) },
            asker
                .handle
                .request(Target::ANY, Request::Transactions(vec![transaction(1).id(); 2]))
        );
        assert_eq!(result, Err(RequestError::WrongAnswer { peer }));
    }
    // Twice is enough for a ban.
    asker.loses(peer).await;
}

#[tokio::test]
async fn requests_that_are_too_long_or_malformed_do_not_reach_the_node() {
    let config = config();
    let fork = config.fork_digest;
    let mut node = Node::start(config).await;
    let mut hostile = Hostile::dial(fork, &node.addresses().await[0], |_| Some(status_frame()));
    let id = hostile.id();
    hostile.beside(node.meets(vec![id])).await;
    hostile.ask(frame(&vec![1; 10_000]));
    hostile.ask(frame(&[1, 255, 255, 255, 255]));
    hostile.ask(frame(&[7]));
    hostile.ask(frame(&[2; 33]));
    let (_, request, _reply) = hostile.beside(node.asked()).await;
    assert_eq!(
        request,
        Request::Blob(B256::repeat_byte(2)),
        "only the last was well formed"
    );
}

#[tokio::test]
async fn the_node_can_penalise_a_peer_until_it_is_banned() {
    let (mut node, bad) = pair(config(), config()).await;
    for _ in 0..5 {
        node.handle.report_peer(bad.id(), Offence::Invalid).await.unwrap();
    }
    node.loses(bad.id()).await;
    assert!(node.peer_ids().await.is_empty());
}
