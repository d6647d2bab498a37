// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Deployed} from "@agoge-test/support/Deployed.sol";
import {GovernanceTest} from "@agoge-test/support/GovernanceTest.sol";
import {Proposal} from "@agoge-test/support/NetworkTest.sol";
import {Action, IPayload} from "@agoge/governance/IPayload.sol";
import {IRegistry, Instance} from "@agoge/governance/IRegistry.sol";
import {IRollup, RollupConfig} from "@agoge/rollup/IRollup.sol";
import {IStaking, StakingConfig} from "@agoge/staking/IStaking.sol";
import {Epoch} from "@agoge/time/TimeLib.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";

contract UpgradeTest is GovernanceTest {
    IRollup private _next;

    function setUp() external {
        _prepare();
        _next = Deployed.rollup(_rollupConfig(16));
    }

    function test_RevertWhen_TheRollupCannotBeMeant() external {
        _expectRefusal(address(7), abi.encodeWithSignature("UpgradePayload__NoCode(address)", address(7)));
        _expectRefusal(
            address(rollup), abi.encodeWithSignature("UpgradePayload__AlreadyListed(address)", address(rollup))
        );

        StakingConfig memory config = _stakingConfig();
        RollupConfig memory rollupConfig = _rollupConfig(16);
        rollupConfig.staking = Deployed.staking(config);
        address other = address(Deployed.rollup(rollupConfig));
        _expectRefusal(other, abi.encodeWithSignature("UpgradePayload__OfAnotherNetwork(address)", other));

        rollupConfig = _rollupConfig(16);
        rollupConfig.committeeSize = 0;
        vm.mockCall(address(_next), abi.encodeCall(IRollup.config, ()), abi.encode(rollupConfig));
        _expectRefusal(
            address(_next), abi.encodeWithSignature("UpgradePayload__InvalidRollup(address)", address(_next))
        );
    }

    function test_ThePayloadSaysWhatItDoes() external {
        Action[] memory actions = Deployed.upgradePayload(registry, staking, _next).actions();
        assertEq(actions.length, 1);
        assertEq(actions[0].target, address(registry));
        assertEq(actions[0].value, 0);
        assertEq(actions[0].data, abi.encodeCall(IRegistry.add, (address(_next))));
    }

    /// @dev GV-23, with every step as in a network: signals in blocks of honest proposers.
    function test_AnUpgradeFromSignalsToActivation() external {
        IPayload payload = Deployed.upgradePayload(registry, staking, _next);
        for (uint256 i = 0; i < QUORUM_SIGNALS; ++i) {
            _warpToSlot(ROUND_SLOTS + i);
            Proposal memory p = _proposal();
            (p.publication.payload, p.publication.actionsHash) = (address(payload), _hashOf(payload));
            _publish(p);
            _propose(p);
        }
        _warpToSlot(2 * ROUND_SLOTS);
        uint256 id = governanceProposer.nominate(address(rollup), 1);
        _openVote(id);
        _voteOf(0, 11, id, FOR);
        _voteOf(11, 9, id, AGAINST);
        _closeVote(id);
        governor.queue(id);
        _warp(governor.proposalEta(id));
        governor.execute(id);

        Instance[] memory list = registry.instances();
        assertEq(list.length, 2, "one more");
        assertEq(list[1].rollup, address(_next));
        uint256 activation = Epoch.unwrap(list[1].activation);
        assertEq(activation, Epoch.unwrap(registry.currentEpoch()) + ACTIVATION_DELAY);
        assertEq(registry.canonicalAt(Epoch.wrap(activation - 1)), address(rollup));
        assertEq(registry.canonicalAt(Epoch.wrap(activation)), address(_next));
        _expectWrongState(id);
        assertEq(registry.instances().length, 2, "once");

        // The old instance's blocks are beyond their window, and stake leaves, as before.
        rollup.prune();
        vm.prank(_withdrawer(0));
        staking.startExit(_attester(0));
        _warp(vm.getBlockTimestamp() + EXIT_DELAY);
        staking.finaliseExit(_attester(0));
        assertEq(staking.owed(_withdrawer(0)), STAKE);
    }

    function test_RevertWhen_TheSameRollupIsAddedAgain() external {
        IPayload payload = Deployed.upgradePayload(registry, staking, _next);
        uint256 first = _queued(payload);
        _warp(governor.proposalEta(first));
        governor.execute(first);
        uint256 second = _ready(payload);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry__AlreadyAdded.selector, address(_next)));
        governor.execute(second);
        _assertState(second, IGovernor.ProposalState.Queued);
    }

    function test_AfterTheAllowListOnlyGovernanceHasPower() external {
        IPayload payload = Deployed.allowListOffPayload(staking);
        _executed(payload);
        assertFalse(staking.isAllowListOn());
        address attester = _attester(90);
        vm.deal(address(this), STAKE);
        staking.deposit{value: STAKE}(attester, _withdrawer(90), _proofOfPossession(attester, _withdrawer(90)));

        address[] memory list = new address[](1);
        list[0] = attester;
        vm.startPrank(allowListAdmin);
        vm.expectRevert(IStaking.Staking__AllowListIsOff.selector);
        staking.setAllowed(list, false);
        vm.expectRevert(abi.encodeWithSelector(IStaking.Staking__NotGovernance.selector, allowListAdmin));
        staking.disableAllowList();
        vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry__NotGovernance.selector, allowListAdmin));
        registry.add(address(_next));
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSignature("AllowListOffPayload__AlreadyOff()"));
        Deployed.allowListOffPayload(staking);
        uint256 second = _ready(payload);
        vm.expectRevert(IStaking.Staking__AllowListIsOff.selector);
        governor.execute(second);
    }

    /// @dev This contract deployed everything.
    function test_TheDeployerKeepsNothing() external {
        vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry__NotGovernance.selector, address(this)));
        registry.add(address(_next));
        vm.expectRevert(abi.encodeWithSelector(IStaking.Staking__NotGovernance.selector, address(this)));
        staking.disableAllowList();
        assertEq(timelock.governance(), address(governor));
        bytes32[4] memory roles =
            [bytes32(0), keccak256("PROPOSER_ROLE"), keccak256("EXECUTOR_ROLE"), keccak256("CANCELLER_ROLE")];
        address[5] memory others = [address(this), address(0), address(timelock), allowListAdmin, address(rollup)];
        for (uint256 i = 0; i < roles.length; ++i) {
            assertEq(timelock.hasRole(roles[i], address(governor)), i != 0, "Governance has every role but admin");
            for (uint256 j = 0; j < others.length; ++j) {
                assertFalse(timelock.hasRole(roles[i], others[j]));
            }
        }
        _expectUnauthorised(roles[1]);
        timelock.scheduleBatch(new address[](0), new uint256[](0), new bytes[](0), 0, 0, TIMELOCK_DELAY);
        _expectUnauthorised(roles[2]);
        timelock.executeBatch(new address[](0), new uint256[](0), new bytes[](0), 0, 0);
        _expectUnauthorised(roles[3]);
        timelock.cancel(0);
    }

    function test_TheTreasuryIsReachedByProposals() external {
        vm.deal(address(timelock), 3 ether);
        bytes memory pay = abi.encodeCall(target.set, (1));
        _executed(_payloadOf(address(target), pay));
        assertEq(address(timelock).balance, 3 ether);
        vm.mockCall(address(staking), abi.encodeCall(staking.withdraw, (address(timelock))), abi.encode(1 ether));
        _executed(_payloadOf(address(staking), abi.encodeCall(staking.withdraw, (address(timelock)))));
    }

    function _expectUnauthorised(bytes32 _role) private {
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, address(this), _role)
        );
    }

    function _expectRefusal(address _rollup, bytes memory _error) private {
        vm.expectRevert(_error);
        Deployed.upgradePayload(registry, staking, IRollup(_rollup));
    }
}
