// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {EpochProofs} from "./EpochProofs.sol";
import {PoseidonLib} from "@agoge/proving/verifier/PoseidonLib.sol";
import {PoseidonTable} from "@agoge/proving/verifier/PoseidonTable.sol";

/// @notice The verifier's code takes no numbers of Poseidon but its own: the contract that holds them is written by init code, which
/// no hash of the verifier's code covers.
contract TableTest is EpochProofs {
    address private _holder;

    function setUp() public override {
        super.setUp();
        _holder = vm.computeCreateAddress(address(verifier), 1);
    }

    function test_TheHolderIsTheTable() external view {
        assertEq(_holder.code, bytes.concat(hex"00", PoseidonTable.NUMBERS));
        assertEq(_holder.codehash, PoseidonTable.TABLE_HASH);
    }

    function testFuzz_ATableWithOneByteChangedIsRefused(uint256 _place, uint8 _difference) external {
        bytes memory code = _holder.code;
        _place = bound(_place, 0, code.length - 1);
        code[_place] = bytes1(uint8(code[_place]) ^ uint8(bound(_difference, 1, type(uint8).max)));
        _refuses(code);
    }

    function test_ATableOfAnotherLengthIsRefused() external {
        bytes memory code = _holder.code;
        _refuses("");
        _refuses(_slice(code, 0, code.length - 1));
        _refuses(bytes.concat(code, hex"00"));
        vm.etch(_holder, code);
        (uint256[24] memory publicInputs,, bytes memory proof) = _vector(0);
        assertTrue(verifier.verify(publicInputs, proof));
    }

    function _refuses(bytes memory _code) private {
        (uint256[24] memory publicInputs,, bytes memory proof) = _vector(0);
        vm.etch(_holder, _code);
        vm.expectRevert(PoseidonLib.PoseidonLib__NoTable.selector);
        verifier.verify(publicInputs, proof);
    }
}
