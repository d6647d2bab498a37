// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PullPayments} from "@agoge/payments/PullPayments.sol";
import {AttestationLib} from "@agoge/rollup/AttestationLib.sol";
import {CommitteeLib} from "@agoge/rollup/CommitteeLib.sol";
import {FieldLib} from "@agoge/rollup/FieldLib.sol";
import {
    Attestations,
    Block,
    BlockRecord,
    IRollup,
    Publication,
    RollupConfig,
    SeedProof,
    Tips
} from "@agoge/rollup/IRollup.sol";
import {Inbox} from "@agoge/rollup/Inbox.sol";
import {MessageLib} from "@agoge/rollup/MessageLib.sol";
import {RollupParameters} from "@agoge/rollup/RollupParameters.sol";
import {TipsLib} from "@agoge/rollup/TipsLib.sol";
import {Epoch, NetworkClock, Slot, TimeLib, Timestamp} from "@agoge/time/TimeLib.sol";

/// @notice The committee that judges a block.
/// @param packed Its members, see CommitteeLib.
/// @param isStored Whether it was stored before.
/// @param seed The seed that it was drawn with; zero if it was stored before.
struct Committee {
    bytes packed;
    bool isStored;
    bytes32 seed;
}

/// @title RollupCore
/// @notice What all versions of the Rollup share: blocks, tips, prune, inbox; promises in IRollup.
/// @dev A version supplies its committees through `_committeeFor` and `_storeCommittee`.
abstract contract RollupCore is Inbox, PullPayments {
    using TimeLib for NetworkClock;
    using TipsLib for Tips;

    /// @dev A word that was written costs less to write again: the first round of blocks shall cost what all others cost.
    bytes32 private constant FILLED = bytes32(uint256(1));

    Tips private _tips;

    /// @dev Block n at index `n mod ringSize`.
    mapping(uint256 index => BlockRecord) private _ring;

    constructor(RollupConfig memory _config) RollupParameters(_config) {
        _ring[0] = BlockRecord({archive: _config.genesisArchive, blockHash: FILLED});
        for (uint256 i = 1; i < _config.ringSize; ++i) {
            _ring[i] = BlockRecord({archive: FILLED, blockHash: FILLED});
        }
    }

    /// @inheritdoc IRollup
    function propose(
        Block calldata _block,
        Attestations calldata _attestations,
        Publication calldata _publication,
        SeedProof calldata _seedProof
    ) external override {
        bytes32 blobHash = blobhash(0);
        require(blobHash != 0 && blobhash(1) == 0, Rollup__NotOneBlob());
        Timestamp time = TimeLib.current();
        Tips memory current = _tips;
        if (_isPruneDue(current, time)) current = _prune(current);
        (bytes32 blockHash, address proposer, Committee memory committee) =
            _validate(_block, blobHash, _attestations, _publication, _seedProof, current, time);

        if (!committee.isStored) _storeCommittee(_clock().epochOf(_block.slot), committee);
        current = current.appended(_block);
        _tips = current;
        _ring[current.pendingNumber % RING_SIZE] = BlockRecord({archive: _block.archive, blockHash: blockHash});
        emit BlockProposed(
            current.pendingNumber,
            _block.slot,
            _block.archive,
            blockHash,
            blobHash,
            _block.feeRecipient,
            _block.inboxEnd,
            proposer
        );
    }

    /// @inheritdoc IRollup
    function prune() external override {
        Tips memory current = _tips;
        require(_isPruneDue(current, TimeLib.current()), Rollup__NothingToPrune());

        _tips = _prune(current);
    }

    /// @inheritdoc IRollup
    function validateProposal(
        Block calldata _block,
        bytes32 _blobHash,
        Attestations calldata _attestations,
        Publication calldata _publication,
        SeedProof calldata _seedProof
    ) external view override returns (bytes32 blockHash, address proposer) {
        Timestamp time = TimeLib.current();
        (blockHash, proposer,) =
            _validate(_block, _blobHash, _attestations, _publication, _seedProof, tipsAt(time), time);
    }

    /// @inheritdoc IRollup
    function tips() external view override returns (Tips memory) {
        return tipsAt(TimeLib.current());
    }

    /// @inheritdoc IRollup
    function blockRecord(uint256 _number) external view override returns (BlockRecord memory) {
        uint256 pending = tipsAt(TimeLib.current()).pendingNumber;
        require(_number <= pending && pending < _number + RING_SIZE, Rollup__NoSuchBlock(_number));

        return _ring[_number % RING_SIZE];
    }

    /// @inheritdoc IRollup
    function acceptsProof(Epoch _epoch, Timestamp _time) external view override returns (bool) {
        return !prunable(_epoch, _time);
    }

    /// @inheritdoc IRollup
    function proposalDigest(Slot _slot, bytes32 _blockHash, bytes32 _bodyHash)
        external
        view
        override
        returns (bytes32)
    {
        return _hashTypedDataV4(MessageLib.proposalHash(genesisId, _slot, _blockHash, _bodyHash));
    }

    /// @inheritdoc IRollup
    function attestationThreshold() external view override returns (uint256) {
        return AttestationLib.threshold(COMMITTEE_SIZE);
    }

    /// @inheritdoc IRollup
    function tipsAt(Timestamp _time) public view override returns (Tips memory current) {
        current = _tips;
        if (_isPruneDue(current, _time)) current = current.pruned();
    }

    /// @inheritdoc IRollup
    function prunable(Epoch _epoch, Timestamp _time) public view override returns (bool) {
        Epoch firstTooLate = Epoch.wrap(Epoch.unwrap(_epoch) + PROOF_WINDOW_EPOCHS + 1);
        return _time >= _clock().startOfEpoch(firstTooLate);
    }

    /// @inheritdoc IRollup
    function blockHashOf(Block calldata _block, bytes32 _blobHash) public view override returns (bytes32) {
        return keccak256(
            abi.encode(
                _block.slot,
                _block.feeRecipient,
                _block.inboxEnd,
                _inboxHashAt(_block.inboxEnd),
                _block.archive,
                _blobHash
            )
        );
    }

    /// @inheritdoc IRollup
    function attestationDigest(Slot _slot, bytes32 _blockHash) public view override returns (bytes32) {
        return _hashTypedDataV4(MessageLib.attestationHash(genesisId, _slot, _blockHash));
    }

    /// @inheritdoc IRollup
    function publicationDigest(
        Slot _slot,
        bytes32 _blockHash,
        Attestations calldata _attestations,
        Publication calldata _publication
    ) public view override returns (bytes32) {
        bytes32 attestationsHash = keccak256(abi.encode(_attestations.bitmap, _attestations.signatures));
        return _hashTypedDataV4(
            MessageLib.publicationHash(
                genesisId,
                _slot,
                _blockHash,
                attestationsHash,
                _publication.quoteDigest,
                _publication.payload,
                _publication.actionsHash
            )
        );
    }

    /// @dev The committee of an epoch: the stored one, or the one that the seed proof gives.
    function _committeeFor(Epoch _epoch, SeedProof calldata _seedProof) internal view virtual returns (Committee memory);

    /// @dev Stores a committee that `_committeeFor` returned for an epoch without one.
    function _storeCommittee(Epoch _epoch, Committee memory _committee) internal virtual;

    /// @dev Committee index of a slot's proposer: the draw's order is uniform already, and a rotation gives equal turns.
    function _proposerIndex(Slot _slot) internal view returns (uint256) {
        return _clock().positionInEpoch(_slot) % COMMITTEE_SIZE;
    }

    function _prune(Tips memory _current) private returns (Tips memory) {
        emit Pruned(_current.pendingNumber, _current.provenNumber);

        return _current.pruned();
    }

    function _validate(
        Block calldata _block,
        bytes32 _blobHash,
        Attestations calldata _attestations,
        Publication calldata _publication,
        SeedProof calldata _seedProof,
        Tips memory _current,
        Timestamp _time
    ) private view returns (bytes32 blockHash, address proposer, Committee memory committee) {
        _requireValidBlock(_block, _current, _time);
        require(
            _publication.quoteDigest == 0 && _publication.payload == address(0) && _publication.actionsHash == 0,
            Rollup__ExtrasNotEmpty()
        );

        blockHash = blockHashOf(_block, _blobHash);
        committee = _committeeFor(_clock().epochOf(_block.slot), _seedProof);
        AttestationLib.requireValid(
            attestationDigest(_block.slot, blockHash), _attestations, committee.packed, COMMITTEE_SIZE
        );

        proposer = CommitteeLib.memberAt(committee.packed, _proposerIndex(_block.slot));
        require(
            AttestationLib.isSignedBy(
                publicationDigest(_block.slot, blockHash, _attestations, _publication),
                _publication.r,
                _publication.vs,
                proposer
            ),
            Rollup__WrongProposer(proposer)
        );
    }

    function _requireValidBlock(Block calldata _block, Tips memory _current, Timestamp _time) private view {
        Slot slot = _clock().slotAt(_time);
        require(_block.slot == slot, Rollup__WrongSlot(_block.slot, slot));
        Slot tipSlot = Slot.wrap(_current.pendingSlot);
        require(_current.pendingNumber == 0 || slot > tipSlot, Rollup__SlotTaken(slot, tipSlot));
        require(FieldLib.isDigest(_block.archive), Rollup__NotFieldElements(_block.archive));
        require(_block.feeRecipient != address(0), Rollup__ZeroFeeRecipient());
        _requireExactConsumption(slot, _current.pendingInboxEnd, _block.inboxEnd);
    }

    function _isPruneDue(Tips memory _current, Timestamp _time) private view returns (bool) {
        if (!_current.hasUnproven()) return false;

        return prunable(_clock().epochOf(Slot.wrap(_current.firstUnprovenSlot)), _time);
    }
}
