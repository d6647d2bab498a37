//! What an instance has on its prover's disk and in its configuration.

use agoge_host::keys::create_private_dir;
use agoge_l1_client::instances::Launch;
use agoge_p2p::{AddressScope, KeySource, Multiaddress, P2pConfig};
use agoge_protocol::Digest;
use agoge_store::{Store, StoreConfig, StoreIdentity};

use super::error::StartError;
use crate::append::take_back;
use crate::config::Config;

/// Opens an instance's store, in a directory that is made if need be. The store's identity is checked.
///
/// # Errors
/// [`StartError::Directory`], [`StartError::Store`], [`StartError::Draft`].
pub(crate) fn open_store(config: &Config, genesis_id: Digest) -> Result<Store, StartError> {
    let network = &config.network;
    let directory = config.instance_dir(genesis_id);
    create_private_dir(&directory)?;
    let identity = StoreIdentity {
        network: network.network.name.clone(),
        chain_id: network.network.chain_id,
        genesis_id,
    };
    let path = directory.join("store");
    let store = Store::open(&path, &identity, StoreConfig::for_network(network))?;
    // Of an append that was cut off.
    take_back(&store)?;
    Ok(store)
}

/// What an instance's network is started with. Instance n listens n - 1 ports above the configured one, and expects all others to.
/// `running` are the instances whose peers are known.
///
/// # Errors
/// [`StartError::Address`], [`StartError::Port`].
pub(super) fn p2p_config(
    config: &Config,
    launch: &Launch,
    running: &[Launch],
) -> Result<P2pConfig, StartError> {
    let Launch { number, facts, .. } = *launch;
    let too_high = || StartError::Port { number };
    let ports = u16::try_from(number.saturating_sub(1)).map_err(|_| too_high())?;
    let shifted = |texts: &mut dyn Iterator<Item = &String>| -> Result<Vec<Multiaddress>, StartError> {
        texts
            .map(|text| text.parse::<Multiaddress>())
            .map(|address| address?.shifted(ports).ok_or_else(too_high))
            .collect()
    };
    let mut p2p = P2pConfig::new(facts.genesis_id);
    let listen = Multiaddress::tcp(config.p2p_listen).shifted(ports);
    p2p.listen = vec![listen.ok_or_else(too_high)?];
    p2p.external = shifted(&mut config.p2p_external.iter())?;
    p2p.bootnodes = shifted(&mut config.p2p_bootnodes.iter())?;
    p2p.key = KeySource::File(config.data_dir.join("p2p.key"));
    let peers_file = |genesis_id| config.instance_dir(genesis_id).join("peers.json");
    p2p.peers_file = Some(peers_file(facts.genesis_id));
    let older = running
        .iter()
        .filter_map(|other| Some((other, number.checked_sub(other.number)?)))
        .filter(|(_, ports)| *ports > 0);
    p2p.peers_elsewhere = older
        .filter_map(|(other, ports)| Some((peers_file(other.facts.genesis_id), u16::try_from(ports).ok()?)))
        .collect();
    p2p.peers_max = config.network.p2p.peers_max;
    p2p.peers_target = p2p.peers_target.min(config.network.p2p.peers_max);
    if config.p2p_allow_loopback {
        p2p.scope = AddressScope::Loopback;
    }
    Ok(p2p)
}
