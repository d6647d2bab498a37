use plonky2::plonk::circuit_data::CircuitConfig;

use super::super::StateLeaf;
use crate::Builder;
use crate::epoch::track::Leaf;

fn rows(units: usize) -> usize {
    let mut builder = Builder::new(CircuitConfig::standard_recursion_config());
    StateLeaf::with_units(units).build(&mut builder);
    builder.num_gates()
}

#[test]
fn rows_of_a_unit() {
    println!("{} {} {}", rows(1), rows(2), rows(42));
}
