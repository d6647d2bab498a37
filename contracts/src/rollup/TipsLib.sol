// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SettledBlock} from "@agoge/proving/IEpochStatement.sol";
import {Block, Tips} from "@agoge/rollup/IRollup.sol";
import {Slot} from "@agoge/time/TimeLib.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @title TipsLib
/// @notice How the ends of the pending and the proven chain move.
library TipsLib {
    using SafeCast for uint256;

    /// @notice Whether there are blocks that are not proven.
    function hasUnproven(Tips memory _tips) internal pure returns (bool) {
        return _tips.pendingNumber != _tips.provenNumber;
    }

    /// @notice Slot of the last block that a committee made; zero if there was none.
    function lastCommitteeSlot(Tips memory _tips) internal pure returns (uint32) {
        return hasUnproven(_tips) ? _tips.pendingSlot : _tips.firstUnprovenSlot;
    }

    /// @notice The tips without the blocks that are not proven.
    function pruned(Tips memory _tips) internal pure returns (Tips memory) {
        return Tips({
            pendingNumber: _tips.provenNumber,
            provenNumber: _tips.provenNumber,
            pendingSlot: _tips.provenSlot,
            provenSlot: _tips.provenSlot,
            firstUnprovenSlot: lastCommitteeSlot(_tips),
            pendingInboxEnd: _tips.provenInboxEnd,
            provenInboxEnd: _tips.provenInboxEnd
        });
    }

    /// @notice The tips after one more block.
    function appended(Tips memory _tips, Block calldata _block) internal pure returns (Tips memory) {
        uint32 slot = Slot.unwrap(_block.slot).toUint32();
        return Tips({
            pendingNumber: _tips.pendingNumber + 1,
            provenNumber: _tips.provenNumber,
            pendingSlot: slot,
            provenSlot: _tips.provenSlot,
            firstUnprovenSlot: hasUnproven(_tips) ? _tips.firstUnprovenSlot : slot,
            pendingInboxEnd: _block.inboxEnd.toUint48(),
            provenInboxEnd: _tips.provenInboxEnd
        });
    }

    /// @notice The tips after a proof of blocks above the proven tip.
    /// @param _number The last of them.
    /// @param _last It.
    /// @param _nextSlot Slot of the block behind it; not read if there is none.
    function proven(Tips memory _tips, uint256 _number, SettledBlock memory _last, uint32 _nextSlot)
        internal
        pure
        returns (Tips memory)
    {
        uint32 number = _number.toUint32();
        uint32 slot = Slot.unwrap(_last.slot).toUint32();
        uint48 inboxEnd = _last.inboxEnd.toUint48();
        return Tips({
            pendingNumber: _tips.pendingNumber,
            provenNumber: number,
            pendingSlot: _tips.pendingSlot,
            provenSlot: slot,
            firstUnprovenSlot: number == _tips.pendingNumber ? lastCommitteeSlot(_tips) : _nextSlot,
            pendingInboxEnd: _tips.pendingInboxEnd,
            provenInboxEnd: inboxEnd
        });
    }

    /// @notice The tips after blocks that came with their proof, on tips without unproven blocks.
    /// @param _number The last of them.
    /// @param _last It.
    function extended(Tips memory _tips, uint256 _number, SettledBlock memory _last)
        internal
        pure
        returns (Tips memory)
    {
        uint32 number = _number.toUint32();
        uint32 slot = Slot.unwrap(_last.slot).toUint32();
        uint48 inboxEnd = _last.inboxEnd.toUint48();
        return Tips({
            pendingNumber: number,
            provenNumber: number,
            pendingSlot: slot,
            provenSlot: slot,
            firstUnprovenSlot: _tips.firstUnprovenSlot,
            pendingInboxEnd: inboxEnd,
            provenInboxEnd: inboxEnd
        });
    }
}
