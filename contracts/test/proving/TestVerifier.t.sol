// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Deployed} from "@agoge-test/support/Deployed.sol";
import {IEpochProofVerifier} from "@agoge/proving/IEpochProofVerifier.sol";
import {Test} from "forge-std/Test.sol";

contract TestEpochProofVerifierTest is Test {
    function test_RevertWhen_TheChainIsNoDevnet() external {
        vm.chainId(11_155_111);

        vm.expectRevert(abi.encodeWithSignature("TestEpochProofVerifier__OnlyOnADevnet(uint256)", 11_155_111));
        Deployed.testVerifier();
    }

    function testFuzz_OnlyAnEmptyProofIsAccepted(uint256[24] calldata _inputs, bytes calldata _proof) external {
        vm.chainId(31_337);
        IEpochProofVerifier verifier = Deployed.testVerifier();

        assertTrue(verifier.verify(_inputs, ""));
        assertEq(verifier.verify(_inputs, _proof), _proof.length == 0);
    }
}
