//! The wire records of nodes (`docs/wire.md`, section 9).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use agoge_protocol::{Address, Attestation, B256, Digest, Slot, eip712};
use serde::Deserialize;

use super::json_lines;
use super::signatures::{Kind, Place, Signed};

/// An instance as signatures are made under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its place in the Registry's list, from 1.
    pub number: u32,
    /// L1 chain.
    pub chain_id: u64,
    /// Its Rollup.
    pub rollup: Address,
    /// Its identity.
    pub genesis_id: Digest,
}

/// A line of a record, as far as it is read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Line {
    /// `in` or `out`.
    pub direction: String,
    /// `gossip`, `malformed`, `request`, `response`.
    pub channel: String,
    /// What it is.
    pub kind: String,
    /// Slot of a proposal or attestation.
    pub slot: Option<u64>,
    /// Recovered address.
    pub signer: Option<Address>,
    /// Signing digest.
    pub digest: Option<B256>,
    /// What an attestation is for.
    pub block_hash: Option<B256>,
}

/// What a line is to the check of signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Nothing that an attester signs.
    Other,
    /// A signature that names nobody: nobody can be blamed for it.
    Nobody,
    /// An attester's word.
    Word(Kind, Signed),
    /// The record contradicts itself.
    Contradiction(String),
}

/// One file of a node.
#[derive(Clone, Debug)]
pub struct Record {
    /// Which instance its messages are of.
    pub instance: u32,
    /// The file.
    pub path: PathBuf,
    /// Whose attesters sign what this node says by itself, if that is known.
    pub own: Option<Vec<Address>>,
}

/// A node's records: the file for the first instance, `FILE.n` for instance n.
pub fn records(file: &Path, own: Option<&[Address]>) -> Vec<Record> {
    let own = own.map(<[Address]>::to_vec);
    let record = |instance, path| Record {
        instance,
        path,
        own: own.clone(),
    };
    let mut all = vec![record(1, file.to_owned())];
    for number in 2..=u32::from(u8::MAX) {
        let mut name = file.as_os_str().to_owned();
        name.push(format!(".{number}"));
        let path = PathBuf::from(name);
        if !path.is_file() {
            break;
        }
        all.push(record(number, path));
    }
    all
}

/// Reads a record; every line goes to `take`.
///
/// # Errors
/// Those of the file.
///
/// # Returns
/// Lines that are no record.
pub fn read(
    record: &Record,
    instance: Option<Instance>,
    mut take: impl FnMut(Heard),
) -> std::io::Result<u64> {
    let name: Arc<str> = record.path.display().to_string().into();
    json_lines(&record.path, |number, line: Line| {
        let place = Place::Line(Arc::clone(&name), number);
        take(understand(line, record, instance, place));
    })
}

fn understand(line: Line, record: &Record, instance: Option<Instance>, place: Place) -> Heard {
    let kind = match (line.channel.as_str(), line.kind.as_str()) {
        ("gossip", "proposal") => Kind::Proposal,
        ("gossip", "attestation") => Kind::Attestation,
        _ => return Heard::Other,
    };
    let (Some(slot), Some(digest)) = (line.slot, line.digest) else {
        return Heard::Contradiction(format!("{place}: a {} without slot or digest", line.kind));
    };
    let Some(signer) = line.signer else {
        return Heard::Nobody;
    };
    // The block is part of what an attestation signs, so its digest can be computed again; a proposal signs its body, too, which is
    // not recorded.
    if let (Kind::Attestation, Some(instance), Some(block_hash)) = (kind, instance, line.block_hash) {
        let domain = eip712::domain(instance.chain_id, instance.rollup);
        let expected = Attestation::digest(Slot::new(slot), block_hash, instance.genesis_id, &domain);
        if digest != expected {
            return Heard::Contradiction(format!(
                "{place}: the digest of an attestation of {block_hash} in slot {slot} is {digest}, computed {expected}"
            ));
        }
    }
    let is_foreign = |own: &Vec<Address>| !own.contains(&signer);
    if line.direction == "out" && record.own.as_ref().is_some_and(is_foreign) {
        return Heard::Contradiction(format!(
            "{place}: the node sent a {} of slot {slot} by {signer}, which is none of its attesters",
            line.kind
        ));
    }
    Heard::Word(
        kind,
        Signed {
            instance: record.instance,
            signer,
            slot,
            digest,
            place,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSTANCE: Instance = Instance {
        number: 1,
        chain_id: 31_337,
        rollup: Address::repeat_byte(1),
        genesis_id: Digest::ZERO,
    };

    fn line(direction: &str, kind: &str) -> Line {
        let block_hash = B256::repeat_byte(7);
        let domain = eip712::domain(INSTANCE.chain_id, INSTANCE.rollup);
        Line {
            direction: direction.to_owned(),
            channel: "gossip".to_owned(),
            kind: kind.to_owned(),
            slot: Some(5),
            signer: Some(Address::repeat_byte(9)),
            digest: Some(Attestation::digest(
                Slot::new(5),
                block_hash,
                INSTANCE.genesis_id,
                &domain,
            )),
            block_hash: Some(block_hash),
        }
    }

    fn heard(line: Line, own: Option<Vec<Address>>) -> Heard {
        let record = Record {
            instance: 1,
            path: "w".into(),
            own,
        };
        understand(line, &record, Some(INSTANCE), Place::Line("w".into(), 3))
    }

    #[test]
    fn a_digest_that_is_not_of_the_block_and_a_word_of_another_key_are_contradictions() {
        let own = Some(vec![Address::repeat_byte(9)]);
        assert!(matches!(
            heard(line("out", "attestation"), own.clone()),
            Heard::Word(Kind::Attestation, _)
        ));
        let mut other = line("in", "attestation");
        other.digest = Some(B256::ZERO);
        assert!(matches!(heard(other, own), Heard::Contradiction(_)));
        assert!(matches!(
            heard(line("out", "attestation"), Some(vec![])),
            Heard::Contradiction(_)
        ));
        assert!(matches!(
            heard(line("in", "attestation"), Some(vec![])),
            Heard::Word(..)
        ));
        let mut unsigned = line("in", "proposal");
        unsigned.signer = None;
        assert_eq!(heard(unsigned, None), Heard::Nobody);
        assert_eq!(heard(line("in", "tx"), None), Heard::Other);
    }

    #[test]
    fn torn_lines_are_counted_and_records_of_later_instances_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("node-0.wire.jsonl");
        let good = r#"{"direction":"in","channel":"gossip","kind":"tx","slot":null,"signer":null,"digest":null,"block_hash":null}"#;
        std::fs::write(&file, format!("{good}\n{{\"direc{good}\n{good}\n")).unwrap();
        std::fs::write(dir.path().join("node-0.wire.jsonl.2"), "").unwrap();
        let all = records(&file, None);
        let numbers: Vec<_> = all.iter().map(|record| record.instance).collect();
        assert_eq!(numbers, [1, 2]);
        let mut count = 0;
        let torn = read(&all[0], None, |_| count += 1).unwrap();
        assert_eq!((count, torn), (2, 1));
    }
}
