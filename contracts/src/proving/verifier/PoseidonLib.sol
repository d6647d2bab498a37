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
/// wherever it is deployed.
library PoseidonLib {
    /// @notice The contract that holds the numbers was not created, or is not where it should be.
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
        require(holder.code.length == 1 + 8 * LENGTH, PoseidonLib__NoTable());
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
            _fullRounds(_state, _room, _table + 8 * FIRST_FULL);
            for (uint256 i = 0; i < WIDTH; ++i) {
                store(_state + 32 * i, (load(_state + 32 * i) + entry(_table, FIRST_PARTIAL + i)) % P);
            }
            _partialInitBase(_state, _room, _table + 8 * MATRIX);
            _partialRounds(_state, _table);
            _fullRounds(_state, _room, _table + 8 * LAST_FULL);
        }
    }

    /// @dev Four full rounds of a base state, in place.
    /// The product with the MDS matrix is taken three rows at a time: a word holds three neighbours of the state in lanes of 80
    /// bits, and a row's sum is below 2^64 * 272 < 2^73.
    function _fullRounds(uint256 _state, uint256 _room, uint256 _constants) private pure {
        assembly ("memory-safe") {
            let lane := 0xffffffffffffffffffff // 80 bits
            for { let end := add(_constants, 384) } lt(_constants, end) { _constants := add(_constants, 96) } {
                for { let i := 0 } lt(i, 12) { i := add(i, 1) } {
                    let at := add(_state, shl(5, i))
                    let x := add(mload(at), shr(192, mload(add(_constants, shl(3, i))))) // plus the round's constant
                    let x2 := mulmod(x, x, P)
                    let x4 := mulmod(x2, x2, P)
                    mstore(at, mulmod(mulmod(x4, x2, P), x, P))
                }
                let neighbours := or(shl(80, mload(_state)), shl(160, mload(add(_state, 32)))) // of element 11: 0 and 1
                for { let i := 384 } i {} {
                    i := sub(i, 32)
                    neighbours := or(neighbours, mload(add(_state, i))) // element, next, the one after
                    mstore(add(_room, i), neighbours)
                    mstore(add(add(_room, 384), i), neighbours) // once more, for rows that wrap around
                    neighbours := shr(16, shl(96, neighbours)) // up one lane, without what leaves the third
                }
                let corner := shl(3, mload(_state)) // 8 more in the matrix's corner
                for { let i := 0 } lt(i, 384) { i := add(i, 96) } {
                    let row := add(_room, i)
                    let sum := add(corner, mul(17, mload(row)))
                    sum := add(sum, mul(15, mload(add(row, 32))))
                    sum := add(sum, mul(41, mload(add(row, 64))))
                    sum := add(sum, mul(16, mload(add(row, 96))))
                    sum := add(sum, mul(2, mload(add(row, 128))))
                    sum := add(sum, mul(28, mload(add(row, 160))))
                    sum := add(sum, mul(13, add(mload(add(row, 192)), mload(add(row, 224)))))
                    sum := add(sum, mul(39, mload(add(row, 256))))
                    sum := add(sum, mul(18, mload(add(row, 288))))
                    sum := add(sum, mul(34, mload(add(row, 320))))
                    sum := add(sum, mul(20, mload(add(row, 352))))
                    let to := add(_state, i)
                    mstore(to, mod(and(sum, lane), P)) // row i
                    mstore(add(to, 32), mod(and(shr(80, sum), lane), P)) // row i + 1
                    mstore(add(to, 64), mod(shr(160, sum), P)) // row i + 2
                    corner := 0
                }
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

    /// @dev All partial rounds of a base state, in place.
    function _partialRounds(uint256 _state, uint256 _table) private pure {
        uint256 constants = _table + 8 * PARTIAL;
        uint256 pairs = _table + 8 * PAIRS;
        assembly ("memory-safe") {
            let end := add(_state, 384)
            let first := mload(_state)
            for { let last := add(constants, 176) } lt(constants, last) { constants := add(constants, 8) } {
                let x2 := mulmod(first, first, P)
                let x4 := mulmod(x2, x2, P)
                // x^7 plus the round's constant, which is 0 in the last
                first := addmod(mulmod(mulmod(x4, x2, P), first, P), shr(192, mload(constants)), P)
                let sum := mul(CORNER, first)
                for { let at := add(_state, 32) } lt(at, end) { at := add(at, 32) } {
                    let pair := mload(pairs) // w, v and 16 bytes more
                    let element := mload(at)
                    sum := add(sum, mul(element, shr(192, pair)))
                    mstore(at, mod(add(element, mul(first, and(shr(128, pair), 0xffffffffffffffff))), P))
                    pairs := add(pairs, 16)
                }
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
