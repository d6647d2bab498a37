// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CommitteeLib} from "@agoge/rollup/CommitteeLib.sol";
import {CommitteeSampling} from "@agoge/rollup/CommitteeSampling.sol";
import {CommitteeProof, IRollup, RollupConfig} from "@agoge/rollup/IRollup.sol";
import {Committee, RollupCore} from "@agoge/rollup/RollupCore.sol";
import {Epoch, NetworkClock, Slot, TimeLib} from "@agoge/time/TimeLib.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @title Rollup, version 2 "Pleistarchus"
/// @notice Draws each epoch's committee on L1 from the frozen validator set and stores its seed and a commitment; every later
/// publication of the epoch brings the members.
contract RollupV2 is CommitteeSampling {
    using SafeCast for uint256;
    using TimeLib for NetworkClock;

    /// @dev What is kept of an epoch, as one word: the 12 bytes of its seed, 4 of its number, 16 of the keccak of its packed committee.
    /// Another committee with these 16 bytes takes 2^128 hashes to find; two that share them take 2^64, and the seed, not whoever
    /// found them, decides which one is kept. 2^32 epochs of one second are 136 years.
    type EpochRecord is bytes32;

    uint256 private constant NUMBER_SHIFT = 128;

    /// @inheritdoc IRollup
    uint256 public constant override version = 2;

    /// @dev Epoch e at index `e mod EPOCH_RING_SIZE`.
    mapping(uint256 index => EpochRecord) private _epochs;

    constructor(RollupConfig memory _config) RollupCore(_config) {
        // A word that was written costs less to write again: the first epochs shall cost what all others cost.
        for (uint256 i = 0; i < EPOCH_RING_SIZE; ++i) {
            _epochs[i] = EpochRecord.wrap(bytes32(type(uint256).max));
        }
    }

    /// @inheritdoc IRollup
    function committeeOfEpoch(Epoch _epoch) external view override returns (address[] memory) {
        return CommitteeLib.unpack(_draw(_epoch, _storedSeed(_epoch)));
    }

    /// @inheritdoc IRollup
    function proposerAt(Slot _slot) external view override returns (address) {
        Epoch epoch = _clock().epochOf(_slot);
        uint256 index = _proposerIndex(_slot);
        // A draw's first members do not depend on how many follow, and only the proposer's seat has to be read.
        uint256[] memory position = new uint256[](1);
        position[0] = _sample(epoch, _storedSeed(epoch), index + 1)[index];

        return CommitteeLib.memberAt(_membersAt(epoch, position), 0);
    }

    /// @inheritdoc RollupCore
    function _committeeFor(Epoch _epoch, CommitteeProof calldata _committeeProof)
        internal
        view
        override
        returns (Committee memory committee)
    {
        EpochRecord record = _recordOf(_epoch);
        committee.isStored = _isOf(record, _epoch);
        if (committee.isStored) {
            _requireCommitteeLength(_committeeProof, COMMITTEE_SIZE * CommitteeLib.MEMBER_BYTES);
            committee.packed = _committeeProof.committee;
            bytes16 given = bytes16(keccak256(committee.packed));
            bytes16 expected = _commitmentOf(record);
            require(given == expected, Rollup__WrongCommittee(given, expected));
        } else {
            _requireCommitteeLength(_committeeProof, 0);
            committee.seed = _seedOf(_epoch, _committeeProof);
            committee.packed = _draw(_epoch, committee.seed);
        }
    }

    /// @inheritdoc RollupCore
    function _storeCommittee(Epoch _epoch, Committee memory _committee) internal override {
        bytes32 hash = keccak256(_committee.packed);
        uint256 number = Epoch.unwrap(_epoch).toUint32();
        // A seed ends after its 12 bytes.
        uint256 record = uint256(_committee.seed) | number << NUMBER_SHIFT | uint256(hash) >> NUMBER_SHIFT;
        _epochs[number % EPOCH_RING_SIZE] = EpochRecord.wrap(bytes32(record));

        emit EpochSetUp(_epoch, _committee.seed, hash);
    }

    function _storedSeed(Epoch _epoch) private view returns (bytes32) {
        EpochRecord record = _recordOf(_epoch);
        require(_isOf(record, _epoch), Rollup__EpochNotSetUp(_epoch));

        return bytes12(EpochRecord.unwrap(record));
    }

    function _recordOf(Epoch _epoch) private view returns (EpochRecord) {
        return _epochs[Epoch.unwrap(_epoch) % EPOCH_RING_SIZE];
    }

    function _isOf(EpochRecord _record, Epoch _epoch) private pure returns (bool) {
        return (uint256(EpochRecord.unwrap(_record)) >> NUMBER_SHIFT) & type(uint32).max == Epoch.unwrap(_epoch);
    }

    function _commitmentOf(EpochRecord _record) private pure returns (bytes16) {
        return bytes16(EpochRecord.unwrap(_record) << NUMBER_SHIFT);
    }
}
