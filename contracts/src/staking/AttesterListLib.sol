// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Timestamp} from "@agoge/time/TimeLib.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

/// @notice A place in a list.
/// @param attester Its latest occupant.
/// @param since When it took the seat, Unix seconds.
struct Seat {
    address attester;
    uint40 since;
}

/// @notice The length of a list.
/// @param value Seats in use.
/// @param since When it took this value, Unix seconds.
struct Size {
    uint216 value;
    uint40 since;
}

/// @notice A list of attesters that can be read as it was at any past time.
/// @param seats Latest occupant of each seat: one word, so that a draw costs one storage read.
/// @param earlier Occupants before the latest one, by the time at which they took the seat.
/// @param size Latest length, one word too.
/// @param earlierSizes Lengths before the latest one, by the time at which they were taken.
struct AttesterList {
    mapping(uint256 position => Seat) seats;
    mapping(uint256 position => Checkpoints.Trace160) earlier;
    Size size;
    Checkpoints.Trace208 earlierSizes;
}

/// @title AttesterListLib
/// @notice Snapshotted list with removal by moving the last entry into the gap.
/// @dev "At a time" means after all L1 blocks with that time or an earlier one; callers read only times in the past.
/// A seat above the size keeps its last occupant: it answers for the times at which the list was longer.
library AttesterListLib {
    using Checkpoints for Checkpoints.Trace160;
    using Checkpoints for Checkpoints.Trace208;
    using SafeCast for uint256;

    /// @notice Adds an attester at the end.
    /// @return position Its seat.
    function append(AttesterList storage _self, address _attester, Timestamp _now) internal returns (uint256 position) {
        position = _self.size.value;

        _occupy(_self, position, _attester, _now);
        _resize(_self, position + 1, _now);
    }

    /// @notice Removes the occupant of a seat.
    /// @return moved The attester that now has this seat, or zero if the last one was removed.
    function remove(AttesterList storage _self, uint256 _position, Timestamp _now) internal returns (address moved) {
        uint256 last = _self.size.value - 1;

        if (_position != last) {
            moved = _self.seats[last].attester;
            _occupy(_self, _position, moved, _now);
        }
        _resize(_self, last, _now);
    }

    /// @notice Number of attesters at a time.
    function sizeAt(AttesterList storage _self, Timestamp _time) internal view returns (uint256) {
        Size memory size = _self.size;
        if (Timestamp.wrap(size.since) <= _time) return size.value;

        return _self.earlierSizes.upperLookupRecent(Timestamp.unwrap(_time).toUint48());
    }

    /// @notice The occupant of a seat at a time; the seat must be below the size of that time.
    function attesterAt(AttesterList storage _self, uint256 _position, Timestamp _time)
        internal
        view
        returns (address)
    {
        Seat storage seat = _self.seats[_position];
        (address attester, uint256 since) = (seat.attester, seat.since);
        return since <= Timestamp.unwrap(_time) ? attester : _earlierAttesterAt(_self, _position, _time);
    }

    function _earlierAttesterAt(AttesterList storage _self, uint256 _position, Timestamp _time)
        private
        view
        returns (address)
    {
        return address(_self.earlier[_position].upperLookupRecent(Timestamp.unwrap(_time).toUint96()));
    }

    function _occupy(AttesterList storage _self, uint256 _position, address _attester, Timestamp _now) private {
        Seat memory seat = _self.seats[_position];

        // An occupant of this very second was never there after a block, and pushing it would be harmless but useless.
        if (seat.since != 0 && Timestamp.wrap(seat.since) < _now) {
            _self.earlier[_position].push(seat.since, uint160(seat.attester));
        }
        _self.seats[_position] = Seat({attester: _attester, since: Timestamp.unwrap(_now).toUint40()});
    }

    function _resize(AttesterList storage _self, uint256 _size, Timestamp _now) private {
        Size memory size = _self.size;
        if (size.since != 0 && Timestamp.wrap(size.since) < _now) {
            _self.earlierSizes.push(size.since, uint256(size.value).toUint208());
        }
        _self.size = Size({value: _size.toUint216(), since: Timestamp.unwrap(_now).toUint40()});
    }
}
