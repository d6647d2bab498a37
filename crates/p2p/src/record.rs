//! The wire record: every message sent and received, one JSON object a line (`docs/wire.md`).
//!
//! The actor only hands messages over; a thread of its own recovers signers and writes. When the disk is slower than the wire, records
//! are dropped and counted rather than messages held up.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};

use agoge_protocol::{Address, Attestation, B256, Digest, eip712, keccak256};
use agoge_supervisor::{Clock, Spawner, SystemClock};
use serde::Serialize;

use crate::config::WireRecord;
use crate::error::StartError;
use crate::gossip::GossipMessage;
use crate::metrics;
use crate::peer::PeerId;
use crate::request::{Request, Response};

/// Messages that wait to be written. With transactions of 90 kB, about 90 MB.
const QUEUE_MAX: usize = 1_024;

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Way {
    In,
    Out,
}

/// What went over the wire.
#[derive(Debug)]
pub(crate) enum Content {
    Gossip(GossipMessage),
    Malformed { kind: &'static str, data: Vec<u8> },
    Request(Request),
    Response(Response),
}

#[derive(Debug)]
struct Entry {
    time_ms: u64,
    way: Way,
    peer: Option<PeerId>,
    content: Content,
}

/// Where records go; without a file, nowhere.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    queue: Option<SyncSender<Entry>>,
}

/// A line of the file.
#[derive(Debug, Serialize)]
struct Line {
    time_ms: u64,
    direction: Way,
    channel: &'static str,
    peer: Option<PeerId>,
    kind: &'static str,
    slot: Option<u64>,
    index: Option<u16>,
    signer: Option<Address>,
    digest: Option<B256>,
    block_hash: Option<B256>,
    bytes: usize,
}

impl Recorder {
    /// Starts writing if it is configured.
    pub(crate) fn start(
        config: Option<&WireRecord>,
        genesis_id: Digest,
        spawner: &Spawner,
    ) -> Result<Self, StartError> {
        let Some(WireRecord {
            path,
            chain_id,
            rollup,
            prover_bonds,
        }) = config.cloned()
        else {
            return Ok(Self::default());
        };
        let file = File::options().create(true).append(true).open(&path);
        let file = file.map_err(|source| StartError::WireRecord { path, source })?;
        let (queue, entries) = sync_channel(QUEUE_MAX);
        let instance = Instance {
            genesis_id,
            chain_id,
            rollup,
            prover_bonds,
        };
        // The thread ends when the actor drops its end of the queue, after what is queued has been written.
        drop(spawner.spawn_blocking("wire record", move || {
            if let Err(error) = write_all(&entries, BufWriter::new(file), instance) {
                tracing::error!(%error, "wire record ends: cannot write");
            }
        }));
        Ok(Self { queue: Some(queue) })
    }

    /// Records a message. `content` is made only when there is a record.
    pub(crate) fn record(&self, way: Way, peer: Option<PeerId>, content: impl FnOnce() -> Content) {
        let Some(queue) = &self.queue else { return };
        let entry = Entry {
            time_ms: SystemClock.now_unix_ms(),
            way,
            peer,
            content: content(),
        };
        match queue.try_send(entry) {
            // The writer has logged why it ended.
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            Err(TrySendError::Full(_)) => metrics::record_dropped(),
        }
    }
}

/// What signatures of an instance are made under.
#[derive(Clone, Copy, Debug)]
struct Instance {
    genesis_id: Digest,
    chain_id: u64,
    rollup: Address,
    prover_bonds: Address,
}

impl Instance {
    fn line(self, entry: Entry) -> Line {
        let Entry {
            time_ms,
            way,
            peer,
            content,
        } = entry;
        let (channel, kind, bytes) = match &content {
            Content::Gossip(message) => ("gossip", message.kind().name(), message.encode().len()),
            Content::Malformed { kind, data } => ("malformed", *kind, data.len()),
            Content::Request(request) => ("request", request.name(), encoded_len(request)),
            Content::Response(response) => ("response", response.name(), encoded_len(response)),
        };
        let mut line = Line {
            time_ms,
            direction: way,
            channel,
            peer,
            kind,
            slot: None,
            index: None,
            signer: None,
            digest: None,
            block_hash: None,
            bytes,
        };
        match content {
            Content::Gossip(message) => self.describe(&mut line, &message),
            Content::Malformed { data, .. } => line.digest = Some(keccak256(data)),
            Content::Request(Request::Blob(hash)) => line.digest = Some(hash),
            Content::Request(Request::BlockTxIds { block_hash, .. }) => line.block_hash = Some(block_hash),
            Content::Request(_) | Content::Response(_) => {}
        }
        line
    }

    fn describe(self, line: &mut Line, message: &GossipMessage) {
        let domain = eip712::domain(self.chain_id, self.rollup);
        line.slot = message.slot().map(agoge_protocol::Slot::get);
        match message {
            GossipMessage::Transaction(tx) => line.digest = Some(tx.id().0),
            GossipMessage::Proposal(signed) => {
                line.signer = signed.signer(self.genesis_id, &domain).ok();
                line.digest = Some(signed.proposal.digest(self.genesis_id, &domain));
                line.block_hash = Some(signed.proposal.block_hash());
            }
            GossipMessage::Attestation(attestation) => {
                let Attestation {
                    slot,
                    index,
                    block_hash,
                    ..
                } = *attestation;
                line.signer = attestation.signer(self.genesis_id, &domain).ok();
                line.digest = Some(Attestation::digest(slot, block_hash, self.genesis_id, &domain));
                line.index = Some(index);
                line.block_hash = Some(block_hash);
            }
            GossipMessage::Quote(signed) => {
                let domain = eip712::domain(self.chain_id, self.prover_bonds);
                let digest = signed.quote.digest(&domain);
                line.signer = signed.signature.recover(digest).ok();
                line.digest = Some(digest);
            }
        }
    }
}

fn encoded_len(message: &impl borsh::BorshSerialize) -> usize {
    borsh::object_length(message).unwrap_or(0)
}

/// Writes until all senders are gone; flushes whenever there is nothing to write.
fn write_all(entries: &Receiver<Entry>, mut file: impl Write, instance: Instance) -> std::io::Result<()> {
    loop {
        let entry = match entries.try_recv() {
            Ok(entry) => entry,
            Err(TryRecvError::Empty) => {
                file.flush()?;
                match entries.recv() {
                    Ok(entry) => entry,
                    Err(_) => return Ok(()),
                }
            }
            Err(TryRecvError::Disconnected) => return file.flush(),
        };
        serde_json::to_writer(&mut file, &instance.line(entry))?;
        file.write_all(b"\n")?;
    }
}
