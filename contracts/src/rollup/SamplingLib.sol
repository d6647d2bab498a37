// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

/// @title SamplingLib
/// @notice Draws a committee: partial Fisher-Yates over the positions of the set (docs/protocol.md, section 12).
library SamplingLib {
    /// @notice The first `_count` positions of the permutation of `0 .. _size - 1` that a seed gives.
    /// @dev `_count <= _size`. A zero in `displaced` stands for "still at its own place", so fresh memory is the identity.
    function sample(bytes32 _seed, uint256 _size, uint256 _count) internal pure returns (uint256[] memory drawn) {
        uint256[] memory displaced = new uint256[](_size);
        drawn = new uint256[](_count);

        // No overflow: j < _size, and positions are at most the length of an array in memory.
        unchecked {
            for (uint256 i = 0; i < _count; ++i) {
                uint256 j = i + uint256(Hashes.efficientKeccak256(_seed, bytes32(i))) % (_size - i);
                uint256 atJ = displaced[j];
                uint256 atI = displaced[i];
                drawn[i] = atJ == 0 ? j : atJ - 1;
                displaced[j] = atI == 0 ? i + 1 : atI;
            }
        }
    }
}
