//! Questions and answers in both directions.

use std::io::ErrorKind;

use futures::FutureExt;
use libp2p::PeerId;
use libp2p::request_response::{Event, Message, OutboundFailure, OutboundRequestId, ResponseChannel};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Actor;
use crate::error::RequestError;
use crate::handle::{Answer, P2pEvent, Responder, Target};
use crate::metrics;
use crate::record::{Content, Way};
use crate::request::{Refusal, Request, Response};
use crate::scores::Offence;

/// A question of ours that waits for its answer.
#[derive(Debug)]
pub(super) struct Question {
    peer: PeerId,
    request: Request,
    /// Who asked; `None` for the handshake's status.
    done: Option<oneshot::Sender<Result<Answer, RequestError>>>,
}

impl Actor {
    pub(super) fn handle_request_event(&mut self, event: Event<Request, Response>) {
        match event {
            Event::Message {
                peer,
                message: Message::Request { request, channel, .. },
                ..
            } => {
                self.handle_peers_question(peer, request, channel);
            }
            Event::Message {
                peer,
                message: Message::Response { request_id, response },
                ..
            } => {
                self.handle_answer(peer, request_id, response);
            }
            Event::OutboundFailure {
                peer,
                request_id,
                error,
                ..
            } => self.handle_failure(peer, request_id, &error),
            Event::InboundFailure { peer, error, .. } => tracing::debug!(%peer, %error, "answer not sent"),
            Event::ResponseSent { .. } => {}
        }
    }

    /// The node asks.
    pub(super) fn handle_question(
        &mut self,
        target: Target,
        request: Request,
        done: oneshot::Sender<Result<Answer, RequestError>>,
    ) {
        let open = self
            .questions
            .values()
            .filter(|question| question.done.is_some())
            .count();
        let peer = match self.choose(&target) {
            _ if open >= self.config.limits.requests_max => Err(RequestError::Busy { found: open }),
            chosen => chosen,
        };
        match peer {
            Ok(peer) => self.ask(peer, request, Some(done)),
            // The caller may have stopped waiting.
            Err(error) => drop(done.send(Err(error))),
        }
    }

    /// The peer with the fewest open questions; equals take turns.
    fn choose(&mut self, target: &Target) -> Result<PeerId, RequestError> {
        let limit = self.config.limits.requests_per_peer_max;
        let free: Vec<_> = match target {
            Target::Peer(peer) => self
                .admitted()
                .filter(|(admitted, _)| **admitted == peer.0)
                .collect(),
            Target::AnyExcept(except) => self
                .admitted()
                .filter(|(peer, _)| !except.iter().any(|e| e.0 == **peer))
                .collect(),
        };
        let Some(fewest) = free.iter().map(|(_, connected)| connected.questions).min() else {
            return Err(RequestError::NoPeer);
        };
        if fewest >= limit {
            return Err(RequestError::Busy { found: fewest });
        }
        let best: Vec<_> = free
            .into_iter()
            .filter(|(_, c)| c.questions == fewest)
            .map(|(peer, _)| *peer)
            .collect();
        self.turn = self.turn.wrapping_add(1);
        let turn = self.turn.checked_rem(best.len()).unwrap_or(0);
        best.get(turn).copied().ok_or(RequestError::NoPeer)
    }

    /// Asks a peer where it stands.
    pub(super) fn ask_status(&mut self, peer: PeerId) {
        if let Some(connected) = self.connected.get_mut(&peer) {
            connected.status_asked = Instant::now();
        }
        self.ask(peer, Request::Status, None);
    }

    fn ask(
        &mut self,
        peer: PeerId,
        request: Request,
        done: Option<oneshot::Sender<Result<Answer, RequestError>>>,
    ) {
        metrics::request("out", request.name());
        self.recorder.record(Way::Out, Some(crate::PeerId(peer)), || {
            Content::Request(request.clone())
        });
        if let Some(connected) = self.connected.get_mut(&peer) {
            connected.questions = connected.questions.saturating_add(1);
        }
        let id = self
            .swarm
            .behaviour_mut()
            .requests
            .send_request(&peer, request.clone());
        self.questions.insert(id, Question { peer, request, done });
    }

    /// Takes a question off the list.
    fn close(&mut self, id: OutboundRequestId) -> Option<Question> {
        let question = self.questions.remove(&id)?;
        if let Some(connected) = self.connected.get_mut(&question.peer) {
            connected.questions = connected.questions.saturating_sub(1);
        }
        Some(question)
    }

    fn handle_answer(&mut self, peer: PeerId, id: OutboundRequestId, response: Response) {
        self.recorder.record(Way::In, Some(crate::PeerId(peer)), || {
            Content::Response(response.clone())
        });
        let Some(Question { request, done, .. }) = self.close(id) else {
            return;
        };
        let named = crate::PeerId(peer);
        let result = if !request.is_answered_by(&response) {
            self.offend(peer, Offence::WrongAnswer);
            Err(RequestError::WrongAnswer { peer: named })
        } else if let Response::Refused(refusal) = response {
            Err(RequestError::Refused { peer: named, refusal })
        } else {
            if let Response::Status(status) = response {
                self.handle_status(peer, status);
            }
            Ok(Answer {
                peer: named,
                response,
            })
        };
        if let Some(done) = done {
            done.send(result).ok();
        }
    }

    fn handle_failure(&mut self, peer: PeerId, id: OutboundRequestId, failure: &OutboundFailure) {
        tracing::debug!(%peer, %failure, "request failed");
        let Some(Question { done, .. }) = self.close(id) else {
            return;
        };
        let named = crate::PeerId(peer);
        let lost = RequestError::Lost {
            peer: named,
            reason: failure.to_string(),
        };
        let error = match failure {
            OutboundFailure::Timeout => {
                self.offend(peer, Offence::NoAnswer);
                RequestError::Timeout { peer: named }
            }
            OutboundFailure::Io(error) if error.kind() == ErrorKind::InvalidData => {
                self.offend(peer, Offence::WrongAnswer);
                RequestError::WrongAnswer { peer: named }
            }
            OutboundFailure::UnsupportedProtocols => {
                self.disconnect(peer);
                lost
            }
            OutboundFailure::DialFailure => RequestError::NoPeer,
            OutboundFailure::ConnectionClosed | OutboundFailure::Io(_) => lost,
        };
        match done {
            Some(done) => drop(done.send(Err(error))),
            // Without its status a connection cannot become a peer; a peer that is slow once stays.
            None if self
                .connected
                .get(&peer)
                .is_some_and(|connected| !connected.is_admitted) =>
            {
                self.disconnect(peer)
            }
            None => {}
        }
    }

    /// A peer asks: rate first, then places, then the node. A status is answered here.
    fn handle_peers_question(&mut self, peer: PeerId, request: Request, channel: ResponseChannel<Response>) {
        metrics::request("in", request.name());
        let named = crate::PeerId(peer);
        self.recorder
            .record(Way::In, Some(named), || Content::Request(request.clone()));
        let Some(connected) = self.connected.get_mut(&peer) else {
            return;
        };
        if !connected.rates.take_request(request.cost(), Instant::now()) {
            self.answer(peer, channel, Response::Refused(Refusal::RateLimited));
            self.offend(peer, Offence::TooFast);
            return;
        }
        if request == Request::Status {
            self.answer(peer, channel, Response::Status(self.status));
            return;
        }
        let limits = &self.config.limits;
        let is_free =
            connected.replies < limits.requests_per_peer_max && self.replies.len() < limits.requests_max;
        let (reply, answer) = oneshot::channel();
        let event = P2pEvent::Request {
            peer: named,
            request,
            reply: Responder { reply },
        };
        if !is_free || !self.emit(event, self.config.limits.events_max / 2) {
            self.answer(peer, channel, Response::Refused(Refusal::Busy));
            return;
        }
        if let Some(connected) = self.connected.get_mut(&peer) {
            connected.replies = connected.replies.saturating_add(1);
        }
        let timeout = self.config.pace.request_timeout;
        let wait = async move {
            let response = tokio::time::timeout(timeout, answer)
                .await
                .ok()
                .and_then(Result::ok);
            (peer, channel, response)
        };
        self.replies.push(wait.boxed());
    }

    /// The node has answered, or has not in time.
    pub(super) fn handle_reply(
        &mut self,
        peer: PeerId,
        channel: ResponseChannel<Response>,
        response: Option<Response>,
    ) {
        if let Some(connected) = self.connected.get_mut(&peer) {
            connected.replies = connected.replies.saturating_sub(1);
        }
        self.answer(
            peer,
            channel,
            response.unwrap_or(Response::Refused(Refusal::Busy)),
        );
    }

    fn answer(&mut self, peer: PeerId, channel: ResponseChannel<Response>, response: Response) {
        self.recorder.record(Way::Out, Some(crate::PeerId(peer)), || {
            Content::Response(response.clone())
        });
        // An error means that the peer has gone or did not wait.
        self.swarm
            .behaviour_mut()
            .requests
            .send_response(channel, response)
            .ok();
    }
}
