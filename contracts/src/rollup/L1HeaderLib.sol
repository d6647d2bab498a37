// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IRollup} from "@agoge/rollup/IRollup.sol";
import {Timestamp} from "@agoge/time/TimeLib.sol";

/// @notice The fields of an L1 block header that a seed needs.
struct L1Header {
    bytes32 parentHash;
    uint256 number;
    Timestamp time;
    bytes32 prevrandao;
}

/// @title L1HeaderLib
/// @notice Reads fields 0, 8, 11 and 13 of an RLP header and nothing behind them, so that later forks may append fields.
/// @dev Three times cheaper than a general RLP decoder. It does not prove that the bytes are a header: the caller compares their
/// hash with one that L1 vouches for. OpenZeppelin's BlockHeader is the oracle in the tests.
library L1HeaderLib {
    /// @dev A header has between 256 and 65,535 bytes: one byte 0xf9 and two of length come first.
    bytes1 private constant LIST_PREFIX = 0xf9;
    uint256 private constant LIST_PREFIX_BYTES = 3;

    /// @dev Fields 0 to 6 have fixed lengths: five hashes of 33 bytes, the beneficiary of 21, the bloom filter of 259.
    uint256 private constant DIFFICULTY_OFFSET = LIST_PREFIX_BYTES + 5 * 33 + 21 + 259;

    uint256 private constant STRING_PREFIX = 0x80;
    uint256 private constant WORD_PREFIX = 0xa0;

    /// @notice Reads a header.
    function read(bytes calldata _rlp) internal pure returns (L1Header memory header) {
        uint256 cursor = _numberOffset(_rlp);
        uint256 value;

        header.parentHash = bytes32(_wordAt(_rlp, LIST_PREFIX_BYTES + 1));
        (header.number, cursor) = _item(_rlp, cursor);
        (value, cursor) = _item(_rlp, _timeOffset(_rlp, cursor));
        header.time = Timestamp.wrap(value);
        cursor = _skip(_rlp, cursor); // Extra data.
        (value, cursor) = _item(_rlp, cursor);
        header.prevrandao = bytes32(value);
        _requireEnd(_rlp, cursor);
    }

    /// @notice Reads only the time of a header.
    function readTime(bytes calldata _rlp) internal pure returns (Timestamp) {
        uint256 afterNumber = _skip(_rlp, _numberOffset(_rlp));
        (uint256 time, uint256 end) = _item(_rlp, _timeOffset(_rlp, afterNumber));
        _requireEnd(_rlp, end);
        return Timestamp.wrap(time);
    }

    function _numberOffset(bytes calldata _rlp) private pure returns (uint256) {
        require(_rlp.length > DIFFICULTY_OFFSET && _rlp[0] == LIST_PREFIX, IRollup.Rollup__NotAnL1Header());

        return _skip(_rlp, DIFFICULTY_OFFSET);
    }

    /// @dev Gas limit and gas used are between the number and the time.
    function _timeOffset(bytes calldata _rlp, uint256 _afterNumber) private pure returns (uint256) {
        return _skip(_rlp, _skip(_rlp, _afterNumber));
    }

    /// @dev The offset behind a string of at most 32 bytes.
    function _skip(bytes calldata _rlp, uint256 _offset) private pure returns (uint256) {
        uint256 prefix = _wordAt(_rlp, _offset) >> 248;
        require(prefix <= WORD_PREFIX, IRollup.Rollup__NotAnL1Header());

        // No overflow: a few fields of at most 33 bytes.
        unchecked {
            return prefix < STRING_PREFIX ? _offset + 1 : _offset + 1 + prefix - STRING_PREFIX;
        }
    }

    /// @dev A string of at most 32 bytes as a number, the empty one as zero, and the offset behind it.
    function _item(bytes calldata _rlp, uint256 _offset) private pure returns (uint256 value, uint256 next) {
        next = _skip(_rlp, _offset);
        uint256 prefix = _wordAt(_rlp, _offset) >> 248;
        if (prefix < STRING_PREFIX) return (prefix, next);

        // No overflow: `_skip` returned 1 to 33 more than the offset. A shift by 256 gives zero.
        unchecked {
            value = _wordAt(_rlp, _offset + 1) >> (8 * (33 + _offset - next));
        }
    }

    /// @dev The 32 bytes from an offset on, whatever follows the header in calldata included: `_requireEnd` comes last.
    function _wordAt(bytes calldata _rlp, uint256 _offset) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            // Reads with checks of bounds and of slices cost five times as much, two dozen times in a set-up.
            word := calldataload(add(_rlp.offset, _offset))
        }
    }

    function _requireEnd(bytes calldata _rlp, uint256 _end) private pure {
        require(_end <= _rlp.length, IRollup.Rollup__NotAnL1Header());
    }
}
