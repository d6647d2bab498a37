//! Both servers: sockets, limits and their end.

use std::net::SocketAddr;
use std::time::Duration;

use agoge_protocol::rpc::{BATCH_CALLS_MAX, REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX};
use agoge_supervisor::{ActorError, Severity, Spawner};
use jsonrpsee::server::middleware::http::HostFilterLayer;
use jsonrpsee::server::{BatchRequestConfig, Methods, RegisterMethodError, Server, ServerConfig};
use tower::timeout::TimeoutLayer;

use super::gate::GateLayer;
use super::route::note_path;
use super::token::AdminToken;
use super::{AdminContext, RpcContext, admin, public};
use crate::config::{AdminConfig, RpcConfig};
use crate::query::{Instances, NodeCommands};

/// Open connections of a server.
const CONNECTIONS_MAX: u32 = 100;
/// From the head of a request to the end of its answer, and from a connection to its first request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Names of this machine.
const LOOPBACK_HOSTS: [&str; 3] = ["localhost:*", "127.0.0.1:*", "[::1]:*"];

/// Why the servers cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum RpcServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address} for the {name} RPC: {source}")]
    Bind {
        /// `public` or `admin`.
        name: &'static str,
        /// As configured.
        address: SocketAddr,
        /// The system's word.
        #[source]
        source: std::io::Error,
    },
    /// A name in `rpc.hosts` is no host.
    #[error("rpc.hosts: {found:?} is not a host name")]
    Host {
        /// As configured.
        found: String,
    },
    /// Two methods of one name.
    #[error("RPC methods: {0}")]
    Methods(#[from] RegisterMethodError),
}

impl ActorError for RpcServeError {
    fn severity(&self) -> Severity {
        Severity::Fatal
    }
}

/// Where the servers listen, of use when port 0 was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RpcAddresses {
    /// `agoge_*`.
    pub rpc: SocketAddr,
    /// `agogeAdmin_*`.
    pub admin: SocketAddr,
}

/// Starts both servers; they stop with the process.
///
/// # Errors
/// [`RpcServeError`].
pub async fn serve<N: Instances + NodeCommands>(
    spawner: &Spawner,
    rpc: (&RpcConfig, RpcContext<N>),
    admin: (&AdminConfig, AdminToken, AdminContext<N>),
) -> Result<RpcAddresses, RpcServeError> {
    let (rpc_config, rpc_context) = rpc;
    let (admin_config, token, admin_context) = admin;
    let extra: &[String] = if rpc_config.public { &rpc_config.hosts } else { &[] };
    let public = Listener {
        name: "public",
        task: "rpc server",
        address: rpc_config.listen,
        hosts: extra,
        token: None,
    };
    let admin = Listener {
        name: "admin",
        task: "admin rpc server",
        address: admin_config.listen,
        hosts: &[],
        token: Some(token),
    };
    Ok(RpcAddresses {
        rpc: public.start(spawner, public::module(rpc_context)?.into()).await?,
        admin: admin.start(spawner, admin::module(admin_context)?.into()).await?,
    })
}

struct Listener<'a> {
    name: &'static str,
    task: &'static str,
    address: SocketAddr,
    hosts: &'a [String],
    token: Option<AdminToken>,
}

impl Listener<'_> {
    async fn start(self, spawner: &Spawner, methods: Methods) -> Result<SocketAddr, RpcServeError> {
        let Self {
            name,
            task,
            address,
            hosts,
            token,
        } = self;
        let config = ServerConfig::builder()
            .http_only()
            .max_request_body_size(REQUEST_BYTES_MAX)
            .max_response_body_size(RESPONSE_BYTES_MAX)
            .max_connections(CONNECTIONS_MAX)
            .set_batch_request_config(BatchRequestConfig::Limit(BATCH_CALLS_MAX))
            .set_first_request_timeout(Some(TIMEOUT))
            .build();
        let middleware = tower::ServiceBuilder::new()
            .layer(TimeoutLayer::new(TIMEOUT))
            .layer(host_filter(hosts)?)
            .layer(GateLayer { token })
            .map_request(note_path);
        let bind_error = |source| RpcServeError::Bind {
            name,
            address,
            source,
        };
        let server = Server::builder()
            .set_config(config)
            .set_http_middleware(middleware)
            .build(address)
            .await
            .map_err(bind_error)?;
        let local = server.local_addr().map_err(bind_error)?;
        let handle = server.start(methods);
        let cancel = spawner.token();
        spawner.spawn(task, async move {
            cancel.cancelled().await;
            // An error says that it has stopped already.
            handle.stop().ok();
            handle.stopped().await;
            Ok::<(), RpcServeError>(())
        });
        Ok(local)
    }
}

fn host_filter(extra: &[String]) -> Result<HostFilterLayer, RpcServeError> {
    let mut hosts: Vec<String> = LOOPBACK_HOSTS.map(str::to_owned).into();
    for host in extra {
        let pattern = format!("{host}:*");
        if HostFilterLayer::new([pattern.as_str()]).is_err() {
            return Err(RpcServeError::Host { found: host.clone() });
        }
        hosts.push(pattern);
    }
    HostFilterLayer::new(hosts.iter().map(String::as_str)).map_err(|_| RpcServeError::Host {
        found: hosts.join(","),
    })
}
