// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";

/// @title CommitteeLib
/// @notice A committee as one byte string, 20 bytes for each member in order, and its storage as contract code.
/// @dev One cold account read brings the whole committee, where storage words would cost one cold read for each member.
library CommitteeLib {
    /// @notice Length of a member.
    uint256 internal constant MEMBER_BYTES = 20;

    /// @dev First byte of the stored code, so that it cannot be run.
    bytes1 private constant STOP = 0x00;

    bytes1 private constant PUSH2 = 0x61;

    /// @dev After PUSH2 length: DUP1, PUSH1 10, PUSH0, CODECOPY, PUSH0, RETURN. Returns what follows these 10 bytes.
    bytes7 private constant RETURN_REST = 0x80600a5f395ff3;

    /// @notice Room for so many members.
    function allocate(uint256 _count) internal pure returns (bytes memory packed) {
        uint256 length = _count * MEMBER_BYTES;
        // A member is written as a whole word; the last one needs 12 bytes more than it fills.
        packed = new bytes(length + 12);
        assembly ("memory-safe") {
            // Only shortens the array.
            mstore(packed, length)
        }
    }

    /// @notice Writes the member of a committee index, which must be below the committee's size.
    /// @dev Members are written in ascending order: writing one clears the first 12 bytes of the next.
    function setMember(bytes memory _packed, uint256 _index, address _member) internal pure {
        assembly ("memory-safe") {
            // The member's 20 bytes come first in the word; `allocate` left room for the 12 zero bytes after the last one.
            mstore(add(add(_packed, 32), mul(_index, 20)), shl(96, _member))
        }
    }

    /// @notice The members of a packed committee.
    function unpack(bytes memory _packed) internal pure returns (address[] memory members) {
        members = new address[](_packed.length / MEMBER_BYTES);
        for (uint256 i = 0; i < members.length; ++i) {
            members[i] = memberAt(_packed, i);
        }
    }

    /// @notice The member of a committee index, which must be below the committee's size.
    function memberAt(bytes memory _packed, uint256 _index) internal pure returns (address member) {
        assembly ("memory-safe") {
            // The 20 bytes of the member are the upper ones of the word that starts at them.
            member := shr(96, mload(add(add(_packed, 32), mul(_index, 20))))
        }
    }

    /// @notice Stores a packed committee as code.
    /// @param _salt Must not be used twice with the same committee.
    function store(bytes memory _packed, bytes32 _salt) internal returns (address pointer) {
        // casting is safe: a committee has at most 256 members
        // forge-lint: disable-next-line(unsafe-typecast)
        uint16 codeLength = uint16(_packed.length + 1);
        return Create2.deploy(0, _salt, abi.encodePacked(PUSH2, codeLength, RETURN_REST, STOP, _packed));
    }

    /// @notice Reads a packed committee from code.
    function load(address _pointer) internal view returns (bytes memory packed) {
        packed = new bytes(_pointer.code.length - 1);
        assembly ("memory-safe") {
            // The first code byte is the STOP.
            extcodecopy(_pointer, add(packed, 32), 1, mload(packed))
        }
    }
}
