//! What people say and sign: excuses for planned restarts, answers to requirements that no program can measure, incidents.
//!
//! A statement is an EIP-712 message under the network's Registry. It counts only if its signer is one of those that the release manifest
//! or the command line names. `statements.jsonl` is a chain of its own beside the evidence.

use std::path::Path;

use agoge_protocol::eip712::{domain, signing_digest};
use agoge_protocol::{Address, B256, U256};
use alloy::primitives::Signature;
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use serde::{Deserialize, Serialize};

use crate::chain::{self, Appender, ChainError, Head};
use crate::evidence::Header;

mod types {
    alloy_sol_types::sol! {
        struct GateStatement {
            string network;
            string kind;
            string subject;
            string text;
            bytes32 documentHash;
            uint256 fromSlot;
            uint256 toSlot;
            uint256 time;
        }
    }
}

/// File name of the statements in an evidence directory.
pub(crate) const STATEMENTS_FILE: &str = "statements.jsonl";

/// What a statement says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StatementKind {
    /// The subject, a node, is restarted or stopped on purpose between two slots.
    Excuse,
    /// The subject, a requirement, is met.
    Met,
    /// The subject, a requirement, is not met.
    NotMet,
}

impl StatementKind {
    const fn word(self) -> &'static str {
        match self {
            Self::Excuse => "excuse",
            Self::Met => "met",
            Self::NotMet => "not_met",
        }
    }
}

/// A signed statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Statement {
    /// What it says.
    pub(crate) kind: StatementKind,
    /// A node as the evidence names it, or a requirement's id.
    pub(crate) subject: String,
    /// In words; where the document is.
    pub(crate) text: String,
    /// SHA-256 of the document; zero without one.
    pub(crate) document: B256,
    /// First slot of an excuse.
    pub(crate) from_slot: u64,
    /// Last slot of an excuse.
    pub(crate) to_slot: u64,
    /// Unix seconds.
    pub(crate) time: u64,
    /// Who signed.
    pub(crate) signer: Address,
    /// EIP-712 signature, 65 bytes in 0x hex.
    pub(crate) signature: alloy::primitives::Bytes,
}

/// An excuse that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Excuse {
    node: String,
    from_slot: u64,
    to_slot: u64,
}

impl Excuse {
    /// Whether a node need not be up in a slot.
    pub(crate) fn covers(&self, node: &str, slot: u64) -> bool {
        self.node == node && (self.from_slot..=self.to_slot).contains(&slot)
    }
}

impl Statement {
    /// Signs for the network of `header`.
    ///
    /// # Errors
    /// The signer's.
    pub(crate) fn sign(
        mut self,
        header: &Header,
        key: &PrivateKeySigner,
    ) -> Result<Self, alloy::signers::Error> {
        self.signer = key.address();
        let signature = key.sign_hash_sync(&self.digest(header))?;
        self.signature = signature.as_bytes().to_vec().into();
        Ok(self)
    }

    fn digest(&self, header: &Header) -> B256 {
        let message = types::GateStatement {
            network: header.network.network.name.clone(),
            kind: self.kind.word().to_owned(),
            subject: self.subject.clone(),
            text: self.text.clone(),
            documentHash: self.document,
            fromSlot: U256::from(self.from_slot),
            toSlot: U256::from(self.to_slot),
            time: U256::from(self.time),
        };
        signing_digest(
            &message,
            &domain(header.network.network.chain_id, header.registry),
        )
    }

    /// Whether the signature is its signer's and the signer is one of `signers`.
    pub(crate) fn counts(&self, header: &Header, signers: &[Address]) -> bool {
        signers.contains(&self.signer) && is_signed_by(self.signer, &self.signature, self.digest(header))
    }

    /// The excuse, if it is one.
    pub(crate) fn excuse(&self) -> Option<Excuse> {
        (self.kind == StatementKind::Excuse).then(|| Excuse {
            node: self.subject.clone(),
            from_slot: self.from_slot,
            to_slot: self.to_slot,
        })
    }
}

/// Whether an EIP-712 signature of 65 bytes is `signer`'s.
pub(crate) fn is_signed_by(signer: Address, signature: &[u8], digest: B256) -> bool {
    Signature::try_from(signature)
        .ok()
        .and_then(|signature| signature.recover_address_from_prehash(&digest).ok())
        == Some(signer)
}

/// The statements of an evidence directory; none without a file.
///
/// # Errors
/// [`ChainError`].
pub(crate) fn read(dir: &Path) -> Result<Vec<Statement>, ChainError> {
    let path = dir.join(STATEMENTS_FILE);
    let mut list = Vec::new();
    if path.is_file() {
        chain::read(&path, Head::default(), |_, statement| list.push(statement))?;
    }
    Ok(list)
}

/// Appends a statement.
///
/// # Errors
/// [`ChainError`].
pub(crate) fn append(dir: &Path, statement: &Statement) -> Result<(), ChainError> {
    let path = dir.join(STATEMENTS_FILE);
    let mut file = if path.is_file() {
        Appender::resume::<Statement>(&path, Head::default(), |_, _| ())?.0
    } else {
        Appender::create(&path, Head::default())?
    };
    file.append(statement)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::header;

    fn statement(key: &PrivateKeySigner) -> Statement {
        let plain = Statement {
            kind: StatementKind::Excuse,
            subject: "http://node-1:8700".to_owned(),
            text: "kernel update".to_owned(),
            document: B256::ZERO,
            from_slot: 10,
            to_slot: 20,
            time: 5,
            signer: Address::ZERO,
            signature: Vec::new().into(),
        };
        plain.sign(&header(), key).unwrap()
    }

    #[test]
    fn only_named_signers_count_and_only_for_what_they_signed() {
        let key = PrivateKeySigner::random();
        let signed = statement(&key);
        let signers = [key.address()];
        assert!(signed.counts(&header(), &signers));
        assert!(!signed.counts(&header(), &[Address::repeat_byte(1)]));
        let longer = Statement {
            to_slot: 9_000,
            ..signed.clone()
        };
        let other = Statement {
            signer: Address::repeat_byte(1),
            ..signed.clone()
        };
        let unsigned = Statement {
            signature: Vec::new().into(),
            ..signed.clone()
        };
        assert!(!longer.counts(&header(), &signers));
        assert!(!other.counts(&header(), &[other.signer]));
        assert!(!unsigned.counts(&header(), &signers));
        let elsewhere = Header {
            registry: Address::repeat_byte(9),
            ..header()
        };
        assert!(!signed.counts(&elsewhere, &signers));
    }

    #[test]
    fn statements_are_kept_in_a_chain() {
        let dir = tempfile::tempdir().unwrap();
        assert!(read(dir.path()).unwrap().is_empty());
        let signed = statement(&PrivateKeySigner::random());
        append(dir.path(), &signed).unwrap();
        append(dir.path(), &signed).unwrap();
        assert_eq!(read(dir.path()).unwrap(), [signed.clone(), signed]);
        let path = dir.path().join(STATEMENTS_FILE);
        let text = std::fs::read_to_string(&path)
            .unwrap()
            .replacen("kernel", "colonel", 1);
        std::fs::write(&path, text).unwrap();
        assert!(read(dir.path()).is_err());
    }
}
