// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title IEpochProofs
/// @notice The part of a Rollup that moves the proven tip. No contract implements it yet: without it every block is pruned.
/// @dev What it finds in place: `Tips.provenNumber`, `provenSlot`, `firstUnprovenSlot` and `provenInboxEnd`; the ring records of all
/// unproven blocks and of the proven tip; inbox words at both ends of a range; `acceptsProof`; `owed` and `withdraw` for what a
/// settlement credits; `RollupConfig.epochProofVerifier`, whose code hash is part of the genesis id.
interface IEpochProofs {
    /// @notice The proven tip moved.
    event EpochProven(uint256 fromNumber, uint256 toNumber, address indexed prover);

    /// @notice Proves blocks of one finished epoch and settles those that are newly proven. Open to all, within the proof window.
    /// @param _fromNumber First block of the proof, not after the first unproven one.
    /// @param _toNumber Last block of the proof.
    /// @param _settlement The settlement list of the blocks.
    /// @param _commitments KZG commitments of their blobs, uncompressed points.
    /// @param _proof The epoch proof.
    function submitEpochProof(
        uint256 _fromNumber,
        uint256 _toNumber,
        bytes calldata _settlement,
        bytes calldata _commitments,
        bytes calldata _proof
    ) external;
}
