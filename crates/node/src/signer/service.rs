//! The one way to a signature: guard first, key second, the signature stored before it is used.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use agoge_protocol::{Address, CompactSignature, Digest};
use agoge_store::SigningGuard;
use agoge_store::guard::{Decision, GuardError, Refusal, SigningKind, SigningRequest};

use super::key::AttesterKey;
use crate::consensus::{SignKind, SignRequest};

/// Why there is no signature.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The key was removed.
    #[error("this node holds no key for attester {attester}")]
    UnknownKey {
        /// As asked.
        attester: Address,
    },
    /// The message must not be signed.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// The guard does not work.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// The key's library failed.
    #[error("cannot sign: {0}")]
    Key(#[from] alloy::signers::Error),
}

/// All attester keys of the process behind their guard, as one instance uses them. Clones are the same.
#[derive(Clone, Debug)]
pub struct Signer {
    guard: Arc<SigningGuard>,
    genesis_id: Digest,
    /// Bound: the caller's, 256 keys.
    keys: Arc<RwLock<BTreeMap<Address, AttesterKey>>>,
}

impl Signer {
    /// A signer for one instance.
    pub fn new(guard: Arc<SigningGuard>, genesis_id: Digest, keys: Vec<AttesterKey>) -> Self {
        let signer = Self {
            guard,
            genesis_id,
            keys: Arc::default(),
        };
        signer.replace_keys(keys);
        signer
    }

    /// The same keys and guard for another instance.
    #[must_use]
    pub fn of_instance(&self, genesis_id: Digest) -> Self {
        Self {
            guard: Arc::clone(&self.guard),
            genesis_id,
            keys: Arc::clone(&self.keys),
        }
    }

    /// The instance.
    pub const fn genesis_id(&self) -> Digest {
        self.genesis_id
    }

    /// Exchanges all keys, for every instance.
    pub fn replace_keys(&self, keys: Vec<AttesterKey>) {
        let keys = keys.into_iter().map(|key| (key.address(), key)).collect();
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// Addresses of the keys, in order.
    pub fn addresses(&self) -> Vec<Address> {
        self.keys().keys().copied().collect()
    }

    /// The guard, for export and import.
    pub const fn guard(&self) -> &Arc<SigningGuard> {
        &self.guard
    }

    /// Signs, or gives the signature made before for the same digest. Blocks on the disk.
    ///
    /// # Errors
    /// [`SignError`]; nothing was signed then.
    pub fn sign(&self, request: &SignRequest) -> Result<CompactSignature, SignError> {
        let attester = request.attester;
        let key = self
            .keys()
            .get(&attester)
            .cloned()
            .ok_or(SignError::UnknownKey { attester })?;
        let kind = match request.kind {
            SignKind::Proposal => SigningKind::Proposal,
            SignKind::Attestation => SigningKind::Attestation,
            SignKind::Publication => SigningKind::Publication,
        };
        let reservation = SigningRequest {
            genesis_id: self.genesis_id,
            key: attester,
            kind,
            slot: request.slot,
            digest: request.digest,
        };
        match self.guard.reserve(&reservation)? {
            Decision::AlreadySigned(signature) => Ok(signature),
            Decision::Refused(refusal) => Err(SignError::Refused(refusal)),
            Decision::SignNow(token) => {
                let signature = key.sign(token.digest())?;
                Ok(self.guard.store(token, signature)?)
            }
        }
    }

    fn keys(&self) -> RwLockReadGuard<'_, BTreeMap<Address, AttesterKey>> {
        // The map is replaced whole, so it is whole even after a panic elsewhere.
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use agoge_protocol::{B256, Slot};
    use alloy::signers::local::PrivateKeySigner;

    #[test]
    fn one_digest_a_slot_and_kind_whoever_asks_and_across_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("guard");
        let key = AttesterKey::new(PrivateKeySigner::from_bytes(&B256::repeat_byte(1)).unwrap());
        let request = |kind, slot, byte| SignRequest {
            attester: key.address(),
            slot: Slot::new(slot),
            kind,
            digest: B256::repeat_byte(byte),
        };
        let signer = |guard| Signer::new(Arc::new(guard), Digest::ZERO, vec![key.clone()]);
        let first = signer(SigningGuard::init(&path, 1, Slot::new(0)).unwrap());
        let signature = first.sign(&request(SignKind::Attestation, 5, 1)).unwrap();
        assert_eq!(signature.recover(B256::repeat_byte(1)), Ok(key.address()));
        assert!(matches!(
            first.sign(&request(SignKind::Attestation, 5, 2)),
            Err(SignError::Refused(_))
        ));
        assert!(
            first.sign(&request(SignKind::Proposal, 5, 2)).is_ok(),
            "kinds do not exclude each other"
        );
        drop(first);
        let again = signer(SigningGuard::open(&path, 1).unwrap());
        assert_eq!(
            again.sign(&request(SignKind::Attestation, 5, 1)).unwrap(),
            signature
        );
        assert!(matches!(
            again.sign(&request(SignKind::Attestation, 5, 3)),
            Err(SignError::Refused(_))
        ));
        assert!(matches!(
            again.sign(&request(SignKind::Attestation, 4, 1)),
            Err(SignError::Refused(_))
        ));
        again.replace_keys(Vec::new());
        assert!(matches!(
            again.sign(&request(SignKind::Attestation, 6, 1)),
            Err(SignError::UnknownKey { .. })
        ));
        assert!(!format!("{key:?}").contains("01010101"));
    }
}
