// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {NetworkTest} from "@agoge-test/support/NetworkTest.sol";
import {IPullPayments} from "@agoge/payments/IPullPayments.sol";
import {IRollup} from "@agoge/rollup/IRollup.sol";
import {Epoch, Timestamp} from "@agoge/time/TimeLib.sol";

contract PruneTest is NetworkTest {
    uint256 private constant WINDOW_END = GENESIS + (PROOF_WINDOW + 1) * EPOCH_SLOTS * SLOT_SECONDS;

    function setUp() external {
        _deployNetwork(16, 16);
    }

    function test_RevertGiven_NoBlockIsUnproven() external {
        vm.expectRevert(IRollup.Rollup__NothingToPrune.selector);
        rollup.prune();
    }

    function test_RevertGiven_TheWindowIsOpen() external {
        _proposeInSlot(EPOCH_SLOTS - 1);
        _warp(WINDOW_END - 1);

        assertEq(rollup.tips().pendingNumber, 1);
        vm.expectRevert(IRollup.Rollup__NothingToPrune.selector);
        rollup.prune();
    }

    function test_GivenTheWindowIsOver() external {
        _deposit(1000, 0);
        _proposeInSlot(INBOX_LAG);
        _proposeInSlot(EPOCH_SLOTS);
        assertEq(rollup.tipsAt(Timestamp.wrap(WINDOW_END)).pendingNumber, 0, "view of a later time");
        _warp(WINDOW_END);

        assertEq(rollup.tips().pendingNumber, 0, "views before the call");
        vm.expectRevert(abi.encodeWithSelector(IRollup.Rollup__NoSuchBlock.selector, 1));
        rollup.blockRecord(1);
        vm.expectEmit(address(rollup));
        emit IRollup.Pruned(2, 0);
        vm.prank(makeAddr("anybody"));
        rollup.prune();
        assertEq(rollup.tips().pendingNumber, 0);
        assertEq(rollup.tips().pendingInboxEnd, 0, "deposits wait again");

        vm.expectRevert(IRollup.Rollup__NothingToPrune.selector);
        rollup.prune();
    }

    function testFuzz_AcceptsProofAndPrunableAreComplements(uint256 _epoch, uint256 _time) external view {
        Epoch epoch = Epoch.wrap(bound(_epoch, 0, 1e9));
        Timestamp time = Timestamp.wrap(bound(_time, 0, 1e14));
        uint256 end = GENESIS + (Epoch.unwrap(epoch) + PROOF_WINDOW + 1) * EPOCH_SLOTS * SLOT_SECONDS;

        assertEq(rollup.prunable(epoch, time), Timestamp.unwrap(time) >= end);
        assertEq(rollup.acceptsProof(epoch, time), !rollup.prunable(epoch, time));
    }

    function test_RevertWhen_NothingIsOwed() external {
        vm.expectRevert(abi.encodeWithSelector(IPullPayments.PullPayments__NothingOwed.selector, address(this)));
        rollup.withdraw(address(this));
    }
}
