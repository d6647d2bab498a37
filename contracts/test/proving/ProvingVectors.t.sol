// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ConstantBlobs} from "@agoge-test/support/ConstantBlobs.sol";
import {Deployed} from "@agoge-test/support/Deployed.sol";
import {IEpochProofVerifier} from "@agoge/proving/IEpochProofVerifier.sol";
import {IEpochStatement, SettledBlock, StatementContext} from "@agoge/proving/IEpochStatement.sol";
import {Quote} from "@agoge/proving/IProverBonds.sol";
import {MessageLib} from "@agoge/rollup/MessageLib.sol";
import {Epoch, NetworkClock, Slot, Timestamp} from "@agoge/time/TimeLib.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {Test} from "forge-std/Test.sol";

/// @notice Golden vectors of settlement and quotes, with which crates/protocol is compared.
/// @dev AGOGE_WRITE_VECTORS=true forge test --match-contract ProvingVectorsTest writes the file anew.
contract ProvingVectorsTest is Test {
    string private constant PROVING = "contracts/test/vectors/proving.json";

    address private constant CONTRACT = 0x00000000000000000000000000000000000A909E;
    address private constant PROVER = 0xA1b2c3D4E5f60718293A4B5C6D7E8f9001122334;
    uint256 private constant CHAIN_ID = 31_337;
    uint256 private constant GENESIS = 1_800_000_000;
    uint256 private constant SLOT_SECONDS = 36;
    uint256 private constant BLOCKS = 3;
    uint256 private constant INBOX_START = 5;

    bytes private _settlement;
    bytes private _commitments;
    bytes private _blobHashes;
    uint256[] private _salts;

    function test_ProvingVectors() external {
        vm.chainId(CHAIN_ID);
        _fill();
        StatementContext memory context = _context();
        bytes memory evaluation = ConstantBlobs.evaluation(_salts, _challenge(context.startArchive));
        IEpochStatement statement = Deployed.statement();
        vm.prank(CONTRACT);
        (SettledBlock[] memory blocks, uint256[24] memory inputs) =
            statement.publicInputsOf(context, _settlement, _commitments, evaluation);

        string memory json = "{\n";
        json = _line(json, "genesisId", context.genesisId);
        json = _line(json, "startArchive", context.startArchive);
        json = _line(json, "endArchive", _digest("archive", BLOCKS - 1));
        json = _bytesLine(json, "settlement", _settlement);
        json = _bytesLine(json, "blobHashes", _blobHashes);
        json = _bytesLine(json, "evaluation", evaluation);
        json = _line(json, "inboxHash", bytes32(context.inboxHash));
        json = _line(json, "lastBlockHash", blocks[BLOCKS - 1].blockHash);
        json = string.concat(json, '  "publicInputs": ["', vm.toString(inputs[0]));
        for (uint256 i = 1; i < 24; ++i) {
            json = string.concat(json, '", "', vm.toString(inputs[i]));
        }
        json = string.concat(json, '"],\n');
        bytes32 quoteDigest = _typed(MessageLib.quoteHash(_quote()));
        json = _line(json, "quote", quoteDigest);
        json = _line(json, "claim", _typed(MessageLib.claimHash(CONTRACT, Slot.wrap(77), quoteDigest)));
        json = string.concat(
            json,
            '  "fixed": "chain id 31337, rollup and ProverBonds 0x..0A909E, prover 0xA1b2c3D4E5f60718293A4B5C6D7E8f9001122334, genesis time 1800000000, slots of 36 s, inbox start 5; quote: instance 0x..0A909E, epoch 2, endArchive as above, valid until slot 100, bond 1 ether, fee 250, nonce 9; claim: slot 77"\n}\n'
        );
        if (vm.envOr("AGOGE_WRITE_VECTORS", false)) vm.writeFile(PROVING, json);
        assertEq(keccak256(bytes(vm.readFile(PROVING))), keccak256(bytes(json)), PROVING);
    }

    function _fill() private {
        for (uint256 i = 0; i < BLOCKS; ++i) {
            _salts.push(i);
            _commitments = bytes.concat(_commitments, ConstantBlobs.commitment(i));
            _blobHashes = bytes.concat(_blobHashes, ConstantBlobs.versionedHash(i));
            bytes memory head = abi.encodePacked(
                uint32(70 + 3 * i),
                address(uint160(uint256(keccak256(abi.encode("fee recipient", i))))),
                uint64(1000 * i),
                uint16(2 * i),
                uint16(i),
                uint16(2 - i),
                _digest("archive", i)
            );
            _settlement = bytes.concat(_settlement, head);
            for (uint256 j = 0; j < i; ++j) {
                _settlement = abi.encodePacked(_settlement, _digest("partial", 10 * i + j), uint64((1 << 60) - 1 - j));
            }
            for (uint256 j = 0; j < 2 - i; ++j) {
                _settlement = abi.encodePacked(
                    _settlement, address(uint160(uint256(keccak256(abi.encode("recipient", i, j))))), uint64(1 + j)
                );
            }
        }
    }

    function _context() private pure returns (StatementContext memory context) {
        context.genesisId = _digest("genesis id", 0);
        context.startArchive = _digest("start archive", 0);
        context.inboxStart = INBOX_START;
        context.inboxHash = uint256(keccak256("inbox hash")) >> 40;
        context.clock = NetworkClock(Timestamp.wrap(GENESIS), SLOT_SECONDS, 32, 2);
        (context.transactionsMax, context.depositsMax, context.withdrawalsMax) = (64, 16, 12);
        context.prover = PROVER;
        context.verifier = IEpochProofVerifier(address(0));
    }

    function _challenge(bytes32 _startArchive) private view returns (uint256) {
        bytes32 hash = keccak256(
            abi.encode(
                "AGOGE_BLOB", CHAIN_ID, CONTRACT, _startArchive, _digest("archive", BLOCKS - 1), keccak256(_blobHashes)
            )
        );
        return uint256(hash) % (1 << 168);
    }

    function _quote() private pure returns (Quote memory) {
        return Quote({
            instance: CONTRACT,
            epoch: Epoch.wrap(2),
            endArchive: _digest("archive", BLOCKS - 1),
            validUntilSlot: Slot.wrap(100),
            bondAmount: 1 ether,
            prover: PROVER,
            basisPointFee: 250,
            nonce: 9
        });
    }

    function _digest(string memory _name, uint256 _index) private pure returns (bytes32) {
        uint256 mask = 0x7fffffffffffffff7fffffffffffffff7fffffffffffffff7fffffffffffffff;
        return bytes32(uint256(keccak256(abi.encode(_name, _index))) & mask);
    }

    function _typed(bytes32 _structHash) private view returns (bytes32) {
        return MessageHashUtils.toTypedDataHash(MessageLib.domainSeparator(CONTRACT), _structHash);
    }

    function _line(string memory _json, string memory _name, bytes32 _value) private pure returns (string memory) {
        return string.concat(_json, '  "', _name, '": "', vm.toString(_value), '",\n');
    }

    function _bytesLine(string memory _json, string memory _name, bytes memory _value)
        private
        pure
        returns (string memory)
    {
        return string.concat(_json, '  "', _name, '": "', vm.toString(_value), '",\n');
    }
}
