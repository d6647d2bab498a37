// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {GovernanceTest} from "@agoge-test/support/GovernanceTest.sol";
import {ValidatorStatus} from "@agoge/staking/IStaking.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";

/// @notice Voters, proposers and strangers do every legal move of governance; ghosts keep what was seen.
contract GovernanceHandler is GovernanceTest {
    uint256[] public proposals;

    /// @notice The furthest that a proposal was seen in its life, and what its times were when it was made.
    mapping(uint256 id => bool) public wasSucceeded;
    mapping(uint256 id => bool) public wasQueued;
    mapping(uint256 id => uint256) public executedAt;
    mapping(uint256 id => bytes32) public timesHash;

    /// @notice ETH locked and taken out again, wei.
    uint256 public locked;
    uint256 public paidOut;

    constructor() {
        _prepare();
        _tellPower();
    }

    function propose(uint256 _value) external {
        vm.deal(address(this), LOCK);
        address[] memory targets = new address[](1);
        (targets[0], _value) = (address(target), _value % 1000);
        bytes[] memory calldatas = new bytes[](1);
        calldatas[0] = abi.encodeCall(target.set, (_value));
        string memory text = vm.toString(proposals.length);
        _enter(governor.proposeWithLock{value: LOCK}(targets, new uint256[](1), calldatas, text));
        locked += LOCK;
    }

    function nominate(uint256 _value) external {
        _enter(_nominated(_setPayload(_value)));
    }

    function vote(uint256 _which, uint256 _voter, uint8 _support) external {
        uint256 id = _pick(_which);
        address voter = _withdrawer(_voter % VOTERS);
        if (id == 0 || governor.hasVoted(id, voter)) return;
        if (governor.state(id) == IGovernor.ProposalState.Pending) _openVote(id);
        if (governor.state(id) != IGovernor.ProposalState.Active) return;

        vm.prank(voter);
        governor.castVote(id, _support % 3);
    }

    function voteTogether(uint256 _which, uint256 _count) external {
        uint256 id = _pick(_which);
        if (id == 0) return;
        if (governor.state(id) == IGovernor.ProposalState.Pending) _openVote(id);
        if (governor.state(id) != IGovernor.ProposalState.Active) return;

        for (uint256 i = 0; i < _count % (VOTERS + 1); ++i) {
            if (!governor.hasVoted(id, _withdrawer(i))) _vote(i, id, FOR);
        }
    }

    function close(uint256 _which) external {
        uint256 id = _pick(_which);
        if (id == 0 || governor.state(id) != IGovernor.ProposalState.Active) return;

        _closeVote(id);
        observe();
    }

    function queue(uint256 _which) external {
        uint256 id = _pick(_which);
        if (id == 0 || governor.state(id) != IGovernor.ProposalState.Succeeded) return;

        wasSucceeded[id] = true;
        governor.queue(id);
        observe();
    }

    function execute(uint256 _which, bool _isPatient) external {
        uint256 id = _pick(_which);
        if (id == 0) return;
        IGovernor.ProposalState before = governor.state(id);
        if (before == IGovernor.ProposalState.Queued && _isPatient && vm.getBlockTimestamp() < governor.proposalEta(id))
        {
            _warp(governor.proposalEta(id));
        }

        uint256 calls = target.calls();
        try governor.execute(id) {
            assertEq(executedAt[id], 0, "executed twice");
            executedAt[id] = vm.getBlockTimestamp();
            assertEq(target.calls(), calls + 1);
        } catch {
            assertEq(target.calls(), calls);
        }
    }

    function moveStake(uint256 _voter) external {
        uint256 index = _voter % VOTERS;
        if (staking.validator(_attester(index)).status == ValidatorStatus.Active) {
            vm.prank(_withdrawer(index));
            staking.startExit(_attester(index));
        } else if (staking.validator(_attester(index)).status == ValidatorStatus.None) {
            _stake(index);
        }
    }

    function finaliseExit(uint256 _voter) external {
        address attester = _attester(_voter % VOTERS);
        if (staking.validator(attester).status != ValidatorStatus.Exiting) return;

        uint256 exitableAt = staking.validator(attester).exitableAt;
        if (vm.getBlockTimestamp() < exitableAt) _warp(exitableAt);
        staking.finaliseExit(attester);
    }

    function delegate(uint256 _voter, uint256 _to) external {
        vm.prank(_withdrawer(_voter % VOTERS));
        staking.delegate(_withdrawer(_to % VOTERS));
    }

    function unlock(uint256 _which) external {
        uint256 id = _pick(_which);
        if (id != 0) try governor.unlock(id) {} catch {}
        if (governor.owed(address(this)) != 0) paidOut += governor.withdraw(address(0xCA5E));
    }

    function passTime(uint256 _seconds) external {
        _warp(vm.getBlockTimestamp() + _seconds % 2 days);
        observe();
    }

    /// @notice Writes down who has succeeded and who is queued.
    function observe() public {
        for (uint256 i = 0; i < proposals.length; ++i) {
            IGovernor.ProposalState state = governor.state(proposals[i]);
            if (state == IGovernor.ProposalState.Succeeded) wasSucceeded[proposals[i]] = true;
            if (state == IGovernor.ProposalState.Queued) wasQueued[proposals[i]] = true;
        }
    }

    function check() external {
        observe();
        for (uint256 i = 0; i < proposals.length; ++i) {
            _checkOne(proposals[i]);
        }
        // What is locked and not paid out is there, to the wei.
        assertEq(address(governor).balance, locked - paidOut, "locks");
    }

    function checkPower() external {
        _tellPower();
    }

    function _checkOne(uint256 _id) private view {
        uint256 snapshot = governor.proposalSnapshot(_id);
        uint256 deadline = governor.proposalDeadline(_id);
        uint256 eta = governor.proposalEta(_id);
        assertEq(keccak256(abi.encode(snapshot, deadline)), timesHash[_id], "times of a proposal never change");
        assertLt(snapshot, deadline);
        if (eta != 0) assertGe(eta, deadline + TIMELOCK_DELAY);
        if (wasQueued[_id]) assertTrue(wasSucceeded[_id], "queued without success");

        bool isExecuted = governor.state(_id) == IGovernor.ProposalState.Executed;
        assertEq(isExecuted, executedAt[_id] != 0);
        if (!isExecuted) return;
        assertTrue(wasQueued[_id], "executed without a queue");
        assertGe(executedAt[_id], eta);
        assertLt(executedAt[_id], eta + GRACE);
        (uint256 against, uint256 forVotes, uint256 abstain) = governor.proposalVotes(_id);
        assertGt(forVotes, against);
        assertGe(forVotes + abstain, governor.proposalQuorum(_id));
        assertLe(forVotes + abstain + against, staking.getPastTotalSupply(snapshot), "more votes than power");
    }

    /// @dev The sum of power is the stake of the active.
    function _tellPower() private {
        uint256 stake;
        uint256 votes;
        for (uint256 i = 0; i < VOTERS; ++i) {
            if (staking.validator(_attester(i)).status == ValidatorStatus.Active) stake += STAKE;
            votes += staking.getVotes(_withdrawer(i));
        }
        assertEq(votes, stake, "power");
    }

    function _enter(uint256 _id) private {
        proposals.push(_id);
        timesHash[_id] = keccak256(abi.encode(governor.proposalSnapshot(_id), governor.proposalDeadline(_id)));
    }

    function _pick(uint256 _which) private view returns (uint256) {
        return proposals.length == 0 ? 0 : proposals[_which % proposals.length];
    }
}

contract GovernanceInvariantTest is GovernanceTest {
    GovernanceHandler private _handler;

    function setUp() external {
        _handler = new GovernanceHandler();
        bytes4[] memory selectors = new bytes4[](12);
        selectors[0] = GovernanceHandler.propose.selector;
        selectors[1] = GovernanceHandler.nominate.selector;
        selectors[2] = GovernanceHandler.vote.selector;
        selectors[3] = GovernanceHandler.voteTogether.selector;
        selectors[4] = GovernanceHandler.close.selector;
        selectors[5] = GovernanceHandler.queue.selector;
        selectors[6] = GovernanceHandler.execute.selector;
        selectors[7] = GovernanceHandler.moveStake.selector;
        selectors[8] = GovernanceHandler.finaliseExit.selector;
        selectors[9] = GovernanceHandler.delegate.selector;
        selectors[10] = GovernanceHandler.unlock.selector;
        selectors[11] = GovernanceHandler.passTime.selector;
        targetSelector(FuzzSelector({addr: address(_handler), selectors: selectors}));
        targetContract(address(_handler));
    }

    function invariant_ExecutedWasQueuedWasSucceeded() external {
        _handler.check();
    }

    function invariant_PowerIsTheStakeOfTheActive() external {
        _handler.checkPower();
    }
}
