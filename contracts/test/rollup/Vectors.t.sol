// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {MessageLib} from "@agoge/rollup/MessageLib.sol";
import {SamplingLib} from "@agoge/rollup/SamplingLib.sol";
import {Slot} from "@agoge/time/TimeLib.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {Test} from "forge-std/Test.sol";

/// @notice Golden vectors that Rust is compared with. A changed file is a changed format: a commit of its own.
/// @dev AGOGE_WRITE_VECTORS=true forge test --match-contract VectorsTest writes the files anew.
contract VectorsTest is Test {
    string private constant SAMPLING = "contracts/test/vectors/sampling.json";
    string private constant MESSAGES = "contracts/test/vectors/messages.json";
    uint256 private constant SAMPLES = 200;

    address private constant VERIFIER = 0x00000000000000000000000000000000000A909E;
    uint256 private constant CHAIN_ID = 31_337;

    function test_SamplingVectors() external {
        string memory json = "[";
        for (uint256 i = 0; i < SAMPLES; ++i) {
            json = string.concat(json, i == 0 ? "\n" : ",\n", _sampleCase(i));
        }
        _compare(SAMPLING, string.concat(json, "\n]\n"));
    }

    function test_MessageVectors() external {
        vm.chainId(CHAIN_ID);
        bytes32 genesisId = keccak256("genesis id");
        bytes32 blockHash = keccak256(
            abi.encode(
                uint256(77),
                address(0xFEE),
                uint256(5),
                uint256(keccak256("inbox hash")) >> 40,
                keccak256("archive"),
                keccak256("blob hash")
            )
        );
        bytes32 attestationsHash = keccak256(abi.encode(uint256(0x7ff), bytes(hex"0102030405")));
        Slot slot = Slot.wrap(77);

        string memory json = "{\n";
        json = _line(json, "domainSeparator", MessageLib.domainSeparator(VERIFIER));
        json = _line(json, "genesisId", genesisId);
        json = _line(json, "inboxHash", bytes32(uint256(keccak256("inbox hash")) >> 40));
        json = _line(json, "archive", keccak256("archive"));
        json = _line(json, "blobHash", keccak256("blob hash"));
        json = _line(json, "blockHash", blockHash);
        json = _line(json, "bodyHash", keccak256("body"));
        json = _line(json, "attestationsHash", attestationsHash);
        json = _line(json, "proposal", _digest(MessageLib.proposalHash(genesisId, slot, blockHash, keccak256("body"))));
        json = _line(json, "attestation", _digest(MessageLib.attestationHash(genesisId, slot, blockHash)));
        json = _line(
            json,
            "publication",
            _digest(MessageLib.publicationHash(genesisId, slot, blockHash, attestationsHash, 0, address(0), 0))
        );
        json = _line(
            json,
            "proofOfPossession",
            _digest(MessageLib.proofOfPossessionHash(address(0xA77E57E2), address(0xC01D), 3))
        );
        json = _line(json, "rollingHashOfFirstDeposit", bytes32(_rolling(0, keccak256("partial"), 1000)));
        json = _line(
            json,
            "genesisIdOfInstance",
            bytes32(
                uint256(
                    keccak256(
                        abi.encode(
                            "AGOGE_GENESIS",
                            CHAIN_ID,
                            VERIFIER,
                            uint256(1_800_000_000),
                            keccak256("parameters"),
                            bytes32(0),
                            bytes32(0)
                        )
                    )
                ) & 0x3fffffffffffffff3fffffffffffffff3fffffffffffffff3fffffffffffffff
            )
        );
        json = string.concat(
            json,
            '  "fixed": "chain id 31337, verifying contract 0x..0A909E, slot 77, fee recipient 0xFEE, inbox end 5, bitmap 0x7ff, signatures 0x0102030405, no extras; possession: attester 0xA77E57E2, withdrawer 0xC01D, nonce 3; first deposit: keccak(partial), 1000 gwei; instance: genesis time 1800000000, parameters hash keccak(parameters), code hash 0; other values are keccak of their names"\n}\n'
        );
        _compare(MESSAGES, json);
    }

    function testFuzz_ADrawHasNoDuplicates(bytes32 _seed, uint256 _size, uint256 _count) external pure {
        uint256 size = bound(_size, 1, 300);
        uint256 count = bound(_count, 1, size);
        uint256[] memory drawn = SamplingLib.sample(_seed, size, count);
        uint256[] memory oracle = _shuffle(_seed, size, count);

        bool[] memory seen = new bool[](size);
        for (uint256 i = 0; i < count; ++i) {
            assertEq(drawn[i], oracle[i]);
            assertFalse(seen[drawn[i]]);
            seen[drawn[i]] = true;
        }
    }

    /// @dev The rule as docs/protocol.md states it, with the whole permutation in memory.
    function _shuffle(bytes32 _seed, uint256 _size, uint256 _count) private pure returns (uint256[] memory positions) {
        positions = new uint256[](_size);
        for (uint256 i = 0; i < _size; ++i) {
            positions[i] = i;
        }
        for (uint256 i = 0; i < _count; ++i) {
            uint256 j = i + uint256(keccak256(abi.encode(_seed, i))) % (_size - i);
            (positions[i], positions[j]) = (positions[j], positions[i]);
        }
    }

    function _sampleCase(uint256 _index) private pure returns (string memory) {
        bytes32 seed = keccak256(abi.encode("sampling vector", _index));
        uint256 size = 1 + uint256(keccak256(abi.encode(seed, "size"))) % (_index % 10 == 9 ? 1024 : 130);
        uint256 count = 1 + uint256(keccak256(abi.encode(seed, "count"))) % (size < 48 ? size : 48);
        uint256[] memory drawn = SamplingLib.sample(seed, size, count);
        string memory indices = vm.toString(drawn[0]);
        for (uint256 i = 1; i < count; ++i) {
            indices = string.concat(indices, ",", vm.toString(drawn[i]));
        }
        return
            string.concat(
                '{"seed":"', vm.toString(seed), '","size":', vm.toString(size), ',"committee":[', indices, "]}"
            );
    }

    function _compare(string memory _path, string memory _json) private {
        if (vm.envOr("AGOGE_WRITE_VECTORS", false)) vm.writeFile(_path, _json);

        assertEq(keccak256(bytes(vm.readFile(_path))), keccak256(bytes(_json)), _path);
    }

    function _line(string memory _json, string memory _name, bytes32 _value) private pure returns (string memory) {
        return string.concat(_json, '  "', _name, '": "', vm.toString(_value), '",\n');
    }

    function _digest(bytes32 _structHash) private view returns (bytes32) {
        return MessageHashUtils.toTypedDataHash(MessageLib.domainSeparator(VERIFIER), _structHash);
    }

    function _rolling(uint256 _previous, bytes32 _partialCommitment, uint256 _valueGwei)
        private
        pure
        returns (uint256)
    {
        return uint256(keccak256(abi.encode(_previous, _partialCommitment, _valueGwei))) % (1 << 216);
    }
}
