// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

/// @title SamplingLib
/// @notice Draws a committee: partial Fisher-Yates over the positions of the set (docs/protocol.md, section 12).
library SamplingLib {
    /// @dev Entry of the table: a position plus one in the lower half, what stands there in the upper half.
    uint256 private constant HALF = 128;

    /// @notice The first `_count` positions of the permutation of `0 .. _size - 1` that a seed gives.
    /// @dev `_count <= _size`. Only displaced positions are remembered, in a hash table with open addressing that is at least half
    /// empty: work and memory follow the count, whatever the size.
    function sample(bytes32 _seed, uint256 _size, uint256 _count) internal pure returns (uint256[] memory drawn) {
        uint256[] memory table = new uint256[](_tableSize(_count));
        drawn = new uint256[](_count);

        // No overflow: j < _size, and sizes and positions are far below 2^128.
        unchecked {
            for (uint256 i = 0; i < _count; ++i) {
                uint256 j = i + uint256(Hashes.efficientKeccak256(_seed, bytes32(i))) % (_size - i);
                (, uint256 atI) = _find(table, i);
                (uint256 place, uint256 atJ) = _find(table, j);
                drawn[i] = atJ;
                table[place] = atI << HALF | (j + 1);
            }
        }
    }

    /// @dev A power of two, at least twice the count.
    function _tableSize(uint256 _count) private pure returns (uint256 size) {
        for (size = 2; size < 2 * _count;) {
            size *= 2;
        }
    }

    /// @dev Where a position's entry is or would be, and what stands at the position: itself without an entry.
    function _find(uint256[] memory _table, uint256 _position) private pure returns (uint256 place, uint256 value) {
        // No overflow: the mask keeps the place in the table.
        unchecked {
            uint256 mask = _table.length - 1;
            for (place = _position & mask;; place = (place + 1) & mask) {
                uint256 entry = _table[place];
                if (entry == 0) return (place, _position);
                if (uint128(entry) == _position + 1) return (place, entry >> HALF);
            }
        }
    }
}
