// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {GovernanceTest, ListPayload, Target} from "@agoge-test/support/GovernanceTest.sol";
import {IFullGovernance} from "@agoge-test/support/IFullGovernance.sol";
import {Action, IPayload} from "@agoge/governance/IPayload.sol";
import {IStaking} from "@agoge/staking/IStaking.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";

/// @notice An action that calls Governance while it executes.
contract ReEntering {
    function run(address _governor, bytes[] calldata _calls) external {
        for (uint256 i = 0; i < _calls.length; ++i) {
            (bool success,) = _governor.call(_calls[i]);
            require(!success, "a re-entering call succeeded");
        }
    }
}

contract ProposalsTest is GovernanceTest {
    function setUp() external {
        _prepare();
    }

    function test_RevertWhen_TheVoteIsUnfit() external {
        uint256 id = _nominated(_setPayload(1));
        _warp(governor.proposalSnapshot(id));
        _expectNoVote(id);

        _openVote(id);
        _vote(0, id, FOR);
        vm.startPrank(_withdrawer(0));
        for (uint8 support = 0; support < 3; ++support) {
            vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorAlreadyCastVote.selector, _withdrawer(0)));
            governor.castVote(id, support);
        }
        vm.stopPrank();
        vm.prank(_withdrawer(1));
        vm.expectRevert(IGovernor.GovernorInvalidVoteType.selector);
        governor.castVote(id, 3);
        (, uint256 forVotes,) = governor.proposalVotes(id);
        assertEq(forVotes, STAKE, "no more than its power");

        _warp(governor.proposalDeadline(id));
        _vote(2, id, FOR);
        _closeVote(id);
        _expectNoVote(id);
    }

    /// @dev GV-09: what is moved, delegated or staked after the snapshot counts nothing, what left after it counts.
    function test_PowerIsThatOfTheSnapshot() external {
        vm.prank(_withdrawer(0));
        staking.delegate(address(this));
        uint256 id = _nominated(_setPayload(1));
        _warp(governor.proposalSnapshot(id));
        vm.prank(_withdrawer(1));
        staking.startExit(_attester(1));
        _openVote(id);
        vm.prank(_withdrawer(2));
        staking.delegate(_withdrawer(3));
        vm.prank(_withdrawer(4));
        staking.startExit(_attester(4));
        _stake(VOTERS);

        assertEq(_weight(address(this), id), STAKE, "delegated before");
        assertEq(_weight(_withdrawer(0), id), 0, "delegated away before");
        assertEq(_weight(_withdrawer(1), id), 0, "left in the second of the snapshot");
        assertEq(_weight(_withdrawer(2), id), STAKE, "delegated away after");
        assertEq(_weight(_withdrawer(3), id), STAKE, "delegated to after");
        assertEq(_weight(_withdrawer(4), id), STAKE, "left after");
        assertEq(_weight(_withdrawer(VOTERS), id), 0, "staked after");

        // GV-12: who left after the snapshot is still staked when the decision takes effect.
        assertGe(staking.validator(_attester(4)).exitableAt, governor.proposalDeadline(id) + timelock.getMinDelay());
    }

    /// @dev GV-22: twenty voters of equal power, a quorum of four.
    function test_QuorumAndTies() external {
        _expectOutcome(0, 0, 0, false);
        _expectOutcome(3, 0, 0, false);
        _expectOutcome(4, 0, 0, true);
        _expectOutcome(2, 2, 0, false);
        _expectOutcome(10, 10, 0, false);
        _expectOutcome(3, 2, 0, false);
        _expectOutcome(3, 2, 1, true);
        _expectOutcome(0, 0, 20, false);
        _expectOutcome(1, 0, 19, true);
        _expectOutcome(1, 1, 18, false);
        _expectOutcome(11, 9, 0, true);
        _expectOutcome(0, 20, 0, false);
    }

    function test_AMassExitLeavesGovernanceAlive() external {
        for (uint256 i = 1; i < VOTERS; ++i) {
            vm.prank(_withdrawer(i));
            staking.startExit(_attester(i));
        }
        uint256 id = _nominated(_setPayload(1));
        _openVote(id);
        assertEq(governor.proposalQuorum(id), STAKE / 5);
        _vote(0, id, FOR);
        _closeVote(id);
        _assertState(id, IGovernor.ProposalState.Succeeded);
    }

    /// @dev At zero power the quorum is zero and nothing passes: more must be for than against.
    function test_WithoutPowerNothingPasses() external {
        for (uint256 i = 0; i < VOTERS; ++i) {
            vm.prank(_withdrawer(i));
            staking.startExit(_attester(i));
        }
        uint256 id = _nominated(_setPayload(1));
        _openVote(id);
        assertEq(governor.proposalQuorum(id), 0);
        _voteOf(0, VOTERS, id, FOR);
        _closeVote(id);
        _assertState(id, IGovernor.ProposalState.Defeated);

        _stake(VOTERS);
        _warp(vm.getBlockTimestamp() + 1);
        id = _nominated(_setPayload(1));
        _openVote(id);
        _vote(VOTERS, id, FOR);
        _closeVote(id);
        _assertState(id, IGovernor.ProposalState.Succeeded);
    }

    /// @dev GV-14
    function test_ExecutionOnlyInItsWindowOnce() external {
        uint256 id = _queued(_setPayload(5));
        uint256 eta = governor.proposalEta(id);
        assertEq(eta, vm.getBlockTimestamp() + TIMELOCK_DELAY);
        vm.expectPartialRevert(IGovernor.GovernorUnexpectedProposalState.selector);
        governor.queue(id);
        _warp(eta - 1);
        vm.expectRevert();
        governor.execute(id);

        uint256 snapshot = vm.snapshotState();
        _warp(eta + GRACE);
        _assertState(id, IGovernor.ProposalState.Expired);
        _expectWrongState(id);

        vm.revertToState(snapshot);
        _warp(eta + GRACE - 1);
        vm.prank(makeAddr("anybody"));
        governor.execute(id);
        assertEq(target.value(), 5);
        _assertState(id, IGovernor.ProposalState.Executed);
        _expectWrongState(id);
        assertEq(target.calls(), 1);
    }

    function test_WhatPassedAndIsNotQueuedExpires() external {
        uint256 id = _nominated(_setPayload(5));
        _expectWrongState(id);
        _openVote(id);
        _expectWrongState(id);
        _voteOf(0, VOTERS, id, FOR);
        _warp(governor.proposalDeadline(id) + GRACE - 1);
        _assertState(id, IGovernor.ProposalState.Succeeded);
        _expectWrongState(id);
        _warp(governor.proposalDeadline(id) + GRACE);
        _assertState(id, IGovernor.ProposalState.Expired);
        vm.expectPartialRevert(IGovernor.GovernorUnexpectedProposalState.selector);
        governor.queue(id);
    }

    function test_RevertGiven_TheProposalIsDefeatedOrUnknown() external {
        uint256 id = _nominated(_setPayload(5));
        _openVote(id);
        _voteOf(0, VOTERS, id, AGAINST);
        _closeVote(id);
        _assertState(id, IGovernor.ProposalState.Defeated);
        vm.expectPartialRevert(IGovernor.GovernorUnexpectedProposalState.selector);
        governor.queue(id);
        _expectWrongState(id);
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorNonexistentProposal.selector, 5));
        governor.execute(5);
    }

    /// @dev GV-15: the third action reverts until the target opens.
    function test_ExecutionIsWholeOrNothing() external {
        ListPayload payload = _setPayload(1).push(address(target), abi.encodeCall(Target.set, (2)))
            .push(address(target), abi.encodeCall(Target.setIfOpen, (3)));
        target.close(true);
        uint256 id = _ready(payload);
        vm.expectRevert(Target.Target__Closed.selector);
        governor.execute(id);
        assertEq(target.calls(), 0, "nothing of the first two");
        _assertState(id, IGovernor.ProposalState.Queued);

        target.close(false);
        governor.execute(id);
        assertEq(target.calls(), 3);
        assertEq(target.value(), 3);
    }

    /// @dev GV-18: whatever the gas, all of the actions run or the proposal stays as it was.
    function test_LittleGasChangesNothing() external {
        ListPayload payload = _setPayload(1).push(address(target), abi.encodeCall(Target.set, (2)));
        uint256 id = _ready(payload);
        uint256 snapshot = vm.snapshotState();
        uint256 executed;
        for (uint256 gas = 30_000; gas < 400_000; gas += 5000) {
            (bool success,) = address(governor).call{gas: gas}(abi.encodeWithSignature("execute(uint256)", id));
            assertEq(target.calls(), success ? 2 : 0);
            _assertState(id, success ? IGovernor.ProposalState.Executed : IGovernor.ProposalState.Queued);
            if (success) ++executed;
            vm.revertToState(snapshot);
        }
        assertGt(executed, 0);
    }

    /// @dev GV-16: an action that calls execute, queue, propose, vote and a setting.
    function test_AnActionThatReEntersChangesNothing() external {
        ReEntering reEntering = new ReEntering();
        bytes[] memory calls = new bytes[](5);
        ListPayload payload = new ListPayload();
        uint256 other = _nominated(_setPayload(3));
        calls[0] = abi.encodeWithSignature("queue(uint256)", other);
        calls[1] =
            abi.encodeCall(IGovernor.propose, (new address[](1), new uint256[](1), new bytes[](1), "of a stranger"));
        calls[2] = abi.encodeCall(governor.setVotingDelay, (uint48(1)));
        calls[3] = abi.encodeCall(governor.relay, (address(timelock), 0, ""));
        calls[4] = abi.encodeCall(governor.castVote, (other, uint8(1)));
        // The setting is authorised for the Timelock, not for who is called in between.
        payload.push(address(reEntering), abi.encodeCall(ReEntering.run, (address(governor), calls)));
        payload.push(address(governor), calls[2]);
        _executed(payload);
        assertEq(governor.votingDelay(), 1);
    }

    /// @dev GV-16: an action that executes its own proposal again.
    function test_RevertWhen_AnActionExecutesItsOwnProposal() external {
        SelfExecuting payload = new SelfExecuting(governor);
        uint256 id = _queued(payload);
        payload.setId(id);
        _warp(governor.proposalEta(id));
        governor.execute(id);
        assertTrue(payload.wasRefused());
        assertEq(payload.runs(), 1);
    }

    /// @dev GV-17: stake belongs to its withdrawer; no proposal moves it.
    function test_RevertWhen_AnActionMovesStake() external {
        bytes[] memory calls = new bytes[](3);
        calls[0] = abi.encodeCall(IStaking.startExit, (_attester(0)));
        calls[1] = abi.encodeCall(IStaking.pin, (_attester(0), address(rollup)));
        calls[2] = abi.encodeCall(staking.withdraw, (address(this)));
        for (uint256 i = 0; i < calls.length; ++i) {
            uint256 id = _ready(_payloadOf(address(staking), calls[i]));
            vm.expectRevert();
            governor.execute(id);
            assertEq(address(staking).balance, VOTERS * STAKE);
        }
    }

    /// @dev GV-20
    function test_NoLoopGrowsWithProposals() external {
        vm.deal(address(this), 400 * LOCK);
        uint256 first = _gasOfProposal(0);
        for (uint256 i = 1; i < 300; ++i) {
            _gasOfProposal(i);
        }
        assertLe(_gasOfProposal(300), first);
    }

    function _gasOfProposal(uint256 _number) private returns (uint256) {
        uint256 gasBefore = gasleft();
        governor.proposeWithLock{value: LOCK}(
            new address[](1), new uint256[](1), new bytes[](1), string(abi.encode(_number))
        );
        return gasBefore - gasleft();
    }

    function _expectOutcome(uint256 _for, uint256 _against, uint256 _abstain, bool _isPassed) private {
        uint256 snapshot = vm.snapshotState();
        uint256 id = _nominated(_setPayload(1));
        _openVote(id);
        assertEq(governor.proposalQuorum(id), 4 * STAKE);
        _voteOf(0, _for, id, FOR);
        _voteOf(_for, _against, id, AGAINST);
        _voteOf(_for + _against, _abstain, id, ABSTAIN);
        _closeVote(id);
        _assertState(id, _isPassed ? IGovernor.ProposalState.Succeeded : IGovernor.ProposalState.Defeated);
        vm.revertToState(snapshot);
    }

    function _expectNoVote(uint256 _id) private {
        vm.expectPartialRevert(IGovernor.GovernorUnexpectedProposalState.selector);
        governor.castVote(_id, FOR);
    }

    function _weight(address _account, uint256 _id) private returns (uint256) {
        vm.prank(_account);
        return governor.castVote(_id, FOR);
    }
}

/// @notice A payload whose action executes its proposal again.
contract SelfExecuting is IPayload {
    IFullGovernance private immutable GOVERNOR;
    uint256 private _id;
    uint256 public runs;
    bool public wasRefused;

    constructor(IFullGovernance _governor) {
        GOVERNOR = _governor;
    }

    function setId(uint256 _new) external {
        _id = _new;
    }

    function run() external {
        ++runs;
        try GOVERNOR.execute(_id) {}
        catch {
            wasRefused = true;
        }
    }

    function actions() external view returns (Action[] memory list) {
        list = new Action[](1);
        list[0] = Action({target: address(this), value: 0, data: abi.encodeCall(this.run, ())});
    }
}
