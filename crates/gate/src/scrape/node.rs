//! What a node says of itself: JSON-RPC, and the monitoring port when it is reachable.

use std::time::Duration;

use agoge_l1_client::SecretUrl;
use agoge_protocol::Slot;
use agoge_protocol::rpc::{Committee, Duty, DutyOutcome, NodeInfo, Proposer, RESPONSE_BYTES_MAX, Tip, Tips};
use jsonrpsee::core::client::ClientT as _;
use jsonrpsee::core::params::ArrayParams;
use jsonrpsee::http_client::{HttpClient, HttpClientBuilder};
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use super::{NodeAnswer, shorten};
use crate::evidence::{MetricsReading, NodeReading, RpcReading, TipReading};

/// Duties asked for: those of the last slots of a node with as many keys as it may hold.
const DUTIES_MAX: u64 = 1_024;
/// Slots before the current one in which a duty shows that its attester is online.
const DUTY_SLOTS: u64 = 2;
/// Bytes of a metrics page.
const METRICS_BYTES_MAX: usize = 4 << 20;

/// Why a node cannot be watched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// No client can be made.
    #[error("{url}: {reason}")]
    Client {
        /// Without secrets.
        url: String,
        /// Why.
        reason: String,
    },
}

/// A node.
#[derive(Debug)]
pub(crate) struct NodeSource {
    name: String,
    rpc: HttpClient,
    http: reqwest::Client,
    /// Base of the monitoring port.
    monitoring: Option<String>,
}

impl NodeSource {
    /// Prepares requests; nothing is sent. `metrics` is the monitoring port, with or without `/metrics`.
    ///
    /// # Errors
    /// [`SourceError`].
    pub(crate) fn new(
        rpc: &str,
        metrics: Option<&str>,
        http: reqwest::Client,
        timeout: Duration,
    ) -> Result<Self, SourceError> {
        let name = SecretUrl::parse(rpc).map_or_else(|error| error.to_string(), |url| url.redacted());
        let refused = |reason: String| SourceError::Client {
            url: name.clone(),
            reason,
        };
        let rpc = HttpClientBuilder::default()
            .request_timeout(timeout)
            .max_response_size(RESPONSE_BYTES_MAX)
            .build(rpc)
            .map_err(|error| refused(error.to_string()))?;
        let monitoring = metrics.map(|url| {
            let url = url.trim_end_matches('/');
            url.strip_suffix("/metrics").unwrap_or(url).to_owned()
        });
        Ok(Self {
            name,
            rpc,
            http,
            monitoring,
        })
    }

    /// Scheme, host and port.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(super) async fn read(&self, slot: Slot, timeout: Duration) -> NodeAnswer {
        let rpc = tokio::time::timeout(timeout, self.read_rpc(slot));
        let metrics = tokio::time::timeout(timeout, self.read_metrics());
        let (rpc, metrics) = tokio::join!(rpc, metrics);
        let late = |_| Err(format!("no answer within {timeout:?}"));
        let mut problems = Vec::new();
        let (reading, mut answer) = match rpc.unwrap_or_else(late) {
            Ok((reading, answer)) => (Some(reading), answer),
            Err(problem) => {
                problems.push(problem);
                (None, NodeAnswer::default())
            }
        };
        let metrics = match metrics.unwrap_or_else(|_| Err(format!("no metrics within {timeout:?}"))) {
            Ok(metrics) => metrics,
            Err(problem) => {
                problems.push(problem);
                None
            }
        };
        answer.reading = NodeReading {
            rpc: reading,
            metrics,
            problem: (!problems.is_empty()).then(|| shorten(&problems.join("; "))),
        };
        answer
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: ArrayParams,
    ) -> Result<T, String> {
        let answer = self.rpc.request(method, params).await;
        answer.map_err(|error| format!("{method}: {error}"))
    }

    async fn read_rpc(&self, slot: Slot) -> Result<(RpcReading, NodeAnswer), String> {
        let none = ArrayParams::new;
        let mut duties = ArrayParams::new();
        // A null attester asks for all of them. Numbers and null always encode.
        duties.insert(Option::<u64>::None).ok();
        duties.insert(DUTIES_MAX).ok();
        let mut this_slot = ArrayParams::new();
        this_slot.insert(slot.get()).ok();
        let (info, tips, peers, committee, proposer, duties) = tokio::join!(
            self.call::<NodeInfo>("agoge_nodeInfo", none()),
            self.call::<Tips>("agoge_tips", none()),
            self.call::<Vec<serde_json::Value>>("agoge_peers", none()),
            self.call::<Committee>("agoge_committee", none()),
            self.call::<Proposer>("agoge_proposer", this_slot),
            self.call::<Vec<Duty>>("agoge_duties", duties),
        );
        let (info, tips) = (info?, tips?);
        let reading = RpcReading {
            version: shorten(&info.version),
            instance: info.instance,
            peers: u64::try_from(peers?.len()).unwrap_or(u64::MAX),
            l1_hash: tips.l1.map(|head| hex::encode(&head.hash[..8])),
            pending: tip(&tips.pending),
            proven: tip(&tips.proven),
            finalized: tip(&tips.finalized),
            nullifiers: tips.pending.nullifier_count,
        };
        let oldest = slot.get().saturating_sub(DUTY_SLOTS);
        let is_recent = |duty: &Duty| duty.slot.get() >= oldest && !is_off(duty);
        let answer = NodeAnswer {
            reading: NodeReading::default(),
            // A node without a committee for the epoch says so by an error: then nobody can attest, and nobody is counted.
            members: committee.ok().map(|committee| committee.members),
            proposer: proposer.ok().map(|proposer| proposer.attester),
            attesters: duties?
                .into_iter()
                .filter(is_recent)
                .map(|duty| duty.attester)
                .collect(),
        };
        Ok((reading, answer))
    }

    async fn read_metrics(&self) -> Result<Option<MetricsReading>, String> {
        let Some(base) = &self.monitoring else {
            return Ok(None);
        };
        let get = |path: &str| self.http.get(format!("{base}{path}")).send();
        let (ready, page) = tokio::join!(get("/readyz"), get("/metrics"));
        // reqwest's errors name the whole URL, which may hold a password.
        let failed = |error: reqwest::Error| format!("monitoring port: {}", error.without_url());
        let is_ready = ready.map_err(failed)?.status().is_success();
        let mut page = page.map_err(failed)?.error_for_status().map_err(failed)?;
        let mut text = Vec::new();
        while let Some(chunk) = page.chunk().await.map_err(failed)? {
            text.extend_from_slice(&chunk);
            if text.len() > METRICS_BYTES_MAX {
                return Err(format!("metrics page of more than {METRICS_BYTES_MAX} bytes"));
            }
        }
        let text = String::from_utf8_lossy(&text);
        Ok(Some(MetricsReading {
            is_ready,
            start_time: gauge(&text, "process_start_time_seconds"),
            memory_mib: gauge(&text, "process_resident_memory_bytes").map(|bytes| bytes >> 20),
            open_files: gauge(&text, "process_open_fds"),
        }))
    }
}

/// Whether a key's duties are switched off, so that it does not count as online.
fn is_off(duty: &Duty) -> bool {
    matches!(&duty.outcome, DutyOutcome::Missed { reason, .. } if reason == "duties_off")
}

fn tip(tip: &Tip) -> TipReading {
    let mut hasher = Sha256::new();
    for root in [tip.archive, tip.note_root, tip.nullifier_root] {
        hasher.update(root.to_string());
    }
    let digest = hasher.finalize();
    TipReading {
        number: tip.number.get(),
        root: hex::encode(&digest[..16]),
    }
}

/// The value of a gauge without labels, without its fraction.
fn gauge(text: &str, name: &str) -> Option<u64> {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    let whole: f64 = value.trim().parse().ok()?;
    // Text keeps the conversion exact: a figure that is no whole number below 2^64 does not parse.
    format!("{:.0}", whole.floor()).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gauges_are_found_by_their_whole_name() {
        let text = "# HELP process_open_fds Open.\nprocess_open_fds_x 9\nprocess_open_fds 25\nprocess_start_time_seconds 1764547200.123\n";
        assert_eq!(gauge(text, "process_open_fds"), Some(25));
        assert_eq!(gauge(text, "process_start_time_seconds"), Some(1_764_547_200));
        for bad in [
            "",
            "process_open_fds",
            "process_open_fds NaN",
            "process_open_fds -1",
        ] {
            assert_eq!(gauge(bad, "process_open_fds"), None, "{bad}");
        }
    }

    #[test]
    fn a_monitoring_url_may_end_with_metrics() {
        let base = |url| {
            let http = reqwest::Client::new();
            let source = NodeSource::new("http://a:1", Some(url), http, Duration::from_secs(1)).unwrap();
            source.monitoring.unwrap()
        };
        for url in [
            "http://a:2",
            "http://a:2/",
            "http://a:2/metrics",
            "http://a:2/metrics/",
        ] {
            assert_eq!(base(url), "http://a:2", "{url}");
        }
        let http = reqwest::Client::new();
        assert!(NodeSource::new("ftp://a", None, http, Duration::from_secs(1)).is_err());
    }
}
