// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {EpochProofs} from "./EpochProofs.sol";

/// @notice The constraints of all gates against Rust's, at random values, at values of only p - 1, and at zeros.
contract GatesTest is EpochProofs {
    uint256 private constant CASES = 6;

    function test_ConstraintsAreThoseOfRust() external view {
        bytes memory file = vm.readFileBinary(string.concat(FOLDER, "gates.bin"));
        uint256 inputs = verifier.GATE_INPUTS();
        uint256 outputs = verifier.GATE_SUMS();
        uint256 from = 0;
        for (uint256 i = 0; i < CASES; ++i) {
            uint256[4] memory hash;
            for (uint256 j = 0; j < 4; ++j) {
                hash[j] = _number(file, from, 8);
                from += 8;
            }
            uint256[] memory sums = verifier.gateSums(_slice(file, from, from + 16 * inputs), hash);
            from += 16 * inputs;
            for (uint256 j = 0; j < outputs; ++j) {
                assertEq(
                    sums[j] & type(uint128).max, _number(file, from, 8), string.concat("constraint ", vm.toString(j))
                );
                assertEq(sums[j] >> 128, _number(file, from + 8, 8), string.concat("constraint ", vm.toString(j)));
                from += 16;
            }
        }
        assertEq(from, file.length, "bytes left over");
    }
}
