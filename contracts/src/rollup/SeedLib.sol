// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IRollup, SeedProof} from "@agoge/rollup/IRollup.sol";
import {Epoch, Timestamp} from "@agoge/time/TimeLib.sol";
import {BlockHeader} from "@openzeppelin/contracts/utils/BlockHeader.sol";
import {Blockhash} from "@openzeppelin/contracts/utils/Blockhash.sol";
import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";

/// @title SeedLib
/// @notice The seed of an epoch: prevrandao of the first L1 block at or after its entropy time (docs/protocol.md, section 12).
/// @dev Only header fields 0, 8, 11 and 13 are read, from bytes whose hash L1 itself vouches for: fields that later forks append
/// change nothing.
library SeedLib {
    using BlockHeader for bytes;
    using BlockHeader for Memory.Slice[];

    /// @notice Seed of the genesis epochs of a Rollup.
    function genesisSeed() internal view returns (bytes32) {
        return keccak256(abi.encode("genesis", block.chainid, address(this)));
    }

    /// @notice Seed of a later epoch.
    /// @dev Reverts with `Rollup__UnknownL1Block`, `Rollup__EntropyBlockTooEarly`, `Rollup__ParentHeaderMismatch` or
    /// `Rollup__NotFirstEntropyBlock`, and as OpenZeppelin's RLP does for bytes that are no header.
    function provenSeed(bytes32 _genesisId, Epoch _epoch, Timestamp _entropyTime, SeedProof calldata _proof)
        internal
        view
        returns (bytes32)
    {
        bytes memory header = _proof.header;
        Memory.Slice[] memory fields = header.parseHeader();
        bytes32 headerHash = keccak256(header);
        uint256 number = fields.getNumber();
        require(Blockhash.blockHash(number) == headerHash, IRollup.Rollup__UnknownL1Block(number, headerHash));
        Timestamp time = Timestamp.wrap(fields.getTimestamp());
        require(time >= _entropyTime, IRollup.Rollup__EntropyBlockTooEarly(time, _entropyTime));

        bytes memory parentHeader = _proof.parentHeader;
        bytes32 parentHash = fields.getParentHash();
        require(
            keccak256(parentHeader) == parentHash,
            IRollup.Rollup__ParentHeaderMismatch(keccak256(parentHeader), parentHash)
        );
        Timestamp parentTime = Timestamp.wrap(parentHeader.getTimestamp());
        require(parentTime < _entropyTime, IRollup.Rollup__NotFirstEntropyBlock(parentTime, _entropyTime));

        return keccak256(abi.encode(_genesisId, _epoch, fields.getPrevRandao()));
    }
}
