// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Slot} from "@agoge/time/TimeLib.sol";

/// @title BlockLib
/// @notice The hash of a block (docs/protocol.md, section 8).
library BlockLib {
    /// @notice Block hash of the parent's archive, free fields, the inbox's rolling hash at their end, and a blob.
    /// @dev The parent is in it so that attestations to a block are worth nothing on another parent, after an L1 reorg or behind
    /// another's block, where nobody could compute its archive (docs/decisions/0008).
    function hashOf(
        bytes32 _parentArchive,
        Slot _slot,
        address _feeRecipient,
        uint256 _inboxEnd,
        uint256 _inboxHash,
        bytes32 _archive,
        bytes32 _blobHash
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(_parentArchive, _slot, _feeRecipient, _inboxEnd, _inboxHash, _archive, _blobHash));
    }
}
