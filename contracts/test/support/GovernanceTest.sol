// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {NetworkTest} from "@agoge-test/support/NetworkTest.sol";
import {Action, IPayload} from "@agoge/governance/IPayload.sol";
import {Slot} from "@agoge/time/TimeLib.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";

/// @notice A payload of any actions, which a test may change.
contract ListPayload is IPayload {
    Action[] private _list;

    function push(address _target, bytes memory _data) public returns (ListPayload) {
        _list.push(Action({target: _target, value: 0, data: _data}));
        return this;
    }

    function actions() external view override returns (Action[] memory) {
        return _list;
    }
}

/// @notice What actions of the tests do: keeps what it was told, and refuses while it is closed.
contract Target {
    uint256 public value;
    uint256 public calls;
    bool public isClosed;

    error Target__Closed();

    function set(uint256 _value) external {
        value = _value;
        ++calls;
    }

    function setIfOpen(uint256 _value) external {
        require(!isClosed, Target__Closed());
        value = _value;
        ++calls;
    }

    function close(bool _isClosed) external {
        isClosed = _isClosed;
    }
}

/// @notice A network with twenty voters of equal power, and the ways from a payload to its execution.
abstract contract GovernanceTest is NetworkTest {
    uint256 internal constant VOTERS = 20;
    uint8 internal constant AGAINST = 0;
    uint8 internal constant FOR = 1;
    uint8 internal constant ABSTAIN = 2;

    Target internal target;

    function _prepare() internal {
        _deployNetwork(VOTERS, 16);
        target = new Target();
    }

    function _hashOf(IPayload _payload) internal view returns (bytes32) {
        return keccak256(abi.encode(_payload.actions()));
    }

    /// @dev One action: the target is told a value.
    function _setPayload(uint256 _value) internal returns (ListPayload) {
        return new ListPayload().push(address(target), abi.encodeCall(Target.set, (_value)));
    }

    function _payloadOf(address _target, bytes memory _data) internal returns (ListPayload) {
        return new ListPayload().push(_target, _data);
    }

    function _currentSlot() internal view returns (uint256) {
        return (vm.getBlockTimestamp() - GENESIS) / SLOT_SECONDS;
    }

    /// @dev A signal of a slot of the canonical instance, as if a block had brought it.
    function _signalIn(uint256 _slot, address _payload, bytes32 _hash) internal {
        _warpToSlot(_slot);
        vm.prank(address(rollup));
        governanceProposer.signalBundled(Slot.wrap(_slot), makeAddr("proposer"), _payload, _hash);
    }

    /// @dev A whole quorum in the next round; then the round is over.
    function _winNextRound(address _payload, bytes32 _hash) internal returns (uint256 round) {
        round = governanceProposer.currentRound() + 1;
        for (uint256 i = 0; i < QUORUM_SIGNALS; ++i) {
            _signalIn(round * ROUND_SLOTS + i, _payload, _hash);
        }
        _warpToSlot((round + 1) * ROUND_SLOTS);
    }

    function _nominated(IPayload _payload) internal returns (uint256 proposalId) {
        return governanceProposer.nominate(address(rollup), _winNextRound(address(_payload), _hashOf(_payload)));
    }

    function _openVote(uint256 _proposalId) internal {
        _warp(governor.proposalSnapshot(_proposalId) + 1);
    }

    function _vote(uint256 _voter, uint256 _proposalId, uint8 _support) internal {
        vm.prank(_withdrawer(_voter));
        governor.castVote(_proposalId, _support);
    }

    function _voteOf(uint256 _firstVoter, uint256 _count, uint256 _proposalId, uint8 _support) internal {
        for (uint256 i = _firstVoter; i < _firstVoter + _count; ++i) {
            _vote(i, _proposalId, _support);
        }
    }

    function _closeVote(uint256 _proposalId) internal {
        _warp(governor.proposalDeadline(_proposalId) + 1);
    }

    function _queued(IPayload _payload) internal returns (uint256 proposalId) {
        proposalId = _nominated(_payload);
        _openVote(proposalId);
        _voteOf(0, VOTERS, proposalId, FOR);
        _closeVote(proposalId);
        governor.queue(proposalId);
    }

    /// @dev Queued, with its timelock over.
    function _ready(IPayload _payload) internal returns (uint256 proposalId) {
        proposalId = _queued(_payload);
        _warp(governor.proposalEta(proposalId));
    }

    function _executed(IPayload _payload) internal returns (uint256 proposalId) {
        proposalId = _ready(_payload);
        governor.execute(proposalId);
    }

    function _assertState(uint256 _proposalId, IGovernor.ProposalState _state) internal view {
        assertEq(uint256(governor.state(_proposalId)), uint256(_state), "state of the proposal");
    }

    function _expectWrongState(uint256 _proposalId) internal {
        vm.expectPartialRevert(IGovernor.GovernorUnexpectedProposalState.selector);
        governor.execute(_proposalId);
    }
}
