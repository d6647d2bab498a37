//! Go or no-go, signed over the report it rests on.

use agoge_protocol::eip712::{domain, signing_digest};
use agoge_protocol::{Address, B256, U256};
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use serde::{Deserialize, Serialize};

use super::{Manifest, Week};
use crate::evidence::Header;
use crate::judge::Report;
use crate::requirement::Stage;
use crate::statement::is_signed_by;

mod types {
    alloy_sol_types::sol! {
        struct GateDecision {
            string network;
            string train;
            string stage;
            bool isGo;
            bytes32 reportHash;
            bytes32 evidenceHead;
            bytes32 manifestHash;
            string overrideReason;
            uint256 time;
        }
    }
}

/// A decision of a release manager.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Decision {
    /// Which gate.
    pub(crate) stage: Stage,
    /// Whether the train goes on.
    pub(crate) is_go: bool,
    /// Why it goes on although the check does not say so.
    pub(crate) override_reason: Option<String>,
    /// What it rests on.
    pub(crate) report: Report,
    /// SHA-256 of the report.
    pub(crate) report_sha256: B256,
    /// Hash of the last line of the evidence.
    pub(crate) evidence_head: B256,
    /// The contract that the signature names.
    pub(crate) registry: Address,
    /// Unix seconds.
    pub(crate) time: u64,
    /// Who decided.
    pub(crate) signer: Address,
    /// EIP-712 signature, 65 bytes in 0x hex.
    pub(crate) signature: alloy::primitives::Bytes,
}

impl Decision {
    /// Signs a decision on `report` about the evidence of `header`, whose last line has the hash `head`.
    ///
    /// # Errors
    /// The signer's.
    pub(crate) fn sign(
        train: (Week, &Manifest),
        (report, header, head): (Report, &Header, [u8; 32]),
        (is_go, override_reason): (bool, Option<String>),
        time: u64,
        key: &PrivateKeySigner,
    ) -> Result<Self, alloy::signers::Error> {
        let mut decision = Self {
            stage: report.stage,
            is_go,
            override_reason,
            report_sha256: report.hash().into(),
            report,
            evidence_head: head.into(),
            registry: header.registry,
            time,
            signer: key.address(),
            signature: Vec::new().into(),
        };
        let signature = key.sign_hash_sync(&decision.digest(train.0, train.1))?;
        decision.signature = signature.as_bytes().to_vec().into();
        Ok(decision)
    }

    fn digest(&self, train: Week, manifest: &Manifest) -> B256 {
        let message = types::GateDecision {
            network: manifest.network.network.name.clone(),
            train: train.to_string(),
            stage: self.stage.to_string(),
            isGo: self.is_go,
            reportHash: self.report_sha256,
            evidenceHead: self.evidence_head,
            manifestHash: manifest.hash().into(),
            overrideReason: self.override_reason.clone().unwrap_or_default(),
            time: U256::from(self.time),
        };
        let chain_id = manifest.network.network.chain_id;
        signing_digest(&message, &domain(chain_id, self.registry))
    }

    /// Whether report, signature and signer are whole and the manifest's.
    pub(crate) fn is_valid(&self, train: Week, manifest: &Manifest) -> bool {
        manifest.signers.contains(&self.signer)
            && self.report_sha256 == B256::from(self.report.hash())
            && is_signed_by(self.signer, &self.signature, self.digest(train, manifest))
    }
}
