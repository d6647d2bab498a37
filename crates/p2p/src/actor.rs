//! The actor that owns the swarm: one loop, which never waits for the node, so that node and network cannot block each other.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agoge_protocol::{Digest, L2BlockNumber};
use agoge_supervisor::{CancellationToken, Spawner};
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use libp2p::core::transport::ListenerId;
use libp2p::gossipsub::TopicHash;
use libp2p::identity::Keypair;
use libp2p::request_response::{OutboundRequestId, ResponseChannel};
use libp2p::swarm::{self, SwarmEvent};
use libp2p::{Multiaddr, Swarm};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use crate::behaviour::{Behaviour, BehaviourEvent};
use crate::book::Book;
use crate::config::P2pConfig;
use crate::error::{P2pError, StartError};
use crate::gossip::GossipKind;
use crate::handle::{Command, P2pEvent, P2pHandle};
use crate::peer::{Multiaddress, PeerId, socket_of, split};
use crate::record::Recorder;
use crate::request::{Response, Status};
use crate::scores::{BAN, Offence, Scores};
use crate::{identity, metrics, transport};

mod connections;
mod gossiping;
mod questions;
mod upkeep;

use connections::Connected;
use questions::Question;

/// Commands that wait for the actor; senders wait when it is full.
const COMMANDS_MAX: usize = 256;
/// Time in which all listeners must have an address.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(10);
/// Time without streams after which libp2p closes a connection.
const IDLE_TIMEOUT: Duration = Duration::from_secs(24 * 3_600);

/// Starts the network: listens, dials bootnodes and known peers, and runs until the process stops.
///
/// # Errors
/// [`StartError`]; nothing runs then.
pub async fn start(
    config: P2pConfig,
    spawner: &Spawner,
) -> Result<(P2pHandle, mpsc::Receiver<P2pEvent>), StartError> {
    check(&config)?;
    metrics::describe();
    let key = identity::load(&config.key)?;
    let (events, event_queue) = mpsc::channel(config.limits.events_max);
    let (commands, command_queue) = mpsc::channel(COMMANDS_MAX);
    let local = PeerId(key.public().to_peer_id());
    let mut actor = Actor::new(config, &key, spawner.clone(), events, command_queue)?;
    actor.listen().await?;
    tracing::info!(peer = %local, addresses = ?actor.addresses(), "listening for peers");
    let cancel = spawner.token();
    spawner.spawn("p2p", actor.run(cancel));
    Ok((P2pHandle { local, commands }, event_queue))
}

fn check(config: &P2pConfig) -> Result<(), StartError> {
    let limits = &config.limits;
    let rules = [
        (config.peers_max >= 1, "peers_max must be at least 1"),
        (
            config.peers_target <= config.peers_max,
            "peers_target must not be above peers_max",
        ),
        (limits.events_max >= 2, "events_max must be at least 2"),
        (
            limits.requests_max >= 1 && limits.requests_per_peer_max >= 1,
            "requests_max and requests_per_peer_max must be at least 1",
        ),
        (
            !config.pace.tick.is_zero() && !config.pace.heartbeat.is_zero(),
            "tick and heartbeat must not be zero",
        ),
    ];
    match rules.into_iter().find(|(holds, _)| !holds) {
        Some((_, rule)) => Err(StartError::Config { rule }),
        None => Ok(()),
    }
}

/// The node's answer to a peer's request, with the way back; `None` when there was none in time.
type Reply = BoxFuture<'static, (libp2p::PeerId, ResponseChannel<Response>, Option<Response>)>;

/// The network's state and how it reaches the rest of the node.
struct Actor {
    // Interfaces
    swarm: Swarm<Behaviour>,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<P2pEvent>,
    spawner: Spawner,
    recorder: Recorder,
    // Config
    config: P2pConfig,
    topics: [(TopicHash, GossipKind); GossipKind::ALL.len()],
    // State
    /// Bound: the configured listeners.
    listeners: Vec<(ListenerId, Vec<Multiaddr>)>,
    /// Bound: the connection limits.
    connected: BTreeMap<libp2p::PeerId, Connected>,
    book: Book,
    scores: Scores,
    status: Status,
    /// Bound: `requests_max`, and one status for each connection.
    questions: HashMap<OutboundRequestId, Question>,
    /// Counts questions, to spread them over peers.
    turn: usize,
    /// Bound: `requests_max`.
    replies: FuturesUnordered<Reply>,
    next_search: Instant,
    next_save: Instant,
    /// Held while the file of known peers is written.
    saving: Arc<Mutex<()>>,
}

impl Actor {
    fn new(
        config: P2pConfig,
        key: &Keypair,
        spawner: Spawner,
        events: mpsc::Sender<P2pEvent>,
        commands: mpsc::Receiver<Command>,
    ) -> Result<Self, StartError> {
        let now = Instant::now();
        let local = key.public().to_peer_id();
        let mut book = Book::new(local, config.scope, config.pace.dial_pause);
        for address in &config.bootnodes {
            let (plain, Some(peer)) = split(&address.0) else {
                return Err(StartError::BootnodeWithoutPeerId {
                    address: address.clone(),
                });
            };
            book.add_bootnode(peer, plain, now);
        }
        let own = config.peers_file.iter().map(|path| (path, 0));
        let elsewhere = config.peers_elsewhere.iter().map(|(path, ports)| (path, *ports));
        for (path, ports) in own.chain(elsewhere) {
            book.load(path, ports, now)
                .map_err(|source| StartError::PeersFile {
                    path: path.clone(),
                    source,
                })?;
        }
        let connections = spawner.clone();
        let executor = move |task| {
            connections.spawn(
                "p2p connection",
                FutureExt::map(task, Ok::<(), core::convert::Infallible>),
            );
        };
        let swarm = Swarm::new(
            transport::build(key, config.scope)?,
            Behaviour::new(key, &config)?,
            local,
            // Connections are closed by this actor's rules, not for being quiet.
            swarm::Config::with_executor(executor).with_idle_connection_timeout(IDLE_TIMEOUT),
        );
        let recorder = Recorder::start(config.record_wire.as_ref(), config.genesis_id, &spawner)?;
        let status = Status {
            genesis_id: config.genesis_id,
            tip: L2BlockNumber::GENESIS,
            archive: Digest::ZERO,
        };
        Ok(Self {
            swarm,
            commands,
            events,
            spawner,
            recorder,
            topics: GossipKind::ALL.map(|kind| (TopicHash::from_raw(kind.topic(config.fork_digest)), kind)),
            listeners: Vec::new(),
            connected: BTreeMap::new(),
            book,
            scores: Scores::default(),
            status,
            questions: HashMap::new(),
            turn: 0,
            replies: FuturesUnordered::new(),
            next_search: now,
            next_save: now,
            saving: Arc::default(),
            config,
        })
    }

    /// Opens the configured listeners and waits until each has an address.
    async fn listen(&mut self) -> Result<(), StartError> {
        let refused = |address: &Multiaddress, reason: String| StartError::Listen {
            address: address.clone(),
            reason,
        };
        for address in self.config.listen.clone() {
            // libp2p shares ports: two nodes on one port would take each other's connections in turn.
            if let Some(socket) = socket_of(&address.0) {
                drop(std::net::TcpListener::bind(socket).map_err(|e| refused(&address, e.to_string()))?);
            }
            let id = self
                .swarm
                .listen_on(address.0.clone())
                .map_err(|e| refused(&address, e.to_string()))?;
            self.listeners.push((id, Vec::new()));
        }
        for address in self.config.external.clone() {
            self.swarm.add_external_address(address.0);
        }
        let deadline = Instant::now() + LISTEN_TIMEOUT;
        while let Some(waiting) = self
            .listeners
            .iter()
            .position(|(_, addresses)| addresses.is_empty())
        {
            let reason = match tokio::time::timeout_at(deadline, self.swarm.select_next_some()).await {
                Ok(event) => self
                    .handle_swarm_event(event)
                    .err()
                    .map(|error| error.to_string()),
                Err(_) => Some("no address in time".to_owned()),
            };
            if let (Some(reason), Some(address)) = (reason, self.config.listen.get(waiting)) {
                return Err(refused(address, reason));
            }
        }
        Ok(())
    }

    async fn run(mut self, cancel: CancellationToken) -> Result<(), P2pError> {
        let mut tick = tokio::time::interval(self.config.pace.tick);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Every branch is cancel safe: streams, a channel, an interval.
        let result = loop {
            tokio::select! {
                () = cancel.cancelled() => break Ok(()),
                event = self.swarm.select_next_some() => {
                    if let Err(error) = self.handle_swarm_event(event) {
                        break Err(error);
                    }
                }
                Some(command) = self.commands.recv() => self.handle_command(command),
                Some((peer, channel, response)) = self.replies.next() => self.handle_reply(peer, channel, response),
                _ = tick.tick() => self.handle_tick(),
            }
        };
        self.save_book().await;
        result
    }

    fn handle_swarm_event(&mut self, event: SwarmEvent<BehaviourEvent>) -> Result<(), P2pError> {
        match event {
            SwarmEvent::Behaviour(event) => self.handle_behaviour_event(event),
            SwarmEvent::ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                ..
            } => {
                self.handle_established(peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed {
                peer_id,
                connection_id,
                cause,
                ..
            } => {
                self.handle_closed(peer_id, connection_id, cause.map(|cause| cause.to_string()));
            }
            SwarmEvent::OutgoingConnectionError {
                peer_id: Some(peer),
                error,
                ..
            } => {
                self.handle_dial_error(peer, &error);
            }
            SwarmEvent::NewListenAddr { listener_id, address } => {
                let listener = self.listeners.iter_mut().find(|(id, _)| *id == listener_id);
                if let Some((_, addresses)) = listener {
                    addresses.push(address);
                }
            }
            SwarmEvent::ExpiredListenAddr { listener_id, address } => {
                let listener = self.listeners.iter_mut().find(|(id, _)| *id == listener_id);
                if let Some((_, addresses)) = listener {
                    addresses.retain(|known| *known != address);
                }
            }
            SwarmEvent::ListenerClosed {
                listener_id, reason, ..
            } => {
                self.listeners.retain(|(id, _)| *id != listener_id);
                let reason = reason
                    .err()
                    .map_or_else(|| "closed".to_owned(), |error| error.to_string());
                if self.listeners.is_empty() {
                    return Err(P2pError::ListenersClosed { reason });
                }
                tracing::warn!(%reason, "a listener for peers closed");
            }
            other => tracing::trace!(event = ?other, "swarm"),
        }
        Ok(())
    }

    fn handle_behaviour_event(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Gossip(event) => self.handle_gossip_event(event),
            BehaviourEvent::Requests(event) => self.handle_request_event(event),
            BehaviourEvent::Identify(event) => self.handle_identify(event),
            BehaviourEvent::Ping(event) => self.handle_ping(&event),
            BehaviourEvent::Kad(event) => self.handle_kad(event),
            BehaviourEvent::Limits(never) => match never {},
            BehaviourEvent::Bans(never) => match never {},
        }
    }

    fn handle_command(&mut self, command: Command) {
        // Whoever asked may have stopped waiting.
        match command {
            Command::Publish { message, data, done } => {
                done.send(self.publish(message, data)).ok();
            }
            Command::Report { ticket, verdict } => self.handle_verdict(&ticket, verdict),
            Command::Offence { peer, offence } => self.offend(peer.0, offence),
            Command::Request {
                target,
                request,
                done,
            } => self.handle_question(target, request, done),
            Command::SetStatus { status } => self.status = status,
            Command::Peers { done } => {
                done.send(self.peer_infos()).ok();
            }
            Command::Addresses { done } => {
                done.send(self.addresses()).ok();
            }
        }
    }

    /// Notes an offence; a ban when there were enough.
    fn offend(&mut self, peer: libp2p::PeerId, offence: Offence) {
        metrics::offence(offence);
        let score = self.scores.offend(peer, offence, Instant::now());
        self.swarm
            .behaviour_mut()
            .gossip
            .set_application_score(&peer, score);
        let total = self.score(&peer);
        tracing::debug!(%peer, offence = offence.name(), score, total, "offence");
        if score.min(total) <= BAN {
            self.ban(peer);
        }
    }

    /// Hands an event to the node if it has room. `places_left` are kept for more important events.
    fn emit(&self, event: P2pEvent, places_left: usize) -> bool {
        let is_sent = self.events.capacity() > places_left && self.events.try_send(event).is_ok();
        if !is_sent {
            metrics::event_dropped();
        }
        is_sent
    }

    fn addresses(&self) -> Vec<Multiaddress> {
        let local = PeerId(*self.swarm.local_peer_id());
        let addresses = self.listeners.iter().flat_map(|(_, addresses)| addresses);
        addresses
            .map(|address| Multiaddress(address.clone()).with_peer_id(local))
            .collect()
    }
}
