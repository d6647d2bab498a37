// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BlobLib} from "@agoge/proving/BlobLib.sol";
import {Extension, FingerprintLib} from "@agoge/proving/FingerprintLib.sol";
import {IEpochProofs} from "@agoge/proving/IEpochProofs.sol";
import {Appending, IEpochStatement, SettledBlock, StatementContext} from "@agoge/proving/IEpochStatement.sol";
import {SettlementLib} from "@agoge/proving/SettlementLib.sol";
import {FieldLib} from "@agoge/rollup/FieldLib.sol";
import {IRollup} from "@agoge/rollup/IRollup.sol";
import {Epoch, NetworkClock, Slot, TimeLib} from "@agoge/time/TimeLib.sol";

/// @title EpochStatement
/// @notice What an epoch proof has to prove; promises in IEpochStatement.
contract EpochStatement is IEpochStatement {
    uint256 private constant Z_BITS = 168;
    uint256 private constant LIMB_BITS = 56;
    uint256 private constant LIMB_MASK = (1 << LIMB_BITS) - 1;

    using TimeLib for NetworkClock;

    /// @inheritdoc IEpochStatement
    function provenBlocks(
        StatementContext calldata _context,
        bytes calldata _settlement,
        bytes calldata _commitments,
        bytes calldata _evaluation,
        bytes calldata _proof
    ) external view override returns (SettledBlock[] memory blocks) {
        return _provenBlocks(_context, _settlement, _commitments, _evaluation, _proof);
    }

    /// @inheritdoc IEpochStatement
    function appendedBlocks(
        StatementContext calldata _context,
        Appending calldata _appending,
        bytes calldata _settlement,
        bytes calldata _commitments,
        bytes calldata _evaluation,
        bytes calldata _proof
    ) external view override returns (SettledBlock[] memory blocks) {
        blocks = _provenBlocks(_context, _settlement, _commitments, _evaluation, _proof);
        _requireAppendable(blocks, _context, _appending);
    }

    /// @inheritdoc IEpochStatement
    function publicInputsOf(
        StatementContext calldata _context,
        bytes calldata _settlement,
        bytes calldata _commitments,
        bytes calldata _evaluation
    ) external view override returns (SettledBlock[] memory blocks, uint256[24] memory publicInputs) {
        return _publicInputsOf(_context, _settlement, _commitments, _evaluation);
    }

    function _provenBlocks(
        StatementContext calldata _context,
        bytes calldata _settlement,
        bytes calldata _commitments,
        bytes calldata _evaluation,
        bytes calldata _proof
    ) private view returns (SettledBlock[] memory blocks) {
        uint256[24] memory inputs;
        (blocks, inputs) = _publicInputsOf(_context, _settlement, _commitments, _evaluation);
        require(_context.verifier.verify(inputs, _proof), IEpochProofs.Rollup__InvalidProof());
    }

    function _publicInputsOf(
        StatementContext calldata _context,
        bytes calldata _settlement,
        bytes calldata _commitments,
        bytes calldata _evaluation
    ) private view returns (SettledBlock[] memory blocks, uint256[24] memory publicInputs) {
        uint256 count = _commitments.length / BlobLib.POINT_BYTES;
        require(
            count * BlobLib.POINT_BYTES == _commitments.length,
            IEpochProofs.Statement__WrongCommitmentsLength(_commitments.length)
        );
        require(count != 0, IEpochProofs.Statement__NoBlocks());
        require(count <= SettlementLib.BLOCKS_MAX, IEpochProofs.Statement__TooManyBlocks(SettlementLib.BLOCKS_MAX));
        require(
            _evaluation.length == BlobLib.EVALUATION_BYTES,
            IEpochProofs.Statement__WrongEvaluationLength(_evaluation.length, BlobLib.EVALUATION_BYTES)
        );

        bytes32[] memory blobHashes = BlobLib.versionedHashes(_commitments);
        bytes32 blobsHash = keccak256(abi.encodePacked(blobHashes));
        blocks = SettlementLib.parse(_context, _settlement, blobHashes);
        bytes32 endArchive = blocks[count - 1].archive;
        uint256 z = _blobChallenge(_context.startArchive, endArchive, blobsHash);
        BlobLib.requireOpening(_commitments, _evaluation, z);

        Extension memory alpha = _settlementChallenge(_context, endArchive, keccak256(_settlement), blobsHash);
        Extension memory fingerprint = FingerprintLib.fingerprint(_context, _settlement, blocks, alpha);
        _putDigest(publicInputs, 0, _context.genesisId);
        _putDigest(publicInputs, 4, _context.startArchive);
        _putDigest(publicInputs, 8, endArchive);
        (publicInputs[12], publicInputs[13]) = (alpha.c0, alpha.c1);
        (publicInputs[14], publicInputs[15]) = (fingerprint.c0, fingerprint.c1);
        _putLimbs(publicInputs, 16, 3, z);
        _putLimbs(publicInputs, 19, 5, uint256(bytes32(_evaluation[:32])));
    }

    /// @dev What `propose` checks of each block by itself.
    function _requireAppendable(
        SettledBlock[] memory _blocks,
        StatementContext calldata _context,
        Appending calldata _appending
    ) private view {
        NetworkClock memory clock = _context.clock;
        Epoch epoch = clock.epochOf(_blocks[0].slot);
        Slot previous = _appending.parentSlot;
        for (uint256 i = 0; i < _blocks.length; ++i) {
            SettledBlock memory settled = _blocks[i];
            bool isFirstEver = i == 0 && _appending.parentNumber == 0;
            require(isFirstEver || settled.slot > previous, IEpochProofs.Rollup__NotAfter(settled.slot, previous));
            Epoch own = clock.epochOf(settled.slot);
            require(own == epoch, IEpochProofs.Rollup__TwoEpochs(epoch, own));
            require(
                !(settled.slot > _appending.currentSlot),
                IEpochProofs.Rollup__SlotInTheFuture(settled.slot, _appending.currentSlot)
            );
            require(settled.feeRecipient != address(0), IRollup.Rollup__ZeroFeeRecipient());
            bytes32 blob = blobhash(i);
            require(settled.blobHash == blob, IEpochProofs.Rollup__BlobMismatch(i, settled.blobHash, blob));
            previous = settled.slot;
        }
        require(blobhash(_blocks.length) == 0, IEpochProofs.Rollup__WrongBlobCount(_blocks.length));
    }

    /// @dev z binds the blobs and nothing that a prover chooses, so that the work on them is the same for every prover.
    function _blobChallenge(bytes32 _startArchive, bytes32 _endArchive, bytes32 _blobsHash)
        private
        view
        returns (uint256)
    {
        bytes32 hash =
            keccak256(abi.encode("AGOGE_BLOB", block.chainid, msg.sender, _startArchive, _endArchive, _blobsHash));
        return uint256(hash) & ((1 << Z_BITS) - 1);
    }

    /// @dev alpha binds all that the settlement depends on: whoever changes a byte changes alpha, and the proof is void.
    function _settlementChallenge(
        StatementContext calldata _context,
        bytes32 _endArchive,
        bytes32 _settlementHash,
        bytes32 _blobsHash
    ) private view returns (Extension memory) {
        uint256 hash = uint256(
            keccak256(
                abi.encode(
                    "AGOGE_SETTLEMENT",
                    block.chainid,
                    msg.sender,
                    _context.prover,
                    _context.startArchive,
                    _endArchive,
                    _settlementHash,
                    _blobsHash
                )
            )
        );
        return Extension({c0: (hash >> 128) % FieldLib.P, c1: (hash & type(uint128).max) % FieldLib.P});
    }

    /// @dev Four elements, the first in the upper bits.
    function _putDigest(uint256[24] memory _inputs, uint256 _at, bytes32 _digest) private pure {
        for (uint256 i = 0; i < 4; ++i) {
            _inputs[_at + i] = (uint256(_digest) >> (192 - 64 * i)) & type(uint64).max;
        }
    }

    /// @dev Limbs of 56 bits, the least significant first.
    function _putLimbs(uint256[24] memory _inputs, uint256 _at, uint256 _count, uint256 _value) private pure {
        for (uint256 i = 0; i < _count; ++i) {
            _inputs[_at + i] = (_value >> (LIMB_BITS * i)) & LIMB_MASK;
        }
    }
}
