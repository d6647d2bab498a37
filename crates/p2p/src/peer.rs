//! Names and addresses of peers, without libp2p's types in sight.

use std::net::SocketAddr;

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;
use serde::{Serialize, Serializer};

use crate::config::AddressScope;
use crate::request::Status;

/// A peer's identity: the hash of its network key. Shown in base58.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub(crate) libp2p::PeerId);

/// A text is no peer id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a peer id: {reason}")]
pub struct InvalidPeerId {
    /// As given.
    pub text: String,
    /// What is wrong.
    pub reason: String,
}

impl core::fmt::Display for PeerId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

impl core::fmt::Debug for PeerId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}

impl core::str::FromStr for PeerId {
    type Err = InvalidPeerId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.parse::<libp2p::PeerId>();
        parsed.map(Self).map_err(|e| InvalidPeerId {
            text: text.to_owned(),
            reason: e.to_string(),
        })
    }
}

impl Serialize for PeerId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A network address such as `/ip4/192.0.2.1/tcp/8703/p2p/12D3K...`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Multiaddress(pub(crate) Multiaddr);

/// A text is no network address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a multiaddress: {reason}")]
pub struct InvalidAddress {
    /// As given.
    pub text: String,
    /// What is wrong.
    pub reason: String,
}

impl Multiaddress {
    /// TCP at an IP address and port.
    pub fn tcp(address: SocketAddr) -> Self {
        Self(
            Multiaddr::empty()
                .with(Protocol::from(address.ip()))
                .with(Protocol::Tcp(address.port())),
        )
    }

    /// The same address, naming whom to expect there.
    #[must_use]
    pub fn with_peer_id(&self, peer: PeerId) -> Self {
        let (address, _) = split(&self.0);
        Self(address.with(Protocol::P2p(peer.0)))
    }

    /// The same address, `ports` further up: where the same node listens for another instance (`docs/wire.md`). `None` without a TCP port or
    /// with none so high. Port 0, any free one, stays.
    pub fn shifted(&self, ports: u16) -> Option<Self> {
        let mut has_port = false;
        let mut shifted = Multiaddr::empty();
        for part in &self.0 {
            shifted.push(match part {
                Protocol::Tcp(0) => {
                    has_port = true;
                    Protocol::Tcp(0)
                }
                Protocol::Tcp(port) => {
                    has_port = true;
                    Protocol::Tcp(port.checked_add(ports)?)
                }
                other => other,
            });
        }
        has_port.then_some(Self(shifted))
    }

    /// Who is expected there, if the address says.
    pub fn peer_id(&self) -> Option<PeerId> {
        split(&self.0).1.map(PeerId)
    }
}

impl core::fmt::Display for Multiaddress {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

impl core::fmt::Debug for Multiaddress {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}

impl core::str::FromStr for Multiaddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.parse::<Multiaddr>();
        parsed.map(Self).map_err(|e| InvalidAddress {
            text: text.to_owned(),
            reason: e.to_string(),
        })
    }
}

impl Serialize for Multiaddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Who opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The peer did.
    Inbound,
    /// We did.
    Outbound,
}

/// An admitted peer, as shown to operators.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PeerInfo {
    /// Its identity.
    pub id: PeerId,
    /// Where it is connected from or at.
    pub address: Multiaddress,
    /// Who opened the connection.
    pub direction: Direction,
    /// Gossip and application score together; below zero is bad.
    pub score: f64,
    /// Program and version, as it says.
    pub agent: String,
    /// Its tip, as it said last.
    pub status: Status,
}

/// The IP address and TCP port that an address begins with.
pub(crate) fn socket_of(address: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = address.iter();
    let ip = match parts.next()? {
        Protocol::Ip4(ip) => ip.into(),
        Protocol::Ip6(ip) => ip.into(),
        _ => return None,
    };
    match parts.next()? {
        Protocol::Tcp(port) => Some(SocketAddr::new(ip, port)),
        _ => None,
    }
}

/// Takes the peer id off the end of an address.
pub(crate) fn split(address: &Multiaddr) -> (Multiaddr, Option<libp2p::PeerId>) {
    let mut rest = address.clone();
    match rest.pop() {
        Some(Protocol::P2p(peer)) => (rest, Some(peer)),
        _ => (address.clone(), None),
    }
}

/// How far an address reaches; names count as public, their addresses are judged when they are dialled.
pub(crate) fn scope_of(address: &Multiaddr) -> Option<AddressScope> {
    match address.iter().next()? {
        Protocol::Ip4(ip) if ip.is_loopback() => Some(AddressScope::Loopback),
        Protocol::Ip4(ip) if ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast() => None,
        Protocol::Ip4(ip) if ip.is_private() || ip.is_link_local() || is_shared(ip) => {
            Some(AddressScope::Private)
        }
        Protocol::Ip6(ip) if ip.is_loopback() => Some(AddressScope::Loopback),
        Protocol::Ip6(ip) if ip.is_unspecified() || ip.is_multicast() => None,
        Protocol::Ip6(ip) => match ip.to_ipv4_mapped() {
            Some(mapped) => scope_of(&Multiaddr::empty().with(Protocol::Ip4(mapped))),
            None if ip.is_unique_local() || ip.is_unicast_link_local() => Some(AddressScope::Private),
            None => Some(AddressScope::Public),
        },
        Protocol::Ip4(_) | Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_) => {
            Some(AddressScope::Public)
        }
        _ => None,
    }
}

/// Carrier-grade NAT, 100.64.0.0/10.
fn is_shared(ip: std::net::Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    a == 100 && b & 0xc0 == 64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_instances_address_differs_in_its_port() {
        let shifted = |text: &str, ports| {
            let address: Multiaddress = text.parse().unwrap();
            address.shifted(ports).map(|address| address.to_string())
        };
        let peer = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";
        assert_eq!(
            shifted(&format!("/dns4/node.example/tcp/8703/p2p/{peer}"), 2),
            Some(format!("/dns4/node.example/tcp/8705/p2p/{peer}"))
        );
        assert_eq!(
            shifted("/ip4/127.0.0.1/tcp/0", 1).unwrap(),
            "/ip4/127.0.0.1/tcp/0"
        );
        assert_eq!(shifted("/ip4/127.0.0.1/tcp/65535", 1), None);
        assert_eq!(shifted("/ip4/127.0.0.1", 1), None);
    }

    #[test]
    fn addresses_carry_peer_ids_and_texts_are_checked() {
        let peer = PeerId(
            libp2p::identity::Keypair::ed25519_from_bytes([7; 32])
                .unwrap()
                .public()
                .to_peer_id(),
        );
        let plain = Multiaddress::tcp(SocketAddr::from(([192, 0, 2, 1], 8703)));
        assert_eq!(plain.to_string(), "/ip4/192.0.2.1/tcp/8703");
        assert_eq!(plain.peer_id(), None);
        let full = plain.with_peer_id(peer);
        assert_eq!(full.peer_id(), Some(peer));
        assert_eq!(full.with_peer_id(peer), full);
        assert_eq!(full.to_string().parse(), Ok(full));
        assert_eq!(peer.to_string().parse(), Ok(peer));
        assert!("nobody".parse::<PeerId>().is_err());
        assert!("192.0.2.1:8703".parse::<Multiaddress>().is_err());
    }

    #[test]
    fn scopes_of_addresses() {
        let cases = [
            ("/ip4/127.0.0.1/tcp/1", Some(AddressScope::Loopback)),
            ("/ip6/::1/tcp/1", Some(AddressScope::Loopback)),
            ("/ip6/::ffff:127.0.0.1/tcp/1", Some(AddressScope::Loopback)),
            ("/ip4/10.1.2.3/tcp/1", Some(AddressScope::Private)),
            ("/ip4/100.64.0.1/tcp/1", Some(AddressScope::Private)),
            ("/ip6/fd00::1/tcp/1", Some(AddressScope::Private)),
            ("/ip4/8.8.8.8/tcp/1", Some(AddressScope::Public)),
            ("/ip6/2001:4860::1/tcp/1", Some(AddressScope::Public)),
            ("/dns4/boot.example/tcp/1", Some(AddressScope::Public)),
            ("/ip4/0.0.0.0/tcp/1", None),
            ("/ip4/224.0.0.1/tcp/1", None),
            ("/memory/1", None),
        ];
        for (address, expected) in cases {
            assert_eq!(scope_of(&address.parse().unwrap()), expected, "{address}");
        }
    }
}
