// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IGovernance} from "@agoge/governance/IGovernance.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";

/// @notice Governance with those functions of OpenZeppelin's extensions that no interface of theirs has.
interface IFullGovernance is IGovernance, IGovernor {
    function queue(uint256 _proposalId) external;
    function execute(uint256 _proposalId) external payable;
    function cancel(uint256 _proposalId) external;
    function proposalDetails(uint256 _proposalId)
        external
        view
        returns (address[] memory targets, uint256[] memory values, bytes[] memory calldatas, bytes32 descriptionHash);
    function proposalVotes(uint256 _proposalId) external view returns (uint256, uint256, uint256);
    function quorumNumerator() external view returns (uint256);
    function timelock() external view returns (address);
    function setVotingDelay(uint48 _delay) external;
    function setVotingPeriod(uint32 _period) external;
    function setProposalThreshold(uint256 _threshold) external;
    function updateQuorumNumerator(uint256 _percent) external;
    function updateTimelock(address _timelock) external;
    function relay(address _target, uint256 _value, bytes calldata _data) external payable;
}

/// @notice The Timelock with OpenZeppelin's functions.
interface ITimelock {
    function governance() external view returns (address);
    function getMinDelay() external view returns (uint256);
    function hasRole(bytes32 _role, address _account) external view returns (bool);
    function grantRole(bytes32 _role, address _account) external;
    function updateDelay(uint256 _delay) external;
    function cancel(bytes32 _id) external;
    function scheduleBatch(
        address[] calldata _targets,
        uint256[] calldata _values,
        bytes[] calldata _payloads,
        bytes32 _predecessor,
        bytes32 _salt,
        uint256 _delay
    ) external;
    function executeBatch(
        address[] calldata _targets,
        uint256[] calldata _values,
        bytes[] calldata _payloads,
        bytes32 _predecessor,
        bytes32 _salt
    ) external payable;
}
