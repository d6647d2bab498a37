//! Reading the chain into the book: forward block by block, back when blocks were replaced.

use agoge_protocol::L2BlockNumber;

use crate::book::{Book, BookError, ReadBlock};
use crate::node::{Node, NodeError};
use crate::seed::Keys;

/// Times a scan starts over when the chain moves under it.
const ATTEMPTS: usize = 5;

/// Why the book could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The node failed.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The node's answers contradict each other.
    #[error(transparent)]
    Book(#[from] BookError),
}

/// Brings the book to the node's pending tip and returns that tip.
///
/// # Errors
/// [`ScanError`].
pub async fn scan(node: &Node, keys: &Keys, book: &mut Book) -> Result<L2BlockNumber, ScanError> {
    let mut failure = None;
    for _ in 0..ATTEMPTS {
        return_to_common_block(node, book).await?;
        match read_to_tip(node, keys, book).await {
            // A block was replaced between two calls: look again where both agree.
            Err(ScanError::Book(error)) => failure = Some(error),
            other => return other,
        }
    }
    match failure {
        Some(error) => Err(error.into()),
        None => Ok(book.tip().map_or(L2BlockNumber::GENESIS, |tip| tip.number)),
    }
}

async fn return_to_common_block(node: &Node, book: &mut Book) -> Result<(), ScanError> {
    let mut common: Option<ReadBlock> = None;
    for read in book.recent_blocks().collect::<Vec<_>>() {
        let theirs = node.block(read.number).await?;
        if theirs.is_some_and(|block| block.block_hash == read.block_hash) {
            common = Some(read);
            break;
        }
    }
    if common != book.tip() {
        // Without a common block everything is read again from genesis.
        book.return_to(common);
    }
    Ok(())
}

async fn read_to_tip(node: &Node, keys: &Keys, book: &mut Book) -> Result<L2BlockNumber, ScanError> {
    let tip = node.tips().await?.pending.number;
    while book.next_block() <= tip {
        let batch = node.effects(book.next_block(), tip).await?;
        if batch.is_empty() {
            break;
        }
        for effects in &batch {
            book.read(keys, effects)?;
        }
    }
    Ok(book.tip().map_or(L2BlockNumber::GENESIS, |read| read.number))
}
