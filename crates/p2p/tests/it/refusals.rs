use agoge_p2p::{AddressScope, ForkDigest, P2pConfig, Request, RequestError, Response, Status, Target};
use agoge_protocol::{Digest, L2BlockNumber};

use crate::hostile::{Hostile, frame};
use crate::support::*;

#[tokio::test]
async fn a_node_of_another_fork_never_becomes_a_peer() {
    let node = Node::start(config()).await;
    let mut hostile = Hostile::dial(ForkDigest([9; 4]), &node.addresses().await[0], |_| None);
    hostile.until_closed().await;
    assert!(node.peer_ids().await.is_empty());
    let target = Target::Peer(hostile.id());
    assert_eq!(
        node.handle.request(target, Request::Status).await,
        Err(RequestError::NoPeer)
    );
}

#[tokio::test]
async fn a_node_of_another_genesis_never_becomes_a_peer() {
    fn foreign(_: &[u8]) -> Option<Vec<u8>> {
        let status = Status {
            genesis_id: digest(5),
            tip: L2BlockNumber::GENESIS,
            archive: Digest::ZERO,
        };
        Some(frame(&borsh::to_vec(&Response::Status(status)).unwrap()))
    }
    let config = config();
    let fork = config.fork_digest;
    let node = Node::start(config).await;
    let address = node.addresses().await.remove(0);
    let mut hostile = Hostile::dial(fork, &address, foreign);
    hostile.until_closed().await;
    hostile.redial(&address);
    hostile.until_closed().await;
    assert!(node.peer_ids().await.is_empty());

    // Two real nodes that differ in nothing else.
    let mut honest = Node::start(config_via(&node).await).await;
    let stranger = P2pConfig {
        genesis_id: digest(5),
        ..config_via(&node).await
    };
    let stranger = Node::start(stranger).await;
    honest.meets(vec![node.id()]).await;
    assert!(!node.peer_ids().await.contains(&stranger.id()));
    assert!(stranger.peer_ids().await.is_empty());
}

#[tokio::test]
async fn a_connection_that_does_not_become_a_peer_is_closed_in_time() {
    let mut config = config();
    config.pace.handshake_timeout = std::time::Duration::from_millis(200);
    let fork = config.fork_digest;
    let node = Node::start(config).await;
    let mut silent = Hostile::dial(fork, &node.addresses().await[0], |_| None);
    silent.until_closed().await;
    assert!(node.peer_ids().await.is_empty());
}

#[tokio::test]
async fn loopback_is_dialled_only_where_it_is_allowed() {
    let boot = Node::start(config()).await;
    let node = Node::start(P2pConfig {
        scope: AddressScope::Public,
        ..config_via(&boot).await
    })
    .await;
    // Another node's arrival shows that the bootnode has had time to be dialled.
    let mut other = Node::start(config_via(&boot).await).await;
    other.meets(vec![boot.id()]).await;
    assert!(node.peer_ids().await.is_empty());
    assert!(!boot.peer_ids().await.contains(&node.id()));
}
