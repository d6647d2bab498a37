//! Whether the logs of some blocks are all there: the contracts' own counters after the last block must be what the events make of those
//! before the first. An endpoint that indexes logs later than blocks answers too little without an error, and nothing else would show it
//! until a later event does not fit.

use agoge_contract_bindings::rollup::Rollup;
use agoge_protocol::{Address, B256, L1Event, U256};
use alloy::primitives::Bytes;
use alloy::sol_types::SolCall;
use serde_json::{Value, json};

use crate::call::At;
use crate::rpc::{Call, Rpc, RpcError};

/// Where the Rollup stands after an L1 block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pending: u64,
    proven: u64,
    inbox: u64,
}

impl Counts {
    /// After one more event.
    fn advance(&mut self, event: &L1Event) {
        match event {
            L1Event::BlockProposed { number, .. } => self.pending = number.get(),
            L1Event::Pruned { to } => self.pending = to.get(),
            L1Event::Proven { to, .. } => self.proven = self.proven.max(to.get()),
            L1Event::Deposited(deposit) => self.inbox = deposit.index.saturating_add(1),
            _ => {}
        }
    }

    /// After these events.
    pub(super) fn after<'a>(mut self, events: impl IntoIterator<Item = &'a L1Event>) -> Self {
        for event in events {
            self.advance(event);
        }
        self
    }
}

/// The counters after each of these blocks; `None` where the endpoint does not have the state of a block, or no Rollup is there yet.
pub(super) async fn read(
    rpc: &Rpc,
    rollup: Address,
    blocks: &[B256],
) -> Result<Vec<Option<Counts>>, RpcError> {
    // At time 0 no prune is due, so these are the tips as they are stored.
    let tips: Bytes = Rollup::tipsAtCall { _time: U256::ZERO }.abi_encode().into();
    let inbox: Bytes = Rollup::inboxCountCall {}.abi_encode().into();
    let call = |data: &Bytes, block: B256| {
        Call::new(
            "eth_call",
            json!([{ "to": rollup, "data": data }, At::Block(block).to_param()]),
        )
    };
    let calls: Vec<Call> = blocks
        .iter()
        .flat_map(|block| [call(&tips, *block), call(&inbox, *block)])
        .collect();
    let mut answers = rpc.batch::<Value>(&calls).await?.into_iter();
    let mut next = || answers.next()?.ok();
    Ok(blocks.iter().map(|_| decode(next(), next())).collect())
}

fn decode(tips: Option<Value>, inbox: Option<Value>) -> Option<Counts> {
    let bytes = |value: Option<Value>| serde_json::from_value::<Bytes>(value?).ok();
    let tips = Rollup::tipsAtCall::abi_decode_returns(&bytes(tips)?).ok()?;
    let inbox = Rollup::inboxCountCall::abi_decode_returns(&bytes(inbox)?).ok()?;
    Some(Counts {
        pending: tips.pendingNumber.into(),
        proven: tips.provenNumber.into(),
        inbox: u64::try_from(inbox).ok()?,
    })
}
