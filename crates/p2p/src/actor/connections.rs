//! From a connection to a peer: same protocol version, same genesis id, and it takes all kinds of gossip.

use std::collections::BTreeSet;
use std::net::IpAddr;

use libp2p::core::ConnectedPoint;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::{ConnectionId, DialError};
use libp2p::{Multiaddr, PeerId, identify, ping};
use tokio::time::Instant;

use super::Actor;
use crate::behaviour::protocol_version;
use crate::config::AddressScope;
use crate::gossip::GossipKind;
use crate::handle::P2pEvent;
use crate::metrics;
use crate::peer::{Direction, Multiaddress, PeerInfo};
use crate::rates::PeerRates;
use crate::request::Status;
use crate::scores::Offence;

/// Characters of an agent's name that are kept.
const AGENT_CHARS_MAX: usize = 64;

/// One connection.
#[derive(Debug)]
struct Connection {
    id: ConnectionId,
    address: Multiaddr,
    direction: Direction,
}

/// A connected peer, admitted or not yet.
#[derive(Debug)]
pub(super) struct Connected {
    /// Bound: the connections of one peer, 2.
    connections: Vec<Connection>,
    pub(super) since: Instant,
    pub(super) rates: PeerRates,
    agent: String,
    is_identified: bool,
    /// Where it stands, once it has said so.
    status: Option<Status>,
    /// What it takes. Bound: one for each kind.
    topics: BTreeSet<GossipKind>,
    /// Whether it is a peer: of our instance, and it takes all kinds of gossip.
    pub(super) is_admitted: bool,
    pub(super) status_asked: Instant,
    /// Our questions that it has not answered.
    pub(super) questions: usize,
    /// Its questions that we have not answered.
    pub(super) replies: usize,
}

impl Connected {
    pub(super) fn direction(&self) -> Direction {
        self.connections
            .first()
            .map_or(Direction::Inbound, |connection| connection.direction)
    }
}

impl Actor {
    pub(super) fn handle_established(&mut self, peer: PeerId, id: ConnectionId, endpoint: &ConnectedPoint) {
        let now = Instant::now();
        let (direction, address) = match endpoint {
            ConnectedPoint::Dialer { address, .. } => (Direction::Outbound, address.clone()),
            ConnectedPoint::Listener { send_back_addr, .. } => (Direction::Inbound, send_back_addr.clone()),
        };
        if direction == Direction::Inbound && self.is_crowded(&address) {
            tracing::debug!(%peer, %address, "too many connections from one address");
            self.swarm.close_connection(id);
            return;
        }
        let limits = &self.config.limits;
        let connected = self.connected.entry(peer).or_insert_with(|| Connected {
            connections: Vec::new(),
            since: now,
            rates: PeerRates::new(limits, now),
            agent: String::new(),
            is_identified: false,
            status: None,
            topics: BTreeSet::new(),
            is_admitted: false,
            status_asked: now,
            questions: 0,
            replies: 0,
        });
        connected.connections.push(Connection {
            id,
            address,
            direction,
        });
        let score = self.scores.of(peer, now);
        self.swarm
            .behaviour_mut()
            .gossip
            .set_application_score(&peer, score);
    }

    /// Whether an IP address has as many connections as it may have.
    fn is_crowded(&self, address: &Multiaddr) -> bool {
        let Some(ip) = ip_of(address) else { return false };
        if ip.is_loopback() && self.config.scope == AddressScope::Loopback {
            return false;
        }
        let all = self
            .connected
            .values()
            .flat_map(|connected| &connected.connections);
        let same = all
            .filter(|connection| ip_of(&connection.address) == Some(ip))
            .count();
        same >= self.config.limits.connections_per_ip_max
    }

    pub(super) fn handle_closed(&mut self, peer: PeerId, id: ConnectionId, cause: Option<String>) {
        let Some(connected) = self.connected.get_mut(&peer) else {
            return;
        };
        connected.connections.retain(|connection| connection.id != id);
        if !connected.connections.is_empty() {
            return;
        }
        let was_admitted = self
            .connected
            .remove(&peer)
            .is_some_and(|connected| connected.is_admitted);
        self.fail_dial(peer);
        if was_admitted {
            tracing::debug!(%peer, ?cause, "peer has gone");
            self.emit(
                P2pEvent::PeerDisconnected {
                    peer: crate::PeerId(peer),
                },
                0,
            );
            self.count_peers();
        }
    }

    pub(super) fn handle_dial_error(&mut self, peer: PeerId, error: &DialError) {
        tracing::debug!(%peer, %error, "dial failed");
        match error {
            DialError::LocalPeerId { .. } => self.book.forget(&peer),
            // The dial was not needed, or is under way.
            DialError::DialPeerConditionFalse(_) => {}
            _ if self.connected.contains_key(&peer) => {}
            _ => self.fail_dial(peer),
        }
    }

    fn fail_dial(&mut self, peer: PeerId) {
        if self.book.fail(peer, Instant::now()) {
            self.swarm.behaviour_mut().kad.remove_peer(&peer);
        }
    }

    pub(super) fn handle_identify(&mut self, event: identify::Event) {
        let identify::Event::Received {
            peer_id: peer, info, ..
        } = event
        else {
            return;
        };
        if info.protocol_version != protocol_version(self.config.fork_digest) {
            let found: String = info.protocol_version.chars().take(AGENT_CHARS_MAX).collect();
            tracing::debug!(%peer, found, "peer of another instance");
            self.book.forget(&peer);
            self.disconnect(peer);
            return;
        }
        let Some(connected) = self.connected.get_mut(&peer) else {
            return;
        };
        connected.agent = info
            .agent_version
            .chars()
            .filter(|c| !c.is_control())
            .take(AGENT_CHARS_MAX)
            .collect();
        let is_first = !core::mem::replace(&mut connected.is_identified, true);
        self.book.learn(peer, info.listen_addrs, Instant::now());
        if is_first {
            self.ask_status(peer);
        }
    }

    /// A peer that does not answer pings is gone, whatever TCP thinks.
    pub(super) fn handle_ping(&mut self, event: &ping::Event) {
        if let Err(error) = &event.result {
            tracing::debug!(peer = %event.peer, %error, "ping failed");
            self.swarm.close_connection(event.connection);
        }
    }

    /// A peer told its status: refused if it is of another instance.
    pub(super) fn handle_status(&mut self, peer: PeerId, status: Status) {
        if status.genesis_id != self.config.genesis_id {
            tracing::debug!(%peer, found = %status.genesis_id, expected = %self.config.genesis_id, "wrong genesis id");
            self.offend(peer, Offence::WrongInstance);
            return;
        }
        if let Some(connected) = self.connected.get_mut(&peer) {
            connected.status = Some(status);
            self.admit(peer);
        }
    }

    /// A peer takes a kind of gossip, or no longer.
    pub(super) fn handle_subscription(&mut self, peer: PeerId, kind: GossipKind, is_taken: bool) {
        let Some(connected) = self.connected.get_mut(&peer) else {
            return;
        };
        if is_taken {
            connected.topics.insert(kind);
            self.admit(peer);
        } else {
            tracing::debug!(%peer, kind = kind.name(), "peer no longer takes gossip");
            self.disconnect(peer);
        }
    }

    /// Makes a connection a peer when all is known that must be.
    fn admit(&mut self, peer: PeerId) {
        let Some(connected) = self.connected.get_mut(&peer) else {
            return;
        };
        let Some(status) = connected.status else { return };
        if connected.is_admitted || connected.topics.len() < GossipKind::ALL.len() {
            return;
        }
        connected.is_admitted = true;
        tracing::debug!(%peer, agent = connected.agent, direction = ?connected.direction(), "peer admitted");
        self.book.prove(peer);
        for address in self.book.addresses(&peer) {
            self.swarm.behaviour_mut().kad.add_address(&peer, address);
        }
        // A new peer may know others.
        self.next_search = Instant::now();
        self.emit(
            P2pEvent::PeerConnected {
                peer: crate::PeerId(peer),
                status,
            },
            0,
        );
        self.count_peers();
    }

    /// Closes all connections to a peer, if there are any.
    pub(super) fn disconnect(&mut self, peer: PeerId) {
        // An error means that it is not connected.
        self.swarm.disconnect_peer_id(peer).ok();
    }

    /// Closes all connections to a peer and refuses new ones for the configured time.
    pub(super) fn ban(&mut self, peer: PeerId) {
        if self.scores.is_banned(&peer) {
            return;
        }
        tracing::info!(%peer, "peer banned");
        metrics::ban();
        let now = Instant::now();
        let lifted = self
            .scores
            .ban(peer, now.checked_add(self.config.pace.ban).unwrap_or(now));
        self.book.forget(&peer);
        let behaviour = self.swarm.behaviour_mut();
        behaviour.kad.remove_peer(&peer);
        behaviour.bans.block_peer(peer);
        if let Some(lifted) = lifted {
            behaviour.bans.unblock_peer(lifted);
        }
    }

    /// Admitted peers.
    pub(super) fn admitted(&self) -> impl Iterator<Item = (&PeerId, &Connected)> {
        self.connected
            .iter()
            .filter(|(_, connected)| connected.is_admitted)
    }

    /// Gossip's score, which holds ours.
    pub(super) fn score(&self, peer: &PeerId) -> f64 {
        self.swarm.behaviour().gossip.peer_score(peer).unwrap_or(0.0)
    }

    pub(super) fn peer_infos(&self) -> Vec<PeerInfo> {
        let info = |(peer, connected): (&PeerId, &Connected)| {
            let connection = connected.connections.first()?;
            Some(PeerInfo {
                id: crate::PeerId(*peer),
                address: Multiaddress(connection.address.clone()),
                direction: connection.direction,
                score: self.score(peer),
                agent: connected.agent.clone(),
                status: connected.status?,
            })
        };
        self.admitted().filter_map(info).collect()
    }

    fn count_peers(&self) {
        let count = |direction| {
            let count = self
                .admitted()
                .filter(|(_, connected)| connected.direction() == direction)
                .count();
            u32::try_from(count).unwrap_or(u32::MAX)
        };
        metrics::set_peers(count(Direction::Inbound), count(Direction::Outbound));
    }
}

fn ip_of(address: &Multiaddr) -> Option<IpAddr> {
    match address.iter().next()? {
        Protocol::Ip4(ip) => Some(ip.into()),
        Protocol::Ip6(ip) => Some(ip.to_canonical()),
        _ => None,
    }
}
