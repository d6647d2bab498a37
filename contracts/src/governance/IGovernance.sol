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
/// @param votePeriodSeconds Of voting, at first; at least a slot, at most 2^32 - 1.
/// @param quorumPercent Votes for or abstaining, of all power at the snapshot, at first; 1 to 100.
/// @param graceSeconds In which a proposal that passed can be queued, and executed once its timelock is over; then it has expired. At least a
/// slot, at most 2^32 - 1.
/// @param lockWei Exact amount to lock with a proposal that was not nominated; not zero.
/// @param lockSeconds For which it is locked; 1 to 2^32 - 1.
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
/// proposal's snapshot; delay, period and quorum of a proposal are those of its creation. If nobody had power at the snapshot nothing
/// passes: more votes must be for than against.
///
/// Powers: a majority of voting stake decides everything that the timelock may do, by calls of the timelock. Nobody else has any power: no
/// guardian, no admin. Settings are changed by proposals only; the threshold, the Timelock and `relay` are fixed. What Governance holds are locks and
/// credits, which no proposal reaches.
///
/// `voteDelay + votePeriod + timelock <= exitDelay` of Staking always holds: who voted is still staked when it takes effect.
interface IGovernance is IPullPayments {
    /// @notice A proposal was made against a lock.
    event ProposedWithLock(uint256 indexed proposalId, address indexed proposer, uint256 lockWei, uint256 unlocksAt);

    error Governance__NoCode();
    error Governance__OfAnotherNetwork(address account);
    error Governance__NotProposer(address caller);
    error Governance__WrongLock(uint256 given, uint256 expected);
    error Governance__StillLocked(uint256 proposalId, uint256 unlocksAt);
    error Governance__NothingLocked(uint256 proposalId);
    error Governance__LongerThanExit(uint256 given, uint256 exitDelaySeconds);
    error Governance__TimelockIsFixed();
    error Governance__InvalidPeriod(uint256 given);
    error Governance__InvalidLock(uint256 lockWei, uint256 lockSeconds);
    error Governance__Disabled();

    /// @notice Makes a proposal that was not nominated, against a lock of exactly `lockWei`: for when no committee signals.
    /// @dev Checks: the value (`Governance__WrongLock`), and OpenZeppelin's for proposals. The proposer may `cancel` until the snapshot; the lock stays.
    /// Events: `ProposedWithLock`, `ProposalCreated`. The description is prefixed with the caller's address, so no such proposal can take the id of another.
    function proposeWithLock(
        address[] calldata _targets,
        uint256[] calldata _values,
        bytes[] calldata _calldatas,
        string calldata _description
    ) external payable returns (uint256 proposalId);

    /// @notice Credits a lock that is over to its proposer. Open to all; `withdraw` pays it.
    /// @dev Checks: there is one (`Governance__NothingLocked`) and it is over (`Governance__StillLocked`). Events: `Credited`.
    function unlock(uint256 _proposalId) external;

    /// @notice Votes for or abstaining that a proposal needs, wei of power; reverts until its snapshot is past.
    function proposalQuorum(uint256 _proposalId) external view returns (uint256);

    /// @notice Reverts with `Governance__LongerThanExit` if a timelock of that length does not fit: asked by the Timelock before it changes.
    function requireTimelockDelay(uint256 _delaySeconds) external view;

    /// @notice Parameters, as given to the constructor.
    function governanceConfig() external view returns (GovernanceConfig memory);
}
