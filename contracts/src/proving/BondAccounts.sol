// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PullPayments} from "@agoge/payments/PullPayments.sol";
import {IProverBonds, ProverAccount} from "@agoge/proving/IProverBonds.sol";
import {Timestamp} from "@agoge/time/TimeLib.sol";
import {TimeLib} from "@agoge/time/TimeLib.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @title BondAccounts
/// @notice Provers' deposits: what is free, what bonds hold, what is about to leave; promises in IProverBonds.
abstract contract BondAccounts is IProverBonds, PullPayments {
    using SafeCast for uint256;

    uint256 internal immutable WITHDRAWAL_DELAY_SECONDS;

    mapping(address prover => ProverAccount) private _accounts;

    constructor(uint256 _withdrawalDelaySeconds) {
        WITHDRAWAL_DELAY_SECONDS = _withdrawalDelaySeconds;
    }

    /// @inheritdoc IProverBonds
    function deposit(address _prover) external payable override {
        require(_prover != address(0), ProverBonds__ZeroAddress());
        require(msg.value != 0, ProverBonds__ZeroAmount());

        _accounts[_prover].deposited += msg.value.toUint128();
        emit BondDeposited(_prover, msg.value);
    }

    /// @inheritdoc IProverBonds
    function startWithdrawal(uint256 _amount) external override {
        require(_amount != 0, ProverBonds__ZeroAmount());
        uint256 free = available(msg.sender);
        require(_amount <= free, ProverBonds__Unavailable(msg.sender, _amount, free));

        ProverAccount storage account = _accounts[msg.sender];
        account.withdrawing += _amount.toUint128();
        uint64 withdrawableAt = (Timestamp.unwrap(TimeLib.current()) + WITHDRAWAL_DELAY_SECONDS).toUint64();
        account.withdrawableAt = withdrawableAt;
        emit WithdrawalStarted(msg.sender, _amount, withdrawableAt);
    }

    /// @inheritdoc IProverBonds
    function finishWithdrawal() external override {
        ProverAccount storage account = _accounts[msg.sender];
        uint128 amount = account.withdrawing;
        require(amount != 0, ProverBonds__NothingToWithdraw(msg.sender));
        Timestamp time = TimeLib.current();
        require(
            Timestamp.wrap(account.withdrawableAt) <= time,
            ProverBonds__TooEarlyToWithdraw(time, account.withdrawableAt)
        );

        account.deposited -= amount;
        account.withdrawing = 0;
        account.withdrawableAt = 0;
        emit WithdrawalFinished(msg.sender, amount);
        _credit(msg.sender, amount);
    }

    /// @inheritdoc IProverBonds
    function accountOf(address _prover) external view override returns (ProverAccount memory) {
        return _accounts[_prover];
    }

    /// @inheritdoc IProverBonds
    function available(address _prover) public view override returns (uint256) {
        ProverAccount memory account = _accounts[_prover];
        return account.deposited - account.locked - account.withdrawing;
    }

    /// @dev The amount must be available.
    function _lock(address _prover, uint128 _amount) internal {
        _accounts[_prover].locked += _amount;
    }

    /// @dev The amount must be locked.
    function _unlock(address _prover, uint128 _amount) internal {
        _accounts[_prover].locked -= _amount;
    }

    /// @dev The amount must be locked; the caller credits it to others.
    function _slash(address _prover, uint128 _amount) internal {
        _accounts[_prover].locked -= _amount;
        _accounts[_prover].deposited -= _amount;
    }
}
