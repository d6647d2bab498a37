//! libp2p's parts, put together for one instance.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::time::Duration;

use libp2p::gossipsub::{self, MessageAuthenticity, MessageId, TopicHash, ValidationMode};
use libp2p::identity::Keypair;
use libp2p::kad::store::{MemoryStore, MemoryStoreConfig};
use libp2p::swarm::NetworkBehaviour;
use libp2p::{
    PeerId, StreamProtocol, allow_block_list, connection_limits, identify, kad, ping, request_response,
};

use crate::codec::Codec;
use crate::config::{ForkDigest, P2pConfig};
use crate::error::StartError;
use crate::gossip::{GossipKind, message_id};
use crate::scores;

/// Bytes of gossip's protobuf around the data of one message: field tags, lengths and the topic.
const GOSSIP_FRAME_BYTES: usize = 128;
/// Bytes of one gossip RPC at most: a transaction, and control messages before it.
const GOSSIP_RPC_BYTES_MAX: usize = GossipKind::Transaction.bytes_max() + 32_768;
/// Connections above the number of peers: room for handshakes, of which the worst peer gives way to a better one.
pub(crate) const HANDSHAKES_MAX: u32 = 16;

type Gossip = gossipsub::Behaviour<
    gossipsub::IdentityTransform,
    gossipsub::MaxCountSubscriptionFilter<gossipsub::WhitelistSubscriptionFilter>,
>;

/// All protocols of a node. Limits and bans come first, so that they are asked first.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    limits: connection_limits::Behaviour,
    pub(crate) bans: allow_block_list::Behaviour<allow_block_list::BlockedPeers>,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    pub(crate) kad: kad::Behaviour<MemoryStore>,
    pub(crate) gossip: Gossip,
    pub(crate) requests: request_response::Behaviour<Codec>,
}

/// What identify says of nodes of an instance.
pub(crate) fn protocol_version(fork: ForkDigest) -> String {
    format!("/agoge/{fork}")
}

impl Behaviour {
    pub(crate) fn new(key: &Keypair, config: &P2pConfig) -> Result<Self, StartError> {
        let fork = config.fork_digest;
        let local = key.public().to_peer_id();
        let identify = identify::Config::new(protocol_version(fork), key.public())
            .with_agent_version(config.agent.clone())
            .with_push_listen_addr_updates(true)
            // The book keeps addresses, with bounds of its own.
            .with_cache_size(0);
        let ping = ping::Config::new()
            .with_interval(Duration::from_secs(15))
            .with_timeout(Duration::from_secs(10));
        let requests = request_response::Behaviour::with_codec(
            Codec::default(),
            [(protocol(fork, "req/1")?, request_response::ProtocolSupport::Full)],
            request_response::Config::default()
                .with_request_timeout(config.pace.request_timeout)
                .with_max_concurrent_streams(config.limits.requests_per_peer_max.saturating_add(1)),
        );
        Ok(Self {
            limits: connection_limits::Behaviour::new(connection_limits(config.peers_max)),
            bans: allow_block_list::Behaviour::default(),
            identify: identify::Behaviour::new(identify),
            ping: ping::Behaviour::new(ping),
            kad: kademlia(local, fork)?,
            gossip: gossip(config)?,
            requests,
        })
    }
}

/// A quarter of the places is kept for peers that we chose, so that nobody can fill them all from outside.
fn connection_limits(peers_max: u32) -> connection_limits::ConnectionLimits {
    let total = peers_max.saturating_add(HANDSHAKES_MAX);
    let incoming = (peers_max - peers_max / 4).saturating_add(HANDSHAKES_MAX / 2);
    connection_limits::ConnectionLimits::default()
        .with_max_pending_incoming(Some(HANDSHAKES_MAX))
        .with_max_pending_outgoing(Some(HANDSHAKES_MAX))
        .with_max_established_incoming(Some(incoming))
        .with_max_established(Some(total))
        // Two, as both sides may dial at the same moment.
        .with_max_established_per_peer(Some(2))
}

fn kademlia(local: PeerId, fork: ForkDigest) -> Result<kad::Behaviour<MemoryStore>, StartError> {
    let mut config = kad::Config::new(protocol(fork, "kad/1")?);
    // Only for finding peers: nobody's records are kept, and peers enter the table when they are admitted.
    config
        .set_record_filtering(kad::StoreInserts::FilterBoth)
        .set_kbucket_inserts(kad::BucketInserts::Manual)
        .set_replication_interval(None)
        .set_publication_interval(None)
        .set_provider_publication_interval(None)
        .set_query_timeout(Duration::from_secs(10))
        .set_max_packet_size(16_384)
        .set_parallelism(NonZeroUsize::MIN.saturating_add(2))
        .set_periodic_bootstrap_interval(None);
    let store = MemoryStore::with_config(
        local,
        MemoryStoreConfig {
            max_records: 0,
            max_provided_keys: 0,
            ..MemoryStoreConfig::default()
        },
    );
    let mut kad = kad::Behaviour::with_config(local, store, config);
    kad.set_mode(Some(kad::Mode::Server));
    Ok(kad)
}

fn gossip(config: &P2pConfig) -> Result<Gossip, StartError> {
    let fork = config.fork_digest;
    let setup = |reason: String| StartError::Setup {
        part: "gossip",
        reason,
    };
    let mut builder = gossipsub::ConfigBuilder::default();
    builder
        .protocol_id_prefix(format!("/agoge/{fork}/meshsub"))
        // No author, no sequence number, no signature of the sender: messages carry the signatures that count, and who made a
        // transaction is nobody's business.
        .validation_mode(ValidationMode::Anonymous)
        .validate_messages()
        .message_id_fn(|message| MessageId::new(&message_id(message.topic.as_str(), &message.data)))
        .max_transmit_size(GOSSIP_RPC_BYTES_MAX)
        .heartbeat_interval(config.pace.heartbeat)
        .heartbeat_initial_delay(config.pace.heartbeat)
        // Up to 13 nodes form a full mesh; with 4 the heartbeat merely finds nobody more to graft.
        .mesh_n(8)
        .mesh_n_low(5)
        .mesh_n_high(12)
        .mesh_outbound_min(3)
        .gossip_lazy(6)
        .history_length(6)
        .history_gossip(3)
        .flood_publish(true)
        .duplicate_cache_time(Duration::from_secs(120))
        .max_publish_messages(64)
        .max_control_message_size(16_384)
        .max_ihave_messages_heartbeat(10)
        .connection_handler_queue_len(128);
    for kind in GossipKind::ALL {
        builder.max_transmit_size_for_topic(
            kind.bytes_max().saturating_add(GOSSIP_FRAME_BYTES),
            TopicHash::from_raw(kind.topic(fork)),
        );
    }
    let built = builder.build().map_err(|e| setup(e.to_string()))?;
    let topics: HashSet<_> = GossipKind::ALL
        .map(|kind| TopicHash::from_raw(kind.topic(fork)))
        .into();
    let filter = gossipsub::MaxCountSubscriptionFilter {
        max_subscribed_topics: topics.len(),
        max_subscriptions_per_request: topics.len().saturating_mul(2),
        filter: gossipsub::WhitelistSubscriptionFilter(topics),
    };
    let mut gossip = Gossip::new_with_subscription_filter(MessageAuthenticity::Anonymous, built, filter)
        .map_err(|e| setup(e.to_owned()))?;
    gossip
        .with_peer_score(scores::params(fork, config.scope), scores::thresholds())
        .map_err(setup)?;
    for kind in GossipKind::ALL {
        gossip
            .subscribe(&gossipsub::IdentTopic::new(kind.topic(fork)))
            .map_err(|e| setup(e.to_string()))?;
    }
    Ok(gossip)
}

fn protocol(fork: ForkDigest, name: &str) -> Result<StreamProtocol, StartError> {
    StreamProtocol::try_from_owned(format!("/agoge/{fork}/{name}")).map_err(|e| StartError::Setup {
        part: "protocol names",
        reason: e.to_string(),
    })
}
