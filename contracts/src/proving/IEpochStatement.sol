// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IEpochProofVerifier} from "@agoge/proving/IEpochProofVerifier.sol";
import {NetworkClock, Slot} from "@agoge/time/TimeLib.sol";

/// @notice What a Rollup knows about the blocks of a proof before it reads the settlement list.
/// @param genesisId Identity of the instance.
/// @param startArchive Archive before the first block.
/// @param inboxStart Deposits consumed before the first block.
/// @param inboxHash Rolling hash of the inbox at that position.
/// @param clock The network's clock.
/// @param transactionsMax T, transactions of a block.
/// @param depositsMax D, deposits of a block.
/// @param withdrawalsMax W, withdrawals of a block.
/// @param prover Who is paid.
/// @param verifier Verifier of the proof.
struct StatementContext {
    bytes32 genesisId;
    bytes32 startArchive;
    uint256 inboxStart;
    uint256 inboxHash;
    NetworkClock clock;
    uint256 transactionsMax;
    uint256 depositsMax;
    uint256 withdrawalsMax;
    address prover;
    IEpochProofVerifier verifier;
}

/// @notice On what blocks are appended that come with their proof.
/// @param parentNumber Number of the block before them, 0 if there is none.
/// @param parentSlot Its slot.
/// @param currentSlot The slot of the L1 block.
struct Appending {
    uint256 parentNumber;
    Slot parentSlot;
    Slot currentSlot;
}

/// @notice A block as its list entry and its commitment describe it.
/// @param slot Its slot.
/// @param feeRecipient Who earns its fees.
/// @param totalFees Sum of its transactions' fees, gwei.
/// @param inboxEnd Deposits consumed up to and with it.
/// @param archive Archive after it.
/// @param blobHash Versioned hash of its blob.
/// @param blockHash Its block hash.
/// @param withdrawalCount Number of its withdrawals.
/// @param withdrawalsOffset Where they begin in the list, bytes.
struct SettledBlock {
    Slot slot;
    address feeRecipient;
    uint256 totalFees;
    uint256 inboxEnd;
    bytes32 archive;
    bytes32 blobHash;
    bytes32 blockHash;
    uint256 withdrawalCount;
    uint256 withdrawalsOffset;
}

/// @title IEpochStatement
/// @notice Computes what an epoch proof has to prove (docs/protocol.md, 16.1 to 16.3) from a settlement list, blob commitments and
/// their combined opening, and has it verified.
/// @dev A contract of its own because a Rollup has no room for it; it has no state and one serves every instance. Its errors are
/// declared in IEpochProofs, through which they reach callers.
///
/// Powers: none. Assumption for safety: the precompiles of SHA-256, EIP-2537 and EIP-4844 exist; without them every call reverts.
interface IEpochStatement {
    /// @notice The blocks of a list, which the proof shows to be valid blocks of the calling Rollup.
    /// @dev Checks: commitments, one for each block (`Statement__WrongCommitmentsLength`, `Statement__NoBlocks`,
    /// `Statement__TooManyBlocks`), are points (`Statement__NotAPoint`); the list parses exactly (`Statement__WrongLength`), counts
    /// are bounded (`Statement__CountOutOfBounds`), amounts are below 2^60 (`Statement__AmountOutOfBounds`), digests canonical
    /// (`Statement__NotFieldElements`); the commitments' combination exists (`Statement__CombinationFailed`) and opens at z to y
    /// (`Statement__WrongEvaluationLength`, `Statement__EvaluationFailed`); the verifier accepts (`Rollup__InvalidProof`).
    ///
    /// Not checked here: that the blocks are the caller's; it compares the block hashes.
    function provenBlocks(
        StatementContext calldata _context,
        bytes calldata _settlement,
        bytes calldata _commitments,
        bytes calldata _evaluation,
        bytes calldata _proof
    ) external view returns (SettledBlock[] memory blocks);

    /// @notice As `provenBlocks`, for blocks that this transaction appends.
    /// @dev Checks also: slots rise from the parent's (`Rollup__NotAfter`), within one epoch (`Rollup__TwoEpochs`), not beyond the
    /// current slot (`Rollup__SlotInTheFuture`); fee recipients (`Rollup__ZeroFeeRecipient`); each block's blob is the
    /// transaction's (`Rollup__BlobMismatch`) and there is no other (`Rollup__WrongBlobCount`).
    ///
    /// Not checked here: the deposits that each block consumes.
    function appendedBlocks(
        StatementContext calldata _context,
        Appending calldata _appending,
        bytes calldata _settlement,
        bytes calldata _commitments,
        bytes calldata _evaluation,
        bytes calldata _proof
    ) external view returns (SettledBlock[] memory blocks);

    /// @notice The 24 public inputs of the proof of a list, and its blocks; all checks of `provenBlocks` but the proof's.
    function publicInputsOf(
        StatementContext calldata _context,
        bytes calldata _settlement,
        bytes calldata _commitments,
        bytes calldata _evaluation
    ) external view returns (SettledBlock[] memory blocks, uint256[24] memory publicInputs);
}
