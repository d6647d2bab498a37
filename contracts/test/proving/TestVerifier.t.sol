// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {TestEpochProofVerifier} from "@agoge/proving/TestEpochProofVerifier.sol";
import {Test} from "forge-std/Test.sol";

contract TestEpochProofVerifierTest is Test {
    function test_RevertWhen_TheChainIsNoDevnet() external {
        vm.chainId(11_155_111);

        vm.expectRevert(
            abi.encodeWithSelector(TestEpochProofVerifier.TestEpochProofVerifier__OnlyOnADevnet.selector, 11_155_111)
        );
        new TestEpochProofVerifier();
    }

    function testFuzz_OnlyAnEmptyProofIsAccepted(uint256[24] calldata _inputs, bytes calldata _proof) external {
        vm.chainId(31_337);
        TestEpochProofVerifier verifier = new TestEpochProofVerifier();

        assertTrue(verifier.verify(_inputs, ""));
        assertEq(verifier.verify(_inputs, _proof), _proof.length == 0);
    }
}
