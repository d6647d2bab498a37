// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {GovernanceConfig, IGovernance} from "@agoge/governance/IGovernance.sol";
import {IGovernanceProposer} from "@agoge/governance/IGovernanceProposer.sol";
import {ProposalRules} from "@agoge/governance/ProposalRules.sol";
import {PullPayments} from "@agoge/payments/PullPayments.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @title Governance
/// @notice Where proposals come from: nominations, and locks; promises in IGovernance.
contract Governance is ProposalRules, PullPayments {
    using SafeCast for uint256;

    /// @notice A lock: `lockWei` of a proposer.
    struct Lock {
        address proposer;
        uint48 unlocksAt;
    }

    IGovernanceProposer private immutable GOVERNANCE_PROPOSER;
    uint256 private immutable LOCK_WEI;
    uint256 private immutable LOCK_SECONDS;

    mapping(uint256 proposalId => Lock) private _locks;

    constructor(GovernanceConfig memory _config) ProposalRules(_config) {
        require(
            _config.lockWei != 0 && _config.lockSeconds != 0 && _config.lockSeconds <= type(uint32).max,
            Governance__InvalidLock(_config.lockWei, _config.lockSeconds)
        );

        GOVERNANCE_PROPOSER = _config.governanceProposer;
        LOCK_WEI = _config.lockWei;
        LOCK_SECONDS = _config.lockSeconds;
    }

    /// @inheritdoc IGovernance
    function proposeWithLock(
        address[] calldata _targets,
        uint256[] calldata _values,
        bytes[] calldata _calldatas,
        string calldata _description
    ) external payable override returns (uint256 proposalId) {
        require(msg.value == LOCK_WEI, Governance__WrongLock(msg.value, LOCK_WEI));

        string memory description = string.concat(Strings.toChecksumHexString(msg.sender), ": ", _description);
        proposalId = _propose(_targets, _values, _calldatas, description, msg.sender);
        uint256 unlocksAt = block.timestamp + LOCK_SECONDS;
        _locks[proposalId] = Lock({proposer: msg.sender, unlocksAt: unlocksAt.toUint48()});
        emit ProposedWithLock(proposalId, msg.sender, msg.value, unlocksAt);
    }

    /// @inheritdoc IGovernance
    function unlock(uint256 _proposalId) external override {
        Lock memory lock = _locks[_proposalId];
        require(lock.proposer != address(0), Governance__NothingLocked(_proposalId));
        require(block.timestamp >= lock.unlocksAt, Governance__StillLocked(_proposalId, lock.unlocksAt));

        delete _locks[_proposalId];
        _credit(lock.proposer, LOCK_WEI);
    }

    /// @inheritdoc IGovernance
    function governanceConfig() external view override returns (GovernanceConfig memory) {
        return GovernanceConfig({
            staking: STAKING,
            timelock: payable(timelock()),
            governanceProposer: GOVERNANCE_PROPOSER,
            voteDelaySeconds: FIRST_VOTE_DELAY_SECONDS,
            votePeriodSeconds: FIRST_VOTE_PERIOD_SECONDS,
            quorumPercent: FIRST_QUORUM_PERCENT,
            graceSeconds: GRACE_SECONDS,
            lockWei: LOCK_WEI,
            lockSeconds: LOCK_SECONDS
        });
    }

    /// @notice Makes a proposal of a nomination.
    /// @dev Checks: the caller is the GovernanceProposer (`Governance__NotProposer`). Others use `proposeWithLock`.
    function propose(
        address[] memory _targets,
        uint256[] memory _values,
        bytes[] memory _calldatas,
        string memory _description
    ) public override returns (uint256) {
        require(msg.sender == address(GOVERNANCE_PROPOSER), Governance__NotProposer(msg.sender));

        return _propose(_targets, _values, _calldatas, _description, msg.sender);
    }
}
