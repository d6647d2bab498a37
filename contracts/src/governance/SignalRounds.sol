// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IGovernanceProposer, Round} from "@agoge/governance/IGovernanceProposer.sol";
import {Slot} from "@agoge/time/TimeLib.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice A round as it is stored.
/// @param leader The payload with the most signals.
/// @param signals Its signals.
/// @param isNominated Whether the winner was nominated.
/// @param lastSlot The last slot that signalled; it tells the round too.
/// @param leaderKey What the leader's signals name.
struct RoundRecord {
    address leader;
    uint16 signals;
    bool isNominated;
    uint72 lastSlot;
    bytes32 leaderKey;
}

/// @notice The rounds of an instance.
/// @param ring The rounds that can still change or be nominated, round r at index `r mod ring size`: a round writes over one
/// whose lifetime is over, which costs a quarter of new storage.
/// @param counts Signals by round and key.
struct SignalRounds {
    mapping(uint256 index => RoundRecord) ring;
    mapping(uint256 round => mapping(bytes32 key => uint256)) counts;
}

/// @notice Sizes of rounds, from the configuration.
/// @param roundSlots Slots of a round.
/// @param ringSize Rounds in the ring.
struct RoundSizes {
    uint256 roundSlots;
    uint256 ringSize;
}

/// @title SignalRoundsLib
/// @notice Counts signals and knows the leader of each round.
library SignalRoundsLib {
    using SafeCast for uint256;

    /// @notice Counts one signal of a slot; reverts unless the slot is later than the last that signalled.
    /// @return signals Signals for the key in the slot's round.
    function count(SignalRounds storage _self, RoundSizes memory _sizes, Slot _slot, address _payload, bytes32 _key)
        internal
        returns (uint256 signals)
    {
        uint256 slot = Slot.unwrap(_slot);
        uint256 round = slot / _sizes.roundSlots;
        RoundRecord storage stored = _self.ring[round % _sizes.ringSize];
        // One read: the four fields share a word.
        (address leader, uint16 leaderSignals, bool isNominated, uint256 lastSlot) =
            (stored.leader, stored.signals, stored.isNominated, stored.lastSlot);
        if (leaderSignals == 0 || lastSlot / _sizes.roundSlots != round) {
            (leader, leaderSignals, isNominated) = (address(0), 0, false);
        } else {
            require(slot > lastSlot, IGovernanceProposer.GovernanceProposer__AlreadySignalled(_slot));
        }

        signals = ++_self.counts[round][_key];
        if (signals > leaderSignals) {
            (leader, leaderSignals) = (_payload, signals.toUint16());
            if (stored.leaderKey != _key) stored.leaderKey = _key;
        }
        (stored.leader, stored.signals, stored.isNominated, stored.lastSlot) =
        (leader, leaderSignals, isNominated, slot.toUint72());
    }

    /// @notice Where a round stands; empty if it had no signals or its lifetime is over.
    function read(SignalRounds storage _self, RoundSizes memory _sizes, uint256 _round)
        internal
        view
        returns (Round memory)
    {
        RoundRecord memory stored = _self.ring[_round % _sizes.ringSize];
        if (stored.signals == 0 || stored.lastSlot / _sizes.roundSlots != _round) {
            return Round({leader: address(0), signals: 0, isNominated: false, leaderKey: 0});
        }
        return Round({
            leader: stored.leader, signals: stored.signals, isNominated: stored.isNominated, leaderKey: stored.leaderKey
        });
    }

    /// @notice Marks a round that `read` returned as nominated.
    function setNominated(SignalRounds storage _self, RoundSizes memory _sizes, uint256 _round) internal {
        _self.ring[_round % _sizes.ringSize].isNominated = true;
    }
}
