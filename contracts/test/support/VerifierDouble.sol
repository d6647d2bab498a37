// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IEpochProofVerifier} from "@agoge/proving/IEpochProofVerifier.sol";

/// @notice A verifier that a test commands: it accepts everything, nothing, or one set of public inputs and one proof.
contract VerifierDouble is IEpochProofVerifier {
    bool private _isRefusing;
    bytes32 private _wanted;

    function refuse(bool _isRefusingFromNow) external {
        _isRefusing = _isRefusingFromNow;
    }

    /// @notice From now on only these are accepted.
    function want(uint256[24] memory _publicInputs, bytes memory _proof) external {
        _wanted = keccak256(abi.encode(_publicInputs, _proof));
    }

    /// @notice From now on everything is accepted again.
    function wantAnything() external {
        _wanted = 0;
    }

    function verify(uint256[24] calldata _publicInputs, bytes calldata _proof) external view override returns (bool) {
        return !_isRefusing && (_wanted == 0 || _wanted == keccak256(abi.encode(_publicInputs, _proof)));
    }
}
