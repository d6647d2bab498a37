//! Reading the chain into the book: forward block by block, back when blocks were replaced.

use agoge_protocol::rpc::Tips;
use agoge_protocol::{Digest, L2BlockNumber};

use crate::book::{Book, BookError, ReadBlock};
use crate::node::{Node, NodeError};
use crate::seed::Keys;

/// Times a scan starts over when the chain moves under it.
const ATTEMPTS: usize = 5;
/// No chain is longer: 19 years of slots of 36 s. Keeps a node from sending a wallet through endless blocks.
const TIP_MAX: u64 = 1 << 24;
/// Blocks between two words of progress.
const PROGRESS: u64 = 1_024;

/// Why the book could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The node failed.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The node's answers contradict each other.
    #[error(transparent)]
    Book(#[from] BookError),
    /// No chain has so many blocks.
    #[error("the node says that its tip is block {found}; hint: ask another node")]
    TipTooHigh {
        /// As answered.
        found: L2BlockNumber,
    },
    /// A tip without the blocks below it.
    #[error("the node says that its tip is block {tip}, and has no block {missing}; hint: ask another node")]
    Missing {
        /// As answered.
        tip: L2BlockNumber,
        /// Not answered.
        missing: L2BlockNumber,
    },
    /// The blocks that were read do not lead to the tip.
    #[error(
        "the notes up to block {tip} hash to {computed}, the node says that its tip has {claimed}; hint: ask another node"
    )]
    WrongTip {
        /// The tip.
        tip: L2BlockNumber,
        /// From all leaves.
        computed: Digest,
        /// Answered.
        claimed: Digest,
    },
}

impl ScanError {
    /// Whether a block that was replaced between two calls can be the cause.
    const fn is_worth_another_look(&self) -> bool {
        !matches!(self, Self::Node(_) | Self::TipTooHigh { .. })
    }
}

/// Brings the book to the node's pending tip and returns the tips that it was brought to. After an error the book is as far as it
/// could be read. `progress` hears the block reached and the tip from time to time.
///
/// # Errors
/// [`ScanError`].
pub async fn scan(
    node: &Node,
    keys: &Keys,
    book: &mut Book,
    progress: impl Fn(L2BlockNumber, L2BlockNumber),
) -> Result<Tips, ScanError> {
    let mut attempts = 1..ATTEMPTS;
    loop {
        return_to_common_block(node, book).await?;
        match read_to_tip(node, keys, book, &progress).await {
            Err(error) if error.is_worth_another_look() && attempts.next().is_some() => {}
            other => return other,
        }
    }
}

async fn return_to_common_block(node: &Node, book: &mut Book) -> Result<(), ScanError> {
    let read: Vec<ReadBlock> = book.blocks().collect();
    let Some(tip) = read.last() else { return Ok(()) };
    if has(node, tip).await? {
        return Ok(());
    }
    // A block has its parents: those that both have come before those that only the book has. So the last common one is halved for.
    let (mut common, mut other) = (0, read.len());
    let mut last = None;
    while common < other {
        let middle = usize::midpoint(common, other);
        match read.get(middle) {
            Some(block) if has(node, block).await? => {
                last = Some(*block);
                common = middle.saturating_add(1);
            }
            _ => other = middle,
        }
    }
    // Without a common block everything is read again from genesis.
    book.return_to(last);
    Ok(())
}

async fn has(node: &Node, read: &ReadBlock) -> Result<bool, NodeError> {
    Ok(node
        .block(read.number)
        .await?
        .is_some_and(|block| block.block_hash == read.block_hash))
}

async fn read_to_tip(
    node: &Node,
    keys: &Keys,
    book: &mut Book,
    progress: impl Fn(L2BlockNumber, L2BlockNumber),
) -> Result<Tips, ScanError> {
    let tips = node.tips().await?;
    let tip = tips.pending.number;
    if tip.get() > TIP_MAX {
        return Err(ScanError::TipTooHigh { found: tip });
    }
    while book.next_block() <= tip {
        let batch = node.effects(book.next_block(), tip).await?;
        if batch.is_empty() {
            return Err(ScanError::Missing {
                tip,
                missing: book.next_block(),
            });
        }
        for effects in &batch {
            book.read(keys, effects)?;
            if effects.number.get() % PROGRESS == 0 {
                progress(effects.number, tip);
            }
        }
    }
    let computed = book.tree().root_at(tips.pending.note_count);
    let is_tip = book.next_block() == tip.next() && book.tree().count() == tips.pending.note_count;
    if is_tip && computed == tips.pending.note_root {
        Ok(tips)
    } else {
        Err(ScanError::WrongTip {
            tip,
            computed,
            claimed: tips.pending.note_root,
        })
    }
}
