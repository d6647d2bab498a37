//! An attester key in memory.

use agoge_protocol::{Address, B256, CompactSignature};
use alloy::signers::{SignerSync as _, local::PrivateKeySigner};

/// A secret attester key. It signs only inside `signer`; `Debug` shows the address alone.
#[derive(Clone)]
pub struct AttesterKey(PrivateKeySigner);

impl AttesterKey {
    /// Takes a key as it was read from its key file.
    pub const fn new(signer: PrivateKeySigner) -> Self {
        Self(signer)
    }

    /// The attester's address.
    pub fn address(&self) -> Address {
        self.0.address()
    }

    /// Signs a digest that the guard has let through.
    ///
    /// # Errors
    /// Those of the key's library.
    pub(crate) fn sign(&self, digest: B256) -> Result<CompactSignature, alloy::signers::Error> {
        self.0
            .sign_hash_sync(&digest)
            .map(|signature| CompactSignature::from_signature(&signature))
    }
}

impl core::fmt::Debug for AttesterKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("AttesterKey").field(&self.address()).finish()
    }
}
