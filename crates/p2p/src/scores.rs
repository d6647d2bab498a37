//! What peers have done wrong, as the node sees it, and who is banned. Forgotten by half every five minutes.
//!
//! These scores outlive connections and are handed to gossip's own peer scores, which add what they see of mesh behaviour.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use libp2p::PeerId;
use libp2p::gossipsub::{PeerScoreParams, PeerScoreThresholds, TopicHash, TopicScoreParams};
use tokio::time::Instant;

use crate::config::{AddressScope, ForkDigest};
use crate::gossip::GossipKind;

/// Score at which a peer is banned: ours alone, or gossip's, which holds ours. Gossip stops listening at the same score, so nobody stays
/// connected who is not listened to.
pub(crate) const BAN: f64 = -100.0;
/// Time in which half of a score is forgotten.
const HALF_LIFE: Duration = Duration::from_secs(300);
/// A score nearer to zero than this is forgotten at all.
const NEGLIGIBLE: f64 = 0.5;
/// Peers with a score that are remembered; beyond that the least bad is forgotten.
const SCORES_MAX: usize = 4_096;
/// Bans that are remembered; beyond that the one that ends first is lifted.
const BANS_MAX: usize = 1_024;

/// Wrong behaviour, and what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Offence {
    /// Bytes that are no message of their kind: 30.
    Malformed,
    /// A message that is invalid by any view (a bad proof, a wrong signer): 30.
    Invalid,
    /// More than the rate allows, for each message: 5.
    TooFast,
    /// An answer that does not fit the question: 60.
    WrongAnswer,
    /// A request without an answer in time: 5.
    NoAnswer,
    /// Another instance: banned at once.
    WrongInstance,
}

impl Offence {
    /// Its word in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Invalid => "invalid",
            Self::TooFast => "too_fast",
            Self::WrongAnswer => "wrong_answer",
            Self::NoAnswer => "no_answer",
            Self::WrongInstance => "wrong_instance",
        }
    }

    const fn cost(self) -> f64 {
        match self {
            Self::Malformed | Self::Invalid => 30.0,
            Self::TooFast | Self::NoAnswer => 5.0,
            Self::WrongAnswer => 60.0,
            Self::WrongInstance => 1_000.0,
        }
    }
}

/// Score and when it was right.
#[derive(Clone, Copy, Debug)]
struct Score {
    value: f64,
    at: Instant,
}

impl Score {
    fn now(self, now: Instant) -> f64 {
        let halvings = now.saturating_duration_since(self.at).as_secs_f64() / HALF_LIFE.as_secs_f64();
        self.value * (-halvings).exp2()
    }
}

/// Scores and bans of all peers, connected or not.
#[derive(Debug, Default)]
pub(crate) struct Scores {
    scores: BTreeMap<PeerId, Score>,
    bans: BTreeMap<PeerId, Instant>,
}

impl Scores {
    /// Notes an offence. Returns the new score.
    pub(crate) fn offend(&mut self, peer: PeerId, offence: Offence, now: Instant) -> f64 {
        let value = self.of(peer, now) - offence.cost();
        if !self.scores.contains_key(&peer) && self.scores.len() >= SCORES_MAX {
            let least_bad = self
                .scores
                .iter()
                .max_by(|a, b| a.1.now(now).total_cmp(&b.1.now(now)));
            if let Some(least_bad) = least_bad.map(|(peer, _)| *peer) {
                self.scores.remove(&least_bad);
            }
        }
        self.scores.insert(peer, Score { value, at: now });
        value
    }

    /// A peer's score: zero or less.
    pub(crate) fn of(&self, peer: PeerId, now: Instant) -> f64 {
        self.scores.get(&peer).map_or(0.0, |score| score.now(now))
    }

    /// Bans a peer. Returns another whose ban had to be lifted for it.
    pub(crate) fn ban(&mut self, peer: PeerId, until: Instant) -> Option<PeerId> {
        let mut lifted = None;
        if !self.bans.contains_key(&peer) && self.bans.len() >= BANS_MAX {
            lifted = self
                .bans
                .iter()
                .min_by_key(|(_, until)| **until)
                .map(|(peer, _)| *peer);
            if let Some(lifted) = lifted {
                self.bans.remove(&lifted);
            }
        }
        self.bans.insert(peer, until);
        lifted
    }

    /// Whether a peer is banned.
    pub(crate) fn is_banned(&self, peer: &PeerId) -> bool {
        self.bans.contains_key(peer)
    }

    /// Forgets small scores and lifts bans that are over; a peer comes back with a clean sheet. Returns those lifted.
    pub(crate) fn forget(&mut self, now: Instant) -> Vec<PeerId> {
        self.scores.retain(|_, score| score.now(now).abs() > NEGLIGIBLE);
        let over: Vec<_> = self
            .bans
            .iter()
            .filter(|(_, until)| **until <= now)
            .map(|(peer, _)| *peer)
            .collect();
        for peer in &over {
            self.bans.remove(peer);
            self.scores.remove(peer);
        }
        over
    }
}

/// Gossip's thresholds; see `docs/wire.md`.
pub(crate) fn thresholds() -> PeerScoreThresholds {
    PeerScoreThresholds {
        gossip_threshold: -40.0,
        publish_threshold: -60.0,
        graylist_threshold: BAN,
        accept_px_threshold: 10.0,
        opportunistic_graft_threshold: 1.0,
    }
}

/// Gossip's score parameters.
///
/// There is no term for slow mesh deliveries: traffic comes in bursts once a slot and may be nothing at all, so any rate that could be
/// asked for would punish honest peers of a quiet network. Own messages are flooded and lazy gossip fills gaps instead.
pub(crate) fn params(fork: ForkDigest, scope: AddressScope) -> PeerScoreParams {
    let topic = |kind: GossipKind| (TopicHash::from_raw(kind.topic(fork)), topic_params());
    let mut params = PeerScoreParams {
        topics: HashMap::from(GossipKind::ALL.map(topic)),
        topic_score_cap: 30.0,
        app_specific_weight: 1.0,
        ip_colocation_factor_weight: -5.0,
        ip_colocation_factor_threshold: 8.0,
        behaviour_penalty_weight: -10.0,
        behaviour_penalty_threshold: 6.0,
        behaviour_penalty_decay: 0.9,
        retain_score: Duration::from_secs(3_600),
        slow_peer_weight: -0.2,
        slow_peer_threshold: 10.0,
        slow_peer_decay: 0.9,
        ..PeerScoreParams::default()
    };
    if scope == AddressScope::Loopback {
        params.ip_colocation_factor_whitelist = [
            IpAddr::from([127, 0, 0, 1]),
            IpAddr::from(std::net::Ipv6Addr::LOCALHOST),
        ]
        .into();
    }
    params
}

fn topic_params() -> TopicScoreParams {
    TopicScoreParams {
        topic_weight: 1.0,
        time_in_mesh_weight: 0.01,
        time_in_mesh_quantum: Duration::from_secs(1),
        time_in_mesh_cap: 300.0,
        first_message_deliveries_weight: 0.2,
        first_message_deliveries_decay: 0.99,
        first_message_deliveries_cap: 35.0,
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        invalid_message_deliveries_weight: -5.0,
        invalid_message_deliveries_decay: 0.99,
        ..TopicScoreParams::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(seed: u64) -> PeerId {
        let mut secret = [1_u8; 32];
        secret[..8].copy_from_slice(&seed.to_le_bytes());
        libp2p::identity::Keypair::ed25519_from_bytes(secret)
            .unwrap()
            .public()
            .to_peer_id()
    }

    #[test]
    fn gossips_parameters_are_valid() {
        let digest = ForkDigest([1, 2, 3, 4]);
        params(digest, AddressScope::Loopback).validate().unwrap();
        assert!(
            params(digest, AddressScope::Public)
                .ip_colocation_factor_whitelist
                .is_empty()
        );
        thresholds().validate().unwrap();
    }

    #[test]
    fn offences_add_up_to_a_ban_and_fade() {
        let mut scores = Scores::default();
        let start = Instant::now();
        let (a, b) = (peer(1), peer(2));
        assert_eq!(scores.offend(a, Offence::WrongAnswer, start), -60.0);
        assert_eq!(scores.offend(a, Offence::NoAnswer, start), -65.0);
        let later = start + HALF_LIFE;
        assert!((scores.of(a, later) + 32.5).abs() < 1e-6);
        assert!(scores.offend(a, Offence::WrongAnswer, start) <= BAN);
        assert!(scores.offend(b, Offence::WrongInstance, start) <= BAN);
        assert_eq!(scores.of(peer(3), start), 0.0);
    }

    #[test]
    fn bans_end_with_a_clean_sheet() {
        let mut scores = Scores::default();
        let start = Instant::now();
        scores.offend(peer(1), Offence::WrongInstance, start);
        assert_eq!(scores.ban(peer(1), start + Duration::from_secs(10)), None);
        assert!(scores.is_banned(&peer(1)));
        assert!(scores.forget(start + Duration::from_secs(9)).is_empty());
        assert_eq!(scores.forget(start + Duration::from_secs(10)), [peer(1)]);
        assert!(!scores.is_banned(&peer(1)));
        assert_eq!(scores.of(peer(1), start), 0.0);
    }

    #[test]
    fn scores_and_bans_are_bounded() {
        let mut scores = Scores::default();
        let start = Instant::now();
        let first = peer(0);
        scores.ban(first, start);
        let peers: Vec<_> = (1..=SCORES_MAX as u64).map(peer).collect();
        let mut lifted = Vec::new();
        for (later, peer) in (1..).zip(&peers) {
            scores.offend(*peer, Offence::Malformed, start);
            lifted.extend(scores.ban(*peer, start + Duration::from_secs(later)));
        }
        assert_eq!(scores.bans.len(), BANS_MAX);
        assert_eq!(lifted.first(), Some(&first));
        scores.offend(first, Offence::Malformed, start);
        assert_eq!(scores.scores.len(), SCORES_MAX);
    }
}
