//! The gates of a circuit as calls of Solidity's `GateLib`.

use plonky2::field::types::{Field, PrimeField64};
use plonky2::plonk::circuit_data::CommonCircuitData;
use plonky2::util::serialization::{Buffer, IoError, Read, Remaining, Write};

use super::generator::{GenerateError, hex_literal};
use crate::{D, F};

/// A gate that L1 can evaluate, with its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    Noop,
    PublicInput,
    Constant {
        count: usize,
    },
    Arithmetic {
        operations: usize,
    },
    ArithmeticExtension {
        operations: usize,
    },
    MultiplyExtension {
        operations: usize,
    },
    BaseSum {
        base: usize,
        limbs: usize,
    },
    RandomAccess {
        bits: usize,
        copies: usize,
        extra_constants: usize,
    },
    Exponentiation {
        bits: usize,
    },
    Reducing {
        count: usize,
    },
    ReducingExtension {
        count: usize,
    },
    CosetInterpolation {
        bits: usize,
        degree: usize,
        weights: Vec<u64>,
    },
    Poseidon,
    PoseidonMds,
}

/// The gates of a circuit, the selector of each and the range of gates that share it.
pub(super) struct Gates {
    pub(super) rows: Vec<(Gate, usize, core::ops::Range<usize>)>,
    pub(super) selectors: usize,
}

impl Gates {
    /// Reads the gates of a circuit.
    pub(super) fn new(common: &CommonCircuitData<F, D>) -> Result<Self, GenerateError> {
        let mut bytes = vec![];
        bytes
            .write_selectors_info(&common.selectors_info)
            .map_err(encoding)?;
        let mut numbers = Numbers(Buffer::new(&bytes));
        let indices = numbers.0.read_usize_vec().map_err(encoding)?;
        let selectors = numbers.next()?;
        let groups = (0..selectors)
            .map(|_| Ok(numbers.next()?..numbers.next()?))
            .collect::<Result<Vec<_>, GenerateError>>()?;

        let rows = common
            .gates
            .iter()
            .zip(indices)
            .map(|(gate, selector)| {
                let id = gate.0.id();
                let mut bytes = vec![];
                gate.0.serialize(&mut bytes, common).map_err(encoding)?;
                let group = groups.get(selector).ok_or(GenerateError::Selectors)?;
                Ok((Gate::read(&id, &bytes)?, selector, group.clone()))
            })
            .collect::<Result<_, GenerateError>>()?;
        Ok(Self { rows, selectors })
    }
}

impl Gate {
    /// The gate with this name and these numbers, as plonky2 writes them.
    fn read(id: &str, numbers: &[u8]) -> Result<Self, GenerateError> {
        let unknown = || GenerateError::UnknownGate { id: id.to_owned() };
        let name: String = id
            .chars()
            .take_while(|letter| letter.is_ascii_alphanumeric())
            .collect();
        let mut numbers = Numbers(Buffer::new(numbers));
        let gate = match name.as_str() {
            "NoopGate" => Self::Noop,
            "PublicInputGate" => Self::PublicInput,
            "ConstantGate" => Self::Constant {
                count: numbers.next()?,
            },
            "ArithmeticGate" => Self::Arithmetic {
                operations: numbers.next()?,
            },
            "ArithmeticExtensionGate" => Self::ArithmeticExtension {
                operations: numbers.next()?,
            },
            "MulExtensionGate" => Self::MultiplyExtension {
                operations: numbers.next()?,
            },
            "BaseSumGate" => Self::BaseSum {
                base: id
                    .rsplit(' ')
                    .next()
                    .and_then(|base| base.parse().ok())
                    .ok_or_else(unknown)?,
                limbs: numbers.next()?,
            },
            "RandomAccessGate" => Self::RandomAccess {
                bits: numbers.next()?,
                copies: numbers.next()?,
                extra_constants: numbers.next()?,
            },
            "ExponentiationGate" => Self::Exponentiation {
                bits: numbers.next()?,
            },
            "ReducingGate" => Self::Reducing {
                count: numbers.next()?,
            },
            "ReducingExtensionGate" => Self::ReducingExtension {
                count: numbers.next()?,
            },
            "CosetInterpolationGate" => {
                let (bits, degree, count) = (numbers.next()?, numbers.next()?, numbers.next()?);
                let weights = numbers.0.read_field_vec::<F>(count).map_err(encoding)?;
                Self::CosetInterpolation {
                    bits,
                    degree,
                    weights: weights.iter().map(F::to_canonical_u64).collect(),
                }
            }
            "PoseidonGate" => Self::Poseidon,
            "PoseidonMdsGate" => Self::PoseidonMds,
            _ => return Err(unknown()),
        };
        if numbers.0.remaining() != 0 {
            return Err(unknown());
        }
        Ok(gate)
    }

    /// The numbers of an interpolation gate as a constant of the contract, if the gate has any.
    pub(super) fn table(&self) -> Option<String> {
        let Self::CosetInterpolation { bits, weights, .. } = self else {
            return None;
        };
        let points = F::two_adic_subgroup(*bits);
        let numbers = points
            .iter()
            .zip(weights)
            .flat_map(|(point, weight)| [point.to_canonical_u64(), *weight])
            .flat_map(u64::to_be_bytes)
            .collect::<Vec<_>>();
        Some(format!(
            "    /// @dev The subgroup of order 2^{bits}: each point and its barycentric weight.\n    \
             bytes internal constant SUBGROUP_{bits} = {};\n",
            hex_literal(&numbers)
        ))
    }

    /// The call that adds the gate's constraints.
    pub(super) fn call(&self) -> Option<String> {
        let arguments = "wires, filter, _sums";
        let with_constants = "wires, constants, filter, _sums";
        Some(match self {
            Self::Noop => return None,
            Self::PublicInput => "GateLib.publicInput(wires, _state.hash, filter, _sums)".to_owned(),
            Self::Constant { count } => format!("GateLib.constants({with_constants}, {count})"),
            Self::Arithmetic { operations } => format!("GateLib.arithmetic({with_constants}, {operations})"),
            Self::ArithmeticExtension { operations } => {
                format!("GateLib.arithmeticExtension({with_constants}, {operations})")
            }
            Self::MultiplyExtension { operations } => {
                format!("GateLib.multiplyExtension({with_constants}, {operations})")
            }
            Self::BaseSum { base, limbs } => format!("GateLib.baseSum({arguments}, {base}, {limbs})"),
            Self::RandomAccess {
                bits,
                copies,
                extra_constants,
            } => format!("GateLib.randomAccess({with_constants}, {bits}, {copies}, {extra_constants}, room)"),
            Self::Exponentiation { bits } => format!("GateLib.exponentiation({arguments}, {bits})"),
            Self::Reducing { count } => format!("GateLib.reducing({arguments}, {count}, 1)"),
            Self::ReducingExtension { count } => format!("GateLib.reducing({arguments}, {count}, 2)"),
            Self::CosetInterpolation { bits, degree, .. } => {
                format!("GateLib.cosetInterpolation({arguments}, {bits}, {degree}, tableOf(SUBGROUP_{bits}))")
            }
            Self::Poseidon => format!("PoseidonGateLib.permutation({arguments}, _state.table, room)"),
            Self::PoseidonMds => format!("PoseidonGateLib.mds({arguments}, room)"),
        })
    }

    /// The gate's name in plonky2 and its numbers.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Noop => "Noop".to_owned(),
            Self::PublicInput => "PublicInput".to_owned(),
            Self::Constant { count } => format!("Constant ({count})"),
            Self::Arithmetic { operations } => format!("Arithmetic ({operations} operations)"),
            Self::ArithmeticExtension { operations } => {
                format!("ArithmeticExtension ({operations} operations)")
            }
            Self::MultiplyExtension { operations } => format!("MulExtension ({operations} operations)"),
            Self::BaseSum { base, limbs } => format!("BaseSum ({limbs} digits to base {base})"),
            Self::RandomAccess { bits, copies, .. } => format!("RandomAccess ({copies} lists of 2^{bits})"),
            Self::Exponentiation { bits } => format!("Exponentiation ({bits} bits)"),
            Self::Reducing { count } => format!("Reducing ({count} coefficients)"),
            Self::ReducingExtension { count } => format!("ReducingExtension ({count} coefficients)"),
            Self::CosetInterpolation { bits, degree, .. } => {
                format!("CosetInterpolation (2^{bits} points, degree {degree})")
            }
            Self::Poseidon => "Poseidon".to_owned(),
            Self::PoseidonMds => "PoseidonMds".to_owned(),
        }
    }
}

/// Numbers as plonky2 writes them.
struct Numbers<'a>(Buffer<'a>);

impl Numbers<'_> {
    fn next(&mut self) -> Result<usize, GenerateError> {
        self.0.read_usize().map_err(encoding)
    }
}

/// plonky2's error says nothing more.
fn encoding(_: IoError) -> GenerateError {
    GenerateError::Encoding
}
