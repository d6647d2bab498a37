// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice One call that Governance makes.
/// @param target Called contract.
/// @param value Sent with the call, wei, out of what the Timelock holds.
/// @param data Calldata.
struct Action {
    address target;
    uint256 value;
    bytes data;
}

/// @title IPayload
/// @notice What a proposal does. Proposers signal for a payload; its actions are copied at nomination, and the copy is what runs.
/// @dev Assumption for safety: none. A payload may be hostile: signals name the hash of its actions, so what changes later is not nominated.
interface IPayload {
    /// @notice The actions, in order; all of them run in one transaction or none does.
    function actions() external view returns (Action[] memory);
}
