// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ClaimTest} from "@agoge-test/support/ClaimTest.sol";
import {Proposal} from "@agoge-test/support/NetworkTest.sol";
import {TransactionGas} from "@agoge-test/support/TransactionGas.sol";
import {ClaimState, IProverBonds} from "@agoge/proving/IProverBonds.sol";
import {IRollup} from "@agoge/rollup/IRollup.sol";

/// @notice Gas of claims: a block with one in its bundle must have room for it, and settling is cheap.
contract BundledClaimGasTest is ClaimTest, TransactionGas {
    uint256 private constant BLOCK_GAS = 130_000;
    uint256 private constant CLAIM_GAS = 400_000;

    bytes private _call;
    bytes32 private _blob;

    function setUp() external {
        _prepare(48, 16);
        _warpToSlot(EPOCH_SLOTS + 1);
        Proposal memory p = _proposal();
        p.claim = abi.encode(_quote(alice, 100, _epoch0()), _epoch0());
        p.publication.quoteDigest = keccak256(p.claim);
        _publish(p);
        _blob = p.blobHash;
        _call = abi.encodeCall(IRollup.propose, (p.block_, p.attestations, p.publication, p.committeeProof, p.claim));
    }

    function test_ProposeWithAClaim() external {
        _setBlobs(_blob);
        uint256 gas = _callAndRecord(address(rollup), 0, _call, "claim", "propose with a claim, 16 of 48");

        assertLt(gas, BLOCK_GAS + CLAIM_GAS);
        _assertState(EPOCH_0, ClaimState.Claimed);
    }
}

contract SettleClaimGasTest is ClaimTest, TransactionGas {
    function setUp() external {
        _prepare();
        _claimEpoch0(alice, 100);
        _prove(1, 1, bob);
        _prove(2, 3, makeAddr("another"));
        _warpToSlot(2 * EPOCH_SLOTS);
    }

    function test_SettleClaim() external {
        bytes memory data = abi.encodeCall(IProverBonds.settle, (address(rollup), EPOCH_0));
        _callAndRecord(address(bonds), 0, data, "claim", "settle, two rescuers");

        _assertState(EPOCH_0, ClaimState.Defaulted);
    }
}
