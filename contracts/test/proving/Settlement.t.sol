// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ProvingTest, Submission} from "@agoge-test/support/ProvingTest.sol";
import {IPullPayments} from "@agoge/payments/IPullPayments.sol";
import {IEpochProofs} from "@agoge/proving/IEpochProofs.sol";
import {IRollup, Tips} from "@agoge/rollup/IRollup.sol";
import {Epoch} from "@agoge/time/TimeLib.sol";

contract SettlementTest is ProvingTest {
    uint64 private constant FEES = 10_001;

    address private _recipient = makeAddr("recipient");

    /// @dev Three blocks in epoch 0, two in epoch 1; L1 is in epoch 2.
    function setUp() external {
        _deployNetwork(6, 4);
        _depositNote(1_000_000);
        _depositNote(2_000_000);
        _makeBlock(0, FEES);
        _makeBlock(3, FEES);
        _makeBlock(EPOCH_SLOTS - 1, FEES);
        _makeBlock(EPOCH_SLOTS, FEES);
        _makeBlock(EPOCH_SLOTS + 5, FEES);
        _warpToSlot(2 * EPOCH_SLOTS);
    }

    function test_RevertWhen_TheProverIsZero() external {
        Submission memory s = _submission(1, 3, address(0));

        vm.expectRevert(IEpochProofs.Rollup__ZeroProver.selector);
        _submit(s);
    }

    function test_RevertWhen_TheRangeIsInvalid() external {
        uint256[2][5] memory ranges =
            [[uint256(0), 3], [uint256(2), 3], [uint256(1), 0], [uint256(1), 6], [uint256(7), 8]];
        for (uint256 i = 0; i < 5; ++i) {
            Submission memory s = _submission(1, 1, prover);
            (s.from, s.to) = (ranges[i][0], ranges[i][1]);

            vm.expectRevert(abi.encodeWithSelector(IEpochProofs.Rollup__InvalidRange.selector, s.from, s.to, 0, 5));
            _submit(s);
        }
    }

    function test_RevertWhen_TheBlocksAreOfTwoEpochs() external {
        Submission memory s = _submission(1, 4, prover);

        vm.expectRevert(abi.encodeWithSelector(IEpochProofs.Rollup__TwoEpochs.selector, Epoch.wrap(0), Epoch.wrap(1)));
        _submit(s);
    }

    function test_RevertGiven_TheEpochIsNotOver() external {
        _prove(1, 3, prover);
        Submission memory s = _submission(4, 5, prover);
        _warpToSlot(2 * EPOCH_SLOTS - 1);

        vm.expectRevert(abi.encodeWithSelector(IEpochProofs.Rollup__EpochNotOver.selector, Epoch.wrap(1)));
        _submit(s);
        _warpToSlot(2 * EPOCH_SLOTS);
        _submit(s);
    }

    function test_RevertGiven_EverythingIsProven() external {
        _prove(1, 3, prover);
        Submission memory s = _submission(1, 3, prover);

        vm.expectRevert(abi.encodeWithSelector(IEpochProofs.Rollup__AlreadyProven.selector, 3));
        _submit(s);
    }

    function test_RevertWhen_TheListHasFewerOrMoreBlocks() external {
        Submission memory s = _submission(1, 2, prover);
        s.to = 3;
        vm.expectRevert(abi.encodeWithSelector(IEpochProofs.Rollup__WrongBlockCount.selector, 2, 3));
        _submit(s);

        s = _submission(1, 3, prover);
        s.to = 2;
        vm.expectRevert(abi.encodeWithSelector(IEpochProofs.Rollup__WrongBlockCount.selector, 3, 2));
        _submit(s);
    }

    /// @dev Every field that the block hash binds.
    function testFuzz_RevertWhen_ABlockIsNotTheRings(uint256 _field) external {
        uint256 field = _field % 5;
        if (field == 0) entries[2].slot += 1;
        if (field == 1) entries[2].feeRecipient = address(0xBAD);
        if (field == 2) depositValues[1] += 1;
        if (field == 3) entries[2].inboxEnd -= 1;
        if (field == 4) entries[2].archive ^= bytes32(uint256(1));
        Submission memory s = _submission(1, 2, prover);

        vm.expectPartialRevert(IEpochProofs.Rollup__BlockMismatch.selector);
        _submit(s);
    }

    /// @dev BL-03: a valid opening of another blob.
    function test_RevertWhen_TheBlobIsAnother() external {
        Submission memory s = _submission(1, 3, prover);
        Submission memory others = _submission(4, 4, prover);
        for (uint256 i = 0; i < 128; ++i) {
            s.commitments[i] = others.commitments[i];
        }

        vm.expectRevert(IEpochProofs.Statement__EvaluationFailed.selector);
        _submit(s);
    }

    function test_RevertWhen_TheVerifierRefuses() external {
        Submission memory s = _submission(1, 3, prover);
        verifier.refuse(true);

        vm.expectRevert(IEpochProofs.Rollup__InvalidProof.selector);
        _submit(s);
    }

    /// @dev The same blocks at the same address with the same genesis id, on another chain: even then nothing of it fits.
    function test_RevertWhen_TheProofIsOfAnotherChain() external {
        Submission memory s = _submission(1, 3, prover);
        verifier.want(_publicInputs(s), s.proof);
        uint256 chainId = block.chainid;
        vm.chainId(chainId + 1);

        vm.expectRevert(IEpochProofs.Statement__EvaluationFailed.selector);
        _submit(s);
        Submission memory opened = _submission(1, 3, prover);
        vm.expectRevert(IEpochProofs.Rollup__InvalidProof.selector);
        _submit(opened);

        vm.chainId(chainId);
        _submit(s);
    }

    /// @dev RP-17: fees, withdrawals and counts are bound by the proof alone.
    function test_RevertWhen_TheSettlementIsNotTheProvenOne() external {
        _withdrawIn(2, _recipient, 5);
        Submission memory proven = _submission(1, 3, prover);
        verifier.want(_publicInputs(proven), "proof");
        bytes memory right = proven.settlement;

        entries[1].totalFees += 1;
        _expectInvalid(proven, 1, 3, prover);
        entries[1].totalFees -= 1;
        entries[1].transactions += 1;
        _expectInvalid(proven, 1, 3, prover);
        entries[1].transactions -= 1;
        withdrawals[2][0].recipient = address(0xBAD);
        _expectInvalid(proven, 1, 3, prover);
        withdrawals[2][0].recipient = _recipient;
        _expectInvalid(proven, 1, 3, address(0xBAD));

        proven.settlement = right;
        _submit(proven);
    }

    function test_WhenEverythingIsRight() external {
        _withdrawIn(2, _recipient, 700);
        _withdrawIn(2, feeRecipient, 11);
        Submission memory s = _submission(1, 3, prover);
        verifier.want(_publicInputs(s), s.proof);

        vm.expectEmit(address(rollup));
        emit IEpochProofs.EpochProven(Epoch.wrap(0), prover, 1, 3, 1, entries[3].archive);
        vm.prank(makeAddr("anybody"));
        _submit(s);

        Tips memory tips = rollup.tips();
        assertEq(tips.provenNumber, 3);
        assertEq(tips.provenSlot, EPOCH_SLOTS - 1);
        assertEq(tips.firstUnprovenSlot, EPOCH_SLOTS);
        assertEq(tips.provenInboxEnd, 2);
        assertEq(tips.pendingNumber, 5);
        assertEq(rollup.blockRecord(3).provenInSlot, 2 * EPOCH_SLOTS);
        // 30 % of 10,001 is 3,000.3: the prover's share is rounded down, for each block.
        assertEq(rollup.owed(prover), 3 * 3000 gwei);
        assertEq(rollup.owed(feeRecipient), (3 * 7001 + 11) * 1 gwei);
        assertEq(rollup.owed(_recipient), 700 gwei);
    }

    function test_WhenTheWithdrawerPulls() external {
        _withdrawIn(2, _recipient, 700);
        _prove(1, 3, prover);

        vm.expectEmit(address(rollup));
        emit IPullPayments.Withdrawn(_recipient, address(0xCAFE), 700 gwei);
        vm.prank(_recipient);
        rollup.withdraw(address(0xCAFE));

        assertEq(address(0xCAFE).balance, 700 gwei);
        assertEq(rollup.owed(_recipient), 0);
    }

    /// @dev A prefix that lands first takes nothing from longer work but its own blocks' share.
    function test_WhenAPrefixLandedFirst() external {
        Submission memory whole = _submission(1, 3, prover);
        _prove(1, 1, makeAddr("griefer"));

        vm.expectEmit(address(rollup));
        emit IEpochProofs.EpochProven(Epoch.wrap(0), prover, 1, 3, 2, entries[3].archive);
        _submit(whole);

        assertEq(rollup.owed(makeAddr("griefer")), 3000 gwei);
        assertEq(rollup.owed(prover), 6000 gwei);
        assertEq(rollup.owed(feeRecipient), 3 * 7001 gwei);
        assertEq(rollup.tips().provenNumber, 3);
    }

    function test_WhenTheProofBeginsInTheMiddle() external {
        _prove(1, 2, prover);
        _prove(2, 3, prover);
        _prove(5 - 1, 5, prover);

        Tips memory tips = rollup.tips();
        assertEq(tips.provenNumber, 5);
        assertEq(tips.firstUnprovenSlot, EPOCH_SLOTS + 5, "slot of the committee's last block");
        assertEq(rollup.owed(prover), 5 * 3000 gwei);
    }

    /// @dev RP-20: the window of epoch 0 ends with epoch 2.
    function test_WhenTheWindowEnds() external {
        Submission memory s = _submission(1, 3, prover);
        uint256 end = GENESIS + (PROOF_WINDOW + 1) * EPOCH_SLOTS * SLOT_SECONDS;
        uint256 snapshot = vm.snapshotState();

        _warp(end - 1);
        _submit(s);
        assertEq(rollup.tips().provenNumber, 3);

        assertTrue(vm.revertToState(snapshot));
        _warp(end);
        vm.expectRevert(abi.encodeWithSelector(IEpochProofs.Rollup__InvalidRange.selector, 1, 3, 0, 0));
        _submit(s);
    }

    /// @dev RP-13, RP-14: a prune before or after the proof; the proof of pruned blocks is void.
    function test_GivenAPrune() external {
        Submission memory first = _submission(1, 3, prover);
        Submission memory second = _submission(4, 5, prover);
        _submit(first);
        _warpToSlot((PROOF_WINDOW + 2) * EPOCH_SLOTS);
        vm.expectRevert(abi.encodeWithSelector(IEpochProofs.Rollup__InvalidRange.selector, 4, 5, 3, 3));
        _submit(second);
        rollup.prune();
        assertEq(rollup.tips().pendingNumber, 3);
        assertEq(rollup.tips().pendingInboxEnd, 2);

        uint256 epoch = PROOF_WINDOW + 2;
        _makeEpoch(epoch, 2, FEES);
        _warpToSlot((epoch + 1) * EPOCH_SLOTS);
        vm.expectPartialRevert(IEpochProofs.Rollup__BlockMismatch.selector);
        _submit(second);
        _prove(4, 5, prover);
        assertEq(rollup.owed(prover), 5 * 3000 gwei);
    }

    /// @dev RP-16, RP-27: an epoch of one block, empty, with nothing to settle.
    function test_WhenNothingIsToSettle() external {
        _prove(1, 3, prover);
        _prove(4, 5, prover);
        _makeBlock(3 * EPOCH_SLOTS + 7, 0);
        entries[6].transactions = 0;
        _warpToSlot(4 * EPOCH_SLOTS);
        uint256 before = rollup.owed(prover);
        _prove(6, 6, prover);

        assertEq(rollup.tips().provenNumber, 6);
        assertEq(rollup.owed(prover), before);
    }

    /// @dev BL-04: neither precompile can be missing unnoticed.
    function test_RevertWhen_APrecompileIsMissing() external {
        Submission memory s = _submission(1, 3, prover);
        vm.mockCall(address(0x0a), bytes(""), bytes(""));
        vm.expectRevert(IEpochProofs.Statement__EvaluationFailed.selector);
        _submit(s);

        vm.mockCall(address(0x0c), bytes(""), bytes(""));
        vm.expectRevert(IEpochProofs.Statement__CombinationFailed.selector);
        _submit(s);
    }

    /// @dev The ring is full: the oldest block that a proof may begin with is still there.
    function test_GivenTheRingWasOverwritten() external {
        _prove(1, 3, prover);
        _prove(4, 5, prover);
        uint256 number = 5;
        for (uint256 epoch = 3; number < RING_SIZE + 10; ++epoch) {
            uint256 from = number + 1;
            _makeEpoch(epoch, EPOCH_SLOTS, 1);
            number += EPOCH_SLOTS;
            _warpToSlot((epoch + 1) * EPOCH_SLOTS);
            _prove(from, number, prover);
        }
        vm.expectRevert(abi.encodeWithSelector(IRollup.Rollup__NoSuchBlock.selector, number - RING_SIZE));
        rollup.blockRecord(number - RING_SIZE);

        Submission memory s = _submission(3, 3, prover);
        vm.expectRevert(abi.encodeWithSelector(IEpochProofs.Rollup__InvalidRange.selector, 3, 3, number, number));
        _submit(s);
    }

    function _expectInvalid(Submission memory _s, uint256 _from, uint256 _to, address _prover) private {
        _s = _submission(_from, _to, _prover);
        vm.expectRevert(IEpochProofs.Rollup__InvalidProof.selector);
        _submit(_s);
    }
}
