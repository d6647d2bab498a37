// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CommitteeLib} from "@agoge/rollup/CommitteeLib.sol";
import {Test} from "forge-std/Test.sol";

contract CommitteeTest is Test {
    /// @dev The readable packing is the oracle of the assembly.
    function testFuzz_PackAgreesWithPlainSolidity(address[] memory _members) external pure {
        bytes memory oracle;
        for (uint256 i = 0; i < _members.length; ++i) {
            oracle = abi.encodePacked(oracle, _members[i]);
        }

        bytes memory packed = _pack(_members);
        bytes memory neighbour = new bytes(32);

        assertEq(packed, oracle);
        assertEq(CommitteeLib.unpack(packed), _members);
        assertEq(neighbour, new bytes(32), "memory behind the array is clean");
    }

    function testFuzz_StoreAndLoad(address[] memory _members, bytes32 _salt) external {
        bytes memory packed = _pack(_members);

        address pointer = CommitteeLib.store(packed, _salt);
        assertEq(CommitteeLib.load(pointer), packed);
        assertEq(pointer.code[0], bytes1(0), "the code stops at once");
    }

    function test_StoreTheLargestCommittee() external {
        bytes memory packed = _pack(new address[](256));

        assertEq(CommitteeLib.load(CommitteeLib.store(packed, 0)), packed);
    }

    function _pack(address[] memory _members) private pure returns (bytes memory packed) {
        packed = CommitteeLib.allocate(_members.length);
        for (uint256 i = 0; i < _members.length; ++i) {
            CommitteeLib.setMember(packed, i, _members[i]);
        }
    }
}
