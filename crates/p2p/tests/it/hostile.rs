//! A node that speaks libp2p well and our protocol as it likes.

use std::io;

use agoge_p2p::{ForkDigest, GossipKind, Multiaddress};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, StreamExt};
use libp2p::gossipsub::{self, IdentTopic, MessageAuthenticity, MessageId, ValidationMode};
use libp2p::request_response::{self, Message, ProtocolSupport};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, StreamProtocol, Swarm, SwarmBuilder, identify, noise, ping, tcp, yamux};

/// Bytes as they are, without framing.
#[derive(Clone, Default)]
pub(crate) struct Raw;

impl request_response::Codec for Raw {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        let mut bytes = Vec::new();
        io.read_to_end(&mut bytes).await?;
        Ok(bytes)
    }

    async fn read_response<T>(&mut self, protocol: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        self.read_request(protocol, io).await
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, bytes: Vec<u8>) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        io.write_all(&bytes).await
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, io: &mut T, bytes: Vec<u8>) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        io.write_all(&bytes).await
    }
}

#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    gossip: gossipsub::Behaviour,
    requests: request_response::Behaviour<Raw>,
}

/// What it answers to requests; `None` keeps silent.
pub(crate) type Script = fn(&[u8]) -> Option<Vec<u8>>;

pub(crate) struct Hostile {
    swarm: Swarm<Behaviour>,
    fork: ForkDigest,
    script: Script,
    unanswered: Vec<request_response::ResponseChannel<Vec<u8>>>,
}

/// A frame: length, then payload.
pub(crate) fn frame(payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(payload.len()).unwrap().to_le_bytes().to_vec();
    bytes.extend_from_slice(payload);
    bytes
}

impl Hostile {
    /// Dials a node.
    pub(crate) fn dial(fork: ForkDigest, address: &Multiaddress, script: Script) -> Self {
        let protocol = |name: &str| StreamProtocol::try_from_owned(format!("/agoge/{fork}/{name}")).unwrap();
        let gossip = gossipsub::ConfigBuilder::default()
            .protocol_id_prefix(format!("/agoge/{fork}/meshsub"))
            .validation_mode(ValidationMode::Anonymous)
            .message_id_fn(|message| MessageId::new(&message.data))
            .max_transmit_size(1 << 22)
            .build()
            .unwrap();
        let mut gossip = gossipsub::Behaviour::new(MessageAuthenticity::Anonymous, gossip).unwrap();
        for kind in GossipKind::ALL {
            gossip.subscribe(&IdentTopic::new(kind.topic(fork))).unwrap();
        }
        let swarm = SwarmBuilder::with_new_identity()
            .with_tokio()
            .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
            .unwrap()
            .with_behaviour(|key| Behaviour {
                identify: identify::Behaviour::new(identify::Config::new(
                    format!("/agoge/{fork}"),
                    key.public(),
                )),
                ping: ping::Behaviour::default(),
                gossip,
                requests: request_response::Behaviour::with_codec(
                    Raw,
                    [(protocol("req/1"), ProtocolSupport::Full)],
                    request_response::Config::default(),
                ),
            })
            .unwrap()
            .build();
        let mut hostile = Self {
            swarm,
            fork,
            script,
            unanswered: Vec::new(),
        };
        hostile.redial(address);
        hostile
    }

    pub(crate) fn redial(&mut self, address: &Multiaddress) {
        self.swarm
            .dial(address.to_string().parse::<Multiaddr>().unwrap())
            .unwrap();
    }

    pub(crate) fn id(&self) -> agoge_p2p::PeerId {
        self.swarm.local_peer_id().to_string().parse().unwrap()
    }

    /// Gossips bytes; whether anybody took them.
    pub(crate) fn gossip(&mut self, kind: GossipKind, data: Vec<u8>) -> bool {
        self.swarm
            .behaviour_mut()
            .gossip
            .publish(IdentTopic::new(kind.topic(self.fork)), data)
            .is_ok()
    }

    /// Sends bytes as a request to whoever is connected.
    pub(crate) fn ask(&mut self, bytes: Vec<u8>) {
        let peer = *self.swarm.connected_peers().next().unwrap();
        self.swarm.behaviour_mut().requests.send_request(&peer, bytes);
    }

    /// Runs until an event answers.
    pub(crate) async fn until<T>(
        &mut self,
        mut wanted: impl FnMut(&SwarmEvent<BehaviourEvent>) -> Option<T>,
    ) -> T {
        loop {
            let event =
                super::support::in_time("an event of the hostile node", self.swarm.select_next_some()).await;
            let answer = wanted(&event);
            self.react(event);
            if let Some(answer) = answer {
                return answer;
            }
        }
    }

    /// Runs beside a future, until that has its result.
    pub(crate) async fn beside<T>(&mut self, future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        loop {
            tokio::select! {
                output = &mut future => return output,
                event = self.swarm.select_next_some() => self.react(event),
            }
        }
    }

    /// Runs until the node takes its gossip.
    pub(crate) async fn until_heard(&mut self) {
        let mut topics = 0;
        self.until(|event| {
            if let SwarmEvent::Behaviour(BehaviourEvent::Gossip(gossipsub::Event::Subscribed { .. })) = event
            {
                topics += 1;
            }
            (topics == GossipKind::ALL.len()).then_some(())
        })
        .await;
    }

    /// Runs until it hears a message.
    pub(crate) async fn hears(&mut self) -> Vec<u8> {
        self.until(|event| match event {
            SwarmEvent::Behaviour(BehaviourEvent::Gossip(gossipsub::Event::Message { message, .. })) => {
                Some(message.data.clone())
            }
            _ => None,
        })
        .await
    }

    /// Runs until the node has closed the connection.
    pub(crate) async fn until_closed(&mut self) {
        self.until(|event| matches!(event, SwarmEvent::ConnectionClosed { .. }).then_some(()))
            .await;
    }

    fn react(&mut self, event: SwarmEvent<BehaviourEvent>) {
        let SwarmEvent::Behaviour(BehaviourEvent::Requests(request_response::Event::Message {
            message: Message::Request { request, channel, .. },
            ..
        })) = event
        else {
            return;
        };
        match (self.script)(&request) {
            Some(answer) => drop(self.swarm.behaviour_mut().requests.send_response(channel, answer)),
            None => self.unanswered.push(channel),
        }
    }
}
