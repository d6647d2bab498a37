// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {NetworkTest, Proposal} from "@agoge-test/support/NetworkTest.sol";
import {BlockRecord, IRollup, Tips} from "@agoge/rollup/IRollup.sol";
import {Epoch, Slot, TimeLib, Timestamp} from "@agoge/time/TimeLib.sol";
import {Vm} from "forge-std/Vm.sol";

contract ProposeTest is NetworkTest {
    uint256 private constant COMMITTEE = 16;
    uint256 private constant THRESHOLD = 11;
    uint256 private constant CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    function setUp() external {
        _deployNetwork(20, COMMITTEE);
    }

    function test_RevertWhen_ThereIsNoBlob() external {
        Proposal memory p = _proposal();
        vm.blobhashes(new bytes32[](0));

        vm.expectRevert(IRollup.Rollup__NotOneBlob.selector);
        rollup.propose(p.block_, p.attestations, p.publication, p.committeeProof, p.claim);
    }

    function test_RevertWhen_ThereAreTwoBlobs() external {
        Proposal memory p = _proposal();
        bytes32[] memory hashes = new bytes32[](2);
        (hashes[0], hashes[1]) = (p.blobHash, _blobHash(99));
        vm.blobhashes(hashes);

        vm.expectRevert(IRollup.Rollup__NotOneBlob.selector);
        rollup.propose(p.block_, p.attestations, p.publication, p.committeeProof, p.claim);
    }

    function test_RevertWhen_TheBlobIsAnother() external {
        Proposal memory p = _proposal();
        address first = _committee(0, p.committeeProof)[0];
        _setBlobs(_blobHash(99));

        vm.expectRevert(abi.encodeWithSelector(IRollup.Rollup__WrongAttestation.selector, 0, first));
        rollup.propose(p.block_, p.attestations, p.publication, p.committeeProof, p.claim);
    }

    function test_GivenAPruneIsDue() external {
        _proposeInSlot(0);
        _proposeInSlot(1);
        _warpToSlot((PROOF_WINDOW + 1) * EPOCH_SLOTS);
        Proposal memory p = _proposal();

        vm.expectEmit(address(rollup));
        emit IRollup.Pruned(2, 0);
        _propose(p);

        Tips memory tips = rollup.tips();
        assertEq(tips.pendingNumber, 1);
        assertEq(tips.provenNumber, 0);
        assertEq(tips.firstUnprovenSlot, (PROOF_WINDOW + 1) * EPOCH_SLOTS);
    }

    function test_RevertWhen_BeforeGenesis() external {
        Proposal memory p = _proposal();
        _warp(GENESIS - 1);

        vm.expectRevert(
            abi.encodeWithSelector(
                TimeLib.TimeLib__BeforeGenesis.selector, Timestamp.wrap(GENESIS - 1), Timestamp.wrap(GENESIS)
            )
        );
        _propose(p);
    }

    function test_RevertWhen_TheSlotIsNotTheCurrentOne() external {
        Proposal memory p = _proposal();

        _warp(GENESIS + SLOT_SECONDS - 1);
        rollup.validateProposal(p.block_, p.blobHash, p.attestations, p.publication, p.committeeProof, p.claim);
        _warp(GENESIS + SLOT_SECONDS);
        vm.expectRevert(abi.encodeWithSelector(IRollup.Rollup__WrongSlot.selector, Slot.wrap(0), Slot.wrap(1)));
        _propose(p);
    }

    function test_RevertGiven_TheTipHasThisSlot() external {
        _proposeInSlot(1);
        Proposal memory p = _proposal();

        vm.expectRevert(abi.encodeWithSelector(IRollup.Rollup__SlotTaken.selector, Slot.wrap(1), Slot.wrap(1)));
        _propose(p);
    }

    function testFuzz_RevertWhen_ALimbIsNotAFieldElement(uint256 _limb, uint64 _excess) external {
        Proposal memory p = _proposal();
        uint256 element = bound(_excess, 0xffffffff00000001, type(uint64).max);
        p.block_.archive = bytes32(element << (64 * (_limb % 4)));

        vm.expectRevert(abi.encodeWithSelector(IRollup.Rollup__NotFieldElements.selector, p.block_.archive));
        _propose(p);
    }

    function test_RevertWhen_TheFeeRecipientIsZero() external {
        Proposal memory p = _proposal();
        p.block_.feeRecipient = address(0);

        vm.expectRevert(IRollup.Rollup__ZeroFeeRecipient.selector);
        _propose(p);
    }

    function test_RevertWhen_ActionsAreSignedWithoutAPayload() external {
        Proposal memory p = _proposal();
        p.publication.actionsHash = bytes32(uint256(1));
        _publish(p);

        vm.expectRevert(IRollup.Rollup__ActionsWithoutPayload.selector);
        _propose(p);
    }

    function test_RevertWhen_TheBundledClaimIsNotTheSignedOne() external {
        Proposal memory p = _proposal();
        p.claim = hex"00";

        vm.expectRevert(abi.encodeWithSelector(IRollup.Rollup__WrongClaim.selector, keccak256(hex"00"), bytes32(0)));
        _propose(p);

        p.publication.quoteDigest = keccak256(hex"00");
        _publish(p);
        p.claim = "";
        vm.expectRevert(abi.encodeWithSelector(IRollup.Rollup__WrongClaim.selector, bytes32(0), keccak256(hex"00")));
        _propose(p);
    }

    function test_RevertWhen_TooLittleGasIsLeftForTheClaim() external {
        Proposal memory p = _proposal();
        p.claim = hex"00";
        p.publication.quoteDigest = keccak256(p.claim);
        _publish(p);
        _setBlobs(p.blobHash);

        vm.expectPartialRevert(IRollup.Rollup__TooLittleGas.selector);
        rollup.propose{gas: 600_000}(p.block_, p.attestations, p.publication, p.committeeProof, p.claim);
    }

    function test_WhenTheBundledClaimFails() external {
        Proposal memory p = _proposal();
        p.claim = hex"00";
        p.publication.quoteDigest = keccak256(p.claim);
        _publish(p);

        vm.expectEmit(address(rollup));
        emit IRollup.BundledClaimFailed(1, "");
        _propose(p);

        assertEq(rollup.tips().pendingNumber, 1, "the block stands");
    }

    function test_RevertWhen_TheBitmapLeavesTheCommittee() external {
        Proposal memory p = _proposal();
        p.attestations.bitmap |= 1 << COMMITTEE;

        vm.expectRevert(
            abi.encodeWithSelector(IRollup.Rollup__BitmapOutOfCommittee.selector, p.attestations.bitmap, COMMITTEE)
        );
        _propose(p);
    }

    function test_RevertWhen_AttestationsAreTooFew() external {
        Proposal memory p = _proposalWith(THRESHOLD - 1);

        vm.expectRevert(abi.encodeWithSelector(IRollup.Rollup__TooFewAttestations.selector, THRESHOLD - 1, THRESHOLD));
        _propose(p);
    }

    function test_RevertWhen_SignaturesHaveAnotherLength() external {
        Proposal memory p = _proposal();
        p.attestations.signatures = abi.encodePacked(p.attestations.signatures, bytes1(0));
        _publish(p);

        vm.expectRevert(
            abi.encodeWithSelector(IRollup.Rollup__WrongSignaturesLength.selector, THRESHOLD * 64 + 1, THRESHOLD * 64)
        );
        _propose(p);
    }

    function test_RevertWhen_ASignatureIsRepeated() external {
        Proposal memory p = _proposal();
        for (uint256 i = 0; i < 64; ++i) {
            p.attestations.signatures[64 + i] = p.attestations.signatures[i];
        }
        _publish(p);

        _expectWrongAttestation(p, 1);
    }

    function test_RevertWhen_ASignatureIsMalleable() external {
        Proposal memory p = _proposal();
        bytes memory signatures = p.attestations.signatures;
        uint256 vs;
        assembly {
            vs := mload(add(signatures, 64))
        }
        uint256 flipped = (CURVE_ORDER - (vs & ((1 << 255) - 1))) | ((vs >> 255) ^ 1) << 255;
        assembly {
            mstore(add(signatures, 64), flipped)
        }
        _publish(p);

        _expectWrongAttestation(p, 0);
    }

    function test_RevertWhen_AStrangerAttests() external {
        Proposal memory p = _proposal();
        address[] memory committee = _committee(0, p.committeeProof);
        (bytes32 r, bytes32 vs) =
            _sign(committee[12], rollup.attestationDigest(p.block_.slot, rollup.blockHashOf(p.block_, p.blobHash)));
        bytes memory other = abi.encodePacked(r, vs);
        for (uint256 i = 0; i < 64; ++i) {
            p.attestations.signatures[64 * 5 + i] = other[i];
        }
        _publish(p);

        _expectWrongAttestation(p, 5);
    }

    function test_RevertWhen_OneOfManyIsInvalid() external {
        Proposal memory p = _proposalWith(COMMITTEE);
        p.attestations.signatures[64 * 15 + 3] ^= 0x01;
        _publish(p);

        _expectWrongAttestation(p, 15);
    }

    function test_RevertWhen_AnotherMemberPublishes() external {
        Proposal memory p = _proposal();
        address[] memory committee = _committee(0, p.committeeProof);
        _publishAs(p, committee[1]);

        vm.expectRevert(abi.encodeWithSelector(IRollup.Rollup__WrongProposer.selector, committee[0]));
        _propose(p);
    }

    function test_RevertWhen_AttestationsChangeAfterThePublication() external {
        Proposal memory p = _proposal();
        Proposal memory wider = _proposalWith(THRESHOLD + 1);
        p.attestations = wider.attestations;
        address proposer = _committee(0, p.committeeProof)[0];

        vm.expectRevert(abi.encodeWithSelector(IRollup.Rollup__WrongProposer.selector, proposer));
        _propose(p);
    }

    function test_RevertWhen_TheBlockChangesAfterTheAttestations() external {
        Proposal memory p = _proposal();
        p.block_.feeRecipient = address(0xdead);
        _publish(p);

        _expectWrongAttestation(p, 0);
    }

    /// @dev An L1 reorg takes the parent away while the block's transaction waits: on another parent its archive would be nonsense.
    function test_RevertWhen_TheParentIsAnother() external {
        uint256 withoutParent = vm.snapshotState();
        _proposeInSlot(1);
        _warpToSlot(2);
        Proposal memory p = _proposal();
        vm.revertToState(withoutParent);

        _warpToSlot(2);
        p.committeeProof = _committeeProof(0);
        _expectWrongAttestation(p, 0);
        _proposeInSlot(2);
    }

    function test_WhenEverythingIsRight() external {
        Proposal memory p = _proposal();
        Epoch epoch = Epoch.wrap(0);
        address[] memory committee = _committee(0, p.committeeProof);
        bytes32 blockHash = rollup.blockHashOf(p.block_, p.blobHash);
        vm.expectRevert(abi.encodeWithSelector(IRollup.Rollup__EpochNotSetUp.selector, epoch));
        rollup.committeeOfEpoch(epoch);
        vm.expectRevert(abi.encodeWithSelector(IRollup.Rollup__EpochNotSetUp.selector, epoch));
        rollup.proposerAt(Slot.wrap(0));

        vm.expectEmit(address(rollup));
        emit IRollup.BlockProposed(
            1, p.block_.slot, p.block_.archive, blockHash, p.blobHash, feeRecipient, 0, committee[0]
        );
        vm.prank(makeAddr("anybody"));
        _propose(p);

        assertEq(rollup.committeeOfEpoch(epoch), committee);
        assertEq(rollup.proposerAt(Slot.wrap(17)), committee[1]);
        BlockRecord memory record = rollup.blockRecord(1);
        assertEq(record.archive, p.block_.archive);
        assertEq(record.blockHash, blockHash);
        assertEq(record.slot, 0);
        assertEq(record.inboxEnd, 0);
        assertEq(rollup.blockRecord(0).archive, GENESIS_ARCHIVE);
        vm.expectRevert(abi.encodeWithSelector(IRollup.Rollup__NoSuchBlock.selector, 2));
        rollup.blockRecord(2);
    }

    function test_WhenTheBlockIsTheFirstOfItsEpoch() external {
        Proposal memory p = _proposal();
        address[] memory committee = _committee(0, p.committeeProof);

        vm.recordLogs();
        _propose(p);

        Vm.Log memory setUpLog = vm.getRecordedLogs()[0];
        assertEq(setUpLog.topics[0], IRollup.EpochSetUp.selector);
        assertEq(setUpLog.topics[1], bytes32(0), "epoch");
        (bytes32 seed, bytes32 commitment) = abi.decode(setUpLog.data, (bytes32, bytes32));
        assertEq(seed, rollup.seedOf(Epoch.wrap(0), p.committeeProof));
        assertEq(commitment, keccak256(_packed(committee)));
    }

    function test_WhenTheWholeCommitteeAttests() external {
        _propose(_proposalWith(COMMITTEE));

        assertEq(rollup.tips().pendingNumber, 1);
    }

    function test_WhenNobodyTouchedL1ForEpochs() external {
        _proposeInSlot(0);
        _proposeInSlot(7 * EPOCH_SLOTS + 3);

        assertEq(rollup.tips().pendingNumber, 1, "the first block was pruned");
    }

    /// @dev RP-25: the view and the call give the same verdict.
    function testFuzz_TheViewAgreesWithTheCall(uint256 _field, uint256 _change) external {
        Proposal memory p = _proposal();
        uint256 field = _field % 7;
        if (field == 1) p.block_.slot = Slot.wrap(_change);
        if (field == 2) p.block_.archive = bytes32(_change);
        if (field == 3) p.block_.inboxEnd = _change;
        if (field == 4) p.attestations.bitmap = _change;
        if (field == 5) p.publication.vs = bytes32(_change);
        if (field == 6) p.committeeProof.committee = abi.encode(_change);

        bool isAccepted;
        try rollup.validateProposal(p.block_, p.blobHash, p.attestations, p.publication, p.committeeProof, p.claim) {
            isAccepted = true;
        } catch {}
        _setBlobs(p.blobHash);
        try rollup.propose(p.block_, p.attestations, p.publication, p.committeeProof, p.claim) {
            assertTrue(isAccepted, "only the call accepts");
        } catch {
            assertFalse(isAccepted, "only the view accepts");
        }
    }

    function _expectWrongAttestation(Proposal memory _p, uint256 _index) private {
        address expected = _committee(0, _p.committeeProof)[_index];
        vm.expectRevert(abi.encodeWithSelector(IRollup.Rollup__WrongAttestation.selector, _index, expected));
        _propose(_p);
    }
}

contract SmallSetTest is NetworkTest {
    function test_RevertGiven_TheSetIsSmallerThanTheCommittee() external {
        _deployNetwork(16, 16);
        Proposal memory p = _proposal();
        vm.prank(_withdrawer(3));
        staking.startExit(_attester(3));
        _propose(p);

        uint256 slot = (SET_LAG + 1) * EPOCH_SLOTS;
        _warpToSlot(slot);
        p.block_.slot = Slot.wrap(slot);
        p.committeeProof = _seedHeaders(SET_LAG + 1);
        vm.expectRevert(abi.encodeWithSelector(IRollup.Rollup__CommitteeTooSmall.selector, 15, 16));
        _propose(p);
    }
}
