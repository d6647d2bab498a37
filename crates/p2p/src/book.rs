//! Whom we know: addresses of peers, when to dial them again, and the file in which they outlive the process.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use agoge_supervisor::Backoff;
use libp2p::{Multiaddr, PeerId};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::config::AddressScope;
use crate::peer::{Multiaddress, scope_of, split};

/// Peers that are known at most.
const PEERS_MAX: usize = 1_024;
/// Addresses of one peer at most; the oldest goes first.
const ADDRESSES_MAX: usize = 4;
/// Peers in the file at most.
const SAVED_MAX: usize = 256;
/// Bytes of the file at most.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Dials that may fail before an unproven peer is forgotten.
const FAILURES_MAX: u32 = 6;
/// Dials that may fail before a peer that once worked is forgotten.
const PROVEN_FAILURES_MAX: u32 = 60;

#[derive(Debug)]
struct Entry {
    addresses: Vec<Multiaddr>,
    is_bootnode: bool,
    /// Whether it was our peer once, at one of these addresses.
    is_proven: bool,
    failures: u32,
    backoff: Backoff,
    next_dial: Instant,
}

/// Known peers.
#[derive(Debug)]
pub(crate) struct Book {
    local: PeerId,
    scope: AddressScope,
    dial_pause: (Duration, Duration),
    entries: BTreeMap<PeerId, Entry>,
    is_changed: bool,
}

/// A line of the file.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    peer: String,
    addresses: Vec<String>,
}

impl Book {
    /// An empty book of a node.
    pub(crate) fn new(local: PeerId, scope: AddressScope, dial_pause: (Duration, Duration)) -> Self {
        Self {
            local,
            scope,
            dial_pause,
            entries: BTreeMap::new(),
            is_changed: false,
        }
    }

    /// Adds a bootnode, which is never forgotten.
    pub(crate) fn add_bootnode(&mut self, peer: PeerId, address: Multiaddr, now: Instant) {
        if let Some(entry) = self.entry(peer, now) {
            entry.is_bootnode = true;
            remember(&mut entry.addresses, address);
        }
    }

    /// Hears of a peer's addresses, from the peer or from others. Those outside the scope are left out.
    pub(crate) fn learn(
        &mut self,
        peer: PeerId,
        addresses: impl IntoIterator<Item = Multiaddr>,
        now: Instant,
    ) {
        let scope = self.scope;
        let usable = |(address, named): (Multiaddr, Option<PeerId>)| {
            let is_usable =
                named.is_none_or(|named| named == peer) && scope_of(&address).is_some_and(|s| s <= scope);
            is_usable.then_some(address)
        };
        // A peer that lists thousands is not read to the end.
        let mut usable = addresses
            .into_iter()
            .take(4 * ADDRESSES_MAX)
            .map(|a| split(&a))
            .filter_map(usable)
            .peekable();
        if usable.peek().is_none() {
            return;
        }
        let Some(entry) = self.entry(peer, now) else {
            return;
        };
        let mut is_changed = false;
        for address in usable {
            is_changed |= remember(&mut entry.addresses, address);
        }
        self.is_changed |= is_changed;
    }

    /// A dial succeeded and the peer was admitted.
    pub(crate) fn prove(&mut self, peer: PeerId) {
        if let Some(entry) = self.entries.get_mut(&peer) {
            self.is_changed |= !entry.is_proven;
            entry.is_proven = true;
            entry.failures = 0;
            entry.backoff.reset();
        }
    }

    /// A dial failed, or the connection was lost: dial again after a pause, or forget the peer. Returns whether it was forgotten.
    pub(crate) fn fail(&mut self, peer: PeerId, now: Instant) -> bool {
        let Some(entry) = self.entries.get_mut(&peer) else {
            return false;
        };
        entry.failures = entry.failures.saturating_add(1);
        entry.next_dial = now.checked_add(entry.backoff.next_pause()).unwrap_or(now);
        let limit = if entry.is_proven {
            PROVEN_FAILURES_MAX
        } else {
            FAILURES_MAX
        };
        let is_hopeless = !entry.is_bootnode && entry.failures > limit;
        if is_hopeless {
            self.forget(&peer);
        }
        is_hopeless
    }

    /// A peer that is of no use to us: another instance, ourselves. Bootnodes stay, as their operator may repair them.
    pub(crate) fn forget(&mut self, peer: &PeerId) {
        if self.entries.get(peer).is_some_and(|entry| !entry.is_bootnode) {
            self.is_changed |= self.entries.remove(peer).is_some_and(|entry| entry.is_proven);
        }
    }

    /// Peers to dial now, of those that `is_free`: proven ones first, then those that failed least. Marks them as dialled.
    pub(crate) fn due(
        &mut self,
        now: Instant,
        count: usize,
        is_free: impl Fn(&PeerId) -> bool,
    ) -> Vec<(PeerId, Vec<Multiaddr>)> {
        let is_due = |(peer, entry): &(&PeerId, &mut Entry)| entry.next_dial <= now && is_free(peer);
        let mut due: Vec<_> = self.entries.iter_mut().filter(is_due).collect();
        due.sort_by_key(|(_, entry)| (!entry.is_proven, entry.failures));
        let mut dials = Vec::new();
        for (peer, entry) in due.into_iter().take(count) {
            entry.next_dial = now.checked_add(self.dial_pause.1).unwrap_or(now);
            dials.push((*peer, entry.addresses.clone()));
        }
        dials
    }

    /// A peer's addresses.
    pub(crate) fn addresses(&self, peer: &PeerId) -> Vec<Multiaddr> {
        self.entries
            .get(peer)
            .map(|entry| entry.addresses.clone())
            .unwrap_or_default()
    }

    /// Number of peers known.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The file's text if something in it has changed since the last call.
    pub(crate) fn take_changes(&mut self) -> Option<String> {
        if !core::mem::take(&mut self.is_changed) {
            return None;
        }
        let proven = self.entries.iter().filter(|(_, entry)| entry.is_proven);
        let saved: Vec<_> = proven
            .take(SAVED_MAX)
            .map(|(peer, entry)| Saved {
                peer: peer.to_base58(),
                addresses: entry.addresses.iter().map(ToString::to_string).collect(),
            })
            .collect();
        serde_json::to_string_pretty(&saved).ok()
    }

    /// Reads peers from a file written by [`save`]. Entries that cannot be read are left out: the file is a convenience. With `ports`, it is
    /// another instance's: its peers are guessed that many ports further up, and nothing is proven of them here.
    pub(crate) fn load(&mut self, path: &Path, ports: u16, now: Instant) -> io::Result<()> {
        match fs::metadata(path) {
            Ok(metadata) if metadata.len() > FILE_BYTES_MAX => {
                tracing::warn!(path = %path.display(), bytes = metadata.len(), "file of known peers is too long: left unread");
                return Ok(());
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        }
        let saved: Vec<Saved> = match serde_json::from_slice(&fs::read(path)?) {
            Ok(saved) => saved,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "file of known peers is damaged: left unread");
                return Ok(());
            }
        };
        for Saved { peer, addresses } in saved.into_iter().take(SAVED_MAX) {
            let Ok(peer) = peer.parse() else { continue };
            let addresses = addresses
                .iter()
                .filter_map(|address| address.parse::<Multiaddr>().ok());
            let shifted = addresses.filter_map(|address| Multiaddress(address).shifted(ports));
            self.learn(peer, shifted.map(|address| address.0), now);
            if ports == 0 {
                self.prove(peer);
            }
        }
        self.is_changed = false;
        Ok(())
    }

    /// A peer's entry, made if there is room: the worst other gives way, which is never one that works.
    fn entry(&mut self, peer: PeerId, now: Instant) -> Option<&mut Entry> {
        if peer == self.local {
            return None;
        }
        if !self.entries.contains_key(&peer) {
            if self.entries.len() >= PEERS_MAX {
                let may_go = |entry: &Entry| !entry.is_bootnode && (!entry.is_proven || entry.failures > 0);
                let worst = self.entries.iter().filter(|(_, entry)| may_go(entry));
                let worst = worst.max_by_key(|(_, entry)| (!entry.is_proven, entry.failures));
                let worst = worst.map(|(peer, _)| *peer)?;
                self.entries.remove(&worst);
            }
            let backoff = Backoff::new(self.dial_pause.0, self.dial_pause.1);
            let entry = Entry {
                addresses: Vec::new(),
                is_bootnode: false,
                is_proven: false,
                failures: 0,
                backoff,
                next_dial: now,
            };
            self.entries.insert(peer, entry);
        }
        self.entries.get_mut(&peer)
    }
}

/// Writes a file whole or not at all.
pub(crate) fn save(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    fs::write(&new, text)?;
    fs::rename(&new, path)
}

/// Adds an address to a peer's. Returns whether it is new.
fn remember(addresses: &mut Vec<Multiaddr>, address: Multiaddr) -> bool {
    if addresses.contains(&address) {
        return false;
    }
    if addresses.len() >= ADDRESSES_MAX {
        addresses.remove(0);
    }
    addresses.push(address);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

    fn peer(seed: u64) -> PeerId {
        let mut secret = [2_u8; 32];
        secret[..8].copy_from_slice(&seed.to_le_bytes());
        libp2p::identity::Keypair::ed25519_from_bytes(secret)
            .unwrap()
            .public()
            .to_peer_id()
    }

    fn address(port: u16) -> Multiaddr {
        format!("/ip4/8.8.8.8/tcp/{port}").parse().unwrap()
    }

    fn book() -> Book {
        Book::new(peer(0), AddressScope::Public, PAUSE)
    }

    #[test]
    fn only_usable_addresses_are_learned() {
        let (mut book, now) = (book(), Instant::now());
        let refused = [
            "/ip4/127.0.0.1/tcp/1".to_owned(),
            "/ip4/10.0.0.1/tcp/1".to_owned(),
            format!("/ip4/8.8.8.8/tcp/1/p2p/{}", peer(9)),
        ];
        book.learn(peer(1), refused.iter().map(|a| a.parse().unwrap()), now);
        book.learn(peer(0), [address(1)], now);
        assert_eq!(book.len(), 0, "neither foreign scopes and names nor ourselves");
        book.learn(peer(1), (1..100).map(address), now);
        assert_eq!(book.due(now, 9, |_| true)[0].1.len(), ADDRESSES_MAX);
    }

    #[test]
    fn failed_dials_wait_and_hopeless_peers_are_forgotten_but_bootnodes_stay() {
        let (mut book, mut now) = (book(), Instant::now());
        book.add_bootnode(peer(1), address(1), now);
        book.learn(peer(2), [address(2)], now);
        assert_eq!(book.due(now, 9, |_| true).len(), 2);
        assert!(book.due(now, 9, |_| true).is_empty(), "being dialled");
        for round in 0..=FAILURES_MAX {
            assert!(!book.fail(peer(1), now));
            assert_eq!(book.fail(peer(2), now), round == FAILURES_MAX);
            assert!(book.due(now, 9, |_| true).is_empty(), "a pause comes first");
            now += PAUSE.1;
        }
        assert_eq!(book.due(now, 9, |_| true).len(), 1);
        book.forget(&peer(1));
        assert_eq!(book.len(), 1);
    }

    #[test]
    fn ten_thousand_made_up_peers_do_not_displace_proven_ones() {
        let (mut book, now) = (book(), Instant::now());
        book.add_bootnode(peer(1), address(1), now);
        book.learn(peer(2), [address(2)], now);
        book.prove(peer(2));
        for seed in 10..10_010 {
            book.learn(peer(seed), [address(3)], now);
        }
        assert_eq!(book.len(), PEERS_MAX);
        assert_eq!(
            book.due(now, 1, |_| true)[0].0,
            peer(2),
            "proven peers are dialled first"
        );
        assert!(book.entries.contains_key(&peer(1)));
    }

    #[test]
    fn proven_peers_outlive_the_process_and_damage_is_survived() {
        let (mut book, now) = (book(), Instant::now());
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("peers.json");
        book.learn(peer(1), [address(1)], now);
        book.learn(peer(2), [address(2)], now);
        book.prove(peer(1));
        save(&path, &book.take_changes().unwrap()).unwrap();
        assert!(book.take_changes().is_none());

        let mut again = Book::new(peer(0), AddressScope::Public, PAUSE);
        again.load(&path, 0, now).unwrap();
        assert_eq!(again.due(now, 9, |_| true), [(peer(1), vec![address(1)])]);
        assert!(again.take_changes().is_none());

        let mut elsewhere = Book::new(peer(0), AddressScope::Public, PAUSE);
        elsewhere.load(&path, 7, now).unwrap();
        assert_eq!(elsewhere.due(now, 9, |_| true), [(peer(1), vec![address(8)])]);
        assert!(
            (0..FAILURES_MAX).all(|_| !elsewhere.fail(peer(1), now)) && elsewhere.fail(peer(1), now),
            "nothing is proven of it for this instance"
        );

        for damaged in ["", "[", r#"[{"peer":"x","addresses":[]}]"#, r#"[{"peer":1}]"#] {
            fs::write(&path, damaged).unwrap();
            let mut fresh = Book::new(peer(0), AddressScope::Public, PAUSE);
            fresh.load(&path, 0, now).unwrap();
            assert_eq!(fresh.len(), 0, "{damaged}");
        }
        fs::remove_file(&path).unwrap();
        assert!(again.load(&path, 0, now).is_ok());
    }
}
