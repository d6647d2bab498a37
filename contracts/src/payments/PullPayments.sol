// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IPullPayments} from "@agoge/payments/IPullPayments.sol";

/// @title PullPayments
/// @notice Credits and their withdrawal; promises in IPullPayments.
abstract contract PullPayments is IPullPayments {
    /// @dev Enough for a smart account that logs a receipt; a bound, so that no caller's gas can be burned without limit.
    uint256 private constant RECIPIENT_GAS = 100_000;

    /// @inheritdoc IPullPayments
    mapping(address account => uint256 amount) public override owed;

    /// @inheritdoc IPullPayments
    function withdraw(address _recipient) external override returns (uint256 amount) {
        require(_recipient != address(0), PullPayments__ZeroRecipient());
        amount = owed[msg.sender];
        require(amount != 0, PullPayments__NothingOwed(msg.sender));

        owed[msg.sender] = 0;
        emit Withdrawn(msg.sender, _recipient, amount);

        // The returned data are not copied, so a recipient cannot make the caller pay for memory.
        (bool success,) = _recipient.call{value: amount, gas: RECIPIENT_GAS}("");
        require(success, PullPayments__TransferFailed(_recipient, amount));
    }

    function _credit(address _account, uint256 _amount) internal {
        if (_amount == 0) return;

        _creditSilently(_account, _amount);
        emit Credited(_account, _amount);
    }

    /// @dev For many credits at once, which another event tells.
    function _creditSilently(address _account, uint256 _amount) internal {
        if (_amount != 0) owed[_account] += _amount;
    }
}
