// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Ext, P, toExt} from "./Goldilocks.sol";
import {entry, loadExt, storeExt} from "./Memory.sol";

/// @title FriLib
/// @notice Parts of a FRI query: elements and Merkle paths in calldata, combinations, folds.
/// @dev Elements are 8 bytes, big-endian; Merkle nodes 25 bytes. Functions that read elements collect in `_flags` whether one of
/// them is p or more: see `isCanonical`.
library FriLib {
    /// @dev Bytes of a Merkle node.
    uint256 internal constant NODE_BYTES = 25;
    /// @dev In both halves of a word, a number that added to one of 64 bits sets bit 64 exactly if that one is p or more: 2^64 - p.
    uint256 private constant COMPLEMENT = 0x00ffffffff000000000000000000000000ffffffff;
    /// @dev Bit 64 of both halves.
    uint256 private constant CARRIES = 1 << 192 | 1 << 64;

    /// @notice Whether every element that went into these flags was below p.
    function isCanonical(uint256 _flags) internal pure returns (bool) {
        return _flags & CARRIES == 0;
    }

    /// @notice Reads extension elements, 16 bytes each, into words of memory.
    function readExts(uint256 _from, uint256 _count, uint256 _to, uint256 _flags)
        internal
        pure
        returns (uint256 _seen)
    {
        assembly ("memory-safe") {
            for { let end := add(_to, shl(5, _count)) } lt(_to, end) {} {
                let word := calldataload(_from)
                let c0 := shr(192, word) // bytes 0 to 7
                let c1 := and(shr(128, word), 0xffffffffffffffff) // bytes 8 to 15
                let element := or(shl(128, c1), c0)
                _flags := or(_flags, add(element, COMPLEMENT))
                mstore(_to, element)
                _from := add(_from, 16)
                _to := add(_to, 32)
            }
            _seen := _flags
        }
    }

    /// @notice The sums of the products of a leaf's elements and the coordinates of as many extension elements in memory.
    /// @dev The hottest loop: 4 elements a step. A product of 64-bit numbers fits in half a word, so one multiplication serves
    /// both coordinates. `total` is sum0 + 2^128 sum1 mod 2^256; sum1 is kept besides, which leaves sum0 < 2^136.
    function combine(uint256 _from, uint256 _count, uint256 _powers, uint256 _flags)
        internal
        pure
        returns (uint256 _sum0, uint256 _sum1, uint256 _seen)
    {
        assembly ("memory-safe") {
            let total := 0
            let end := add(_from, shl(3, _count))
            for { let whole := sub(end, 31) } lt(_from, whole) {} {
                let word := calldataload(_from)
                let even := and(shr(64, word), 0xffffffffffffffff0000000000000000ffffffffffffffff) // elements 0 and 2
                let product := mul(shr(128, even), mload(_powers))
                total := add(total, product)
                _sum1 := add(_sum1, shr(128, product))
                product := mul(and(even, 0xffffffffffffffff), mload(add(_powers, 64)))
                total := add(total, product)
                _sum1 := add(_sum1, shr(128, product))

                word := and(word, 0xffffffffffffffff0000000000000000ffffffffffffffff) // elements 1 and 3
                _flags := or(_flags, or(add(even, COMPLEMENT), add(word, COMPLEMENT)))
                product := mul(shr(128, word), mload(add(_powers, 32)))
                total := add(total, product)
                _sum1 := add(_sum1, shr(128, product))
                product := mul(and(word, 0xffffffffffffffff), mload(add(_powers, 96)))
                total := add(total, product)
                _sum1 := add(_sum1, shr(128, product))

                _from := add(_from, 32)
                _powers := add(_powers, 128)
            }
            for {} lt(_from, end) {} {
                let element := shr(192, calldataload(_from)) // one of up to three that are left
                _flags := or(_flags, add(element, COMPLEMENT))
                let product := mul(element, mload(_powers))
                total := add(total, product)
                _sum1 := add(_sum1, shr(128, product))
                _from := add(_from, 8)
                _powers := add(_powers, 32)
            }
            _sum0 := sub(total, shl(128, _sum1))
            _seen := _flags
        }
    }

    /// @notice The digest of a leaf of so many bytes in calldata.
    function leaf(uint256 _from, uint256 _bytes, uint256 _scratch) internal pure returns (bytes32 _digest) {
        assembly ("memory-safe") {
            calldatacopy(_scratch, _from, _bytes)
            _digest := keccak256(_scratch, _bytes)
        }
    }

    /// @notice The node that a path leads to. Only its first 25 bytes count.
    /// @param _digest The digest of the leaf.
    /// @param _index The leaf's place, of which the lowest bit says whether the first sibling stands to its left.
    /// @param _path Calldata position of the first sibling.
    /// @param _height Number of siblings.
    function climb(bytes32 _digest, uint256 _index, uint256 _path, uint256 _height)
        internal
        pure
        returns (bytes32 _node)
    {
        assembly ("memory-safe") {
            let end := add(_path, mul(_height, NODE_BYTES))
            // Three levels a step, then what is left.
            for { let last := sub(end, 74) } lt(_path, last) {} {
                let sibling := calldataload(_path)
                let swap := mul(xor(_digest, sibling), and(_index, 1)) // 0 when the sibling stands to the right
                mstore(0, xor(_digest, swap)) // left child: the first 25 bytes count
                mstore(NODE_BYTES, xor(sibling, swap)) // right child, over the rest of the left word; scratch space up to 57
                _digest := keccak256(0, 50)

                sibling := calldataload(add(_path, 25))
                swap := mul(xor(_digest, sibling), and(shr(1, _index), 1))
                mstore(0, xor(_digest, swap)) // left child
                mstore(NODE_BYTES, xor(sibling, swap)) // right child
                _digest := keccak256(0, 50)

                sibling := calldataload(add(_path, 50))
                swap := mul(xor(_digest, sibling), and(shr(2, _index), 1))
                mstore(0, xor(_digest, swap)) // left child
                mstore(NODE_BYTES, xor(sibling, swap)) // right child
                _digest := keccak256(0, 50)

                _index := shr(3, _index)
                _path := add(_path, 75)
            }
            for {} lt(_path, end) {} {
                let sibling := calldataload(_path)
                let swap := mul(xor(_digest, sibling), and(_index, 1))
                mstore(0, xor(_digest, swap)) // left child
                mstore(NODE_BYTES, xor(sibling, swap)) // right child
                _digest := keccak256(0, 50)
                _index := shr(1, _index)
                _path := add(_path, NODE_BYTES)
            }
            _node := _digest
        }
    }

    /// @notice Whether a node is the one at a place of a cap in calldata.
    function isInCap(bytes32 _node, uint256 _cap, uint256 _place) internal pure returns (bool _isIn) {
        assembly ("memory-safe") {
            let expected := calldataload(add(_cap, mul(_place, NODE_BYTES)))
            _isIn := iszero(shr(56, xor(expected, _node))) // the first 25 bytes agree
        }
    }

    /// @notice Whether a node is the one at a place of a cap in memory.
    function isInConstantCap(bytes32 _node, uint256 _cap, uint256 _place) internal pure returns (bool _isIn) {
        assembly ("memory-safe") {
            let expected := mload(add(_cap, mul(_place, NODE_BYTES)))
            _isIn := iszero(shr(56, xor(expected, _node))) // the first 25 bytes agree
        }
    }

    /// @notice The product of roots over the set bits of a number: bit j takes entry j of the table.
    function point(uint256 _bits, uint256 _roots) internal pure returns (uint256 _product) {
        assembly ("memory-safe") {
            _product := 1
            for {} _bits {} {
                if and(_bits, 1) { _product := mulmod(_product, shr(192, mload(_roots)), P) } // the 8 bytes there
                _bits := shr(1, _bits)
                _roots := add(_roots, 8)
            }
        }
    }

    /// @notice The value at beta of the polynomial of degree below 2^bits with given values on a coset, reduced.
    /// @dev Halves the values `_bits` times: of f(x) = e(x^2) + x o(x^2) it keeps 2 (e + beta o) = f(x) + f(-x) + (beta / x)(f(x) - f(-x)), then
    /// goes on with beta^2 and x^2. Values stand in bit-reversed order, so those at x and -x are neighbours.
    /// @param _values Address of the values; overwritten.
    /// @param _factor beta / x for the first value's x, reduced.
    /// @param _twiddles Table of the inverses of the other values' x, relative to the first, of every second value.
    /// @param _inverseArity 1 / 2^bits.
    function fold(uint256 _values, uint256 _bits, Ext _factor, uint256 _twiddles, uint256 _inverseArity)
        internal
        pure
        returns (Ext)
    {
        unchecked {
            for (uint256 half = 1 << _bits >> 1; half > 0; half >>= 1) {
                for (uint256 k = 0; k < half; ++k) {
                    Ext left = loadExt(_values + 64 * k);
                    Ext right = loadExt(_values + 64 * k + 32);
                    Ext odd = (left - right) * _factor.scale(entry(_twiddles, k));
                    storeExt(_values + 32 * k, left + right + odd);
                }
                _factor = _factor * _factor;
            }
            return loadExt(_values).scale(_inverseArity);
        }
    }

    /// @notice The value at a point of the base field of a polynomial with given coefficients in memory, lowest first, reduced.
    /// @param _count A multiple of 4.
    function evaluate(uint256 _coefficients, uint256 _count, uint256 _point) internal pure returns (Ext) {
        uint256 c0 = 0;
        uint256 c1 = 0;
        assembly ("memory-safe") {
            for { let from := add(_coefficients, shl(5, _count)) } gt(from, _coefficients) {} {
                from := sub(from, 128)
                let coefficient := mload(add(from, 96))
                c0 := add(mulmod(c0, _point, P), and(coefficient, 0xffffffffffffffff))
                c1 := add(mulmod(c1, _point, P), shr(128, coefficient))
                coefficient := mload(add(from, 64))
                c0 := add(mulmod(c0, _point, P), and(coefficient, 0xffffffffffffffff))
                c1 := add(mulmod(c1, _point, P), shr(128, coefficient))
                coefficient := mload(add(from, 32))
                c0 := add(mulmod(c0, _point, P), and(coefficient, 0xffffffffffffffff))
                c1 := add(mulmod(c1, _point, P), shr(128, coefficient))
                coefficient := mload(from)
                c0 := add(mulmod(c0, _point, P), and(coefficient, 0xffffffffffffffff))
                c1 := add(mulmod(c1, _point, P), shr(128, coefficient))
            }
        }
        return toExt(c0 % P, c1 % P);
    }

    /// @notice The sum of powers of alpha times elements in memory, by Horner's rule, reduced.
    function sumOfPowers(uint256 _from, uint256 _count, Ext _alpha) internal pure returns (Ext _sum) {
        unchecked {
            for (uint256 from = _from + 32 * _count; from > _from;) {
                from -= 32;
                _sum = _sum * _alpha + loadExt(from);
            }
            return _sum.reduce();
        }
    }

    /// @notice Writes 1, alpha, alpha^2, ... and then zeros up to a multiple of 4, for `combine`.
    function writePowers(Ext _alpha, uint256 _count, uint256 _to) internal pure {
        unchecked {
            Ext power = toExt(1, 0);
            for (uint256 i = 0; i < _count; ++i) {
                storeExt(_to + 32 * i, power);
                power = power * _alpha;
            }
        }
    }
}
