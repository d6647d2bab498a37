//! Sending L1 transactions: one sender for each key owns its nonce, its fees and its journal.
//!
//! [`L1Sender`] is the actor for a publisher key; [`SenderHandle`] talks to it. [`L1Wallet`] is the same machine without journal and
//! actor, for tools that send a few transactions and end.

mod chain;
mod driver;
mod fees;
mod journal;
mod lane;
mod lane_io;
mod lane_offers;
mod request;
mod sign;

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use agoge_protocol::Address;
use agoge_supervisor::CancellationToken;
use alloy::primitives::Bytes;
use alloy::signers::local::PrivateKeySigner;
use tokio::sync::{mpsc, oneshot, watch};

pub use driver::{SenderError, SenderHealth};
pub use journal::JournalError;
pub use request::{GAS_LIMIT_MAX, GasPolicy, MinedTx, Purpose, SendOutcome, TxRequest};
pub use sign::SignError;

use crate::client::L1Client;
use driver::{Driver, pause};
use journal::Journal;

/// Requests that wait; when full, callers wait.
const REQUESTS_MAX: usize = 16;
/// How long a wallet waits for a transaction without a deadline, seconds.
const WALLET_WAIT_SECONDS: u64 = 300;

/// The sender has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the L1 sender has stopped")]
pub struct SenderStopped;

#[derive(Debug)]
struct Ask {
    request: TxRequest,
    reply: oneshot::Sender<SendOutcome>,
}

/// Talks to an [`L1Sender`]. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SenderHandle {
    address: Address,
    requests: mpsc::Sender<Ask>,
    health: watch::Receiver<SenderHealth>,
}

impl SenderHandle {
    /// The key's address.
    pub const fn address(&self) -> Address {
        self.address
    }

    /// How the sender is doing.
    pub fn health(&self) -> watch::Receiver<SenderHealth> {
        self.health.clone()
    }

    /// Sends a transaction and waits for its end. Dropping the future does not take the request back.
    /// Requests of one key are worked on one after the other, a slot's block before all others that wait.
    ///
    /// # Errors
    /// [`SenderStopped`].
    pub async fn send(&self, request: TxRequest) -> Result<SendOutcome, SenderStopped> {
        let (reply, outcome) = oneshot::channel();
        self.requests
            .send(Ask { request, reply })
            .await
            .map_err(|_| SenderStopped)?;
        outcome.await.map_err(|_| SenderStopped)
    }
}

/// The actor for one publisher key. The supervisor runs [`Self::run`].
pub struct L1Sender {
    driver: Driver,
    requests: mpsc::Receiver<Ask>,
    /// Asked for, not begun. Bounded by [`REQUESTS_MAX`].
    waiting: VecDeque<Ask>,
    /// Who is told when the request in work ends; `None` for one out of the journal.
    current: Option<oneshot::Sender<SendOutcome>>,
    poll: Duration,
    l1_slot_seconds: u64,
}

impl std::fmt::Debug for L1Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("L1Sender")
            .field("address", &self.driver.address())
            .finish_non_exhaustive()
    }
}

impl L1Sender {
    /// Runs until cancelled or until all handles are dropped and nothing is in flight. What is in flight when it is cancelled is in
    /// the journal and taken up at the next start.
    ///
    /// # Errors
    /// [`SenderError`]: the journal or the key failed; the process should stop.
    pub async fn run(mut self, cancel: CancellationToken) -> Result<(), SenderError> {
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Ok(()),
                // A turn that is cut off has journalled what it signed.
                turn = self.turn() => if !turn? { return Ok(()) },
            }
        }
    }

    /// One look, then a pause that a new request ends. False when nobody can ask any more.
    async fn turn(&mut self) -> Result<bool, SenderError> {
        self.begin().await?;
        if let Some(outcome) = self.driver.tick().await? {
            self.finish(outcome);
            return Ok(true);
        }
        let is_busy = self.driver.is_busy();
        let pause = tokio::time::sleep(pause(is_busy, self.poll, self.l1_slot_seconds));
        if self.waiting.len() >= REQUESTS_MAX {
            pause.await;
            return Ok(true);
        }
        tokio::select! {
            () = pause => Ok(true),
            ask = self.requests.recv() => match ask {
                Some(ask) => {
                    self.waiting.push_back(ask);
                    Ok(true)
                }
                None if is_busy || !self.waiting.is_empty() => Ok(true),
                None => Ok(false),
            },
        }
    }

    /// Begins the most urgent request that the machine can take.
    async fn begin(&mut self) -> Result<(), SenderError> {
        while let Some(index) = next(&self.waiting, |ask| self.driver.accepts(&ask.request)) {
            let Some(ask) = self.waiting.remove(index) else {
                return Ok(());
            };
            self.current = Some(ask.reply);
            match self.driver.submit(ask.request).await? {
                Some(outcome) => self.finish(outcome),
                None => return Ok(()),
            }
        }
        Ok(())
    }

    fn finish(&mut self, outcome: SendOutcome) {
        if let Some(reply) = self.current.take() {
            // The caller may have gone; the outcome is in the journal and the log.
            reply.send(outcome).ok();
        }
    }
}

/// The place of the next request: a slot's block before anything else, which has no slot to miss; else the oldest.
fn next(waiting: &VecDeque<Ask>, is_accepted: impl Fn(&Ask) -> bool) -> Option<usize> {
    let urgent = |ask: &Ask| ask.request.purpose.is_once() && is_accepted(ask);
    let first_urgent = waiting.iter().position(urgent);
    first_urgent.or_else(|| waiting.iter().position(&is_accepted))
}

/// A key that sends a few transactions, one at a time, without a journal.
pub struct L1Wallet {
    client: L1Client,
    driver: Driver,
    poll: Duration,
}

impl std::fmt::Debug for L1Wallet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("L1Wallet")
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}

impl L1Wallet {
    /// The key's address.
    pub fn address(&self) -> Address {
        self.driver.address()
    }

    /// Sends a transaction and waits for its end, at most 5 minutes if it has no deadline.
    ///
    /// # Errors
    /// [`SenderError`].
    pub async fn send(&mut self, mut request: TxRequest) -> Result<SendOutcome, SenderError> {
        if request.deadline_time.is_none() {
            let wall = self.client.clock.now_unix_ms() / 1_000;
            // L1's clock may run ahead of ours (tests move it).
            let head = self.client.head().await.map_or(0, |head| head.time);
            request.deadline_time = Some(wall.max(head).saturating_add(WALLET_WAIT_SECONDS));
        }
        if let Some(outcome) = self.driver.submit(request).await? {
            return Ok(outcome);
        }
        loop {
            if let Some(outcome) = self.driver.tick().await? {
                return Ok(outcome);
            }
            tokio::time::sleep(self.poll).await;
        }
    }

    /// Creates a contract: `code` is its creation code with ABI-encoded constructor arguments. The address is in [`MinedTx::created`].
    ///
    /// # Errors
    /// [`SenderError`].
    pub async fn deploy(&mut self, code: Bytes) -> Result<SendOutcome, SenderError> {
        self.send(TxRequest::create(code)).await
    }
}

impl L1Client {
    /// The sender of a publisher key with its journal. At most one process may have it.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn sender(
        &self,
        key: PrivateKeySigner,
        journal: &Path,
    ) -> Result<(L1Sender, SenderHandle), JournalError> {
        let address = key.address();
        let journal = Journal::open(journal, self.config.network.network.chain_id, address)?;
        let driver = Driver::new(self, key, Some(journal));
        let (asks, requests) = mpsc::channel(REQUESTS_MAX);
        let handle = SenderHandle {
            address,
            requests: asks,
            health: driver.health(),
        };
        let sender = L1Sender {
            driver,
            requests,
            waiting: VecDeque::new(),
            current: None,
            poll: Duration::from_millis(self.config.network.l1.poll_interval_ms),
            l1_slot_seconds: self.config.network.network.l1_slot_seconds,
        };
        Ok((sender, handle))
    }

    /// A wallet for a key that nothing else sends with.
    pub fn wallet(&self, key: PrivateKeySigner) -> L1Wallet {
        let poll = Duration::from_millis(self.config.network.l1.poll_interval_ms);
        L1Wallet {
            client: self.clone(),
            driver: Driver::new(self, key, None),
            poll,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use agoge_protocol::Slot;

    fn ask(purpose: Purpose) -> Ask {
        let request = TxRequest::call(Address::ZERO, Bytes::new(), purpose);
        Ask {
            request,
            reply: oneshot::channel().0,
        }
    }

    #[test]
    fn a_block_does_not_wait_behind_what_came_before_it() {
        let waiting: VecDeque<Ask> = [
            Purpose::named("slash"),
            Purpose::named("claim"),
            Purpose::propose(Slot::new(3)),
        ]
        .map(ask)
        .into();
        assert_eq!(next(&waiting, |_| true), Some(2));
        assert_eq!(next(&waiting, |ask| !ask.request.purpose.is_once()), Some(0));
        assert_eq!(next(&waiting, |_| false), None);
        assert_eq!(next(&VecDeque::new(), |_| true), None);
    }
}
