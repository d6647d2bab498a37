// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ClaimTest} from "@agoge-test/support/ClaimTest.sol";
import {Proposal} from "@agoge-test/support/NetworkTest.sol";
import {BlockRange, Claim, ClaimState, IProverBonds, Quote, SignedQuote} from "@agoge/proving/IProverBonds.sol";
import {IRollup} from "@agoge/rollup/IRollup.sol";
import {Epoch, Slot} from "@agoge/time/TimeLib.sol";

contract ClaimByQuoteTest is ClaimTest {
    function setUp() external {
        _prepare();
    }

    function test_RevertWhen_TheInstanceIsUnknown() external {
        SignedQuote memory signed = _quote(alice, 100, _epoch0());
        signed.quote.instance = address(0xBAD);

        _refuses(signed, _epoch0(), abi.encodeWithSelector(IProverBonds.ProverBonds__UnknownInstance.selector, 0xBAD));
    }

    /// @dev ES-01, ES-13: only the epoch before the current one, only in the first slots.
    function test_RevertWhen_TheClaimWindowIsNotOpen() external {
        SignedQuote memory signed = _quote(alice, 100, _epoch0());
        for (uint256 epoch = 1; epoch < 3; ++epoch) {
            signed.quote.epoch = Epoch.wrap(epoch);
            _refuses(signed, _epoch0(), _outOfWindow(epoch, EPOCH_SLOTS));
        }

        signed = _quote(alice, 100, _epoch0());
        _warpToSlot(EPOCH_SLOTS + CLAIM_WINDOW);
        _refuses(signed, _epoch0(), _outOfWindow(0, EPOCH_SLOTS + CLAIM_WINDOW));
        _warp(GENESIS + (EPOCH_SLOTS + CLAIM_WINDOW) * SLOT_SECONDS - 1);
        bonds.quoteDigestIfClaimable(signed, _epoch0());
    }

    function test_RevertWhen_TheQuoteHasExpired() external {
        Quote memory quote = _quote(alice, 100, _epoch0()).quote;
        quote.validUntilSlot = Slot.wrap(EPOCH_SLOTS - 1);

        _refuses(
            _signQuote(quote),
            _epoch0(),
            abi.encodeWithSelector(
                IProverBonds.ProverBonds__QuoteExpired.selector, Slot.wrap(EPOCH_SLOTS - 1), Slot.wrap(EPOCH_SLOTS)
            )
        );
        quote.validUntilSlot = Slot.wrap(EPOCH_SLOTS);
        bonds.quoteDigestIfClaimable(_signQuote(quote), _epoch0());
    }

    function test_RevertWhen_TheFeeIsMoreThanEverything() external {
        _refuses(
            _quote(alice, 10_001, _epoch0()),
            _epoch0(),
            abi.encodeWithSelector(IProverBonds.ProverBonds__FeeTooHigh.selector, 10_001)
        );
        bonds.quoteDigestIfClaimable(_quote(alice, 10_000, _epoch0()), _epoch0());
    }

    function test_RevertWhen_TheBondIsTooSmall() external {
        Quote memory quote = _quote(alice, 100, _epoch0()).quote;
        quote.bondAmount = MINIMUM_BOND - 1;

        _refuses(
            _signQuote(quote),
            _epoch0(),
            abi.encodeWithSelector(IProverBonds.ProverBonds__BondTooSmall.selector, MINIMUM_BOND - 1, MINIMUM_BOND)
        );
    }

    function test_RevertGiven_TheBondIsNotAvailable() external {
        vm.prank(alice);
        bonds.startWithdrawal(DEPOSIT - MINIMUM_BOND + 1);

        _refuses(
            _quote(alice, 100, _epoch0()),
            _epoch0(),
            abi.encodeWithSelector(
                IProverBonds.ProverBonds__Unavailable.selector, alice, MINIMUM_BOND, MINIMUM_BOND - 1
            )
        );
    }

    /// @dev ES-02: one use, even when the claim was replaced.
    function test_RevertGiven_TheQuoteWasUsed() external {
        SignedQuote memory signed = _claimEpoch0(alice, 100);
        bytes32 digest = bonds.quoteDigest(signed.quote);
        assertTrue(bonds.isQuoteUsed(digest));

        _refuses(signed, _epoch0(), abi.encodeWithSelector(IProverBonds.ProverBonds__QuoteUsed.selector, digest));
    }

    function test_RevertWhen_TheProverDidNotSign() external {
        SignedQuote memory signed = _quote(alice, 100, _epoch0());
        bytes memory reason = abi.encodeWithSelector(IProverBonds.ProverBonds__WrongQuoteSignature.selector, alice);
        signed.quote.basisPointFee = 99;
        _refuses(signed, _epoch0(), reason);

        signed = _quote(alice, 100, _epoch0());
        signed.r = 0;
        _refuses(signed, _epoch0(), reason);

        // Signed for another ProverBonds: another domain.
        signed = _quote(alice, 100, _epoch0());
        (signed.r, signed.vs) = _sign(alice, keccak256(abi.encode(signed.quote)));
        _refuses(signed, _epoch0(), reason);
    }

    function test_RevertWhen_TheProverIsZero() external {
        SignedQuote memory signed = _quote(alice, 100, _epoch0());
        signed.quote.prover = address(0);
        vm.deal(address(this), 1 ether);
        vm.expectRevert(IProverBonds.ProverBonds__ZeroAddress.selector);
        bonds.deposit{value: 1 ether}(address(0));

        _refuses(
            signed,
            _epoch0(),
            abi.encodeWithSelector(IProverBonds.ProverBonds__Unavailable.selector, address(0), MINIMUM_BOND, 0)
        );
    }

    function test_RevertWhen_TheRangeIsNotTheEpoch() external {
        uint256[2][5] memory ranges =
            [[uint256(1), 2], [uint256(2), 3], [uint256(1), 4], [uint256(0), 3], [uint256(1), 5]];
        SignedQuote memory signed = _quote(alice, 100, _epoch0());
        for (uint256 i = 0; i < 5; ++i) {
            (uint256 first, uint256 last) = (ranges[i][0], ranges[i][1]);
            _refuses(
                signed,
                BlockRange({firstNumber: first, lastNumber: last}),
                abi.encodeWithSelector(
                    IProverBonds.ProverBonds__NotTheEpochsBlocks.selector, Epoch.wrap(0), first, last
                )
            );
        }
    }

    /// @dev An L1 reorg that changes the epoch voids the quote.
    function test_RevertWhen_TheEpochEndsInAnotherArchive() external {
        Quote memory quote = _quote(alice, 100, _epoch0()).quote;
        quote.endArchive = entries[2].archive;

        _refuses(
            _signQuote(quote),
            _epoch0(),
            abi.encodeWithSelector(
                IProverBonds.ProverBonds__WrongEndArchive.selector, entries[2].archive, entries[3].archive
            )
        );
    }

    function test_RevertGiven_TheEpochIsProven() external {
        _prove(1, 3, bob);

        _refuses(
            _quote(alice, 100, _epoch0()),
            _epoch0(),
            abi.encodeWithSelector(IProverBonds.ProverBonds__NothingToProve.selector, Epoch.wrap(0))
        );
    }

    function test_RevertWhen_TheProposerDidNotSign() external {
        SignedQuote memory signed = _quote(alice, 100, _epoch0());
        Slot slot = Slot.wrap(EPOCH_SLOTS);
        address proposer = rollup.proposerAt(slot);
        bytes32 digest = bonds.claimDigest(address(rollup), slot, bonds.quoteDigest(signed.quote));
        (bytes32 r, bytes32 vs) = _sign(alice, digest);

        vm.expectRevert(abi.encodeWithSelector(IProverBonds.ProverBonds__NotProposer.selector, alice, proposer));
        bonds.claim(signed, _epoch0(), r, vs);
        vm.expectRevert(abi.encodeWithSelector(IProverBonds.ProverBonds__NotProposer.selector, address(0), proposer));
        bonds.claim(signed, _epoch0(), bytes32(0), bytes32(0));
    }

    /// @dev A claim is for one slot: the next proposer decides for itself.
    function test_RevertWhen_TheClaimIsOfAnotherSlot() external {
        SignedQuote memory signed = _quote(alice, 100, _epoch0());
        Slot slot = Slot.wrap(EPOCH_SLOTS);
        bytes32 digest = bonds.claimDigest(address(rollup), slot, bonds.quoteDigest(signed.quote));
        (bytes32 r, bytes32 vs) = _sign(rollup.proposerAt(slot), digest);
        _warpToSlot(EPOCH_SLOTS + 1);

        vm.expectPartialRevert(IProverBonds.ProverBonds__NotProposer.selector);
        bonds.claim(signed, _epoch0(), r, vs);
    }

    /// @dev ES-14: the first of two claims wins; the other's bond stays free.
    function test_RevertGiven_TheEpochIsClaimed() external {
        _claimEpoch0(alice, 100);
        SignedQuote memory second = _quote(bob, 100, _epoch0());
        Slot slot = Slot.wrap(EPOCH_SLOTS);
        bytes32 digest = bonds.claimDigest(address(rollup), slot, bonds.quoteDigest(second.quote));
        (bytes32 r, bytes32 vs) = _sign(rollup.proposerAt(slot), digest);

        vm.expectRevert(
            abi.encodeWithSelector(IProverBonds.ProverBonds__ClaimExists.selector, address(rollup), Epoch.wrap(0))
        );
        bonds.claim(second, _epoch0(), r, vs);
        assertEq(bonds.available(bob), DEPOSIT);
    }

    function test_WhenTheProposerClaims() external {
        SignedQuote memory signed = _quote(alice, 100, _epoch0());
        bytes32 digest = bonds.quoteDigestIfClaimable(signed, _epoch0());
        assertEq(digest, bonds.quoteDigest(signed.quote));
        Slot slot = Slot.wrap(EPOCH_SLOTS);
        (bytes32 r, bytes32 vs) = _sign(rollup.proposerAt(slot), bonds.claimDigest(address(rollup), slot, digest));

        vm.expectEmit(address(bonds));
        emit IProverBonds.EpochClaimed(address(rollup), Epoch.wrap(0), alice, 100, MINIMUM_BOND, digest);
        vm.prank(makeAddr("anybody"));
        bonds.claim(signed, _epoch0(), r, vs);

        Claim memory current = _claimOf(EPOCH_0);
        assertEq(current.prover, alice);
        assertEq(current.basisPointFee, 100);
        assertEq(current.blocks, 3);
        assertEq(current.provenBlocks, 0);
        assertEq(current.bondAmount, MINIMUM_BOND);
        assertEq(current.deadlineSlot, 2 * EPOCH_SLOTS);
        assertEq(current.windowEndSlot, (PROOF_WINDOW + 1) * EPOCH_SLOTS);
        _assertState(EPOCH_0, ClaimState.Claimed);
        assertEq(bonds.available(alice), DEPOSIT - MINIMUM_BOND);
        (bool isReserved, uint256 fee, address claimant) = bonds.reservation(address(rollup), EPOCH_0);
        assertTrue(isReserved);
        assertEq(fee, 100);
        assertEq(claimant, alice);
    }

    function test_WhenTheClaimIsBundled() external {
        SignedQuote memory signed = _quote(alice, 100, _epoch0());
        _warpToSlot(EPOCH_SLOTS + CLAIM_WINDOW - 1);
        Proposal memory p = _bundled(abi.encode(signed, _epoch0()));

        vm.expectEmit(address(bonds));
        emit IProverBonds.EpochClaimed(
            address(rollup), Epoch.wrap(0), alice, 100, MINIMUM_BOND, bonds.quoteDigest(signed.quote)
        );
        _propose(p);

        assertEq(rollup.tips().pendingNumber, 5);
        _assertState(EPOCH_0, ClaimState.Claimed);
    }

    /// @dev A claim that comes too late costs the proposer nothing but its gas.
    function test_WhenTheBundledClaimFails() external {
        SignedQuote memory signed = _quote(alice, 100, _epoch0());
        _warpToSlot(EPOCH_SLOTS + CLAIM_WINDOW);
        Proposal memory p = _bundled(abi.encode(signed, _epoch0()));

        vm.expectEmit(address(rollup));
        emit IRollup.BundledClaimFailed(5, _outOfWindow(0, EPOCH_SLOTS + CLAIM_WINDOW));
        _propose(p);

        assertEq(rollup.tips().pendingNumber, 5);
        _assertState(EPOCH_0, ClaimState.None);
        assertEq(bonds.available(alice), DEPOSIT);
    }

    function test_RevertWhen_TheBundleIsNotOfTheCaller() external {
        bytes memory bundle = abi.encode(_quote(alice, 100, _epoch0()), _epoch0());

        vm.expectRevert(
            abi.encodeWithSelector(IProverBonds.ProverBonds__NotTheInstance.selector, address(this), address(rollup))
        );
        bonds.claimBundled(bundle);
    }

    function test_RevertGiven_ThereIsNothingToReplace() external {
        SignedQuote memory signed = _quote(alice, 100, _epoch0());

        vm.expectRevert(
            abi.encodeWithSelector(IProverBonds.ProverBonds__NoClaim.selector, address(rollup), Epoch.wrap(0))
        );
        bonds.replaceClaim(signed, _epoch0());
    }

    function test_RevertWhen_TheReplacementIsNotCheaper() external {
        _claimEpoch0(alice, 100);
        SignedQuote memory signed = _quote(bob, 100, _epoch0());

        vm.expectRevert(abi.encodeWithSelector(IProverBonds.ProverBonds__NotCheaper.selector, 100, 100));
        bonds.replaceClaim(signed, _epoch0());
    }

    function test_WhenACheaperQuoteReplacesTheClaim() external {
        _claimEpoch0(alice, 100);
        SignedQuote memory signed = _quote(bob, 99, _epoch0());
        _warpToSlot(EPOCH_SLOTS + CLAIM_WINDOW - 1);

        vm.expectEmit(address(bonds));
        emit IProverBonds.BondUnlocked(address(rollup), Epoch.wrap(0), alice, MINIMUM_BOND);
        vm.prank(makeAddr("anybody"));
        bonds.replaceClaim(signed, _epoch0());

        assertEq(_claimOf(EPOCH_0).prover, bob);
        assertEq(bonds.available(alice), DEPOSIT);
        assertEq(bonds.available(bob), DEPOSIT - MINIMUM_BOND);
    }

    function test_WhenTheClaimantUndercutsItselfWithTheSameMoney() external {
        _claimEpoch0(alice, 100);
        vm.prank(alice);
        bonds.startWithdrawal(DEPOSIT - MINIMUM_BOND);

        bonds.replaceClaim(_quote(alice, 50, _epoch0()), _epoch0());

        assertEq(_claimOf(EPOCH_0).basisPointFee, 50);
        assertEq(bonds.available(alice), 0);
    }

    function _bundled(bytes memory _bundle) private returns (Proposal memory p) {
        p = _proposal();
        p.claim = _bundle;
        p.publication.quoteDigest = keccak256(_bundle);
        _publish(p);
    }

    function _outOfWindow(uint256 _epoch, uint256 _slot) private pure returns (bytes memory) {
        return abi.encodeWithSelector(
            IProverBonds.ProverBonds__OutOfClaimWindow.selector, Epoch.wrap(_epoch), Slot.wrap(_slot)
        );
    }

    function _refuses(SignedQuote memory _signed, BlockRange memory _range, bytes memory _error) private {
        vm.expectRevert(_error);
        bonds.quoteDigestIfClaimable(_signed, _range);
    }
}
