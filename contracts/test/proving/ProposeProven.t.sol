// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ProvingTest, Submission} from "@agoge-test/support/ProvingTest.sol";
import {IEpochProofs} from "@agoge/proving/IEpochProofs.sol";
import {BlockRange, IProverBonds, SignedQuote} from "@agoge/proving/IProverBonds.sol";
import {IInbox} from "@agoge/rollup/IInbox.sol";
import {IRollup, Tips} from "@agoge/rollup/IRollup.sol";
import {Epoch, Slot} from "@agoge/time/TimeLib.sol";

/// @notice Moves of somebody who leaves an instance that nobody runs any more.
abstract contract ProposeProvenTest is ProvingTest {
    uint256 internal constant FEES = 10_000;

    address internal recipient = makeAddr("leaver");

    /// @dev Puts a block for `proposeProven` into the ledger: it consumes what is due.
    function _plan(uint256 _number, uint256 _slot, uint256 _inboxStart, uint256 _inboxEnd_) internal {
        _enter(_number, feeRecipient, _slot, uint64(FEES), _inboxStart, _inboxEnd_);
    }

    function _append(Submission memory _s) internal {
        _setBlobsOf(_s);
        _proposeProven(_s);
    }

    function _proposeProven(Submission memory _s) internal {
        rollup.proposeProven(_s.prover, _s.settlement, _s.commitments, _s.evaluation, _s.proof);
    }

    function _setBlobsOf(Submission memory _s) internal {
        bytes32[] memory hashes = new bytes32[](_s.to + 1 - _s.from);
        for (uint256 i = 0; i < hashes.length; ++i) {
            hashes[i] = _blobHash(entries[_s.from + i].slot);
        }
        vm.blobhashes(hashes);
    }
}

/// @notice Another instance is canonical from epoch 4 on; this one is open from epoch 6 on.
contract SupersededTest is ProposeProvenTest {
    uint256 private constant OPEN_EPOCH = ACTIVATION_DELAY + PROOF_WINDOW;
    uint256 private constant OPEN_SLOT = OPEN_EPOCH * EPOCH_SLOTS;

    /// @dev Block 1 is proven; two deposits wait.
    function setUp() external {
        _deployNetwork(6, 4);
        _makeBlock(0, 0);
        _depositNote(500_000);
        _depositNote(600_000);
        vm.prank(governance);
        registry.add(address(verifier));
        for (uint256 i = 0; i < 6; ++i) {
            vm.prank(_withdrawer(i));
            staking.pin(_attester(i), address(rollup));
        }
        _warpToSlot(EPOCH_SLOTS);
        _prove(1, 1, prover);
        _plan(2, OPEN_SLOT + 3, 0, 2);
        _plan(3, OPEN_SLOT + 9, 2, 2);
        _withdrawIn(3, recipient, 400_000);
    }

    function test_RevertWhen_TheProverIsZero() external {
        _warpToSlot(OPEN_SLOT + 10);
        Submission memory s = _submission(2, 3, address(0));

        vm.expectRevert(IEpochProofs.Rollup__ZeroProver.selector);
        _proposeProven(s);
    }

    function test_RevertGiven_TheInstanceIsNotOpen() external {
        Submission memory s = _submission(2, 3, prover);
        _warpToSlot(OPEN_SLOT - 1);

        assertFalse(rollup.isOpenToAll(Epoch.wrap(OPEN_EPOCH - 1)));
        assertTrue(rollup.isOpenToAll(Epoch.wrap(OPEN_EPOCH)));
        vm.expectRevert(IEpochProofs.Rollup__NotOpen.selector);
        _proposeProven(s);
    }

    function test_RevertWhen_ASlotIsNotAfterTheOneBefore() external {
        _warpToSlot(OPEN_SLOT + 10);
        _plan(3, OPEN_SLOT + 3, 2, 2);
        _refuses(
            abi.encodeWithSelector(
                IEpochProofs.Rollup__NotAfter.selector, Slot.wrap(OPEN_SLOT + 3), Slot.wrap(OPEN_SLOT + 3)
            )
        );

        _plan(2, 0, 0, 2);
        _refuses(abi.encodeWithSelector(IEpochProofs.Rollup__NotAfter.selector, Slot.wrap(0), Slot.wrap(0)));
    }

    function test_RevertWhen_TheSlotsAreOfTwoEpochs() external {
        _warpToSlot(OPEN_SLOT + EPOCH_SLOTS);
        _plan(3, OPEN_SLOT + EPOCH_SLOTS, 2, 2);

        _refuses(
            abi.encodeWithSelector(
                IEpochProofs.Rollup__TwoEpochs.selector, Epoch.wrap(OPEN_EPOCH), Epoch.wrap(OPEN_EPOCH + 1)
            )
        );
    }

    function test_RevertWhen_ASlotIsInTheFuture() external {
        _warpToSlot(OPEN_SLOT + 8);

        _refuses(
            abi.encodeWithSelector(
                IEpochProofs.Rollup__SlotInTheFuture.selector, Slot.wrap(OPEN_SLOT + 9), Slot.wrap(OPEN_SLOT + 8)
            )
        );
    }

    function test_RevertWhen_AFeeRecipientIsZero() external {
        _warpToSlot(OPEN_SLOT + 10);
        entries[3].feeRecipient = address(0);

        _refuses(abi.encodeWithSelector(IRollup.Rollup__ZeroFeeRecipient.selector));
    }

    function test_RevertWhen_DepositsAreLeftOut() external {
        _warpToSlot(OPEN_SLOT + 10);
        entries[2].inboxEnd = 1;
        entries[3].inboxStart = 1;
        _refuses(abi.encodeWithSelector(IInbox.Inbox__TooFewConsumed.selector, 1));

        entries[2].inboxEnd = 2;
        entries[3].inboxStart = 2;
        entries[3].inboxEnd = 3;
        _refuses(
            abi.encodeWithSelector(
                IInbox.Inbox__NotDue.selector, 3, 0, GENESIS + (OPEN_SLOT + 9 - INBOX_LAG) * SLOT_SECONDS
            )
        );
    }

    function test_RevertWhen_ADepositIsNotTheInboxes() external {
        _warpToSlot(OPEN_SLOT + 10);
        depositValues[1] += 1;
        Submission memory s = _submission(2, 3, prover);
        _setBlobsOf(s);

        vm.expectPartialRevert(IEpochProofs.Rollup__BlockMismatch.selector);
        _proposeProven(s);
    }

    function test_RevertWhen_TheBlobsAreNotTheTransactions() external {
        _warpToSlot(OPEN_SLOT + 10);
        Submission memory s = _submission(2, 3, prover);
        bytes32 first = _blobHash(OPEN_SLOT + 3);
        bytes32 second = _blobHash(OPEN_SLOT + 9);
        _setBlobs(first);
        vm.expectRevert(abi.encodeWithSelector(IEpochProofs.Rollup__BlobMismatch.selector, 1, second, bytes32(0)));
        _proposeProven(s);

        bytes32[] memory hashes = new bytes32[](3);
        (hashes[0], hashes[1], hashes[2]) = (first, second, first);
        vm.blobhashes(hashes);
        vm.expectRevert(abi.encodeWithSelector(IEpochProofs.Rollup__WrongBlobCount.selector, 2));
        _proposeProven(s);
    }

    function test_RevertWhen_TheVerifierRefuses() external {
        _warpToSlot(OPEN_SLOT + 10);
        verifier.refuse(true);

        _refuses(abi.encodeWithSelector(IEpochProofs.Rollup__InvalidProof.selector));
    }

    function test_WhenBlocksAreAppended() external {
        _warpToSlot(OPEN_SLOT + 10);
        Submission memory s = _submission(2, 3, prover);
        verifier.want(_publicInputs(s), s.proof);
        uint256 before = rollup.owed(prover);
        _setBlobsOf(s);
        vm.expectEmit(true, true, false, false, address(rollup));
        emit IRollup.BlockProposed(2, Slot.wrap(OPEN_SLOT + 3), 0, 0, 0, feeRecipient, 2, address(0));
        vm.expectEmit(address(rollup));
        emit IEpochProofs.EpochProven(Epoch.wrap(OPEN_EPOCH), prover, 2, 3, 2, entries[3].archive);
        _proposeProven(s);

        Tips memory tips = rollup.tips();
        assertEq(tips.pendingNumber, 3);
        assertEq(tips.provenNumber, 3);
        assertEq(tips.provenSlot, OPEN_SLOT + 9);
        assertEq(tips.pendingInboxEnd, 2);
        assertEq(tips.firstUnprovenSlot, 0, "the committee's last block");
        assertEq(rollup.owed(recipient), 400_000 gwei);
        assertEq(rollup.owed(prover) - before, 2 * 3000 gwei);
        assertEq(rollup.owed(feeRecipient), 2 * 7000 gwei);

        // For ever: the next one too, even in a later epoch.
        verifier.wantAnything();
        _plan(4, OPEN_SLOT + 3 * EPOCH_SLOTS, 2, 2);
        _warpToSlot(OPEN_SLOT + 3 * EPOCH_SLOTS);
        _append(_submission(4, 4, prover));
        assertEq(rollup.tips().provenNumber, 4);
    }

    /// @dev The call that fails changes nothing, so whoever is next may append.
    function test_GivenAnAppendWasRefused() external {
        _warpToSlot(OPEN_SLOT + 10);
        verifier.refuse(true);
        _refuses(abi.encodeWithSelector(IEpochProofs.Rollup__InvalidProof.selector));
        verifier.refuse(false);

        _append(_submission(2, 3, prover));
        assertEq(rollup.tips().provenNumber, 3);
    }

    /// @dev It is the L1 block's time that counts, not the appended blocks' slots.
    function test_GivenTheEpochHadItsAppend() external {
        uint256 nextEpoch = GENESIS + (OPEN_SLOT + EPOCH_SLOTS) * SLOT_SECONDS;
        vm.warp(nextEpoch - 1);
        _append(_submission(2, 2, prover));

        Submission memory s = _submission(3, 3, prover);
        _setBlobsOf(s);
        vm.expectRevert(abi.encodeWithSelector(IEpochProofs.Rollup__AlreadyAppended.selector, Epoch.wrap(OPEN_EPOCH)));
        _proposeProven(s);

        vm.warp(nextEpoch);
        _append(s);
        assertEq(rollup.tips().provenNumber, 3);
    }

    /// @dev Blocks of before the opening keep their window: provers may have bonds on them.
    function test_RevertGiven_UnprovenBlocksOfBefore() external {
        _makeBlock(OPEN_SLOT - 2, 0);
        _warpToSlot(OPEN_SLOT + 10);

        Submission memory s = _submission(2, 2, prover);
        vm.expectRevert(
            abi.encodeWithSelector(IEpochProofs.Rollup__UnprovenBlocks.selector, 2, Epoch.wrap(OPEN_EPOCH - 1))
        );
        _proposeProven(s);
    }

    /// @dev A committee that is nobody's any more cannot lock the pool.
    function test_GivenUnprovenBlocksOfAfterTheOpening() external {
        _makeBlock(OPEN_SLOT + 1, 0);
        _plan(2, OPEN_SLOT + 3, 0, 2);
        _warpToSlot(OPEN_SLOT + 10);
        Submission memory s = _submission(2, 3, prover);
        _setBlobsOf(s);

        vm.expectEmit(address(rollup));
        emit IRollup.Pruned(2, 1);
        _proposeProven(s);

        assertEq(rollup.blockRecord(2).slot, OPEN_SLOT + 3);
        assertEq(rollup.tips().provenNumber, 3);
    }

    function test_RevertWhen_AnOpenEpochIsClaimed() external {
        address alice = _fundedProver(1, 1 ether);
        _makeBlock(OPEN_SLOT + 1, 0);
        _makeBlock(OPEN_SLOT + EPOCH_SLOTS, 0);
        BlockRange memory range = BlockRange({firstNumber: 2, lastNumber: 2});
        SignedQuote memory signed = _quote(alice, 1, range);

        vm.expectRevert(abi.encodeWithSelector(IProverBonds.ProverBonds__OpenToAll.selector, Epoch.wrap(OPEN_EPOCH)));
        bonds.quoteDigestIfClaimable(signed, range);
    }

    function test_RevertWhen_ADepositIsMade() external {
        _warpToSlot(ACTIVATION_DELAY * EPOCH_SLOTS - 1);
        _depositNote(1000);
        _warpToSlot(ACTIVATION_DELAY * EPOCH_SLOTS);

        vm.deal(address(this), 1 ether);
        vm.expectRevert(abi.encodeWithSelector(IInbox.Inbox__NotCanonicalInstance.selector, address(verifier)));
        rollup.deposit{value: 1000 gwei}(_archive(0), new bytes(91));
    }

    function _refuses(bytes memory _error) private {
        Submission memory s = _submission(2, 3, prover);
        _setBlobsOf(s);
        vm.expectRevert(_error);
        _proposeProven(s);
    }
}

/// @notice Nobody makes blocks any more.
contract StalledTest is ProposeProvenTest {
    uint256 private constant OPEN_SLOT = STALL_EPOCHS * EPOCH_SLOTS;

    /// @dev One block of a committee, in epoch 0, which is never proven.
    function setUp() external {
        _deployNetwork(6, 4);
        _depositNote(500_000);
        _makeBlock(5, 0);
    }

    function test_GivenTheInstanceStalls() external {
        _warpToSlot(OPEN_SLOT - 1);
        assertFalse(rollup.isOpenToAll(Epoch.wrap(STALL_EPOCHS - 1)));
        rollup.prune();
        assertEq(rollup.tips().firstUnprovenSlot, 5, "a prune does not forget the last block");

        _plan(1, OPEN_SLOT, 0, 1);
        _warpToSlot(OPEN_SLOT);
        _append(_submission(1, 1, prover));
        assertEq(rollup.tips().provenNumber, 1);

        _plan(2, OPEN_SLOT + 1, 1, 1);
        _warpToSlot(OPEN_SLOT + 1);
        _refusesASecond(2);

        _plan(2, OPEN_SLOT + EPOCH_SLOTS, 1, 1);
        _warpToSlot(OPEN_SLOT + EPOCH_SLOTS);
        _append(_submission(2, 2, prover));
        assertEq(rollup.tips().provenNumber, 2, "it stays open");
    }

    /// @dev Whoever has proofs of empty blocks in hand cannot keep the committee out, slot after slot.
    function test_GivenTheCommitteeComesBack() external {
        _plan(1, OPEN_SLOT, 0, 1);
        _warpToSlot(OPEN_SLOT);
        _append(_submission(1, 1, prover));

        _plan(2, OPEN_SLOT + 1, 1, 1);
        _warpToSlot(OPEN_SLOT + 1);
        _refusesASecond(2);
        _makeBlock(OPEN_SLOT + 1, 0);
        assertEq(rollup.tips().pendingNumber, 2);

        _plan(3, OPEN_SLOT + EPOCH_SLOTS, 1, 1);
        _warpToSlot(OPEN_SLOT + EPOCH_SLOTS);
        Submission memory s = _submission(3, 3, prover);
        vm.expectRevert(IEpochProofs.Rollup__NotOpen.selector);
        _proposeProven(s);
    }

    function _refusesASecond(uint256 _number) private {
        Submission memory s = _submission(_number, _number, prover);
        _setBlobsOf(s);
        vm.expectRevert(abi.encodeWithSelector(IEpochProofs.Rollup__AlreadyAppended.selector, Epoch.wrap(STALL_EPOCHS)));
        _proposeProven(s);
    }
}
