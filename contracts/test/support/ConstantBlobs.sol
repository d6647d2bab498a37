// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice Blobs that a test can commit to and open without the trusted set-up: constant polynomials. The commitment to a constant
/// c is c times the generator, its value at every point is c, and the proof is the point at infinity.
library ConstantBlobs {
    uint256 internal constant R = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001;

    bytes private constant GENERATOR =
        hex"0000000000000000000000000000000017f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb0000000000000000000000000000000008b3f481e3aaa0f1a09e30ed741d8ae4fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1";

    /// @notice The constant of a salt.
    function constantOf(uint256 _salt) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("blob", _salt))) % R;
    }

    /// @notice The commitment, uncompressed.
    function commitment(uint256 _salt) internal view returns (bytes memory) {
        (bool success, bytes memory point) =
            address(0x0c).staticcall(bytes.concat(GENERATOR, bytes32(constantOf(_salt))));
        require(success && point.length == 128, "EIP-2537");
        return point;
    }

    /// @notice The versioned hash of the commitment; written down independently of BlobLib.
    function versionedHash(uint256 _salt) internal view returns (bytes32) {
        bytes memory point = commitment(_salt);
        bytes memory compressed = new bytes(48);
        for (uint256 i = 0; i < 48; ++i) {
            compressed[i] = point[16 + i];
        }
        compressed[0] |= _isGreaterY(point) ? bytes1(0xa0) : bytes1(0x80);
        return bytes32(uint256(1) << 248 | uint256(sha256(compressed)) << 8 >> 8);
    }

    /// @notice y and the proof of the blobs' weighted sum at z.
    function evaluation(uint256[] memory _salts, uint256 _z) internal pure returns (bytes memory) {
        uint256 y = 0;
        uint256 weight = 1;
        for (uint256 i = 0; i < _salts.length; ++i) {
            y = addmod(y, mulmod(weight, constantOf(_salts[i]), R), R);
            for (uint256 j = 0; j < 4096; ++j) {
                weight = mulmod(weight, _z, R);
            }
        }
        return bytes.concat(bytes32(y), hex"c0", new bytes(47));
    }

    /// @dev Whether 2 y is above the base field's modulus.
    function _isGreaterY(bytes memory _point) private pure returns (bool) {
        bytes memory modulus =
            hex"001a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab";
        bytes memory doubled = new bytes(49);
        uint256 carry = 0;
        for (uint256 i = 48; i > 0; --i) {
            uint256 sum = 2 * uint256(uint8(_point[79 + i])) + carry;
            doubled[i] = bytes1(uint8(sum));
            carry = sum >> 8;
        }
        doubled[0] = bytes1(uint8(carry));
        for (uint256 i = 0; i < 49; ++i) {
            if (doubled[i] != modulus[i]) return doubled[i] > modulus[i];
        }
        return false;
    }
}
