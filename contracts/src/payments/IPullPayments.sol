// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title IPullPayments
/// @notice Value that a contract owes is credited, and its owner takes it to a recipient of choice.
/// @dev So one recipient that reverts or burns gas can only fail its own withdrawal.
interface IPullPayments {
    /// @notice An account may withdraw `amount` wei more. Credits by the hundred are told by their cause's event instead.
    event Credited(address indexed account, uint256 amount);

    /// @notice An account's credit was paid out.
    event Withdrawn(address indexed account, address indexed recipient, uint256 amount);

    error PullPayments__NothingOwed(address account);
    error PullPayments__ZeroRecipient();
    error PullPayments__TransferFailed(address recipient, uint256 amount);

    /// @notice Pays the caller's whole credit to a recipient, with at most 100,000 gas for the recipient's code.
    /// @dev Checks: the recipient is not zero (`PullPayments__ZeroRecipient`); something is owed (`PullPayments__NothingOwed`);
    /// the transfer succeeds (`PullPayments__TransferFailed`; the credit stays and another recipient may be named).
    ///
    /// Effects: the credit is zero. Events: `Withdrawn`.
    /// @param _recipient Who receives the ETH.
    /// @return amount What was paid, wei.
    function withdraw(address _recipient) external returns (uint256 amount);

    /// @notice What an account may withdraw, wei.
    function owed(address _account) external view returns (uint256);
}
