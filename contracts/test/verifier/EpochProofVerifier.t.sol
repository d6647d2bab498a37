// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {EpochProofs} from "./EpochProofs.sol";
import {P} from "@agoge/proving/verifier/Goldilocks.sol";

/// @notice Honest proofs, and what is about a proof as a whole.
contract EpochProofVerifierTest is EpochProofs {
    uint256 private constant HONEST = 20;

    function test_HonestProofsAreAccepted() external view {
        for (uint256 i = 0; i < HONEST; ++i) {
            (uint256[24] memory publicInputs,, bytes memory proof) = _vector(i);
            assertEq(proof.length, verifier.LENGTH(), "length");
            assertTrue(verifier.verify(publicInputs, proof), vm.toString(i));
        }
    }

    function test_ChallengesAreThoseOfRust() external view {
        for (uint256 i = 0; i < HONEST; ++i) {
            (uint256[24] memory publicInputs, uint256[] memory challenges, bytes memory proof) = _vector(i);
            assertEq(verifier.challenges(publicInputs, proof), challenges, vm.toString(i));
        }
    }

    function test_AProofIsForItsOwnPublicInputsOnly() external view {
        (uint256[24] memory publicInputs,,) = _vector(0);
        (,, bytes memory proof) = _vector(1);
        assertFalse(verifier.verify(publicInputs, proof));
    }

    /// @dev 1, 2^64 and 2^255 times p more, and the largest number, in place of an element.
    function test_PublicInputsAreBelowP() external view {
        (uint256[24] memory publicInputs,, bytes memory proof) = _vector(0);
        for (uint256 i = 0; i < publicInputs.length; ++i) {
            uint256 honest = publicInputs[i];
            uint256[4] memory others = [honest + P, honest + (P << 64), honest + (1 << 255) / P * P, type(uint256).max];
            for (uint256 j = 0; j < others.length; ++j) {
                publicInputs[i] = others[j];
                assertFalse(verifier.verify(publicInputs, proof));
            }
            publicInputs[i] = honest;
        }
    }

    function test_OtherLengthsAreRefused() external view {
        (uint256[24] memory publicInputs,, bytes memory proof) = _vector(0);
        assertFalse(verifier.verify(publicInputs, ""));
        assertFalse(verifier.verify(publicInputs, _slice(proof, 0, proof.length - 1)));
        assertFalse(verifier.verify(publicInputs, _slice(proof, 1, proof.length)));
        assertFalse(verifier.verify(publicInputs, bytes.concat(proof, hex"00")));
        assertFalse(verifier.verify(publicInputs, bytes.concat(proof, proof)));
    }

    /// @dev Zeros and ones of the right length: the deepest a proof without work gets is the proof of work.
    function test_NothingIsNoProof() external view {
        uint256[24] memory publicInputs;
        bytes memory proof = new bytes(verifier.LENGTH());
        assertFalse(verifier.verify(publicInputs, proof));
        for (uint256 i = 0; i < proof.length; i += 2) {
            proof[i] = 0x01;
        }
        assertFalse(verifier.verify(publicInputs, proof));
    }
}
