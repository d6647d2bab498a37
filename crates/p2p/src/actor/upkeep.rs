//! What is done every tick: handshakes that take too long, bans that end, too many peers or too few, the file of known peers.

use std::sync::PoisonError;

use libp2p::PeerId;
use libp2p::kad;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use tokio::time::Instant;

use super::Actor;
use crate::peer::Direction;
use crate::{book, metrics, scores};

/// Dials started in one tick at most.
const DIALS_PER_TICK: usize = 8;

impl Actor {
    pub(super) fn handle_tick(&mut self) {
        let now = Instant::now();
        self.close_slow_handshakes(now);
        for peer in self.scores.forget(now) {
            self.swarm.behaviour_mut().bans.unblock_peer(peer);
        }
        self.refresh_scores(now);
        self.drop_surplus();
        self.dial_known(now);
        self.search(now);
        self.refresh_statuses(now);
        metrics::set_known(self.book.len());
        if now >= self.next_save {
            self.next_save = later(now, self.config.pace.save_interval);
            // The write goes on by itself; the next one waits for it.
            drop(self.write_book());
        }
    }

    fn close_slow_handshakes(&mut self, now: Instant) {
        let limit = self.config.pace.handshake_timeout;
        let is_slow = |since: Instant| now.saturating_duration_since(since) >= limit;
        let all = self
            .connected
            .iter()
            .filter(|(_, c)| !c.is_admitted && is_slow(c.since));
        let slow: Vec<_> = all.map(|(peer, _)| *peer).collect();
        for peer in slow {
            tracing::debug!(%peer, "handshake takes too long");
            self.disconnect(peer);
        }
    }

    /// Tells gossip how our scores have faded, and bans those whose behaviour gossip itself finds intolerable.
    fn refresh_scores(&mut self, now: Instant) {
        let mut intolerable = Vec::new();
        for peer in self.connected.keys() {
            let score = self.scores.of(*peer, now);
            let gossip = &mut self.swarm.behaviour_mut().gossip;
            gossip.set_application_score(peer, score);
            if gossip.peer_score(peer).is_some_and(|score| score <= scores::BAN) {
                intolerable.push(*peer);
            }
        }
        for peer in intolerable {
            self.ban(peer);
        }
    }

    /// Above the limit the peers with the worst scores go; among equals those who came to us, latest first.
    fn drop_surplus(&mut self) {
        let limit = usize::try_from(self.config.peers_max).unwrap_or(usize::MAX);
        let mut peers: Vec<_> = self
            .admitted()
            .map(|(peer, c)| {
                (
                    self.score(peer),
                    c.direction() == Direction::Outbound,
                    c.since,
                    *peer,
                )
            })
            .collect();
        let Some(surplus) = peers.len().checked_sub(limit) else {
            return;
        };
        peers.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).then(b.2.cmp(&a.2)));
        for (.., peer) in peers.into_iter().take(surplus) {
            tracing::debug!(%peer, "surplus peer");
            self.disconnect(peer);
        }
    }

    fn needs_peers(&self) -> bool {
        self.admitted().count() < usize::try_from(self.config.peers_target).unwrap_or(usize::MAX)
    }

    fn dial_known(&mut self, now: Instant) {
        if !self.needs_peers() {
            return;
        }
        let (connected, scores) = (&self.connected, &self.scores);
        let is_free = |peer: &PeerId| !connected.contains_key(peer) && !scores.is_banned(peer);
        for (peer, addresses) in self.book.due(now, DIALS_PER_TICK, is_free) {
            metrics::dial();
            let dial = DialOpts::peer_id(peer)
                .addresses(addresses)
                .condition(PeerCondition::DisconnectedAndNotDialing)
                .build();
            if let Err(error) = self.swarm.dial(dial) {
                self.handle_dial_error(peer, &error);
            }
        }
    }

    /// Asks peers for peers near a random point.
    fn search(&mut self, now: Instant) {
        if now < self.next_search || !self.needs_peers() || self.admitted().next().is_none() {
            return;
        }
        self.next_search = later(now, self.config.pace.search_interval);
        self.swarm.behaviour_mut().kad.get_closest_peers(PeerId::random());
    }

    pub(super) fn handle_kad(&mut self, event: kad::Event) {
        let kad::Event::OutboundQueryProgressed {
            result: kad::QueryResult::GetClosestPeers(result),
            ..
        } = event
        else {
            return;
        };
        let found = match result {
            Ok(kad::GetClosestPeersOk { peers, .. })
            | Err(kad::GetClosestPeersError::Timeout { peers, .. }) => peers,
        };
        let now = Instant::now();
        for peer in found {
            self.book.learn(peer.peer_id, peer.addrs, now);
        }
    }

    fn refresh_statuses(&mut self, now: Instant) {
        let interval = self.config.pace.status_interval;
        let is_old = |asked: Instant| now.saturating_duration_since(asked) >= interval;
        let old: Vec<_> = self
            .admitted()
            .filter(|(_, c)| is_old(c.status_asked))
            .map(|(peer, _)| *peer)
            .collect();
        for peer in old {
            self.ask_status(peer);
        }
    }

    /// Writes the file of known peers before the end.
    pub(super) async fn save_book(&mut self) {
        if let Some(writing) = self.write_book() {
            // A lost write has stopped the process already, or was logged.
            writing.await.ok();
        }
    }

    fn write_book(
        &mut self,
    ) -> Option<impl Future<Output = Result<(), agoge_supervisor::Lost>> + Send + use<>> {
        let path = self.config.peers_file.clone()?;
        let text = self.book.take_changes()?;
        let saving = std::sync::Arc::clone(&self.saving);
        Some(self.spawner.spawn_blocking("p2p peers file", move || {
            let _one_at_a_time = saving.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = book::save(&path, &text) {
                tracing::warn!(path = %path.display(), %error, "known peers are not saved");
            }
        }))
    }
}

fn later(now: Instant, by: std::time::Duration) -> Instant {
    now.checked_add(by).unwrap_or(now)
}
