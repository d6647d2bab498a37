// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IInbox} from "@agoge/rollup/IInbox.sol";
import {Timestamp} from "@agoge/time/TimeLib.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice The deposits of an instance.
/// @param words For each index: time in the upper 40 bits, rolling hash in the lower 216. Zero: no such deposit.
/// @param count Number of deposits.
struct InboxState {
    mapping(uint256 index => uint256 word) words;
    uint256 count;
}

/// @title InboxLib
/// @notice Appends deposits and decides how many a block has to consume (docs/protocol.md, section 8).
library InboxLib {
    using SafeCast for uint256;

    uint256 private constant ROLLING_BITS = 216;
    uint256 private constant ROLLING_MASK = (1 << ROLLING_BITS) - 1;

    /// @notice Appends a deposit.
    function append(InboxState storage _self, bytes32 _partialCommitment, uint256 _valueGwei, Timestamp _now)
        internal
        returns (uint256 index, uint256 rollingHash)
    {
        index = _self.count;
        rollingHash = roll(rollingBefore(_self, index), _partialCommitment, _valueGwei);

        _self.words[index] = uint256(Timestamp.unwrap(_now).toUint40()) << ROLLING_BITS | rollingHash;
        _self.count = index + 1;
    }

    /// @notice Checks that a block which starts at `_consumed` and ends at `_end` consumes exactly what it must.
    /// @dev At most two storage reads, and the count is not one of them: an absent word is zero.
    /// @param _consumed Inbox end of the parent block.
    /// @param _end Inbox end of the block.
    /// @param _blockMax Most deposits in a block.
    /// @param _dueTime Deposits of this time and earlier are due.
    function requireExactConsumption(
        InboxState storage _self,
        uint256 _consumed,
        uint256 _end,
        uint256 _blockMax,
        Timestamp _dueTime
    ) internal view {
        require(
            _consumed <= _end && _end - _consumed <= _blockMax,
            IInbox.Inbox__TooManyConsumed(_end, _consumed + _blockMax)
        );
        if (_end != _consumed) {
            uint256 last = _timeAt(_self, _end - 1);
            require(
                last != 0 && Timestamp.wrap(last) <= _dueTime,
                IInbox.Inbox__NotDue(_end, last, Timestamp.unwrap(_dueTime))
            );
        }
        if (_end - _consumed < _blockMax) {
            uint256 next = _timeAt(_self, _end);
            require(next == 0 || !(Timestamp.wrap(next) <= _dueTime), IInbox.Inbox__TooFewConsumed(_end));
        }
    }

    /// @notice Time and rolling hash of a deposit.
    function entryAt(InboxState storage _self, uint256 _index)
        internal
        view
        returns (uint256 time, uint256 rollingHash)
    {
        require(_index < _self.count, IInbox.Inbox__NoSuchDeposit(_index, _self.count));

        return (_timeAt(_self, _index), _self.words[_index] & ROLLING_MASK);
    }

    /// @notice Rolling hash of all deposits before an index; zero before the first.
    function rollingBefore(InboxState storage _self, uint256 _index) internal view returns (uint256) {
        return _index == 0 ? 0 : _self.words[_index - 1] & ROLLING_MASK;
    }

    /// @notice Rolling hash of the inbox with one more deposit: keccak of its three arguments, `abi.encode`d, mod 2^216.
    function roll(uint256 _rollingHash, bytes32 _partialCommitment, uint256 _valueGwei)
        internal
        pure
        returns (uint256 rolled)
    {
        assembly ("memory-safe") {
            // The three words go behind all memory that is in use, and nothing refers to them afterwards: up to 512 deposits of an
            // epoch share these 96 bytes, where `abi.encode` would take new ones for each.
            let words := mload(0x40)
            mstore(words, _rollingHash)
            mstore(add(words, 32), _partialCommitment)
            mstore(add(words, 64), _valueGwei)
            rolled := keccak256(words, 96)
        }
        rolled &= ROLLING_MASK;
    }

    /// @notice Number of deposits made at a time or earlier.
    function countUntil(InboxState storage _self, Timestamp _time) internal view returns (uint256 count) {
        uint256 high = _self.count;
        while (count < high) {
            uint256 middle = (count + high) / 2;
            if (Timestamp.wrap(_timeAt(_self, middle)) <= _time) count = middle + 1;
            else high = middle;
        }
    }

    function _timeAt(InboxState storage _self, uint256 _index) private view returns (uint256) {
        return _self.words[_index] >> ROLLING_BITS;
    }
}
