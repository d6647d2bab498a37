// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PullPayments} from "@agoge/payments/PullPayments.sol";
import {IEpochProofs} from "@agoge/proving/IEpochProofs.sol";
import {Appending, SettledBlock, StatementContext} from "@agoge/proving/IEpochStatement.sol";
import {ProofReport} from "@agoge/proving/IProverBonds.sol";
import {SettlementLib} from "@agoge/proving/SettlementLib.sol";
import {BlockLib} from "@agoge/rollup/BlockLib.sol";
import {ChainState} from "@agoge/rollup/ChainState.sol";
import {BlockRecord, Tips} from "@agoge/rollup/IRollup.sol";
import {TipsLib} from "@agoge/rollup/TipsLib.sol";
import {Epoch, NetworkClock, Slot, TimeLib} from "@agoge/time/TimeLib.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @title EpochProofs
/// @notice Validity proofs and what they settle; promises in IEpochProofs.
abstract contract EpochProofs is ChainState, PullPayments {
    using SafeCast for uint256;
    using TimeLib for NetworkClock;
    using TipsLib for Tips;

    /// @dev First epoch in which blocks may be appended with their proof again.
    Epoch private _nextAppendEpoch;

    /// @inheritdoc IEpochProofs
    function submitEpochProof(
        uint256 _fromNumber,
        uint256 _toNumber,
        address _prover,
        bytes calldata _settlement,
        bytes calldata _commitments,
        bytes calldata _evaluation,
        bytes calldata _proof
    ) external override {
        require(_prover != address(0), Rollup__ZeroProver());
        Tips memory current = _tipsAfterDuePrune();
        ProofReport memory report;
        report.prover = _prover;
        report.epoch = _requireFinishedEpoch(_fromNumber, _toNumber, current);
        report.isWholeEpoch = _isWholeEpoch(report.epoch, _fromNumber, _toNumber, current);
        (bool isReserved, uint256 shareBps, address claimant) = PROVER_BONDS.reservation(address(this), report.epoch);
        bool isDelivery = isReserved && claimant == _prover && report.isWholeEpoch;
        require(_toNumber > current.provenNumber || isDelivery, Rollup__AlreadyProven(_toNumber));

        SettledBlock[] memory blocks = EPOCH_STATEMENT.provenBlocks(
            _context(_recordOf(_fromNumber - 1), _prover), _settlement, _commitments, _evaluation, _proof
        );
        _requireRecorded(blocks, _fromNumber, _toNumber);

        uint256 settledNumber = uint256(current.provenNumber) + 1;
        uint256 share = 0;
        if (_toNumber >= settledNumber) {
            report.blocks = _toNumber + 1 - settledNumber;
            share = _settle(blocks, _settlement, settledNumber - _fromNumber, isReserved ? shareBps : OPEN_SHARE_BPS);
            bool hasNext = _toNumber < current.pendingNumber;
            uint32 nextSlot = hasNext ? _recordOf(_toNumber + 1).slot : 0;
            report.nextEpoch = _clock().epochOf(Slot.wrap(nextSlot));
            report.completes = hasNext && report.nextEpoch > report.epoch;
            current = current.proven(_toNumber, blocks[blocks.length - 1], nextSlot);
            _markProven(_toNumber, _clock().slotAt(TimeLib.current()));
        } else {
            settledNumber = _toNumber + 1;
        }
        _tips = current;
        emit EpochProven(
            report.epoch, _prover, _fromNumber, _toNumber, settledNumber, blocks[blocks.length - 1].archive
        );

        if (!isReserved) {
            _credit(_prover, share);
            share = 0;
        }
        PROVER_BONDS.reportProof{value: share}(report);
    }

    /// @inheritdoc IEpochProofs
    function proposeProven(
        address _prover,
        bytes calldata _settlement,
        bytes calldata _commitments,
        bytes calldata _evaluation,
        bytes calldata _proof
    ) external override {
        require(_prover != address(0), Rollup__ZeroProver());
        Tips memory current = _tipsAfterDuePrune();
        Slot slot = _clock().slotAt(TimeLib.current());
        Epoch currentEpoch = _clock().epochOf(slot);
        require(_isOpenToAll(currentEpoch, current), Rollup__NotOpen());
        require(currentEpoch >= _nextAppendEpoch, Rollup__AlreadyAppended(currentEpoch));
        _nextAppendEpoch = Epoch.wrap(Epoch.unwrap(currentEpoch) + 1);
        current = _withoutUnproven(current);

        SettledBlock[] memory blocks = EPOCH_STATEMENT.appendedBlocks(
            _context(_recordOf(current.provenNumber), _prover),
            Appending({
                parentNumber: current.provenNumber, parentSlot: Slot.wrap(current.provenSlot), currentSlot: slot
            }),
            _settlement,
            _commitments,
            _evaluation,
            _proof
        );
        _requireExactDeposits(blocks, _recordOf(current.provenNumber));
        Epoch epoch = _clock().epochOf(blocks[0].slot);

        uint256 fromNumber = uint256(current.provenNumber) + 1;
        uint256 toNumber = fromNumber + blocks.length - 1;
        for (uint256 i = 0; i < blocks.length; ++i) {
            _record(fromNumber + i, blocks[i]);
        }
        _tips = current.extended(toNumber, blocks[blocks.length - 1]);
        _markProven(toNumber, slot);
        _credit(_prover, _settle(blocks, _settlement, 0, OPEN_SHARE_BPS));
        emit EpochProven(epoch, _prover, fromNumber, toNumber, fromNumber, blocks[blocks.length - 1].archive);
    }

    /// @inheritdoc IEpochProofs
    function isOpenToAll(Epoch _epoch) external view override returns (bool) {
        return _isOpenToAll(_epoch, tipsAt(TimeLib.current()));
    }

    /// @dev The epoch of a range that a proof may be about.
    function _requireFinishedEpoch(uint256 _from, uint256 _to, Tips memory _current)
        private
        view
        returns (Epoch epoch)
    {
        require(
            _from != 0 && _from <= uint256(_current.provenNumber) + 1 && _from <= _to && _to <= _current.pendingNumber
                && _isKept(_from - 1, _current),
            Rollup__InvalidRange(_from, _to, _current.provenNumber, _current.pendingNumber)
        );
        epoch = _epochOfBlock(_from);
        Epoch last = _epochOfBlock(_to);
        require(epoch == last, Rollup__TwoEpochs(epoch, last));
        require(epoch < _clock().epochAtOrZero(TimeLib.current()), Rollup__EpochNotOver(epoch));
    }

    function _requireRecorded(SettledBlock[] memory _blocks, uint256 _from, uint256 _to) private view {
        require(_blocks.length == _to + 1 - _from, Rollup__WrongBlockCount(_blocks.length, _to + 1 - _from));
        for (uint256 i = 0; i < _blocks.length; ++i) {
            bytes32 expected = _recordOf(_from + i).blockHash;
            require(_blocks[i].blockHash == expected, Rollup__BlockMismatch(_from + i, _blocks[i].blockHash, expected));
        }
    }

    /// @dev The tips without unproven blocks, all of which must be of epochs for which the instance was open already.
    function _withoutUnproven(Tips memory _current) private returns (Tips memory) {
        if (!_current.hasUnproven()) return _current;

        Epoch epoch = _clock().epochOf(Slot.wrap(_current.firstUnprovenSlot));
        require(_isOpenToAll(epoch, _current), Rollup__UnprovenBlocks(uint256(_current.provenNumber) + 1, epoch));
        return _pruned(_current);
    }

    /// @dev Each block consumes what its slot demands, and what it consumes is the inbox's.
    function _requireExactDeposits(SettledBlock[] memory _blocks, BlockRecord storage _parent) private view {
        bytes32 parentArchive = _parent.archive;
        uint256 consumed = _parent.inboxEnd;
        for (uint256 i = 0; i < _blocks.length; ++i) {
            SettledBlock memory settled = _blocks[i];
            _requireExactConsumption(settled.slot, consumed, settled.inboxEnd);
            bytes32 expected = BlockLib.hashOf(
                parentArchive,
                settled.slot,
                settled.feeRecipient,
                settled.inboxEnd,
                _inboxHashAt(settled.inboxEnd),
                settled.archive,
                settled.blobHash
            );
            require(settled.blockHash == expected, Rollup__BlockMismatch(i, settled.blockHash, expected));
            (parentArchive, consumed) = (settled.archive, settled.inboxEnd);
        }
    }

    function _record(uint256 _number, SettledBlock memory _block) private {
        _storeRecord(
            _number,
            BlockRecord({
                archive: _block.archive,
                blockHash: _block.blockHash,
                slot: Slot.unwrap(_block.slot).toUint32(),
                inboxEnd: _block.inboxEnd.toUint48(),
                provenInSlot: 0
            })
        );
        emit BlockProposed(
            _number,
            _block.slot,
            _block.archive,
            _block.blockHash,
            _block.blobHash,
            _block.feeRecipient,
            _block.inboxEnd,
            address(0)
        );
    }

    /// @dev Credits fees and withdrawals of the blocks from an index on.
    /// @return share The prover's, wei. Each block's is rounded down; what is left of its fees is the fee recipient's.
    function _settle(SettledBlock[] memory _blocks, bytes calldata _settlement, uint256 _first, uint256 _shareBps)
        private
        returns (uint256 share)
    {
        for (uint256 i = _first; i < _blocks.length; ++i) {
            SettledBlock memory settled = _blocks[i];
            uint256 shareGwei = settled.totalFees * _shareBps / BASIS_POINTS;
            share += shareGwei * 1 gwei;
            _creditSilently(settled.feeRecipient, (settled.totalFees - shareGwei) * 1 gwei);
            uint256 offset = settled.withdrawalsOffset;
            for (uint256 j = 0; j < settled.withdrawalCount; ++j) {
                (address recipient, uint256 amountGwei) = SettlementLib.withdrawalAt(_settlement, offset);
                _creditSilently(recipient, amountGwei * 1 gwei);
                offset += SettlementLib.WITHDRAWAL_BYTES;
            }
        }
    }

    function _isOpenToAll(Epoch _epoch, Tips memory _current) private view returns (bool) {
        if (!REGISTRY.isInstance(address(this))) return false;

        uint256 epoch = Epoch.unwrap(_epoch);
        uint256 activation = Epoch.unwrap(REGISTRY.activationOf(address(this)));
        if (epoch >= activation + PROOF_WINDOW_EPOCHS) {
            // The canonical instance of then was added later, or it is this one.
            if (REGISTRY.canonicalAt(Epoch.wrap(epoch - PROOF_WINDOW_EPOCHS)) != address(this)) return true;
        }
        uint256 lastActive = Epoch.unwrap(_clock().epochOf(Slot.wrap(_current.lastCommitteeSlot())));
        return epoch >= (lastActive > activation ? lastActive : activation) + STALL_EPOCHS;
    }

    function _context(BlockRecord storage _parent, address _prover) private view returns (StatementContext memory) {
        uint256 inboxStart = _parent.inboxEnd;
        return StatementContext({
            genesisId: genesisId,
            startArchive: _parent.archive,
            inboxStart: inboxStart,
            inboxHash: _inboxHashAt(inboxStart),
            clock: _clock(),
            transactionsMax: TRANSACTIONS_PER_BLOCK_MAX,
            depositsMax: DEPOSITS_PER_BLOCK_MAX,
            withdrawalsMax: WITHDRAWALS_PER_BLOCK_MAX,
            prover: _prover,
            verifier: EPOCH_PROOF_VERIFIER
        });
    }
}
