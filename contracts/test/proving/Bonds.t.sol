// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ClaimTest} from "@agoge-test/support/ClaimTest.sol";
import {Deployed} from "@agoge-test/support/Deployed.sol";
import {IRegistry} from "@agoge/governance/IRegistry.sol";
import {
    BlockRange,
    Claim,
    ClaimState,
    IProverBonds,
    ProofReport,
    ProverAccount,
    ProverBondsConfig,
    SignedQuote
} from "@agoge/proving/IProverBonds.sol";
import {Epoch, Slot, Timestamp} from "@agoge/time/TimeLib.sol";

/// @notice What becomes of bonds and reserved shares.
contract BondsTest is ClaimTest {
    uint256 private constant DEADLINE = 2 * EPOCH_SLOTS;
    uint256 private constant WINDOW_END = (PROOF_WINDOW + 1) * EPOCH_SLOTS;

    address private _griefer = makeAddr("griefer");

    function setUp() external {
        _prepare();
    }

    function test_RevertWhen_AParameterIsInvalid() external {
        ProverBondsConfig memory config = _bondsConfig();
        config.treasury = address(0);
        _refusesConfig(config, abi.encodeWithSelector(IProverBonds.ProverBonds__ZeroAddress.selector));

        config = _bondsConfig();
        config.registry = IRegistry(address(0));
        _refusesConfig(config, abi.encodeWithSelector(IProverBonds.ProverBonds__ZeroAddress.selector));

        config = _bondsConfig();
        config.minimumBond = 0;
        _refusesConfig(config, abi.encodeWithSelector(IProverBonds.ProverBonds__ZeroMinimumBond.selector));

        config = _bondsConfig();
        config.claimWindowSlots = EPOCH_SLOTS;
        _refusesConfig(
            config,
            abi.encodeWithSelector(IProverBonds.ProverBonds__InvalidClaimWindow.selector, EPOCH_SLOTS, EPOCH_SLOTS)
        );
        assertEq(bonds.config().minimumBond, MINIMUM_BOND);
    }

    function test_RevertWhen_NothingIsDeposited() external {
        vm.expectRevert(IProverBonds.ProverBonds__ZeroAmount.selector);
        bonds.deposit(alice);
    }

    function test_RevertWhen_AWithdrawalIsOfNothing() external {
        vm.expectRevert(IProverBonds.ProverBonds__ZeroAmount.selector);
        vm.prank(alice);
        bonds.startWithdrawal(0);
        vm.expectRevert(abi.encodeWithSelector(IProverBonds.ProverBonds__NothingToWithdraw.selector, alice));
        vm.prank(alice);
        bonds.finishWithdrawal();
    }

    /// @dev A withdrawal never frees a locked bond.
    function test_RevertGiven_TheDepositIsLocked() external {
        _claimEpoch0(alice, 100);

        vm.expectRevert(
            abi.encodeWithSelector(
                IProverBonds.ProverBonds__Unavailable.selector, alice, DEPOSIT, DEPOSIT - MINIMUM_BOND
            )
        );
        vm.prank(alice);
        bonds.startWithdrawal(DEPOSIT);
    }

    function test_WhenADepositIsWithdrawn() external {
        uint256 start = vm.getBlockTimestamp();
        vm.startPrank(alice);
        bonds.startWithdrawal(1 ether);
        vm.warp(start + BOND_DELAY / 2);
        vm.expectEmit(address(bonds));
        emit IProverBonds.WithdrawalStarted(alice, 0.5 ether, start + BOND_DELAY / 2 + BOND_DELAY);
        bonds.startWithdrawal(0.5 ether);
        assertEq(bonds.available(alice), DEPOSIT - 1.5 ether);

        uint256 end = start + BOND_DELAY / 2 + BOND_DELAY;
        vm.warp(end - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IProverBonds.ProverBonds__TooEarlyToWithdraw.selector, Timestamp.wrap(end - 1), end)
        );
        bonds.finishWithdrawal();
        vm.warp(end);
        bonds.finishWithdrawal();
        bonds.withdraw(address(0xCAFE));
        vm.stopPrank();

        assertEq(address(0xCAFE).balance, 1.5 ether);
        ProverAccount memory account = bonds.accountOf(alice);
        assertEq(account.deposited, DEPOSIT - 1.5 ether);
        assertEq(account.withdrawing, 0);
        assertEq(account.withdrawableAt, 0);
    }

    function test_WhenTheClaimantDelivers() external {
        _claimEpoch0(alice, 2000);
        _warpToSlot(DEADLINE - 1);

        vm.expectEmit(address(bonds));
        emit IProverBonds.ClaimSettled(address(rollup), EPOCH_0, alice, ClaimState.Delivered, 0, 0);
        _prove(1, 3, alice);

        _assertState(EPOCH_0, ClaimState.Delivered);
        assertEq(bonds.owed(alice), 3 * 2000 gwei);
        assertEq(rollup.owed(alice), 0);
        assertEq(rollup.owed(feeRecipient), 3 * 8000 gwei);
        assertEq(bonds.available(alice), DEPOSIT);
        _refusesToSettle(EPOCH_0, ClaimState.Delivered);
    }

    /// @dev ES-07: whoever proves first does not take the claimant's share, nor its time.
    function test_WhenTheTipHasAlreadyMoved() external {
        _claimEpoch0(alice, 2000);
        _prove(1, 2, _griefer);
        _prove(3, 3, bob);
        assertEq(_claimOf(EPOCH_0).reservedGwei, 6000);
        assertEq(rollup.owed(_griefer) + rollup.owed(bob), 0);

        _prove(1, 3, alice);
        assertEq(bonds.owed(alice), 6000 gwei);
        assertEq(bonds.owed(_griefer) + bonds.owed(bob), 0);
        assertEq(bonds.available(alice), DEPOSIT);

        // Nothing is delivered twice.
        _expectAlreadyProven(alice);
    }

    function test_WhenTheClaimantProvesOnlyAPart() external {
        _claimEpoch0(alice, 2000);
        _prove(1, 2, alice);
        _assertState(EPOCH_0, ClaimState.Claimed);
        _prove(2, 3, alice);
        _assertState(EPOCH_0, ClaimState.Claimed);

        _prove(1, 3, alice);
        _assertState(EPOCH_0, ClaimState.Delivered);
        assertEq(bonds.owed(alice), 6000 gwei);
    }

    /// @dev ES-06: the claimant is silent, two others prove before the deadline; the bond is lost once.
    function test_WhenTheClaimantIsSilentAndOthersProve() external {
        _claimEpoch0(alice, 2000);
        _prove(1, 1, _griefer);
        _prove(1, 3, bob);
        _warpToSlot(DEADLINE - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IProverBonds.ProverBonds__TooEarlyToSettle.selector, Slot.wrap(DEADLINE - 1))
        );
        bonds.settle(address(rollup), EPOCH_0);

        _warpToSlot(DEADLINE);
        _expectAlreadyProven(alice);
        uint256 third = MINIMUM_BOND / 2 / 3;
        vm.expectEmit(address(bonds));
        emit IProverBonds.ClaimSettled(
            address(rollup), EPOCH_0, alice, ClaimState.Defaulted, MINIMUM_BOND, third + MINIMUM_BOND / 2 * 2 / 3
        );
        bonds.settle(address(rollup), EPOCH_0);

        assertEq(bonds.owed(_griefer), third + 2000 gwei);
        assertEq(bonds.owed(bob), MINIMUM_BOND / 2 * 2 / 3 + 4000 gwei);
        assertEq(bonds.owed(treasury), MINIMUM_BOND - third - MINIMUM_BOND / 2 * 2 / 3);
        assertEq(bonds.accountOf(alice).deposited, DEPOSIT - MINIMUM_BOND);
        assertEq(bonds.accountOf(alice).locked, 0);
        _refusesToSettle(EPOCH_0, ClaimState.Defaulted);
    }

    /// @dev A stale claim's rate does not apply to blocks proven after its deadline.
    function test_WhenARescuerComesAfterTheDeadline() external {
        _claimEpoch0(alice, 2000);
        _warpToSlot(DEADLINE);
        vm.expectRevert(
            abi.encodeWithSelector(IProverBonds.ProverBonds__TooEarlyToSettle.selector, Slot.wrap(DEADLINE))
        );
        bonds.settle(address(rollup), EPOCH_0);
        _prove(1, 3, bob);
        assertEq(rollup.owed(bob), 3 * 3000 gwei, "the open share");

        bonds.settle(address(rollup), EPOCH_0);
        assertEq(bonds.owed(bob), MINIMUM_BOND / 2);
        assertEq(bonds.owed(treasury), MINIMUM_BOND / 2);
    }

    /// @dev ES-08: the claimant is late and no one else proves everything; what stays unproven is the treasury's.
    function test_WhenPartOfTheEpochIsPruned() external {
        _claimEpoch0(alice, 2000);
        _prove(1, 1, bob);
        _warpToSlot(WINDOW_END - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IProverBonds.ProverBonds__TooEarlyToSettle.selector, Slot.wrap(WINDOW_END - 1))
        );
        bonds.settle(address(rollup), EPOCH_0);
        _warpToSlot(WINDOW_END);
        rollup.prune();
        bonds.settle(address(rollup), EPOCH_0);

        assertEq(bonds.owed(bob), MINIMUM_BOND / 2 / 3 + 2000 gwei);
        assertEq(bonds.owed(treasury), MINIMUM_BOND - MINIMUM_BOND / 2 / 3);
    }

    /// @dev The epoch before was not proven, so the claimant could not deliver: prune returns the bond.
    function test_WhenTheEpochBeforeWasNotProven() external {
        _warpToSlot(2 * EPOCH_SLOTS);
        BlockRange memory range = BlockRange({firstNumber: 4, lastNumber: 4});
        _makeBlock(2 * EPOCH_SLOTS, FEES);
        _claim(_quote(alice, 2000, range), range);
        assertEq(_claimOf(EPOCH_1).deadlineSlot, 0);
        assertEq(_claimOf(EPOCH_1).releaseSlot, WINDOW_END);

        _warpToSlot(WINDOW_END - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IProverBonds.ProverBonds__TooEarlyToSettle.selector, Slot.wrap(WINDOW_END - 1))
        );
        bonds.settle(address(rollup), EPOCH_1);
        _warpToSlot(WINDOW_END);
        vm.expectEmit(address(bonds));
        emit IProverBonds.BondUnlocked(address(rollup), EPOCH_1, alice, MINIMUM_BOND);
        bonds.settle(address(rollup), EPOCH_1);

        assertEq(bonds.available(alice), DEPOSIT);
        _refusesToSettle(EPOCH_1, ClaimState.Released);
    }

    /// @dev The epoch before is proven in its last slot: the claimant still has 16 slots.
    function test_WhenTheEpochBeforeIsProvenLate() external {
        _warpToSlot(2 * EPOCH_SLOTS);
        BlockRange memory range = BlockRange({firstNumber: 4, lastNumber: 4});
        _makeBlock(2 * EPOCH_SLOTS, FEES);
        _claim(_quote(alice, 2000, range), range);
        _warpToSlot(WINDOW_END - 1);

        vm.expectEmit(address(bonds));
        emit IProverBonds.ClaimDeadlineSet(address(rollup), EPOCH_1, Slot.wrap(WINDOW_END - 1 + 16));
        _prove(1, 3, bob);
        _warpToSlot(WINDOW_END + 14);
        _prove(4, 4, alice);

        _assertState(EPOCH_1, ClaimState.Delivered);
        assertEq(bonds.owed(alice), 2000 gwei);
    }

    /// @dev A claim that is made when the epoch before was proven late in the claim's own window has the same deadline.
    function test_WhenTheEpochBeforeWasProvenJustBeforeTheClaim() external {
        BlockRange memory range = BlockRange({firstNumber: 4, lastNumber: 4});
        _warpToSlot(2 * EPOCH_SLOTS);
        _makeBlock(2 * EPOCH_SLOTS, FEES);
        _prove(1, 3, bob);
        vm.expectEmit(address(bonds));
        emit IProverBonds.ClaimDeadlineSet(address(rollup), EPOCH_1, Slot.wrap(3 * EPOCH_SLOTS));
        _claim(_quote(alice, 2000, range), range);

        assertEq(rollup.blockRecord(3).provenInSlot, 2 * EPOCH_SLOTS);
        assertEq(_claimOf(EPOCH_1).deadlineSlot, 3 * EPOCH_SLOTS);
    }

    /// @dev A replaced claim leaves what was reserved before; the cheaper prover earns it by delivering.
    function test_WhenTheClaimIsReplacedAfterAPrefix() external {
        _claimEpoch0(alice, 2000);
        _prove(1, 1, _griefer);
        bonds.replaceClaim(_quote(bob, 1000, _epoch0()), _epoch0());
        _prove(1, 3, bob);

        assertEq(bonds.owed(bob), 2000 gwei + 2 * 1000 gwei);
        assertEq(bonds.available(alice), DEPOSIT);
        assertEq(bonds.available(bob), DEPOSIT);
    }

    function test_GivenAPrefixWasProvenBeforeTheClaim() external {
        _prove(1, 2, _griefer);
        assertEq(rollup.owed(_griefer), 6000 gwei, "nothing was claimed");
        _claimEpoch0(alice, 2000);
        Claim memory current = _claimOf(EPOCH_0);
        assertEq(current.blocks, 1);

        _prove(3, 3, bob);
        _warpToSlot(DEADLINE);
        bonds.settle(address(rollup), EPOCH_0);
        assertEq(bonds.owed(bob), MINIMUM_BOND / 2 + 2000 gwei, "all of the rescuers' half");
    }

    /// @dev Anybody may report; without claims of the caller nothing happens, and value cannot get lost.
    function test_RevertWhen_AStrangerReportsWithValue() external {
        ProofReport memory report;
        report.blocks = 1;
        report.completes = true;
        bonds.reportProof(report);

        vm.deal(address(this), 1);
        vm.expectRevert(abi.encodeWithSelector(IProverBonds.ProverBonds__UnexpectedValue.selector, 1));
        bonds.reportProof{value: 1}(report);
        _claimEpoch0(alice, 2000);
        vm.deal(address(rollup), 1);
        vm.expectRevert(abi.encodeWithSelector(IProverBonds.ProverBonds__UnexpectedValue.selector, 1));
        vm.prank(address(rollup));
        bonds.reportProof{value: 1}(report);
    }

    function test_RevertGiven_ThereIsNothingToSettle() external {
        vm.expectRevert(abi.encodeWithSelector(IProverBonds.ProverBonds__NoClaim.selector, address(rollup), EPOCH_0));
        bonds.settle(address(rollup), EPOCH_0);
    }

    function test_RevertGiven_TheClaimIsSettledWhenItIsReplaced() external {
        _claimEpoch0(alice, 2000);
        SignedQuote memory cheaper = _quote(bob, 1000, _epoch0());
        _prove(1, 3, alice);

        vm.expectRevert(abi.encodeWithSelector(IProverBonds.ProverBonds__NothingToProve.selector, EPOCH_0));
        bonds.replaceClaim(cheaper, _epoch0());
    }

    function _expectAlreadyProven(address _prover) private {
        vm.expectRevert(abi.encodeWithSignature("Rollup__AlreadyProven(uint256)", 3));
        this.proveEpoch0(_prover);
    }

    /// @notice One call, so that a revert can be expected.
    function proveEpoch0(address _prover) external {
        _prove(1, 3, _prover);
    }

    function _refusesToSettle(Epoch _epoch, ClaimState _state) private {
        vm.expectRevert(
            abi.encodeWithSelector(IProverBonds.ProverBonds__NotClaimed.selector, address(rollup), _epoch, _state)
        );
        bonds.settle(address(rollup), _epoch);
    }

    function _refusesConfig(ProverBondsConfig memory _config, bytes memory _error) private {
        vm.expectRevert(_error);
        Deployed.bonds(_config);
    }
}
