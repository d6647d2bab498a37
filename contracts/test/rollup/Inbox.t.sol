// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {NetworkTest, Proposal} from "@agoge-test/support/NetworkTest.sol";
import {IInbox} from "@agoge/rollup/IInbox.sol";
import {IRollup} from "@agoge/rollup/IRollup.sol";
import {Slot} from "@agoge/time/TimeLib.sol";

contract InboxTest is NetworkTest {
    uint256 private constant LIMIT_GWEI = 1 << 60;

    bytes private _ciphertext = new bytes(91);

    function setUp() external {
        _deployNetwork(16, 16);
        vm.deal(address(this), type(uint128).max);
    }

    function test_RevertGiven_TheInstanceIsSuperseded() external {
        vm.prank(governance);
        registry.add(address(this));
        _warpToSlot(ACTIVATION_DELAY * EPOCH_SLOTS - 1);
        rollup.deposit{value: 1 ether}(_archive(0), _ciphertext);

        _warpToSlot(ACTIVATION_DELAY * EPOCH_SLOTS);
        vm.expectRevert(abi.encodeWithSelector(IInbox.Inbox__NotCanonicalInstance.selector, address(this)));
        rollup.deposit{value: 1 ether}(_archive(0), _ciphertext);
    }

    function test_RevertWhen_ALimbIsNotAFieldElement() external {
        bytes32 partialCommitment = bytes32(uint256(0xffffffff00000001) << 128);

        vm.expectRevert(abi.encodeWithSelector(IInbox.Inbox__NotFieldElements.selector, partialCommitment));
        rollup.deposit{value: 1 ether}(partialCommitment, _ciphertext);
    }

    function test_RevertWhen_TheValueIsNotWholeGwei() external {
        vm.expectRevert(abi.encodeWithSelector(IInbox.Inbox__NotWholeGwei.selector, 1 ether + 1));
        rollup.deposit{value: 1 ether + 1}(_archive(0), _ciphertext);
    }

    function test_RevertWhen_TheValueIsOutOfBounds() external {
        uint256[2] memory values = [MINIMUM_DEPOSIT_GWEI - 1, LIMIT_GWEI];
        for (uint256 i = 0; i < values.length; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(
                    IInbox.Inbox__ValueOutOfBounds.selector, values[i], MINIMUM_DEPOSIT_GWEI, LIMIT_GWEI
                )
            );
            rollup.deposit{value: values[i] * 1 gwei}(_archive(0), _ciphertext);
        }
        rollup.deposit{value: MINIMUM_DEPOSIT_GWEI * 1 gwei}(_archive(0), _ciphertext);
        rollup.deposit{value: (LIMIT_GWEI - 1) * 1 gwei}(_archive(0), _ciphertext);
    }

    function test_RevertWhen_TheCiphertextHasAnotherLength() external {
        vm.expectRevert(abi.encodeWithSelector(IInbox.Inbox__WrongCiphertextLength.selector, 90, 91));
        rollup.deposit{value: 1 ether}(_archive(0), new bytes(90));
    }

    function testFuzz_WhenEverythingIsRight(uint256 _valueGwei, uint256 _salt) external {
        uint256 valueGwei = bound(_valueGwei, MINIMUM_DEPOSIT_GWEI, LIMIT_GWEI - 1);
        uint256 first = _rolling(0, _archive(0), 1 ether / 1 gwei);
        uint256 second = _rolling(first, _archive(_salt), valueGwei);
        rollup.deposit{value: 1 ether}(_archive(0), _ciphertext);

        vm.expectEmit(address(rollup));
        emit IInbox.Deposited(1, _archive(_salt), valueGwei, _ciphertext, GENESIS, second);
        assertEq(rollup.deposit{value: valueGwei * 1 gwei}(_archive(_salt), _ciphertext), 1);

        (uint256 time, uint256 rollingHash) = rollup.inbox(1);
        assertEq(time, GENESIS);
        assertEq(rollingHash, second);
        assertEq(rollup.inboxCount(), 2);
        vm.expectRevert(abi.encodeWithSelector(IInbox.Inbox__NoSuchDeposit.selector, 2, 2));
        rollup.inbox(2);
    }

    function test_RevertWhen_TheEndIsOutOfRange() external {
        _deposits(DEPOSITS_PER_BLOCK + 1);
        _proposeInSlot(INBOX_LAG);
        assertEq(rollup.tips().pendingInboxEnd, DEPOSITS_PER_BLOCK, "a full block");

        _warpToSlot(INBOX_LAG + 1);
        uint256 limit = 2 * DEPOSITS_PER_BLOCK;
        _expectRefusal(
            DEPOSITS_PER_BLOCK - 1,
            abi.encodeWithSelector(IInbox.Inbox__TooManyConsumed.selector, DEPOSITS_PER_BLOCK - 1, limit)
        );
        _expectRefusal(limit + 1, abi.encodeWithSelector(IInbox.Inbox__TooManyConsumed.selector, limit + 1, limit));
    }

    function test_RevertWhen_TheLastDepositIsNotDue() external {
        _deposits(1);
        _warp(GENESIS + 1);
        _deposits(1);
        _warpToSlot(INBOX_LAG);

        _expectRefusal(2, abi.encodeWithSelector(IInbox.Inbox__NotDue.selector, 2, GENESIS + 1, GENESIS));
        _expectRefusal(3, abi.encodeWithSelector(IInbox.Inbox__NotDue.selector, 3, 0, GENESIS));
    }

    function test_RevertWhen_ADueDepositIsLeftOut() external {
        _deposits(2);
        _warpToSlot(INBOX_LAG);

        _expectRefusal(1, abi.encodeWithSelector(IInbox.Inbox__TooFewConsumed.selector, 1));
    }

    function testFuzz_DueAtCountsWhatIsOldEnough(uint256[8] memory _gaps, uint256 _slot) external {
        uint256 slot = bound(_slot, 0, 40);
        uint256 expected;
        uint256 time = GENESIS;
        for (uint256 i = 0; i < _gaps.length; ++i) {
            time += bound(_gaps[i], 0, 200);
            _warp(time);
            _deposits(1);
            if (slot >= INBOX_LAG && time <= GENESIS + (slot - INBOX_LAG) * SLOT_SECONDS) ++expected;
        }

        assertEq(rollup.dueAt(Slot.wrap(slot)), expected);
    }

    function test_RevertGiven_ADepositWasReplacedByAReorg() external {
        uint256 beforeDeposit = vm.snapshotState();
        _deposit(5000, 1);
        _warpToSlot(INBOX_LAG);
        Proposal memory p = _proposal();
        vm.revertToState(beforeDeposit);

        _deposit(5000, 2);
        _warpToSlot(INBOX_LAG);
        address first = _committee(INBOX_LAG, p.committeeProof)[0];
        vm.expectRevert(abi.encodeWithSelector(IRollup.Rollup__WrongAttestation.selector, 0, first));
        _propose(p);
    }

    function _deposits(uint256 _count) private {
        for (uint256 i = 0; i < _count; ++i) {
            rollup.deposit{value: 1 ether}(_archive(i), _ciphertext);
        }
    }

    function _expectRefusal(uint256 _end, bytes memory _error) private {
        Proposal memory p = _proposal();
        p.block_.inboxEnd = _end;
        _setBlobs(p.blobHash);

        vm.expectRevert(_error);
        rollup.propose(p.block_, p.attestations, p.publication, p.committeeProof, p.claim);
    }

    function _rolling(uint256 _previous, bytes32 _partialCommitment, uint256 _valueGwei)
        private
        pure
        returns (uint256)
    {
        return uint256(keccak256(abi.encode(_previous, _partialCommitment, _valueGwei))) % (1 << 216);
    }
}
