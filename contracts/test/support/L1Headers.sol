// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";
import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";

/// @notice Stands where EIP-2935's history contract stands on a real chain: answers block hashes that a test stored.
contract HistoryContract {
    fallback(bytes calldata _input) external returns (bytes memory) {
        uint256 key = abi.decode(_input, (uint256));
        bytes32 hash;
        assembly {
            hash := sload(key)
        }
        return abi.encode(hash);
    }
}

/// @notice Encodes L1 block headers.
library L1Headers {
    using RLP for RLP.Encoder;

    /// @notice A header as of Osaka, with as many extra fields behind as wanted.
    function encode(uint256 _number, uint256 _time, bytes32 _prevrandao, bytes32 _parentHash, uint256 _extraFields)
        internal
        pure
        returns (bytes memory)
    {
        RLP.Encoder memory header = RLP.encoder().push(_parentHash).push(keccak256("ommers")).push(address(0xbeef));
        header = header.push(keccak256("state")).push(keccak256("transactions")).push(keccak256("receipts"));
        header = header.push(_bloom()).push(uint256(0)).push(_number).push(uint256(60_000_000));
        header = header.push(uint256(23_456_789)).push(_time).push(bytes("a builder's name")).push(_prevrandao);
        header = header.push(new bytes(8)).push(uint256(7)).push(keccak256("withdrawals")).push(uint256(131_072));
        header = header.push(uint256(0)).push(keccak256("beacon")).push(keccak256("requests"));
        for (uint256 i = 0; i < _extraFields; ++i) {
            header = header.push(keccak256(abi.encode("field of a later fork", i)));
        }
        return header.encode();
    }

    /// @dev A bloom filter of a full block: no byte is zero, as calldata it costs most.
    function _bloom() private pure returns (bytes memory bloom) {
        bloom = new bytes(256);
        for (uint256 i = 0; i < 256; ++i) {
            bloom[i] = 0x55;
        }
    }
}
