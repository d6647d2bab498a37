// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IEpochProofVerifier} from "@agoge/proving/IEpochProofVerifier.sol";

/// @notice A verifier that a test commands: it accepts everything, nothing, one set of public inputs and one proof, or what a
/// real verifier accepts.
contract VerifierDouble is IEpochProofVerifier {
    bool private _isRefusing;
    bytes32 private _wanted;
    IEpochProofVerifier private _real;

    /// @dev Four public inputs in a word.
    uint256[6] private _realInputs;

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

    /// @notice From now on the proof is verified by `_verifier`, but for these public inputs: what a whole transaction costs.
    function ask(IEpochProofVerifier _verifier, uint256[24] memory _publicInputs) external {
        _real = _verifier;
        for (uint256 i = 0; i < _publicInputs.length; ++i) {
            _realInputs[i / 4] |= _publicInputs[i] << 64 * (i % 4);
        }
    }

    function verify(uint256[24] calldata _publicInputs, bytes calldata _proof) external view override returns (bool) {
        if (address(_real) != address(0)) {
            uint256[24] memory publicInputs;
            for (uint256 i = 0; i < publicInputs.length; ++i) {
                publicInputs[i] = uint64(_realInputs[i / 4] >> 64 * (i % 4));
            }
            return _real.verify(publicInputs, _proof);
        }
        return !_isRefusing && (_wanted == 0 || _wanted == keccak256(abi.encode(_publicInputs, _proof)));
    }
}
