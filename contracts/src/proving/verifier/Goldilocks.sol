// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @dev The Goldilocks prime, 2^64 - 2^32 + 1.
uint256 constant P = 0xffffffff00000001;

/// @dev Lower half of a word: the first coordinate of an `Ext`.
uint256 constant LOW = 0xffffffffffffffffffffffffffffffff;

/// @dev X^2 in the quadratic extension.
uint256 constant W = 7;

/// @dev An element c0 + c1 X of F_p[X]/(X^2 - 7): c0 in the lower 128 bits, c1 in the upper.
///
/// A coordinate is *reduced* when it is below p. Sums are left unreduced, since 64 bits are free above each coordinate:
///   - `a * b` and `reduce` take coordinates below 2^124 and give reduced ones;
///   - `a + b` and multiplication by a small number give the sum of coordinates;
///   - `a - b` takes a subtrahend with coordinates below 2^107 and gives coordinates below those of `a` plus 2^108.
/// So a subtrahend is never itself an unreduced difference. Comparisons need reduced elements.
type Ext is uint256;

using {addExt as +, subExt as -, mulExt as *, scale, reduce, unwrap, isZero} for Ext global;

/// @dev A multiple of p above every subtrahend, in both coordinates: p 2^44.
uint256 constant BIAS = (P << 44) << 128 | (P << 44);

/// @dev The element 1.
Ext constant ONE = Ext.wrap(1);

function addExt(Ext a, Ext b) pure returns (Ext) {
    unchecked {
        return Ext.wrap(Ext.unwrap(a) + Ext.unwrap(b));
    }
}

function subExt(Ext a, Ext b) pure returns (Ext) {
    unchecked {
        return Ext.wrap(Ext.unwrap(a) + BIAS - Ext.unwrap(b));
    }
}

function mulExt(Ext a, Ext b) pure returns (Ext product) {
    assembly ("memory-safe") {
        let a0 := and(a, LOW)
        let a1 := shr(128, a)
        let b0 := and(b, LOW)
        let b1 := shr(128, b)
        product := or(
            shl(128, mod(add(mul(a0, b1), mul(a1, b0)), P)), // below 2^249
            mod(add(mul(a0, b0), mul(W, mul(a1, b1))), P) // below 2^251
        )
    }
}

/// @dev Multiplication by an element of the base field, reduced.
function scale(Ext a, uint256 factor) pure returns (Ext) {
    unchecked {
        return toExt((Ext.unwrap(a) & LOW) * factor % P, (Ext.unwrap(a) >> 128) * factor % P);
    }
}

/// @dev The same element with coordinates below p.
function reduce(Ext a) pure returns (Ext) {
    return toExt((Ext.unwrap(a) & LOW) % P, (Ext.unwrap(a) >> 128) % P);
}

/// @dev The word that holds the element.
function unwrap(Ext a) pure returns (uint256) {
    return Ext.unwrap(a);
}

/// @dev Whether a reduced element is zero.
function isZero(Ext a) pure returns (bool) {
    return Ext.unwrap(a) == 0;
}

/// @dev An element from its coordinates, each below 2^128.
function toExt(uint256 c0, uint256 c1) pure returns (Ext) {
    return Ext.wrap(c1 << 128 | c0);
}

/// @dev a^(2^count), reduced.
function squareTimes(Ext a, uint256 count) pure returns (Ext power) {
    power = a;
    for (uint256 i = 0; i < count; ++i) {
        power = power * power;
    }
}

/// @dev a^(2^count) in the base field.
function squareTimesBase(uint256 a, uint256 count) pure returns (uint256 power) {
    assembly ("memory-safe") {
        power := a
        if and(count, 1) { power := mulmod(power, power, P) } // an odd one, then two at a time
        for { count := shr(1, count) } count { count := sub(count, 1) } {
            power := mulmod(power, power, P)
            power := mulmod(power, power, P)
        }
    }
}

/// @dev 1/a in the base field; 0 for 0. a^(p - 2), where p - 2 in binary is 31 ones, one zero, 32 ones.
function inverseBase(uint256 a) pure returns (uint256) {
    uint256 ones2 = mulmod(mulmod(a, a, P), a, P);
    uint256 ones3 = mulmod(mulmod(ones2, ones2, P), a, P);
    uint256 ones6 = mulmod(squareTimesBase(ones3, 3), ones3, P);
    uint256 ones12 = mulmod(squareTimesBase(ones6, 6), ones6, P);
    uint256 ones24 = mulmod(squareTimesBase(ones12, 12), ones12, P);
    uint256 ones30 = mulmod(squareTimesBase(ones24, 6), ones6, P);
    uint256 ones31 = mulmod(mulmod(ones30, ones30, P), a, P);
    uint256 ones31Zero = mulmod(ones31, ones31, P);
    return mulmod(squareTimesBase(ones31Zero, 32), mulmod(mulmod(ones31, ones31, P), a, P), P);
}

/// @dev 1/a = (c0 - c1 X) / (c0^2 - 7 c1^2), reduced; 0 for 0. Takes a reduced element.
function inverse(Ext a) pure returns (Ext) {
    unchecked {
        uint256 c0 = Ext.unwrap(a) & LOW;
        uint256 c1 = Ext.unwrap(a) >> 128;
        // W c1 < 2^67, so W p^2 > W c1^2 keeps the difference positive.
        uint256 norm = (c0 * c0 + W * (P * P) - W * (c1 * c1)) % P;
        uint256 inverseNorm = inverseBase(norm);
        return toExt(c0 * inverseNorm % P, (P - c1) * inverseNorm % P);
    }
}
