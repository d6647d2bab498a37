//! L1 and the network as the coordinator sees them.

use agoge_l1_client::instances::SharedPlan;
use agoge_l1_client::{At, RollupReader, SendOutcome, SenderHandle, TxRequest};
use agoge_p2p::P2pHandle;
use agoge_protocol::{Epoch, SignedQuote};
use futures::future::{BoxFuture, FutureExt as _};

use super::coordinator::gwei;
use super::seams::Outside;

/// The real ones.
#[derive(Clone, Debug)]
pub(super) struct L1AndPeers {
    pub(super) reader: RollupReader,
    pub(super) sender: SenderHandle,
    pub(super) p2p: P2pHandle,
    pub(super) plan: SharedPlan,
}

impl Outside for L1AndPeers {
    fn bond_available_gwei(&self) -> BoxFuture<'_, Option<u64>> {
        async move {
            match self
                .reader
                .prover_account(At::Latest, self.sender.address())
                .await
            {
                Ok(account) => Some(gwei(account.available())),
                Err(error) => {
                    tracing::debug!(%error, "the bond could not be read");
                    None
                }
            }
        }
        .boxed()
    }

    fn superseded_at(&self) -> Option<Epoch> {
        self.plan.superseded_at(self.reader.contracts().rollup)
    }

    fn send(&self, request: TxRequest) -> BoxFuture<'_, Option<SendOutcome>> {
        async move { self.sender.send(request).await.ok() }.boxed()
    }

    fn offer(&self, quote: SignedQuote) -> BoxFuture<'_, ()> {
        async move {
            if let Err(error) = self.p2p.publish_quote(quote).await {
                tracing::warn!(%error, "the quote was not gossiped");
            }
        }
        .boxed()
    }
}
