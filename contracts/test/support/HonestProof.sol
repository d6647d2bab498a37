// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

/// @notice An honest proof of the epoch circuit (`cargo run -p agoge-circuits --example epoch` writes it).
library HonestProof {
    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    string private constant FILE = "contracts/test/vectors/epoch-proofs/epoch-default.bin";

    /// @notice The file: 24 public inputs of 8 bytes, big-endian, then the proof.
    function read() internal view returns (uint256[24] memory _publicInputs, bytes memory _proof) {
        bytes memory file = VM.readFileBinary(FILE);
        uint256 length = 8 * _publicInputs.length;
        for (uint256 i = 0; i < length; ++i) {
            _publicInputs[i / 8] = _publicInputs[i / 8] << 8 | uint8(file[i]);
        }
        _proof = new bytes(file.length - length);
        for (uint256 i = 0; i < _proof.length; ++i) {
            _proof[i] = file[length + i];
        }
    }
}
