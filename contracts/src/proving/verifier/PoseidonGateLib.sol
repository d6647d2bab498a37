// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {GateLib} from "./GateLib.sol";
import {Ext, ONE} from "./Goldilocks.sol";
import {entry, loadExt, storeExt} from "./Memory.sol";
import {PoseidonLib} from "./PoseidonLib.sol";

/// @title PoseidonGateLib
/// @notice The constraints of plonky2's two Poseidon gates; see `GateLib` for what the functions take.
/// @dev `_room` is the address of 48 words: two states of `PoseidonLib`.
library PoseidonGateLib {
    /// @dev Words of a state and its room.
    uint256 private constant STATE = 2 * PoseidonLib.WIDTH;

    /// @notice `PoseidonMdsGate`: the outputs are the MDS matrix times the inputs, 12 algebra elements each.
    function mds(uint256 _wires, Ext _filter, uint256 _sum, uint256 _room) internal pure {
        unchecked {
            uint256 mixed = _room + 32 * STATE;
            // The matrix is over the base field: it acts on both coordinates alike.
            for (uint256 coordinate = 0; coordinate < 64; coordinate += 32) {
                for (uint256 i = 0; i < PoseidonLib.WIDTH; ++i) {
                    storeExt(_room + 32 * i, loadExt(_wires + 64 * i + coordinate));
                }
                PoseidonLib.mix(_room, mixed);
                uint256 output = _wires + 64 * PoseidonLib.WIDTH + coordinate;
                for (uint256 i = 0; i < PoseidonLib.WIDTH; ++i) {
                    GateLib.addTerm(
                        _sum + 64 * i + coordinate, _filter, loadExt(output + 64 * i) - loadExt(mixed + 32 * i)
                    );
                }
            }
        }
    }

    /// @notice `PoseidonGate`: the outputs are the permutation of the inputs, of which the first four and the next four are
    /// swapped when the swap wire is 1.
    /// @dev Wires: 12 inputs, 12 outputs, swap, 4 deltas, then the S-box inputs: 36 of full rounds 1 to 3, 22 of partial
    /// rounds, 48 of the last full rounds.
    function permutation(uint256 _wires, Ext _filter, uint256 _sum, uint256 _table, uint256 _room) internal pure {
        unchecked {
            uint256 state = _room;
            uint256 other = _room + 32 * STATE;
            _sum = _swap(_wires, _filter, _sum, state);

            uint256 box = _wires + 32 * 29;
            (box, _sum) = _fullRounds(box, _filter, _sum, _table, PoseidonLib.FIRST_FULL, state);

            for (uint256 i = 0; i < PoseidonLib.WIDTH; ++i) {
                Ext number = Ext.wrap(entry(_table, PoseidonLib.FIRST_PARTIAL + i));
                storeExt(state + 32 * i, loadExt(state + 32 * i) + number);
            }
            PoseidonLib.partialInit(state, other, _table);
            for (uint256 round = 0; round < PoseidonLib.PARTIAL_ROUNDS; ++round) {
                Ext x = loadExt(box);
                _sum = GateLib.addTerm(_sum, _filter, loadExt(other) - x);
                // The last round's constant is 0.
                storeExt(other, _power7(x) + Ext.wrap(entry(_table, PoseidonLib.PARTIAL + round)));
                PoseidonLib.partialMix(other, _table, round);
                box += 32;
            }

            for (uint256 i = 0; i < PoseidonLib.WIDTH; ++i) {
                storeExt(state + 32 * i, loadExt(other + 32 * i));
            }
            (, _sum) = _fullRounds(box, _filter, _sum, _table, PoseidonLib.LAST_FULL, state);

            for (uint256 i = 0; i < PoseidonLib.WIDTH; ++i) {
                Ext output = loadExt(_wires + 32 * (PoseidonLib.WIDTH + i));
                _sum = GateLib.addTerm(_sum, _filter, loadExt(state + 32 * i) - output);
            }
        }
    }

    /// @dev The swap's constraints; writes the state after it, unreduced.
    function _swap(uint256 _wires, Ext _filter, uint256 _sum, uint256 _state) private pure returns (uint256) {
        unchecked {
            Ext swap = loadExt(_wires + 32 * 24);
            _sum = GateLib.addTerm(_sum, _filter, swap * (swap - ONE));
            for (uint256 i = 0; i < 128; i += 32) {
                Ext left = loadExt(_wires + i);
                Ext right = loadExt(_wires + 128 + i);
                Ext delta = loadExt(_wires + 32 * 25 + i);
                _sum = GateLib.addTerm(_sum, _filter, swap * (right - left) - delta);
                storeExt(_state + i, left + delta);
                storeExt(_state + 128 + i, right - delta);
                storeExt(_state + 256 + i, loadExt(_wires + 256 + i));
            }
            return _sum;
        }
    }

    /// @dev Four full rounds of the state at `_state`, in place. The inputs of the very first round's S-boxes are no wires.
    function _fullRounds(uint256 _box, Ext _filter, uint256 _sum, uint256 _table, uint256 _constants, uint256 _state)
        private
        pure
        returns (uint256, uint256)
    {
        unchecked {
            uint256 other = _state + 32 * STATE;
            for (uint256 round = 0; round < PoseidonLib.HALF_FULL_ROUNDS; ++round) {
                bool hasWires = round > 0 || _constants != PoseidonLib.FIRST_FULL;
                for (uint256 i = 0; i < PoseidonLib.WIDTH; ++i) {
                    Ext x =
                        loadExt(_state + 32 * i) + Ext.wrap(entry(_table, _constants + PoseidonLib.WIDTH * round + i));
                    if (hasWires) {
                        Ext wire = loadExt(_box);
                        _sum = GateLib.addTerm(_sum, _filter, x - wire);
                        x = wire;
                        _box += 32;
                    }
                    storeExt(_state + 32 * i, _power7(x));
                }
                PoseidonLib.mix(_state, other);
                (_state, other) = (other, _state);
            }
            return (_box, _sum);
        }
    }

    /// @dev x^7, reduced.
    function _power7(Ext x) private pure returns (Ext) {
        Ext x2 = x * x;
        return x2 * x2 * x2 * x;
    }
}
