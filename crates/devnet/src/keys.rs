//! The devnet's L1 keys, all from its seed: the same seed gives the same network.

use agoge_protocol::eip712::{ProofOfPossessionMessage, domain, signing_digest};
use agoge_protocol::{Address, CompactSignature, U256, keccak256};
use alloy::primitives::B256;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;

/// What a key is for.
#[derive(Clone, Copy, Debug)]
pub enum Role {
    /// Signs proposals and attestations of validator n.
    Attester,
    /// Gets the stake of validator n back.
    Withdrawer,
    /// Pays the L1 transactions of process n.
    Publisher,
    /// Pays the deposits of wallet n.
    Depositor,
    /// Signs the quotes of prover n, holds its bond, pays and is paid for its proofs.
    Prover,
    /// Edits the allow-list.
    AllowListAdmin,
    /// Deploys what governance is asked to take, and carries proposals on.
    Operator,
}

/// The key of a role; equal seeds, roles and numbers give equal keys.
pub fn key(seed: &str, role: Role, number: usize) -> PrivateKeySigner {
    let mut round = 0_u32;
    loop {
        let text = format!("agoge devnet key: {seed:?} {role:?} {number} {round}");
        // A hash is no scalar with probability 2^-128; then the next is taken.
        if let Ok(signer) = PrivateKeySigner::from_bytes(&keccak256(text)) {
            return signer;
        }
        round = round.wrapping_add(1);
    }
}

/// A signature in the contracts' form; `None` if the signer fails, which a key in memory does not.
pub fn sign(signer: &PrivateKeySigner, digest: B256) -> Option<CompactSignature> {
    signer
        .sign_hash_sync(&digest)
        .ok()
        .map(|signature| CompactSignature::from_signature(&signature))
}

/// An attester's consent to be staked for a withdrawer.
pub fn proof_of_possession(
    attester: &PrivateKeySigner,
    withdrawer: Address,
    nonce: u64,
    chain_id: u64,
    staking: Address,
) -> Option<CompactSignature> {
    let message = ProofOfPossessionMessage {
        attester: attester.address(),
        withdrawer,
        nonce: U256::from(nonce),
    };
    sign(attester, signing_digest(&message, &domain(chain_id, staking)))
}
