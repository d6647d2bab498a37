// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {NetworkTest, Proposal} from "@agoge-test/support/NetworkTest.sol";
import {TransactionGas} from "@agoge-test/support/TransactionGas.sol";
import {Version2Test} from "@agoge-test/support/Version2Test.sol";
import {IRollup, RollupConfig} from "@agoge/rollup/IRollup.sol";

/// @notice Gas of a whole propose transaction with the threshold of attestations, at steady state.
abstract contract ProposeGas is NetworkTest, TransactionGas {
    /// @dev First slot of epoch 6, which is no genesis epoch and whose parent block exists.
    uint256 private constant FIRST_SLOT = 6 * EPOCH_SLOTS;

    string private _name;
    bytes private _call;
    bytes32 private _blob;

    /// @dev A block of a committee of 16 may cost this, once its epoch is set up.
    uint256 internal constant LATER_OF_16_MAX = 130_000;

    /// @dev What setting an epoch up may add to that in version 2, whatever the size of the set; of 48 members, what it may add.
    uint256 internal constant LATER_OF_48_MAX = 246_000;
    uint256 internal constant SET_UP_OF_16_MAX = 90_000;
    uint256 internal constant SET_UP_OF_48_MAX = 180_000;
    uint256 internal _limit = type(uint256).max;

    function _prepareFirst(uint256 _validators, uint256 _committeeSize, string memory _set) internal {
        _deployNetwork(_validators, _committeeSize);
        _proposeInSlot(FIRST_SLOT - 1);
        _warpToSlot(FIRST_SLOT);
        _keep(_proposal(), string.concat("first in an epoch, ", _set));
    }

    function _prepareLater(uint256 _validators, uint256 _committeeSize, string memory _set) internal {
        _deployNetwork(_validators, _committeeSize);
        _proposeInSlot(FIRST_SLOT);
        _warpToSlot(FIRST_SLOT + 1);
        Proposal memory later = _proposal();
        delete later.committeeProof.header;
        delete later.committeeProof.parentHeader;
        _keep(later, string.concat("later in an epoch, ", _set));
    }

    function test_Propose() external {
        _setBlobs(_blob);
        assertLe(_callAndRecord(address(rollup), 0, _call, _group(), _name), _limit, _name);
    }

    function _group() internal pure virtual returns (string memory) {
        return "propose";
    }

    function _keep(Proposal memory _p, string memory _caseName) private {
        _name = _caseName;
        _blob = _p.blobHash;
        _call =
            abi.encodeCall(IRollup.propose, (_p.block_, _p.attestations, _p.publication, _p.committeeProof, _p.claim));
    }
}

contract FirstOf16of48GasTest is ProposeGas {
    function setUp() external {
        _prepareFirst(48, 16, "16 of 48");
    }
}

contract LaterOf16of48GasTest is ProposeGas {
    function setUp() external {
        _limit = LATER_OF_16_MAX;
        _prepareLater(48, 16, "16 of 48");
    }
}

contract FirstOf16of128GasTest is ProposeGas {
    function setUp() external {
        _prepareFirst(128, 16, "16 of 128");
    }
}

contract LaterOf16of128GasTest is ProposeGas {
    function setUp() external {
        _limit = LATER_OF_16_MAX;
        _prepareLater(128, 16, "16 of 128");
    }
}

contract FirstOf16of1024GasTest is ProposeGas {
    function setUp() external {
        _prepareFirst(1024, 16, "16 of 1024");
    }
}

contract FirstOf48of100GasTest is ProposeGas {
    function setUp() external {
        _prepareFirst(100, 48, "48 of 100");
    }
}

contract LaterOf48of100GasTest is ProposeGas {
    function setUp() external {
        _limit = LATER_OF_48_MAX;
        _prepareLater(100, 48, "48 of 100");
    }
}

abstract contract ProposeV2Gas is ProposeGas, Version2Test {
    function _newRollup(RollupConfig memory _config) internal override(NetworkTest, Version2Test) returns (IRollup) {
        return Version2Test._newRollup(_config);
    }

    function _group() internal pure override returns (string memory) {
        return "propose-v2";
    }
}

contract FirstOf16of128V2GasTest is ProposeV2Gas {
    function setUp() external {
        _limit = LATER_OF_16_MAX + SET_UP_OF_16_MAX;
        _prepareFirst(128, 16, "16 of 128");
    }
}

contract LaterOf16of128V2GasTest is ProposeV2Gas {
    function setUp() external {
        _limit = LATER_OF_16_MAX;
        _prepareLater(128, 16, "16 of 128");
    }
}

contract FirstOf16of4096V2GasTest is ProposeV2Gas {
    function setUp() external {
        _limit = LATER_OF_16_MAX + SET_UP_OF_16_MAX;
        _prepareFirst(4096, 16, "16 of 4096");
    }
}

contract FirstOf48of100V2GasTest is ProposeV2Gas {
    function setUp() external {
        _limit = LATER_OF_48_MAX + SET_UP_OF_48_MAX;
        _prepareFirst(100, 48, "48 of 100");
    }
}

contract LaterOf48of100V2GasTest is ProposeV2Gas {
    function setUp() external {
        _limit = LATER_OF_48_MAX;
        _prepareLater(100, 48, "48 of 100");
    }
}
