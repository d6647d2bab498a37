use std::collections::BTreeSet;

use agoge_p2p::{
    GossipKind, GossipMessage, Limits, P2pConfig, P2pEvent, PublishError, Rate, Verdict, WireRecord,
};
use agoge_protocol::Address;
use agoge_protocol::limits::TX_BYTES_MAX;

use crate::hostile::{Hostile, frame};
use crate::support::*;

fn admitted(request: &[u8]) -> Option<Vec<u8>> {
    let status = agoge_p2p::Status {
        genesis_id: genesis(),
        tip: agoge_protocol::L2BlockNumber::GENESIS,
        archive: agoge_protocol::Digest::ZERO,
    };
    (request == frame(&[0])).then(|| frame(&borsh::to_vec(&agoge_p2p::Response::Status(status)).unwrap()))
}

#[tokio::test]
async fn all_kinds_reach_all_of_five_nodes_once() {
    let mut nodes = vec![Node::start(config()).await];
    for _ in 1..5 {
        let config = config_via(&nodes[0]).await;
        nodes.push(Node::start(config).await);
    }
    let ids: Vec<_> = nodes.iter().map(Node::id).collect();
    for (at, node) in nodes.iter_mut().enumerate() {
        let others = ids
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != at)
            .map(|(_, id)| *id);
        node.meets(others.collect()).await;
    }
    let author = nodes.pop().unwrap();
    author.handle.publish_transaction(transaction(1)).await.unwrap();
    author.handle.publish_proposal(proposal(7)).await.unwrap();
    author
        .handle
        .publish_attestation(attestation(7, 3))
        .await
        .unwrap();
    author
        .handle
        .publish_attestation(attestation(7, 3))
        .await
        .unwrap();
    author
        .handle
        .publish_attestation(attestation(8, 4))
        .await
        .unwrap();
    author.handle.publish_quote(quote(6)).await.unwrap();
    for node in &mut nodes {
        let mut kinds = BTreeSet::new();
        for _ in 0..5 {
            match node.judge(Verdict::Accept).await {
                GossipMessage::Transaction(tx) => assert_eq!(*tx, transaction(1)),
                GossipMessage::Proposal(signed) => assert_eq!(signed, proposal(7)),
                GossipMessage::Attestation(one) if one.slot.get() == 7 => assert_eq!(one, attestation(7, 3)),
                GossipMessage::Attestation(other) => assert_eq!(other, attestation(8, 4)),
                GossipMessage::Quote(signed) => assert_eq!(*signed, quote(6)),
            }
            kinds.insert(node.peer_ids().await.len());
        }
        assert_eq!(kinds, BTreeSet::from([4]));
    }
    for node in nodes {
        node.stop().await;
    }
    author.stop().await;
}

#[tokio::test]
async fn a_message_goes_on_only_when_the_node_accepts_it() {
    let (mut middle, author) = pair(config(), config()).await;
    // It has no address at which the author could find it, so all it hears comes from the middle.
    let fork = config().fork_digest;
    let mut far = Hostile::dial(fork, &middle.addresses().await[0], admitted);
    far.until_heard().await;
    let far_id = far.id();
    far.beside(middle.meets(vec![far_id])).await;
    for (slot, verdict) in [(1, Verdict::Ignore), (2, Verdict::Reject), (3, Verdict::Accept)] {
        author
            .handle
            .publish_attestation(attestation(slot, 0))
            .await
            .unwrap();
        assert_eq!(
            far.beside(middle.judge(verdict)).await,
            GossipMessage::Attestation(attestation(slot, 0))
        );
    }
    assert_eq!(far.hears().await, borsh::to_vec(&attestation(3, 0)).unwrap());
    let score = middle
        .handle
        .peers()
        .await
        .unwrap()
        .into_iter()
        .find(|info| info.id == author.id())
        .unwrap()
        .score;
    assert!(score < -20.0, "a rejected message costs its sender: {score}");
}

#[tokio::test]
async fn publishing_to_nobody_says_so() {
    let node = Node::start(config()).await;
    assert_eq!(
        node.handle.publish_proposal(proposal(1)).await,
        Err(PublishError::NoPeers)
    );
    let handle = node.handle.clone();
    node.stop().await;
    assert!(matches!(
        handle.publish_proposal(proposal(1)).await,
        Err(PublishError::Stopped(_))
    ));
}

#[tokio::test]
async fn malformed_messages_are_not_delivered_and_end_in_a_ban() {
    let config = config();
    let fork = config.fork_digest;
    let mut node = Node::start(config).await;
    let address = node.addresses().await.remove(0);
    let mut hostile = Hostile::dial(fork, &address, admitted);
    hostile.until_heard().await;
    let id = hostile.id();
    hostile.beside(node.meets(vec![id])).await;
    let mut truncated = borsh::to_vec(&attestation(1, 1)).unwrap();
    truncated.pop();
    let mut extended = borsh::to_vec(&proposal(1)).unwrap();
    extended.push(0);
    let mut out_of_field = borsh::to_vec(&transaction(1)).unwrap();
    out_of_field[..8].fill(0xff);
    assert!(hostile.gossip(GossipKind::Attestation, truncated));
    assert!(hostile.gossip(GossipKind::Attestation, Vec::new()));
    assert!(hostile.gossip(GossipKind::Proposal, extended));
    assert!(hostile.gossip(GossipKind::Transaction, out_of_field));
    hostile.until_closed().await;
    assert!(matches!(node.event().await, P2pEvent::PeerDisconnected { peer } if peer == hostile.id()));
    assert!(node.peer_ids().await.is_empty());
    hostile.redial(&address);
    hostile.until_closed().await;
    assert!(node.peer_ids().await.is_empty(), "banned");
}

#[tokio::test]
async fn oversize_messages_are_refused_before_they_are_decoded() {
    let config = config();
    let fork = config.fork_digest;
    let mut node = Node::start(config).await;
    let mut hostile = Hostile::dial(fork, &node.addresses().await[0], admitted);
    hostile.until_heard().await;
    let id = hostile.id();
    hostile.beside(node.meets(vec![id])).await;
    // Five on one topic are enough.
    for seed in 0..5 {
        assert!(hostile.gossip(GossipKind::Transaction, vec![seed; TX_BYTES_MAX + 200]));
        assert!(hostile.gossip(GossipKind::Attestation, vec![seed; 400]));
    }
    hostile.until_closed().await;
    assert!(
        matches!(node.event().await, P2pEvent::PeerDisconnected { .. }),
        "nothing was delivered before the ban"
    );
}

#[tokio::test]
async fn a_peer_above_its_rate_is_not_listened_to_and_banned() {
    let limits = Limits {
        attestations: Rate {
            burst: 5,
            per_second: 0,
        },
        ..Limits::default()
    };
    let (mut node, flooder) = pair(P2pConfig { limits, ..config() }, config()).await;
    for slot in 0..40 {
        // The last ones may find the connection closed.
        flooder
            .handle
            .publish_attestation(attestation(slot, 0))
            .await
            .ok();
    }
    let mut delivered = 0;
    loop {
        match node.event().await {
            P2pEvent::Gossip { .. } => delivered += 1,
            P2pEvent::PeerDisconnected { peer } => break assert_eq!(peer, flooder.id()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(delivered, 5);
    assert!(node.peer_ids().await.is_empty());
}

#[tokio::test]
async fn a_flood_of_quotes_is_bounded_and_leaves_places_for_what_a_slot_depends_on() {
    let limits = Limits {
        events_max: 4,
        ..Limits::default()
    };
    let (mut node, author) = pair(P2pConfig { limits, ..config() }, config()).await;
    for epoch in 0..10 {
        author.handle.publish_quote(quote(epoch)).await.unwrap();
    }
    author
        .handle
        .publish_attestation(attestation(1, 1))
        .await
        .unwrap();
    let mut quotes = 0;
    while let GossipMessage::Quote(_) = node.gossip().await.1 {
        quotes += 1;
    }
    assert!(quotes >= 2, "{quotes}");

    let limits = Limits {
        quotes: Rate {
            burst: 3,
            per_second: 0,
        },
        ..Limits::default()
    };
    let (mut node, flooder) = pair(P2pConfig { limits, ..config() }, config()).await;
    for epoch in 0..40 {
        // The last ones may find the connection closed.
        flooder.handle.publish_quote(quote(epoch)).await.ok();
    }
    let mut delivered = 0;
    loop {
        match node.event().await {
            P2pEvent::Gossip { .. } => delivered += 1,
            P2pEvent::PeerDisconnected { peer } => break assert_eq!(peer, flooder.id()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(delivered, 3, "above its rate it is not listened to, and banned");
}

#[tokio::test]
async fn transactions_leave_places_for_what_a_slot_depends_on() {
    let limits = Limits {
        events_max: 4,
        ..Limits::default()
    };
    let (mut node, author) = pair(P2pConfig { limits, ..config() }, config()).await;
    for seed in 0..10 {
        author
            .handle
            .publish_transaction(transaction(seed))
            .await
            .unwrap();
    }
    author
        .handle
        .publish_attestation(attestation(1, 1))
        .await
        .unwrap();
    let mut transactions = 0;
    while let GossipMessage::Transaction(_) = node.gossip().await.1 {
        transactions += 1;
    }
    assert!(transactions >= 2, "{transactions}");
}

#[tokio::test]
async fn the_wire_is_recorded_on_both_sides() {
    let dir = tempfile::tempdir().unwrap();
    let record = |name: &str| {
        let path = dir.path().join(name);
        P2pConfig {
            record_wire: Some(WireRecord {
                path,
                chain_id: 31_337,
                rollup: Address::repeat_byte(9),
                prover_bonds: Address::repeat_byte(10),
            }),
            ..config()
        }
    };
    let (mut receiver, author) = pair(record("receiver"), record("author")).await;
    author.handle.publish_transaction(transaction(1)).await.unwrap();
    author.handle.publish_proposal(proposal(5)).await.unwrap();
    author
        .handle
        .publish_attestation(attestation(6, 2))
        .await
        .unwrap();
    author.handle.publish_quote(quote(7)).await.unwrap();
    for _ in 0..4 {
        receiver.judge(Verdict::Accept).await;
    }
    let author_id = author.id().to_string();
    receiver.stop().await;
    author.stop().await;
    let lines = |name: &str| -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(dir.path().join(name)).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let (received, sent) = (lines("receiver"), lines("author"));
    for lines in [&received, &sent] {
        for (channel, direction) in [
            ("request", "in"),
            ("request", "out"),
            ("response", "in"),
            ("response", "out"),
        ] {
            let status = |l: &&serde_json::Value| l["channel"] == channel && l["direction"] == direction;
            assert_eq!(lines.iter().find(status).unwrap()["kind"], "status");
        }
    }
    for (kind, slot) in [
        ("tx", None),
        ("proposal", Some(5)),
        ("attestation", Some(6)),
        ("quote", None),
    ] {
        let find = |lines: &[serde_json::Value]| {
            lines
                .iter()
                .find(|l| l["channel"] == "gossip" && l["kind"] == kind)
                .unwrap()
                .clone()
        };
        let (incoming, outgoing) = (find(&received), find(&sent));
        assert_eq!(
            (&incoming["direction"], &outgoing["direction"]),
            (&"in".into(), &"out".into())
        );
        assert_eq!(
            (&incoming["peer"], &outgoing["peer"]),
            (&author_id.clone().into(), &serde_json::Value::Null)
        );
        assert_eq!(incoming["slot"], serde_json::json!(slot));
        for field in ["digest", "slot", "index", "signer", "bytes"] {
            assert_eq!(incoming[field], outgoing[field], "{field}");
        }
        assert_eq!(incoming["digest"].as_str().unwrap().len(), 66);
    }
}
