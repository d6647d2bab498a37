// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice Seconds since the Unix epoch, as in `block.timestamp`.
type Timestamp is uint256;

/// @notice Number of a slot, counted from the network genesis time.
type Slot is uint256;

/// @notice Number of an epoch, counted from the network genesis time.
type Epoch is uint256;

using {ltTimestamp as <, lteTimestamp as <=, gteTimestamp as >=, eqTimestamp as ==} for Timestamp global;
using {ltSlot as <, gtSlot as >, eqSlot as ==, neqSlot as !=} for Slot global;
using {ltEpoch as <, lteEpoch as <=, gtEpoch as >, gteEpoch as >=, eqEpoch as ==} for Epoch global;

function ltTimestamp(Timestamp _a, Timestamp _b) pure returns (bool) {
    return Timestamp.unwrap(_a) < Timestamp.unwrap(_b);
}

function lteTimestamp(Timestamp _a, Timestamp _b) pure returns (bool) {
    return Timestamp.unwrap(_a) <= Timestamp.unwrap(_b);
}

function eqTimestamp(Timestamp _a, Timestamp _b) pure returns (bool) {
    return Timestamp.unwrap(_a) == Timestamp.unwrap(_b);
}

function gteTimestamp(Timestamp _a, Timestamp _b) pure returns (bool) {
    return Timestamp.unwrap(_a) >= Timestamp.unwrap(_b);
}

function ltSlot(Slot _a, Slot _b) pure returns (bool) {
    return Slot.unwrap(_a) < Slot.unwrap(_b);
}

function gtSlot(Slot _a, Slot _b) pure returns (bool) {
    return Slot.unwrap(_a) > Slot.unwrap(_b);
}

function eqSlot(Slot _a, Slot _b) pure returns (bool) {
    return Slot.unwrap(_a) == Slot.unwrap(_b);
}

function neqSlot(Slot _a, Slot _b) pure returns (bool) {
    return Slot.unwrap(_a) != Slot.unwrap(_b);
}

function ltEpoch(Epoch _a, Epoch _b) pure returns (bool) {
    return Epoch.unwrap(_a) < Epoch.unwrap(_b);
}

function lteEpoch(Epoch _a, Epoch _b) pure returns (bool) {
    return Epoch.unwrap(_a) <= Epoch.unwrap(_b);
}

function gtEpoch(Epoch _a, Epoch _b) pure returns (bool) {
    return Epoch.unwrap(_a) > Epoch.unwrap(_b);
}

function gteEpoch(Epoch _a, Epoch _b) pure returns (bool) {
    return Epoch.unwrap(_a) >= Epoch.unwrap(_b);
}

function eqEpoch(Epoch _a, Epoch _b) pure returns (bool) {
    return Epoch.unwrap(_a) == Epoch.unwrap(_b);
}

/// @notice The clock that all instances of a network share.
/// @param genesisTime The network genesis time, start of slot 0.
/// @param slotSeconds Length of a slot, seconds.
/// @param epochSlots Length of an epoch, slots.
/// @param setLagEpochs How many epochs before its start the validator set of an epoch is frozen.
struct NetworkClock {
    Timestamp genesisTime;
    uint256 slotSeconds;
    uint256 epochSlots;
    uint256 setLagEpochs;
}

/// @title TimeLib
/// @notice The only place where timestamps, slots and epochs are converted (docs/protocol.md, section 2).
library TimeLib {
    /// @notice There is no slot before the network genesis time.
    error TimeLib__BeforeGenesis(Timestamp time, Timestamp genesisTime);

    /// @notice The time of the transaction's block.
    function current() internal view returns (Timestamp) {
        return Timestamp.wrap(block.timestamp);
    }

    /// @notice The slot that contains a time.
    function slotAt(NetworkClock memory _clock, Timestamp _time) internal pure returns (Slot) {
        require(_time >= _clock.genesisTime, TimeLib__BeforeGenesis(_time, _clock.genesisTime));

        return Slot.wrap((Timestamp.unwrap(_time) - Timestamp.unwrap(_clock.genesisTime)) / _clock.slotSeconds);
    }

    /// @notice The epoch that contains a time; epoch 0 for every time before genesis.
    function epochAtOrZero(NetworkClock memory _clock, Timestamp _time) internal pure returns (Epoch) {
        if (_time < _clock.genesisTime) return Epoch.wrap(0);

        return epochOf(_clock, slotAt(_clock, _time));
    }

    /// @notice The epoch of a slot.
    function epochOf(NetworkClock memory _clock, Slot _slot) internal pure returns (Epoch) {
        return Epoch.wrap(Slot.unwrap(_slot) / _clock.epochSlots);
    }

    /// @notice Position of a slot in its epoch, from 0.
    function positionInEpoch(NetworkClock memory _clock, Slot _slot) internal pure returns (uint256) {
        return Slot.unwrap(_slot) % _clock.epochSlots;
    }

    /// @notice First second of a slot.
    function startOfSlot(NetworkClock memory _clock, Slot _slot) internal pure returns (Timestamp) {
        return Timestamp.wrap(Timestamp.unwrap(_clock.genesisTime) + Slot.unwrap(_slot) * _clock.slotSeconds);
    }

    /// @notice First second of an epoch.
    function startOfEpoch(NetworkClock memory _clock, Epoch _epoch) internal pure returns (Timestamp) {
        return startOfSlot(_clock, Slot.wrap(Epoch.unwrap(_epoch) * _clock.epochSlots));
    }

    /// @notice Last second whose L1 blocks still change the validator set of an epoch.
    /// @dev The epochs 0..setLagEpochs use the set as it is before the network genesis time.
    function freezeTime(NetworkClock memory _clock, Epoch _epoch) internal pure returns (Timestamp) {
        if (isGenesisEpoch(_clock, _epoch)) return Timestamp.wrap(Timestamp.unwrap(_clock.genesisTime) - 1);

        Epoch frozenIn = Epoch.wrap(Epoch.unwrap(_epoch) - _clock.setLagEpochs);
        return Timestamp.wrap(Timestamp.unwrap(startOfEpoch(_clock, frozenIn)) - 1);
    }

    /// @notice Whether an epoch is one of those that use the genesis set and the genesis seed.
    function isGenesisEpoch(NetworkClock memory _clock, Epoch _epoch) internal pure returns (bool) {
        return Epoch.unwrap(_epoch) <= _clock.setLagEpochs;
    }
}
