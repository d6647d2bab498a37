// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ProvingTest} from "@agoge-test/support/ProvingTest.sol";
import {BlockRange, Claim, ClaimState, SignedQuote} from "@agoge/proving/IProverBonds.sol";
import {Epoch} from "@agoge/time/TimeLib.sol";

/// @notice Three blocks in epoch 0, one at the start of epoch 1, and two provers with bonds.
abstract contract ClaimTest is ProvingTest {
    uint64 internal constant FEES = 10_000;
    uint256 internal constant DEPOSIT = 3 ether;

    Epoch internal constant EPOCH_0 = Epoch.wrap(0);
    Epoch internal constant EPOCH_1 = Epoch.wrap(1);

    address internal alice;
    address internal bob;

    function _prepare() internal {
        _prepare(6, 4);
    }

    function _prepare(uint256 _validators, uint256 _committeeSize) internal {
        _deployNetwork(_validators, _committeeSize);
        _depositNote(1_000_000);
        alice = _fundedProver(1, DEPOSIT);
        bob = _fundedProver(2, DEPOSIT);
        _makeBlock(0, FEES);
        _makeBlock(1, FEES);
        _makeBlock(EPOCH_SLOTS - 1, FEES);
        _makeBlock(EPOCH_SLOTS, FEES);
    }

    function _epoch0() internal pure returns (BlockRange memory) {
        return BlockRange({firstNumber: 1, lastNumber: 3});
    }

    function _claimEpoch0(address _prover, uint256 _fee) internal returns (SignedQuote memory signed) {
        signed = _quote(_prover, _fee, _epoch0());
        _claim(signed, _epoch0());
    }

    function _claimOf(Epoch _epoch) internal view returns (Claim memory) {
        return bonds.claimOf(address(rollup), _epoch);
    }

    function _assertState(Epoch _epoch, ClaimState _state) internal view {
        assertEq(uint256(_claimOf(_epoch).state), uint256(_state), "state of the claim");
    }
}
