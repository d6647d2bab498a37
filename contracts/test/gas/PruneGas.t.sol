// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {NetworkTest} from "@agoge-test/support/NetworkTest.sol";
import {TransactionGas} from "@agoge-test/support/TransactionGas.sol";
import {IRollup} from "@agoge/rollup/IRollup.sol";

/// @notice Gas of a prune transaction, which must not depend on the number of blocks.
abstract contract PruneGas is NetworkTest, TransactionGas {
    string private _name;

    function _prepare(uint256 _blocks, string memory _caseName) internal {
        _name = _caseName;
        _deployNetwork(16, 16);
        for (uint256 i = 0; i < _blocks; ++i) {
            _proposeInSlot(i);
        }
        _warpToSlot((PROOF_WINDOW + 1) * EPOCH_SLOTS);
    }

    function test_Prune() external {
        _callAndRecord(address(rollup), 0, abi.encodeCall(IRollup.prune, ()), "prune", _name);
    }
}

contract PruneOf1GasTest is PruneGas {
    function setUp() external {
        _prepare(1, "1 block");
    }
}

contract PruneOf32GasTest is PruneGas {
    function setUp() external {
        _prepare(32, "32 blocks");
    }
}

contract PruneOf64GasTest is PruneGas {
    function setUp() external {
        _prepare(64, "64 blocks");
    }
}
