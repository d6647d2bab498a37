// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {GovernanceConfig, IGovernance} from "@agoge/governance/IGovernance.sol";
import {GovernanceProposerConfig} from "@agoge/governance/IGovernanceProposer.sol";
import {IRegistry} from "@agoge/governance/IRegistry.sol";
import {Timelock} from "@agoge/governance/Timelock.sol";
import {MessageLib} from "@agoge/rollup/MessageLib.sol";
import {IStaking, StakingConfig} from "@agoge/staking/IStaking.sol";
import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {GovernorCountingSimple} from "@openzeppelin/contracts/governance/extensions/GovernorCountingSimple.sol";
import {GovernorSettings} from "@openzeppelin/contracts/governance/extensions/GovernorSettings.sol";
import {GovernorStorage} from "@openzeppelin/contracts/governance/extensions/GovernorStorage.sol";
import {GovernorTimelockControl} from "@openzeppelin/contracts/governance/extensions/GovernorTimelockControl.sol";
import {GovernorVotes} from "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";
import {
    GovernorVotesQuorumFraction
} from "@openzeppelin/contracts/governance/extensions/GovernorVotesQuorumFraction.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title ProposalRules
/// @notice OpenZeppelin's Governor with this network's rules: what a proposal needs, when it can run, what settings may be.
abstract contract ProposalRules is
    IGovernance,
    GovernorSettings,
    GovernorCountingSimple,
    GovernorStorage,
    GovernorVotesQuorumFraction,
    GovernorTimelockControl
{
    IStaking internal immutable STAKING;
    uint48 internal immutable FIRST_VOTE_DELAY_SECONDS;
    uint32 internal immutable FIRST_VOTE_PERIOD_SECONDS;
    uint256 internal immutable FIRST_QUORUM_PERCENT;
    uint256 internal immutable GRACE_SECONDS;

    uint256 private immutable EXIT_DELAY_SECONDS;
    uint256 private immutable SLOT_SECONDS;

    /// @dev Quorum of a proposal, percent of all power at its snapshot, as it was when it was made.
    mapping(uint256 proposalId => uint256 percent) private _quorumPercents;

    constructor(GovernanceConfig memory _config)
        Governor(MessageLib.DOMAIN_NAME)
        GovernorSettings(_config.voteDelaySeconds, _config.votePeriodSeconds, 0)
        GovernorVotes(_ofOneNetwork(_config))
        GovernorVotesQuorumFraction(_config.quorumPercent)
        GovernorTimelockControl(Timelock(_config.timelock))
    {
        StakingConfig memory staking = _config.staking.config();
        STAKING = _config.staking;
        FIRST_VOTE_DELAY_SECONDS = _config.voteDelaySeconds;
        FIRST_VOTE_PERIOD_SECONDS = _config.votePeriodSeconds;
        FIRST_QUORUM_PERCENT = _config.quorumPercent;
        GRACE_SECONDS = _config.graceSeconds;
        EXIT_DELAY_SECONDS = staking.exitDelaySeconds;
        SLOT_SECONDS = staking.registry.clock().slotSeconds;
        _requirePeriod(_config.votePeriodSeconds);
        _requirePeriod(_config.graceSeconds);
        _requireQuorum(_config.quorumPercent);
        _requireWithinExit(
            _config.voteDelaySeconds, _config.votePeriodSeconds, Timelock(_config.timelock).getMinDelay()
        );
    }

    /// @inheritdoc IGovernance
    function requireTimelockDelay(uint256 _delaySeconds) external view override {
        _requireWithinExit(votingDelay(), votingPeriod(), _delaySeconds);
    }

    /// @inheritdoc IGovernance
    function proposalQuorum(uint256 _proposalId) external view override returns (uint256) {
        return _proposalQuorum(_proposalId);
    }

    /// @notice Changes the delay of proposals made from now on, by a proposal.
    function setVotingDelay(uint48 _newDelay) public override {
        _requireWithinExit(_newDelay, votingPeriod(), _timelockDelay());
        super.setVotingDelay(_newDelay);
    }

    /// @notice Changes the period of proposals made from now on, by a proposal.
    function setVotingPeriod(uint32 _newPeriod) public override {
        _requirePeriod(_newPeriod);
        _requireWithinExit(votingDelay(), _newPeriod, _timelockDelay());
        super.setVotingPeriod(_newPeriod);
    }

    /// @notice Changes the quorum of proposals made from now on, by a proposal.
    function updateQuorumNumerator(uint256 _newPercent) public override {
        _requireQuorum(_newPercent);
        super.updateQuorumNumerator(_newPercent);
    }

    /// @notice Nominations and locks take the place of a threshold, which stays zero.
    function setProposalThreshold(uint256) public pure override {
        revert Governance__Disabled();
    }

    /// @notice The Timelock is fixed: the Registry names it for ever.
    function updateTimelock(TimelockController) public pure override {
        revert Governance__TimelockIsFixed();
    }

    /// @notice Governance holds nothing but locks and credits, and no proposal reaches them: actions are calls of the Timelock.
    function relay(address, uint256, bytes calldata) public payable override {
        revert Governance__Disabled();
    }

    /// @notice OpenZeppelin's states; a proposal that passed and was not queued, or was queued and not executed, expires with the grace period.
    function state(uint256 _proposalId)
        public
        view
        override(Governor, GovernorTimelockControl)
        returns (ProposalState current)
    {
        current = super.state(_proposalId);
        bool isPassed = current == ProposalState.Succeeded;
        if (!isPassed && current != ProposalState.Queued) return current;

        uint256 since = isPassed ? proposalDeadline(_proposalId) : proposalEta(_proposalId);
        if (block.timestamp >= since + GRACE_SECONDS) current = ProposalState.Expired;
    }

    /// @inheritdoc GovernorTimelockControl
    function proposalNeedsQueuing(uint256 _proposalId)
        public
        view
        override(Governor, GovernorTimelockControl)
        returns (bool)
    {
        return super.proposalNeedsQueuing(_proposalId);
    }

    /// @inheritdoc GovernorSettings
    function proposalThreshold() public view override(Governor, GovernorSettings) returns (uint256) {
        return super.proposalThreshold();
    }

    function _propose(
        address[] memory _targets,
        uint256[] memory _values,
        bytes[] memory _calldatas,
        string memory _description,
        address _proposer
    ) internal override(Governor, GovernorStorage) returns (uint256 proposalId) {
        proposalId = super._propose(_targets, _values, _calldatas, _description, _proposer);
        _quorumPercents[proposalId] = quorumNumerator();
    }

    function _queueOperations(
        uint256 _proposalId,
        address[] memory _targets,
        uint256[] memory _values,
        bytes[] memory _calldatas,
        bytes32 _descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint48) {
        return super._queueOperations(_proposalId, _targets, _values, _calldatas, _descriptionHash);
    }

    function _executeOperations(
        uint256 _proposalId,
        address[] memory _targets,
        uint256[] memory _values,
        bytes[] memory _calldatas,
        bytes32 _descriptionHash
    ) internal override(Governor, GovernorTimelockControl) {
        super._executeOperations(_proposalId, _targets, _values, _calldatas, _descriptionHash);
    }

    function _cancel(
        address[] memory _targets,
        uint256[] memory _values,
        bytes[] memory _calldatas,
        bytes32 _descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint256) {
        return super._cancel(_targets, _values, _calldatas, _descriptionHash);
    }

    /// @dev With the quorum of the proposal's creation. Without any power at the snapshot nothing passes: more must be for than against.
    function _quorumReached(uint256 _proposalId)
        internal
        view
        override(Governor, GovernorCountingSimple)
        returns (bool)
    {
        (, uint256 forVotes, uint256 abstainVotes) = proposalVotes(_proposalId);
        return forVotes + abstainVotes >= _proposalQuorum(_proposalId);
    }

    function _executor() internal view override(Governor, GovernorTimelockControl) returns (address) {
        return super._executor();
    }

    function _proposalQuorum(uint256 _proposalId) private view returns (uint256) {
        uint256 power = token().getPastTotalSupply(proposalSnapshot(_proposalId));
        return Math.mulDiv(power, _quorumPercents[_proposalId], quorumDenominator());
    }

    function _timelockDelay() private view returns (uint256) {
        return TimelockController(payable(timelock())).getMinDelay();
    }

    /// @dev Runs before OpenZeppelin's constructors call the votes.
    function _ofOneNetwork(GovernanceConfig memory _config) private view returns (IStaking staking) {
        staking = _config.staking;
        require(
            address(staking).code.length != 0 && _config.timelock.code.length != 0
                && address(_config.governanceProposer).code.length != 0,
            Governance__NoCode()
        );
        StakingConfig memory stakingConfig = staking.config();
        IRegistry registry = stakingConfig.registry;
        require(
            registry.governance() == _config.timelock && stakingConfig.treasury == _config.timelock
                && Timelock(_config.timelock).governance() == address(this),
            Governance__OfAnotherNetwork(_config.timelock)
        );
        GovernanceProposerConfig memory proposer = _config.governanceProposer.config();
        require(
            proposer.registry == registry && proposer.governance == address(this),
            Governance__OfAnotherNetwork(address(_config.governanceProposer))
        );
    }

    /// @dev A slot holds L1 blocks in which to vote or to execute.
    function _requirePeriod(uint256 _seconds) private view {
        require(_seconds >= SLOT_SECONDS && _seconds <= type(uint32).max, Governance__InvalidPeriod(_seconds));
    }

    function _requireWithinExit(uint256 _voteDelay, uint256 _votePeriod, uint256 _timelock) private view {
        uint256 total = Math.saturatingAdd(_voteDelay + _votePeriod, _timelock);
        require(total <= EXIT_DELAY_SECONDS, Governance__LongerThanExit(total, EXIT_DELAY_SECONDS));
    }

    function _requireQuorum(uint256 _percent) private pure {
        require(_percent != 0 && _percent <= 100, GovernorInvalidQuorumFraction(_percent, 100));
    }
}
