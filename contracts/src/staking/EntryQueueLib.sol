// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Epoch} from "@agoge/time/TimeLib.sol";

/// @notice A validator that waits.
/// @param attester Its attester.
/// @param nonce The nonce of its deposit: an entry of an earlier deposit of the same key is void.
struct Entry {
    address attester;
    uint64 nonce;
}

/// @notice First-in first-out queue with a rate per epoch.
/// @param entries Waiting validators by index.
/// @param head Index of the oldest entry.
/// @param tail Index after the newest entry.
/// @param epoch Epoch of the last activation.
/// @param activated Activations in that epoch.
struct EntryQueue {
    mapping(uint256 index => Entry) entries;
    uint64 head;
    uint64 tail;
    uint64 epoch;
    uint64 activated;
}

/// @title EntryQueueLib
/// @notice The queue through which deposits become validators.
library EntryQueueLib {
    /// @notice Adds an entry at the end.
    function push(EntryQueue storage _self, address _attester, uint256 _nonce) internal {
        // casting is safe: a nonce counts deposits of one key
        // forge-lint: disable-next-line(unsafe-typecast)
        _self.entries[_self.tail] = Entry({attester: _attester, nonce: uint64(_nonce)});
        _self.tail += 1;
    }

    /// @notice Takes the oldest entry; the queue must not be empty.
    function pop(EntryQueue storage _self) internal returns (Entry memory entry) {
        entry = _self.entries[_self.head];
        delete _self.entries[_self.head];
        _self.head += 1;
    }

    /// @notice Counts one activation in an epoch.
    function countActivation(EntryQueue storage _self, Epoch _epoch) internal {
        if (Epoch.unwrap(_epoch) != _self.epoch) {
            // casting is safe: epochs are counted from a recent time
            // forge-lint: disable-next-line(unsafe-typecast)
            (_self.epoch, _self.activated) = (uint64(Epoch.unwrap(_epoch)), 0);
        }
        _self.activated += 1;
    }

    /// @notice Activations that happened in an epoch.
    function activatedIn(EntryQueue storage _self, Epoch _epoch) internal view returns (uint256) {
        return Epoch.unwrap(_epoch) == _self.epoch ? _self.activated : 0;
    }

    /// @notice Entries in the queue.
    function length(EntryQueue storage _self) internal view returns (uint256) {
        return _self.tail - _self.head;
    }
}
