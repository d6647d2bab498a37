//! Gossip in both directions.

use libp2p::PeerId;
use libp2p::gossipsub::{self, MessageAcceptance, MessageId, TopicHash};
use tokio::time::Instant;

use super::Actor;
use crate::error::PublishError;
use crate::gossip::{GossipKind, GossipMessage, Ticket, Verdict};
use crate::handle::P2pEvent;
use crate::metrics;
use crate::record::{Content, Way};
use crate::scores::Offence;

impl Actor {
    pub(super) fn handle_gossip_event(&mut self, event: gossipsub::Event) {
        match event {
            gossipsub::Event::Message {
                propagation_source,
                message_id,
                message,
            } => {
                self.handle_gossip(propagation_source, &message_id, &message);
            }
            gossipsub::Event::GossipsubNotSupported { peer_id } => {
                tracing::debug!(peer = %peer_id, "peer does not gossip with us");
                self.disconnect(peer_id);
            }
            gossipsub::Event::SlowPeer { peer_id, .. } => tracing::debug!(peer = %peer_id, "peer is slow"),
            gossipsub::Event::Subscribed { peer_id, topic, .. } => self.handle_topic(peer_id, &topic, true),
            gossipsub::Event::Unsubscribed { peer_id, topic } => self.handle_topic(peer_id, &topic, false),
        }
    }

    fn handle_topic(&mut self, peer: PeerId, topic: &TopicHash, is_taken: bool) {
        if let Some(kind) = self.kind_of(topic) {
            self.handle_subscription(peer, kind, is_taken);
        }
    }

    fn kind_of(&self, topic: &TopicHash) -> Option<GossipKind> {
        self.topics
            .iter()
            .find(|(known, _)| known == topic)
            .map(|(_, kind)| *kind)
    }

    /// Rate first, then form, then the node.
    fn handle_gossip(&mut self, source: PeerId, id: &MessageId, message: &gossipsub::Message) {
        let (Some(kind), Ok(bytes)) = (
            self.kind_of(&message.topic),
            <[u8; 32]>::try_from(id.0.as_slice()),
        ) else {
            return;
        };
        metrics::gossip_received(kind, message.data.len());
        let ticket = Ticket {
            id: bytes,
            peer: crate::PeerId(source),
            kind,
        };
        let rates = self
            .connected
            .get_mut(&source)
            .map(|connected| &mut connected.rates);
        if rates.is_some_and(|rates| !rates.take_gossip(kind, Instant::now())) {
            self.judge(&ticket, Verdict::Ignore);
            self.offend(source, Offence::TooFast);
            return;
        }
        let decoded = match GossipMessage::decode(kind, &message.data) {
            Ok(decoded) => decoded,
            Err(error) => {
                tracing::debug!(peer = %source, %error, "malformed gossip");
                let malformed = || Content::Malformed {
                    kind: kind.name(),
                    data: message.data.clone(),
                };
                self.recorder.record(Way::In, Some(ticket.peer), malformed);
                self.judge(&ticket, Verdict::Reject);
                self.offend(source, Offence::Malformed);
                return;
            }
        };
        self.recorder
            .record(Way::In, Some(ticket.peer), || Content::Gossip(decoded.clone()));
        // A flood of transactions or quotes must not push out what a slot depends on.
        let places_left = if kind.is_urgent() {
            0
        } else {
            self.config.limits.events_max / 2
        };
        let event = P2pEvent::Gossip {
            peer: ticket.peer,
            message: decoded,
            ticket: ticket.clone(),
        };
        if !self.emit(event, places_left) {
            self.judge(&ticket, Verdict::Ignore);
        }
    }

    pub(super) fn handle_verdict(&mut self, ticket: &Ticket, verdict: Verdict) {
        self.judge(ticket, verdict);
        if verdict == Verdict::Reject {
            self.offend(ticket.peer.0, Offence::Invalid);
        }
    }

    fn judge(&mut self, ticket: &Ticket, verdict: Verdict) {
        metrics::gossip_judged(ticket.kind, verdict);
        let acceptance = match verdict {
            Verdict::Accept => MessageAcceptance::Accept,
            Verdict::Ignore => MessageAcceptance::Ignore,
            Verdict::Reject => MessageAcceptance::Reject,
        };
        let gossip = &mut self.swarm.behaviour_mut().gossip;
        if !gossip.report_message_validation_result(&MessageId::new(&ticket.id), &ticket.peer.0, acceptance) {
            tracing::debug!(
                kind = ticket.kind.name(),
                "verdict came too late: gossip has forgotten the message"
            );
        }
    }

    pub(super) fn publish(&mut self, message: GossipMessage, data: Vec<u8>) -> Result<(), PublishError> {
        let kind = message.kind();
        let found = data.len();
        let topic = gossipsub::IdentTopic::new(kind.topic(self.config.fork_digest));
        match self.swarm.behaviour_mut().gossip.publish(topic, data) {
            Ok(_) => {
                metrics::gossip_published(kind);
                self.recorder.record(Way::Out, None, || Content::Gossip(message));
                Ok(())
            }
            Err(gossipsub::PublishError::Duplicate) => Ok(()),
            Err(gossipsub::PublishError::NoPeersSubscribedToTopic) => Err(PublishError::NoPeers),
            Err(gossipsub::PublishError::AllQueuesFull(_)) => Err(PublishError::QueuesFull),
            // Nothing is signed or transformed, so only the size is left.
            Err(_) => Err(PublishError::TooLarge {
                found,
                limit: kind.bytes_max(),
            }),
        }
    }
}
