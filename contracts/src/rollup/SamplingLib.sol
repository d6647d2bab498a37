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
            // In plain Solidity, with checks of all bounds, it costs 400 gas more for each draw; the tests have the rule written plainly.
            // A word has, in its lower half, a position xor what stands there: zero for "still itself". In the table the upper half has
            // the position, which is at least the count and so never zero.
            let low := add(displaced, 0x20)
            let table := add(low, shl(5, _count))
            let mask := sub(tableSize, 1)
            let out := add(drawn, 0x20)
            // Scratch space: the seed stays in the first word, the number of the draw comes into the second.
            mstore(0x00, _seed)
            for { let i := 0 } lt(i, _count) { i := add(i, 1) } {
                mstore(0x20, i)
                let j := add(i, mod(keccak256(0x00, 0x40), sub(_size, i)))
                // What stands at i goes to j, what stands at j is drawn; i is never looked at again.
                let entry := xor(xor(mload(add(low, shl(5, i))), i), j)
                switch lt(j, _count)
                case 1 {
                    let place := add(low, shl(5, j))
                    mstore(add(out, shl(5, i)), xor(mload(place), j))
                    mstore(place, entry)
                }
                default {
                    let key := shl(128, j)
                    let k := j
                    let place := add(table, shl(5, and(k, mask)))
                    let found := mload(place)
                    // Ends at the entry of j or at an empty word, which becomes it.
                    for {} and(gt(found, 0), gt(shr(128, xor(found, key)), 0)) {} {
                        k := add(k, 1)
                        place := add(table, shl(5, and(k, mask)))
                        found := mload(place)
                    }
                    mstore(add(out, shl(5, i)), xor(and(found, 0xffffffffffffffffffffffffffffffff), j))
                    mstore(place, or(key, entry))
                }
            }
        }
    }

    /// @dev A power of two, at least twice the count.
    function _tableSize(uint256 _count) private pure returns (uint256 size) {
        // No overflow: a count is the length of an array.
        unchecked {
            for (size = 2; size < 2 * _count;) {
                size *= 2;
            }
        }
    }
}
