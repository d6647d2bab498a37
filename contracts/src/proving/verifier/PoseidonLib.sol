// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Ext, LOW, P, toExt} from "./Goldilocks.sol";
import {allocate, entry, load, loadExt, store, storeExt} from "./Memory.sol";

/// @title PoseidonLib
/// @notice Poseidon of width 12 over Goldilocks as plonky2 has it: 4 full rounds, 22 partial ones in their fast form, 4 full rounds.
/// @dev A state is 12 words of memory, followed by 12 words of room, each word an extension element; states of the base field
/// have zero in the second coordinate. `_table` is the address of `PoseidonTable.NUMBERS` in memory.
library PoseidonLib {
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
    uint256 internal constant W_HATS = PARTIAL + PARTIAL_ROUNDS;
    uint256 internal constant VS = W_HATS + PARTIAL_ROUNDS * (WIDTH - 1);
    uint256 internal constant LAST_FULL = VS + PARTIAL_ROUNDS * (WIDTH - 1);

    /// @dev The corner of the MDS matrix: 17 of the circulant part and 8 of the diagonal.
    uint256 private constant CORNER = 25;

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
    /// @param _other Room for another state.
    function permute(uint256 _state, uint256 _other, uint256 _table) internal pure {
        unchecked {
            _fullRounds(_state, _other, _table, FIRST_FULL);
            for (uint256 i = 0; i < WIDTH; ++i) {
                store(_state + 32 * i, load(_state + 32 * i) + entry(_table, FIRST_PARTIAL + i));
            }
            partialInit(_state, _other, _table);
            for (uint256 round = 0; round < PARTIAL_ROUNDS; ++round) {
                // The last round's constant is 0.
                store(_other, _power7(load(_other) % P) + entry(_table, PARTIAL + round));
                partialMix(_other, _table, round);
            }
            for (uint256 i = 0; i < WIDTH; ++i) {
                store(_state + 32 * i, load(_other + 32 * i));
            }
            _fullRounds(_state, _other, _table, LAST_FULL);
        }
    }

    /// @dev Four full rounds of a base state, in place.
    function _fullRounds(uint256 _state, uint256 _other, uint256 _table, uint256 _constants) private pure {
        unchecked {
            for (uint256 round = 0; round < HALF_FULL_ROUNDS; ++round) {
                for (uint256 i = 0; i < WIDTH; ++i) {
                    uint256 x = load(_state + 32 * i) + entry(_table, _constants + WIDTH * round + i);
                    store(_state + 32 * i, _power7(x));
                }
                mix(_state, _other);
                (_state, _other) = (_other, _state);
            }
        }
    }

    /// @dev x^7 mod p for x below 2^66.
    function _power7(uint256 x) private pure returns (uint256) {
        unchecked {
            uint256 x2 = x * x % P;
            return x2 * x2 % P * x2 % P * x % P;
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
            for (uint256 column = 0; column < WIDTH - 1; ++column) {
                (uint256 sum0, uint256 sum1) = _dot(_from, _table + 8 * (MATRIX + column), 8 * (WIDTH - 1));
                storeExt(_to + 32 + 32 * column, toExt(sum0 % P, sum1 % P));
            }
        }
    }

    /// @notice The linear part of a partial round, in place, reduced.
    function partialMix(uint256 _state, uint256 _table, uint256 _round) internal pure {
        unchecked {
            uint256 offset = 8 * (WIDTH - 1) * _round;
            (uint256 sum0, uint256 sum1) = _dot(_state, _table + 8 * W_HATS + offset, 8);
            uint256 first0 = load(_state) & LOW;
            uint256 first1 = load(_state) >> 128;
            storeExt(_state, toExt((sum0 + CORNER * first0) % P, (sum1 + CORNER * first1) % P));

            uint256 v = _table + 8 * VS + offset;
            for (uint256 to = _state + 32; to < _state + 32 * WIDTH; to += 32) {
                uint256 factor = entry(v, 0);
                uint256 element = load(to);
                storeExt(
                    to, toExt((first0 * factor + (element & LOW)) % P, (first1 * factor + (element >> 128)) % P)
                );
                v += 8;
            }
        }
    }

    /// @dev The sum of the products of elements 1 to 11 of a state and numbers at a distance in the table, unreduced.
    function _dot(uint256 _state, uint256 _numbers, uint256 _distance)
        private
        pure
        returns (uint256 _sum0, uint256 _sum1)
    {
        unchecked {
            for (uint256 from = _state + 32; from < _state + 32 * WIDTH; from += 32) {
                uint256 factor = entry(_numbers, 0);
                uint256 element = load(from);
                _sum0 += (element & LOW) * factor;
                _sum1 += (element >> 128) * factor;
                _numbers += _distance;
            }
        }
    }
}
