// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Ext, LOW, P, toExt} from "./Goldilocks.sol";

/// @title TranscriptLib
/// @notice The prover's messages as a chain of digests, from which all challenges follow.
/// @dev `digest = keccak(digest || elements)`, 8 bytes big-endian each, for every 64 elements and for what is left before a
/// challenge. A digest gives two challenges, its upper and its lower 128 bits mod p; more come from the digest of the digest.
library TranscriptLib {
    /// @dev Bytes that one digest absorbs at most: 64 elements.
    uint256 private constant BLOCK_BYTES = 512;

    /// @notice Absorbs elements that stand in memory, in their 8-byte form, after one free word.
    /// @param _digest The chain so far.
    /// @param _buffer Address of the free word. Buffer and elements are overwritten.
    /// @param _bytes 8 times the number of elements, not 0.
    function absorb(bytes32 _digest, uint256 _buffer, uint256 _bytes) internal pure returns (bytes32 _next) {
        assembly ("memory-safe") {
            for {} _bytes {} {
                let size := _bytes
                if gt(size, BLOCK_BYTES) { size := BLOCK_BYTES } // a whole block, or what is left
                mstore(_buffer, _digest) // in the free word, later over the end of the block before
                _digest := keccak256(_buffer, add(size, 32))
                _buffer := add(_buffer, size)
                _bytes := sub(_bytes, size)
            }
            _next := _digest
        }
    }

    /// @notice Absorbs elements that stand in calldata.
    function absorbCalldata(bytes32 _digest, uint256 _from, uint256 _bytes, uint256 _scratch)
        internal
        pure
        returns (bytes32)
    {
        assembly ("memory-safe") {
            calldatacopy(add(_scratch, 32), _from, _bytes) // the first word is for the digest
        }
        return absorb(_digest, _scratch, _bytes);
    }

    /// @notice Writes Merkle nodes of 25 bytes in calldata as elements of 7, 7, 7 and 4 bytes.
    function writeNodes(uint256 _from, uint256 _count, uint256 _to) internal pure {
        unchecked {
            for (uint256 i = 0; i < _count; ++i) {
                uint256 node;
                assembly ("memory-safe") {
                    node := calldataload(add(_from, mul(i, 25))) // 25 bytes and 7 that follow
                }
                uint256 elements = node >> 200 << 192 // bytes 0 to 6
                    | (node >> 144 & 0xffffffffffffff) << 128 // 7 to 13
                    | (node >> 88 & 0xffffffffffffff) << 64 // 14 to 20
                    | (node >> 56 & 0xffffffff); // 21 to 24
                assembly ("memory-safe") {
                    mstore(add(_to, shl(5, i)), elements)
                }
            }
        }
    }

    /// @notice Absorbs Merkle nodes that stand in calldata.
    function absorbNodes(bytes32 _digest, uint256 _from, uint256 _count, uint256 _scratch)
        internal
        pure
        returns (bytes32)
    {
        unchecked {
            writeNodes(_from, _count, _scratch + 32);
            return absorb(_digest, _scratch, 32 * _count);
        }
    }

    /// @notice The digest that gives the next two challenges when a digest's own are used up.
    function next(bytes32 _digest) internal pure returns (bytes32 _next) {
        assembly ("memory-safe") {
            mstore(0, _digest) // scratch space
            _next := keccak256(0, 32)
        }
    }

    /// @notice The first challenge of a digest.
    function first(bytes32 _digest) internal pure returns (uint256) {
        return (uint256(_digest) >> 128) % P;
    }

    /// @notice The second challenge of a digest.
    function second(bytes32 _digest) internal pure returns (uint256) {
        return (uint256(_digest) & LOW) % P;
    }

    /// @notice Both challenges of a digest as one of the extension.
    function extension(bytes32 _digest) internal pure returns (Ext) {
        return toExt(first(_digest), second(_digest));
    }
}
