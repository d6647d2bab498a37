//! Parameters of the client proof, one row for each [`ClientProfile`].
//!
//! A row is part of what proofs mean: changing one changes the committed verifier data and its digest, so proofs of one
//! row never pass for another's. `docs/circuits.md` has what each row costs and what security it gives.

use agoge_protocol::network::ClientProfile;
use plonky2::fri::FriConfig;
use plonky2::fri::reduction_strategies::FriReductionStrategy;
use plonky2::plonk::circuit_data::CircuitConfig;

/// `PoseidonGate` needs this many wires.
const WIRES: usize = 135;
/// Height of every Merkle cap: 16 digests.
const CAP_HEIGHT: usize = 4;

/// What differs between profiles.
struct Parameters {
    /// Blinding rows and salted leaves.
    is_zero_knowledge: bool,
    /// The code's rate is `2^-rate_bits`.
    rate_bits: usize,
    queries: usize,
    proof_of_work_bits: u32,
    /// Log2 of each folding step's arity.
    arity_bits: &'static [usize],
    /// Wires in the permutation argument; fewer make proofs smaller and faster.
    routed_wires: usize,
}

/// Blinding is nearly all of the circuit: its rows grow with queries, arities and the final polynomial's length, and this
/// schedule ends just below 2^11 rows.
const DEFAULT: Parameters = Parameters {
    is_zero_knowledge: true,
    rate_bits: 5,
    queries: 17,
    proof_of_work_bits: 16,
    arity_bits: &[2, 2, 2, 2, 2],
    routed_wires: 40,
};

/// Sound as the default (conjectured 100 bits), but it hides nothing; most of the proof of work is paid in queries,
/// because 2^16 hashes would be most of the proving time.
const TESTING: Parameters = Parameters {
    is_zero_knowledge: false,
    rate_bits: 4,
    queries: 24,
    proof_of_work_bits: 4,
    arity_bits: &[2, 2],
    routed_wires: 40,
};

/// plonky2's configuration for a profile.
pub(crate) fn circuit_config(profile: ClientProfile) -> CircuitConfig {
    let parameters = match profile {
        ClientProfile::Default => DEFAULT,
        ClientProfile::Testing => TESTING,
    };
    CircuitConfig {
        num_wires: WIRES,
        num_routed_wires: parameters.routed_wires,
        num_constants: 2,
        use_base_arithmetic_gate: true,
        security_bits: 100,
        // Two would leave the permutation argument below 100 bits.
        num_challenges: 3,
        zero_knowledge: parameters.is_zero_knowledge,
        max_quotient_degree_factor: 8,
        fri_config: FriConfig {
            rate_bits: parameters.rate_bits,
            cap_height: CAP_HEIGHT,
            proof_of_work_bits: parameters.proof_of_work_bits,
            reduction_strategy: FriReductionStrategy::Fixed(parameters.arity_bits.to_vec()),
            num_query_rounds: parameters.queries,
        },
    }
}
