// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Ext, LOW, P, toExt} from "./Goldilocks.sol";
import {allocate, entry, load, loadExt, store, storeExt} from "./Memory.sol";
import {PoseidonTable} from "./PoseidonTable.sol";

/// @title PoseidonLib
/// @notice Poseidon of width 12 over Goldilocks as plonky2 has it: 4 full rounds, 22 partial ones in their fast form, 4 full rounds.
/// @dev A state is 12 words of memory, followed by 12 words of room, each word an extension element; states of the base field
/// have zero in the second coordinate. `_table` is the address of `PoseidonTable.NUMBERS` in memory.
///
/// The numbers are a quarter of what fits into a contract. So they are the code of a contract of their own: the first one that the
/// verifier creates, in its constructor. Its address follows from the verifier's, which keeps the verifier's code the same
/// wherever it is deployed; its code hash is a constant of the verifier's code, so whoever checks that code has checked the
/// numbers too, whatever the constructor was.
library PoseidonLib {
    /// @notice The contract that holds the numbers was not created, is not where it should be, or holds others.
    error PoseidonLib__NoTable();

    /// @dev Elements of a state.
    uint256 internal constant WIDTH = 12;
    /// @dev Elements that one permutation absorbs.
    uint256 internal constant RATE = 8;
    /// @dev Full rounds before the partial ones, and after.
    uint256 internal constant HALF_FULL_ROUNDS = 4;
    /// @dev Partial rounds.
    uint256 internal constant PARTIAL_ROUNDS = 22;

    // Where things stand in the table of numbers.
    uint256 internal constant FIRST_FULL = 0;
    uint256 internal constant FIRST_PARTIAL = FIRST_FULL + WIDTH * HALF_FULL_ROUNDS;
    uint256 internal constant MATRIX = FIRST_PARTIAL + WIDTH;
    uint256 internal constant PARTIAL = MATRIX + (WIDTH - 1) * (WIDTH - 1);
    uint256 internal constant PAIRS = PARTIAL + PARTIAL_ROUNDS;
    uint256 internal constant LAST_FULL = PAIRS + 2 * PARTIAL_ROUNDS * (WIDTH - 1);

    /// @dev Numbers in the table.
    uint256 private constant LENGTH = LAST_FULL + WIDTH * HALF_FULL_ROUNDS;

    /// @dev Code that returns what follows it: PUSH1 11, MSIZE, DUP2, CODESIZE, SUB, DUP1, SWAP3, MSIZE, CODECOPY, RETURN.
    bytes private constant RETURN_REST = hex"600b5981380380925939f3";

    /// @dev The corner of the MDS matrix: 17 of the circulant part and 8 of the diagonal.
    uint256 private constant CORNER = 25;

    /// @notice Creates the contract that holds the numbers, after a STOP. Called by a constructor, before it creates anything else.
    function createTable() internal {
        bytes memory code = bytes.concat(RETURN_REST, hex"00", PoseidonTable.NUMBERS);
        address created;
        assembly ("memory-safe") {
            created := create(0, add(code, 32), mload(code)) // without the length
        }
        require(created == _tableHolder(), PoseidonLib__NoTable());
    }

    /// @notice Copies the numbers into memory.
    /// @return _table Their address.
    function loadTable() internal view returns (uint256 _table) {
        address holder = _tableHolder();
        require(holder.codehash == PoseidonTable.TABLE_HASH, PoseidonLib__NoTable());
        _table = allocate(1 + LENGTH / 4);
        uint256 size = 8 * LENGTH;
        assembly ("memory-safe") {
            extcodecopy(holder, _table, 1, size) // after the STOP
        }
    }

    /// @dev The address of the first contract that this one creates: Keccak of the RLP of its address and the nonce 1.
    function _tableHolder() private view returns (address) {
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"d694", address(this), hex"01")))));
    }

    /// @notice The hash of elements in calldata words: a sponge in overwrite mode, without padding.
    /// @return _hash Four elements.
    function hash(uint256[24] calldata _elements, uint256 _table) internal pure returns (uint256[4] memory _hash) {
        unchecked {
            uint256 state = allocate(2 * WIDTH);
            uint256 other = allocate(2 * WIDTH);
            for (uint256 i = RATE; i < WIDTH; ++i) {
                store(state + 32 * i, 0);
            }
            for (uint256 start = 0; start < _elements.length; start += RATE) {
                for (uint256 i = 0; i < RATE; ++i) {
                    store(state + 32 * i, _elements[start + i]);
                }
                permute(state, other, _table);
            }
            for (uint256 i = 0; i < 4; ++i) {
                _hash[i] = load(state + 32 * i);
            }
        }
    }

    /// @notice The permutation of a state of reduced base elements, in place.
    /// @dev The same as the functions below do for extension elements, with half of the work: three permutations are half of
    /// what `verify` would cost otherwise.
    /// @param _room Room for 24 words.
    function permute(uint256 _state, uint256 _room, uint256 _table) internal pure {
        unchecked {
            _fullRounds(_state, _table + 8 * FIRST_FULL);
            for (uint256 i = 0; i < WIDTH; ++i) {
                store(_state + 32 * i, (load(_state + 32 * i) + entry(_table, FIRST_PARTIAL + i)) % P);
            }
            _partialInitBase(_state, _room, _table + 8 * MATRIX);
            _partialRounds(_state, _table);
            _fullRounds(_state, _table + 8 * LAST_FULL);
        }
    }

    /// @dev Four full rounds of a base state, in place.
    /// The product with the MDS matrix is taken column by column, three rows in lanes of 80 bits: a word of three of the matrix's
    /// entries times an element. A row's sum is below 2^64 * 272 < 2^73. The four words of rows begin with row 0, 3, 6 and 9;
    /// the matrix is circulant, so they have the same twelve words in turn.
    function _fullRounds(uint256 _state, uint256 _constants) private pure {
        assembly ("memory-safe") {
            // x^7 of an element plus its round constant
            function box(element, constant_) -> power {
                element := add(element, shr(192, constant_))
                let x2 := mulmod(element, element, P)
                power := mulmod(mulmod(mulmod(x2, x2, P), x2, P), element, P)
            }
            for { let end := add(_constants, 384) } lt(_constants, end) { _constants := add(_constants, 96) } {
                let x := box(mload(_state), mload(_constants))
                let rows0 := add(mul(x, 0x220000000000000000001400000000000000000011), shl(3, x)) // and 8 more in the matrix's corner
                let rows3 := mul(x, 0xd0000000000000000002700000000000000000012)
                let rows6 := mul(x, 0x20000000000000000001c0000000000000000000d)
                let rows9 := mul(x, 0xf0000000000000000002900000000000000000010)
                x := box(mload(add(_state, 32)), mload(add(_constants, 8)))
                rows0 := add(rows0, mul(x, 0x14000000000000000000110000000000000000000f))
                rows3 := add(rows3, mul(x, 0x270000000000000000001200000000000000000022))
                rows6 := add(rows6, mul(x, 0x1c0000000000000000000d0000000000000000000d))
                rows9 := add(rows9, mul(x, 0x290000000000000000001000000000000000000002))
                x := box(mload(add(_state, 64)), mload(add(_constants, 16)))
                rows0 := add(rows0, mul(x, 0x110000000000000000000f00000000000000000029))
                rows3 := add(rows3, mul(x, 0x120000000000000000002200000000000000000014))
                rows6 := add(rows6, mul(x, 0xd0000000000000000000d00000000000000000027))
                rows9 := add(rows9, mul(x, 0x10000000000000000000020000000000000000001c))
                x := box(mload(add(_state, 96)), mload(add(_constants, 24)))
                rows0 := add(rows0, mul(x, 0xf0000000000000000002900000000000000000010))
                rows3 := add(rows3, mul(x, 0x220000000000000000001400000000000000000011))
                rows6 := add(rows6, mul(x, 0xd0000000000000000002700000000000000000012))
                rows9 := add(rows9, mul(x, 0x20000000000000000001c0000000000000000000d))
                x := box(mload(add(_state, 128)), mload(add(_constants, 32)))
                rows0 := add(rows0, mul(x, 0x290000000000000000001000000000000000000002))
                rows3 := add(rows3, mul(x, 0x14000000000000000000110000000000000000000f))
                rows6 := add(rows6, mul(x, 0x270000000000000000001200000000000000000022))
                rows9 := add(rows9, mul(x, 0x1c0000000000000000000d0000000000000000000d))
                x := box(mload(add(_state, 160)), mload(add(_constants, 40)))
                rows0 := add(rows0, mul(x, 0x10000000000000000000020000000000000000001c))
                rows3 := add(rows3, mul(x, 0x110000000000000000000f00000000000000000029))
                rows6 := add(rows6, mul(x, 0x120000000000000000002200000000000000000014))
                rows9 := add(rows9, mul(x, 0xd0000000000000000000d00000000000000000027))
                x := box(mload(add(_state, 192)), mload(add(_constants, 48)))
                rows0 := add(rows0, mul(x, 0x20000000000000000001c0000000000000000000d))
                rows3 := add(rows3, mul(x, 0xf0000000000000000002900000000000000000010))
                rows6 := add(rows6, mul(x, 0x220000000000000000001400000000000000000011))
                rows9 := add(rows9, mul(x, 0xd0000000000000000002700000000000000000012))
                x := box(mload(add(_state, 224)), mload(add(_constants, 56)))
                rows0 := add(rows0, mul(x, 0x1c0000000000000000000d0000000000000000000d))
                rows3 := add(rows3, mul(x, 0x290000000000000000001000000000000000000002))
                rows6 := add(rows6, mul(x, 0x14000000000000000000110000000000000000000f))
                rows9 := add(rows9, mul(x, 0x270000000000000000001200000000000000000022))
                x := box(mload(add(_state, 256)), mload(add(_constants, 64)))
                rows0 := add(rows0, mul(x, 0xd0000000000000000000d00000000000000000027))
                rows3 := add(rows3, mul(x, 0x10000000000000000000020000000000000000001c))
                rows6 := add(rows6, mul(x, 0x110000000000000000000f00000000000000000029))
                rows9 := add(rows9, mul(x, 0x120000000000000000002200000000000000000014))
                x := box(mload(add(_state, 288)), mload(add(_constants, 72)))
                rows0 := add(rows0, mul(x, 0xd0000000000000000002700000000000000000012))
                rows3 := add(rows3, mul(x, 0x20000000000000000001c0000000000000000000d))
                rows6 := add(rows6, mul(x, 0xf0000000000000000002900000000000000000010))
                rows9 := add(rows9, mul(x, 0x220000000000000000001400000000000000000011))
                x := box(mload(add(_state, 320)), mload(add(_constants, 80)))
                rows0 := add(rows0, mul(x, 0x270000000000000000001200000000000000000022))
                rows3 := add(rows3, mul(x, 0x1c0000000000000000000d0000000000000000000d))
                rows6 := add(rows6, mul(x, 0x290000000000000000001000000000000000000002))
                rows9 := add(rows9, mul(x, 0x14000000000000000000110000000000000000000f))
                x := box(mload(add(_state, 352)), mload(add(_constants, 88)))
                rows0 := add(rows0, mul(x, 0x120000000000000000002200000000000000000014))
                rows3 := add(rows3, mul(x, 0xd0000000000000000000d00000000000000000027))
                rows6 := add(rows6, mul(x, 0x10000000000000000000020000000000000000001c))
                rows9 := add(rows9, mul(x, 0x110000000000000000000f00000000000000000029))
                mstore(_state, mod(and(rows0, 0xffffffffffffffffffff), P))
                mstore(add(_state, 32), mod(and(shr(80, rows0), 0xffffffffffffffffffff), P))
                mstore(add(_state, 64), mod(shr(160, rows0), P))
                mstore(add(_state, 96), mod(and(rows3, 0xffffffffffffffffffff), P))
                mstore(add(_state, 128), mod(and(shr(80, rows3), 0xffffffffffffffffffff), P))
                mstore(add(_state, 160), mod(shr(160, rows3), P))
                mstore(add(_state, 192), mod(and(rows6, 0xffffffffffffffffffff), P))
                mstore(add(_state, 224), mod(and(shr(80, rows6), 0xffffffffffffffffffff), P))
                mstore(add(_state, 256), mod(shr(160, rows6), P))
                mstore(add(_state, 288), mod(and(rows9, 0xffffffffffffffffffff), P))
                mstore(add(_state, 320), mod(and(shr(80, rows9), 0xffffffffffffffffffff), P))
                mstore(add(_state, 352), mod(shr(160, rows9), P))
            }
        }
    }

    /// @dev The matrix before the partial rounds, of a base state, in place.
    function _partialInitBase(uint256 _state, uint256 _room, uint256 _matrix) private pure {
        assembly ("memory-safe") {
            let end := add(_state, 384)
            for { let column := 32 } lt(column, 384) { column := add(column, 32) } {
                let sum := 0
                for { let from := add(_state, 32) } lt(from, end) { from := add(from, 32) } {
                    sum := add(sum, mul(mload(from), shr(192, mload(_matrix)))) // 11 products below 2^128
                    _matrix := add(_matrix, 8)
                }
                mstore(add(_room, column), mod(sum, P))
            }
            mcopy(add(_state, 32), add(_room, 32), 352)
        }
    }

    /// @dev All partial rounds of a base state, in place, unrolled. Elements but the first are left unreduced: the 22 rounds
    /// add 22 products to each, so they stay below 2^133, and the sum of 11 of them times 64-bit numbers below 2^201. The full
    /// rounds that follow take any word.
    function _partialRounds(uint256 _state, uint256 _table) private pure {
        uint256 constants = _table + 8 * PARTIAL;
        uint256 pairs = _table + 8 * PAIRS;
        assembly ("memory-safe") {
            let first := mload(_state)
            for { let last := add(constants, 176) } lt(constants, last) { constants := add(constants, 8) } {
                let x2 := mulmod(first, first, P)
                let x4 := mulmod(x2, x2, P)
                // x^7 plus the round's constant, which is 0 in the last
                first := addmod(mulmod(mulmod(x4, x2, P), first, P), shr(192, mload(constants)), P)
                let sum := mul(CORNER, first)
                let pair := mload(pairs)
                let element := mload(add(_state, 32))
                sum := add(sum, mul(element, shr(192, pair)))
                mstore(add(_state, 32), add(element, mul(first, and(shr(128, pair), 0xffffffffffffffff))))
                pair := mload(add(pairs, 16))
                element := mload(add(_state, 64))
                sum := add(sum, mul(element, shr(192, pair)))
                mstore(add(_state, 64), add(element, mul(first, and(shr(128, pair), 0xffffffffffffffff))))
                pair := mload(add(pairs, 32))
                element := mload(add(_state, 96))
                sum := add(sum, mul(element, shr(192, pair)))
                mstore(add(_state, 96), add(element, mul(first, and(shr(128, pair), 0xffffffffffffffff))))
                pair := mload(add(pairs, 48))
                element := mload(add(_state, 128))
                sum := add(sum, mul(element, shr(192, pair)))
                mstore(add(_state, 128), add(element, mul(first, and(shr(128, pair), 0xffffffffffffffff))))
                pair := mload(add(pairs, 64))
                element := mload(add(_state, 160))
                sum := add(sum, mul(element, shr(192, pair)))
                mstore(add(_state, 160), add(element, mul(first, and(shr(128, pair), 0xffffffffffffffff))))
                pair := mload(add(pairs, 80))
                element := mload(add(_state, 192))
                sum := add(sum, mul(element, shr(192, pair)))
                mstore(add(_state, 192), add(element, mul(first, and(shr(128, pair), 0xffffffffffffffff))))
                pair := mload(add(pairs, 96))
                element := mload(add(_state, 224))
                sum := add(sum, mul(element, shr(192, pair)))
                mstore(add(_state, 224), add(element, mul(first, and(shr(128, pair), 0xffffffffffffffff))))
                pair := mload(add(pairs, 112))
                element := mload(add(_state, 256))
                sum := add(sum, mul(element, shr(192, pair)))
                mstore(add(_state, 256), add(element, mul(first, and(shr(128, pair), 0xffffffffffffffff))))
                pair := mload(add(pairs, 128))
                element := mload(add(_state, 288))
                sum := add(sum, mul(element, shr(192, pair)))
                mstore(add(_state, 288), add(element, mul(first, and(shr(128, pair), 0xffffffffffffffff))))
                pair := mload(add(pairs, 144))
                element := mload(add(_state, 320))
                sum := add(sum, mul(element, shr(192, pair)))
                mstore(add(_state, 320), add(element, mul(first, and(shr(128, pair), 0xffffffffffffffff))))
                pair := mload(add(pairs, 160))
                element := mload(add(_state, 352))
                sum := add(sum, mul(element, shr(192, pair)))
                mstore(add(_state, 352), add(element, mul(first, and(shr(128, pair), 0xffffffffffffffff))))
                pairs := add(pairs, 176)
                first := mod(sum, P)
            }
            mstore(_state, first)
        }
    }

    /// @notice Writes the product of the MDS matrix and a state to another place, reduced.
    /// @dev Overwrites the room after `_from`. The matrix is the circulant one of the numbers below, and 8 more in its corner:
    /// its entries are below 2^6, so both coordinates of a row's sum stay in their halves of the word.
    function mix(uint256 _from, uint256 _to) internal pure {
        unchecked {
            for (uint256 i = 0; i < 32 * (WIDTH - 1); i += 32) {
                store(_from + 32 * WIDTH + i, load(_from + i));
            }
            uint256 corner = 8 * load(_from);
            for (uint256 end = _from + 32 * WIDTH; _from < end; _from += 32) {
                uint256 sum = 17 * load(_from) + 15 * load(_from + 32) + 41 * load(_from + 64) + 16 * load(_from + 96);
                sum += 2 * load(_from + 128) + 28 * load(_from + 160) + 13 * load(_from + 192) + 13 * load(_from + 224);
                sum += 39 * load(_from + 256) + 18 * load(_from + 288) + 34 * load(_from + 320) + 20 * load(_from + 352);
                storeExt(_to, Ext.wrap(sum + corner).reduce());
                corner = 0;
                _to += 32;
            }
        }
    }

    /// @notice Writes the state that the partial rounds begin with to another place, reduced.
    function partialInit(uint256 _from, uint256 _to, uint256 _table) internal pure {
        unchecked {
            storeExt(_to, loadExt(_from).reduce());
            uint256 factors = _table + 8 * MATRIX;
            for (uint256 to = _to + 32; to < _to + 32 * WIDTH; to += 32) {
                uint256 sum0 = 0;
                uint256 sum1 = 0;
                for (uint256 from = _from + 32; from < _from + 32 * WIDTH; from += 32) {
                    uint256 factor = entry(factors, 0);
                    uint256 element = load(from);
                    sum0 += (element & LOW) * factor;
                    sum1 += (element >> 128) * factor;
                    factors += 8;
                }
                storeExt(to, toExt(sum0 % P, sum1 % P));
            }
        }
    }

    /// @notice The linear part of a partial round, in place, reduced.
    function partialMix(uint256 _state, uint256 _table, uint256 _round) internal pure {
        unchecked {
            uint256 pairs = _table + 8 * PAIRS + 16 * (WIDTH - 1) * _round;
            uint256 first0 = load(_state) & LOW;
            uint256 first1 = load(_state) >> 128;
            uint256 sum0 = CORNER * first0;
            uint256 sum1 = CORNER * first1;
            for (uint256 to = _state + 32; to < _state + 32 * WIDTH; to += 32) {
                uint256 w = entry(pairs, 0);
                uint256 v = entry(pairs, 1);
                uint256 element0 = load(to) & LOW;
                uint256 element1 = load(to) >> 128;
                sum0 += element0 * w;
                sum1 += element1 * w;
                storeExt(to, toExt((element0 + first0 * v) % P, (element1 + first1 * v) % P));
                pairs += 16;
            }
            storeExt(_state, toExt(sum0 % P, sum1 % P));
        }
    }
}
