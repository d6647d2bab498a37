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

        bytes memory packed = CommitteeLib.pack(_members);
        bytes memory neighbour = new bytes(32);

        assertEq(packed, oracle);
        assertEq(CommitteeLib.unpack(packed), _members);
        assertEq(neighbour, new bytes(32), "memory behind the array is clean");
    }

    function testFuzz_StoreAndLoad(uint256 _count, bytes32 _salt) external {
        bytes memory packed = new bytes(20 * bound(_count, 1, 256));
        for (uint256 i = 0; i < packed.length; ++i) {
            packed[i] = bytes1(uint8(uint256(keccak256(abi.encode(_salt, i)))));
        }

        address pointer = CommitteeLib.store(packed, _salt);
        assertEq(CommitteeLib.load(pointer), packed);
        assertEq(pointer.code[0], bytes1(0), "the code stops at once");
    }
}
