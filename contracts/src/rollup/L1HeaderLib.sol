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

    /// @dev Gas limit and gas used are between the number and the time.
    uint256 private constant FIELDS_TO_TIME = 2;

    uint256 private constant STRING_PREFIX = 0x80;
    uint256 private constant WORD_PREFIX = 0xa0;

    /// @notice Reads a header.
    function read(bytes calldata _rlp) internal pure returns (L1Header memory header) {
        uint256 cursor = _numberOffset(_rlp);
        uint256 value;

        header.parentHash = bytes32(_wordAt(_rlp, LIST_PREFIX_BYTES + 1));
        (header.number, cursor) = _item(_rlp, cursor);
        (value, cursor) = _item(_rlp, _skip(_rlp, cursor, FIELDS_TO_TIME));
        header.time = Timestamp.wrap(value);
        // Extra data comes between.
        (value, cursor) = _item(_rlp, _skip(_rlp, cursor, 1));
        header.prevrandao = bytes32(value);
        _requireEnd(_rlp, cursor);
    }

    /// @notice Reads only the time of a header.
    function readTime(bytes calldata _rlp) internal pure returns (Timestamp) {
        (uint256 time, uint256 end) = _item(_rlp, _skip(_rlp, _numberOffset(_rlp), 1 + FIELDS_TO_TIME));
        _requireEnd(_rlp, end);
        return Timestamp.wrap(time);
    }

    function _numberOffset(bytes calldata _rlp) private pure returns (uint256) {
        require(_rlp.length > DIFFICULTY_OFFSET && _rlp[0] == LIST_PREFIX, IRollup.Rollup__NotAnL1Header());

        return _skip(_rlp, DIFFICULTY_OFFSET, 1);
    }

    /// @dev The offset behind some strings of at most 32 bytes each.
    function _skip(bytes calldata _rlp, uint256 _offset, uint256 _count) private pure returns (uint256) {
        uint256 longest = 0;
        for (; _count != 0;) {
            uint256 prefix = _wordAt(_rlp, _offset) >> 248;
            if (prefix > longest) longest = prefix;
            // No overflow: a few fields of at most 127 bytes; a byte below STRING_PREFIX stands for itself.
            unchecked {
                _offset += prefix < STRING_PREFIX ? 1 : 1 + prefix - STRING_PREFIX;
                --_count;
            }
        }
        require(longest <= WORD_PREFIX, IRollup.Rollup__NotAnL1Header());

        return _offset;
    }

    /// @dev A string of at most 32 bytes as a number, the empty one as zero, and the offset behind it.
    function _item(bytes calldata _rlp, uint256 _offset) private pure returns (uint256 value, uint256 next) {
        uint256 prefix = _wordAt(_rlp, _offset) >> 248;
        // No overflow: what is subtracted is at most what it is subtracted from. A shift by 256 gives zero.
        unchecked {
            if (prefix < STRING_PREFIX) return (prefix, _offset + 1);

            require(prefix <= WORD_PREFIX, IRollup.Rollup__NotAnL1Header());
            value = _wordAt(_rlp, _offset + 1) >> (8 * (WORD_PREFIX - prefix));
            next = _offset + 1 + prefix - STRING_PREFIX;
        }
    }

    /// @dev The 32 bytes from an offset on, whatever follows the header in calldata included: `_requireEnd` comes last.
    function _wordAt(bytes calldata _rlp, uint256 _offset) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            // Checks of bounds and slices at each of two dozen reads make a set-up 1,300 gas dearer.
            word := calldataload(add(_rlp.offset, _offset))
        }
    }

    function _requireEnd(bytes calldata _rlp, uint256 _end) private pure {
        require(_end <= _rlp.length, IRollup.Rollup__NotAnL1Header());
    }
}
