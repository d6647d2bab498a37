// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Slot, Timestamp} from "@agoge/time/TimeLib.sol";

/// @notice What a Rollup knows about the blocks of a proof before it reads the settlement list.
/// @param genesisId Identity of the instance.
/// @param startArchive Archive before the first block.
/// @param inboxStart Deposits consumed before the first block.
/// @param inboxHash Rolling hash of the inbox at that position.
/// @param genesisTime Network genesis time.
/// @param slotSeconds Length of a slot, seconds.
/// @param transactionsMax T, transactions of a block.
/// @param depositsMax D, deposits of a block.
/// @param withdrawalsMax W, withdrawals of a block.
/// @param prover Who is paid.
struct StatementContext {
    bytes32 genesisId;
    bytes32 startArchive;
    uint256 inboxStart;
    uint256 inboxHash;
    Timestamp genesisTime;
    uint256 slotSeconds;
    uint256 transactionsMax;
    uint256 depositsMax;
    uint256 withdrawalsMax;
    address prover;
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
/// their combined opening.
/// @dev A contract of its own because a Rollup has no room for it; it has no state and one serves every instance. Its errors are
/// declared in IEpochProofs, through which they reach callers.
///
/// Powers: none. Assumption for safety: the precompiles of SHA-256, EIP-2537 and EIP-4844 exist; without them every call reverts.
interface IEpochStatement {
    /// @notice The blocks of a list, and the public inputs of their proof for the calling Rollup.
    /// @dev Checks: the list parses exactly (`Statement__WrongLength`, `Statement__NoBlocks`, `Statement__TooManyBlocks`), counts are
    /// bounded (`Statement__CountOutOfBounds`), amounts are below 2^60 (`Statement__AmountOutOfBounds`), digests canonical
    /// (`Statement__NotFieldElements`); commitments are points, one for each block (`Statement__WrongCommitmentsLength`,
    /// `Statement__NotAPoint`); their combination exists (`Statement__CombinationFailed`) and opens at z to y
    /// (`Statement__WrongEvaluationLength`, `Statement__EvaluationFailed`).
    ///
    /// Not checked here: that the blocks are the caller's; it compares the block hashes.
    function statementOf(
        StatementContext calldata _context,
        bytes calldata _settlement,
        bytes calldata _commitments,
        bytes calldata _evaluation
    ) external view returns (SettledBlock[] memory blocks, uint256[24] memory publicInputs);
}
