//! What a node's network is set up with.

use std::path::PathBuf;
use std::time::Duration;

use agoge_protocol::{Address, Digest, keccak256};

use crate::peer::Multiaddress;

/// Four bytes that stand in every topic and protocol id: nodes of another instance cannot even negotiate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ForkDigest(pub [u8; 4]);

impl ForkDigest {
    /// The first four bytes of `keccak("AGOGE_P2P_V1" ‖ genesis id)`.
    pub fn of_instance(genesis_id: Digest) -> Self {
        let mut input = b"AGOGE_P2P_V1".to_vec();
        input.extend_from_slice(genesis_id.to_b256().as_slice());
        let [a, b, c, d, ..] = keccak256(input).0;
        Self([a, b, c, d])
    }
}

impl core::fmt::Display for ForkDigest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Where the node's network key comes from. It only names the node; it signs nothing of value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A file with 32 bytes in hex, made (0600) when it does not exist.
    File(PathBuf),
    /// A new key at every start.
    Ephemeral,
}

/// The least public kind of address that is dialled and passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum AddressScope {
    /// Only addresses that are routed on the Internet.
    #[default]
    Public,
    /// Also private networks.
    Private,
    /// Also this machine: devnets and tests.
    Loopback,
}

/// A bucket of tokens: `burst` at once, `per_second` in the long run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Tokens that a full bucket holds.
    pub burst: u32,
    /// Tokens that come back each second.
    pub per_second: u32,
}

/// Bounds of what peers may cost us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Transactions gossiped by one peer, before they are decoded.
    pub transactions: Rate,
    /// Proposals gossiped by one peer.
    pub proposals: Rate,
    /// Attestations gossiped by one peer.
    pub attestations: Rate,
    /// Quotes gossiped by one peer.
    pub quotes: Rate,
    /// Request cost of one peer: a status 1, a transaction 1, ids of a block's transactions 1, a blob 8.
    pub requests: Rate,
    /// Requests of one peer that are being answered at a time, and of ours to it.
    pub requests_per_peer_max: usize,
    /// Requests of all peers that are being answered at a time, and of ours.
    pub requests_max: usize,
    /// Connections from one IP address; loopback is exempt where it is allowed.
    pub connections_per_ip_max: usize,
    /// Events that wait for the node. Transactions, quotes and requests may take half of the places.
    pub events_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            transactions: Rate {
                burst: 128,
                per_second: 32,
            },
            proposals: Rate {
                burst: 32,
                per_second: 4,
            },
            attestations: Rate {
                burst: 1_024,
                per_second: 128,
            },
            quotes: Rate {
                burst: 16,
                per_second: 1,
            },
            requests: Rate {
                burst: 256,
                per_second: 64,
            },
            requests_per_peer_max: 8,
            requests_max: 64,
            connections_per_ip_max: 8,
            events_max: 512,
        }
    }
}

/// How often and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Between two looks at peers, bans and dials.
    pub tick: Duration,
    /// Between two gossip heartbeats.
    pub heartbeat: Duration,
    /// Until a connection must have become a peer.
    pub handshake_timeout: Duration,
    /// Until a request must be answered.
    pub request_timeout: Duration,
    /// Between two searches for peers while there are too few.
    pub search_interval: Duration,
    /// Between two questions for a peer's tip.
    pub status_interval: Duration,
    /// Shortest and longest pause before an address is dialled again.
    pub dial_pause: (Duration, Duration),
    /// How long a peer is banned.
    pub ban: Duration,
    /// Between two writings of the file of known peers.
    pub save_interval: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            tick: Duration::from_secs(1),
            heartbeat: Duration::from_millis(700),
            handshake_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(5),
            search_interval: Duration::from_secs(15),
            status_interval: Duration::from_secs(30),
            dial_pause: (Duration::from_secs(1), Duration::from_secs(60)),
            ban: Duration::from_secs(3_600),
            save_interval: Duration::from_secs(30),
        }
    }
}

/// Writes every message sent and received to a file, one JSON object a line (`docs/wire.md`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireRecord {
    /// The file; appended to.
    pub path: PathBuf,
    /// L1 chain id, to recover signers.
    pub chain_id: u64,
    /// Rollup address, to recover signers of proposals and attestations.
    pub rollup: Address,
    /// ProverBonds address, to recover signers of quotes.
    pub prover_bonds: Address,
}

/// Everything [`crate::start`] needs. Begin with [`Self::new`] and change what differs.
#[derive(Clone, Debug)]
pub struct P2pConfig {
    /// Addresses to listen on.
    pub listen: Vec<Multiaddress>,
    /// Addresses at which others reach us, where they differ (NAT, names).
    pub external: Vec<Multiaddress>,
    /// Nodes tried at start and whenever there are too few peers; each names its peer id.
    pub bootnodes: Vec<Multiaddress>,
    /// The network key.
    pub key: KeySource,
    /// Where known peers outlive the process.
    pub peers_file: Option<PathBuf>,
    /// Files of peers known for other instances, and how many ports further up the same nodes listen for this one.
    pub peers_elsewhere: Vec<(PathBuf, u16)>,
    /// Part of every topic and protocol id.
    pub fork_digest: ForkDigest,
    /// The instance; peers of another are refused.
    pub genesis_id: Digest,
    /// Program and version, told to peers.
    pub agent: String,
    /// Peers at most.
    pub peers_max: u32,
    /// Peers below which the node dials others.
    pub peers_target: u32,
    /// Which addresses are dialled.
    pub scope: AddressScope,
    /// Bounds.
    pub limits: Limits,
    /// Times.
    pub pace: Pace,
    /// Whether the wire is recorded.
    pub record_wire: Option<WireRecord>,
}

impl P2pConfig {
    /// Defaults for an instance: an ephemeral key, no listener, no bootnodes, at most 50 peers.
    pub fn new(genesis_id: Digest) -> Self {
        Self {
            listen: Vec::new(),
            external: Vec::new(),
            bootnodes: Vec::new(),
            key: KeySource::Ephemeral,
            peers_file: None,
            peers_elsewhere: Vec::new(),
            fork_digest: ForkDigest::of_instance(genesis_id),
            genesis_id,
            agent: concat!("agoge/", env!("CARGO_PKG_VERSION")).to_owned(),
            peers_max: 50,
            peers_target: 32,
            scope: AddressScope::default(),
            limits: Limits::default(),
            pace: Pace::default(),
            record_wire: None,
        }
    }
}
