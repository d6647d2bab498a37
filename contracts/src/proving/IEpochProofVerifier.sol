// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title IEpochProofVerifier
/// @notice Decides whether bytes are an epoch proof for 24 public inputs (docs/protocol.md, 16.1).
/// @dev Powers: none, it has no state. Assumption for safety: the circuit that its constants were generated from is the epoch
/// circuit; the code hash is part of the genesis id, so nobody can exchange it.
interface IEpochProofVerifier {
    /// @notice Whether the proof holds. Returns true only for a proof that the epoch circuit's own verifier accepts.
    /// @dev Checks, each of which leads to `false`: the length is exact; every public input and every field element of the
    /// proof is below p; proof of work; every Merkle path; the constraints at the random point; every FRI fold.
    /// It does not revert by itself for any input, and its work does not depend on what the bytes say.
    /// Not checked here: what the public inputs mean. That is the caller's.
    /// @param _publicInputs The 24 field elements, each below 2^64 - 2^32 + 1.
    /// @param _proof The proof in the byte layout of docs/circuits.md, section "L1 verifier".
    /// @return _isValid Whether the proof holds for exactly these public inputs.
    function verify(uint256[24] calldata _publicInputs, bytes calldata _proof) external view returns (bool _isValid);
}
