//! Gossip, request/response, discovery and peer scores over libp2p.
//!
//! [`start`] gives a [`P2pHandle`] for what the node wants to say and a queue of [`P2pEvent`]s for what others said. Nothing reaches the
//! queue that `agoge_protocol` has not decoded; what it means is for the node to judge, with [`P2pHandle::report`]. Byte layouts, limits and
//! scores are in `docs/wire.md`. This is the only crate that uses libp2p, and none of its types are public here.

mod actor;
mod behaviour;
mod book;
mod codec;
mod config;
mod error;
mod gossip;
mod handle;
mod identity;
mod metrics;
mod peer;
mod rates;
mod record;
mod request;
mod scores;
mod transport;

pub use actor::start;
pub use config::{AddressScope, ForkDigest, KeySource, Limits, P2pConfig, Pace, Rate, WireRecord};
pub use error::{P2pError, PublishError, RequestError, StartError, Stopped};
pub use gossip::{GossipKind, GossipMessage, Ticket, Verdict};
pub use handle::{Answer, P2pEvent, P2pHandle, Responder, Target};
pub use peer::{Direction, InvalidAddress, InvalidPeerId, Multiaddress, PeerId, PeerInfo};
pub use request::{REQUEST_TXS_MAX, Refusal, Request, Response, Status};
pub use scores::Offence;
