// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CommitteeLib} from "@agoge/rollup/CommitteeLib.sol";
import {CommitteeSampling} from "@agoge/rollup/CommitteeSampling.sol";
import {CommitteeProof, IRollup, RollupConfig} from "@agoge/rollup/IRollup.sol";
import {Committee, RollupCore} from "@agoge/rollup/RollupCore.sol";
import {Epoch, NetworkClock, Slot, TimeLib} from "@agoge/time/TimeLib.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @title Rollup, version 1 "Leonidas"
/// @notice Draws each epoch's committee on L1 from the frozen validator set and stores it as contract code.
contract Rollup is CommitteeSampling {
    using SafeCast for uint256;
    using TimeLib for NetworkClock;

    /// @notice Where the committee of an epoch is.
    /// @param code Contract whose code it is.
    /// @param epoch Its epoch.
    struct EpochRecord {
        address code;
        uint96 epoch;
    }

    /// @inheritdoc IRollup
    uint256 public constant override version = 1;

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

    /// @inheritdoc RollupCore
    function _committeeFor(Epoch _epoch, CommitteeProof calldata _committeeProof)
        internal
        view
        override
        returns (Committee memory committee)
    {
        _requireCommitteeLength(_committeeProof, 0);
        EpochRecord memory record = _recordOf(_epoch);
        committee.isStored = record.epoch == Epoch.unwrap(_epoch);
        if (committee.isStored) {
            committee.packed = CommitteeLib.load(record.code);
        } else {
            committee.seed = _seedOf(_epoch, _committeeProof);
            committee.packed = _draw(_epoch, committee.seed);
        }
    }

    /// @inheritdoc RollupCore
    function _storeCommittee(Epoch _epoch, Committee memory _committee) internal override {
        uint256 number = Epoch.unwrap(_epoch);
        address code = CommitteeLib.store(_committee.packed, bytes32(number));
        _epochs[number % EPOCH_RING_SIZE] = EpochRecord({code: code, epoch: number.toUint96()});

        emit EpochSetUp(_epoch, _committee.seed, keccak256(_committee.packed));
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
