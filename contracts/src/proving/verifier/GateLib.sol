// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Ext, ONE, W} from "./Goldilocks.sol";
import {entry, loadExt, storeExt} from "./Memory.sol";

/// @dev An element a0 + a1 Y of the algebra over the extension with Y^2 = 7: two wires hold one.
struct Algebra {
    Ext a0;
    Ext a1;
}

/// @title GateLib
/// @notice The constraints of plonky2's gates, evaluated at one point (plonky2 1.1.0, `Gate::eval_unfiltered`).
/// @dev A gate's function takes the address of the wires' values, that of the constants' values where it has some, its filter
/// (0 where another gate stands) and the address of the sums, one word for every constraint; it adds filter times
/// constraint to each sum, in plonky2's order. Sums are unreduced: fewer than 2^40 gates add to one.
library GateLib {
    /// @dev Adds a constraint to its sum; gives the address of the next.
    function addTerm(uint256 _sum, Ext _filter, Ext _constraint) internal pure returns (uint256) {
        unchecked {
            storeExt(_sum, loadExt(_sum) + _filter * _constraint);
            return _sum + 32;
        }
    }

    /// @dev Adds both constraints of an equation in the algebra.
    function addTerms(uint256 _sum, Ext _filter, Ext _constraint0, Ext _constraint1) internal pure returns (uint256) {
        return addTerm(addTerm(_sum, _filter, _constraint0), _filter, _constraint1);
    }

    /// @dev The product of two algebra elements in memory; coordinates below 2^67.
    function product(uint256 _a, uint256 _b) internal pure returns (Ext, Ext) {
        return multiply(loadExt(_a), loadExt(_a + 32), loadExt(_b), loadExt(_b + 32));
    }

    /// @dev The product of two algebra elements; coordinates below 2^67.
    function multiply(Ext _a0, Ext _a1, Ext _b0, Ext _b1) internal pure returns (Ext, Ext) {
        return (_a0 * _b0 + small(_a1 * _b1, W), _a0 * _b1 + _a1 * _b0);
    }

    /// @dev A multiple by a number below 2^8, unreduced.
    function small(Ext _a, uint256 _factor) internal pure returns (Ext) {
        unchecked {
            return Ext.wrap(_a.unwrap() * _factor);
        }
    }

    /// @notice `ConstantGate`: wires are the constants.
    function constants(uint256 _wires, uint256 _constants, Ext _filter, uint256 _sum, uint256 _count) internal pure {
        unchecked {
            for (uint256 i = 0; i < 32 * _count; i += 32) {
                _sum = addTerm(_sum, _filter, loadExt(_constants + i) - loadExt(_wires + i));
            }
        }
    }

    /// @notice `PublicInputGate`: the first four wires are the hash of the public inputs.
    function publicInput(uint256 _wires, uint256[4] memory _hash, Ext _filter, uint256 _sum) internal pure {
        unchecked {
            for (uint256 i = 0; i < 4; ++i) {
                _sum = addTerm(_sum, _filter, loadExt(_wires + 32 * i) - Ext.wrap(_hash[i]));
            }
        }
    }

    /// @notice `ArithmeticGate`: output = constant 0 * factor 0 * factor 1 + constant 1 * addend.
    function arithmetic(uint256 _wires, uint256 _constants, Ext _filter, uint256 _sum, uint256 _operations)
        internal
        pure
    {
        unchecked {
            Ext constant0 = loadExt(_constants);
            Ext constant1 = loadExt(_constants + 32);
            for (uint256 end = _wires + 128 * _operations; _wires < end; _wires += 128) {
                Ext computed = loadExt(_wires) * loadExt(_wires + 32) * constant0 + loadExt(_wires + 64) * constant1;
                _sum = addTerm(_sum, _filter, loadExt(_wires + 96) - computed);
            }
        }
    }

    /// @notice `ArithmeticExtensionGate`: the same in the algebra.
    function arithmeticExtension(uint256 _wires, uint256 _constants, Ext _filter, uint256 _sum, uint256 _operations)
        internal
        pure
    {
        unchecked {
            Ext constant0 = loadExt(_constants);
            Ext constant1 = loadExt(_constants + 32);
            for (uint256 end = _wires + 256 * _operations; _wires < end; _wires += 256) {
                (Ext p0, Ext p1) = product(_wires, _wires + 64);
                _sum = addTerms(
                    _sum,
                    _filter,
                    loadExt(_wires + 192) - (p0 * constant0 + loadExt(_wires + 128) * constant1),
                    loadExt(_wires + 224) - (p1 * constant0 + loadExt(_wires + 160) * constant1)
                );
            }
        }
    }

    /// @notice `MulExtensionGate`: output = constant 0 * factor 0 * factor 1 in the algebra.
    function multiplyExtension(uint256 _wires, uint256 _constants, Ext _filter, uint256 _sum, uint256 _operations)
        internal
        pure
    {
        unchecked {
            Ext constant0 = loadExt(_constants);
            for (uint256 end = _wires + 192 * _operations; _wires < end; _wires += 192) {
                (Ext p0, Ext p1) = product(_wires, _wires + 64);
                _sum = addTerms(
                    _sum, _filter, loadExt(_wires + 128) - p0 * constant0, loadExt(_wires + 160) - p1 * constant0
                );
            }
        }
    }

    /// @notice `BaseSumGate`: wire 0 is the number whose digits, least significant first, are the other wires.
    function baseSum(uint256 _wires, Ext _filter, uint256 _sum, uint256 _base, uint256 _limbs) internal pure {
        unchecked {
            Ext number = Ext.wrap(0);
            for (uint256 from = _wires + 32 * _limbs; from > _wires; from -= 32) {
                number = number.scale(_base) + loadExt(from);
            }
            _sum = addTerm(_sum, _filter, number - loadExt(_wires));
            for (uint256 i = 1; i <= _limbs; ++i) {
                Ext limb = loadExt(_wires + 32 * i);
                Ext vanishing = limb;
                for (uint256 digit = 1; digit < _base; ++digit) {
                    vanishing = vanishing * (limb - Ext.wrap(digit));
                }
                _sum = addTerm(_sum, _filter, vanishing);
            }
        }
    }

    /// @notice `RandomAccessGate`: in each copy the claimed element is that of the list at the index.
    /// @dev Wires of a copy: index, claimed element, list; after all copies the extra constants, then each copy's index bits.
    function randomAccess(
        uint256 _wires,
        uint256 _constants,
        Ext _filter,
        uint256 _sum,
        uint256 _bits,
        uint256 _copies,
        uint256 _extraConstants,
        uint256 _room
    ) internal pure {
        unchecked {
            uint256 copyBytes = 32 * (2 + (1 << _bits));
            uint256 extra = _wires + copyBytes * _copies;
            uint256 bit = extra + 32 * _extraConstants;
            for (uint256 copy = _wires; copy < extra; copy += copyBytes) {
                _sum = _randomAccessCopy(copy, bit, _filter, _sum, _bits, _room);
                bit += 32 * _bits;
            }
            constants(extra, _constants, _filter, _sum, _extraConstants);
        }
    }

    /// @dev One copy of a `RandomAccessGate`.
    function _randomAccessCopy(uint256 _copy, uint256 _bit, Ext _filter, uint256 _sum, uint256 _bits, uint256 _room)
        private
        pure
        returns (uint256)
    {
        unchecked {
            Ext index = Ext.wrap(0);
            for (uint256 i = 0; i < _bits; ++i) {
                Ext bit = loadExt(_bit + 32 * i);
                _sum = addTerm(_sum, _filter, bit * (bit - ONE));
                index = index + small(bit, 1 << i);
            }
            _sum = addTerm(_sum, _filter, index - loadExt(_copy));

            // Halve the list by each bit, the lowest first: x + bit (y - x).
            uint256 from = _copy + 64;
            for (uint256 i = 0; i < _bits; ++i) {
                Ext bit = loadExt(_bit + 32 * i);
                uint256 pairs = 1 << (_bits - 1 - i);
                for (uint256 pair = 0; pair < pairs; ++pair) {
                    Ext x = loadExt(from + 64 * pair);
                    storeExt(_room + 32 * pair, x + bit * (loadExt(from + 64 * pair + 32) - x));
                }
                from = _room;
            }
            return addTerm(_sum, _filter, loadExt(from) - loadExt(_copy + 32));
        }
    }

    /// @notice `ExponentiationGate`: the output is the base to the power whose bits, least significant first, follow it.
    /// @dev Wires: base, bits, output, one intermediate value a bit.
    function exponentiation(uint256 _wires, Ext _filter, uint256 _sum, uint256 _bits) internal pure {
        unchecked {
            Ext base = loadExt(_wires);
            uint256 output = _wires + 32 * (1 + _bits);
            Ext square = ONE;
            Ext value = ONE;
            for (uint256 i = 1; i <= _bits; ++i) {
                Ext bit = loadExt(output - 32 * i); // the highest bit first
                value = loadExt(output + 32 * i);
                _sum = addTerm(_sum, _filter, square * (bit * base + (ONE - bit)) - value);
                square = value * value;
            }
            addTerm(_sum, _filter, loadExt(output) - value);
        }
    }

    /// @notice `ReducingGate` and `ReducingExtensionGate`: accumulator i is accumulator i - 1 times alpha plus coefficient i.
    /// @dev Wires: output (the last accumulator), alpha, old accumulator, coefficients of `_coefficientWires` wires each, accumulators.
    function reducing(uint256 _wires, Ext _filter, uint256 _sum, uint256 _count, uint256 _coefficientWires)
        internal
        pure
    {
        unchecked {
            Algebra memory alpha = Algebra(loadExt(_wires + 64), loadExt(_wires + 96));
            uint256 previous = _wires + 128;
            uint256 coefficient = _wires + 192;
            uint256 accumulator = coefficient + 32 * _coefficientWires * _count;
            for (uint256 i = 1; i <= _count; ++i) {
                uint256 next = i == _count ? _wires : accumulator;
                (Ext c0, Ext c1) = multiply(loadExt(previous), loadExt(previous + 32), alpha.a0, alpha.a1);
                c0 = c0 + loadExt(coefficient);
                if (_coefficientWires == 2) {
                    c1 = c1 + loadExt(coefficient + 32);
                }
                _sum = addTerms(_sum, _filter, c0 - loadExt(next), c1 - loadExt(next + 32));
                previous = next;
                coefficient += 32 * _coefficientWires;
                accumulator += 64;
            }
        }
    }

    /// @notice `CosetInterpolationGate`: the value at a point of the polynomial with given values on a coset.
    /// @dev Wires: shift, 2^bits values, point, value there, intermediate values, intermediate products, point divided by the shift
    /// (each of two wires but the shift). `_numbers` holds for each point of the subgroup the point and its barycentric weight.
    function cosetInterpolation(
        uint256 _wires,
        Ext _filter,
        uint256 _sum,
        uint256 _bits,
        uint256 _degree,
        uint256 _numbers
    ) internal pure {
        unchecked {
            uint256 points = 1 << _bits;
            uint256 intermediates = (points - 2) / (_degree - 1);
            uint256 point = _wires + 32 + 64 * points;
            Interpolation memory state;
            state.value = _wires + 32;
            state.numbers = _numbers;
            {
                uint256 shifted = point + 128 + 128 * intermediates;
                state.x = Algebra(loadExt(shifted), loadExt(shifted + 32));
                Ext shift = loadExt(_wires);
                _sum = addTerms(
                    _sum, _filter, loadExt(point) - state.x.a0 * shift, loadExt(point + 32) - state.x.a1 * shift
                );
            }
            state.partialProduct.a0 = ONE;

            _interpolate(state, _degree);
            uint256 evaluation = point + 128;
            for (uint256 i = 0; i < intermediates; ++i) {
                uint256 partialProduct = evaluation + 64 * intermediates;
                _sum = _next(state.evaluation, evaluation, _filter, _sum);
                _sum = _next(state.partialProduct, partialProduct, _filter, _sum);
                uint256 done = 1 + (_degree - 1) * (i + 1);
                _interpolate(state, done + _degree - 1 < points ? _degree - 1 : points - done);
                evaluation += 64;
            }
            _next(state.evaluation, point + 64, _filter, _sum);
        }
    }

    /// @dev Where an interpolation stands: the point, the next value and its numbers, the sum and the product so far.
    struct Interpolation {
        Algebra x;
        Algebra evaluation;
        Algebra partialProduct;
        uint256 value;
        uint256 numbers;
    }

    /// @dev Asserts that wires hold what was computed, and goes on with the wires.
    function _next(Algebra memory _computed, uint256 _wires, Ext _filter, uint256 _sum) private pure returns (uint256) {
        Ext a0 = loadExt(_wires);
        Ext a1 = loadExt(_wires + 32);
        _sum = addTerms(_sum, _filter, a0 - _computed.a0, a1 - _computed.a1);
        _computed.a0 = a0;
        _computed.a1 = a1;
        return _sum;
    }

    /// @dev Takes so many more points: with t = x - point, evaluation = evaluation t + weight value product, product = product t.
    function _interpolate(Interpolation memory _state, uint256 _count) private pure {
        unchecked {
            for (uint256 i = 0; i < _count; ++i) {
                Ext t0 = _state.x.a0 - Ext.wrap(entry(_state.numbers, 0));
                Ext t1 = _state.x.a1;
                uint256 weight = entry(_state.numbers, 1);
                (Ext e0, Ext e1) = multiply(_state.evaluation.a0, _state.evaluation.a1, t0, t1);
                (Ext v0, Ext v1) = multiply(
                    loadExt(_state.value).scale(weight),
                    loadExt(_state.value + 32).scale(weight),
                    _state.partialProduct.a0,
                    _state.partialProduct.a1
                );
                _state.evaluation = Algebra(e0 + v0, e1 + v1);
                (e0, e1) = multiply(_state.partialProduct.a0, _state.partialProduct.a1, t0, t1);
                _state.partialProduct = Algebra(e0, e1);
                _state.value += 64;
                _state.numbers += 16;
            }
        }
    }
}
