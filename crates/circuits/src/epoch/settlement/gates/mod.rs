//! The rows that plonky2 lacks: ranges, splits of elements, products and reductions modulo the BLS12-381 scalar field.
//!
//! | gate | a row says | wires, of them routed | degree |
//! |---|---|---|---|
//! | [`Range`] of 14 digits | 9 numbers are `< 2^28` | 135, 9 | 4 |
//! | [`Range`] of 18 digits | 7 numbers are `< 2^36` | 133, 7 | 4 |
//! | [`Split`] | 3 elements are limbs of 28, 28 and 8 bits, of which only the number below p is taken | 111, 12 | 4 |
//! | [`Product`] | two products of ten limbs by ten are added to 19 columns | 78, 78 | 2 |
//! | [`Reduction`] | 19 columns are `q r + ` ten limbs, given carries | 57, 57 | 1 |
//! | [`Mux`] | 19 times `f_0 a + f_1 b + f_2 c`, for three flags | 79, 79 | 2 |
//!
//! A [`Relation`] is written once; [`Custom`] makes a plonky2 gate and generator of it.

mod arithmetic;
mod mux;
mod product;
mod range;
mod reduction;
mod split;
#[cfg(test)]
mod tests;

use core::fmt::Debug;
use core::marker::PhantomData;

use plonky2::field::packed::PackedField;
use plonky2::gates::gate::Gate;
use plonky2::gates::packed_util::PackedEvaluableBase;
use plonky2::gates::util::StridedConstraintConsumer;
use plonky2::iop::ext_target::ExtensionTarget;
use plonky2::iop::generator::{GeneratedValues, SimpleGenerator, WitnessGeneratorRef};
use plonky2::iop::target::Target;
use plonky2::iop::witness::{PartitionWitness, Witness, WitnessWrite};
use plonky2::plonk::circuit_data::CommonCircuitData;
use plonky2::plonk::vars::{
    EvaluationTargets, EvaluationVars, EvaluationVarsBase, EvaluationVarsBaseBatch, EvaluationVarsBasePacked,
};
use plonky2::util::serialization::{Buffer, IoError, IoResult, Read, Write};

use crate::{Builder, D, F};
use arithmetic::{Arithmetic, Extension, InCircuit, OverExtension, OverPacked};

pub(crate) use mux::Mux;
pub(crate) use product::Product;
pub(crate) use range::Range;
pub(crate) use reduction::Reduction;
pub(crate) use split::Split;

/// Wires of a row that plonky2 gives this circuit.
const WIRES: usize = 135;

/// What the wires of a row satisfy, and how the dependent ones follow from the others.
///
/// A row holds `operations` independent relations; a row of zeros satisfies all.
pub(crate) trait Relation: Clone + Debug + Default + Send + Sync + 'static {
    /// Name of the gate and its generator, unique in the circuit.
    const NAME: &'static str;
    /// Highest degree of a constraint.
    const DEGREE: usize;

    /// The parameter that distinguishes gates of this type; 0 where there is none.
    fn parameter(&self) -> usize {
        0
    }
    /// The gate of this parameter.
    fn from_parameter(parameter: usize) -> Option<Self>;
    /// Relations in a row.
    fn operations(&self) -> usize {
        1
    }
    /// Wires of a row.
    fn wires(&self) -> usize;
    /// Constraints of a row.
    fn constraints(&self) -> usize;
    /// All constraints, in order: `emit` gets what must be 0.
    fn constrain<A: Arithmetic>(
        &self,
        arithmetic: &mut A,
        wire: impl Fn(usize) -> A::Value,
        emit: impl FnMut(A::Value),
    );
    /// Wires that determine the others of an operation.
    fn inputs(&self, operation: usize) -> Vec<usize>;
    /// The other wires of an operation, from its inputs in order. Inputs that have no satisfying row give any values.
    fn complete(&self, operation: usize, inputs: &[F]) -> Vec<(usize, F)>;
}

/// The plonky2 gate of a relation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Custom<R>(pub(crate) R);

impl<R: Relation> Custom<R> {
    /// The next free operation: its row and number.
    pub(crate) fn operation(self, builder: &mut Builder) -> (usize, usize) {
        builder.find_slot(self, &[], &[])
    }
}

impl<R: Relation> Gate<F, D> for Custom<R> {
    fn id(&self) -> String {
        format!("{} {}", R::NAME, self.0.parameter())
    }

    fn serialize(&self, out: &mut Vec<u8>, _: &CommonCircuitData<F, D>) -> IoResult<()> {
        out.write_usize(self.0.parameter())
    }

    fn deserialize(source: &mut Buffer, _: &CommonCircuitData<F, D>) -> IoResult<Self> {
        read_relation(source).map(Self)
    }

    fn eval_unfiltered(&self, vars: EvaluationVars<F, D>) -> Vec<Extension> {
        let mut constraints = Vec::with_capacity(self.0.constraints());
        self.0.constrain(
            &mut OverExtension,
            #[expect(
                clippy::indexing_slicing,
                reason = "a gate's row has as many wires as the gate says"
            )]
            |wire| vars.local_wires[wire],
            |constraint| constraints.push(constraint),
        );
        constraints
    }

    fn eval_unfiltered_base_one(
        &self,
        vars: EvaluationVarsBase<F>,
        mut consumer: StridedConstraintConsumer<F>,
    ) {
        self.0.constrain(
            &mut OverPacked::<F>(PhantomData),
            #[expect(
                clippy::indexing_slicing,
                reason = "a gate's row has as many wires as the gate says"
            )]
            |wire| vars.local_wires[wire],
            |constraint| consumer.one(constraint),
        );
    }

    fn eval_unfiltered_base_batch(&self, vars: EvaluationVarsBaseBatch<F>) -> Vec<F> {
        self.eval_unfiltered_base_batch_packed(vars)
    }

    fn eval_unfiltered_circuit(
        &self,
        builder: &mut Builder,
        vars: EvaluationTargets<D>,
    ) -> Vec<ExtensionTarget<D>> {
        let mut constraints = Vec::with_capacity(self.0.constraints());
        self.0.constrain(
            &mut InCircuit(builder),
            #[expect(
                clippy::indexing_slicing,
                reason = "a gate's row has as many wires as the gate says"
            )]
            |wire| vars.local_wires[wire],
            |constraint| constraints.push(constraint),
        );
        constraints
    }

    fn generators(&self, row: usize, _: &[F]) -> Vec<WitnessGeneratorRef<F, D>> {
        (0..self.0.operations())
            .map(|operation| {
                let generator = Completion {
                    relation: self.0.clone(),
                    row,
                    operation,
                };
                WitnessGeneratorRef::new(generator.adapter())
            })
            .collect()
    }

    fn num_wires(&self) -> usize {
        self.0.wires()
    }

    fn num_constants(&self) -> usize {
        0
    }

    fn degree(&self) -> usize {
        R::DEGREE
    }

    fn num_constraints(&self) -> usize {
        self.0.constraints()
    }

    fn num_ops(&self) -> usize {
        self.0.operations()
    }
}

impl<R: Relation> PackedEvaluableBase<F, D> for Custom<R> {
    fn eval_unfiltered_base_packed<P: PackedField<Scalar = F>>(
        &self,
        vars: EvaluationVarsBasePacked<P>,
        mut consumer: StridedConstraintConsumer<P>,
    ) {
        self.0.constrain(
            &mut OverPacked::<P>(PhantomData),
            #[expect(
                clippy::indexing_slicing,
                reason = "a gate's row has as many wires as the gate says"
            )]
            |wire| vars.local_wires[wire],
            |constraint| consumer.one(constraint),
        );
    }
}

/// Computes the dependent wires of one operation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Completion<R> {
    relation: R,
    row: usize,
    operation: usize,
}

impl<R: Relation> SimpleGenerator<F, D> for Completion<R> {
    fn id(&self) -> String {
        format!("{} completion", R::NAME)
    }

    fn dependencies(&self) -> Vec<Target> {
        let wires = self.relation.inputs(self.operation);
        wires
            .into_iter()
            .map(|wire| Target::wire(self.row, wire))
            .collect()
    }

    fn run_once(&self, witness: &PartitionWitness<F>, out: &mut GeneratedValues<F>) -> anyhow::Result<()> {
        let inputs = witness.get_targets(&SimpleGenerator::<F, D>::dependencies(self));
        for (wire, value) in self.relation.complete(self.operation, &inputs) {
            out.set_target(Target::wire(self.row, wire), value)?;
        }
        Ok(())
    }

    fn serialize(&self, out: &mut Vec<u8>, _: &CommonCircuitData<F, D>) -> IoResult<()> {
        out.write_usize(self.relation.parameter())?;
        out.write_usize(self.row)?;
        out.write_usize(self.operation)
    }

    fn deserialize(source: &mut Buffer, _: &CommonCircuitData<F, D>) -> IoResult<Self> {
        Ok(Self {
            relation: read_relation(source)?,
            row: source.read_usize()?,
            operation: source.read_usize()?,
        })
    }
}

fn read_relation<R: Relation>(source: &mut Buffer) -> IoResult<R> {
    R::from_parameter(source.read_usize()?).ok_or(IoError)
}
