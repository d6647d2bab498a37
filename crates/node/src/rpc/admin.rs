//! `agogeAdmin_*`: what only the operator may do.

use std::sync::Arc;

use agoge_protocol::Address;
use agoge_protocol::rpc::Signal;
use agoge_supervisor::Spawner;
use jsonrpsee::server::{RegisterMethodError, RpcModule};
use jsonrpsee::types::ErrorObjectOwned;
use serde::{Deserialize, Serialize};

use super::error;
use super::params::Positional;
use crate::keys::KeyError;
use crate::query::NodeCommands;
use crate::signer::AttesterKey;

/// Reads the attester keys again; absent when the password cannot be had again without a person.
pub type KeyReload = Arc<dyn Fn() -> Result<Vec<AttesterKey>, KeyError> + Send + Sync>;

/// What the admin methods work with.
#[derive(Clone)]
pub struct AdminContext<N> {
    /// The running node.
    pub node: N,
    /// Runs the slow work of opening key files.
    pub spawner: Spawner,
    /// How keys are read again.
    pub reload: Option<KeyReload>,
}

impl<N> core::fmt::Debug for AdminContext<N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("AdminContext")
            .field("can_reload", &self.reload.is_some())
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Switch {
    On,
    Off,
}

/// Answer of `agogeAdmin_reloadKeys`.
#[derive(Serialize, Clone)]
struct Reloaded {
    attesters: Vec<Address>,
}

/// The methods.
pub(super) fn module<N: NodeCommands>(
    context: AdminContext<N>,
) -> Result<RpcModule<AdminContext<N>>, RegisterMethodError> {
    let mut module = RpcModule::new(context);
    module.register_async_method("agogeAdmin_setDuties", |params, context, _| async move {
        let mut positional = Positional::new(&params)?;
        let attester: Address = positional.required("attester")?;
        let switch: Switch = positional.required("on or off")?;
        positional.end()?;
        let is_on = matches!(switch, Switch::On);
        context
            .node
            .set_duties(attester, is_on)
            .await
            .map_err(error::command)?;
        tracing::info!(%attester, is_on, "duties switched by the operator");
        Ok::<_, ErrorObjectOwned>(true)
    })?;
    module.register_async_method("agogeAdmin_reloadKeys", |params, context, _| async move {
        Positional::new(&params)?.end()?;
        let Some(reload) = context.reload.clone() else {
            return Err(error::unsupported(
                "keys cannot be read again: their password came from a terminal or standard input",
                "start the node with --keys-password-file FILE",
            ));
        };
        // Opening key files takes tens of milliseconds each.
        let keys = context
            .spawner
            .spawn_blocking("key reload", move || reload())
            .await
            .map_err(|failure| error::internal(&failure))?
            .map_err(|refusal| {
                tracing::warn!(error = %refusal, "keys were not reloaded");
                error::unsupported(
                    "a key file was refused; the keys in use stay",
                    "the node's log says which and why",
                )
            })?;
        let attesters = keys.iter().map(AttesterKey::address).collect();
        context.node.replace_keys(keys).await.map_err(error::command)?;
        Ok::<_, ErrorObjectOwned>(Reloaded { attesters })
    })?;
    module.register_async_method("agogeAdmin_exportGuard", |params, context, _| async move {
        Positional::new(&params)?.end()?;
        context.node.export_guard().await.map_err(error::command)
    })?;
    module.register_async_method("agogeAdmin_importGuard", |params, context, _| async move {
        let mut positional = Positional::new(&params)?;
        let json: String = positional.required("interchange")?;
        positional.end()?;
        context.node.import_guard(json).await.map_err(error::command)?;
        Ok::<_, ErrorObjectOwned>(true)
    })?;
    module.register_async_method("agogeAdmin_setPayload", |params, context, _| async move {
        let mut positional = Positional::new(&params)?;
        let signal: Option<Signal> = positional.nullable("payload and actionsHash, or null")?;
        positional.end()?;
        context.node.set_signal(signal).await.map_err(error::command)?;
        tracing::info!(?signal, "the operator chose what blocks signal for");
        Ok::<_, ErrorObjectOwned>(true)
    })?;
    Ok(module)
}
