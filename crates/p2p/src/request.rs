//! Questions to a peer and their answers.

use std::io::{Error, ErrorKind, Read, Result as IoResult};

use agoge_protocol::limits::{BLOB_BYTES, BLOCK_TXS_MAX, TX_BYTES_MAX};
use agoge_protocol::{B256, BlockHash, Digest, L2BlockNumber, Transaction, TxId};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::Serialize;

/// Transactions that one request may ask for.
pub const REQUEST_TXS_MAX: usize = 64;
/// Bytes of an encoded request: tag, count and ids.
pub(crate) const REQUEST_BYTES_MAX: usize = 5 + 32 * REQUEST_TXS_MAX;
/// Bytes around the data of an encoded response: tags and counts.
const RESPONSE_FRAME_BYTES: usize = 128;

/// A question to one peer.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Request {
    /// Which instance are you on, and how far? Answered by this crate.
    Status,
    /// These transactions, with proofs; at most [`REQUEST_TXS_MAX`].
    Transactions(#[borsh(deserialize_with = "read_tx_ids")] Vec<TxId>),
    /// The blob with this EIP-4844 versioned hash.
    Blob(
        #[borsh(
            serialize_with = "agoge_protocol::signature::write_b256",
            deserialize_with = "agoge_protocol::signature::read_b256"
        )]
        B256,
    ),
    /// The ids of a block's transactions: blobs do not hold the anchors, so ids cannot be computed from them.
    BlockTxIds {
        /// The block's number.
        number: L2BlockNumber,
        /// Its hash; a peer that has another block there does not answer for that.
        #[borsh(
            serialize_with = "agoge_protocol::signature::write_b256",
            deserialize_with = "agoge_protocol::signature::read_b256"
        )]
        block_hash: BlockHash,
    },
}

/// A peer's place in the chain, as it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct Status {
    /// The instance.
    pub genesis_id: Digest,
    /// Number of its pending tip.
    pub tip: L2BlockNumber,
    /// Archive root of its pending tip.
    pub archive: Digest,
}

/// An answer to a [`Request`].
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Response {
    /// To [`Request::Status`].
    Status(Status),
    /// To [`Request::Transactions`]: those that the peer has, in any order, each at most once.
    Transactions(#[borsh(deserialize_with = "read_txs")] Vec<Transaction>),
    /// To [`Request::Blob`]: its 131,072 bytes if the peer has it. Whether they fit the hash is for the caller to check.
    Blob(#[borsh(deserialize_with = "read_blob")] Option<Vec<u8>>),
    /// To any request.
    Refused(Refusal),
    /// To [`Request::BlockTxIds`]: an entry for each transaction of the block, in order, `None` where the peer does not know the id; `None`
    /// for a block that it does not have. Whether they fit the block is for the caller to check, by the transactions' effects.
    BlockTxIds(#[borsh(deserialize_with = "read_block_tx_ids")] Option<Vec<Option<TxId>>>),
}

/// Why a peer does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Refusal {
    /// You ask too much.
    RateLimited,
    /// I have no time for anybody.
    Busy,
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::RateLimited => "too many requests",
            Self::Busy => "busy",
        })
    }
}

impl Request {
    /// Its word in metrics and records.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Transactions(_) => "transactions",
            Self::Blob(_) => "blob",
            Self::BlockTxIds { .. } => "block_tx_ids",
        }
    }

    /// What answering costs, in tokens of the requests' bucket.
    pub(crate) fn cost(&self) -> u32 {
        match self {
            Self::Status | Self::BlockTxIds { .. } => 1,
            Self::Transactions(ids) => u32::try_from(ids.len()).unwrap_or(u32::MAX).max(1),
            Self::Blob(_) => 8,
        }
    }

    /// Bytes of the longest answer that fits the question.
    pub(crate) const fn response_bytes_max(&self) -> usize {
        match self {
            Self::Status => RESPONSE_FRAME_BYTES,
            Self::Transactions(ids) => {
                let count = if ids.len() > REQUEST_TXS_MAX {
                    REQUEST_TXS_MAX
                } else {
                    ids.len()
                };
                RESPONSE_FRAME_BYTES + count * TX_BYTES_MAX
            }
            Self::Blob(_) => RESPONSE_FRAME_BYTES + BLOB_BYTES,
            Self::BlockTxIds { .. } => RESPONSE_FRAME_BYTES + 33 * BLOCK_TXS_MAX,
        }
    }

    /// Whether an answer is one to this question: its kind, and for transactions that each was asked for and comes once.
    pub(crate) fn is_answered_by(&self, response: &Response) -> bool {
        match (self, response) {
            (_, Response::Refused(_))
            | (Self::Status, Response::Status(_))
            | (Self::Blob(_), Response::Blob(_))
            | (Self::BlockTxIds { .. }, Response::BlockTxIds(_)) => true,
            (Self::Transactions(ids), Response::Transactions(txs)) => {
                let mut wanted: std::collections::BTreeSet<_> = ids.iter().copied().collect();
                txs.iter().all(|tx| wanted.remove(&tx.id()))
            }
            _ => false,
        }
    }
}

impl Response {
    /// Its word in metrics and records.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Status(_) => "status",
            Self::Transactions(_) => "transactions",
            Self::Blob(_) => "blob",
            Self::Refused(_) => "refused",
            Self::BlockTxIds(_) => "block_tx_ids",
        }
    }
}

fn read_tx_ids<R: Read>(reader: &mut R) -> IoResult<Vec<TxId>> {
    let count = read_count(reader, REQUEST_TXS_MAX)?;
    (0..count).map(|_| TxId::deserialize_reader(reader)).collect()
}

fn read_txs<R: Read>(reader: &mut R) -> IoResult<Vec<Transaction>> {
    let count = read_count(reader, REQUEST_TXS_MAX)?;
    (0..count)
        .map(|_| Transaction::deserialize_reader(reader))
        .collect()
}

fn read_blob<R: Read>(reader: &mut R) -> IoResult<Option<Vec<u8>>> {
    if !bool::deserialize_reader(reader)? {
        return Ok(None);
    }
    let length = read_count(reader, BLOB_BYTES)?;
    if length != BLOB_BYTES {
        return Err(Error::new(
            ErrorKind::InvalidData,
            format!("blob has {length} bytes, expected {BLOB_BYTES}"),
        ));
    }
    let mut blob = vec![0; BLOB_BYTES];
    reader.read_exact(&mut blob)?;
    Ok(Some(blob))
}

fn read_block_tx_ids<R: Read>(reader: &mut R) -> IoResult<Option<Vec<Option<TxId>>>> {
    if !bool::deserialize_reader(reader)? {
        return Ok(None);
    }
    let count = read_count(reader, BLOCK_TXS_MAX)?;
    let ids = (0..count).map(|_| Option::deserialize_reader(reader));
    ids.collect::<IoResult<_>>().map(Some)
}

fn read_count<R: Read>(reader: &mut R, limit: usize) -> IoResult<usize> {
    let count = u32::deserialize_reader(reader)?;
    match usize::try_from(count) {
        Ok(count) if count <= limit => Ok(count),
        _ => Err(Error::new(
            ErrorKind::InvalidData,
            format!("count is {count}, the limit is {limit}"),
        )),
    }
}
