//! `GET /eth/v1/beacon/blobs/{id}?versioned_hashes=`: naming of blocks, both encodings, and the many ways to say "none".

use agoge_protocol::L1Block;
use agoge_protocol::limits::BLOB_BYTES;
use alloy::primitives::{B256, Bytes};
use serde::Deserialize;

use super::{Blob, SourceFailure};
use crate::config::SecretUrl;
use crate::rpc::{RpcCause, read_body, retry_after, unreachable};

/// Blobs that an L1 block can hold, with room for schedules to come.
const BLOBS_MAX: usize = 72;
/// Bytes of one answer: every blob as hex JSON.
const BODY_BYTES_MAX: usize = BLOBS_MAX * (2 * BLOB_BYTES + 64) + 4_096;

/// How a beacon API names the block of an L1 block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    /// By the slot in which the L1 block's time falls. A beacon block may lack its L1 block, never the other way round.
    Slot { genesis_time: u64, slot_seconds: u64 },
    /// By L1 block number (anvil).
    L1Number,
}

impl Naming {
    pub(super) fn id_of(&self, block: &L1Block) -> Option<String> {
        match self {
            Self::L1Number => Some(block.number.to_string()),
            Self::Slot {
                genesis_time,
                slot_seconds,
            } => {
                let slot = block
                    .time
                    .checked_sub(*genesis_time)?
                    .checked_div(*slot_seconds)?;
                Some(slot.to_string())
            }
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Bytes>,
}

/// The blobs that a source returns for a hash; the caller checks them.
pub(super) async fn fetch(
    http: &reqwest::Client,
    url: &SecretUrl,
    id: &str,
    versioned_hash: B256,
) -> Result<Vec<Blob>, SourceFailure> {
    let mut target = url.join(&["eth", "v1", "beacon", "blobs", id]);
    target
        .query_pairs_mut()
        .append_pair("versioned_hashes", &versioned_hash.to_string());
    let response = http
        .get(target)
        .header(
            reqwest::header::ACCEPT,
            "application/octet-stream, application/json;q=0.9",
        )
        .send()
        .await
        .map_err(unreachable)?;
    let status = response.status().as_u16();
    let content_type = response
        .headers()
        .get(reqwest::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_ascii_lowercase();
    match status {
        200 => {}
        429 => {
            return Err(RpcCause::RateLimited {
                retry_after: retry_after(&response),
            }
            .into());
        }
        401 | 403 => return Err(RpcCause::Forbidden(status).into()),
        _ => {
            let text = read_body(response, 64 * 1024).await.unwrap_or_default();
            let text = String::from_utf8_lossy(&text).to_lowercase();
            return Err(match status {
                _ if text.contains("custody") || text.contains("data columns") => {
                    SourceFailure::TooFewColumns
                }
                // 404: not there (yet); 410: pruned, or an old path; 206 and 204: nothing complete.
                404 | 410 | 204 | 206 => SourceFailure::NotFound,
                _ => RpcCause::Status(status).into(),
            });
        }
    }
    if content_type.contains("text/html") {
        return Err(RpcCause::Html.into());
    }
    let bytes = read_body(response, BODY_BYTES_MAX).await?;
    if content_type.contains("octet-stream") {
        return split(&bytes);
    }
    let answer: Answer = serde_json::from_slice(&bytes).map_err(|e| RpcCause::Malformed(e.to_string()))?;
    let blobs = answer
        .data
        .into_iter()
        .take(BLOBS_MAX)
        .map(|blob| Blob::from_bytes(blob.into()));
    blobs
        .collect::<Result<_, _>>()
        .map_err(|e| RpcCause::Malformed(e.to_string()).into())
}

fn split(bytes: &[u8]) -> Result<Vec<Blob>, SourceFailure> {
    let chunks = bytes
        .chunks(BLOB_BYTES)
        .take(BLOBS_MAX)
        .map(|chunk| Blob::from_bytes(chunk.to_vec()));
    chunks
        .collect::<Result<_, _>>()
        .map_err(|e| RpcCause::Malformed(e.to_string()).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use agoge_protocol::L1BlockNumber;

    #[test]
    fn blocks_are_named_by_slot_or_by_number() {
        let block = |time| L1Block {
            number: L1BlockNumber::new(42),
            hash: B256::ZERO,
            parent_hash: B256::ZERO,
            time,
            prevrandao: B256::ZERO,
        };
        let sepolia = Naming::Slot {
            genesis_time: 1_655_733_600,
            slot_seconds: 12,
        };
        assert_eq!(sepolia.id_of(&block(1_791_294_816)).as_deref(), Some("11296768"));
        assert_eq!(sepolia.id_of(&block(1)), None);
        assert_eq!(Naming::L1Number.id_of(&block(1)).as_deref(), Some("42"));
    }
}
