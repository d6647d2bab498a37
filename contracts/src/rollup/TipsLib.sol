// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

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

    /// @notice The tips without the blocks that are not proven.
    function pruned(Tips memory _tips) internal pure returns (Tips memory) {
        return Tips({
            pendingNumber: _tips.provenNumber,
            provenNumber: _tips.provenNumber,
            pendingSlot: _tips.provenSlot,
            provenSlot: _tips.provenSlot,
            firstUnprovenSlot: 0,
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
}
