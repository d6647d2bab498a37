// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {NetworkTest} from "@agoge-test/support/NetworkTest.sol";
import {ProvingTest} from "@agoge-test/support/ProvingTest.sol";
import {BlockRange, Claim, ClaimState, SignedQuote} from "@agoge/proving/IProverBonds.sol";
import {Tips} from "@agoge/rollup/IRollup.sol";
import {Epoch} from "@agoge/time/TimeLib.sol";

/// @notice Depositors, proposers, provers and people who withdraw, and a ledger of what the pool must hold.
contract SettlementHandler is ProvingTest {
    uint256 private constant PROVERS = 3;
    uint256 private constant RECIPIENTS = 3;

    address[] private _provers;

    /// @dev Notes of the pool after each block of the pending chain, gwei; 0 before the first.
    mapping(uint256 number => uint256) private _notesAfter;

    /// @dev Epochs that were ever claimed.
    uint256[] private _claimed;

    /// @dev All that ever came in, gwei of notes and wei of bonds; all that was ever pulled, wei.
    uint256 private _depositedGwei;
    uint256 private _bonded;
    uint256 private _pulledFromRollup;
    uint256 private _pulledFromBonds;

    /// @dev ETH that arrived in the pool without a deposit, wei.
    uint256 private _forced;

    constructor() {
        _deployNetwork(6, 4);
        for (uint256 i = 0; i < PROVERS; ++i) {
            _provers.push(_fundedProver(i, 5 ether));
            _bonded += 5 ether;
        }
    }

    function depositNotes(uint256 _count, uint64 _valueGwei) external {
        for (uint256 i = 0; i < _count % 4; ++i) {
            uint256 value = bound(_valueGwei, MINIMUM_DEPOSIT_GWEI, 1e12);
            _depositNote(value);
            _depositedGwei += value;
        }
    }

    /// @dev A block a few slots on, which spends some of the pool's notes.
    function propose(uint256 _skip, uint64 _fees, uint64 _withdrawal, uint256 _who) external {
        _warpToSlot(_slot() + 1 + _skip % 20);
        uint256 parent = rollup.tips().pendingNumber;
        uint256 number = _makeBlock(_slot(), 0);
        uint256 notes = _notesAfter[parent];
        for (uint256 i = entries[number].inboxStart; i < entries[number].inboxEnd; ++i) {
            notes += depositValues[i];
        }
        entries[number].totalFees = uint64(bound(_fees, 0, notes / 2));
        notes -= entries[number].totalFees;
        uint64 amount = uint64(bound(_withdrawal, 0, notes / 2));
        if (amount != 0) _withdrawIn(number, address(uint160(0xABC0000 + _who % RECIPIENTS)), amount);
        _notesAfter[number] = notes - amount;
    }

    /// @dev Blocks of the oldest unproven epoch, perhaps with proven ones before them, perhaps not all.
    function prove(uint256 _who, uint256 _back, uint256 _count) external {
        Tips memory tips = rollup.tips();
        uint256 first = tips.provenNumber + 1;
        if (first > tips.pendingNumber) return;
        uint256 epoch = _epochOf(first);
        if (epoch >= _slot() / EPOCH_SLOTS) return;

        uint256 last = first;
        while (last < tips.pendingNumber && _epochOf(last + 1) == epoch && last - first < _count % 40) ++last;
        while (first > 1 && _epochOf(first - 1) == epoch && _back % 3 != 0) --first;
        _prove(first, last, _provers[_who % PROVERS]);
    }

    /// @dev The claimant of an epoch delivers although others proved it.
    function deliver(uint256 _which) external {
        if (_claimed.length == 0) return;
        uint256 epoch = _claimed[_which % _claimed.length];
        Tips memory tips = rollup.tips();
        BlockRange memory range = _rangeOf(epoch, tips.pendingNumber);
        Claim memory claim_ = bonds.claimOf(address(rollup), Epoch.wrap(epoch));
        bool isOpen = claim_.state == ClaimState.Claimed && claim_.deadlineSlot != 0 && _slot() < claim_.deadlineSlot;
        if (!isOpen || range.lastNumber == 0 || epoch >= _slot() / EPOCH_SLOTS) return;

        _prove(range.firstNumber, range.lastNumber, claim_.prover);
        assertEq(uint256(_stateOf(epoch)), uint256(ClaimState.Delivered));
    }

    /// @dev The proposer claims the epoch before, or somebody undercuts.
    function claimEpoch(uint256 _who, uint256 _fee) external {
        uint256 current = _slot() / EPOCH_SLOTS;
        Tips memory tips = rollup.tips();
        if (current == 0 || tips.pendingNumber == 0 || _slot() % EPOCH_SLOTS >= CLAIM_WINDOW) return;
        BlockRange memory range = _rangeOf(current - 1, tips.pendingNumber);
        address who = _provers[_who % PROVERS];
        bool isProposed = _epochOf(tips.pendingNumber) == current;
        bool isAbsent = range.lastNumber == 0 || range.lastNumber <= tips.provenNumber;
        if (isAbsent || !isProposed || bonds.available(who) < MINIMUM_BOND) return;

        uint256 fee = bound(_fee, 0, 10_000);
        SignedQuote memory signed = _quote(who, fee, range);
        signed.quote.nonce = uint256(keccak256(abi.encode(_who, _fee, vm.getBlockTimestamp())));
        signed = _signQuote(signed.quote);
        Claim memory standing = bonds.claimOf(address(rollup), Epoch.wrap(current - 1));
        if (standing.state == ClaimState.None) {
            _claim(signed, range);
            _claimed.push(current - 1);
        } else if (fee < standing.basisPointFee && !bonds.isQuoteUsed(bonds.quoteDigest(signed.quote))) {
            bonds.replaceClaim(signed, range);
        }
    }

    function settleClaim(uint256 _which) external {
        if (_claimed.length == 0) return;
        uint256 epoch = _claimed[_which % _claimed.length];
        try bonds.settle(address(rollup), Epoch.wrap(epoch)) {
            assertNotEq(uint256(_stateOf(epoch)), uint256(ClaimState.Claimed));
        } catch {}
    }

    function prune() external {
        try rollup.prune() {} catch {}
    }

    function passTime(uint256 _slots) external {
        _warpToSlot(_slot() + _slots % (2 * EPOCH_SLOTS));
    }

    function withdrawBond(uint256 _who, uint256 _amount) external {
        address who = _provers[_who % PROVERS];
        uint256 free = bonds.available(who);
        if (free > MINIMUM_BOND) {
            vm.prank(who);
            bonds.startWithdrawal(bound(_amount, 1, free - MINIMUM_BOND));
        }
        vm.warp(vm.getBlockTimestamp() + BOND_DELAY);
        vm.prank(who);
        try bonds.finishWithdrawal() {} catch {}
    }

    function pull(uint256 _who) external {
        address who = _accountAt(_who % (PROVERS + RECIPIENTS + 2));
        if (rollup.owed(who) != 0) {
            vm.prank(who);
            _pulledFromRollup += rollup.withdraw(address(0xCAFE));
        }
        if (bonds.owed(who) != 0) {
            vm.prank(who);
            _pulledFromBonds += bonds.withdraw(address(0xCAFE));
        }
    }

    /// @notice RP-23: forced ETH changes no account.
    function forceEther(uint256 _amount) external {
        _forced += _amount % 1 ether;
        vm.deal(address(rollup), address(rollup).balance + _amount % 1 ether);
    }

    /// @notice The pool holds the proven notes, the deposits that no proven block consumed, and what is credited.
    function checkPool() external view {
        Tips memory tips = rollup.tips();
        uint256 waiting = 0;
        for (uint256 i = tips.provenInboxEnd; i < rollup.inboxCount(); ++i) {
            waiting += depositValues[i];
        }
        uint256 credited = 0;
        for (uint256 i = 0; i < PROVERS + RECIPIENTS + 2; ++i) {
            credited += rollup.owed(_accountAt(i));
        }
        uint256 notes = _notesAfter[tips.provenNumber];
        assertEq(address(rollup).balance, (notes + waiting) * 1 gwei + credited + _forced, "pool");
        assertGe(tips.pendingNumber, tips.provenNumber);
    }

    /// @notice ProverBonds holds all deposits, the reserved shares of open claims, and what is credited.
    function checkBonds() external view {
        uint256 held = 0;
        uint256 locked = 0;
        for (uint256 i = 0; i < PROVERS; ++i) {
            held += bonds.accountOf(_provers[i]).deposited;
            locked += bonds.accountOf(_provers[i]).locked;
        }
        for (uint256 i = 0; i < PROVERS + RECIPIENTS + 2; ++i) {
            held += bonds.owed(_accountAt(i));
        }
        uint256 open = 0;
        for (uint256 i = 0; i < _claimed.length; ++i) {
            Claim memory claim_ = bonds.claimOf(address(rollup), Epoch.wrap(_claimed[i]));
            if (claim_.state != ClaimState.Claimed) continue;
            open += claim_.bondAmount;
            held += uint256(claim_.reservedGwei) * 1 gwei;
            assertLe(claim_.provenBlocks, claim_.blocks);
        }
        assertEq(address(bonds).balance, held, "bonds");
        assertEq(locked, open, "a bond is locked exactly while its claim is open");
    }

    /// @notice Nothing came out that did not go in.
    function checkTotals() external view {
        uint256 inWei = _depositedGwei * 1 gwei + _bonded + _forced;
        uint256 inside = address(rollup).balance + address(bonds).balance;
        assertEq(inside + _pulledFromRollup + _pulledFromBonds, inWei, "totals");
    }

    /// @dev First and last block of an epoch on the pending chain; zeros if it has none.
    function _rangeOf(uint256 _epoch, uint256 _pending) private view returns (BlockRange memory range) {
        for (uint256 n = _pending; n > 0 && _epochOf(n) >= _epoch; --n) {
            if (_epochOf(n) != _epoch) continue;
            if (range.lastNumber == 0) range.lastNumber = n;
            range.firstNumber = n;
        }
    }

    function _accountAt(uint256 _index) private view returns (address) {
        if (_index < PROVERS) return _provers[_index];
        if (_index < PROVERS + RECIPIENTS) return address(uint160(0xABC0000 + _index - PROVERS));
        return _index == PROVERS + RECIPIENTS ? feeRecipient : treasury;
    }

    function _stateOf(uint256 _epoch) private view returns (ClaimState) {
        return bonds.claimOf(address(rollup), Epoch.wrap(_epoch)).state;
    }

    function _epochOf(uint256 _number) private view returns (uint256) {
        return entries[_number].slot / EPOCH_SLOTS;
    }

    function _slot() private view returns (uint256) {
        return (vm.getBlockTimestamp() - GENESIS) / SLOT_SECONDS;
    }
}

contract SettlementInvariantTest is NetworkTest {
    SettlementHandler private _handler;

    function setUp() external {
        _handler = new SettlementHandler();
        bytes4[] memory selectors = new bytes4[](15);
        selectors[0] = SettlementHandler.propose.selector;
        selectors[1] = SettlementHandler.propose.selector;
        selectors[2] = SettlementHandler.propose.selector;
        selectors[3] = SettlementHandler.prove.selector;
        selectors[4] = SettlementHandler.prove.selector;
        selectors[5] = SettlementHandler.claimEpoch.selector;
        selectors[6] = SettlementHandler.claimEpoch.selector;
        selectors[7] = SettlementHandler.deliver.selector;
        selectors[8] = SettlementHandler.settleClaim.selector;
        selectors[9] = SettlementHandler.prune.selector;
        selectors[10] = SettlementHandler.passTime.selector;
        selectors[11] = SettlementHandler.withdrawBond.selector;
        selectors[12] = SettlementHandler.pull.selector;
        selectors[13] = SettlementHandler.depositNotes.selector;
        selectors[14] = SettlementHandler.forceEther.selector;
        targetSelector(FuzzSelector({addr: address(_handler), selectors: selectors}));
        targetContract(address(_handler));
    }

    function invariant_ThePoolHoldsNotesDepositsAndCredits() external view {
        _handler.checkPool();
        _handler.checkTotals();
    }

    function invariant_BondsHoldDepositsReservesAndCredits() external view {
        _handler.checkBonds();
        _handler.checkTotals();
    }
}
