// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title FieldLib
/// @notice The Goldilocks field as it crosses the border of L1 (docs/protocol.md, section 1).
library FieldLib {
    /// @notice 2^64 - 2^32 + 1.
    uint256 internal constant P = 0xffffffff00000001;

    uint256 private constant ELEMENT_MASK = type(uint64).max;

    /// @notice Whether each of the four 8-byte limbs is a canonical field element.
    function isDigest(bytes32 _digest) internal pure returns (bool) {
        uint256 limbs = uint256(_digest);
        return limbs >> 192 < P && (limbs >> 128) & ELEMENT_MASK < P && (limbs >> 64) & ELEMENT_MASK < P
            && limbs & ELEMENT_MASK < P;
    }
}
