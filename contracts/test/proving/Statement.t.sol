// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ProvingTest, Submission} from "@agoge-test/support/ProvingTest.sol";
import {IEpochProofs} from "@agoge/proving/IEpochProofs.sol";
import {SettledBlock, StatementContext} from "@agoge/proving/IEpochStatement.sol";
import {IRollup} from "@agoge/rollup/IRollup.sol";

/// @notice The statement contract by itself: what it reads from a list, and what it refuses.
contract StatementTest is ProvingTest {
    uint256 private constant BASE_FIELD_HIGH = 0x1a0111ea397fe69a4b1ba7b6434bacd7;
    uint256 private constant BASE_FIELD_LOW = 0x64774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab;

    function setUp() external {
        _deployNetwork(6, 4);
        _depositNote(5000);
        _depositNote(6000);
        _depositNote(7000);
        _makeBlock(0, 0);
        _makeBlock(2, 1234);
        _makeBlock(5, 99);
        _withdrawIn(2, address(0xA11CE), 777);
        _withdrawIn(2, address(type(uint160).max), (1 << 60) - 1);
        _withdrawIn(3, address(0xB0B), 1);
    }

    function test_WhenTheListIsRight() external {
        Submission memory s = _submission(1, 3, prover);
        (SettledBlock[] memory blocks, uint256[24] memory inputs) = _statementOf(s);

        uint256[24] memory expected = _publicInputs(s);
        for (uint256 i = 0; i < 24; ++i) {
            assertEq(inputs[i], expected[i], vm.toString(i));
        }
        assertEq(blocks.length, 3);
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(blocks[i].blockHash, rollup.blockRecord(i + 1).blockHash, "block hash");
            assertEq(blocks[i].blobHash, _blobHash(entries[i + 1].slot), "blob hash");
            assertEq(blocks[i].totalFees, entries[i + 1].totalFees);
            assertEq(blocks[i].inboxEnd, entries[i + 1].inboxEnd);
        }
        assertEq(blocks[1].withdrawalCount, 2);
        assertEq(blocks[1].withdrawalsOffset, 70 + 70 + 3 * 40);
    }

    /// @dev Whoever changes who is paid changes alpha, so the proof is void (RP-17).
    function test_WhenTheProverIsAnother() external {
        (, uint256[24] memory mine) = _statementOf(_submission(1, 3, prover));
        (, uint256[24] memory others) = _statementOf(_submission(1, 3, address(0xBAD)));

        assertNotEq(mine[12], others[12], "alpha");
        assertEq(mine[16], others[16], "z is shared");
    }

    /// @dev The same blocks, opened for an instance at another address: both challenges are others, so no proof fits both.
    function test_WhenTheInstanceIsAnother() external {
        (, uint256[24] memory mine) = _statementOf(_submission(1, 3, prover));
        StatementContext memory context = _context(1, prover);
        rollup = IRollup(makeAddr("another instance"));
        Submission memory s = _submission(1, 3, prover);
        vm.prank(address(rollup));
        (, uint256[24] memory others) = statement.publicInputsOf(context, s.settlement, s.commitments, s.evaluation);

        assertNotEq(mine[12], others[12], "alpha");
        assertNotEq(mine[16], others[16], "z");
    }

    function testFuzz_TheFingerprintIsThePolynomial(uint64 _fees, uint8 _count, uint256 _seed) external {
        uint256 count = _count % 13;
        entries[3].totalFees = _fees % (1 << 60);
        for (uint256 i = 0; i < count; ++i) {
            uint256 salt = uint256(keccak256(abi.encode(_seed, i)));
            _withdrawIn(3, address(uint160(salt)), uint64(salt % (1 << 60)));
            if (withdrawals[3].length == WITHDRAWALS_PER_BLOCK) break;
        }

        Submission memory s = _submission(2, 3, prover);
        (, uint256[24] memory inputs) = _statementOf(s);
        assertEq(keccak256(abi.encode(inputs)), keccak256(abi.encode(_publicInputs(s))));
    }

    function testFuzz_RevertWhen_TheListHasAnotherLength(uint256 _length) external {
        Submission memory s = _submission(1, 3, prover);
        uint256 right = s.settlement.length;
        uint256 length = bound(_length, 0, right + 300);
        vm.assume(length != right);
        bytes memory list = new bytes(length);
        for (uint256 i = 0; i < length && i < right; ++i) {
            list[i] = s.settlement[i];
        }
        s.settlement = list;

        StatementContext memory context = _context(s.from, s.prover);
        vm.expectPartialRevert(IEpochProofs.Statement__WrongLength.selector);
        vm.prank(address(rollup));
        statement.publicInputsOf(context, s.settlement, s.commitments, s.evaluation);
    }

    function test_RevertWhen_TheListIsEmpty() external {
        Submission memory s = _submission(1, 3, prover);
        s.settlement = "";

        _refuses(s, abi.encodeWithSelector(IEpochProofs.Statement__WrongLength.selector, 0, 70));
    }

    function test_RevertWhen_ACountIsAboveItsBound() external {
        entries[2].transactions = 65;
        _expectCounts(65, 3, 2);
        entries[2].transactions = 3;
        for (uint256 i = 2; i < 13; ++i) {
            _withdrawIn(2, address(1), 1);
        }
        _expectCounts(3, 3, 13);

        entries[2].inboxEnd = 17;
        _expectCounts(3, 17, 13);
    }

    function test_RevertWhen_AnAmountIsTooLarge() external {
        entries[2].totalFees = 1 << 60;
        _expectAmount(1, 1 << 60);

        entries[2].totalFees = 0;
        _withdrawIn(3, address(1), type(uint64).max);
        _expectAmount(2, type(uint64).max);
    }

    function testFuzz_RevertWhen_AnArchiveIsNotCanonical(uint8 _limb) external {
        bytes32 archive = bytes32(P << (64 * (_limb % 4)));
        Submission memory s = _submission(1, 3, prover);
        entries[2].archive = archive;
        s.settlement = bytes.concat(_entryBytes(1), _entryBytes(2), _entryBytes(3));

        _refuses(s, abi.encodeWithSelector(IEpochProofs.Statement__NotFieldElements.selector, 1, archive));
    }

    function test_RevertWhen_ThereIsNoCommitment() external {
        Submission memory s = _submission(1, 3, prover);
        s.commitments = "";

        _refuses(s, abi.encodeWithSelector(IEpochProofs.Statement__NoBlocks.selector));
    }

    function test_RevertWhen_ThereAreMoreThan32Commitments() external {
        Submission memory s = _submission(1, 3, prover);
        s.commitments = new bytes(33 * 128);

        _refuses(s, abi.encodeWithSelector(IEpochProofs.Statement__TooManyBlocks.selector, 32));
    }

    function test_RevertWhen_ACommitmentIsTruncated() external {
        Submission memory s = _submission(1, 3, prover);
        s.commitments = new bytes(383);

        _refuses(s, abi.encodeWithSelector(IEpochProofs.Statement__WrongCommitmentsLength.selector, 383));
    }

    function test_RevertWhen_TheEvaluationHasAnotherLength() external {
        Submission memory s = _submission(1, 3, prover);
        s.evaluation = bytes.concat(s.evaluation, hex"00");

        _refuses(s, abi.encodeWithSelector(IEpochProofs.Statement__WrongEvaluationLength.selector, 81, 80));
    }

    /// @dev A coordinate has one encoding: not the same number plus the modulus, not a number in the padding.
    function test_RevertWhen_ACoordinateIsNotCanonical() external {
        Submission memory s = _submission(1, 3, prover);
        for (uint256 coordinate = 0; coordinate < 2; ++coordinate) {
            bytes memory commitments = bytes.concat(s.commitments);
            _putWords(commitments, 128 + 64 * coordinate, BASE_FIELD_HIGH, BASE_FIELD_LOW);
            _expectNotAPoint(s, commitments);
            commitments = bytes.concat(s.commitments);
            commitments[128 + 64 * coordinate] = 0x01;
            _expectNotAPoint(s, commitments);
        }
    }

    function test_RevertWhen_APointIsNotOnTheCurve() external {
        Submission memory s = _submission(1, 3, prover);
        s.commitments[383] ^= 0x01;

        _refuses(s, abi.encodeWithSelector(IEpochProofs.Statement__CombinationFailed.selector));
    }

    function test_RevertWhen_TheMsmPrecompileIsAbsentOrShort() external {
        Submission memory s = _submission(1, 3, prover);
        vm.mockCall(address(0x0c), bytes(""), bytes(""));
        _refuses(s, abi.encodeWithSelector(IEpochProofs.Statement__CombinationFailed.selector));

        vm.mockCall(address(0x0c), bytes(""), new bytes(127));
        _refuses(s, abi.encodeWithSelector(IEpochProofs.Statement__CombinationFailed.selector));
    }

    function test_RevertWhen_TheEvaluationPrecompileIsAbsentOrAnswersElse() external {
        Submission memory s = _submission(1, 3, prover);
        bytes[4] memory answers = [bytes(""), new bytes(64), abi.encode(4096), abi.encode(4096, uint256(1), uint256(2))];
        for (uint256 i = 0; i < 4; ++i) {
            vm.mockCall(address(0x0a), bytes(""), answers[i]);
            _refuses(s, abi.encodeWithSelector(IEpochProofs.Statement__EvaluationFailed.selector));
        }
    }

    function testFuzz_RevertWhen_TheEvaluationIsNotTheBlobs(uint256 _byte, uint8 _change) external {
        vm.assume(_change != 0);
        Submission memory s = _submission(1, 3, prover);
        s.evaluation[_byte % 80] ^= bytes1(_change);

        _refuses(s, abi.encodeWithSelector(IEpochProofs.Statement__EvaluationFailed.selector));
    }

    /// @dev BL-03: y plus the order of the group is another encoding of y.
    function test_RevertWhen_YIsNotCanonical() external {
        Submission memory s = _submission(1, 1, prover);
        uint256 y = abi.decode(s.evaluation, (uint256));
        uint256 order = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001;
        for (uint256 i = 0; i < 32; ++i) {
            s.evaluation[i] = bytes32(y + order)[i];
        }

        _refuses(s, abi.encodeWithSelector(IEpochProofs.Statement__EvaluationFailed.selector));
    }

    function _expectCounts(uint256 _transactions, uint256 _deposits, uint256 _withdrawals) private {
        Submission memory s = _submission(1, 3, prover);
        _refuses(
            s,
            abi.encodeWithSelector(
                IEpochProofs.Statement__CountOutOfBounds.selector, 1, _transactions, _deposits, _withdrawals
            )
        );
    }

    function _expectAmount(uint256 _index, uint256 _amount) private {
        Submission memory s = _submission(1, 3, prover);
        _refuses(s, abi.encodeWithSelector(IEpochProofs.Statement__AmountOutOfBounds.selector, _index, _amount));
    }

    function _expectNotAPoint(Submission memory _s, bytes memory _commitments) private {
        bytes memory right = _s.commitments;
        _s.commitments = _commitments;
        _refuses(_s, abi.encodeWithSelector(IEpochProofs.Statement__NotAPoint.selector, 1));
        _s.commitments = right;
    }

    function _putWords(bytes memory _data, uint256 _offset, uint256 _first, uint256 _second) private pure {
        for (uint256 i = 0; i < 32; ++i) {
            _data[_offset + i] = bytes32(_first)[i];
            _data[_offset + 32 + i] = bytes32(_second)[i];
        }
    }

    function _refuses(Submission memory _s, bytes memory _error) private {
        StatementContext memory context = _context(_s.from, _s.prover);
        vm.expectRevert(_error);
        vm.prank(address(rollup));
        statement.publicInputsOf(context, _s.settlement, _s.commitments, _s.evaluation);
    }

    /// @dev As the Rollup, whose address is in the challenges.
    function _statementOf(Submission memory _s)
        private
        returns (SettledBlock[] memory blocks, uint256[24] memory inputs)
    {
        StatementContext memory context = _context(_s.from, _s.prover);
        vm.prank(address(rollup));
        return statement.publicInputsOf(context, _s.settlement, _s.commitments, _s.evaluation);
    }
}
