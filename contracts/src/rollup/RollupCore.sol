// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {AttestationLib} from "@agoge/rollup/AttestationLib.sol";
import {BlockLib} from "@agoge/rollup/BlockLib.sol";
import {ChainState} from "@agoge/rollup/ChainState.sol";
import {CommitteeLib} from "@agoge/rollup/CommitteeLib.sol";
import {EpochProofs} from "@agoge/rollup/EpochProofs.sol";
import {FieldLib} from "@agoge/rollup/FieldLib.sol";
import {
    Attestations,
    Block,
    BlockRecord,
    CommitteeProof,
    IRollup,
    Publication,
    RollupConfig,
    Tips
} from "@agoge/rollup/IRollup.sol";
import {MessageLib} from "@agoge/rollup/MessageLib.sol";
import {RollupParameters} from "@agoge/rollup/RollupParameters.sol";
import {TipsLib} from "@agoge/rollup/TipsLib.sol";
import {Epoch, NetworkClock, Slot, TimeLib, Timestamp} from "@agoge/time/TimeLib.sol";

/// @notice The committee that judges a block.
/// @param packed Its members, see CommitteeLib.
/// @param isStored Whether it, or a commitment to it, was stored before.
/// @param seed The seed that it was drawn with; zero if it was stored before.
struct Committee {
    bytes packed;
    bool isStored;
    bytes32 seed;
}

/// @title RollupCore
/// @notice What all versions of the Rollup share: blocks, tips, prune, inbox; promises in IRollup.
/// @dev A version supplies its committees through `_committeeFor` and `_storeCommittee`.
abstract contract RollupCore is EpochProofs {
    using TimeLib for NetworkClock;
    using TipsLib for Tips;

    /// @dev Gas of a bundled claim: more than any claim takes.
    uint256 private constant CLAIM_GAS = 400_000;

    /// @dev Gas of a bundled signal: more than any signal takes.
    uint256 private constant SIGNAL_GAS = 150_000;

    /// @dev What is still needed after a bundled call, to tell of its failure.
    uint256 private constant BUNDLE_GAS_MARGIN = 20_000;

    constructor(RollupConfig memory _config) RollupParameters(_config) ChainState(_config) {}

    /// @inheritdoc IRollup
    function propose(
        Block calldata _block,
        Attestations calldata _attestations,
        Publication calldata _publication,
        CommitteeProof calldata _committeeProof,
        bytes calldata _claim
    ) external override {
        bytes32 blobHash = blobhash(0);
        require(blobHash != 0 && blobhash(1) == 0, Rollup__NotOneBlob());
        Tips memory current = _tipsAfterDuePrune();
        _requireSignedExtras(_publication, _claim);
        (bytes32 blockHash, address proposer, Committee memory committee) =
            _validate(_block, blobHash, _attestations, _publication, _committeeProof, current, TimeLib.current());

        if (!committee.isStored) _storeCommittee(_clock().epochOf(_block.slot), committee);
        current = current.appended(_block);
        _tips = current;
        uint256 number = current.pendingNumber;
        _storeRecord(
            number,
            BlockRecord({
                archive: _block.archive,
                blockHash: blockHash,
                slot: current.pendingSlot,
                inboxEnd: current.pendingInboxEnd,
                provenInSlot: 0
            })
        );
        emit BlockProposed(
            number, _block.slot, _block.archive, blockHash, blobHash, _block.feeRecipient, _block.inboxEnd, proposer
        );

        if (_claim.length != 0) _runClaim(number, _claim);
        if (_publication.payload != address(0)) _runSignal(number, _block.slot, proposer, _publication);
    }

    /// @inheritdoc IRollup
    function validateProposal(
        Block calldata _block,
        bytes32 _blobHash,
        Attestations calldata _attestations,
        Publication calldata _publication,
        CommitteeProof calldata _committeeProof,
        bytes calldata _claim
    ) external view override returns (bytes32 blockHash, address proposer) {
        Timestamp time = TimeLib.current();
        _requireSignedExtras(_publication, _claim);
        (blockHash, proposer,) =
            _validate(_block, _blobHash, _attestations, _publication, _committeeProof, tipsAt(time), time);
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
    function blockHashOf(Block calldata _block, bytes32 _blobHash) public view override returns (bytes32) {
        return _hashOnTip(_block, _blobHash, tipsAt(TimeLib.current()));
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

    /// @dev The committee of an epoch: the stored one, or the one that the proof's headers give.
    function _committeeFor(Epoch _epoch, CommitteeProof calldata _committeeProof)
        internal
        view
        virtual
        returns (Committee memory);

    /// @dev Stores a committee that `_committeeFor` returned for an epoch without one.
    function _storeCommittee(Epoch _epoch, Committee memory _committee) internal virtual;

    /// @dev Committee index of a slot's proposer: the draw's order is uniform already, and a rotation gives equal turns.
    function _proposerIndex(Slot _slot) internal view returns (uint256) {
        return _clock().positionInEpoch(_slot) % COMMITTEE_SIZE;
    }

    /// @dev Runs a bundled claim. Whoever sends the transaction cannot make it fail by giving little gas.
    function _runClaim(uint256 _number, bytes calldata _claim) private {
        _requireGasFor(CLAIM_GAS);
        try PROVER_BONDS.claimBundled{gas: CLAIM_GAS}(_claim) {}
        catch (bytes memory reason) {
            emit BundledClaimFailed(_number, reason);
        }
    }

    /// @dev Runs a bundled signal, as `_runClaim` a claim. The payload is not called.
    function _runSignal(uint256 _number, Slot _slot, address _proposer, Publication calldata _publication) private {
        _requireGasFor(SIGNAL_GAS);
        try GOVERNANCE_PROPOSER.signalBundled{gas: SIGNAL_GAS}(
            _slot, _proposer, _publication.payload, _publication.actionsHash
        ) {}
        catch (bytes memory reason) {
            emit BundledSignalFailed(_number, reason);
        }
    }

    /// @dev That a bundled call gets all its gas: a call keeps back the 64th part of what is left.
    function _requireGasFor(uint256 _callGas) private view {
        uint256 needed = _callGas + _callGas / 63 + BUNDLE_GAS_MARGIN;
        require(gasleft() >= needed, Rollup__TooLittleGas(gasleft(), needed));
    }

    function _requireSignedExtras(Publication calldata _publication, bytes calldata _claim) private pure {
        require(_publication.payload != address(0) || _publication.actionsHash == 0, Rollup__ActionsWithoutPayload());
        bytes32 given = _claim.length == 0 ? bytes32(0) : keccak256(_claim);
        require(given == _publication.quoteDigest, Rollup__WrongClaim(given, _publication.quoteDigest));
    }

    function _validate(
        Block calldata _block,
        bytes32 _blobHash,
        Attestations calldata _attestations,
        Publication calldata _publication,
        CommitteeProof calldata _committeeProof,
        Tips memory _current,
        Timestamp _time
    ) private view returns (bytes32 blockHash, address proposer, Committee memory committee) {
        NetworkClock memory clock = _clock();
        _requireValidBlock(_block, _current, clock.slotAt(_time));
        blockHash = _hashOnTip(_block, _blobHash, _current);
        committee = _committeeFor(clock.epochOf(_block.slot), _committeeProof);
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

    /// @dev The hash of a block on the pending tip.
    function _hashOnTip(Block calldata _block, bytes32 _blobHash, Tips memory _current) private view returns (bytes32) {
        return BlockLib.hashOf(
            _recordOf(_current.pendingNumber).archive,
            _block.slot,
            _block.feeRecipient,
            _block.inboxEnd,
            _inboxHashAt(_block.inboxEnd),
            _block.archive,
            _blobHash
        );
    }

    function _requireValidBlock(Block calldata _block, Tips memory _current, Slot _slot) private view {
        require(_block.slot == _slot, Rollup__WrongSlot(_block.slot, _slot));
        Slot tipSlot = Slot.wrap(_current.pendingSlot);
        require(_current.pendingNumber == 0 || _slot > tipSlot, Rollup__SlotTaken(_slot, tipSlot));
        require(FieldLib.isDigest(_block.archive), Rollup__NotFieldElements(_block.archive));
        require(_block.feeRecipient != address(0), Rollup__ZeroFeeRecipient());
        _requireExactConsumption(_slot, _current.pendingInboxEnd, _block.inboxEnd);
    }
}
