// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IEpochProofs} from "@agoge/proving/IEpochProofs.sol";

/// @title BlobLib
/// @notice KZG commitments of an epoch's blobs: their versioned hashes, and one opening for all of them (docs/protocol.md, 16.2).
library BlobLib {
    uint256 internal constant POINT_BYTES = 128;
    uint256 internal constant EVALUATION_BYTES = 80;

    /// @notice Order of the BLS12-381 groups, modulus of the blobs' field.
    uint256 internal constant R = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001;

    /// @dev Modulus of the curve's base field, 381 bits: upper 125 and lower 256.
    uint256 private constant BASE_HIGH = 0x1a0111ea397fe69a4b1ba7b6434bacd7;
    uint256 private constant BASE_LOW = 0x64774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab;

    /// @dev (modulus - 1) / 2: a y above it is the greater one of the two.
    uint256 private constant HALF_HIGH = 0x0d0088f51cbff34d258dd3db21a5d66b;
    uint256 private constant HALF_LOW = 0xb23ba5c279c2895fb39869507b587b120f55ffff58a9ffffdcff7fffffffd555;

    uint256 private constant FLAG_COMPRESSED = 1 << 127;
    uint256 private constant FLAG_INFINITY = 1 << 126;
    uint256 private constant FLAG_GREATER_Y = 1 << 125;

    address private constant POINT_EVALUATION = address(0x0a);
    address private constant G1_MSM = address(0x0c);
    uint256 private constant MSM_PAIR_BYTES = 160;

    bytes32 private constant VERSION_KZG = bytes32(uint256(1) << 248);
    uint256 private constant VERSION_MASK = type(uint256).max >> 8;
    uint256 private constant ELEMENTS_LOG2 = 12;

    /// @notice A point of G1 as EIP-2537 writes it: each coordinate in two words.
    struct Point {
        uint256 xHigh;
        uint256 xLow;
        uint256 yHigh;
        uint256 yLow;
    }

    /// @notice Versioned hashes of commitments, 128 bytes each.
    function versionedHashes(bytes calldata _commitments) internal view returns (bytes32[] memory hashes) {
        hashes = new bytes32[](_commitments.length / POINT_BYTES);
        Point memory point;
        for (uint256 i = 0; i < hashes.length; ++i) {
            assembly ("memory-safe") {
                // The point's four words; the loop stays within the commitments.
                calldatacopy(point, add(_commitments.offset, mul(i, 128)), 128)
            }
            (uint256 high, uint256 low) = _compress(point, i);
            hashes[i] = _versionedHash(high, low);
        }
    }

    /// @notice Requires that the commitments with weights `z^(4096 i)` open to y at z.
    /// @param _evaluation y (32 bytes), then the KZG proof (48 bytes).
    function requireOpening(bytes calldata _commitments, bytes calldata _evaluation, uint256 _z) internal view {
        (uint256 high, uint256 low) = _compress(_combine(_commitments, _z), 0);
        // casting is safe: the upper part of a compressed point has 128 bits
        // forge-lint: disable-next-line(unsafe-typecast)
        bytes memory commitment = bytes.concat(bytes16(uint128(high)), bytes32(low));
        (bool success, bytes memory output) = POINT_EVALUATION.staticcall(
            bytes.concat(
                _versionedHash(high, low), bytes32(_z), _evaluation[:32], commitment, _evaluation[32:EVALUATION_BYTES]
            )
        );
        require(
            success && output.length == 64 && keccak256(output) == keccak256(abi.encode(1 << ELEMENTS_LOG2, R)),
            IEpochProofs.Statement__EvaluationFailed()
        );
    }

    /// @dev The precompile also checks that every point is on the curve and in the right group.
    function _combine(bytes calldata _commitments, uint256 _z) private view returns (Point memory) {
        uint256 count = _commitments.length / POINT_BYTES;
        bytes memory input = new bytes(count * MSM_PAIR_BYTES);
        uint256 step = _powerOfBlob(_z);
        uint256 weight = 1;
        for (uint256 i = 0; i < count; ++i) {
            assembly ("memory-safe") {
                // Pair i: the point's 128 bytes, then its weight. `input` has 160 bytes for each of the `count` pairs.
                let pair := add(add(input, 32), mul(i, 160))
                calldatacopy(pair, add(_commitments.offset, mul(i, 128)), 128)
                mstore(add(pair, 128), weight)
            }
            weight = mulmod(weight, step, R);
        }
        (bool success, bytes memory output) = G1_MSM.staticcall(input);
        require(success && output.length == POINT_BYTES, IEpochProofs.Statement__CombinationFailed());

        return abi.decode(output, (Point));
    }

    /// @dev z^4096.
    function _powerOfBlob(uint256 _z) private pure returns (uint256 power) {
        power = _z;
        for (uint256 i = 0; i < ELEMENTS_LOG2; ++i) {
            power = mulmod(power, power, R);
        }
    }

    /// @dev The 48 bytes of a point in 16 and 32: x, and in the three highest bits that it is compressed, whether it is the point at
    /// infinity (written as (0, 0)), and which of the two y it has.
    function _compress(Point memory _point, uint256 _index) private pure returns (uint256 high, uint256 low) {
        (uint256 yHigh, uint256 yLow) = (_point.yHigh, _point.yLow);
        (high, low) = (_point.xHigh, _point.xLow);
        require(
            _isBelow(high, low, BASE_HIGH, BASE_LOW) && _isBelow(yHigh, yLow, BASE_HIGH, BASE_LOW),
            IEpochProofs.Statement__NotAPoint(_index)
        );
        bool isInfinity = (high | low | yHigh | yLow) == 0;
        high |= FLAG_COMPRESSED;
        if (isInfinity) high |= FLAG_INFINITY;
        if (_isBelow(HALF_HIGH, HALF_LOW, yHigh, yLow)) high |= FLAG_GREATER_Y;
    }

    /// @dev 0x01, then the last 31 bytes of SHA-256 of the compressed point.
    function _versionedHash(uint256 _high, uint256 _low) private view returns (bytes32 hash) {
        bool isHashed;
        assembly ("memory-safe") {
            // Behind all memory in use: the 16 bytes, then the 32 bytes; the hash replaces them.
            let input := mload(0x40)
            mstore(input, shl(128, _high))
            mstore(add(input, 16), _low)
            // Operands are evaluated from right to left: the call, then the size of what it returned.
            isHashed := and(eq(returndatasize(), 32), staticcall(gas(), 2, input, 48, input, 32))
            hash := mload(input)
        }
        require(isHashed, IEpochProofs.Statement__EvaluationFailed());

        return VERSION_KZG | (hash & bytes32(VERSION_MASK));
    }

    function _isBelow(uint256 _high, uint256 _low, uint256 _otherHigh, uint256 _otherLow) private pure returns (bool) {
        return _high < _otherHigh || (_high == _otherHigh && _low < _otherLow);
    }
}
