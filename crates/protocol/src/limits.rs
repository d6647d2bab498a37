//! Bounds of everything that comes from outside, in one place. Units are in the names.

/// Bits of every value: note, fee, withdrawal, deposit, block fee total.
pub const VALUE_BITS: u32 = 60;
/// Depth of the note tree, the nullifier tree and the archive.
pub const TREE_DEPTH: usize = 32;
/// Transactions a block may carry in any profile (the network file may say less).
pub const BLOCK_TXS_MAX: usize = 64;
/// Deposits a block may consume in any profile.
pub const BLOCK_DEPOSITS_MAX: usize = 16;
/// Withdrawals a block may carry in any profile.
pub const BLOCK_WITHDRAWALS_MAX: usize = 12;
/// Blocks of an epoch, so of an epoch proof.
pub const EPOCH_BLOCKS_MAX: usize = 32;
/// Bytes of a client proof. The default profile's proofs have about 87 kB, the testing profile's about 79 kB.
pub const CLIENT_PROOF_BYTES_MAX: usize = 120_000;
/// Bytes of an encoded transaction: proof, 33 public inputs, ciphertexts and framing.
pub const TX_BYTES_MAX: usize = CLIENT_PROOF_BYTES_MAX + 2_048;
/// Bytes of an encoded proposal: 64 transaction ids and 400 bytes around them.
pub const PROPOSAL_BYTES_MAX: usize = 4_096;
/// Bytes of an encoded attestation.
pub const ATTESTATION_BYTES_MAX: usize = 128;
/// Bytes of an encoded signed quote.
pub const QUOTE_BYTES_MAX: usize = 256;
/// Committee members (the bitmap of an attestation set has this many usable bits).
pub const COMMITTEE_SIZE_MAX: usize = 128;
/// L1 blocks that an ordinary reorg may replace.
pub const L1_REORG_DEPTH_MAX: u64 = 64;
/// Elements of one note ciphertext.
pub const CIPHERTEXT_ELEMENTS: usize = 13;
/// Bytes of one note ciphertext: 13 elements of 7 bytes.
pub const CIPHERTEXT_BYTES: usize = 91;
/// Bits of one ciphertext element.
pub const CIPHERTEXT_ELEMENT_BITS: u32 = 56;
/// Bytes of an EIP-4844 blob.
pub const BLOB_BYTES: usize = 131_072;
/// Field elements of an EIP-4844 blob.
pub const BLOB_ELEMENTS: usize = 4_096;
