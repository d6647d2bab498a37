use agoge_p2p::{Multiaddress, P2pConfig, StartError, start};
use agoge_supervisor::{Metrics, Supervisor};

use crate::support::*;

#[tokio::test]
async fn wrong_configurations_are_refused_with_their_reason() {
    let supervisor = Supervisor::new();
    let spawner = supervisor.spawner();
    let taken = Node::start(config()).await;
    let listen = taken.addresses().await;
    assert!(matches!(
        start(P2pConfig { listen, ..config() }, &spawner).await,
        Err(StartError::Listen { .. })
    ));
    let nameless: Multiaddress = "/ip4/127.0.0.1/tcp/1".parse().unwrap();
    let bootnodes = vec![nameless.clone()];
    assert!(matches!(
        start(P2pConfig { bootnodes, ..config() }, &spawner).await,
        Err(StartError::BootnodeWithoutPeerId { address }) if address == nameless
    ));
    assert!(matches!(
        start(P2pConfig { peers_max: 1, peers_target: 2, ..config() }, &spawner).await,
        Err(StartError::Config { rule }) if rule.contains("peers_target")
    ));
    let udp: Multiaddress = "/ip4/127.0.0.1/udp/1".parse().unwrap();
    let listen = vec![udp];
    assert!(matches!(
        start(P2pConfig { listen, ..config() }, &spawner).await,
        Err(StartError::Listen { .. })
    ));
}

#[tokio::test]
async fn every_metric_exists_from_the_start() {
    let metrics = Metrics::install().unwrap();
    let node = Node::start(config()).await;
    let text = metrics.render();
    for name in [
        "agoge_p2p_peers{direction=\"inbound\"}",
        "agoge_p2p_known_peers",
        "agoge_p2p_gossip_received_total{kind=\"proposal\"}",
        "agoge_p2p_gossip_received_bytes_total{kind=\"tx\"}",
        "agoge_p2p_gossip_published_total{kind=\"attestation\"}",
        "agoge_p2p_gossip_verdicts_total{kind=\"tx\",verdict=\"reject\"}",
        "agoge_p2p_offences_total{offence=\"too_fast\"}",
        "agoge_p2p_bans_total",
        "agoge_p2p_events_dropped_total",
        "agoge_p2p_requests_total{direction=\"in\",kind=\"blob\"}",
        "agoge_p2p_dials_total",
        "agoge_p2p_wire_records_dropped_total",
    ] {
        assert!(text.contains(name), "{name} is not in\n{text}");
    }
    node.stop().await;
}
