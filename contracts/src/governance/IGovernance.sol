// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IGovernanceProposer} from "@agoge/governance/IGovernanceProposer.sol";
import {IPullPayments} from "@agoge/payments/IPullPayments.sol";
import {IStaking} from "@agoge/staking/IStaking.sol";

/// @notice Parameters of Governance.
/// @param staking The votes: stake from activation to the start of the exit.
/// @param timelock Executes; the Registry's governance. Its only proposer, canceller and executor is Governance.
/// @param governanceProposer Nominates.
/// @param voteDelaySeconds From proposal to the snapshot of power, at first.
/// @param votePeriodSeconds Of voting, at first.
/// @param quorumPercent Votes for or abstaining, of all power at the snapshot, at first.
/// @param graceSeconds In which a proposal can be executed once its timelock is over; then it has expired.
/// @param lockWei Exact amount to lock with a proposal that was not nominated.
/// @param lockSeconds For which it is locked.
struct GovernanceConfig {
    IStaking staking;
    address payable timelock;
    IGovernanceProposer governanceProposer;
    uint48 voteDelaySeconds;
    uint32 votePeriodSeconds;
    uint256 quorumPercent;
    uint256 graceSeconds;
    uint256 lockWei;
    uint256 lockSeconds;
}

/// @title IGovernance
/// @notice What Governance has beyond OpenZeppelin's Governor (settings, simple counting, votes, quorum fraction, storage, timelock control).
/// @dev Proposal ids, states, `castVote*`, `queue(uint256)`, `execute(uint256)` and `proposalDetails(uint256)` are OpenZeppelin's. Power is taken at a
/// proposal's snapshot; delay, period and quorum of a proposal are those of its creation.
///
/// Powers: a majority of voting stake decides everything that the timelock may do, by calls of the timelock. Nobody else has any power: no
/// guardian, no admin.
///
/// `voteDelay + votePeriod + timelock <= exitDelay` of Staking always holds: who voted is still staked when it takes effect.
interface IGovernance is IPullPayments {
    /// @notice A proposal was made against a lock.
    event ProposedWithLock(uint256 indexed proposalId, address indexed proposer, uint256 lockWei, uint256 unlocksAt);

    error Governance__ZeroAddress();
    error Governance__OfAnotherNetwork(address account);
    error Governance__NotProposer(address caller);
    error Governance__WrongLock(uint256 given, uint256 expected);
    error Governance__StillLocked(uint256 proposalId, uint256 unlocksAt);
    error Governance__NothingLocked(uint256 proposalId);
    error Governance__LongerThanExit(uint256 given, uint256 exitDelaySeconds);
    error Governance__TimelockIsFixed();
    error Governance__InvalidPeriod(uint256 given);

    /// @notice Makes a proposal that was not nominated, against a lock of exactly `lockWei`: for when no committee signals.
    /// @dev The description is prefixed with the caller's address, so no such proposal can take the id of another.
    function proposeWithLock(
        address[] calldata _targets,
        uint256[] calldata _values,
        bytes[] calldata _calldatas,
        string calldata _description
    ) external payable returns (uint256 proposalId);

    /// @notice Credits a lock that is over to its proposer. Open to all.
    function unlock(uint256 _proposalId) external;

    /// @notice Parameters, as given to the constructor.
    function governanceConfig() external view returns (GovernanceConfig memory);
}
