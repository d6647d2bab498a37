// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Deployed} from "@agoge-test/support/Deployed.sol";
import {GovernanceTest, ListPayload, Target} from "@agoge-test/support/GovernanceTest.sol";
import {IGovernance} from "@agoge/governance/IGovernance.sol";
import {IGovernanceProposer} from "@agoge/governance/IGovernanceProposer.sol";
import {Action, IPayload} from "@agoge/governance/IPayload.sol";
import {Slot} from "@agoge/time/TimeLib.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";

/// @notice Answers every call as its mode says: a hostile instance or payload.
contract Hostile {
    enum Mode {
        Reverts,
        BurnsGas,
        ReturnsNothing,
        ReturnsJunk,
        ReturnsMegabytes,
        ReEnters,
        NamesTheCaller
    }

    Mode private _mode;

    function setMode(Mode _new) external {
        _mode = _new;
    }

    fallback() external {
        Mode mode = _mode;
        if (mode == Mode.Reverts) revert("no");
        while (mode == Mode.BurnsGas) {}
        if (mode == Mode.ReEnters) {
            IGovernanceProposer(msg.sender).signalBundled(Slot.wrap(0), address(this), address(this), 0);
        }
        bool isJunk = mode == Mode.ReturnsJunk || mode == Mode.ReturnsMegabytes;
        uint256 word = isJunk ? type(uint256).max : uint160(tx.origin);
        uint256 length = mode == Mode.ReturnsNothing ? 0 : mode == Mode.ReturnsMegabytes ? 1_000_000 : 32;
        assembly {
            mstore(0, word)
            return(0, length)
        }
    }
}

contract NominateTest is GovernanceTest {
    ListPayload private _payload;

    function setUp() external {
        _prepare();
        _payload = _setPayload(7);
    }

    function test_TheBoundariesOfTheLifetime() external {
        uint256 round = _winNextRound(address(_payload), _hashOf(_payload));
        uint256 snapshot = vm.snapshotState();

        _warpToSlot((round + 1) * ROUND_SLOTS - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IGovernanceProposer.GovernanceProposer__RoundNotOver.selector, round, round)
        );
        governanceProposer.nominate(address(rollup), round);

        _warpToSlot((round + 1 + LIFETIME) * ROUND_SLOTS);
        vm.expectRevert(
            abi.encodeWithSelector(IGovernanceProposer.GovernanceProposer__RoundTooOld.selector, round, round + 1)
        );
        governanceProposer.nominate(address(rollup), round);

        _warpToSlot((round + 1 + LIFETIME) * ROUND_SLOTS - 1);
        governanceProposer.nominate(address(rollup), round);
        vm.revertToState(snapshot);
        governanceProposer.nominate(address(rollup), round);
        assertTrue(governanceProposer.round(address(rollup), round).isNominated);
        vm.expectRevert(
            abi.encodeWithSelector(IGovernanceProposer.GovernanceProposer__AlreadyNominated.selector, round)
        );
        governanceProposer.nominate(address(rollup), round);
    }

    /// @dev GV-03: N - 1 signals are too few, however the rest of the round signals.
    function test_RevertGiven_OneSignalTooFew() external {
        bytes32 hash = _hashOf(_payload);
        address other = address(_setPayload(8));
        for (uint256 i = 0; i < ROUND_SLOTS; ++i) {
            _signalIn(ROUND_SLOTS + i, i < QUORUM_SIGNALS - 1 ? address(_payload) : other, hash);
        }
        _warpToSlot(2 * ROUND_SLOTS);

        vm.expectRevert(
            abi.encodeWithSelector(
                IGovernanceProposer.GovernanceProposer__TooFewSignals.selector, QUORUM_SIGNALS - 1, QUORUM_SIGNALS
            )
        );
        governanceProposer.nominate(address(rollup), 1);
        vm.expectRevert(
            abi.encodeWithSelector(IGovernanceProposer.GovernanceProposer__TooFewSignals.selector, 0, QUORUM_SIGNALS)
        );
        governanceProposer.nominate(address(this), 1);
    }

    function test_TheProposalIsWhatWasSignalled() external {
        _payload.push(address(this), "more");
        uint256 round = _winNextRound(address(_payload), _hashOf(_payload));
        vm.expectEmit(true, true, true, false, address(governanceProposer));
        emit IGovernanceProposer.Nominated(address(rollup), round, address(_payload), 0);
        vm.prank(makeAddr("anybody"));
        uint256 id = governanceProposer.nominate(address(rollup), round);

        (address[] memory targets, uint256[] memory values, bytes[] memory calldatas,) = governor.proposalDetails(id);
        Action[] memory actions = _payload.actions();
        assertEq(targets.length, 2);
        for (uint256 i = 0; i < 2; ++i) {
            assertEq(targets[i], actions[i].target);
            assertEq(values[i], actions[i].value);
            assertEq(calldatas[i], actions[i].data);
        }
        assertEq(governor.proposalProposer(id), address(governanceProposer));
        assertEq(governor.proposalSnapshot(id), vm.getBlockTimestamp() + VOTE_DELAY);
        assertEq(governor.proposalDeadline(id), vm.getBlockTimestamp() + VOTE_DELAY + VOTE_PERIOD);

        // Nothing that the payload does from now on counts.
        _payload.push(address(staking), "hostile");
        vm.etch(address(_payload), "");
        (targets,,,) = governor.proposalDetails(id);
        assertEq(targets.length, 2);
    }

    /// @dev The same payload can win another round: another proposal.
    function test_APayloadIsNominatedByRound() external {
        uint256 first = _nominated(_payload);
        uint256 second = _nominated(_payload);
        assertNotEq(first, second);
    }

    function test_RevertWhen_TheActionsChanged() external {
        uint256 round = _winNextRound(address(_payload), _hashOf(_payload));
        bytes32 signalled = governanceProposer.round(address(rollup), round).leaderKey;
        _payload.push(address(staking), "hostile");
        bytes32 now_ = governanceProposer.keyOf(address(_payload), _hashOf(_payload));

        vm.expectRevert(
            abi.encodeWithSelector(IGovernanceProposer.GovernanceProposer__PayloadChanged.selector, now_, signalled)
        );
        governanceProposer.nominate(address(rollup), round);
    }

    /// @dev GV-08: an address whose code was replaced by one with the same actions.
    function test_RevertWhen_TheCodeChanged() external {
        IPayload first = Deployed.allowListOffPayload(staking);
        uint256 round = _winNextRound(address(first), _hashOf(first));
        bytes32 hash = _hashOf(first);
        vm.etch(address(first), abi.encodePacked(address(first).code, hex"00"));
        assertEq(_hashOf(first), hash, "the same actions");

        vm.expectPartialRevert(IGovernanceProposer.GovernanceProposer__PayloadChanged.selector);
        governanceProposer.nominate(address(rollup), round);
    }

    /// @dev GV-06: an account with delegated code (EIP-7702) is its code of the moment of each signal.
    function test_RevertWhen_ADelegationChanged() external {
        address implementation = address(Deployed.allowListOffPayload(staking));
        address account = makeAddr("delegated");
        vm.etch(account, abi.encodePacked(hex"ef0100", implementation));
        uint256 round = _winNextRound(account, _hashOf(IPayload(account)));
        uint256 snapshot = vm.snapshotState();
        governanceProposer.nominate(address(rollup), round);

        vm.revertToState(snapshot);
        vm.etch(account, abi.encodePacked(hex"ef0100", address(Deployed.allowListOffPayload(staking))));
        vm.expectPartialRevert(IGovernanceProposer.GovernanceProposer__PayloadChanged.selector);
        governanceProposer.nominate(address(rollup), round);
    }

    function test_RevertWhen_ThePayloadIsHostile() external {
        Hostile hostile = new Hostile();
        uint256 round = _winNextRound(address(hostile), keccak256("junk"));
        for (uint256 mode = 0; mode <= uint256(type(Hostile.Mode).max); ++mode) {
            hostile.setMode(Hostile.Mode(mode));
            _expectNotAPayload(address(hostile), round);
        }
        vm.etch(address(hostile), "");
        _expectNotAPayload(address(hostile), round);
    }

    function test_RevertWhen_TheNumberOfActionsIsUnfit() external {
        ListPayload empty = new ListPayload();
        _expectInvalidCount(empty, 0);
        for (uint256 i = 0; i < 16; ++i) {
            empty.push(address(target), abi.encodeCall(Target.set, (i)));
        }
        _nominated(empty);
        _expectInvalidCount(empty.push(address(target), ""), 17);
    }

    /// @dev GV-05: a hostile instance that is canonical harms nobody but itself, with bounded gas.
    function test_RevertWhen_TheInstanceIsHostile() external {
        Hostile hostile = new Hostile();
        vm.prank(governance);
        registry.add(address(hostile));
        uint256 slot = ACTIVATION_DELAY * EPOCH_SLOTS;
        _signalIn(slot - 1, address(_payload), 0);
        _warpToSlot(slot);

        for (uint256 mode = 0; mode < uint256(Hostile.Mode.NamesTheCaller); ++mode) {
            hostile.setMode(Hostile.Mode(mode));
            _expectNoProposer(address(hostile), slot);
        }
        bytes memory code = address(hostile).code;
        vm.etch(address(hostile), "");
        _expectNoProposer(address(hostile), slot);
        vm.etch(address(hostile), code);

        // One that lets anybody signal gives one signal a slot, in counts of its own.
        hostile.setMode(Hostile.Mode.NamesTheCaller);
        vm.startPrank(tx.origin);
        governanceProposer.signal(address(_payload), 0);
        vm.expectPartialRevert(IGovernanceProposer.GovernanceProposer__AlreadySignalled.selector);
        governanceProposer.signal(address(_payload), 0);
        assertEq(governanceProposer.round(address(rollup), slot / ROUND_SLOTS).signals, 1);
    }

    /// @dev GV-19: a proposal with the same actions and text made before takes another id.
    function test_AnEqualProposalBlocksNothing() external {
        uint256 round = _winNextRound(address(_payload), _hashOf(_payload));
        uint256 snapshot = vm.snapshotState();
        uint256 id = governanceProposer.nominate(address(rollup), round);
        (address[] memory targets, uint256[] memory values, bytes[] memory calldatas, bytes32 hash) =
            governor.proposalDetails(id);
        vm.revertToState(snapshot);

        string memory text = string.concat(
            "Agoge payload ",
            vm.toString(address(_payload)),
            ", signalled in round ",
            vm.toString(round),
            " of instance ",
            vm.toString(address(rollup))
        );
        assertEq(keccak256(bytes(text)), hash, "the text of a nomination");
        vm.deal(address(this), LOCK);
        uint256 copy = governor.proposeWithLock{value: LOCK}(targets, values, calldatas, text);
        assertNotEq(copy, id);
        vm.expectRevert(abi.encodeWithSelector(IGovernance.Governance__NotProposer.selector, address(this)));
        governor.propose(targets, values, calldatas, text);
        governor.cancel(copy);

        assertEq(governanceProposer.nominate(address(rollup), round), id, "the nomination is not blocked");
        vm.expectPartialRevert(IGovernor.GovernorUnableToCancel.selector);
        governor.cancel(id);
    }

    function _expectNotAPayload(address _of, uint256 _round) private {
        vm.expectRevert(abi.encodeWithSelector(IGovernanceProposer.GovernanceProposer__NotAPayload.selector, _of));
        governanceProposer.nominate{gas: 10_000_000}(address(rollup), _round);
    }

    function _expectInvalidCount(ListPayload _of, uint256 _count) private {
        uint256 round = _winNextRound(address(_of), _hashOf(_of));
        vm.expectRevert(
            abi.encodeWithSelector(IGovernanceProposer.GovernanceProposer__InvalidActionCount.selector, _count, 16)
        );
        governanceProposer.nominate(address(rollup), round);
    }

    function _expectNoProposer(address _instance, uint256 _slot) private {
        uint256 gasBefore = gasleft();
        vm.expectRevert(
            abi.encodeWithSelector(
                IGovernanceProposer.GovernanceProposer__NoProposer.selector, _instance, Slot.wrap(_slot)
            )
        );
        governanceProposer.signal(address(_payload), 0);
        assertLt(gasBefore - gasleft(), 3_200_000, "gas that an instance can burn");
    }
}
