// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {NetworkTest} from "@agoge-test/support/NetworkTest.sol";
import {TransactionGas} from "@agoge-test/support/TransactionGas.sol";
import {IInbox} from "@agoge/rollup/IInbox.sol";
import {IStaking} from "@agoge/staking/IStaking.sol";

/// @notice Gas of the transactions that bring and take value.
contract ValueGasTest is NetworkTest, TransactionGas {
    string private constant GROUP = "value";

    address private _entrant;
    bytes private _depositStake;

    function setUp() external {
        _deployNetwork(48, 16);
        _deposit(1_000_000, 0);

        _entrant = _attester(48);
        _allow(_entrant);
        _depositStake = abi.encodeCall(
            IStaking.deposit, (_entrant, _withdrawer(48), _proofOfPossession(_entrant, _withdrawer(48)))
        );
    }

    function test_DepositNote() external {
        bytes memory ciphertext = new bytes(91);
        for (uint256 i = 0; i < 88; ++i) {
            ciphertext[i] = 0xff;
        }
        vm.deal(address(this), 1 ether);
        bytes memory data = abi.encodeCall(IInbox.deposit, (_archive(1), ciphertext));
        _callAndRecord(address(rollup), 1 ether, data, GROUP, "deposit of a note");
    }

    function test_DepositStake() external {
        vm.deal(address(this), STAKE);
        _callAndRecord(address(staking), STAKE, _depositStake, GROUP, "deposit of stake");
    }

    function test_StartExit() external {
        address leaver = _attester(0);
        vm.prank(_withdrawer(0));
        bytes memory data = abi.encodeCall(IStaking.startExit, (leaver));
        _callAndRecord(address(staking), 0, data, GROUP, "start of an exit");
    }
}

contract FinaliseExitGasTest is NetworkTest, TransactionGas {
    address private _leaver;

    function setUp() external {
        _deployNetwork(48, 16);
        _leaver = _attester(0);
        vm.prank(_withdrawer(0));
        staking.startExit(_leaver);
        vm.warp(vm.getBlockTimestamp() + EXIT_DELAY);
    }

    function test_FinaliseExit() external {
        bytes memory data = abi.encodeCall(IStaking.finaliseExit, (_leaver));
        _callAndRecord(address(staking), 0, data, "value", "end of an exit");
    }
}
