//! Why a request failed, told apart so that every message names the cause and the fix.

use std::time::Duration;

use alloy::primitives::Bytes;

/// A JSON-RPC request that gave no usable answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{method} at {endpoint}: {cause}")]
pub struct RpcError {
    /// Redacted URL of the endpoint.
    pub endpoint: String,
    /// JSON-RPC method.
    pub method: &'static str,
    /// What went wrong.
    pub cause: RpcCause,
}

/// What went wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RpcCause {
    /// No connection, or it broke.
    #[error("cannot be reached ({0})")]
    Unreachable(String),
    /// No whole answer in time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// Too many requests.
    #[error("requests are being limited (HTTP 429 or equivalent)")]
    RateLimited {
        /// What the server asked to wait.
        retry_after: Option<Duration>,
    },
    /// The server does not let us in.
    #[error("access refused (HTTP {0})")]
    Forbidden(u16),
    /// The server failed.
    #[error("server error (HTTP {0})")]
    Status(u16),
    /// A web page instead of JSON.
    #[error("answered with a web page instead of JSON")]
    Html,
    /// Not JSON-RPC: cut short, wrong id, wrong shape.
    #[error("malformed answer: {0}")]
    Malformed(String),
    /// The body is larger than we accept.
    #[error("answer is larger than {limit} bytes")]
    BodyTooLarge {
        /// Bytes accepted.
        limit: usize,
    },
    /// The endpoint serves another chain.
    #[error("serves chain {found}, expected {expected}")]
    WrongChain {
        /// Of the network file.
        expected: u64,
        /// As answered.
        found: u64,
    },
    /// The node answered with a JSON-RPC error.
    #[error("error {code}: {message}")]
    Refused {
        /// JSON-RPC code.
        code: i64,
        /// Its text, at most [`MESSAGE_BYTES_MAX`] bytes.
        message: String,
        /// Revert data, if any.
        data: Option<Bytes>,
    },
}

/// Bytes kept of a server's text.
pub const MESSAGE_BYTES_MAX: usize = 512;

impl RpcCause {
    /// Whether another endpoint, or the same one later, may do better.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_)
            | Self::TimedOut(_)
            | Self::RateLimited { .. }
            | Self::Status(_)
            | Self::Html
            | Self::Malformed(_)
            | Self::BodyTooLarge { .. } => true,
            // Another endpoint may serve the right chain or let us in; asking the same one again is useless.
            Self::Forbidden(_) | Self::WrongChain { .. } => true,
            Self::Refused { .. } => false,
        }
    }

    /// Whether a log query should be repeated over fewer blocks.
    ///
    /// Providers say so in many words (-32005, -32602, -32600, -32000 are all in use), so the text decides; an answer that is too large or
    /// too slow means the same.
    pub fn wants_smaller_range(&self) -> bool {
        match self {
            Self::BodyTooLarge { .. } | Self::TimedOut(_) => true,
            Self::Refused { message, .. } => {
                let text = message.to_lowercase();
                [
                    "block range",
                    "range is too",
                    "range too",
                    "more than",
                    "response size",
                    "too many results",
                    "limited to",
                    "exceed",
                    "query timeout",
                    "max range",
                    "maximum range",
                    "too large",
                    "blocks distance",
                    "result set",
                ]
                .iter()
                .any(|part| text.contains(part))
            }
            _ => false,
        }
    }

    /// Whether the node has thrown the data away.
    pub fn is_pruned_data(&self) -> bool {
        let Self::Refused { message, .. } = self else {
            return false;
        };
        let text = message.to_lowercase();
        [
            "pruned",
            "missing trie node",
            "history is not available",
            "old data not available",
            "state not available",
        ]
        .iter()
        .any(|part| text.contains(part))
    }

    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "check the URL and that the L1 node is running",
            Self::TimedOut(_) => "the endpoint is overloaded or far away; add a second URL",
            Self::RateLimited { .. } => {
                "the plan's request limit is reached; add a second URL or use another plan"
            }
            Self::Forbidden(_) => "check the API key in the URL",
            Self::Status(_) => "the provider has a fault; add a second URL",
            Self::Html => "the URL is probably not a JSON-RPC endpoint (a login or status page answered)",
            Self::Malformed(_) => "a proxy may be cutting answers short; try the node directly",
            Self::BodyTooLarge { .. } => "lower [l1] log_range_max",
            Self::WrongChain { .. } => {
                "the URL belongs to another network; check the network name and the URL"
            }
            Self::Refused { .. } if self.is_pruned_data() => {
                "the endpoint does not keep old data; use an archive endpoint for the first sync"
            }
            Self::Refused { .. } if self.wants_smaller_range() => {
                "the plan limits eth_getLogs; lower [l1] log_range_max or use another plan"
            }
            Self::Refused { .. } => "the endpoint refused the request; its text says why",
        }
    }
}

impl RpcError {
    /// Whether trying again makes sense.
    pub fn is_transient(&self) -> bool {
        self.cause.is_transient()
    }

    /// Revert data of a call, if that is what failed.
    pub fn revert_data(&self) -> Option<&Bytes> {
        match &self.cause {
            RpcCause::Refused { data, .. } => data.as_ref(),
            _ => None,
        }
    }

    /// Whether the endpoint serves another chain (exit code 4).
    pub fn is_wrong_chain(&self) -> bool {
        matches!(self.cause, RpcCause::WrongChain { .. })
    }
}
