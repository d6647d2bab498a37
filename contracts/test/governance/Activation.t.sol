// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Deployed} from "@agoge-test/support/Deployed.sol";
import {NetworkTest, Proposal} from "@agoge-test/support/NetworkTest.sol";
import {Attestations, IRollup} from "@agoge/rollup/IRollup.sol";
import {Epoch, Slot} from "@agoge/time/TimeLib.sol";

/// @notice A network moves from version 1 to version 2: whose committees come from whom, before and after.
contract ActivationTest is NetworkTest {
    uint256 private constant VALIDATORS = 20;
    uint256 private constant PINNED = 6;
    uint256 private constant COMMITTEE = 5;
    uint256 private constant ADDED_IN = 3;
    uint256 private constant ACTIVATION = ADDED_IN + ACTIVATION_DELAY;

    IRollup private _first;
    IRollup private _second;

    function setUp() external {
        _deployNetwork(VALIDATORS, COMMITTEE);
        (_first, _second) = (rollup, Deployed.rollupV2(_rollupConfig(COMMITTEE)));
        _warpToSlot(ADDED_IN * EPOCH_SLOTS);
        for (uint256 i = 0; i < PINNED; ++i) {
            vm.prank(_withdrawer(i));
            staking.pin(_attester(i), address(_first));
        }
        vm.prank(governance);
        assertEq(Epoch.unwrap(registry.add(address(_second))), ACTIVATION);
    }

    function test_TheFollowersMoveAndThePinnedStay() external {
        _warpToSlot(ACTIVATION * EPOCH_SLOTS);

        assertEq(_setSize(_first, ACTIVATION - 1), VALIDATORS);
        assertEq(_setSize(_second, ACTIVATION - 1), 0);
        assertEq(_setSize(_first, ACTIVATION), PINNED);
        assertEq(_setSize(_second, ACTIVATION), VALIDATORS - PINNED);
    }

    function test_RevertGiven_TheSecondIsNotYetCanonical() external {
        _proposeInSlot(ACTIVATION * EPOCH_SLOTS - 1);
        Proposal memory p = _proposal();
        rollup = _second;

        vm.expectRevert(abi.encodeWithSelector(IRollup.Rollup__CommitteeTooSmall.selector, 0, COMMITTEE));
        _propose(p);
    }

    function test_BothMakeBlocksFromTheActivationOn() external {
        _proposeInSlot(ACTIVATION * EPOCH_SLOTS - 1);
        for (uint256 i = 0; i < 3; ++i) {
            uint256 slot = ACTIVATION * EPOCH_SLOTS + i;
            rollup = _first;
            _proposeInSlot(slot);
            rollup = _second;
            _proposeInSlot(slot);
        }

        assertEq(_first.tips().pendingNumber, 4);
        assertEq(_second.tips().pendingNumber, 3);
        _assertPinned(_first.committeeOfEpoch(Epoch.wrap(ACTIVATION)), address(_first));
        _assertPinned(_second.committeeOfEpoch(Epoch.wrap(ACTIVATION)), address(0));
        assertEq(
            _second.proposerAt(Slot.wrap(ACTIVATION * EPOCH_SLOTS)),
            _second.committeeOfEpoch(Epoch.wrap(ACTIVATION))[0],
            "proposer of the first slot"
        );
    }

    /// @dev What is drawn again from the seed is that epoch's committee, although its instance is canonical no more.
    function test_TheSecondIsSupersededAndStillKnowsItsCommittee() external {
        rollup = _second;
        _proposeInSlot(ACTIVATION * EPOCH_SLOTS);
        address[] memory committee = _second.committeeOfEpoch(Epoch.wrap(ACTIVATION));
        IRollup third = Deployed.rollupV2(_rollupConfig(COMMITTEE));
        vm.prank(governance);
        registry.add(address(third));
        _warpToSlot((ACTIVATION + ACTIVATION_DELAY) * EPOCH_SLOTS);

        assertEq(registry.canonicalAt(registry.currentEpoch()), address(third));
        assertEq(_second.committeeOfEpoch(Epoch.wrap(ACTIVATION)), committee);
        assertEq(_second.proposerAt(Slot.wrap(ACTIVATION * EPOCH_SLOTS + 7)), committee[7 % COMMITTEE]);
    }

    function test_RevertGiven_TooFewArePinned() external {
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(_withdrawer(i));
            staking.pin(_attester(i), address(0));
        }
        _warpToSlot((ACTIVATION - 1) * EPOCH_SLOTS);
        Proposal memory p = _proposal();
        _warpToSlot(ACTIVATION * EPOCH_SLOTS);
        p.block_.slot = Slot.wrap(ACTIVATION * EPOCH_SLOTS);
        p.committeeProof = _seedHeaders(ACTIVATION);

        vm.expectRevert(abi.encodeWithSelector(IRollup.Rollup__CommitteeTooSmall.selector, PINNED - 2, COMMITTEE));
        _propose(p);
    }

    function test_RevertWhen_TheAttestationsAreForTheOtherInstance() external {
        Proposal memory p = _proposalOfTheSecond();
        p.attestations = _attestationsFor(_first, p);
        _publish(p);
        address expected = _committee(ACTIVATION * EPOCH_SLOTS, p.committeeProof)[0];

        vm.expectRevert(abi.encodeWithSelector(IRollup.Rollup__WrongAttestation.selector, 0, expected));
        _propose(p);

        p.attestations = _attestationsFor(_second, p);
        _publish(p);
        _propose(p);
    }

    function test_RevertWhen_ThePublicationIsForTheOtherInstance() external {
        Proposal memory p = _proposalOfTheSecond();
        address proposer = _committee(ACTIVATION * EPOCH_SLOTS, p.committeeProof)[0];
        bytes32 blockHash = _second.blockHashOf(p.block_, p.blobHash);
        bytes32 digest = _first.publicationDigest(p.block_.slot, blockHash, p.attestations, p.publication);
        (p.publication.r, p.publication.vs) = _sign(proposer, digest);

        vm.expectRevert(abi.encodeWithSelector(IRollup.Rollup__WrongProposer.selector, proposer));
        _propose(p);
    }

    function _proposalOfTheSecond() private returns (Proposal memory) {
        rollup = _second;
        _warpToSlot(ACTIVATION * EPOCH_SLOTS);
        return _proposal();
    }

    /// @dev The second's committee signs the second's block, in the domain of an instance.
    function _attestationsFor(IRollup _instance, Proposal memory _p) private view returns (Attestations memory) {
        address[] memory committee = _committee(ACTIVATION * EPOCH_SLOTS, _p.committeeProof);
        bytes32 digest = _instance.attestationDigest(_p.block_.slot, _second.blockHashOf(_p.block_, _p.blobHash));
        uint256 count = _second.attestationThreshold();
        bytes memory signatures;
        for (uint256 i = 0; i < count; ++i) {
            (bytes32 r, bytes32 vs) = _sign(committee[i], digest);
            signatures = abi.encodePacked(signatures, r, vs);
        }
        return Attestations({bitmap: (1 << count) - 1, signatures: signatures});
    }

    function _assertPinned(address[] memory _committee, address _to) private view {
        for (uint256 i = 0; i < _committee.length; ++i) {
            assertEq(staking.validator(_committee[i]).pinnedTo, _to);
        }
    }

    function _setSize(IRollup _instance, uint256 _epoch) private view returns (uint256) {
        return staking.setSize(address(_instance), Epoch.wrap(_epoch));
    }
}
