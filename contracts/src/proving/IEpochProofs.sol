// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Epoch, Slot} from "@agoge/time/TimeLib.sol";

/// @title IEpochProofs
/// @notice The part of a Rollup that moves the proven tip: validity proofs of blocks, and what they settle (docs/protocol.md, 16).
/// @dev Powers: none. Whoever has a valid proof may submit it; a claim (IProverBonds) only decides who is paid.
///
/// Assumptions for safety: the verifier accepts only proofs of the epoch circuit's statement; the statement contract computes the
/// public inputs as docs/protocol.md 16.1 to 16.4 say. Assumption for liveness: one prover.
interface IEpochProofs {
    /// @notice A proof was accepted. The credits of the settled blocks' fee recipients and withdrawers are those of the settlement
    /// list in the call's data: an event for each of up to 416 would cost more than the proof.
    /// @param epoch Epoch of its blocks.
    /// @param prover Who is paid for them.
    /// @param fromNumber First block of the proof.
    /// @param toNumber Last block of the proof.
    /// @param settledNumber First block that this proof settled; `toNumber + 1` if all were proven before.
    /// @param endArchive Archive of block `toNumber`.
    event EpochProven(
        Epoch indexed epoch,
        address indexed prover,
        uint256 fromNumber,
        uint256 toNumber,
        uint256 settledNumber,
        bytes32 endArchive
    );

    error Rollup__ZeroProver();
    error Rollup__InvalidRange(uint256 fromNumber, uint256 toNumber, uint256 provenNumber, uint256 pendingNumber);
    error Rollup__EpochNotOver(Epoch epoch);
    error Rollup__TwoEpochs(Epoch first, Epoch last);
    error Rollup__AlreadyProven(uint256 toNumber);
    error Rollup__WrongBlockCount(uint256 given, uint256 expected);
    error Rollup__BlockMismatch(uint256 number, bytes32 given, bytes32 expected);
    error Rollup__InvalidProof();
    error Rollup__NotOpen();
    error Rollup__AlreadyAppended(Epoch epoch);
    error Rollup__UnprovenBlocks(uint256 fromNumber, Epoch epoch);
    error Rollup__BlobMismatch(uint256 index, bytes32 given, bytes32 expected);
    error Rollup__WrongBlobCount(uint256 expected);
    error Rollup__NotAfter(Slot slot, Slot previous);
    error Rollup__SlotInTheFuture(Slot slot, Slot current);

    error Statement__WrongLength(uint256 given, uint256 needed);
    error Statement__NoBlocks();
    error Statement__TooManyBlocks(uint256 limit);
    error Statement__CountOutOfBounds(uint256 index, uint256 transactions, uint256 deposits, uint256 withdrawals);
    error Statement__AmountOutOfBounds(uint256 index, uint256 amount);
    error Statement__NotFieldElements(uint256 index, bytes32 digest);
    error Statement__WrongCommitmentsLength(uint256 given);
    error Statement__WrongEvaluationLength(uint256 given, uint256 expected);
    error Statement__NotAPoint(uint256 index);
    error Statement__CombinationFailed();
    error Statement__EvaluationFailed();

    /// @notice Proves blocks of one finished epoch and settles those that are newly proven. Open to all, within the proof window.
    /// @dev Prunes first if that is due.
    ///
    /// Checks, in this order: prover (`Rollup__ZeroProver`); `1 <= from <= proven + 1`, `from <= to <= pending` and the ring still
    /// has the block before the first (`Rollup__InvalidRange`); the first and the last block are of one epoch (`Rollup__TwoEpochs`),
    /// which is over (`Rollup__EpochNotOver`); if all of them are proven, that this delivers a claim (`Rollup__AlreadyProven`); the
    /// list parses exactly and is within its bounds, commitments are points, the combined opening holds (`Statement__*`); one
    /// list entry for each block (`Rollup__WrongBlockCount`), whose hash is the ring's (`Rollup__BlockMismatch`), which fixes slot,
    /// fee recipient, deposits, archive and blob; the verifier accepts (`Rollup__InvalidProof`).
    ///
    /// Not checked here: fees, withdrawals and transaction counts; the proof binds them by the fingerprint of the list.
    ///
    /// Effects: blocks above the proven tip are settled once: fees are shared between fee recipient and prover, withdrawals are
    /// credited, the proven tip moves; ProverBonds learns of it. Events: `Pruned`, `EpochProven`, `Credited` (of the prover).
    /// @param _fromNumber First block of the proof.
    /// @param _toNumber Last block of the proof.
    /// @param _prover Who is paid; bound by the proof.
    /// @param _settlement The settlement list of the blocks (docs/protocol.md, 16.3).
    /// @param _commitments KZG commitments of their blobs, 128 bytes each (EIP-2537 uncompressed G1 points).
    /// @param _evaluation y (32 bytes) and the KZG proof (48 bytes).
    /// @param _proof The epoch proof.
    function submitEpochProof(
        uint256 _fromNumber,
        uint256 _toNumber,
        address _prover,
        bytes calldata _settlement,
        bytes calldata _commitments,
        bytes calldata _evaluation,
        bytes calldata _proof
    ) external;

    /// @notice Appends blocks together with their proof, on the proven tip. Open to all once `isOpenToAll`; the transaction
    /// carries the blocks' blobs, in order.
    /// @dev Prunes first if that is due.
    ///
    /// Checks, in this order: prover (`Rollup__ZeroProver`); the instance is open (`Rollup__NotOpen`); nobody has appended in the
    /// current epoch yet, so that proofs of empty blocks cannot void everybody else's, one after another
    /// (`Rollup__AlreadyAppended`); unproven blocks, if any, are of epochs for which it was open already
    /// (`Rollup__UnprovenBlocks`); the list, commitments and opening (`Statement__*`); slots rise from the proven tip's
    /// (`Rollup__NotAfter`), within one epoch (`Rollup__TwoEpochs`), not beyond the current slot (`Rollup__SlotInTheFuture`); fee
    /// recipients (`Rollup__ZeroFeeRecipient`); each block consumes exactly the deposits that its slot demands (`Inbox__*`); its
    /// blob is the transaction's (`Rollup__BlobMismatch`) and there is no other blob (`Rollup__WrongBlobCount`); the verifier
    /// accepts (`Rollup__InvalidProof`).
    ///
    /// Effects: unproven blocks leave the pending chain; the new blocks are recorded, proven and settled as by
    /// `submitEpochProof`, without a claim. Events: `Pruned`, `BlockProposed` with proposer zero, `Credited`, `EpochProven`.
    function proposeProven(
        address _prover,
        bytes calldata _settlement,
        bytes calldata _commitments,
        bytes calldata _evaluation,
        bytes calldata _proof
    ) external;

    /// @notice Whether blocks of an epoch, if it were the current one, may be appended with their proof by anyone.
    /// @dev From `proofWindowEpochs` epochs after the activation of the next instance, or `stallEpochs` epochs after the last block
    /// of a committee (or after this instance's activation, whichever is later). Says nothing of whether the epoch's one append was
    /// made.
    function isOpenToAll(Epoch _epoch) external view returns (bool);
}
