//! Metrics of the network.

use agoge_supervisor::{describe_counter, describe_gauge};
use metrics::{counter, gauge};

use crate::gossip::{GossipKind, Verdict};
use crate::peer::Direction;
use crate::scores::Offence;

const PEERS: &str = "agoge_p2p_peers";
const KNOWN: &str = "agoge_p2p_known_peers";
const GOSSIP_RECEIVED: &str = "agoge_p2p_gossip_received_total";
const GOSSIP_RECEIVED_BYTES: &str = "agoge_p2p_gossip_received_bytes_total";
const GOSSIP_PUBLISHED: &str = "agoge_p2p_gossip_published_total";
const GOSSIP_VERDICTS: &str = "agoge_p2p_gossip_verdicts_total";
const OFFENCES: &str = "agoge_p2p_offences_total";
const BANS: &str = "agoge_p2p_bans_total";
const EVENTS_DROPPED: &str = "agoge_p2p_events_dropped_total";
const REQUESTS: &str = "agoge_p2p_requests_total";
const DIALS: &str = "agoge_p2p_dials_total";
const RECORDS_DROPPED: &str = "agoge_p2p_wire_records_dropped_total";

/// Describes all metrics and sets them to zero.
pub(crate) fn describe() {
    metrics::describe_gauge!(PEERS, "Admitted peers, by who opened the connection.");
    set_peers(0, 0);
    describe_gauge(KNOWN, "Peers whose addresses are known.");
    metrics::describe_counter!(GOSSIP_RECEIVED, "Gossiped messages received, by kind.");
    metrics::describe_counter!(
        GOSSIP_RECEIVED_BYTES,
        "Bytes of gossiped messages received, by kind."
    );
    metrics::describe_counter!(GOSSIP_PUBLISHED, "Own messages gossiped, by kind.");
    metrics::describe_counter!(
        GOSSIP_VERDICTS,
        "Judgements of gossiped messages, by kind and verdict."
    );
    for kind in GossipKind::ALL {
        counter!(GOSSIP_RECEIVED, "kind" => kind.name()).absolute(0);
        counter!(GOSSIP_RECEIVED_BYTES, "kind" => kind.name()).absolute(0);
        counter!(GOSSIP_PUBLISHED, "kind" => kind.name()).absolute(0);
        for verdict in [Verdict::Accept, Verdict::Ignore, Verdict::Reject] {
            counter!(GOSSIP_VERDICTS, "kind" => kind.name(), "verdict" => verdict_name(verdict)).absolute(0);
        }
    }
    metrics::describe_counter!(OFFENCES, "Offences of peers, by kind.");
    for offence in [
        Offence::Malformed,
        Offence::Invalid,
        Offence::TooFast,
        Offence::WrongAnswer,
        Offence::NoAnswer,
        Offence::WrongInstance,
    ] {
        counter!(OFFENCES, "offence" => offence.name()).absolute(0);
    }
    describe_counter(BANS, "Peers banned.");
    describe_counter(EVENTS_DROPPED, "Events that the node was too slow to take.");
    metrics::describe_counter!(REQUESTS, "Requests, by direction and kind.");
    for direction in ["in", "out"] {
        for kind in ["status", "transactions", "blob", "block_tx_ids"] {
            counter!(REQUESTS, "direction" => direction, "kind" => kind).absolute(0);
        }
    }
    describe_counter(DIALS, "Connections that we tried to open.");
    describe_counter(RECORDS_DROPPED, "Wire records that the disk was too slow for.");
}

pub(crate) fn set_peers(inbound: u32, outbound: u32) {
    gauge!(PEERS, "direction" => direction_name(Direction::Inbound)).set(f64::from(inbound));
    gauge!(PEERS, "direction" => direction_name(Direction::Outbound)).set(f64::from(outbound));
}

pub(crate) fn set_known(count: usize) {
    gauge!(KNOWN).set(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
}

pub(crate) fn gossip_received(kind: GossipKind, bytes: usize) {
    counter!(GOSSIP_RECEIVED, "kind" => kind.name()).increment(1);
    counter!(GOSSIP_RECEIVED_BYTES, "kind" => kind.name())
        .increment(u64::try_from(bytes).unwrap_or(u64::MAX));
}

pub(crate) fn gossip_published(kind: GossipKind) {
    counter!(GOSSIP_PUBLISHED, "kind" => kind.name()).increment(1);
}

pub(crate) fn gossip_judged(kind: GossipKind, verdict: Verdict) {
    counter!(GOSSIP_VERDICTS, "kind" => kind.name(), "verdict" => verdict_name(verdict)).increment(1);
}

pub(crate) fn offence(offence: Offence) {
    counter!(OFFENCES, "offence" => offence.name()).increment(1);
}

pub(crate) fn ban() {
    counter!(BANS).increment(1);
}

pub(crate) fn event_dropped() {
    counter!(EVENTS_DROPPED).increment(1);
}

pub(crate) fn request(direction: &'static str, kind: &'static str) {
    counter!(REQUESTS, "direction" => direction, "kind" => kind).increment(1);
}

pub(crate) fn dial() {
    counter!(DIALS).increment(1);
}

pub(crate) fn record_dropped() {
    counter!(RECORDS_DROPPED).increment(1);
}

const fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accept => "accept",
        Verdict::Ignore => "ignore",
        Verdict::Reject => "reject",
    }
}

const fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
    }
}
