// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IEpochProofs} from "@agoge/proving/IEpochProofs.sol";
import {SettledBlock, StatementContext} from "@agoge/proving/IEpochStatement.sol";
import {BlockLib} from "@agoge/rollup/BlockLib.sol";
import {FieldLib} from "@agoge/rollup/FieldLib.sol";
import {InboxLib} from "@agoge/rollup/InboxLib.sol";
import {Slot} from "@agoge/time/TimeLib.sol";

/// @title SettlementLib
/// @notice The bytes of a settlement list (docs/protocol.md, 16.3): where everything is, and its bounds.
library SettlementLib {
    /// @notice What the epoch circuit takes: blocks of a proof; transactions, deposits and withdrawals of a block.
    uint256 internal constant BLOCKS_MAX = 32;
    uint256 internal constant TRANSACTIONS_MAX = 64;
    uint256 internal constant DEPOSITS_MAX = 16;
    uint256 internal constant WITHDRAWALS_MAX = 12;

    uint256 internal constant BLOCK_BYTES = 70;
    uint256 internal constant DEPOSIT_BYTES = 40;
    uint256 internal constant WITHDRAWAL_BYTES = 28;

    uint256 private constant AMOUNT_GWEI_LIMIT = 1 << 60;
    uint256 private constant MASK_16 = type(uint16).max;
    uint256 private constant MASK_64 = type(uint64).max;

    /// @notice The blocks of a list, which must have one entry for each blob hash and nothing behind them.
    /// @dev The value and the partial commitment of a deposit need no bounds: the block hash binds them to the inbox.
    function parse(StatementContext calldata _context, bytes calldata _list, bytes32[] memory _blobHashes)
        internal
        pure
        returns (SettledBlock[] memory blocks)
    {
        blocks = new SettledBlock[](_blobHashes.length);
        uint256 offset = 0;
        bytes32 parentArchive = _context.startArchive;
        uint256 inboxHash = _context.inboxHash;
        uint256 inboxEnd = _context.inboxStart;
        for (uint256 i = 0; i < blocks.length; ++i) {
            _requireLength(_list, offset + BLOCK_BYTES);
            (uint256 transactions, uint256 deposits, uint256 withdrawals) = countsAt(_list, offset);
            require(
                transactions <= _context.transactionsMax && deposits <= _context.depositsMax
                    && withdrawals <= _context.withdrawalsMax,
                IEpochProofs.Statement__CountOutOfBounds(i, transactions, deposits, withdrawals)
            );
            SettledBlock memory settled = blocks[i];
            settled.withdrawalCount = withdrawals;
            settled.withdrawalsOffset = offset + BLOCK_BYTES + deposits * DEPOSIT_BYTES;
            uint256 end = settled.withdrawalsOffset + withdrawals * WITHDRAWAL_BYTES;
            _requireLength(_list, end);

            for (uint256 cursor = offset + BLOCK_BYTES; cursor < settled.withdrawalsOffset; cursor += DEPOSIT_BYTES) {
                (bytes32 partialCommitment, uint256 valueGwei) = depositAt(_list, cursor);
                inboxHash = InboxLib.roll(inboxHash, partialCommitment, valueGwei);
            }
            for (uint256 cursor = settled.withdrawalsOffset; cursor < end; cursor += WITHDRAWAL_BYTES) {
                (, uint256 amountGwei) = withdrawalAt(_list, cursor);
                _requireAmount(i, amountGwei);
            }
            inboxEnd += deposits;
            settled.inboxEnd = inboxEnd;
            _readFields(settled, _list, offset, i);
            settled.blobHash = _blobHashes[i];
            settled.blockHash = BlockLib.hashOf(
                parentArchive,
                settled.slot,
                settled.feeRecipient,
                inboxEnd,
                inboxHash,
                settled.archive,
                settled.blobHash
            );
            parentArchive = settled.archive;
            offset = end;
        }
        require(_list.length == offset, IEpochProofs.Statement__WrongLength(_list.length, offset));
    }

    /// @notice Transactions, deposits and withdrawals of the block whose entry begins at an offset.
    function countsAt(bytes calldata _list, uint256 _offset)
        internal
        pure
        returns (uint256 transactions, uint256 deposits, uint256 withdrawals)
    {
        uint256 word = wordAt(_list, _offset + 32);
        return (word >> 240, (word >> 224) & MASK_16, (word >> 208) & MASK_16);
    }

    /// @notice The deposit at an offset.
    function depositAt(bytes calldata _list, uint256 _offset)
        internal
        pure
        returns (bytes32 partialCommitment, uint256 valueGwei)
    {
        return (bytes32(wordAt(_list, _offset)), wordAt(_list, _offset + 32) >> 192);
    }

    /// @notice The withdrawal at an offset.
    function withdrawalAt(bytes calldata _list, uint256 _offset)
        internal
        pure
        returns (address recipient, uint256 amountGwei)
    {
        uint256 word = wordAt(_list, _offset);
        return (address(uint160(word >> 96)), (word >> 32) & MASK_64);
    }

    /// @notice The 32 bytes at an offset; zeros behind the end of calldata.
    function wordAt(bytes calldata _list, uint256 _offset) internal pure returns (uint256 word) {
        assembly ("memory-safe") {
            // A slice with bounds checks costs four times as much, and `parse` has checked the length once.
            word := calldataload(add(_list.offset, _offset))
        }
    }

    function _readFields(SettledBlock memory _settled, bytes calldata _list, uint256 _offset, uint256 _index)
        private
        pure
    {
        // slot (4 bytes), fee recipient (20), total fees (8); behind the three counts of 2 bytes: archive (32).
        uint256 word = wordAt(_list, _offset);
        _settled.slot = Slot.wrap(word >> 224);
        _settled.feeRecipient = address(uint160(word >> 64));
        _settled.totalFees = word & MASK_64;
        _requireAmount(_index, _settled.totalFees);
        _settled.archive = bytes32(wordAt(_list, _offset + BLOCK_BYTES - 32));
        require(FieldLib.isDigest(_settled.archive), IEpochProofs.Statement__NotFieldElements(_index, _settled.archive));
    }

    function _requireLength(bytes calldata _list, uint256 _needed) private pure {
        require(_list.length >= _needed, IEpochProofs.Statement__WrongLength(_list.length, _needed));
    }

    /// @dev Also makes the number a canonical field element, so that no list has a second encoding.
    function _requireAmount(uint256 _index, uint256 _amountGwei) private pure {
        require(_amountGwei < AMOUNT_GWEI_LIMIT, IEpochProofs.Statement__AmountOutOfBounds(_index, _amountGwei));
    }
}
