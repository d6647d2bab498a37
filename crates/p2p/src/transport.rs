//! TCP under noise and yamux, dialling only addresses of the configured scope.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::{Boxed, DialOpts, ListenerId, Transport, TransportError, TransportEvent};
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::{Multiaddr, dns, noise, tcp, yamux};

use crate::config::AddressScope;
use crate::error::StartError;
use crate::peer::scope_of;

/// Streams of one connection at most: gossip, a few requests, identify, ping, Kademlia.
const STREAMS_MAX: usize = 64;
/// For TCP, noise and yamux together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Builds the transport.
pub(crate) fn build(
    key: &Keypair,
    scope: AddressScope,
) -> Result<Boxed<(libp2p::PeerId, StreamMuxerBox)>, StartError> {
    let setup = |part: &'static str, reason: String| StartError::Setup { part, reason };
    let tcp = Scoped {
        inner: tcp::tokio::Transport::new(tcp::Config::new().nodelay(true)),
        scope,
    };
    let noise = noise::Config::new(key).map_err(|e| setup("noise", e.to_string()))?;
    let mut yamux = yamux::Config::default();
    yamux.set_max_num_streams(STREAMS_MAX);
    // Names are resolved above the filter, so that a name cannot lead to an address that is refused by itself.
    let named = dns::tokio::Transport::system(tcp).map_err(|e| setup("name resolution", e.to_string()))?;
    Ok(named
        .upgrade(Version::V1Lazy)
        .authenticate(noise)
        .multiplex(yamux)
        .timeout(CONNECT_TIMEOUT)
        .boxed())
}

/// Refuses to dial addresses that are less public than `scope`.
struct Scoped<T> {
    inner: T,
    scope: AddressScope,
}

impl<T: Transport<Error = io::Error> + Unpin> Transport for Scoped<T> {
    type Output = T::Output;
    type Error = T::Error;
    type ListenerUpgrade = T::ListenerUpgrade;
    type Dial = T::Dial;

    fn listen_on(&mut self, id: ListenerId, address: Multiaddr) -> Result<(), TransportError<Self::Error>> {
        self.inner.listen_on(id, address)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.inner.remove_listener(id)
    }

    fn dial(
        &mut self,
        address: Multiaddr,
        opts: DialOpts,
    ) -> Result<Self::Dial, TransportError<Self::Error>> {
        match scope_of(&address) {
            Some(scope) if scope <= self.scope => self.inner.dial(address, opts),
            _ => {
                let reason = format!("{address} is outside the scope that this node dials");
                Err(TransportError::Other(io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    reason,
                )))
            }
        }
    }

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, Self::Error>> {
        Pin::new(&mut self.inner).poll(cx)
    }
}
