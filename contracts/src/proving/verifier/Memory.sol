// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Ext} from "./Goldilocks.sol";

// Words and extension elements in memory by address, without the bounds checks of arrays: every address here is that of a
// buffer from `allocate` plus an offset that the circuit's shape fixes, never a number from a proof.

/// @dev A new buffer of so many words. Its content is not defined.
function allocate(uint256 words) pure returns (uint256 buffer) {
    assembly ("memory-safe") {
        buffer := mload(0x40) // the free memory pointer
        mstore(0x40, add(buffer, shl(5, words))) // moved past the buffer
    }
}

/// @dev The word at an address.
function load(uint256 from) pure returns (uint256 word) {
    assembly ("memory-safe") {
        word := mload(from)
    }
}

/// @dev Writes a word.
function store(uint256 to, uint256 word) pure {
    assembly ("memory-safe") {
        mstore(to, word)
    }
}

/// @dev The extension element at an address.
function loadExt(uint256 from) pure returns (Ext element) {
    assembly ("memory-safe") {
        element := mload(from)
    }
}

/// @dev Writes an extension element.
function storeExt(uint256 to, Ext element) pure {
    assembly ("memory-safe") {
        mstore(to, element)
    }
}

/// @dev The 8-byte number at a position of a table of such numbers.
function entry(uint256 table, uint256 index) pure returns (uint256 element) {
    assembly ("memory-safe") {
        element := shr(192, mload(add(table, shl(3, index)))) // the upper 8 bytes of the word there
    }
}

/// @dev The address of a table's first byte.
function tableOf(bytes memory table) pure returns (uint256 start) {
    assembly ("memory-safe") {
        start := add(table, 32) // after the length
    }
}
