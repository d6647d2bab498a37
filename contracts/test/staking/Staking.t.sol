// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Deployed} from "@agoge-test/support/Deployed.sol";
import {NetworkTest} from "@agoge-test/support/NetworkTest.sol";
import {IRegistry} from "@agoge/governance/IRegistry.sol";
import {IPullPayments} from "@agoge/payments/IPullPayments.sol";
import {CommitteeLib} from "@agoge/rollup/CommitteeLib.sol";
import {IStaking, StakingConfig, Validator, ValidatorStatus} from "@agoge/staking/IStaking.sol";
import {Epoch, Timestamp} from "@agoge/time/TimeLib.sol";

/// @notice A recipient that refuses, and burns what gas it gets.
contract HostileRecipient {
    receive() external payable {
        while (true) {}
    }
}

contract StakingTest is NetworkTest {
    address private _zeroth;

    function setUp() external {
        _deployNetwork(20, 16);
        _zeroth = _attester(0);
    }

    function test_RevertWhen_TheDepositIsUnfit() external {
        address entrant = _attester(20);
        bytes memory proof = _proofOfPossession(entrant, _withdrawer(20));
        bytes memory otherProof = _proofOfPossession(entrant, _withdrawer(21));
        vm.deal(address(this), 100 ether);

        vm.expectRevert(IStaking.Staking__ZeroAddress.selector);
        staking.deposit{value: STAKE}(address(0), _withdrawer(20), proof);
        vm.expectRevert(IStaking.Staking__ZeroAddress.selector);
        staking.deposit{value: STAKE}(entrant, address(0), proof);
        for (uint256 i = 0; i < 3; ++i) {
            uint256 value = [0, STAKE - 1, STAKE + 1][i];
            vm.expectRevert(abi.encodeWithSelector(IStaking.Staking__WrongStake.selector, value, STAKE));
            staking.deposit{value: value}(entrant, _withdrawer(20), proof);
        }
        vm.expectRevert(abi.encodeWithSelector(IStaking.Staking__AlreadyStaked.selector, _zeroth));
        staking.deposit{value: STAKE}(_zeroth, _withdrawer(20), proof);
        vm.expectRevert(abi.encodeWithSelector(IStaking.Staking__NotAllowed.selector, entrant));
        staking.deposit{value: STAKE}(entrant, _withdrawer(20), proof);

        _allow(entrant);
        bytes memory wrong = abi.encodeWithSelector(IStaking.Staking__WrongProofOfPossession.selector, entrant);
        vm.expectRevert(wrong);
        staking.deposit{value: STAKE}(entrant, _withdrawer(20), otherProof);
        vm.expectRevert(wrong);
        staking.deposit{value: STAKE}(entrant, _withdrawer(20), abi.encodePacked(proof, bytes1(0)));
        vm.expectRevert(wrong);
        staking.deposit{value: STAKE}(entrant, _withdrawer(20), new bytes(64));
        staking.deposit{value: STAKE}(entrant, _withdrawer(20), proof);
    }

    function test_GivenGenesisIsAheadEverybodyIsActiveAtOnce() external view {
        assertEq(staking.setSize(address(rollup), Epoch.wrap(0)), 20);
        assertEq(uint8(staking.validator(_zeroth).status), uint8(ValidatorStatus.Active));
        assertEq(staking.queueLength(), 0);
    }

    function test_GivenGenesisIsPastTheRateHolds() external {
        for (uint256 i = 20; i < 26; ++i) {
            _stake(i);
        }
        assertEq(staking.queueLength(), 2);
        assertEq(staking.activateQueued(100), 0, "the epoch is full");
        assertEq(uint8(staking.validator(_attester(24)).status), uint8(ValidatorStatus.Queued));

        // One of the two leaves the queue and comes back behind: its first entry is void.
        vm.prank(_withdrawer(24));
        staking.startExit(_attester(24));
        _warp(GENESIS + EXIT_DELAY);
        staking.finaliseExit(_attester(24));
        _stake(24);
        assertEq(staking.queueLength(), 2, "the deposit did the work of one void entry");

        assertEq(staking.activateQueued(100), 2);
        address[] memory set = _setNow();
        assertEq(set[24], _attester(25), "order");
        assertEq(set[25], _attester(24), "order");
    }

    function test_RevertWhen_ThePinIsUnfit() external {
        vm.expectRevert(abi.encodeWithSelector(IStaking.Staking__NotWithdrawer.selector, address(this), _withdrawer(0)));
        staking.pin(_zeroth, address(rollup));

        vm.startPrank(_withdrawer(0));
        vm.expectRevert(abi.encodeWithSelector(IStaking.Staking__AlreadyPinned.selector, _zeroth, address(0)));
        staking.pin(_zeroth, address(0));
        vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry__UnknownInstance.selector, address(this)));
        staking.pin(_zeroth, address(this));
        vm.stopPrank();

        vm.prank(governance);
        registry.add(address(this));
        vm.startPrank(_withdrawer(0));
        vm.expectRevert(abi.encodeWithSelector(IStaking.Staking__InstanceNotActive.selector, address(this)));
        staking.pin(_zeroth, address(this));
        staking.startExit(_zeroth);
        vm.expectRevert(
            abi.encodeWithSelector(IStaking.Staking__WrongStatus.selector, _zeroth, ValidatorStatus.Exiting)
        );
        staking.pin(_zeroth, address(rollup));
    }

    function test_PinsAndTheRegistryDecideTheSet() external {
        vm.prank(_withdrawer(3));
        staking.pin(_attester(3), address(rollup));
        vm.prank(governance);
        registry.add(address(this));
        uint256 activation = ACTIVATION_DELAY;
        _warpToSlot((activation + 3) * EPOCH_SLOTS);

        address[] memory before = staking.set(address(rollup), Epoch.wrap(activation - 1));
        assertEq(before.length, 20);
        assertEq(before[0], _attester(3), "the pinned come first");
        assertEq(before[4], _attester(19), "the last took the seat");
        address[] memory stayed = staking.set(address(rollup), Epoch.wrap(activation));
        assertEq(stayed.length, 1);
        assertEq(stayed[0], _attester(3));
        assertEq(staking.setSize(address(this), Epoch.wrap(activation)), 19, "the followers moved");
        assertEq(staking.setSize(address(0), Epoch.wrap(activation)), 0);

        vm.prank(_withdrawer(3));
        staking.pin(_attester(3), address(0));
        assertEq(staking.set(address(rollup), Epoch.wrap(0))[3], _attester(3), "the past does not change");
    }

    function test_NothingInAnEpochChangesItsSet() external {
        _warpToSlot(5 * EPOCH_SLOTS);
        address[] memory before = staking.set(address(rollup), Epoch.wrap(5));
        vm.prank(_withdrawer(7));
        staking.startExit(_attester(7));
        _stake(20);

        assertEq(staking.set(address(rollup), Epoch.wrap(5)), before);
        uint256[] memory positions = new uint256[](2);
        (positions[0], positions[1]) = (7, 19);
        address[] memory drawn =
            CommitteeLib.unpack(staking.attestersAt(address(rollup), Epoch.wrap(5), abi.encodePacked(positions)));
        assertEq(drawn[0], before[7]);
        assertEq(drawn[1], before[19]);
    }

    function test_RevertGiven_TheSetIsNotFrozen() external {
        Epoch epoch = Epoch.wrap(SET_LAG + 1);
        uint256 freeze = GENESIS + EPOCH_SLOTS * SLOT_SECONDS - 1;
        _warp(freeze);

        vm.expectRevert(abi.encodeWithSelector(IStaking.Staking__SetNotFrozen.selector, epoch, Timestamp.wrap(freeze)));
        staking.setSize(address(rollup), epoch);
        _warp(freeze + 1);
        assertEq(staking.setSize(address(rollup), epoch), 20);
    }

    function test_RevertWhen_TheExitIsUnfit() external {
        vm.expectRevert(abi.encodeWithSelector(IStaking.Staking__NotWithdrawer.selector, address(this), _withdrawer(0)));
        staking.startExit(_zeroth);
        vm.expectRevert(abi.encodeWithSelector(IStaking.Staking__WrongStatus.selector, _zeroth, ValidatorStatus.Active));
        staking.finaliseExit(_zeroth);

        vm.prank(_withdrawer(0));
        staking.startExit(_zeroth);
        vm.prank(_withdrawer(0));
        vm.expectRevert(
            abi.encodeWithSelector(IStaking.Staking__WrongStatus.selector, _zeroth, ValidatorStatus.Exiting)
        );
        staking.startExit(_zeroth);
        _warp(GENESIS + EXIT_DELAY - 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IStaking.Staking__TooEarlyToExit.selector,
                Timestamp.wrap(GENESIS + EXIT_DELAY - 1),
                GENESIS + EXIT_DELAY
            )
        );
        staking.finaliseExit(_zeroth);
    }

    function test_AnExitPaysOnceToAnyRecipient() external {
        vm.expectEmit(address(staking));
        emit IStaking.ExitStarted(_zeroth, GENESIS + EXIT_DELAY, false);
        vm.prank(_withdrawer(0));
        staking.startExit(_zeroth);
        _warp(GENESIS + EXIT_DELAY);
        vm.expectEmit(address(staking));
        emit IStaking.ExitFinalised(_zeroth, _withdrawer(0), STAKE);
        staking.finaliseExit(_zeroth);
        assertEq(staking.owed(_withdrawer(0)), STAKE);
        assertEq(staking.validator(_zeroth).withdrawer, address(0));

        vm.startPrank(_withdrawer(0));
        vm.expectRevert(IPullPayments.PullPayments__ZeroRecipient.selector);
        staking.withdraw(address(0));
        address hostile = address(new HostileRecipient());
        vm.expectRevert(abi.encodeWithSelector(IPullPayments.PullPayments__TransferFailed.selector, hostile, STAKE));
        staking.withdraw(hostile);
        assertEq(staking.withdraw(address(0xCAFE)), STAKE);
        assertEq(address(0xCAFE).balance, STAKE);
        vm.expectRevert(abi.encodeWithSelector(IPullPayments.PullPayments__NothingOwed.selector, _withdrawer(0)));
        staking.withdraw(address(0xCAFE));
    }

    function test_TheAllowListGoesOneWay() external {
        address[] memory list = new address[](1);
        vm.expectRevert(abi.encodeWithSelector(IStaking.Staking__NotAllowListAdmin.selector, address(this)));
        staking.setAllowed(list, true);
        vm.expectRevert(abi.encodeWithSelector(IStaking.Staking__NotGovernance.selector, address(this)));
        staking.disableAllowList();

        vm.expectEmit(address(staking));
        emit IStaking.AllowListDisabled();
        vm.prank(governance);
        staking.disableAllowList();
        _stake(20);

        vm.prank(allowListAdmin);
        vm.expectRevert(IStaking.Staking__AllowListIsOff.selector);
        staking.setAllowed(list, false);
        vm.prank(governance);
        vm.expectRevert(IStaking.Staking__AllowListIsOff.selector);
        staking.disableAllowList();
    }

    function test_GivenTheAllowListIsOffFromTheStart() external {
        StakingConfig memory config = _stakingConfig();
        config.isAllowListOn = false;
        staking = Deployed.staking(config);

        assertFalse(staking.isAllowListOn());
        assertEq(abi.encode(staking.config()), abi.encode(config));
        address attester = _stake(30);
        assertFalse(staking.isAllowed(attester));
        assertTrue(staking.validator(attester).status != ValidatorStatus.None);
        vm.prank(allowListAdmin);
        vm.expectRevert(IStaking.Staking__AllowListIsOff.selector);
        staking.setAllowed(new address[](1), true);
    }

    function test_RevertWhen_AParameterIsInvalid() external {
        StakingConfig memory config = _stakingConfig();
        config.treasury = address(0);
        _expectRefusal(config, abi.encodeWithSelector(IStaking.Staking__ZeroAddress.selector));

        config = _stakingConfig();
        config.minimumStake = STAKE + 1;
        _expectRefusal(config, abi.encodeWithSelector(IStaking.Staking__InvalidStakeBounds.selector, STAKE + 1, STAKE));

        config = _stakingConfig();
        config.entriesPerEpoch = 0;
        _expectRefusal(config, abi.encodeWithSelector(IStaking.Staking__ZeroEntriesPerEpoch.selector));

        config = _stakingConfig();
        config.slashBps = 10_001;
        _expectRefusal(config, abi.encodeWithSelector(IStaking.Staking__InvalidBasisPoints.selector, 10_001, 1000));

        config = _stakingConfig();
        config.exitDelaySeconds = 1;
        uint256 minimum = (SET_LAG + 1) * EPOCH_SLOTS * SLOT_SECONDS;
        _expectRefusal(config, abi.encodeWithSelector(IStaking.Staking__ExitDelayTooShort.selector, 1, minimum));
    }

    function _setNow() private returns (address[] memory) {
        uint256 epoch = (vm.getBlockTimestamp() - GENESIS) / SLOT_SECONDS / EPOCH_SLOTS + SET_LAG + 1;
        _warpToSlot(epoch * EPOCH_SLOTS);
        return staking.set(address(rollup), Epoch.wrap(epoch));
    }

    function _expectRefusal(StakingConfig memory _config, bytes memory _error) private {
        vm.expectRevert(_error);
        Deployed.staking(_config);
    }
}
