// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {TransactionGas} from "@agoge-test/support/TransactionGas.sol";
import {IEpochProofVerifier} from "@agoge/proving/IEpochProofVerifier.sol";
import {EpochProofVerifier} from "@agoge/proving/verifier/EpochProofVerifier.sol";

/// @notice Gas of `verify` as a transaction of its own, its calldata included, for an honest proof of the epoch circuit.
contract VerifierGasTest is TransactionGas {
    string private constant PROOF = "contracts/test/vectors/epoch-proofs/epoch-default.bin";
    uint256 private constant MOST = 14_000_000;

    EpochProofVerifier private _verifier;
    bytes private _call;

    function setUp() external {
        _verifier = new EpochProofVerifier();
        bytes memory file = vm.readFileBinary(PROOF);
        uint256[24] memory publicInputs;
        for (uint256 i = 0; i < publicInputs.length; ++i) {
            for (uint256 j = 0; j < 8; ++j) {
                publicInputs[i] = publicInputs[i] << 8 | uint8(file[8 * i + j]);
            }
        }
        bytes memory proof = new bytes(file.length - 8 * publicInputs.length);
        for (uint256 i = 0; i < proof.length; ++i) {
            proof[i] = file[8 * publicInputs.length + i];
        }
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
