//! A command's view of the chain: a node, the wallet's book brought up to its tip, and the exclusive use of the wallet's directory.

use std::path::PathBuf;

use agoge_protocol::rpc::{NodeInfo, Tips};
use agoge_protocol::{Digest, TxId};

use super::{Global, WalletError, say};
use crate::book::{Book, OwnedNote};
use crate::dir::DirLock;
use crate::node::Node;
use crate::scan::scan;
use crate::seed::{Keys, Seed};
use crate::sent;
use crate::transfer::Anchor;

pub(super) struct Session {
    pub(super) node: Node,
    pub(super) info: NodeInfo,
    /// The tips that the book was brought to.
    pub(super) tips: Tips,
    pub(super) book: Book,
    home: Home,
    _lock: DirLock,
}

/// Where the book is.
#[derive(Clone, Debug)]
pub(super) struct Home {
    dir: PathBuf,
    book: PathBuf,
    genesis_id: Digest,
}

impl Home {
    /// One file for each key and instance: a --seed wallet never mixes with the stored one.
    pub(super) fn new(global: &Global, keys: &Keys, genesis_id: Digest) -> Self {
        let name = format!("{}-{}.book", short(keys.owner), short(genesis_id));
        Self {
            dir: global.dir.clone(),
            book: global.dir.join(name),
            genesis_id,
        }
    }

    /// Changes the book of a command that does not read the chain.
    pub(super) async fn change(&self, change: impl FnOnce(&mut Book)) -> Result<(), WalletError> {
        let _lock = DirLock::take(&self.dir).await?;
        let mut book = Book::open(&self.book, self.genesis_id)?;
        change(&mut book);
        Ok(book.save(&self.book)?)
    }
}

impl Session {
    pub(super) async fn start(global: &Global, seed: &Seed) -> Result<Self, WalletError> {
        let node = Node::new(&global.node)?;
        let info = node.info().await?;
        let keys: Keys = seed.keys();
        let home = Home::new(global, &keys, info.genesis_id);
        let lock = DirLock::take(&home.dir).await?;
        let mut book = Book::open(&home.book, info.genesis_id)?;
        let scanned = scan(&node, &keys, &mut book, |block, tip| {
            say(&format!("read block {block} of {tip}"))
        })
        .await;
        // What could be read need not be read again.
        book.save(&home.book)?;
        let tips = scanned?;
        let mut session = Self {
            node,
            info,
            tips,
            book,
            home,
            _lock: lock,
        };
        for news in sent::follow_up(&session.node, &mut session.book).await? {
            say(&news.to_string());
        }
        session.save()?;
        Ok(session)
    }

    pub(super) fn save(&self) -> Result<(), WalletError> {
        Ok(self.book.save(&self.home.book)?)
    }

    /// The newest proven anchor that holds the notes, since only that survives a prune; else the pending tip, with a warning.
    pub(super) fn anchor(&self, notes: &[OwnedNote]) -> Anchor {
        let Tips { proven, pending, .. } = self.tips;
        let tip = if notes.iter().all(|note| note.index < proven.note_count) {
            proven
        } else {
            say(
                "the notes are in no proven block: if their block is pruned for good, so is this transaction",
            );
            pending
        };
        Anchor {
            note_root: tip.note_root,
            note_count: tip.note_count,
        }
    }

    /// Gives the directory back to other commands, for a wait.
    pub(super) fn release(self) -> Released {
        Released {
            node: self.node,
            home: self.home,
        }
    }
}

/// A session that has given the directory back.
pub(super) struct Released {
    pub(super) node: Node,
    home: Home,
}

impl Released {
    /// Gives the notes of a transaction back that will not be mined.
    pub(super) async fn forget(&self, id: TxId) -> Result<(), WalletError> {
        self.home.change(|book| book.forget_sent(id)).await
    }
}

fn short(digest: Digest) -> String {
    hex::encode(digest.to_b256().0.first_chunk::<8>().copied().unwrap_or_default())
}
