//! What the RPC and the command line hold of a running instance.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use agoge_p2p::P2pHandle;
use agoge_protocol::{
    Address, B256, Digest, Epoch, L2BlockNumber, NetworkConfig, SignedQuote, Slot, Transaction, TxId,
};
use agoge_state_transition::{MemoryState, StateReader as _, Tree, tree};
use agoge_store::{Store, StoreView};
use agoge_supervisor::SlotClock;
use tokio::sync::{mpsc, watch};

use super::network::PeerList;
use crate::chain::{Committees, pruned_tip};
use crate::consensus::{ChainView, Input};
use crate::duties::{DutyLog, DutyRecord, Switches};
use crate::mempool::{Mempool, SubmitError};
use crate::query::{
    BlockEffects, BlockView, CommandError, CommitteeError, CommitteeView, DUTIES_LIMIT_MAX, EpochView,
    NodeInfo, NodeQueries, NoteWitness, PeerView, QueryError, SendError, Tip, Tips, TxStatus,
};
use crate::quotes::{Kept, QuoteRefusal, Quotes};
use crate::signer::Signer;
use agoge_l1_client::instances::Launch;

/// A running instance. Clones are the same; its stack stops with its group, not with its handles.
#[derive(Clone, Debug)]
pub struct InstanceHandle {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    // Interfaces.
    pub(super) store: Arc<Store>,
    pub(super) mempool: Mempool,
    pub(super) p2p: P2pHandle,
    pub(super) committees: Committees,
    pub(super) quotes: Quotes,
    pub(super) signer: Signer,
    /// The node's, for all instances.
    pub(super) switches: Arc<Mutex<Switches>>,
    pub(super) duties: Arc<DutyLog>,
    pub(super) peers: PeerList,
    pub(super) clock: SlotClock,
    pub(super) inputs: mpsc::Sender<Input>,
    pub(super) view: watch::Receiver<Option<ChainView>>,
    // Config.
    pub(super) network: NetworkConfig,
    pub(super) launch: Launch,
    // State.
    pub(super) last_tips: Mutex<Tips>,
}

impl core::fmt::Debug for Inner {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Instance")
            .field("launch", &self.launch)
            .finish_non_exhaustive()
    }
}

impl NodeQueries for InstanceHandle {
    fn node_info(&self) -> NodeInfo {
        let inner = &self.inner;
        let attesters = inner.signer.addresses().into_iter();
        let switches = inner.switches.lock().unwrap_or_else(PoisonError::into_inner);
        NodeInfo {
            version: env!("CARGO_PKG_VERSION"),
            network: inner.network.network.name.clone(),
            chain_id: inner.network.network.chain_id,
            instance: inner.launch.number,
            rollup: inner.launch.facts.contracts.rollup,
            rollup_version: inner.launch.facts.version.number(),
            genesis_id: inner.launch.facts.genesis_id,
            genesis_time: inner.clock.timing().genesis_time,
            slot_seconds: inner.network.protocol.slot_seconds,
            epoch_slots: inner.network.protocol.epoch_slots,
            attesters: attesters.map(|key| (key, switches.is_on(key))).collect(),
            peer_id: inner.p2p.local_peer_id().to_string(),
        }
    }

    fn tips(&self) -> Tips {
        let read = self.read_tips();
        let mut last = self
            .inner
            .last_tips
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(tips) => *last = tips,
            Err(error) => tracing::error!(%error, "tips not read; the last known are told"),
        }
        *last
    }

    fn block(&self, number: L2BlockNumber) -> Result<Option<BlockView>, QueryError> {
        let view = self.inner.store.view();
        let Some(record) = view.block(number).map_err(storage)? else {
            return Ok(None);
        };
        Ok(Some(BlockView {
            header_hash: record.header_hash,
            archive: record.free_fields.archive,
            block_hash: record.block_hash,
            blob_hash: record.blob_hash,
            l1_block: record.l1_block,
            is_proven: number <= view.tips().map_err(storage)?.proven,
            header: record.header,
        }))
    }

    fn effects(&self, number: L2BlockNumber) -> Result<Option<BlockEffects>, QueryError> {
        let view = self.inner.store.view();
        let Some(record) = view.block(number).map_err(storage)? else {
            return Ok(None);
        };
        let Some(txs) = view.block_txs(number).map_err(storage)? else {
            return Ok(None);
        };
        let parent = number
            .previous()
            .map_or(Ok(None), |parent| view.block(parent))
            .map_err(storage)?;
        let (first_note_index, inbox_start) = parent.map_or((0, 0), |parent| {
            (parent.header.note_count, parent.header.inbox_end)
        });
        Ok(Some(BlockEffects {
            number,
            first_note_index,
            deposits: view
                .deposits(inbox_start..record.header.inbox_end)
                .map_err(storage)?,
            transactions: txs.into_iter().map(|tx| tx.effects).collect(),
        }))
    }

    async fn send_transaction(&self, tx: Transaction) -> Result<TxId, SendError> {
        let id = match self.inner.mempool.submit(tx.clone()).await {
            Ok(id) => id,
            Err(SubmitError::Refused(reason)) => return Err(reason.into()),
            Err(SubmitError::Busy { .. }) => return Err(SendError::Busy),
            Err(SubmitError::Stopping) => return Err(SendError::Stopping),
            Err(SubmitError::Store(error)) => {
                tracing::error!(%error, "a transaction could not be stored");
                return Err(SendError::Busy);
            }
        };
        if let Err(error) = self.inner.p2p.publish_transaction(tx).await {
            // It is queued here and offered to peers that ask for it; a node without peers still builds its own blocks.
            tracing::warn!(%id, %error, "transaction was not gossiped");
        }
        Ok(id)
    }

    fn tx_status(&self, id: TxId) -> Result<TxStatus, QueryError> {
        self.inner.mempool.status(id).map_err(storage)
    }

    fn note_witness(&self, commitment: Digest) -> Result<Option<NoteWitness>, QueryError> {
        let view = self.view_of_next_l1_block()?;
        let Some(index) = view.note_leaf(commitment).map_err(storage)? else {
            return Ok(None);
        };
        let Some(block) = view.block_of_note(index).map_err(storage)? else {
            return Ok(None);
        };
        let tips = view.tips().map_err(storage)?;
        let is_proven = block <= tips.proven;
        let (view, number) = if is_proven {
            (view.pruned_to(tips.proven).map_err(storage)?, tips.proven)
        } else {
            (view, tips.pending)
        };
        let anchor = tree::root(&view, Tree::Note).map_err(storage)?;
        let Some(path) = tree::note_path(&view, index).map_err(storage)? else {
            return Ok(None);
        };
        Ok(Some(NoteWitness {
            anchor,
            block: number,
            is_proven,
            index,
            siblings: path.siblings.to_vec(),
        }))
    }

    async fn committee(&self, epoch: Epoch) -> Result<CommitteeView, CommitteeError> {
        let committee = self.inner.committees.get(epoch).await?;
        let first_slot = self.inner.clock.timing().first_slot(epoch);
        Ok(CommitteeView {
            epoch,
            first_slot,
            members: committee.members,
        })
    }

    async fn proposer(&self, slot: Slot) -> Result<Address, CommitteeError> {
        let timing = self.inner.clock.timing();
        let epoch = timing.epoch_of(slot);
        let committee = self.inner.committees.get(epoch).await?;
        committee
            .proposer(timing, slot)
            .ok_or(CommitteeError::NotYetKnown { epoch })
    }

    fn quotes(&self, epoch: Option<Epoch>) -> Vec<Kept> {
        self.inner.quotes.quotes(epoch)
    }

    async fn send_quote(&self, quote: SignedQuote) -> Result<B256, QuoteRefusal> {
        let digest = self.inner.quotes.submit(None, quote).await?;
        if let Err(error) = self.inner.p2p.publish_quote(quote).await {
            // It is kept here; this node's own proposers can still claim it.
            tracing::warn!(%digest, %error, "quote was not gossiped");
        }
        Ok(digest)
    }

    fn epoch(&self, epoch: Epoch) -> Result<EpochView, QueryError> {
        let view = self.view_of_next_l1_block()?;
        let timing = self.inner.clock.timing();
        let slots = timing.first_slot(epoch)..timing.first_slot(epoch.next());
        let blocks = view.blocks_of_slots(slots).map_err(storage)?;
        let end = match blocks {
            Some((_, last)) => view.block(last).map_err(storage)?,
            None => None,
        };
        let proven = view.tips().map_err(storage)?.proven;
        let head = view.l1_head().map_err(storage)?;
        let proven_blocks = blocks.map_or(0, |(first, last)| {
            let end = proven.min(last).next().get();
            end.saturating_sub(first.get())
        });
        Ok(EpochView {
            epoch,
            is_over: head.is_some_and(|head| head.block.time >= timing.epoch_start(epoch.next())),
            blocks,
            end_archive: end.map(|record| record.free_fields.archive),
            proven_blocks,
            claim: view.claim(epoch).map_err(storage)?,
            proofs: view.epoch_proofs(epoch).map_err(storage)?,
        })
    }

    fn peers(&self) -> Vec<PeerView> {
        self.inner.peers.get()
    }

    fn duties(&self, attester: Option<Address>, limit: usize) -> Result<Vec<DutyRecord>, QueryError> {
        Ok(self.inner.duties.newest(attester, limit.min(DUTIES_LIMIT_MAX)))
    }
}

impl InstanceHandle {
    /// Which instance this is.
    pub(super) fn launch(&self) -> &Launch {
        &self.inner.launch
    }

    /// Its Rollup.
    pub(super) fn rollup(&self) -> Address {
        self.inner.launch.facts.contracts.rollup
    }

    /// How the instance signs.
    pub(super) fn signer(&self) -> &Signer {
        &self.inner.signer
    }

    /// The chain as the validators see it; `None` before the first L1 block.
    pub fn chain(&self) -> watch::Receiver<Option<ChainView>> {
        self.inner.view.clone()
    }

    /// The network's front, for addresses to announce.
    pub fn p2p(&self) -> &P2pHandle {
        &self.inner.p2p
    }

    fn read_tips(&self) -> Result<Tips, QueryError> {
        let view = self.view_of_next_l1_block()?;
        let l1_head = view.l1_head().map_err(storage)?.map(|record| record.block);
        let tips = view.tips().map_err(storage)?;
        Ok(Tips {
            pending: tip(&view, tips.pending)?,
            proven: tip(&view, tips.proven)?,
            finalized: tip(&view, tips.finalized)?,
            l1_head,
        })
    }

    /// The store as a call in the next L1 block would see it: a due prune shows as done.
    fn view_of_next_l1_block(&self) -> Result<StoreView<'_>, QueryError> {
        let view = self.inner.store.view();
        let Some(record) = view.l1_head().map_err(storage)? else {
            return Ok(view);
        };
        let time = record
            .block
            .time
            .saturating_add(self.inner.network.network.l1_slot_seconds);
        let window = self.inner.network.proving.proof_window_epochs;
        match pruned_tip(&view, self.inner.clock.timing(), window, time).map_err(storage)? {
            Some(to) => view.pruned_to(to).map_err(storage),
            None => Ok(view),
        }
    }

    /// Gives the validators an input.
    ///
    /// # Errors
    /// [`CommandError::Stopping`].
    pub(super) async fn tell(&self, input: Input) -> Result<(), CommandError> {
        self.inner
            .inputs
            .send(input)
            .await
            .map_err(|_| CommandError::Stopping)
    }
}

fn tip(view: &StoreView<'_>, number: L2BlockNumber) -> Result<Tip, QueryError> {
    let block = view.block(number).map_err(storage)?;
    Ok(block.map_or_else(genesis_tip, |record| Tip {
        number,
        slot: Some(record.header.slot),
        archive: record.free_fields.archive,
        note_root: record.header.note_root,
        note_count: record.header.note_count,
        nullifier_root: record.header.nullifier_root,
        nullifier_count: record.header.nullifier_count,
        inbox_end: record.header.inbox_end,
    }))
}

/// Before the first block.
fn genesis_tip() -> Tip {
    static TIP: LazyLock<Tip> = LazyLock::new(|| {
        let state = MemoryState::new();
        let Ok(nullifier_root) = tree::root(&state, Tree::Nullifier);
        let Ok(nullifier_count) = state.leaf_count(Tree::Nullifier);
        Tip {
            number: L2BlockNumber::GENESIS,
            slot: None,
            archive: tree::empty_root(),
            note_root: tree::empty_root(),
            note_count: 0,
            nullifier_root,
            nullifier_count,
            inbox_end: 0,
        }
    });
    *TIP
}

/// What is told before anything was read.
pub(super) fn no_tips() -> Tips {
    let tip = genesis_tip();
    Tips {
        pending: tip,
        proven: tip,
        finalized: tip,
        l1_head: None,
    }
}

fn storage(error: impl core::error::Error + Send + Sync + 'static) -> QueryError {
    QueryError::Storage(Box::new(error))
}
