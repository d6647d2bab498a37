// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Deployed} from "@agoge-test/support/Deployed.sol";
import {HonestProof} from "@agoge-test/support/HonestProof.sol";
import {TransactionGas} from "@agoge-test/support/TransactionGas.sol";
import {IEpochProofVerifier} from "@agoge/proving/IEpochProofVerifier.sol";

/// @notice Gas of `verify` as a transaction of its own, its calldata included, for an honest proof of the epoch circuit.
contract VerifierGasTest is TransactionGas {
    uint256 private constant MOST = 3_000_000;

    IEpochProofVerifier private _verifier;
    bytes private _call;

    function setUp() external {
        _verifier = Deployed.verifier();
        (uint256[24] memory publicInputs, bytes memory proof) = HonestProof.read();
        _call = abi.encodeCall(IEpochProofVerifier.verify, (publicInputs, proof));
    }

    function test_TheProofIsAccepted() external view {
        (bool success, bytes memory result) = address(_verifier).staticcall(_call);
        assertTrue(success && abi.decode(result, (bool)));
    }

    function test_Verify() external {
        bytes memory data = _call;
        assertLt(_callAndRecord(address(_verifier), 0, data, "verify", "epoch proof"), MOST);
    }
}
