//! Errors, one enum for each operation.

use std::path::PathBuf;

use agoge_supervisor::{ActorError, Severity};

use crate::peer::{Multiaddress, PeerId};
use crate::request::Refusal;

/// Why the network cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The key file cannot be read or made.
    #[error("network key file {}: {source}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// The system's word.
        #[source]
        source: std::io::Error,
    },
    /// The key file does not hold 32 bytes in hex.
    #[error("network key file {} must hold 64 hex digits", path.display())]
    KeyFormat {
        /// The file.
        path: PathBuf,
    },
    /// A bootnode's address ends without `/p2p/<peer id>`.
    #[error("bootnode {address} does not name its peer id")]
    BootnodeWithoutPeerId {
        /// As configured.
        address: Multiaddress,
    },
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// As configured.
        address: Multiaddress,
        /// Why.
        reason: String,
    },
    /// The file of known peers cannot be read.
    #[error("file of known peers {}: {source}", path.display())]
    PeersFile {
        /// The file.
        path: PathBuf,
        /// The system's word.
        #[source]
        source: std::io::Error,
    },
    /// The wire record cannot be opened.
    #[error("wire record {}: {source}", path.display())]
    WireRecord {
        /// The file.
        path: PathBuf,
        /// The system's word.
        #[source]
        source: std::io::Error,
    },
    /// A limit is zero or the target is above the maximum.
    #[error("{rule}")]
    Config {
        /// What must hold.
        rule: &'static str,
    },
    /// libp2p refused to be set up.
    #[error("cannot set up {part}: {reason}")]
    Setup {
        /// Which part.
        part: &'static str,
        /// Why.
        reason: String,
    },
}

/// Why the network stopped while it ran.
#[derive(Debug, thiserror::Error)]
pub enum P2pError {
    /// The last listener closed.
    #[error("no address is listened on any more: {reason}")]
    ListenersClosed {
        /// Why the last one closed.
        reason: String,
    },
}

impl ActorError for P2pError {
    fn severity(&self) -> Severity {
        Severity::Fatal
    }
}

/// The network has stopped, with the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the network has stopped")]
pub struct Stopped;

/// Why a message was not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// No peer takes messages of this kind; try again when there is one.
    #[error("no peer to publish to")]
    NoPeers,
    /// All peers are too slow to take another message.
    #[error("the queues of all peers are full")]
    QueuesFull,
    /// The encoding is above the limit of its kind.
    #[error("message has {found} bytes, the limit is {limit}")]
    TooLarge {
        /// Bytes found.
        found: usize,
        /// The kind's limit.
        limit: usize,
    },
    /// See [`Stopped`].
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Why a request got no answer. All but [`Self::TooMany`] are worth another peer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The peer is not connected, or no peer is left to ask.
    #[error("no such peer is connected")]
    NoPeer,
    /// Too many of our requests are under way.
    #[error("{found} requests are under way")]
    Busy {
        /// How many.
        found: usize,
    },
    /// More transactions than one request may ask for.
    #[error("{found} transactions asked for, the limit is {limit}")]
    TooMany {
        /// As asked.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// No answer in time.
    #[error("{peer} did not answer in time")]
    Timeout {
        /// Whom we asked.
        peer: PeerId,
    },
    /// The connection was lost, or the peer broke off.
    #[error("lost {peer}: {reason}")]
    Lost {
        /// Whom we asked.
        peer: PeerId,
        /// How.
        reason: String,
    },
    /// The peer says no.
    #[error("{peer} refuses: {refusal}")]
    Refused {
        /// Whom we asked.
        peer: PeerId,
        /// Its reason.
        refusal: Refusal,
    },
    /// The answer does not fit the question. The peer has been penalised.
    #[error("answer of {peer} does not fit the request")]
    WrongAnswer {
        /// Whom we asked.
        peer: PeerId,
    },
    /// See [`Stopped`].
    #[error(transparent)]
    Stopped(#[from] Stopped),
}
