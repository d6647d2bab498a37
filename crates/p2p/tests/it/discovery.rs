use agoge_p2p::{Direction, GossipMessage, P2pConfig, Verdict};

use crate::support::*;

#[tokio::test]
async fn nodes_that_know_only_the_bootnode_find_each_other_and_outlive_it() {
    let mut boot = Node::start(config()).await;
    let mut b = Node::start(config_via(&boot).await).await;
    let mut c = Node::start(config_via(&boot).await).await;
    let (boot_id, b_id, c_id) = (boot.id(), b.id(), c.id());
    boot.meets(vec![b_id, c_id]).await;
    b.meets(vec![boot_id, c_id]).await;
    c.meets(vec![boot_id, b_id]).await;
    boot.stop().await;
    b.loses(boot_id).await;
    c.loses(boot_id).await;
    b.handle.publish_attestation(attestation(1, 1)).await.unwrap();
    assert_eq!(
        c.judge(Verdict::Accept).await,
        GossipMessage::Attestation(attestation(1, 1))
    );

    // The bootnode is dead for good: a new node joins through another.
    let mut d = Node::start(config_via(&b).await).await;
    d.meets(vec![b_id, c_id]).await;
    assert!(!d.peer_ids().await.contains(&boot_id));
}

#[tokio::test]
async fn a_node_comes_back_to_its_peers_without_bootnodes() {
    let dir = tempfile::tempdir().unwrap();
    let file = P2pConfig {
        peers_file: Some(dir.path().join("peers.json")),
        ..config()
    };
    let (first, second) = pair(config(), file.clone()).await;
    second.stop().await;
    let mut again = Node::start(file).await;
    again.meets(vec![first.id()]).await;
    let info = again.handle.peers().await.unwrap().remove(0);
    assert_eq!((info.id, info.direction), (first.id(), Direction::Outbound));
    assert!(info.agent.starts_with("agoge/"), "{}", info.agent);
}

#[tokio::test]
async fn a_bootnode_that_starts_late_or_comes_back_is_dialled_again() {
    let dir = tempfile::tempdir().unwrap();
    let key = agoge_p2p::KeySource::File(dir.path().join("key"));
    let boot = Node::start(P2pConfig {
        key: key.clone(),
        ..config()
    })
    .await;
    let (id, addresses) = (boot.id(), boot.addresses().await);
    let mut node = Node::start(config_via(&boot).await).await;
    node.meets(vec![id]).await;
    boot.stop().await;
    node.loses(id).await;
    let boot = Node::start(P2pConfig {
        key,
        listen: addresses,
        ..config()
    })
    .await;
    assert_eq!(boot.id(), id, "the key file keeps the identity");
    node.meets(vec![id]).await;
}

#[tokio::test]
async fn surplus_peers_are_let_go() {
    let mut hub = Node::start(P2pConfig {
        peers_max: 2,
        peers_target: 0,
        ..config()
    })
    .await;
    let mut leaves = Vec::new();
    for _ in 0..3 {
        leaves.push(Node::start(unsociable(config_via(&hub).await)).await);
    }
    let mut met = 0;
    loop {
        match hub.event().await {
            agoge_p2p::P2pEvent::PeerConnected { .. } => met += 1,
            agoge_p2p::P2pEvent::PeerDisconnected { .. } => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(met, 3);
}
