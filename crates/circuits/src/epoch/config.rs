//! Proof-system parameters of the epoch's circuits, version 1.
//!
//! A change here changes every circuit, the committed verifier data and the verifier contract. `docs/circuits.md` has what
//! each row costs and what security it gives, conjectured and proven.

use plonky2::fri::FriConfig;
use plonky2::fri::reduction_strategies::FriReductionStrategy;
use plonky2::plonk::circuit_data::CircuitConfig;
use plonky2::plonk::config::PoseidonGoldilocksConfig;

/// Proofs that other circuits verify: Poseidon everywhere.
pub(crate) type TreeC = PoseidonGoldilocksConfig;
/// The proof that L1 verifies: Keccak in Merkle trees and transcript.
pub(crate) type WrapC = crate::solidity::config::L1Config;

/// `PoseidonGate` needs this many wires.
const WIRES: usize = 135;
/// Height of every Merkle cap: 16 digests.
const CAP_HEIGHT: usize = 4;
/// Two would leave the permutation argument at about 85 bits.
const CHALLENGES: usize = 3;

/// What differs between the layers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layer {
    /// The code's rate is `2^-rate_bits`.
    pub(crate) rate_bits: usize,
    pub(crate) queries: usize,
    pub(crate) proof_of_work_bits: u32,
    /// Log2 of each folding step's arity.
    pub(crate) arity_bits: &'static [usize],
    /// Wires in the permutation argument.
    pub(crate) routed_wires: usize,
    /// Soundness below which plonky2 refuses the configuration.
    pub(crate) security_bits: usize,
}

/// Leaves and merges of the three tracks.
pub(crate) const TREE: Layer = Layer {
    rate_bits: 3,
    queries: 28,
    proof_of_work_bits: 16,
    arity_bits: &[4, 4],
    routed_wires: 80,
    security_bits: 100,
};

/// The epoch root: fewer queries at a lower rate, so that the wrap stays below 2^12 rows.
pub(crate) const ROOT: Layer = Layer {
    rate_bits: 4,
    queries: 21,
    ..TREE
};

/// The last layer. L1 pays for bytes first, so the rate is the lowest that a prover can bear, and more proof of work stands
/// for a query: some core-seconds of Keccak. Fewer routed wires make smaller openings.
pub(crate) const WRAP: Layer = Layer {
    rate_bits: 7,
    queries: 11,
    proof_of_work_bits: 23,
    arity_bits: &[3, 3],
    routed_wires: 60,
    ..TREE
};

impl Layer {
    /// plonky2's configuration.
    pub(crate) fn circuit_config(&self) -> CircuitConfig {
        CircuitConfig {
            num_wires: WIRES,
            num_routed_wires: self.routed_wires,
            num_constants: 2,
            use_base_arithmetic_gate: true,
            security_bits: self.security_bits,
            num_challenges: CHALLENGES,
            // The tree hides nothing: what it proves is public, and the client proofs inside hide what is not.
            zero_knowledge: false,
            max_quotient_degree_factor: 8,
            fri_config: FriConfig {
                rate_bits: self.rate_bits,
                cap_height: CAP_HEIGHT,
                proof_of_work_bits: self.proof_of_work_bits,
                reduction_strategy: FriReductionStrategy::Fixed(self.arity_bits.to_vec()),
                num_query_rounds: self.queries,
            },
        }
    }
}
