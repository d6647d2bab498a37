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

    /// @notice What is kept of an epoch: two words.
    /// @param seed What its committee was drawn with.
    /// @param commitment Keccak of the packed committee; in its last 40 bits stands the number of the epoch instead. Another
    /// committee with the same 216 bits takes 2^216 hashes to find; two that collide take 2^108, and the seed, not whoever found
    /// them, decides what is committed to. 2^40 epochs of one second are 34,000 years.
    struct EpochRecord {
        bytes32 seed;
        bytes32 commitment;
    }

    uint256 private constant EPOCH_MASK = type(uint40).max;

    /// @dev A word that was written costs less to write again: the first epochs shall cost what all others cost.
    bytes32 private constant FILLED = bytes32(uint256(1));

    /// @inheritdoc IRollup
    uint256 public constant override version = 2;

    /// @dev Epoch e at index `e mod EPOCH_RING_SIZE`.
    mapping(uint256 index => EpochRecord) private _epochs;

    constructor(RollupConfig memory _config) RollupCore(_config) {
        for (uint256 i = 0; i < EPOCH_RING_SIZE; ++i) {
            _epochs[i] = EpochRecord({seed: FILLED, commitment: bytes32(EPOCH_MASK)});
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

        return CommitteeLib.memberAt(STAKING.attestersAt(address(this), epoch, position), 0);
    }

    /// @inheritdoc RollupCore
    function _committeeFor(Epoch _epoch, CommitteeProof calldata _committeeProof)
        internal
        view
        override
        returns (Committee memory committee)
    {
        bytes32 expected = _recordOf(_epoch).commitment;
        committee.isStored = _isOf(expected, _epoch);
        if (committee.isStored) {
            _requireCommitteeLength(_committeeProof, COMMITTEE_SIZE * CommitteeLib.MEMBER_BYTES);
            committee.packed = _committeeProof.committee;
            bytes32 given = _commitment(keccak256(committee.packed), _epoch);
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
        EpochRecord storage record = _recordOf(_epoch);
        record.seed = _committee.seed;
        record.commitment = _commitment(hash, _epoch);

        emit EpochSetUp(_epoch, _committee.seed, hash);
    }

    function _storedSeed(Epoch _epoch) private view returns (bytes32) {
        EpochRecord storage record = _recordOf(_epoch);
        require(_isOf(record.commitment, _epoch), Rollup__EpochNotSetUp(_epoch));

        return record.seed;
    }

    function _recordOf(Epoch _epoch) private view returns (EpochRecord storage) {
        return _epochs[Epoch.unwrap(_epoch) % EPOCH_RING_SIZE];
    }

    function _commitment(bytes32 _hash, Epoch _epoch) private pure returns (bytes32) {
        return bytes32(uint256(_hash) & ~EPOCH_MASK | Epoch.unwrap(_epoch).toUint40());
    }

    function _isOf(bytes32 _stored, Epoch _epoch) private pure returns (bool) {
        return uint256(_stored) & EPOCH_MASK == Epoch.unwrap(_epoch);
    }
}
