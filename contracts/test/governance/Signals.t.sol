// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Deployed} from "@agoge-test/support/Deployed.sol";
import {GovernanceTest} from "@agoge-test/support/GovernanceTest.sol";
import {
    GovernanceProposerConfig,
    IGovernanceProposer,
    Round,
    SignedSignal
} from "@agoge/governance/IGovernanceProposer.sol";
import {IRegistry} from "@agoge/governance/IRegistry.sol";
import {Slot} from "@agoge/time/TimeLib.sol";

contract SignalsTest is GovernanceTest {
    bytes32 private constant HASH = keccak256("actions");

    address private _payload;
    address private _other;

    function setUp() external {
        _prepare();
        _payload = address(_setPayload(1));
        _other = address(_setPayload(2));
    }

    function test_RevertWhen_AParameterIsInvalid() external {
        GovernanceProposerConfig memory config = _proposerConfig(address(0));
        _expectRefusal(config, abi.encodeWithSelector(IGovernanceProposer.GovernanceProposer__ZeroAddress.selector));
        config = _proposerConfig(address(governor));
        config.registry = IRegistry(address(0));
        _expectRefusal(config, abi.encodeWithSelector(IGovernanceProposer.GovernanceProposer__ZeroAddress.selector));

        _expectInvalidQuorum(0, 0);
        _expectInvalidQuorum(10, 5);
        _expectInvalidQuorum(10, 11);
        _expectInvalidQuorum(11, 5);
        _expectInvalidQuorum(65_536, 40_000);
        for (uint256 i = 0; i < 2; ++i) {
            config = _proposerConfig(address(governor));
            config.lifetimeRounds = i * 65_536;
            _expectRefusal(
                config,
                abi.encodeWithSelector(
                    IGovernanceProposer.GovernanceProposer__InvalidLifetime.selector, config.lifetimeRounds
                )
            );
        }
        config = _proposerConfig(address(governor));
        (config.roundSlots, config.quorumSignals, config.lifetimeRounds) = (65_535, 65_535, 65_535);
        assertEq(abi.encode(Deployed.governanceProposer(config).config()), abi.encode(config), "the largest");
        (config.roundSlots, config.quorumSignals, config.lifetimeRounds) = (1, 1, 1);
        Deployed.governanceProposer(config);
    }

    function test_TheProposerSignals() external {
        _proposeInSlot(0);
        _warpToSlot(3);
        address proposer = rollup.proposerAt(Slot.wrap(3));
        vm.expectRevert(
            abi.encodeWithSelector(
                IGovernanceProposer.GovernanceProposer__NotProposer.selector, address(this), proposer
            )
        );
        governanceProposer.signal(_payload, HASH);

        vm.expectEmit(address(governanceProposer));
        emit IGovernanceProposer.Signalled(
            address(rollup), 0, _payload, Slot.wrap(3), proposer, governanceProposer.keyOf(_payload, HASH), 1
        );
        vm.prank(proposer);
        governanceProposer.signal(_payload, HASH);

        vm.prank(proposer);
        vm.expectRevert(_alreadySignalled(3));
        governanceProposer.signal(_other, HASH);
    }

    function test_RevertGiven_TheEpochIsNotSetUp() external {
        vm.expectRevert(
            abi.encodeWithSelector(
                IGovernanceProposer.GovernanceProposer__NoProposer.selector, address(rollup), Slot.wrap(0)
            )
        );
        governanceProposer.signal(_payload, HASH);
    }

    function test_AnybodyBringsTheProposersSignature() external {
        _proposeInSlot(0);
        _warpToSlot(4);
        SignedSignal memory signed = _signed(4);

        _expectNotProposer(signed, 0);
        _expectNotProposer(signed, 1);
        _expectNotProposer(signed, 2);
        vm.prank(makeAddr("anybody"));
        governanceProposer.signalWithSignature(signed);
        assertEq(_signalsOf(0, _payload), 1);

        vm.expectRevert(_alreadySignalled(4));
        governanceProposer.signalWithSignature(signed);
        _warpToSlot(5);
        vm.expectRevert(
            abi.encodeWithSelector(
                IGovernanceProposer.GovernanceProposer__WrongSlot.selector, Slot.wrap(4), Slot.wrap(5)
            )
        );
        governanceProposer.signalWithSignature(signed);
        signed.instance = address(this);
        vm.expectRevert(_notCanonical(address(this), address(rollup)));
        governanceProposer.signalWithSignature(signed);
    }

    function test_RevertWhen_TheInstanceIsNotCanonicalNow() external {
        vm.expectRevert(_notCanonical(address(this), address(rollup)));
        governanceProposer.signalBundled(Slot.wrap(0), address(this), _payload, HASH);

        vm.prank(governance);
        registry.add(address(target));
        uint256 activation = ACTIVATION_DELAY * EPOCH_SLOTS;
        _signalIn(activation - 1, _payload, HASH);
        _warpToSlot(activation - 1);
        vm.prank(address(target));
        vm.expectRevert(_notCanonical(address(target), address(rollup)));
        governanceProposer.signalBundled(Slot.wrap(activation - 1), address(this), _payload, HASH);

        _warpToSlot(activation);
        vm.prank(address(rollup));
        vm.expectRevert(_notCanonical(address(rollup), address(target)));
        governanceProposer.signalBundled(Slot.wrap(activation), address(this), _payload, HASH);
        vm.prank(address(target));
        governanceProposer.signalBundled(Slot.wrap(activation), address(this), _payload, HASH);

        // The activation is within a round: each instance has its own counts.
        uint256 round = activation / ROUND_SLOTS;
        assertEq(activation % ROUND_SLOTS, 8);
        assertEq(governanceProposer.round(address(rollup), round).signals, 1);
        assertEq(governanceProposer.round(address(target), round).signals, 1);
    }

    function test_RevertWhen_TheBundledSlotIsNotTheCurrentOne() external {
        _warpToSlot(7);
        for (uint256 slot = 6; slot < 9; slot += 2) {
            vm.prank(address(rollup));
            vm.expectRevert(
                abi.encodeWithSelector(
                    IGovernanceProposer.GovernanceProposer__WrongSlot.selector, Slot.wrap(slot), Slot.wrap(7)
                )
            );
            governanceProposer.signalBundled(Slot.wrap(slot), address(this), _payload, HASH);
        }
    }

    function test_RevertWhen_ThePayloadHasNoCode() external {
        for (uint256 i = 0; i < 3; ++i) {
            address empty = [address(0), address(4), makeAddr("somebody")][i];
            vm.prank(address(rollup));
            vm.expectRevert(abi.encodeWithSelector(IGovernanceProposer.GovernanceProposer__NoCode.selector, empty));
            governanceProposer.signalBundled(Slot.wrap(0), address(this), empty, HASH);
        }
    }

    function test_TheFirstOfSeveralLeads() external {
        _signalIn(0, _payload, HASH);
        _signalIn(1, _other, HASH);
        Round memory round = governanceProposer.round(address(rollup), 0);
        assertEq(round.leader, _payload, "of two with one signal each the first");
        assertEq(round.signals, 1);

        _signalIn(3, _other, HASH);
        round = governanceProposer.round(address(rollup), 0);
        assertEq(round.leader, _other);
        assertEq(round.signals, 2);
        assertEq(round.leaderKey, governanceProposer.keyOf(_other, HASH));

        // Other actions of the same payload are another key.
        _signalIn(4, _other, keccak256("other actions"));
        _signalIn(5, _payload, HASH);
        _signalIn(6, _payload, HASH);
        round = governanceProposer.round(address(rollup), 0);
        assertEq(round.leader, _payload);
        assertEq(round.signals, 3);
        assertEq(_signalsOf(0, _other), 2);
        assertEq(
            governanceProposer.signalsOf(
                address(rollup), 0, governanceProposer.keyOf(_other, keccak256("other actions"))
            ),
            1
        );
    }

    function test_ARoundIsItsSlots() external {
        _signalIn(ROUND_SLOTS - 1, _payload, HASH);
        _signalIn(ROUND_SLOTS, _payload, HASH);
        _signalIn(2 * ROUND_SLOTS - 1, _payload, HASH);
        _signalIn(2 * ROUND_SLOTS, _payload, HASH);

        assertEq(governanceProposer.round(address(rollup), 0).signals, 1);
        assertEq(governanceProposer.round(address(rollup), 1).signals, 2);
        assertEq(governanceProposer.round(address(rollup), 2).signals, 1);
        assertEq(governanceProposer.round(address(rollup), 3).signals, 0);
        assertEq(governanceProposer.currentRound(), 2);
        assertEq(governanceProposer.roundOf(Slot.wrap(2 * ROUND_SLOTS - 1)), 1);
    }

    /// @dev The ring holds the running round and those of the lifetime; a later round starts from nothing.
    function test_ARoundTakesThePlaceOfADeadOne() external {
        _signalIn(5, _payload, HASH);
        uint256 later = (LIFETIME + 1) * ROUND_SLOTS;
        _signalIn(later, _other, HASH);

        assertEq(governanceProposer.round(address(rollup), 0).signals, 0);
        assertEq(_signalsOf(0, _payload), 1, "counts stay");
        Round memory round = governanceProposer.round(address(rollup), LIFETIME + 1);
        assertEq(round.leader, _other);
        assertEq(round.signals, 1);
        assertFalse(round.isNominated);
    }

    /// @dev GV-03: for any slots and choices, what a plain recount says.
    function testFuzz_CountsAreExact(uint256 _seed) external {
        uint256[3] memory counts;
        uint256 leader = 3;
        for (uint256 slot = 0; slot < ROUND_SLOTS; ++slot) {
            uint256 choice = uint256(keccak256(abi.encode(_seed, slot))) % 4;
            if (choice == 3) continue;

            _signalIn(ROUND_SLOTS + slot, choice == 0 ? _other : _payload, bytes32(choice));
            ++counts[choice];
            if (leader == 3 || counts[choice] > counts[leader]) leader = choice;
        }

        Round memory round = governanceProposer.round(address(rollup), 1);
        assertEq(round.signals, leader == 3 ? 0 : counts[leader]);
        for (uint256 i = 0; i < 3; ++i) {
            bytes32 key = governanceProposer.keyOf(i == 0 ? _other : _payload, bytes32(i));
            assertEq(governanceProposer.signalsOf(address(rollup), 1, key), counts[i]);
            if (i == leader) assertEq(round.leaderKey, key);
        }
    }

    function test_BeforeGenesis() external {
        _warp(GENESIS - 1);
        assertEq(governanceProposer.currentRound(), 0);
        vm.prank(address(rollup));
        vm.expectRevert();
        governanceProposer.signalBundled(Slot.wrap(0), address(this), _payload, HASH);
    }

    function _signed(uint256 _slot) private view returns (SignedSignal memory signed) {
        signed.instance = address(rollup);
        signed.slot = Slot.wrap(_slot);
        signed.payload = _payload;
        signed.actionsHash = HASH;
        (signed.r, signed.vs) = _sign(rollup.proposerAt(signed.slot), governanceProposer.signalDigest(signed));
    }

    function _expectNotProposer(SignedSignal memory _right, uint256 _field) private {
        SignedSignal memory wrong = abi.decode(abi.encode(_right), (SignedSignal));
        if (_field == 0) wrong.payload = _other;
        if (_field == 1) wrong.actionsHash = "other";
        if (_field == 2) wrong.vs = bytes32(type(uint256).max);
        vm.expectPartialRevert(IGovernanceProposer.GovernanceProposer__NotProposer.selector);
        governanceProposer.signalWithSignature(wrong);
    }

    function _signalsOf(uint256 _round, address _for) private view returns (uint256) {
        return governanceProposer.signalsOf(address(rollup), _round, governanceProposer.keyOf(_for, HASH));
    }

    function _notCanonical(address _given, address _canonical) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IGovernanceProposer.GovernanceProposer__NotCanonical.selector, _given, _canonical);
    }

    function _alreadySignalled(uint256 _slot) private pure returns (bytes memory) {
        return
            abi.encodeWithSelector(IGovernanceProposer.GovernanceProposer__AlreadySignalled.selector, Slot.wrap(_slot));
    }

    function _expectInvalidQuorum(uint256 _roundSlots, uint256 _quorum) private {
        GovernanceProposerConfig memory config = _proposerConfig(address(governor));
        (config.roundSlots, config.quorumSignals) = (_roundSlots, _quorum);
        _expectRefusal(
            config,
            abi.encodeWithSelector(IGovernanceProposer.GovernanceProposer__InvalidQuorum.selector, _quorum, _roundSlots)
        );
    }

    function _expectRefusal(GovernanceProposerConfig memory _config, bytes memory _error) private {
        vm.expectRevert(_error);
        Deployed.governanceProposer(_config);
    }
}
