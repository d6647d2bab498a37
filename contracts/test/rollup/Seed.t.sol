// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {L1Headers} from "@agoge-test/support/L1Headers.sol";
import {NetworkTest} from "@agoge-test/support/NetworkTest.sol";
import {CommitteeProof, IRollup} from "@agoge/rollup/IRollup.sol";
import {L1Header, L1HeaderLib} from "@agoge/rollup/L1HeaderLib.sol";
import {Epoch, Timestamp} from "@agoge/time/TimeLib.sol";
import {BlockHeader} from "@openzeppelin/contracts/utils/BlockHeader.sol";

contract SeedTest is NetworkTest {
    uint256 private constant EPOCH = 5;
    Epoch private constant EPOCH_5 = Epoch.wrap(EPOCH);

    uint256 private _entropyTime;
    uint256 private _entropyBlock;

    function setUp() external {
        _deployNetwork(16, 16);
        _warpToSlot(EPOCH * EPOCH_SLOTS);
        _entropyTime = GENESIS + (EPOCH - ENTROPY_LAG) * EPOCH_SLOTS * SLOT_SECONDS;
        _entropyBlock = _l1BlockAt(_entropyTime);
    }

    function test_RevertWhen_TheBytesAreNoHeader() external {
        CommitteeProof memory proof = _seedHeaders(EPOCH);
        bytes memory longString = proof.header;
        longString[448] = 0xa1;
        bytes memory otherList = _seedHeaders(EPOCH).header;
        otherList[0] = 0xf8;
        bytes memory truncated = this.firstBytes(proof.header, 500);
        bytes[4] memory cases = [bytes(""), longString, otherList, truncated];

        for (uint256 i = 0; i < cases.length; ++i) {
            proof.header = cases[i];
            vm.expectRevert(IRollup.Rollup__NotAnL1Header.selector);
            rollup.seedOf(EPOCH_5, proof);
        }
    }

    function test_RevertWhen_L1DoesNotKnowTheHeader() external {
        CommitteeProof memory proof = _seedHeaders(EPOCH);
        _recordL1Block(_entropyBlock, keccak256("another block"));

        vm.expectRevert(
            abi.encodeWithSelector(IRollup.Rollup__UnknownL1Block.selector, _entropyBlock, keccak256(proof.header))
        );
        rollup.seedOf(EPOCH_5, proof);
    }

    function test_RevertWhen_TheBlockIsBeforeTheEntropyTime() external {
        CommitteeProof memory proof = _proofAt(_entropyTime - 12, _entropyTime - 1);

        vm.expectRevert(
            abi.encodeWithSelector(
                IRollup.Rollup__EntropyBlockTooEarly.selector,
                Timestamp.wrap(_entropyTime - 1),
                Timestamp.wrap(_entropyTime)
            )
        );
        rollup.seedOf(EPOCH_5, proof);
    }

    function test_RevertWhen_TheSecondHeaderIsNotTheParents() external {
        CommitteeProof memory proof = _seedHeaders(EPOCH);
        bytes32 expected = keccak256(proof.parentHeader);
        proof.parentHeader = proof.header;

        vm.expectRevert(
            abi.encodeWithSelector(IRollup.Rollup__ParentHeaderMismatch.selector, keccak256(proof.header), expected)
        );
        rollup.seedOf(EPOCH_5, proof);
    }

    function test_RevertWhen_TheParentIsNotBeforeTheEntropyTime() external {
        CommitteeProof memory proof = _proofAt(_entropyTime, _entropyTime + 12);

        vm.expectRevert(
            abi.encodeWithSelector(
                IRollup.Rollup__NotFirstEntropyBlock.selector,
                Timestamp.wrap(_entropyTime),
                Timestamp.wrap(_entropyTime)
            )
        );
        rollup.seedOf(EPOCH_5, proof);
    }

    function test_WhenLaterForksAppendedFields() external {
        CommitteeProof memory proof;
        proof.parentHeader = L1Headers.encode(_entropyBlock - 1, _entropyTime - 12, "p", "g", 7);
        proof.header = L1Headers.encode(_entropyBlock, _entropyTime, "randao", keccak256(proof.parentHeader), 7);
        _recordL1Block(_entropyBlock, keccak256(proof.header));

        bytes32 hash = keccak256(abi.encode(rollup.genesisId(), EPOCH, bytes32("randao")));
        assertEq(rollup.seedOf(EPOCH_5, proof), bytes32(bytes12(hash)));
    }

    function test_WhenTheBlockIsOlderThanTheBlockhashOpcodeReaches() external {
        CommitteeProof memory proof = _seedHeaders(EPOCH);
        vm.roll(_entropyBlock + 8191);

        assertNotEq(rollup.seedOf(EPOCH_5, proof), 0);
    }

    function test_WhenTheEpochIsAGenesisEpoch() external view {
        CommitteeProof memory none;
        bytes32 expected = bytes32(bytes12(keccak256(abi.encode("genesis", block.chainid, address(rollup)))));

        for (uint256 epoch = 0; epoch <= SET_LAG; ++epoch) {
            assertEq(rollup.seedOf(Epoch.wrap(epoch), none), expected);
        }
    }

    /// @dev OpenZeppelin's general decoder is the oracle of the reader.
    function testFuzz_TheReaderAgreesWithAGeneralDecoder(uint64 _number, uint64 _time, bytes32 _randao, bytes32 _parent)
        external
        view
    {
        bytes memory rlp = L1Headers.encode(_number, _time, _randao, _parent, _number % 3);
        L1Header memory header = this.read(rlp);

        assertEq(header.parentHash, BlockHeader.getParentHash(rlp));
        assertEq(header.number, BlockHeader.getNumber(rlp));
        assertEq(Timestamp.unwrap(header.time), BlockHeader.getTimestamp(rlp));
        assertEq(header.prevrandao, BlockHeader.getPrevRandao(rlp));
    }

    function firstBytes(bytes calldata _bytes, uint256 _count) external pure returns (bytes memory) {
        return _bytes[:_count];
    }

    function read(bytes calldata _rlp) external pure returns (L1Header memory) {
        return L1HeaderLib.read(_rlp);
    }

    function _proofAt(uint256 _parentTime, uint256 _time) private returns (CommitteeProof memory proof) {
        proof.parentHeader = L1Headers.encode(_entropyBlock - 1, _parentTime, "p", "g", 0);
        proof.header = L1Headers.encode(_entropyBlock, _time, "randao", keccak256(proof.parentHeader), 0);
        _recordL1Block(_entropyBlock, keccak256(proof.header));
    }
}
