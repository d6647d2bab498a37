//! Evidence of a network that does everything right, for tests to break.

use std::collections::BTreeMap;

use agoge_protocol::{Address, B256, NetworkConfig};

use crate::evidence::{
    CommitteeReading, Header, L1Reading, MetricsReading, NodeReading, RpcReading, SCHEMA, SlotRecord,
    TipReading, network_digest,
};

/// Nodes of the sample network.
pub(crate) const NODES: usize = 6;

/// The header of a phase 1 network that began at time 0.
pub(crate) fn header() -> Header {
    header_of("phase1")
}

/// As [`header`], of another built-in network.
pub(crate) fn header_of(name: &str) -> Header {
    let network = NetworkConfig::parse(agoge_protocol::network::built_in(name).unwrap()).unwrap();
    Header {
        schema: SCHEMA.to_owned(),
        watcher: "0.1.0".to_owned(),
        network_sha256: network_digest(&network),
        network,
        genesis_time: 0,
        genesis_ids: vec![B256::repeat_byte(1)],
        registry: Address::repeat_byte(2),
        verifier_circuit_digest: B256::repeat_byte(3),
        code_hashes: BTreeMap::from([("Rollup/1".to_owned(), B256::repeat_byte(4))]),
        nodes: (0..NODES)
            .map(|node| format!("http://node-{node}:8700"))
            .collect(),
        has_metrics: true,
    }
}

/// Slot `slot`: a block in every slot from 1 on, one transaction in each, all proven up to the end of the epoch before the last one.
pub(crate) fn record(slot: u64) -> SlotRecord {
    let proven = (slot / 32).saturating_sub(1) * 32;
    let tip = |number: u64| TipReading {
        number,
        root: format!("{number:032x}"),
    };
    let node = NodeReading {
        rpc: Some(RpcReading {
            version: "0.1.0".to_owned(),
            instance: 1,
            peers: 5,
            l1_hash: Some(format!("{slot:016x}")),
            pending: tip(slot),
            proven: tip(proven),
            finalized: tip(proven),
            nullifiers: slot * 2,
        }),
        metrics: Some(MetricsReading {
            is_ready: true,
            start_time: Some(1),
            memory_mib: Some(100),
            open_files: Some(50),
        }),
        problem: None,
    };
    SlotRecord {
        slot,
        time: slot * 36 + 18,
        l1: Some(L1Reading {
            block: slot * 3,
            time: slot * 36 + 12,
            instance: 1,
            rollup: Address::repeat_byte(5),
            pending: slot,
            pending_slot: (slot > 0).then_some(slot),
            proven,
            first_unproven_slot: (slot > proven).then_some(proven + 1),
            validators: Some(48),
            is_allow_listed: Some(true),
        }),
        l1_problem: None,
        committee: Some(CommitteeReading {
            size: 16,
            online: 16,
            is_complete: true,
            proposer: None,
        }),
        nodes: vec![node; NODES],
    }
}
