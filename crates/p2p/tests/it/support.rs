//! Nodes and messages for the tests.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use agoge_p2p::{
    AddressScope, GossipMessage, Multiaddress, P2pConfig, P2pEvent, P2pHandle, Pace, PeerId, Request,
    Responder, Ticket, Verdict, start,
};
use agoge_protocol::{
    Address, Attestation, B256, Ciphertext, CompactSignature, Digest, Element, Epoch, FreeFields, Proposal,
    Quote, SignedProposal, SignedQuote, Slot, Transaction, TxPublicInputs, Withdrawal,
};
use agoge_supervisor::{LogFormat, Spawner, Supervisor, init_logging};
use tokio::sync::mpsc;

/// Longer than anything here takes, so that a lost event fails the test instead of hanging it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Node {
    pub(crate) handle: P2pHandle,
    events: mpsc::Receiver<P2pEvent>,
    supervisor: Supervisor,
    pub(crate) spawner: Spawner,
}

pub(crate) fn genesis() -> Digest {
    digest(77)
}

pub(crate) fn digest(seed: u32) -> Digest {
    Digest([seed, seed + 1, seed + 2, seed + 3].map(Element::from_u32))
}

/// A quick node on a free loopback port that knows nobody.
pub(crate) fn config() -> P2pConfig {
    let ms = Duration::from_millis;
    P2pConfig {
        listen: vec![Multiaddress::tcp(SocketAddr::from(([127, 0, 0, 1], 0)))],
        scope: AddressScope::Loopback,
        pace: Pace {
            tick: ms(25),
            heartbeat: ms(100),
            search_interval: ms(100),
            dial_pause: (ms(25), ms(200)),
            save_interval: ms(50),
            ..Pace::default()
        },
        ..P2pConfig::new(genesis())
    }
}

/// As [`config`], dialling `boot` first.
pub(crate) async fn config_via(boot: &Node) -> P2pConfig {
    P2pConfig {
        bootnodes: boot.addresses().await,
        ..config()
    }
}

/// Stays with the peers it is given.
pub(crate) fn unsociable(mut config: P2pConfig) -> P2pConfig {
    config.peers_target = u32::try_from(config.bootnodes.len()).unwrap();
    config
}

pub(crate) async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

impl Node {
    pub(crate) async fn start(config: P2pConfig) -> Self {
        // For a look inside: RUST_LOG=agoge_p2p=debug. Only the first call has an effect.
        init_logging(LogFormat::Text, "off").ok();
        let supervisor = Supervisor::new();
        let spawner = supervisor.spawner();
        let (handle, events) = start(config, &spawner).await.unwrap();
        Self {
            handle,
            events,
            supervisor,
            spawner,
        }
    }

    /// Stops and waits until every task has ended.
    pub(crate) async fn stop(self) {
        self.spawner.stop();
        self.supervisor.run(PATIENCE).await.unwrap();
    }

    pub(crate) fn id(&self) -> PeerId {
        self.handle.local_peer_id()
    }

    pub(crate) async fn addresses(&self) -> Vec<Multiaddress> {
        self.handle.listen_addresses().await.unwrap()
    }

    pub(crate) async fn peer_ids(&self) -> Vec<PeerId> {
        self.handle
            .peers()
            .await
            .unwrap()
            .into_iter()
            .map(|info| info.id)
            .collect()
    }

    pub(crate) async fn event(&mut self) -> P2pEvent {
        in_time("an event", self.events.recv()).await.unwrap()
    }

    /// Waits until these have become peers.
    pub(crate) async fn meets(&mut self, mut peers: Vec<PeerId>) {
        while !peers.is_empty() {
            if let P2pEvent::PeerConnected { peer: new, .. } = self.event().await {
                peers.retain(|peer| *peer != new);
            }
        }
    }

    pub(crate) async fn loses(&mut self, lost: PeerId) {
        loop {
            if matches!(self.event().await, P2pEvent::PeerDisconnected { peer } if peer == lost) {
                return;
            }
        }
    }

    /// The next gossiped message.
    pub(crate) async fn gossip(&mut self) -> (PeerId, GossipMessage, Ticket) {
        loop {
            if let P2pEvent::Gossip {
                peer,
                message,
                ticket,
            } = self.event().await
            {
                return (peer, message, ticket);
            }
        }
    }

    /// The next gossiped message, judged.
    pub(crate) async fn judge(&mut self, verdict: Verdict) -> GossipMessage {
        let (_, message, ticket) = self.gossip().await;
        self.handle.report(ticket, verdict).await.unwrap();
        message
    }

    /// The next request of a peer.
    pub(crate) async fn asked(&mut self) -> (PeerId, Request, Responder) {
        loop {
            if let P2pEvent::Request { peer, request, reply } = self.event().await {
                return (peer, request, reply);
            }
        }
    }
}

/// Two nodes that are peers; the second dialled.
pub(crate) async fn pair(first: P2pConfig, second: P2pConfig) -> (Node, Node) {
    let mut first = Node::start(first).await;
    let mut second = Node::start(P2pConfig {
        bootnodes: first.addresses().await,
        ..second
    })
    .await;
    second.meets(vec![first.id()]).await;
    first.meets(vec![second.id()]).await;
    (first, second)
}

pub(crate) fn transaction(seed: u32) -> Transaction {
    let inputs = TxPublicInputs::new(
        genesis(),
        digest(1),
        [digest(1_000 + 8 * seed), digest(1_004 + 8 * seed)],
        [digest(2), digest(3)],
        5,
        Withdrawal::default(),
        digest(4),
    );
    Transaction::new(
        inputs.unwrap(),
        [Ciphertext::from_bytes(&[7; 91]); 2],
        vec![9; 90_000],
    )
    .unwrap()
}

pub(crate) fn proposal(slot: u64) -> SignedProposal {
    let free_fields = FreeFields {
        slot: Slot::new(slot),
        fee_recipient: Address::repeat_byte(3),
        inbox_end: 4,
        archive: digest(5),
    };
    let ids = vec![transaction(1).id(), transaction(2).id()];
    SignedProposal {
        proposal: Proposal::new(
            free_fields,
            digest(6),
            B256::repeat_byte(6),
            B256::repeat_byte(7),
            ids,
        )
        .unwrap(),
        signature: CompactSignature::from_bytes([8; 64]),
    }
}

pub(crate) fn quote(epoch: u64) -> SignedQuote {
    SignedQuote {
        quote: Quote {
            instance: Address::repeat_byte(4),
            epoch: Epoch::new(epoch),
            end_archive: digest(5),
            valid_until_slot: Slot::new(99),
            bond_amount_gwei: 1_000_000_000,
            prover: Address::repeat_byte(5),
            basis_point_fee: 500,
            nonce: 1,
        },
        signature: CompactSignature::from_bytes([2; 64]),
    }
}

pub(crate) fn attestation(slot: u64, index: u16) -> Attestation {
    Attestation {
        slot: Slot::new(slot),
        index,
        block_hash: B256::repeat_byte(1),
        signature: CompactSignature::from_bytes([2; 64]),
    }
}
