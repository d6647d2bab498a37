//! `agoge_*` of the network around the chain: who is due, who is connected, which instances there are.

use agoge_protocol::rpc::{self as wire, DUTIES_MAX};
use agoge_protocol::{Address, Epoch, Slot};
use jsonrpsee::server::{RegisterMethodError, RpcModule};

use super::params::Positional;
use super::public::{Answer, RpcContext};
use super::{answer, error};
use crate::query::{Instances, NodeQueries as _};

/// Committees, peers, duties and instances.
pub(super) fn methods<N: Instances>(
    module: &mut RpcModule<RpcContext<N>>,
) -> Result<(), RegisterMethodError> {
    module.register_async_method("agoge_committee", |params, context, extensions| async move {
        let mut positional = Positional::new(&params)?;
        let epoch: Option<Epoch> = positional.optional("epoch")?;
        positional.end()?;
        let asked = context.asked(&extensions)?;
        let epoch = epoch.unwrap_or_else(|| context.timing.epoch_of(context.current_slot()));
        context.check_epoch(epoch)?;
        let view = asked.queries.committee(epoch).await.map_err(error::committee)?;
        Answer::Ok(answer::committee(view, context.timing.epoch_slots))
    })?;
    module.register_async_method("agoge_proposer", |params, context, extensions| async move {
        let mut positional = Positional::new(&params)?;
        let slot: Option<Slot> = positional.optional("slot")?;
        positional.end()?;
        let asked = context.asked(&extensions)?;
        let slot = slot.unwrap_or_else(|| context.current_slot());
        context.check_epoch(context.timing.epoch_of(slot))?;
        let attester = asked.queries.proposer(slot).await.map_err(error::committee)?;
        Answer::Ok(wire::Proposer {
            slot,
            starts_at: context.timing.slot_start(slot),
            attester,
        })
    })?;
    module.register_method(
        "agoge_peers",
        |params, context, extensions| -> Answer<Vec<wire::Peer>> {
            Positional::new(&params)?.end()?;
            let asked = context.asked(extensions)?;
            Ok(asked.queries.peers().into_iter().map(answer::peer).collect())
        },
    )?;
    module.register_blocking_method(
        "agoge_duties",
        |params, context, extensions| -> Answer<Vec<wire::Duty>> {
            let mut params = Positional::new(&params)?;
            let attester: Option<Address> = params.optional("attester")?;
            let limit = params.optional("limit")?.unwrap_or(DUTIES_MAX);
            params.end()?;
            let asked = context.asked(&extensions)?;
            if limit > DUTIES_MAX {
                return Err(error::over_limit("duties", DUTIES_MAX));
            }
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let records = asked.queries.duties(attester, limit).map_err(error::query)?;
            let duties = records.into_iter().map(answer::duty).collect::<Result<_, _>>();
            duties.map_err(|reason| error::internal(&reason))
        },
    )?;
    module.register_method(
        "agoge_instances",
        |params, context, _| -> Answer<Vec<wire::RpcInstance>> {
            Positional::new(&params)?.end()?;
            Ok(context
                .node
                .instances()
                .into_iter()
                .map(answer::instance)
                .collect())
        },
    )?;
    module.register_async_method("agoge_governance", |params, context, _| async move {
        Positional::new(&params)?.end()?;
        context.node.governance().await.map_err(error::governance)
    })?;
    Ok(())
}
