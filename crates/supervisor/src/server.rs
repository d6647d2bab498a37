//! The monitoring port: `/livez`, `/readyz`, `/healthz`, `/metrics`, `/version`.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::TcpListener;

use crate::severity::{ActorError, Severity};
use crate::{Health, Metrics, Spawner};

/// Time between two foldings of histogram samples.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// What the program is, for `/version` and `agoge_build_info`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Version {
    /// Program name.
    pub program: &'static str,
    /// Package version.
    pub version: &'static str,
    /// Network name.
    pub network: String,
    /// Rollup address, or empty before it is known.
    pub rollup: String,
}

/// Why the monitoring port cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address} for health and metrics: {source}")]
    Bind {
        /// As configured.
        address: SocketAddr,
        /// The system's word.
        #[source]
        source: std::io::Error,
    },
    /// Accepting connections failed for good.
    #[error("health and metrics server: {0}")]
    Serve(#[source] std::io::Error),
}

impl ActorError for ServerError {
    fn severity(&self) -> Severity {
        Severity::Fatal
    }
}

#[derive(Clone)]
struct Pages {
    version: Version,
    health: Health,
    metrics: Metrics,
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    reasons: Vec<crate::NotReady>,
}

/// Serves health and metrics until the process stops. Returns the address, of use when port 0 was asked for.
///
/// Meant for loopback or a private network: requests are cheap and without bodies, there is no authentication.
///
/// # Errors
/// [`ServerError::Bind`].
pub async fn serve(
    spawner: &Spawner,
    address: SocketAddr,
    version: Version,
    health: Health,
    metrics: Metrics,
) -> Result<SocketAddr, ServerError> {
    let bind_error = |source| ServerError::Bind { address, source };
    let listener = TcpListener::bind(address).await.map_err(bind_error)?;
    let local = listener.local_addr().map_err(bind_error)?;
    let labels = [
        ("program", version.program.to_owned()),
        ("version", version.version.to_owned()),
        ("network", version.network.clone()),
        ("rollup", version.rollup.clone()),
    ];
    metrics::gauge!("agoge_build_info", &labels).set(1.0);
    let upkeep = metrics.clone();
    let router = router(Pages {
        version,
        health,
        metrics,
    });
    let cancel = spawner.token();
    spawner.spawn("monitoring server", async move {
        // Connections are kept open by scrapers: they are cut, not waited for.
        tokio::select! {
            result = axum::serve(listener, router) => result.map_err(ServerError::Serve),
            () = cancel.cancelled() => Ok(()),
        }
    });
    let cancel = spawner.token();
    spawner.spawn("metrics upkeep", async move {
        loop {
            tokio::select! {
                () = cancel.cancelled() => return Ok::<(), ServerError>(()),
                () = tokio::time::sleep(UPKEEP_INTERVAL) => upkeep.upkeep(),
            }
        }
    });
    Ok(local)
}

fn router(pages: Pages) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/healthz", get(ready))
        .route("/metrics", get(prometheus))
        .route(
            "/version",
            get(|State(pages): State<Pages>| async { Json(pages.version) }),
        )
        .with_state(pages)
}

async fn ready(State(pages): State<Pages>) -> impl IntoResponse {
    let reasons = pages.health.not_ready();
    let status = if reasons.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        status,
        Json(Readiness {
            ready: reasons.is_empty(),
            reasons,
        }),
    )
}

async fn prometheus(State(pages): State<Pages>) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        pages.metrics.render(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Supervisor;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    async fn fetch(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn pages_tell_health_metrics_and_version() {
        let supervisor = Supervisor::new();
        let health = Health::new();
        health.register("l1");
        let version = Version {
            program: "agoge-node",
            version: "0.1.0",
            network: "devnet".to_owned(),
            rollup: String::new(),
        };
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let metrics = Metrics::detached().unwrap();
        let spawner = supervisor.spawner();
        let address = serve(&spawner, any, version, health.clone(), metrics)
            .await
            .unwrap();

        for path in ["/readyz", "/healthz"] {
            let answer = fetch(address, path).await;
            assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
            assert!(
                answer.contains(r#"{"ready":false,"reasons":[{"component":"l1","reason":"starting"}]}"#),
                "{answer}"
            );
        }
        assert!(fetch(address, "/livez").await.starts_with("HTTP/1.1 200"));
        health.set("l1", Ok(()));
        assert!(fetch(address, "/readyz").await.starts_with("HTTP/1.1 200"));
        assert!(
            fetch(address, "/version")
                .await
                .contains(r#""program":"agoge-node""#)
        );
        assert!(fetch(address, "/metrics").await.contains("text/plain"));
        assert!(fetch(address, "/other").await.starts_with("HTTP/1.1 404"));

        let taken = Metrics::detached().unwrap();
        let version = Version {
            program: "b",
            version: "0",
            network: String::new(),
            rollup: String::new(),
        };
        assert!(matches!(
            serve(&spawner, address, version, health, taken).await,
            Err(ServerError::Bind { address: refused, .. }) if refused == address
        ));
        spawner.stop();
        supervisor.run(Duration::from_secs(5)).await.unwrap();
    }
}
