// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IEpochProofVerifier} from "@agoge/proving/IEpochProofVerifier.sol";

/// @title TestEpochProofVerifier
/// @notice Believes everybody who brings no proof at all: a devnet without provers' hardware. Never part of a release.
/// @dev It cannot be created anywhere but on chain 31337, and its code hash is part of the genesis id, so no network that
/// is worth anything can run on it unnoticed. It refuses real proofs, so that a devnet cannot mistake it for the verifier.
contract TestEpochProofVerifier is IEpochProofVerifier {
    uint256 private constant DEVNET_CHAIN_ID = 31_337;

    error TestEpochProofVerifier__OnlyOnADevnet(uint256 chainId);

    constructor() {
        require(block.chainid == DEVNET_CHAIN_ID, TestEpochProofVerifier__OnlyOnADevnet(block.chainid));
    }

    /// @inheritdoc IEpochProofVerifier
    function verify(uint256[24] calldata, bytes calldata _proof) external pure override returns (bool) {
        return _proof.length == 0;
    }
}
