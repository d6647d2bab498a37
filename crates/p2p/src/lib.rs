//! Gossip, request/response, discovery and peer scores over libp2p.
