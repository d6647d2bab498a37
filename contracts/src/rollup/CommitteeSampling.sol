// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CommitteeLib} from "@agoge/rollup/CommitteeLib.sol";
import {CommitteeProof, IRollup} from "@agoge/rollup/IRollup.sol";
import {RollupCore} from "@agoge/rollup/RollupCore.sol";
import {SamplingLib} from "@agoge/rollup/SamplingLib.sol";
import {SeedLib} from "@agoge/rollup/SeedLib.sol";
import {Epoch, NetworkClock, TimeLib, Timestamp} from "@agoge/time/TimeLib.sol";

/// @title CommitteeSampling
/// @notice Seeds from L1 headers and committees drawn on L1 from the frozen validator set: what versions 1 and 2 share.
/// @dev A version adds where it keeps what was drawn.
abstract contract CommitteeSampling is RollupCore {
    using TimeLib for NetworkClock;

    /// @dev Epochs whose committee can be read; older ones give their place in the ring to later ones.
    uint256 internal constant EPOCH_RING_SIZE = 8;

    /// @inheritdoc IRollup
    function seedOf(Epoch _epoch, CommitteeProof calldata _committeeProof) external view override returns (bytes32) {
        return _seedOf(_epoch, _committeeProof);
    }

    /// @inheritdoc IRollup
    function sampleCommittee(Epoch _epoch, bytes32 _seed) external view override returns (address[] memory) {
        return CommitteeLib.unpack(_draw(_epoch, _seed));
    }

    /// @inheritdoc IRollup
    function entropyTime(Epoch _epoch) public view override returns (Timestamp) {
        return _clock().startOfEpoch(Epoch.wrap(Epoch.unwrap(_epoch) - ENTROPY_LAG_EPOCHS));
    }

    /// @dev The packed committee that an epoch has with a seed.
    function _draw(Epoch _epoch, bytes32 _seed) internal view returns (bytes memory packed) {
        return _membersAt(_epoch, _sample(_epoch, _seed, COMMITTEE_SIZE));
    }

    /// @dev Positions in the epoch's set of its first `_count` members, at most the committee's size.
    function _sample(Epoch _epoch, bytes32 _seed, uint256 _count) internal view returns (uint256[] memory) {
        uint256 size = STAKING.setSize(address(this), _epoch);
        require(size >= COMMITTEE_SIZE, Rollup__CommitteeTooSmall(size, COMMITTEE_SIZE));

        return SamplingLib.sample(_seed, size, _count);
    }

    /// @dev The packed members at positions of an epoch's set. The positions are used up.
    function _membersAt(Epoch _epoch, uint256[] memory _positions) internal view returns (bytes memory) {
        bytes memory words;
        assembly ("memory-safe") {
            // The same words, their length in bytes: bytes are copied into a call at once, an array word by word.
            words := _positions
            mstore(words, shl(5, mload(words)))
        }
        return STAKING.attestersAt(address(this), _epoch, words);
    }

    function _seedOf(Epoch _epoch, CommitteeProof calldata _committeeProof) internal view returns (bytes32) {
        return _clock().isGenesisEpoch(_epoch)
            ? SeedLib.genesisSeed()
            : SeedLib.provenSeed(genesisId, _epoch, entropyTime(_epoch), _committeeProof);
    }

    function _requireCommitteeLength(CommitteeProof calldata _committeeProof, uint256 _expected) internal pure {
        uint256 given = _committeeProof.committee.length;
        require(given == _expected, Rollup__WrongCommitteeLength(given, _expected));
    }
}
