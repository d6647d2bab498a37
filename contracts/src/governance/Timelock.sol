// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IGovernance} from "@agoge/governance/IGovernance.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @title Timelock
/// @notice Executes what Governance decided, after a delay; the network's treasury.
/// @dev OpenZeppelin's TimelockController whose only proposer, canceller and executor is Governance, for ever: nobody is admin of any role, not
/// even the Timelock itself, so no proposal can give or take one.
contract Timelock is TimelockController {
    /// @notice Governance: proposes, cancels and executes.
    address public immutable governance;

    error Timelock__ZeroAddress();

    /// @param _delaySeconds From queueing to execution, at first.
    /// @param _governance Governance's address, predicted: it is created after its Timelock.
    constructor(uint256 _delaySeconds, address _governance)
        TimelockController(_delaySeconds, _list(_governance), _list(_governance), address(0))
    {
        require(_governance != address(0), Timelock__ZeroAddress());

        governance = _governance;
        _revokeRole(DEFAULT_ADMIN_ROLE, address(this));
    }

    /// @notice Changes the delay of what is queued from now on, by a proposal.
    /// @dev Checks besides OpenZeppelin's (`TimelockUnauthorizedCaller`): who votes stays staked until the effect (`Governance__LongerThanExit`).
    function updateDelay(uint256 _newDelay) public override {
        IGovernance(governance).requireTimelockDelay(_newDelay);
        super.updateDelay(_newDelay);
    }

    function _list(address _account) private pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = _account;
    }
}
