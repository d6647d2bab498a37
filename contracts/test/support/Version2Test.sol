// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Deployed} from "@agoge-test/support/Deployed.sol";
import {NetworkTest} from "@agoge-test/support/NetworkTest.sol";
import {IRollup, RollupConfig} from "@agoge/rollup/IRollup.sol";

/// @notice A network whose first instance is of version 2.
abstract contract Version2Test is NetworkTest {
    function _newRollup(RollupConfig memory _config) internal virtual override returns (IRollup) {
        return Deployed.rollupV2(_config);
    }
}
