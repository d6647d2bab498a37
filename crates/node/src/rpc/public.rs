//! `agoge_*`: what anybody may ask.

use std::sync::Arc;

use agoge_protocol::limits::TX_BYTES_MAX;
use agoge_protocol::network::NetworkConfig;
use agoge_protocol::rpc::{
    self as wire, BLOCKS_RANGE_MAX, EFFECTS_RANGE_MAX, EPOCHS_RANGE_MAX, QuoteRejection, TxRejection,
};
use agoge_protocol::{Digest, Epoch, L2BlockNumber, SignedQuote, Slot, Timing, Transaction, TxId};
use agoge_supervisor::Clock;
use alloy::primitives::Bytes;
use jsonrpsee::Extensions;
use jsonrpsee::server::{RegisterMethodError, RpcModule};
use jsonrpsee::types::ErrorObjectOwned;

use super::params::Positional;
use super::route::InstancePath;
use super::{answer, error, network};
use crate::query::{Instances, NodeQueries};

/// Epochs before the current one whose committees are told. All that are told fit into what `Committees` remembers (16), so nobody's
/// questions make the node read one from its L1 provider again and again.
const COMMITTEE_EPOCHS_BACK: u64 = 12;
/// Epochs after the current one whose committees are told; later ones need not be fixed.
const COMMITTEE_EPOCHS_AHEAD: u64 = 1;

pub(super) type Answer<T> = Result<T, ErrorObjectOwned>;

/// What the public methods work with.
#[derive(Clone)]
pub struct RpcContext<N> {
    /// The running node.
    pub node: N,
    /// The network's numbers.
    pub network: NetworkConfig,
    /// How the network cuts time.
    pub timing: Timing,
    /// The process's clock.
    pub clock: Arc<dyn Clock>,
}

impl<N> core::fmt::Debug for RpcContext<N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("RpcContext")
            .field("network", &self.network.network.name)
            .finish_non_exhaustive()
    }
}

impl<N: Instances> RpcContext<N> {
    /// The instance that a request's path names.
    pub(super) fn asked(&self, extensions: &Extensions) -> Answer<Asked<N::Queries>> {
        let queries = match extensions.get::<InstancePath>() {
            Some(InstancePath::Canonical) => self.node.canonical(),
            Some(InstancePath::Of(genesis_id)) => self.node.instance(*genesis_id),
            Some(InstancePath::Unknown) | None => return Err(error::unknown_path()),
        };
        let queries = queries.map_err(error::not_running)?;
        Ok(Asked { queries })
    }

    /// The slot of the clock; slot 0 before genesis.
    pub(super) fn current_slot(&self) -> Slot {
        let seconds = self.clock.now_unix_ms().checked_div(1_000).unwrap_or_default();
        self.timing.slot_at(seconds).unwrap_or(Slot::new(0))
    }

    /// Refuses epochs whose committee is not told, before any work.
    pub(super) fn check_epoch(&self, epoch: Epoch) -> Answer<()> {
        let current = self.timing.epoch_of(self.current_slot()).get();
        let first = current.saturating_sub(COMMITTEE_EPOCHS_BACK);
        let last = current.saturating_add(COMMITTEE_EPOCHS_AHEAD);
        if (first..=last).contains(&epoch.get()) {
            Ok(())
        } else {
            Err(error::epoch_out_of_range(epoch, first, last))
        }
    }
}

/// One instance, as a request asked for it.
pub(super) struct Asked<Q> {
    pub(super) queries: Q,
}

impl<Q: NodeQueries> Asked<Q> {
    fn block(&self, number: L2BlockNumber) -> Answer<Option<wire::RpcBlock>> {
        let finalized = self.queries.tips().finalized.number;
        let view = self.queries.block(number).map_err(error::query)?;
        Ok(view.map(|view| answer::block(&view, finalized)))
    }

    fn effects(&self, number: L2BlockNumber) -> Answer<Option<wire::RpcEffects>> {
        let Some(view) = self.queries.block(number).map_err(error::query)? else {
            return Ok(None);
        };
        let effects = self.queries.effects(number).map_err(error::query)?;
        Ok(effects.map(|effects| answer::effects(&view, &effects)))
    }
}

/// Block numbers `from ..`, at most `count` and at most `max`.
fn range(
    params: &mut Positional,
    what: &str,
    max: u64,
) -> Answer<impl Iterator<Item = L2BlockNumber> + use<>> {
    let from: L2BlockNumber = params.required("from")?;
    let count: u64 = params.required("count")?;
    if count > max {
        return Err(error::over_limit(what, max));
    }
    Ok((0..count)
        .map_while(move |offset| from.get().checked_add(offset))
        .map(L2BlockNumber::new))
}

/// The methods. Reads of ranges run on the blocking pool, point look-ups where they are.
pub(super) fn module<N: Instances>(
    context: RpcContext<N>,
) -> Result<RpcModule<RpcContext<N>>, RegisterMethodError> {
    let mut module = RpcModule::new(context);
    chain_methods(&mut module)?;
    transaction_methods(&mut module)?;
    proving_methods(&mut module)?;
    network::methods(&mut module)?;
    Ok(module)
}

fn chain_methods<N: Instances>(module: &mut RpcModule<RpcContext<N>>) -> Result<(), RegisterMethodError> {
    module.register_method(
        "agoge_nodeInfo",
        |params, context, extensions| -> Answer<wire::NodeInfo> {
            Positional::new(&params)?.end()?;
            let asked = context.asked(extensions)?;
            Ok(answer::node_info(asked.queries.node_info(), &context.network))
        },
    )?;
    module.register_method(
        "agoge_tips",
        |params, context, extensions| -> Answer<wire::Tips> {
            Positional::new(&params)?.end()?;
            let asked = context.asked(extensions)?;
            Ok(answer::tips(asked.queries.tips()))
        },
    )?;
    module.register_method(
        "agoge_getBlock",
        |params, context, extensions| -> Answer<Option<wire::RpcBlock>> {
            let mut params = Positional::new(&params)?;
            let number = params.required("number")?;
            params.end()?;
            let asked = context.asked(extensions)?;
            asked.block(number)
        },
    )?;
    module.register_method(
        "agoge_getHeader",
        |params, context, extensions| -> Answer<Option<wire::RpcHeader>> {
            let mut params = Positional::new(&params)?;
            let number = params.required("number")?;
            params.end()?;
            let asked = context.asked(extensions)?;
            Ok(asked.block(number)?.map(|block| block.header))
        },
    )?;
    module.register_method(
        "agoge_getEffects",
        |params, context, extensions| -> Answer<Option<wire::RpcEffects>> {
            let mut params = Positional::new(&params)?;
            let number = params.required("number")?;
            params.end()?;
            let asked = context.asked(extensions)?;
            asked.effects(number)
        },
    )?;
    module.register_blocking_method(
        "agoge_getBlocks",
        |params, context, extensions| -> Answer<Vec<wire::RpcBlock>> {
            let mut params = Positional::new(&params)?;
            let numbers = range(&mut params, "blocks", BLOCKS_RANGE_MAX)?;
            params.end()?;
            let asked = context.asked(&extensions)?;
            numbers
                .map_while(|number| asked.block(number).transpose())
                .collect()
        },
    )?;
    module.register_blocking_method(
        "agoge_getEffectsRange",
        |params, context, extensions| -> Answer<Vec<wire::RpcEffects>> {
            let mut params = Positional::new(&params)?;
            let numbers = range(&mut params, "effects", EFFECTS_RANGE_MAX)?;
            params.end()?;
            let asked = context.asked(&extensions)?;
            numbers
                .map_while(|number| asked.effects(number).transpose())
                .collect()
        },
    )?;
    Ok(())
}

fn transaction_methods<N: Instances>(
    module: &mut RpcModule<RpcContext<N>>,
) -> Result<(), RegisterMethodError> {
    module.register_async_method(
        "agoge_sendTransaction",
        |params, context, extensions| async move {
            let mut positional = Positional::new(&params)?;
            let bytes: Bytes = positional.required("transaction")?;
            positional.end()?;
            let asked = context.asked(&extensions)?;
            if bytes.len() > TX_BYTES_MAX {
                return Err(error::rejected(
                    TxRejection::Malformed,
                    format!(
                        "a transaction has at most {TX_BYTES_MAX} bytes, found {}",
                        bytes.len()
                    ),
                ));
            }
            let tx: Transaction = borsh::from_slice(&bytes).map_err(|reason| {
                error::rejected(
                    TxRejection::Malformed,
                    format!("not a canonical transaction: {reason}"),
                )
            })?;
            let id: TxId = asked.queries.send_transaction(tx).await.map_err(error::send)?;
            Answer::Ok(id)
        },
    )?;
    module.register_method(
        "agoge_getTransactionStatus",
        |params, context, extensions| -> Answer<wire::TransactionStatus> {
            let mut params = Positional::new(&params)?;
            let id: TxId = params.required("id")?;
            params.end()?;
            let asked = context.asked(extensions)?;
            asked
                .queries
                .tx_status(id)
                .map(answer::tx_status)
                .map_err(error::query)
        },
    )?;
    module.register_method(
        "agoge_getNoteWitness",
        |params, context, extensions| -> Answer<Option<wire::NoteWitness>> {
            let mut params = Positional::new(&params)?;
            let commitment: Digest = params.required("commitment")?;
            params.end()?;
            let asked = context.asked(extensions)?;
            let witness = asked.queries.note_witness(commitment).map_err(error::query)?;
            Ok(witness.map(|witness| answer::note_witness(witness, commitment)))
        },
    )?;
    Ok(())
}

fn proving_methods<N: Instances>(module: &mut RpcModule<RpcContext<N>>) -> Result<(), RegisterMethodError> {
    module.register_method(
        "agoge_quotes",
        |params, context, extensions| -> Answer<Vec<wire::RpcQuote>> {
            let mut params = Positional::new(&params)?;
            let epoch: Option<Epoch> = params.optional("epoch")?;
            params.end()?;
            let asked = context.asked(extensions)?;
            Ok(asked.queries.quotes(epoch).iter().map(answer::quote).collect())
        },
    )?;
    module.register_async_method("agoge_sendQuote", |params, context, extensions| async move {
        let mut positional = Positional::new(&params)?;
        let bytes: Bytes = positional.required("quote")?;
        positional.end()?;
        let asked = context.asked(&extensions)?;
        let quote: SignedQuote = borsh::from_slice(&bytes).map_err(|reason| {
            error::malformed_or_refused_quote(
                QuoteRejection::Malformed,
                format!("not a canonical signed quote: {reason}"),
            )
        })?;
        let sent = asked.queries.send_quote(quote).await;
        sent.map_err(|refusal| error::quote(&refusal))
    })?;
    module.register_blocking_method(
        "agoge_epochs",
        |params, context, extensions| -> Answer<Vec<wire::RpcEpoch>> {
            let mut params = Positional::new(&params)?;
            let from: Epoch = params.required("from")?;
            let count: u64 = params.required("count")?;
            params.end()?;
            let asked = context.asked(&extensions)?;
            if count > EPOCHS_RANGE_MAX {
                return Err(error::over_limit("epochs", EPOCHS_RANGE_MAX));
            }
            (0..count)
                .map_while(|offset| from.get().checked_add(offset))
                .map(|epoch| {
                    let view = asked.queries.epoch(Epoch::new(epoch)).map_err(error::query)?;
                    Ok(answer::epoch(view, &context.timing))
                })
                .collect()
        },
    )?;
    Ok(())
}
