// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CommitteeLib} from "@agoge/rollup/CommitteeLib.sol";
import {IRollup, RollupConfig, SeedProof} from "@agoge/rollup/IRollup.sol";
import {Committee, RollupCore} from "@agoge/rollup/RollupCore.sol";
import {SamplingLib} from "@agoge/rollup/SamplingLib.sol";
import {SeedLib} from "@agoge/rollup/SeedLib.sol";
import {Epoch, NetworkClock, Slot, TimeLib, Timestamp} from "@agoge/time/TimeLib.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @title Rollup, version 1 "Leonidas"
/// @notice Draws each epoch's committee on L1 from the frozen validator set and stores it as contract code.
contract Rollup is RollupCore {
    using SafeCast for uint256;
    using TimeLib for NetworkClock;

    /// @notice Where the committee of an epoch is.
    /// @param code Contract whose code it is.
    /// @param epoch Its epoch.
    struct EpochRecord {
        address code;
        uint96 epoch;
    }

    /// @dev Epochs whose committee can be read; the events name the code of earlier ones.
    uint256 private constant EPOCH_RING_SIZE = 8;

    /// @dev Epoch e at index `e mod EPOCH_RING_SIZE`.
    mapping(uint256 index => EpochRecord) private _epochs;

    constructor(RollupConfig memory _config) RollupCore(_config) {
        for (uint256 i = 0; i < EPOCH_RING_SIZE; ++i) {
            _epochs[i].epoch = type(uint96).max;
        }
    }

    /// @inheritdoc IRollup
    function committeeOfEpoch(Epoch _epoch) external view override returns (address[] memory) {
        return CommitteeLib.unpack(_storedCommittee(_epoch));
    }

    /// @inheritdoc IRollup
    function proposerAt(Slot _slot) external view override returns (address) {
        return CommitteeLib.memberAt(_storedCommittee(_clock().epochOf(_slot)), _proposerIndex(_slot));
    }

    /// @inheritdoc IRollup
    function seedOf(Epoch _epoch, SeedProof calldata _seedProof) external view override returns (bytes32) {
        return _seedOf(_epoch, _seedProof);
    }

    /// @inheritdoc IRollup
    function sampleCommittee(Epoch _epoch, bytes32 _seed) external view override returns (address[] memory) {
        return CommitteeLib.unpack(_draw(_epoch, _seed));
    }

    /// @inheritdoc IRollup
    function entropyTime(Epoch _epoch) public view override returns (Timestamp) {
        return _clock().startOfEpoch(Epoch.wrap(Epoch.unwrap(_epoch) - ENTROPY_LAG_EPOCHS));
    }

    /// @inheritdoc RollupCore
    function _committeeFor(Epoch _epoch, SeedProof calldata _seedProof)
        internal
        view
        override
        returns (Committee memory committee)
    {
        EpochRecord memory record = _recordOf(_epoch);
        committee.isStored = record.epoch == Epoch.unwrap(_epoch);
        if (committee.isStored) {
            committee.packed = CommitteeLib.load(record.code);
        } else {
            committee.seed = _seedOf(_epoch, _seedProof);
            committee.packed = _draw(_epoch, committee.seed);
        }
    }

    /// @inheritdoc RollupCore
    function _storeCommittee(Epoch _epoch, Committee memory _committee) internal override {
        uint256 number = Epoch.unwrap(_epoch);
        address code = CommitteeLib.store(_committee.packed, bytes32(number));
        _epochs[number % EPOCH_RING_SIZE] = EpochRecord({code: code, epoch: number.toUint96()});

        emit EpochSetUp(_epoch, _committee.seed, code);
    }

    /// @dev The packed committee that an epoch has with a seed.
    function _draw(Epoch _epoch, bytes32 _seed) private view returns (bytes memory packed) {
        uint256 size = STAKING.setSize(address(this), _epoch);
        require(size >= COMMITTEE_SIZE, Rollup__CommitteeTooSmall(size, COMMITTEE_SIZE));

        return STAKING.attestersAt(address(this), _epoch, SamplingLib.sample(_seed, size, COMMITTEE_SIZE));
    }

    function _seedOf(Epoch _epoch, SeedProof calldata _seedProof) private view returns (bytes32) {
        return _clock().isGenesisEpoch(_epoch)
            ? SeedLib.genesisSeed()
            : SeedLib.provenSeed(genesisId, _epoch, entropyTime(_epoch), _seedProof);
    }

    function _storedCommittee(Epoch _epoch) private view returns (bytes memory) {
        EpochRecord memory record = _recordOf(_epoch);
        require(record.epoch == Epoch.unwrap(_epoch), Rollup__EpochNotSetUp(_epoch));

        return CommitteeLib.load(record.code);
    }

    function _recordOf(Epoch _epoch) private view returns (EpochRecord memory) {
        return _epochs[Epoch.unwrap(_epoch) % EPOCH_RING_SIZE];
    }
}
