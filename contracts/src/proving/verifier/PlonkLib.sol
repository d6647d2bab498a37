// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {GateLib} from "./GateLib.sol";
import {Ext, ONE, inverse} from "./Goldilocks.sol";
import {allocate, loadExt, storeExt} from "./Memory.sol";

/// @title PlonkLib
/// @notice The permutation argument and the identity of the vanishing polynomials at zeta (plonky2 1.1.0, `eval_vanishing_poly`).
library PlonkLib {
    /// @dev Independent repetitions of the argument.
    uint256 internal constant REPETITIONS = 3;

    /// @dev Where the values of polynomials at zeta are, as addresses of words, and how many there are.
    /// @param sigmas One value for each routed wire.
    /// @param wires The wires.
    /// @param zs Z of each repetition.
    /// @param partials Partial products: those of repetition 0, then 1, then 2.
    /// @param zsNext Z of each repetition at the next row.
    /// @param routed Number of routed wires.
    /// @param degree Factors of a partial product.
    /// @param generator Wire j's identity at zeta is generator^j zeta.
    struct Permutation {
        uint256 sigmas;
        uint256 wires;
        uint256 zs;
        uint256 partials;
        uint256 zsNext;
        uint256 routed;
        uint256 degree;
        uint256 generator;
    }

    /// @notice Writes the terms of the permutation argument: Z is 1 at the first row, for each repetition; then, for each
    /// repetition and partial product, that it follows from the one before.
    /// @param _zeta The point.
    /// @param _zetaPower zeta^(2^degreeBits).
    /// @param _inverseRows 1 / 2^degreeBits.
    /// @return _end The address after the last term.
    function permutationTerms(
        Permutation memory _permutation,
        uint256[3] memory _betas,
        uint256[3] memory _gammas,
        Ext _zeta,
        Ext _zetaPower,
        uint256 _inverseRows,
        uint256 _terms
    ) internal pure returns (uint256 _end) {
        unchecked {
            // L_0(zeta) = (zeta^n - 1) / (n (zeta - 1))
            Ext lagrange = ((_zetaPower - ONE) * inverse((_zeta - ONE).reduce())).scale(_inverseRows);
            for (uint256 i = 0; i < REPETITIONS; ++i) {
                storeExt(_terms + 32 * i, lagrange * (loadExt(_permutation.zs + 32 * i) - ONE));
            }
            _end = _terms + 32 * REPETITIONS;

            uint256 identities = _identities(_zeta, _permutation.routed, _permutation.generator);
            uint256 partials = _permutation.partials;
            for (uint256 i = 0; i < REPETITIONS; ++i) {
                Ext previous = loadExt(_permutation.zs + 32 * i);
                for (uint256 done = 0; done < _permutation.routed; done += _permutation.degree) {
                    uint256 until = done + _permutation.degree;
                    bool isLast = until >= _permutation.routed;
                    Ext current;
                    if (isLast) {
                        until = _permutation.routed;
                        current = loadExt(_permutation.zsNext + 32 * i);
                    } else {
                        current = loadExt(partials);
                        partials += 32;
                    }
                    (Ext numerator, Ext denominator) =
                        _products(_permutation, identities, done, until, _betas[i], _gammas[i]);
                    storeExt(_end, previous * numerator - current * denominator);
                    _end += 32;
                    previous = current;
                }
            }
        }
    }

    /// @dev The products of wire + beta identity + gamma and of wire + beta sigma + gamma over a range of wires.
    function _products(
        Permutation memory _permutation,
        uint256 _identities_,
        uint256 _from,
        uint256 _until,
        uint256 _beta,
        uint256 _gamma
    ) private pure returns (Ext _numerator, Ext _denominator) {
        unchecked {
            _numerator = ONE;
            _denominator = ONE;
            for (uint256 offset = 32 * _from; offset < 32 * _until; offset += 32) {
                Ext shifted = loadExt(_permutation.wires + offset) + Ext.wrap(_gamma);
                _numerator = _numerator * (shifted + loadExt(_identities_ + offset).scale(_beta));
                _denominator = _denominator * (shifted + loadExt(_permutation.sigmas + offset).scale(_beta));
            }
        }
    }

    /// @dev The identity permutation at zeta.
    function _identities(Ext _zeta, uint256 _routed, uint256 _generator) private pure returns (uint256 _start) {
        unchecked {
            _start = allocate(_routed);
            for (uint256 j = 0; j < _routed; ++j) {
                storeExt(_start + 32 * j, _zeta);
                _zeta = _zeta.scale(_generator);
            }
        }
    }

    /// @notice Whether, for each repetition, the sum of alpha^i term_i is (zeta^n - 1) times the quotient at zeta.
    /// @param _terms Address of the terms.
    /// @param _end The address after the last.
    /// @param _quotients Address of the quotient's chunks: `_chunks` for each repetition.
    function quotientsHold(
        uint256 _terms,
        uint256 _end,
        uint256 _quotients,
        uint256 _chunks,
        uint256[3] memory _alphas,
        Ext _zetaPower
    ) internal pure returns (bool) {
        unchecked {
            bool hold = true;
            for (uint256 i = 0; i < REPETITIONS; ++i) {
                Ext vanishing = Ext.wrap(0);
                for (uint256 term = _end; term > _terms;) {
                    term -= 32;
                    vanishing = vanishing.scale(_alphas[i]) + loadExt(term);
                }
                Ext quotient = Ext.wrap(0);
                for (uint256 j = _chunks; j > 0; --j) {
                    quotient = quotient * _zetaPower + loadExt(_quotients + 32 * (_chunks * i + j - 1));
                }
                Ext difference = (vanishing - (_zetaPower - ONE) * quotient).reduce();
                hold = hold && difference.isZero();
            }
            return hold;
        }
    }
}
