// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {FieldLib} from "@agoge/rollup/FieldLib.sol";
import {IInbox} from "@agoge/rollup/IInbox.sol";
import {InboxLib, InboxState} from "@agoge/rollup/InboxLib.sol";
import {RollupParameters} from "@agoge/rollup/RollupParameters.sol";
import {NetworkClock, Slot, TimeLib, Timestamp} from "@agoge/time/TimeLib.sol";

/// @title Inbox
/// @notice The deposits of a Rollup; promises in IInbox.
abstract contract Inbox is RollupParameters {
    using InboxLib for InboxState;
    using TimeLib for NetworkClock;

    uint256 private constant CIPHERTEXT_BYTES = 91;
    uint256 private constant VALUE_GWEI_LIMIT = 1 << 60;

    InboxState private _inbox;

    /// @inheritdoc IInbox
    function deposit(bytes32 _partialCommitment, bytes calldata _ciphertext)
        external
        payable
        override
        returns (uint256 index)
    {
        Timestamp time = TimeLib.current();
        address canonical = REGISTRY.canonicalAt(_clock().epochAtOrZero(time));
        require(canonical == address(this), Inbox__NotCanonicalInstance(canonical));
        require(FieldLib.isDigest(_partialCommitment), Inbox__NotFieldElements(_partialCommitment));
        require(msg.value % 1 gwei == 0, Inbox__NotWholeGwei(msg.value));
        uint256 valueGwei = msg.value / 1 gwei;
        require(
            valueGwei >= MINIMUM_DEPOSIT_GWEI && valueGwei < VALUE_GWEI_LIMIT,
            Inbox__ValueOutOfBounds(valueGwei, MINIMUM_DEPOSIT_GWEI, VALUE_GWEI_LIMIT)
        );
        require(
            _ciphertext.length == CIPHERTEXT_BYTES, Inbox__WrongCiphertextLength(_ciphertext.length, CIPHERTEXT_BYTES)
        );

        uint256 rollingHash;
        (index, rollingHash) = _inbox.append(_partialCommitment, valueGwei, time);
        emit Deposited(index, _partialCommitment, valueGwei, _ciphertext, Timestamp.unwrap(time), rollingHash);
    }

    /// @inheritdoc IInbox
    function inbox(uint256 _index) external view override returns (uint256 time, uint256 rollingHash) {
        return _inbox.entryAt(_index);
    }

    /// @inheritdoc IInbox
    function inboxCount() external view override returns (uint256) {
        return _inbox.count;
    }

    /// @inheritdoc IInbox
    function dueAt(Slot _slot) external view override returns (uint256) {
        return _inbox.countUntil(_dueTime(_slot));
    }

    function _requireExactConsumption(Slot _slot, uint256 _consumed, uint256 _end) internal view {
        _inbox.requireExactConsumption(_consumed, _end, DEPOSITS_PER_BLOCK_MAX, _dueTime(_slot));
    }

    function _inboxHashAt(uint256 _end) internal view returns (uint256) {
        return _inbox.rollingBefore(_end);
    }

    /// @dev Zero, at which nothing was ever deposited, for the first slots of the network.
    function _dueTime(Slot _slot) private view returns (Timestamp) {
        if (Slot.unwrap(_slot) < INBOX_LAG_SLOTS) return Timestamp.wrap(0);

        return _clock().startOfSlot(Slot.wrap(Slot.unwrap(_slot) - INBOX_LAG_SLOTS));
    }
}
