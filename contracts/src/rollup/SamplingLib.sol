// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title SamplingLib
/// @notice Draws a committee: partial Fisher-Yates over the positions of the set (docs/protocol.md, section 12).
library SamplingLib {
    /// @notice The first `_count` positions of the permutation of `0 .. _size - 1` that a seed gives.
    /// @dev `_count <= _size < 2^128`. Only displaced positions are remembered, so that work and memory follow the count, whatever
    /// the size: those below the count in a word each, later ones in a hash table with open addressing, at least half empty.
    function sample(bytes32 _seed, uint256 _size, uint256 _count) internal pure returns (uint256[] memory drawn) {
        uint256 tableSize = _tableSize(_count);
        uint256[] memory displaced = new uint256[](_count + tableSize);
        drawn = new uint256[](_count);

        assembly ("memory-safe") {
            // In plain Solidity, with checks of all bounds, a draw costs five times as much; the tests have the rule written plainly.
            // A word says what stands at a position: one more than it in the lower half, zero for "still itself"; in the table the
            // upper half has the position, which is at least the count and so never zero.
            let low := add(displaced, 0x20)
            let table := add(low, shl(5, _count))
            let mask := sub(tableSize, 1)
            let out := add(drawn, 0x20)
            // Scratch space: the seed stays in the first word, the number of the draw comes into the second.
            mstore(0x00, _seed)
            for { let i := 0 } lt(i, _count) { i := add(i, 1) } {
                mstore(0x20, i)
                let j := add(i, mod(keccak256(0x00, 0x40), sub(_size, i)))
                let place := add(low, shl(5, j))
                let key := 0
                if iszero(lt(j, _count)) {
                    key := shl(128, j)
                    // Ends at the entry of j or at an empty word, which becomes it.
                    for { let k := j } 1 { k := add(k, 1) } {
                        place := add(table, shl(5, and(k, mask)))
                        let entry := mload(place)
                        if or(iszero(entry), eq(shr(128, entry), j)) { break }
                    }
                }
                let atI := mload(add(low, shl(5, i)))
                let atJ := and(mload(place), 0xffffffffffffffffffffffffffffffff)
                // What stands at j is drawn, and what stands at i takes its place; i is never looked at again.
                mstore(add(out, shl(5, i)), sub(add(atJ, mul(iszero(atJ), add(j, 1))), 1))
                mstore(place, or(key, add(atI, mul(iszero(atI), add(i, 1)))))
            }
        }
    }

    /// @dev A power of two, at least twice the count.
    function _tableSize(uint256 _count) private pure returns (uint256 size) {
        for (size = 2; size < 2 * _count;) {
            size *= 2;
        }
    }
}
