//! A proof whose cost everybody knows, so that figures from any machine compare as ratios.

use plonky2::gates::noop::NoopGate;
use plonky2::iop::witness::{PartialWitness, WitnessWrite as _};
use plonky2::plonk::circuit_builder::CircuitBuilder;
use plonky2::plonk::circuit_data::{CircuitConfig, CircuitData};
use plonky2::plonk::config::PoseidonGoldilocksConfig;

use crate::{BoxError, D, F};

/// Rows of the inner circuit before it is padded to 2^12.
const ROWS: usize = (1 << 11) + 1;

/// The reference proof: one proof of plonky2's standard configuration of 2^12 rows, verified by a circuit of 2^12 rows. Proving the latter is
/// one *reference proof*; nothing of Agoge is in it.
pub struct ReferenceProof {
    outer: CircuitData<F, PoseidonGoldilocksConfig, D>,
    witness: PartialWitness<F>,
}

/// Why there is no reference proof.
#[derive(Debug, thiserror::Error)]
#[error("the reference proof failed")]
pub struct ReferenceError(#[source] BoxError);

impl core::fmt::Debug for ReferenceProof {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ReferenceProof").finish_non_exhaustive()
    }
}

impl ReferenceProof {
    /// Builds both circuits and the inner proof; not part of what is measured.
    ///
    /// # Errors
    /// [`ReferenceError`].
    pub fn prepare() -> Result<Self, ReferenceError> {
        Self::try_prepare().map_err(ReferenceError)
    }

    fn try_prepare() -> Result<Self, BoxError> {
        let config = CircuitConfig::standard_recursion_config();
        let mut builder = CircuitBuilder::<F, D>::new(config.clone());
        for _ in 0..ROWS {
            builder.add_gate(NoopGate, Vec::new());
        }
        let inner = builder.build::<PoseidonGoldilocksConfig>();
        let proof = inner.prove(PartialWitness::new())?;

        let mut builder = CircuitBuilder::<F, D>::new(config);
        let target = builder.add_virtual_proof_with_pis(&inner.common);
        let verifier = builder.constant_verifier_data(&inner.verifier_only);
        builder.verify_proof::<PoseidonGoldilocksConfig>(&target, &verifier, &inner.common);
        let outer = builder.build::<PoseidonGoldilocksConfig>();
        let mut witness = PartialWitness::new();
        witness.set_proof_with_pis_target(&target, &proof)?;
        Ok(Self { outer, witness })
    }

    /// Rows of the circuit, as a power of two.
    pub const fn degree_bits(&self) -> usize {
        self.outer.common.fri_params.degree_bits
    }

    /// Makes one reference proof.
    ///
    /// # Errors
    /// [`ReferenceError`].
    pub fn prove(&self) -> Result<(), ReferenceError> {
        let prove = || -> Result<(), BoxError> {
            let proof = self.outer.prove(self.witness.clone())?;
            Ok(self.outer.verify(proof)?)
        };
        prove().map_err(ReferenceError)
    }
}
