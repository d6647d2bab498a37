// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Deployed} from "@agoge-test/support/Deployed.sol";
import {GovernanceTest, ListPayload} from "@agoge-test/support/GovernanceTest.sol";
import {IFullGovernance} from "@agoge-test/support/IFullGovernance.sol";
import {GovernanceConfig, IGovernance} from "@agoge/governance/IGovernance.sol";
import {GovernanceProposerConfig, IGovernanceProposer} from "@agoge/governance/IGovernanceProposer.sol";
import {RegistryConfig} from "@agoge/governance/IRegistry.sol";
import {IPullPayments} from "@agoge/payments/IPullPayments.sol";
import {IStaking, StakingConfig} from "@agoge/staking/IStaking.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {
    GovernorVotesQuorumFraction
} from "@openzeppelin/contracts/governance/extensions/GovernorVotesQuorumFraction.sol";

/// @notice Parameters, settings and locks (Proposals.tree).
contract SettingsTest is GovernanceTest {
    bytes32 private constant PROPOSER_ROLE = keccak256("PROPOSER_ROLE");

    function setUp() external {
        _prepare();
    }

    function test_ParametersAreWhatWasGiven() external view {
        assertEq(abi.encode(governor.governanceConfig()), abi.encode(_governanceConfig()));
        assertEq(governor.votingDelay(), VOTE_DELAY);
        assertEq(governor.votingPeriod(), VOTE_PERIOD);
        assertEq(governor.quorumNumerator(), QUORUM_PERCENT);
        assertEq(governor.timelock(), address(timelock));
        assertEq(governor.CLOCK_MODE(), "mode=timestamp");
        assertEq(timelock.getMinDelay(), TIMELOCK_DELAY);
    }

    /// @dev GV-28: bounds of what the constructor takes.
    function test_RevertWhen_AParameterIsInvalid() external {
        GovernanceConfig memory config = _governanceConfig();
        config.staking = IStaking(address(7));
        _expectRefusal(config, abi.encodeWithSelector(IGovernance.Governance__NoCode.selector));
        config = _governanceConfig();
        config.timelock = payable(address(0));
        _expectRefusal(config, abi.encodeWithSelector(IGovernance.Governance__NoCode.selector));
        config = _governanceConfig();
        config.governanceProposer = IGovernanceProposer(address(0));
        _expectRefusal(config, abi.encodeWithSelector(IGovernance.Governance__NoCode.selector));
        config = _governanceConfig();
        // The GovernanceProposer and the Timelock of a network name one Governance for ever.
        _expectRefusal(
            config, abi.encodeWithSelector(IGovernance.Governance__OfAnotherNetwork.selector, address(timelock))
        );
    }

    function test_TheBoundsOfTheConstructor() external {
        uint256 total = EXIT_DELAY;
        _tryConfig(0, VOTE_PERIOD, 1, SLOT_SECONDS, "");
        _tryConfig(VOTE_DELAY, uint32(SLOT_SECONDS), 100, type(uint32).max, "");
        _tryConfig(
            VOTE_DELAY + 1,
            VOTE_PERIOD,
            20,
            GRACE,
            abi.encodeWithSelector(IGovernance.Governance__LongerThanExit.selector, total + 1, total)
        );
        _tryConfig(
            VOTE_DELAY,
            VOTE_PERIOD + 1,
            20,
            GRACE,
            abi.encodeWithSelector(IGovernance.Governance__LongerThanExit.selector, total + 1, total)
        );
        _tryConfig(
            VOTE_DELAY,
            uint32(SLOT_SECONDS - 1),
            20,
            GRACE,
            abi.encodeWithSelector(IGovernance.Governance__InvalidPeriod.selector, SLOT_SECONDS - 1)
        );
        _tryConfig(
            VOTE_DELAY,
            VOTE_PERIOD,
            20,
            SLOT_SECONDS - 1,
            abi.encodeWithSelector(IGovernance.Governance__InvalidPeriod.selector, SLOT_SECONDS - 1)
        );
        _tryConfig(
            VOTE_DELAY,
            VOTE_PERIOD,
            20,
            uint256(type(uint32).max) + 1,
            abi.encodeWithSelector(IGovernance.Governance__InvalidPeriod.selector, uint256(type(uint32).max) + 1)
        );
        _tryConfig(VOTE_DELAY, VOTE_PERIOD, 0, GRACE, _invalidQuorum(0));
        _tryConfig(VOTE_DELAY, VOTE_PERIOD, 101, GRACE, _invalidQuorum(101));
    }

    /// @dev GV-13: B was made before A took effect.
    function test_AProposalKeepsTheRulesOfItsCreation() external {
        ListPayload payload = _payloadOf(address(governor), abi.encodeCall(governor.updateQuorumNumerator, (100)));
        payload.push(address(governor), abi.encodeCall(governor.setVotingPeriod, (uint32(SLOT_SECONDS))));
        payload.push(address(governor), abi.encodeCall(governor.setVotingDelay, (uint48(1))));
        uint256 a = _ready(payload);
        vm.deal(address(this), LOCK);
        uint256 b = _proposeWithLock();
        uint256 deadline = governor.proposalDeadline(b);
        governor.execute(a);
        assertEq(governor.quorumNumerator(), 100);
        assertEq(governor.votingPeriod(), SLOT_SECONDS);
        assertEq(governor.votingDelay(), 1);

        _openVote(b);
        assertEq(governor.proposalDeadline(b), deadline);
        assertEq(governor.proposalQuorum(b), 4 * STAKE);
        _voteOf(0, 4, b, FOR);
        _closeVote(b);
        _assertState(b, IGovernor.ProposalState.Succeeded);
    }

    function test_ADefeatedProposalNeverRevives() external {
        uint256 b = _nominated(_setPayload(1));
        _openVote(b);
        _voteOf(0, 3, b, FOR);
        _closeVote(b);
        _assertState(b, IGovernor.ProposalState.Defeated);
        _executed(_payloadOf(address(governor), abi.encodeCall(governor.updateQuorumNumerator, (1))));
        assertEq(governor.quorumNumerator(), 1);
        _assertState(b, IGovernor.ProposalState.Defeated);
    }

    /// @dev GV-28: each setter at its bounds, by proposals.
    function test_TheBoundsOfTheSetters() external {
        bytes memory longer =
            abi.encodeWithSelector(IGovernance.Governance__LongerThanExit.selector, EXIT_DELAY + 1, EXIT_DELAY);
        _trySetting(address(governor), abi.encodeCall(governor.setVotingDelay, (VOTE_DELAY)), "");
        _trySetting(address(governor), abi.encodeCall(governor.setVotingDelay, (VOTE_DELAY + 1)), longer);
        _trySetting(address(governor), abi.encodeCall(governor.setVotingPeriod, (VOTE_PERIOD)), "");
        _trySetting(address(governor), abi.encodeCall(governor.setVotingPeriod, (VOTE_PERIOD + 1)), longer);
        _trySetting(
            address(governor),
            abi.encodeCall(governor.setVotingPeriod, (uint32(SLOT_SECONDS - 1))),
            abi.encodeWithSelector(IGovernance.Governance__InvalidPeriod.selector, SLOT_SECONDS - 1)
        );
        _trySetting(address(timelock), abi.encodeCall(timelock.updateDelay, (0)), "");
        _trySetting(address(timelock), abi.encodeCall(timelock.updateDelay, (TIMELOCK_DELAY)), "");
        _trySetting(address(timelock), abi.encodeCall(timelock.updateDelay, (TIMELOCK_DELAY + 1)), longer);
        _trySetting(
            address(timelock),
            abi.encodeCall(timelock.updateDelay, (type(uint256).max)),
            abi.encodeWithSelector(IGovernance.Governance__LongerThanExit.selector, type(uint256).max, EXIT_DELAY)
        );
        _trySetting(address(governor), abi.encodeCall(governor.updateQuorumNumerator, (0)), _invalidQuorum(0));
        _trySetting(address(governor), abi.encodeCall(governor.updateQuorumNumerator, (101)), _invalidQuorum(101));
        _trySetting(address(governor), abi.encodeCall(governor.updateQuorumNumerator, (100)), "");
    }

    function test_RevertWhen_ASettingIsFixed() external {
        bytes memory disabled = abi.encodeWithSelector(IGovernance.Governance__Disabled.selector);
        _trySetting(address(governor), abi.encodeCall(governor.setProposalThreshold, (1)), disabled);
        _trySetting(address(governor), abi.encodeCall(governor.relay, (address(this), 0, "")), disabled);
        _trySetting(
            address(governor),
            abi.encodeCall(governor.updateTimelock, (address(this))),
            abi.encodeWithSelector(IGovernance.Governance__TimelockIsFixed.selector)
        );
        _trySetting(
            address(timelock),
            abi.encodeCall(timelock.grantRole, (PROPOSER_ROLE, address(this))),
            abi.encodeWithSelector(
                IAccessControl.AccessControlUnauthorizedAccount.selector, address(timelock), bytes32(0)
            )
        );
    }

    function test_RevertWhen_AStrangerSets() external {
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorOnlyExecutor.selector, address(this)));
        governor.setVotingDelay(1);
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorOnlyExecutor.selector, address(this)));
        governor.updateQuorumNumerator(1);
        vm.expectRevert();
        timelock.updateDelay(0);
        // Not even the Timelock outside of an execution.
        vm.prank(address(timelock));
        vm.expectRevert();
        governor.setVotingDelay(1);
    }

    function test_ALockIsPaidBackOnce() external {
        vm.deal(address(this), 2 * LOCK + 1);
        for (uint256 i = 0; i < 3; ++i) {
            uint256 value = [0, LOCK - 1, LOCK + 1][i];
            vm.expectRevert(abi.encodeWithSelector(IGovernance.Governance__WrongLock.selector, value, LOCK));
            governor.proposeWithLock{value: value}(new address[](1), new uint256[](1), new bytes[](1), "a proposal");
        }
        uint256 start = vm.getBlockTimestamp();
        vm.expectEmit(false, true, false, true, address(governor));
        emit IGovernance.ProposedWithLock(0, address(this), LOCK, start + LOCK_TIME);
        uint256 id = _proposeWithLock();
        vm.expectPartialRevert(IGovernor.GovernorUnexpectedProposalState.selector);
        this.proposeAgain();
        assertEq(governor.proposalProposer(id), address(this));

        governor.cancel(id);
        _warp(start + LOCK_TIME - 1);
        vm.expectRevert(abi.encodeWithSelector(IGovernance.Governance__StillLocked.selector, id, start + LOCK_TIME));
        governor.unlock(id);
        _warp(start + LOCK_TIME);
        vm.prank(makeAddr("anybody"));
        governor.unlock(id);
        assertEq(governor.owed(address(this)), LOCK);
        vm.expectRevert(abi.encodeWithSelector(IGovernance.Governance__NothingLocked.selector, id));
        governor.unlock(id);
        assertEq(governor.withdraw(address(0xCAFE)), LOCK);
        assertEq(address(0xCAFE).balance, LOCK);
        vm.expectRevert(abi.encodeWithSelector(IPullPayments.PullPayments__NothingOwed.selector, address(this)));
        governor.withdraw(address(0xCAFE));
    }

    /// @dev The lock is for making a proposal; power decides on it like on any other.
    function test_AProposalWithALockIsExecuted() external {
        vm.deal(address(this), LOCK);
        address[] memory targets = new address[](1);
        targets[0] = address(target);
        bytes[] memory calldatas = new bytes[](1);
        calldatas[0] = abi.encodeCall(target.set, (9));
        uint256 id = governor.proposeWithLock{value: LOCK}(targets, new uint256[](1), calldatas, "text");
        _openVote(id);
        _voteOf(0, VOTERS, id, FOR);
        _closeVote(id);
        governor.queue(id);
        _warp(governor.proposalEta(id));
        governor.execute(id);
        assertEq(target.value(), 9);
        assertEq(address(governor).balance, LOCK, "still locked");
    }

    function test_NobodySendsEtherToGovernance() external {
        vm.deal(address(this), 1);
        (bool success,) = address(governor).call{value: 1}("");
        assertFalse(success);
    }

    function proposeAgain() external {
        _proposeWithLock();
    }

    function _proposeWithLock() private returns (uint256) {
        return governor.proposeWithLock{value: LOCK}(new address[](1), new uint256[](1), new bytes[](1), "a proposal");
    }

    function _trySetting(address _of, bytes memory _call, bytes memory _error) private {
        uint256 snapshot = vm.snapshotState();
        uint256 id = _ready(_payloadOf(_of, _call));
        if (_error.length != 0) vm.expectRevert(_error);
        governor.execute(id);
        vm.revertToState(snapshot);
    }

    /// @dev A network of its own around each configuration: GovernanceProposer and Timelock name their Governance for ever.
    function _tryConfig(uint48 _delay, uint32 _period, uint256 _quorum, uint256 _grace, bytes memory _error) private {
        uint256 nonce = vm.getNonce(address(this));
        address predicted = vm.computeCreateAddress(address(this), nonce + 4);
        RegistryConfig memory registryConfig = _registryConfig(address(1));
        registryConfig.governance = vm.computeCreateAddress(address(this), nonce + 3);
        registryConfig.genesisTime = vm.getBlockTimestamp();
        StakingConfig memory stakingConfig = _stakingConfig();
        GovernanceProposerConfig memory proposerConfig = _proposerConfig(predicted);
        GovernanceConfig memory config = _governanceConfig();
        (config.voteDelaySeconds, config.votePeriodSeconds) = (_delay, _period);
        (config.quorumPercent, config.graceSeconds) = (_quorum, _grace);

        stakingConfig.registry = proposerConfig.registry = Deployed.registry(registryConfig);
        stakingConfig.treasury = registryConfig.governance;
        config.staking = Deployed.staking(stakingConfig);
        config.governanceProposer = Deployed.governanceProposer(proposerConfig);
        config.timelock = payable(address(Deployed.timelock(TIMELOCK_DELAY, predicted)));
        if (_error.length != 0) vm.expectRevert(_error);
        IFullGovernance created = Deployed.governance(config);
        if (_error.length == 0) assertEq(address(created), predicted);
    }

    function _invalidQuorum(uint256 _percent) private pure returns (bytes memory) {
        return abi.encodeWithSelector(GovernorVotesQuorumFraction.GovernorInvalidQuorumFraction.selector, _percent, 100);
    }

    function _expectRefusal(GovernanceConfig memory _config, bytes memory _error) private {
        vm.expectRevert(_error);
        Deployed.governance(_config);
    }
}
