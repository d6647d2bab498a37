// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Ext, P, inverse, inverseBase, toExt} from "@agoge/proving/verifier/Goldilocks.sol";
import {Test} from "forge-std/Test.sol";

/// @notice Extension arithmetic against Rust's, and against plain modular arithmetic.
contract GoldilocksTest is Test {
    string private constant VECTORS = "contracts/test/vectors/epoch-proofs/arithmetic.bin";

    /// @dev The largest coordinates that a product may take.
    uint256 private constant LOOSE = 2 ** 124 - 1;

    function test_ProductsAndInversesAreThoseOfRust() external view {
        bytes memory file = vm.readFileBinary(VECTORS);
        uint256 count = file.length / 64;
        assertEq(count, 256);
        for (uint256 i = 0; i < count; ++i) {
            Ext a = _read(file, 64 * i);
            Ext b = _read(file, 64 * i + 16);
            assertEq((a * b).unwrap(), _read(file, 64 * i + 32).unwrap(), "product");
            assertEq(inverse(a).unwrap(), _read(file, 64 * i + 48).unwrap(), "inverse");
        }
    }

    /// @dev Any coordinates below 2^124, the largest included.
    function testFuzz_ProductsOfUnreducedElements(uint256 a0, uint256 a1, uint256 b0, uint256 b1) external pure {
        a0 = bound(a0, 0, LOOSE);
        a1 = bound(a1, 0, LOOSE);
        b0 = bound(b0, 0, LOOSE);
        b1 = bound(b1, 0, LOOSE);
        _checkProduct(a0, a1, b0, b1);
        _checkProduct(LOOSE, a1, LOOSE, b1);
        _checkProduct(LOOSE, LOOSE, LOOSE, LOOSE);
    }

    function testFuzz_SumsAndDifferences(uint256 a0, uint256 a1, uint256 b0, uint256 b1) external pure {
        Ext a = toExt(bound(a0, 0, 2 ** 107), bound(a1, 0, 2 ** 107));
        Ext b = toExt(bound(b0, 0, 2 ** 107 - 1), bound(b1, 0, 2 ** 107 - 1));
        uint256 low = type(uint128).max;
        uint256 sum = (a + b).reduce().unwrap();
        uint256 difference = (a - b).reduce().unwrap();
        assertEq(sum & low, addmod(a.unwrap() & low, b.unwrap() & low, P));
        assertEq(sum >> 128, addmod(a.unwrap() >> 128, b.unwrap() >> 128, P));
        assertEq(addmod(difference & low, b.unwrap() & low, P), (a.unwrap() & low) % P);
        assertEq(addmod(difference >> 128, b.unwrap() >> 128, P), (a.unwrap() >> 128) % P);
    }

    function testFuzz_Scale(uint256 a0, uint256 a1, uint256 factor) external pure {
        a0 = bound(a0, 0, type(uint128).max);
        a1 = bound(a1, 0, type(uint128).max);
        factor = bound(factor, 0, P - 1);
        uint256 scaled = toExt(a0, a1).scale(factor).unwrap();
        assertEq(scaled & type(uint128).max, mulmod(a0, factor, P));
        assertEq(scaled >> 128, mulmod(a1, factor, P));
    }

    function testFuzz_InverseBase(uint256 a) external pure {
        a = bound(a, 1, P - 1);
        assertEq(mulmod(a, inverseBase(a), P), 1);
        assertEq(inverseBase(0), 0);
        assertEq(inverseBase(P - 1), P - 1);
    }

    function _checkProduct(uint256 a0, uint256 a1, uint256 b0, uint256 b1) private pure {
        uint256 product = (toExt(a0, a1) * toExt(b0, b1)).unwrap();
        uint256 c0 = addmod(mulmod(a0, b0, P), mulmod(7, mulmod(a1, b1, P), P), P);
        uint256 c1 = addmod(mulmod(a0, b1, P), mulmod(a1, b0, P), P);
        assertEq(product, c1 << 128 | c0);
    }

    /// @dev Two elements of 8 bytes.
    function _read(bytes memory _file, uint256 _from) private pure returns (Ext) {
        uint256 word;
        assembly {
            word := mload(add(add(_file, 32), _from))
        }
        return toExt(word >> 192, word >> 128 & type(uint64).max);
    }
}
