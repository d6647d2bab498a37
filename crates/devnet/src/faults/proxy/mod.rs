//! An HTTP proxy between a node and its L1, execution RPC and beacon API alike, whose behaviour can be changed while it runs.

mod http;
mod spoil;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use http::{Request, Response};

/// How long the endpoint behind the proxy may take.
const UPSTREAM: Duration = Duration::from_secs(30);

/// What an endpoint does to whoever asks it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "l1", rename_all = "snake_case")]
pub enum Behaviour {
    /// Answers.
    #[default]
    Healthy,
    /// Answers late.
    Delay {
        /// By how much.
        ms: u64,
    },
    /// Closes every connection without a word.
    Refuse,
    /// Takes requests and never answers.
    Hang,
    /// Closes the connection in the middle of each answer.
    Cut,
    /// Flips a bit of each answer's body.
    Garble,
    /// Sends the first half of each answer's body as if it were whole.
    Truncate,
    /// 429.
    RateLimit {
        /// The `Retry-After` that it comes with.
        seconds: u64,
    },
    /// 503.
    Unavailable,
    /// Knows no L1 block later than its head when this began.
    Stale,
    /// Changes a digit of a hash, of data or of a blob in each answer.
    Lie,
}

/// A running proxy. It ends when dropped.
#[derive(Debug)]
pub struct L1Proxy {
    url: String,
    behaviour: watch::Sender<Behaviour>,
    _server: JoinSet<()>,
}

/// What every connection of a proxy uses.
struct Context {
    upstream: String,
    http: reqwest::Client,
    behaviour: watch::Receiver<Behaviour>,
    rng: Mutex<ChaCha8Rng>,
    /// The head that a stale endpoint stays at.
    head: tokio::sync::Mutex<Option<u64>>,
}

impl L1Proxy {
    /// Listens on a free port of the loopback interface.
    ///
    /// # Errors
    /// Those of the socket.
    pub async fn start(upstream: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (behaviour, receiver) = watch::channel(Behaviour::Healthy);
        let context = Arc::new(Context {
            upstream: upstream.trim_end_matches('/').to_owned(),
            http: reqwest::Client::builder()
                .timeout(UPSTREAM)
                .no_proxy()
                .build()
                .map_err(std::io::Error::other)?,
            behaviour: receiver,
            // Which bit is flipped depends on the order of requests too; the seed need not be the run's.
            rng: Mutex::new(ChaCha8Rng::seed_from_u64(0)),
            head: tokio::sync::Mutex::new(None),
        });
        let mut server = JoinSet::new();
        server.spawn(listen(listener, context));
        Ok(Self {
            url,
            behaviour,
            _server: server,
        })
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Behaves so from now on, on open connections too.
    pub fn behave(&self, behaviour: Behaviour) {
        self.behaviour.send_replace(behaviour);
    }
}

async fn listen(listener: TcpListener, context: Arc<Context>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, Arc::clone(&context)));
                }
                Err(error) => {
                    tracing::warn!(%error, "the L1 proxy cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(mut stream: TcpStream, context: Arc<Context>) {
    loop {
        match http::read(&mut stream).await {
            Ok(Some(request)) => match context.answer(&mut stream, request).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return tracing::debug!(%error, "the client of an L1 proxy has gone"),
            },
            Ok(None) => return,
            Err(error) => return tracing::debug!(%error, "no request for an L1 proxy"),
        }
    }
}

impl Context {
    /// Answers a request, or not; says whether the connection stays open.
    async fn answer(&self, stream: &mut TcpStream, request: Request) -> std::io::Result<bool> {
        let mut changes = self.behaviour.clone();
        let behaviour = *changes.borrow_and_update();
        let is_kept_alive = request.is_kept_alive;
        let response = match behaviour {
            Behaviour::Refuse => return Ok(false),
            Behaviour::Hang => {
                // Ends with the fault; an error means that the proxy ends.
                drop(changes.changed().await);
                return Ok(false);
            }
            Behaviour::RateLimit { seconds } => Response {
                retry_after: Some(seconds),
                ..Response::own(429, "too many requests")
            },
            Behaviour::Unavailable => Response::own(503, "unavailable"),
            Behaviour::Delay { ms } => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                self.forward(&request).await
            }
            Behaviour::Stale => self.forward(&self.stale(request).await).await,
            Behaviour::Healthy => {
                *self.head.lock().await = None;
                self.forward(&request).await
            }
            Behaviour::Cut | Behaviour::Garble | Behaviour::Truncate | Behaviour::Lie => {
                self.forward(&request).await
            }
        };
        let response = self.spoil(behaviour, response);
        if behaviour == Behaviour::Cut {
            let bytes = response.encode(is_kept_alive);
            let half = bytes.len().div_euclid(2);
            stream.write_all(bytes.get(..half).unwrap_or_default()).await?;
            stream.shutdown().await?;
            return Ok(false);
        }
        response.write(stream, is_kept_alive).await?;
        Ok(is_kept_alive)
    }

    fn spoil(&self, behaviour: Behaviour, mut response: Response) -> Response {
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        match behaviour {
            Behaviour::Garble => spoil::flip_bit(&mut response.body, &mut *rng),
            Behaviour::Truncate => response.body.truncate(response.body.len().div_euclid(2)),
            Behaviour::Lie => {
                if let Ok(mut answer) = serde_json::from_slice::<Value>(&response.body)
                    && spoil::lie(&mut answer, &mut *rng)
                {
                    response.body = answer.to_string().into_bytes();
                }
            }
            _ => {}
        }
        response
    }

    /// The request as one about the head that was known when the fault began.
    async fn stale(&self, mut request: Request) -> Request {
        let Ok(mut calls) = serde_json::from_slice::<Value>(&request.body) else {
            return request;
        };
        let mut head = self.head.lock().await;
        if head.is_none() {
            *head = self.upstream_head().await;
        }
        if let Some(head) = *head {
            spoil::pin_head(&mut calls, head);
            request.body = calls.to_string().into_bytes();
        }
        request
    }

    async fn upstream_head(&self) -> Option<u64> {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []});
        let response = self.http.post(&self.upstream).json(&call).send().await.ok()?;
        let answer: Value = response.json().await.ok()?;
        let number = answer.get("result")?.as_str()?;
        u64::from_str_radix(number.trim_start_matches("0x"), 16).ok()
    }

    async fn forward(&self, request: &Request) -> Response {
        match self.try_forward(request).await {
            Ok(response) => response,
            Err(error) => Response::own(502, &error.to_string()),
        }
    }

    async fn try_forward(
        &self,
        request: &Request,
    ) -> Result<Response, Box<dyn std::error::Error + Send + Sync>> {
        let method: reqwest::Method = request.method.parse()?;
        let mut forwarded = self
            .http
            .request(method, format!("{}{}", self.upstream, request.target))
            .body(request.body.clone());
        let headers = [
            (reqwest::header::CONTENT_TYPE, &request.content_type),
            (reqwest::header::ACCEPT, &request.accept),
        ];
        for (name, value) in headers {
            if let Some(value) = value {
                forwarded = forwarded.header(name, value);
            }
        }
        let response = forwarded.send().await?;
        let content_type = response
            .headers()
            .get(reqwest::header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("application/octet-stream")
            .to_owned();
        Ok(Response {
            status: response.status().as_u16(),
            content_type,
            retry_after: None,
            body: response.bytes().await?.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests;
