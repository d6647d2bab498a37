//! How the rest of the node talks to the network.

use agoge_protocol::quote::SignedQuote;
use agoge_protocol::{Attestation, SignedProposal, Transaction};
use tokio::sync::{mpsc, oneshot};

use crate::error::{PublishError, RequestError, Stopped};
use crate::gossip::{GossipKind, GossipMessage, Ticket, Verdict};
use crate::peer::{Multiaddress, PeerId, PeerInfo};
use crate::request::{REQUEST_TXS_MAX, Refusal, Request, Response, Status};
use crate::scores::Offence;

/// What the network has to tell.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all events are of the large kind, and the queue is bounded"
)]
pub enum P2pEvent {
    /// A message of the right form. Answer with [`P2pHandle::report`], within seconds: until then it is not passed on.
    Gossip {
        /// Who sent it to us, not necessarily its author.
        peer: PeerId,
        /// The message.
        message: GossipMessage,
        /// For the answer.
        ticket: Ticket,
    },
    /// A peer asks. Never [`Request::Status`].
    Request {
        /// Who.
        peer: PeerId,
        /// What.
        request: Request,
        /// For the answer.
        reply: Responder,
    },
    /// A connection has become a peer: same protocol, same instance.
    PeerConnected {
        /// Who.
        peer: PeerId,
        /// Its tip.
        status: Status,
    },
    /// A peer has gone.
    PeerDisconnected {
        /// Who.
        peer: PeerId,
    },
}

/// Answers one request of a peer. Dropped without an answer, it says [`Refusal::Busy`].
#[derive(Debug)]
pub struct Responder {
    pub(crate) reply: oneshot::Sender<Response>,
}

impl Responder {
    /// Sends the answer.
    pub fn respond(self, response: Response) {
        // The peer may have gone.
        self.reply.send(response).ok();
    }

    /// Declines.
    pub fn refuse(self, refusal: Refusal) {
        self.respond(Response::Refused(refusal));
    }
}

/// Whom to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// This peer.
    Peer(PeerId),
    /// Any but these; the one with the fewest open questions.
    AnyExcept(Vec<PeerId>),
}

impl Target {
    /// Any peer.
    pub const ANY: Self = Self::AnyExcept(Vec::new());
}

/// An answer and who gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Who answered: to be left out when the answer is of no use.
    pub peer: PeerId,
    /// The answer; of the request's kind, and never [`Response::Refused`].
    pub response: Response,
}

/// The network's front. Clones are the same.
#[derive(Clone, Debug)]
pub struct P2pHandle {
    pub(crate) local: PeerId,
    pub(crate) commands: mpsc::Sender<Command>,
}

/// What the actor is asked to do.
#[derive(Debug)]
pub(crate) enum Command {
    Publish {
        message: GossipMessage,
        data: Vec<u8>,
        done: oneshot::Sender<Result<(), PublishError>>,
    },
    Report {
        ticket: Ticket,
        verdict: Verdict,
    },
    Offence {
        peer: PeerId,
        offence: Offence,
    },
    Request {
        target: Target,
        request: Request,
        done: oneshot::Sender<Result<Answer, RequestError>>,
    },
    SetStatus {
        status: Status,
    },
    Peers {
        done: oneshot::Sender<Vec<PeerInfo>>,
    },
    Addresses {
        done: oneshot::Sender<Vec<Multiaddress>>,
    },
}

impl P2pHandle {
    /// Our peer id.
    pub const fn local_peer_id(&self) -> PeerId {
        self.local
    }

    /// Gossips a transaction to all peers that take them. One that was seen before is not sent again, which is no error.
    ///
    /// # Errors
    /// [`PublishError`].
    pub async fn publish_transaction(&self, tx: Transaction) -> Result<(), PublishError> {
        self.publish(GossipMessage::Transaction(Box::new(tx))).await
    }

    /// Gossips a proposal.
    ///
    /// # Errors
    /// [`PublishError`].
    pub async fn publish_proposal(&self, proposal: SignedProposal) -> Result<(), PublishError> {
        self.publish(GossipMessage::Proposal(proposal)).await
    }

    /// Gossips an attestation.
    ///
    /// # Errors
    /// [`PublishError`].
    pub async fn publish_attestation(&self, attestation: Attestation) -> Result<(), PublishError> {
        self.publish(GossipMessage::Attestation(attestation)).await
    }

    /// Gossips a prover's quote.
    ///
    /// # Errors
    /// [`PublishError`].
    pub async fn publish_quote(&self, quote: SignedQuote) -> Result<(), PublishError> {
        self.publish(GossipMessage::Quote(Box::new(quote))).await
    }

    async fn publish(&self, message: GossipMessage) -> Result<(), PublishError> {
        let kind: GossipKind = message.kind();
        let data = message.encode();
        if data.len() > kind.bytes_max() {
            return Err(PublishError::TooLarge {
                found: data.len(),
                limit: kind.bytes_max(),
            });
        }
        self.ask(|done| Command::Publish { message, data, done }).await?
    }

    /// Says what became of a gossiped message.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn report(&self, ticket: Ticket, verdict: Verdict) -> Result<(), Stopped> {
        self.tell(Command::Report { ticket, verdict }).await
    }

    /// Penalises a peer for something that only the node can judge.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn report_peer(&self, peer: PeerId, offence: Offence) -> Result<(), Stopped> {
        self.tell(Command::Offence { peer, offence }).await
    }

    /// Asks a peer and waits for the answer, at most the configured request timeout.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn request(&self, target: Target, request: Request) -> Result<Answer, RequestError> {
        if let Request::Transactions(ids) = &request
            && ids.len() > REQUEST_TXS_MAX
        {
            return Err(RequestError::TooMany {
                found: ids.len(),
                limit: REQUEST_TXS_MAX,
            });
        }
        self.ask(|done| Command::Request {
            target,
            request,
            done,
        })
        .await?
    }

    /// Tells peers how far we are, when they ask.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn set_status(&self, status: Status) -> Result<(), Stopped> {
        self.tell(Command::SetStatus { status }).await
    }

    /// Admitted peers.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn peers(&self) -> Result<Vec<PeerInfo>, Stopped> {
        self.ask(|done| Command::Peers { done }).await
    }

    /// Addresses at which we listen, each with our peer id.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn listen_addresses(&self) -> Result<Vec<Multiaddress>, Stopped> {
        self.ask(|done| Command::Addresses { done }).await
    }

    async fn tell(&self, command: Command) -> Result<(), Stopped> {
        self.commands.send(command).await.map_err(|_| Stopped)
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, Stopped> {
        let (done, answer) = oneshot::channel();
        self.tell(command(done)).await?;
        answer.await.map_err(|_| Stopped)
    }
}
