// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SettledBlock, StatementContext} from "@agoge/proving/IEpochStatement.sol";
import {SettlementLib} from "@agoge/proving/SettlementLib.sol";
import {Slot, Timestamp} from "@agoge/time/TimeLib.sol";

/// @notice `c0 + c1 X` in F_p[X] / (X^2 - 7), both below p.
struct Extension {
    uint256 c0;
    uint256 c1;
}

/// @title FingerprintLib
/// @notice The settlement list as a polynomial at a point of the extension field (docs/protocol.md, 16.3), by Horner's rule:
/// `acc = acc * alpha + element`.
/// @dev A full epoch has 4,545 elements, so the loops are assembly: 75 gas a step, where a Solidity function for a step costs 220.
/// Every step is the same three lines. All factors are below 2^67, so no sum wraps. The oracle of the tests is
/// contracts/test/support/ProvingTest.sol.
library FingerprintLib {
    /// @dev 2^64 - 2^32 + 1, as assembly can read it.
    uint256 private constant P = 0xffffffff00000001;

    uint256 private constant BLOCK_ELEMENTS = 14;

    /// @dev Literals, since assembly takes no expressions.
    uint256 private constant MASK_48 = 0xffffffffffff;
    uint256 private constant MASK_56 = 0xffffffffffffff;
    uint256 private constant MASK_64 = 0xffffffffffffffff;

    /// @notice The fingerprint of a list that `SettlementLib.parse` accepted.
    function fingerprint(
        StatementContext calldata _context,
        bytes calldata _list,
        SettledBlock[] memory _blocks,
        Extension memory _alpha
    ) internal pure returns (Extension memory acc) {
        acc.c0 = 1;
        uint256 offset = 0;
        for (uint256 i = 0; i < _blocks.length; ++i) {
            SettledBlock memory settled = _blocks[i];
            uint256 end = settled.withdrawalsOffset + settled.withdrawalCount * SettlementLib.WITHDRAWAL_BYTES;
            _absorbDeposits(acc, _alpha, _list[offset + SettlementLib.BLOCK_BYTES:settled.withdrawalsOffset]);
            _absorbWithdrawals(acc, _alpha, _list[settled.withdrawalsOffset:end]);
            _absorb(acc, _alpha, _blockElements(_context, _list, settled, offset), BLOCK_ELEMENTS);
            offset = end;
        }
        uint256[BLOCK_ELEMENTS] memory last;
        last[0] = _blocks.length;
        _absorb(acc, _alpha, last, 1);
    }

    /// @dev The first `_count` elements.
    function _absorb(
        Extension memory _acc,
        Extension memory _alpha,
        uint256[BLOCK_ELEMENTS] memory _elements,
        uint256 _count
    ) private pure {
        assembly ("memory-safe") {
            let c0 := mload(_acc)
            let c1 := mload(add(_acc, 32))
            let a0 := mload(_alpha)
            let a1 := mload(add(_alpha, 32))
            // X^2 = 7.
            let b1 := mul(7, a1)
            let end := add(_elements, mul(32, _count))
            for { let cursor := _elements } lt(cursor, end) { cursor := add(cursor, 32) } {
                let next := add(add(mul(c0, a0), mul(c1, b1)), mload(cursor))
                c1 := mod(add(mul(c0, a1), mul(c1, a0)), P)
                c0 := mod(next, P)
            }
            mstore(_acc, c0)
            mstore(add(_acc, 32), c1)
        }
    }

    /// @dev Deposits: the four elements of the partial commitment (32 bytes), the value (8 bytes).
    function _absorbDeposits(Extension memory _acc, Extension memory _alpha, bytes calldata _deposits) private pure {
        assembly ("memory-safe") {
            let c0 := mload(_acc)
            let c1 := mload(add(_acc, 32))
            let a0 := mload(_alpha)
            let a1 := mload(add(_alpha, 32))
            let b1 := mul(7, a1)
            let end := add(_deposits.offset, _deposits.length)
            for { let cursor := _deposits.offset } lt(cursor, end) { cursor := add(cursor, 40) } {
                let word := calldataload(cursor)
                // Element 0 of the digest: the upper 64 bits.
                let next := add(add(mul(c0, a0), mul(c1, b1)), shr(192, word))
                c1 := mod(add(mul(c0, a1), mul(c1, a0)), P)
                c0 := mod(next, P)
                // Element 1.
                next := add(add(mul(c0, a0), mul(c1, b1)), and(shr(128, word), MASK_64))
                c1 := mod(add(mul(c0, a1), mul(c1, a0)), P)
                c0 := mod(next, P)
                // Element 2.
                next := add(add(mul(c0, a0), mul(c1, b1)), and(shr(64, word), MASK_64))
                c1 := mod(add(mul(c0, a1), mul(c1, a0)), P)
                c0 := mod(next, P)
                // Element 3.
                next := add(add(mul(c0, a0), mul(c1, b1)), and(word, MASK_64))
                c1 := mod(add(mul(c0, a1), mul(c1, a0)), P)
                c0 := mod(next, P)
                // The value.
                next := add(add(mul(c0, a0), mul(c1, b1)), shr(192, calldataload(add(cursor, 32))))
                c1 := mod(add(mul(c0, a1), mul(c1, a0)), P)
                c0 := mod(next, P)
            }
            mstore(_acc, c0)
            mstore(add(_acc, 32), c1)
        }
    }

    /// @dev Withdrawals: the recipient (20 bytes) as limbs of 56, 56 and 48 bits, the amount (8 bytes).
    function _absorbWithdrawals(Extension memory _acc, Extension memory _alpha, bytes calldata _withdrawals)
        private
        pure
    {
        assembly ("memory-safe") {
            let c0 := mload(_acc)
            let c1 := mload(add(_acc, 32))
            let a0 := mload(_alpha)
            let a1 := mload(add(_alpha, 32))
            let b1 := mul(7, a1)
            let end := add(_withdrawals.offset, _withdrawals.length)
            for { let cursor := _withdrawals.offset } lt(cursor, end) { cursor := add(cursor, 28) } {
                let word := calldataload(cursor)
                // The upper 56 bits of the recipient, which begins with the word.
                let next := add(add(mul(c0, a0), mul(c1, b1)), shr(200, word))
                c1 := mod(add(mul(c0, a1), mul(c1, a0)), P)
                c0 := mod(next, P)
                // The middle 56 bits.
                next := add(add(mul(c0, a0), mul(c1, b1)), and(shr(144, word), MASK_56))
                c1 := mod(add(mul(c0, a1), mul(c1, a0)), P)
                c0 := mod(next, P)
                // The lower 48 bits.
                next := add(add(mul(c0, a0), mul(c1, b1)), and(shr(96, word), MASK_48))
                c1 := mod(add(mul(c0, a1), mul(c1, a0)), P)
                c0 := mod(next, P)
                // The amount, behind the recipient's 160 bits.
                next := add(add(mul(c0, a0), mul(c1, b1)), and(shr(32, word), MASK_64))
                c1 := mod(add(mul(c0, a1), mul(c1, a0)), P)
                c0 := mod(next, P)
            }
            mstore(_acc, c0)
            mstore(add(_acc, 32), c1)
        }
    }

    /// @dev What follows a block's deposits and withdrawals.
    function _blockElements(
        StatementContext calldata _context,
        bytes calldata _list,
        SettledBlock memory _settled,
        uint256 _offset
    ) private pure returns (uint256[BLOCK_ELEMENTS] memory elements) {
        uint256 slot = Slot.unwrap(_settled.slot);
        uint256 recipient = uint160(_settled.feeRecipient);
        uint256 archive = uint256(_settled.archive);
        elements[0] = slot;
        elements[1] = Timestamp.unwrap(_context.clock.genesisTime) + slot * _context.clock.slotSeconds;
        elements[2] = recipient >> 104;
        elements[3] = (recipient >> 48) & MASK_56;
        elements[4] = recipient & MASK_48;
        elements[5] = _settled.totalFees;
        elements[6] = _settled.inboxEnd;
        elements[7] = archive >> 192;
        elements[8] = (archive >> 128) & MASK_64;
        elements[9] = (archive >> 64) & MASK_64;
        elements[10] = archive & MASK_64;
        (elements[11], elements[12], elements[13]) = SettlementLib.countsAt(_list, _offset);
    }
}
