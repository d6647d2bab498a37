// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {EpochProofs} from "./EpochProofs.sol";

/// @notice Proofs with something changed, made and refused by Rust; the verifier refuses each of them too.
/// @dev A mutation is: the number of an honest proof (1 byte), the length of the changed proof (3), the number of writes (1), and for
/// each write its place (3), its length (2) and its bytes. A place counts from the first of 24 public inputs of 8 bytes, after
/// which the proof follows.
contract EpochProofMutationsTest is EpochProofs {
    /// @dev Bytes before a mutation's writes, and before the bytes of a write.
    uint256 private constant HEAD = 5;

    /// @dev The short lane has a thousand, the long one ten.
    function test_MutatedProofsAreRefused() external {
        bool isLong = keccak256(bytes(vm.envOr("FOUNDRY_PROFILE", string("")))) == keccak256("long");
        _refusesAll(isLong ? "mutations-long.bin" : "mutations.bin", isLong ? 10_000 : 1_000);
    }

    /// @dev The verifier refuses `_count` mutations of a file, which has no more.
    function _refusesAll(string memory _name, uint256 _count) private {
        // All together they would take more gas than a test has.
        vm.pauseGasMetering();
        bytes memory file = vm.readFileBinary(string.concat(FOLDER, _name));
        uint256 from = 0;
        for (uint256 i = 0; i < _count; ++i) {
            uint256 until = from + HEAD;
            for (uint256 writes = _number(file, from + 4, 1); writes > 0; --writes) {
                until += HEAD + _number(file, until + 3, 2);
            }
            bytes memory mutation = _slice(file, from, until);
            // A call of its own, so that its memory is free after it.
            assertFalse(this.isAccepted(mutation), vm.toString(mutation));
            from = until;
        }
        assertEq(from, file.length, "bytes left over");
    }

    /// @notice Whether the verifier takes the proof with this change for one.
    function isAccepted(bytes memory _mutation) external view returns (bool) {
        bytes memory changed = _honest(_number(_mutation, 0, 1));
        uint256 length = 8 * PUBLIC_INPUTS + _number(_mutation, 1, 3);
        changed = length <= changed.length
            ? _slice(changed, 0, length)
            : bytes.concat(changed, new bytes(length - changed.length));
        for (uint256 from = HEAD; from < _mutation.length;) {
            uint256 place = _number(_mutation, from, 3);
            uint256 size = _number(_mutation, from + 3, 2);
            from += HEAD;
            for (uint256 end = from + size; from < end; ++from) {
                changed[place++] = _mutation[from];
            }
        }
        uint256[24] memory publicInputs;
        for (uint256 i = 0; i < PUBLIC_INPUTS; ++i) {
            publicInputs[i] = _number(changed, 8 * i, 8);
        }
        return verifier.verify(publicInputs, _slice(changed, 8 * PUBLIC_INPUTS, changed.length));
    }

    /// @dev Public inputs and proof of an honest proof in one.
    function _honest(uint256 _index) private view returns (bytes memory) {
        bytes memory file = vm.readFileBinary(string.concat(FOLDER, vm.toString(_index), ".bin"));
        return bytes.concat(
            _slice(file, 0, 8 * PUBLIC_INPUTS), _slice(file, 8 * (PUBLIC_INPUTS + verifier.CHALLENGES()), file.length)
        );
    }
}
