//! What became of transactions that were sent: lost ones are handed over again, refused ones give their notes back.

use agoge_protocol::TxId;
use agoge_protocol::rpc::{TransactionStatus, TxRejection};

use crate::book::{Book, SentTx};
use crate::node::{Node, NodeError, words};

/// News of a transaction under way, for the person who sent it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum News {
    /// The node did not know it and has taken it again.
    #[error("transaction {id} was unknown to the node and was handed over again")]
    HandedOverAgain {
        /// The transaction.
        id: TxId,
    },
    /// It will not be mined.
    #[error("transaction {id} was dropped ({reason}): its notes can be spent again")]
    Dropped {
        /// The transaction.
        id: TxId,
        /// The node's words.
        reason: String,
    },
    /// The block that held it was replaced, and the node does not know it.
    #[error(
        "transaction {id} was in a block that was replaced, and this node does not know it: its notes can be spent again. \
         Another node may still have it: look again before you pay a second time"
    )]
    Lost {
        /// The transaction.
        id: TxId,
    },
}

/// Asks a node about the transactions under way and brings the book up to date.
///
/// Notes that are given back too early do no harm by themselves: whichever transaction spends them first makes the other impossible.
///
/// # Errors
/// [`NodeError`] when the node does not answer.
pub async fn follow_up(node: &Node, book: &mut Book) -> Result<Vec<News>, NodeError> {
    let mut news = Vec::new();
    for sent in book.under_way().cloned().collect::<Vec<_>>() {
        let id = sent.id;
        let new = match node.status(id).await? {
            TransactionStatus::Dropped { message, .. } => Some(News::Dropped {
                id,
                reason: words(&message),
            }),
            TransactionStatus::Unknown if sent.encoded.is_empty() => Some(News::Lost { id }),
            TransactionStatus::Unknown => hand_over_again(node, &sent).await?,
            // In a block that the book has not read yet, or waiting for one.
            TransactionStatus::Queued
            | TransactionStatus::Mined { .. }
            | TransactionStatus::Proven { .. } => None,
        };
        if matches!(new, Some(News::Dropped { .. } | News::Lost { .. })) {
            book.forget_sent(id);
        }
        news.extend(new);
    }
    Ok(news)
}

async fn hand_over_again(node: &Node, sent: &SentTx) -> Result<Option<News>, NodeError> {
    let id = sent.id;
    match node.send_raw(&format!("0x{}", hex::encode(&sent.encoded))).await {
        Ok(_) => Ok(Some(News::HandedOverAgain { id })),
        Err(error) if is_final(&error) => Ok(Some(News::Dropped {
            id,
            reason: error.to_string(),
        })),
        // The node has it after all, has another one that spends the same note, or has no room now.
        Err(NodeError::Refused { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a refusal means that the transaction will never be taken.
pub fn is_final(error: &NodeError) -> bool {
    match error.rejection() {
        Some(TxRejection::AlreadyQueued | TxRejection::Conflict | TxRejection::PoolFull) | None => false,
        Some(_) => true,
    }
}
