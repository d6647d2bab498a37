// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {NetworkTest, Proposal} from "@agoge-test/support/NetworkTest.sol";
import {Version2Test} from "@agoge-test/support/Version2Test.sol";
import {IRollup} from "@agoge/rollup/IRollup.sol";
import {Epoch, Slot} from "@agoge/time/TimeLib.sol";

contract CommitteeProofV1Test is NetworkTest {
    function setUp() external {
        _deployNetwork(20, 16);
    }

    function test_TheVersionIsOne() external view {
        assertEq(rollup.version(), 1);
    }

    function test_RevertWhen_MembersAreGiven() external {
        for (uint256 slot = 0; slot < 2; ++slot) {
            _warpToSlot(slot);
            Proposal memory p = _proposal();
            p.committeeProof.committee = _packed(_committee(slot, p.committeeProof));

            vm.expectRevert(abi.encodeWithSelector(IRollup.Rollup__WrongCommitteeLength.selector, 320, 0));
            _propose(p);
            p.committeeProof.committee = "";
            _propose(p);
        }
    }
}

/// @notice What version 2 accepts as an epoch's committee, and what it remembers of it.
contract CommitteeProofV2Test is Version2Test {
    uint256 private constant COMMITTEE = 16;
    uint256 private constant BYTES = 20 * COMMITTEE;
    uint256 private constant EPOCHS_KEPT = 8;

    /// @dev Epoch 3 is the first after the genesis epochs.
    uint256 private constant EPOCH = SET_LAG + 1;

    function setUp() external {
        _deployNetwork(20, COMMITTEE);
        _proposeInSlot(EPOCH * EPOCH_SLOTS);
        _warpToSlot(EPOCH * EPOCH_SLOTS + 1);
    }

    function test_TheVersionIsTwo() external view {
        assertEq(rollup.version(), 2);
    }

    function test_WhenTheMembersAreTheCommittedOnes() external {
        _propose(_proposal());

        assertEq(rollup.tips().pendingNumber, 2);
    }

    function test_RevertWhen_AMemberIsAnother() external {
        Proposal memory p = _proposal();
        for (uint256 i = 0; i < COMMITTEE; ++i) {
            bytes memory members = bytes.concat(p.committeeProof.committee);
            members[20 * i + i] ^= 0x01;
            _expectWrongCommittee(p, members);
        }
    }

    function test_RevertWhen_TheMembersArePermuted() external {
        Proposal memory p = _proposal();
        address[] memory members = rollup.committeeOfEpoch(Epoch.wrap(EPOCH));
        (members[0], members[15]) = (members[15], members[0]);

        _expectWrongCommittee(p, _packed(members));
    }

    function test_RevertWhen_TheMembersArePaddedOrTruncated() external {
        Proposal memory p = _proposal();
        bytes memory members = p.committeeProof.committee;
        _expectWrongLength(p, bytes.concat(members, hex"00"), BYTES);
        _expectWrongLength(p, bytes.concat(members, new bytes(20)), BYTES);
        _expectWrongLength(p, bytes.concat(new bytes(12), members), BYTES);
        _expectWrongLength(p, bytes.concat(members, members), BYTES);
        _expectWrongLength(p, this.firstBytes(members, BYTES - 1), BYTES);
        _expectWrongLength(p, this.firstBytes(members, BYTES - 20), BYTES);
        _expectWrongLength(p, "", BYTES);
    }

    function testFuzz_RevertWhen_TheMembersAreAnyOtherBytes(bytes32 _seed) external {
        Proposal memory p = _proposal();
        bytes memory members;
        for (uint256 i = 0; i < COMMITTEE; ++i) {
            members = bytes.concat(members, bytes20(keccak256(abi.encode(_seed, i))));
        }

        _expectWrongCommittee(p, members);
    }

    function test_RevertWhen_TheMembersAreOfAnotherEpoch() external {
        bytes memory earlier = _packed(rollup.committeeOfEpoch(Epoch.wrap(EPOCH)));
        _proposeInSlot((EPOCH + 1) * EPOCH_SLOTS);
        _warpToSlot((EPOCH + 1) * EPOCH_SLOTS + 1);

        _expectWrongCommittee(_proposal(), earlier);
    }

    function test_RevertWhen_TheMembersAreOfAnotherSeed() external {
        Proposal memory p = _proposal();

        _expectWrongCommittee(p, _packed(rollup.sampleCommittee(Epoch.wrap(EPOCH), keccak256("another seed"))));
    }

    /// @dev A committee of 16 in a set of 16 has the same members with every seed; their order binds it.
    function test_RevertWhen_OnlyTheSeedDiffers() external {
        _deployNetwork(COMMITTEE, COMMITTEE);
        _proposeInSlot(0);
        _warpToSlot(1);
        Proposal memory p = _proposal();

        _expectWrongCommittee(p, _packed(rollup.sampleCommittee(Epoch.wrap(0), keccak256("another seed"))));
    }

    function test_RevertWhen_MembersAreGivenBeforeTheSetUp() external {
        _warpToSlot((EPOCH + 1) * EPOCH_SLOTS);
        Proposal memory p = _proposal();
        bytes memory right = _packed(_committee((EPOCH + 1) * EPOCH_SLOTS, p.committeeProof));

        _expectWrongLength(p, right, 0);
        _expectWrongLength(p, hex"00", 0);
        p.committeeProof.committee = "";
        _propose(p);
    }

    /// @dev A publication that was prepared before another set the epoch up.
    function test_RevertWhen_OnlyHeadersAreGivenAfterTheSetUp() external {
        Proposal memory p = _proposal();
        p.committeeProof = _seedHeaders(EPOCH);

        vm.expectRevert(abi.encodeWithSelector(IRollup.Rollup__WrongCommitteeLength.selector, 0, BYTES));
        _propose(p);
    }

    /// @dev The view refuses what the call refuses.
    function test_TheViewRefusesWrongMembersToo() external {
        Proposal memory p = _proposal();
        rollup.validateProposal(p.block_, p.blobHash, p.attestations, p.publication, p.committeeProof, p.claim);
        p.committeeProof.committee[7] ^= 0x80;

        vm.expectPartialRevert(IRollup.Rollup__WrongCommittee.selector);
        rollup.validateProposal(p.block_, p.blobHash, p.attestations, p.publication, p.committeeProof, p.claim);
    }

    function test_TheLastEpochsAreRead() external {
        address[][] memory committees = new address[][](EPOCHS_KEPT + 2);
        for (uint256 i = 0; i < committees.length; ++i) {
            uint256 slot = (EPOCH + 1 + i) * EPOCH_SLOTS;
            _warpToSlot(slot);
            Proposal memory p = _proposal();
            committees[i] = _committee(slot, p.committeeProof);
            _propose(p);
        }

        _expectNotSetUp(EPOCH);
        _expectNotSetUp(EPOCH + 1);
        _expectNotSetUp(EPOCH + 2);
        _expectNotSetUp(EPOCH + committees.length + 1);
        for (uint256 i = 2; i < committees.length; ++i) {
            uint256 epoch = EPOCH + 1 + i;
            assertEq(rollup.committeeOfEpoch(Epoch.wrap(epoch)), committees[i]);
            for (uint256 j = 0; j < EPOCH_SLOTS; ++j) {
                assertEq(rollup.proposerAt(Slot.wrap(epoch * EPOCH_SLOTS + j)), committees[i][j % COMMITTEE]);
            }
        }
    }

    /// @dev Epoch e + 8 finds the word of epoch e where its own will be.
    function test_GivenTheRingHasAnOlderEpochInThePlace() external {
        bytes memory older = _packed(rollup.committeeOfEpoch(Epoch.wrap(EPOCH)));
        uint256 epoch = EPOCH + EPOCHS_KEPT;
        _warpToSlot(epoch * EPOCH_SLOTS);
        _expectNotSetUp(epoch);
        Proposal memory p = _proposal();

        _expectWrongLength(p, older, 0);
        p.committeeProof = _seedHeaders(epoch);
        _propose(p);
        _expectNotSetUp(EPOCH);
        _warpToSlot(epoch * EPOCH_SLOTS + 1);
        _expectWrongCommittee(_proposal(), older);
        _propose(_proposal());
    }

    /// @dev Nothing is stored but the seed: what is drawn again must not depend on what happened since.
    function test_WhenTheSetChangesAfterTheSetUp() external {
        Epoch epoch = Epoch.wrap(EPOCH);
        address[] memory before = rollup.committeeOfEpoch(epoch);
        for (uint256 i = 0; i < 4; ++i) {
            vm.prank(_withdrawer(i));
            staking.startExit(_attester(i));
            _stake(20 + i);
        }
        _warpToSlot((EPOCH + 2 * SET_LAG) * EPOCH_SLOTS);

        assertNotEq(staking.set(address(rollup), Epoch.wrap(EPOCH + 2 * SET_LAG)).length, 0);
        assertEq(rollup.committeeOfEpoch(epoch), before);
        for (uint256 i = 0; i < EPOCH_SLOTS; ++i) {
            assertEq(rollup.proposerAt(Slot.wrap(EPOCH * EPOCH_SLOTS + i)), before[i % COMMITTEE]);
        }
    }

    function firstBytes(bytes calldata _bytes, uint256 _count) external pure returns (bytes memory) {
        return _bytes[:_count];
    }

    function _expectWrongCommittee(Proposal memory _p, bytes memory _members) private {
        (bytes16 given, bytes16 expected) =
            (bytes16(keccak256(_members)), bytes16(keccak256(_p.committeeProof.committee)));
        bytes memory right = _p.committeeProof.committee;
        _p.committeeProof.committee = _members;

        vm.expectRevert(abi.encodeWithSelector(IRollup.Rollup__WrongCommittee.selector, given, expected));
        _propose(_p);
        _p.committeeProof.committee = right;
    }

    function _expectWrongLength(Proposal memory _p, bytes memory _members, uint256 _expected) private {
        bytes memory right = _p.committeeProof.committee;
        _p.committeeProof.committee = _members;

        vm.expectRevert(
            abi.encodeWithSelector(IRollup.Rollup__WrongCommitteeLength.selector, _members.length, _expected)
        );
        _propose(_p);
        _p.committeeProof.committee = right;
    }

    function _expectNotSetUp(uint256 _epoch) private {
        bytes memory refusal = abi.encodeWithSelector(IRollup.Rollup__EpochNotSetUp.selector, _epoch);
        vm.expectRevert(refusal);
        rollup.committeeOfEpoch(Epoch.wrap(_epoch));
        vm.expectRevert(refusal);
        rollup.proposerAt(Slot.wrap(_epoch * EPOCH_SLOTS));
    }
}
