// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CommitteeProof, IRollup} from "@agoge/rollup/IRollup.sol";
import {L1Header, L1HeaderLib} from "@agoge/rollup/L1HeaderLib.sol";
import {Epoch, Timestamp} from "@agoge/time/TimeLib.sol";
import {Blockhash} from "@openzeppelin/contracts/utils/Blockhash.sol";

/// @title SeedLib
/// @notice The seed of an epoch: prevrandao of the first L1 block at or after its entropy time (docs/protocol.md, section 12).
/// @dev A seed is the first 12 bytes of a hash, so that a Rollup can keep it in one word with what it was for. It has to be beyond
/// anybody's guess and choice, not free of collisions.
library SeedLib {
    /// @notice Seed of the genesis epochs of a Rollup.
    function genesisSeed() internal view returns (bytes32) {
        return _seed(keccak256(abi.encode("genesis", block.chainid, address(this))));
    }

    /// @notice Seed of a later epoch.
    /// @dev Reverts with `Rollup__NotAnL1Header`, `Rollup__UnknownL1Block`, `Rollup__EntropyBlockTooEarly`,
    /// `Rollup__ParentHeaderMismatch` or `Rollup__NotFirstEntropyBlock`.
    function provenSeed(bytes32 _genesisId, Epoch _epoch, Timestamp _entropyTime, CommitteeProof calldata _proof)
        internal
        view
        returns (bytes32)
    {
        L1Header memory header = L1HeaderLib.read(_proof.header);
        bytes32 headerHash = keccak256(_proof.header);
        require(
            Blockhash.blockHash(header.number) == headerHash, IRollup.Rollup__UnknownL1Block(header.number, headerHash)
        );
        require(header.time >= _entropyTime, IRollup.Rollup__EntropyBlockTooEarly(header.time, _entropyTime));

        bytes32 parentHash = keccak256(_proof.parentHeader);
        require(parentHash == header.parentHash, IRollup.Rollup__ParentHeaderMismatch(parentHash, header.parentHash));
        Timestamp parentTime = L1HeaderLib.readTime(_proof.parentHeader);
        require(parentTime < _entropyTime, IRollup.Rollup__NotFirstEntropyBlock(parentTime, _entropyTime));

        return _seed(keccak256(abi.encode(_genesisId, _epoch, header.prevrandao)));
    }

    function _seed(bytes32 _hash) private pure returns (bytes32) {
        return bytes32(bytes12(_hash));
    }
}
