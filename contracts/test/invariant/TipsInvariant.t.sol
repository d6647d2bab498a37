// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {NetworkTest, Proposal} from "@agoge-test/support/NetworkTest.sol";
import {BlockRecord, Tips} from "@agoge/rollup/IRollup.sol";
import {Slot} from "@agoge/time/TimeLib.sol";

/// @notice Proposes, deposits, prunes and lets time pass; ghosts keep the chain that must come out.
contract TipsHandler is NetworkTest {
    /// @notice Archives and slots of the pending chain, block 1 first, and deposits consumed after each block.
    bytes32[] public archives;
    uint256[] public slots;
    uint256[] public inboxEnds;

    constructor() {
        _deployNetwork(6, 4);
    }

    function propose(uint256 _skip) external {
        uint256 slot = _currentSlot() + 1 + _skip % 3;
        _warpToSlot(slot);
        _forgetPruned();
        Proposal memory p = _proposal();
        _propose(p);

        archives.push(p.block_.archive);
        slots.push(slot);
        inboxEnds.push(p.block_.inboxEnd);
    }

    function deposit(uint256 _count) external {
        for (uint256 i = 0; i < _count % 20; ++i) {
            _deposit(MINIMUM_DEPOSIT_GWEI, i);
        }
    }

    function prune() external {
        if (slots.length == 0 || !_isOver(slots[0])) return;

        rollup.prune();
        _forgetPruned();
    }

    function passTime(uint256 _slots) external {
        _warpToSlot(_currentSlot() + _slots % (2 * EPOCH_SLOTS));
    }

    /// @notice The views show the ghost chain, pruned if its first block's window is over.
    function check() external view {
        Tips memory tips = rollup.tips();
        bool isPruned = slots.length != 0 && _isOver(slots[0]);
        uint256 length = isPruned ? 0 : slots.length;

        assertEq(tips.pendingNumber, length);
        assertEq(tips.provenNumber, 0);
        assertLe(length, (PROOF_WINDOW + 1) * EPOCH_SLOTS, "unproven blocks are bounded");
        assertEq(rollup.blockRecord(0).archive, GENESIS_ARCHIVE);
        if (length == 0) {
            assertEq(tips.pendingInboxEnd, 0);
            return;
        }

        assertEq(tips.pendingSlot, slots[length - 1]);
        assertEq(tips.firstUnprovenSlot, slots[0]);
        assertEq(tips.pendingInboxEnd, inboxEnds[length - 1]);
        assertLe(tips.pendingInboxEnd, rollup.inboxCount());
        for (uint256 i = 0; i < length; ++i) {
            BlockRecord memory record = rollup.blockRecord(i + 1);
            assertEq(record.archive, archives[i]);
        }
    }

    function _forgetPruned() private {
        if (slots.length == 0 || !_isOver(slots[0])) return;

        delete archives;
        delete slots;
        delete inboxEnds;
    }

    function _isOver(uint256 _slot) private view returns (bool) {
        uint256 end = (_slot / EPOCH_SLOTS + PROOF_WINDOW + 1) * EPOCH_SLOTS;
        return vm.getBlockTimestamp() >= GENESIS + end * SLOT_SECONDS;
    }

    function _currentSlot() private view returns (uint256) {
        return (vm.getBlockTimestamp() - GENESIS) / SLOT_SECONDS;
    }
}

contract TipsInvariantTest is NetworkTest {
    TipsHandler private _handler;

    function setUp() external {
        _handler = _newHandler();
        bytes4[] memory selectors = new bytes4[](5);
        selectors[0] = TipsHandler.propose.selector;
        selectors[1] = TipsHandler.propose.selector;
        selectors[2] = TipsHandler.deposit.selector;
        selectors[3] = TipsHandler.prune.selector;
        selectors[4] = TipsHandler.passTime.selector;
        targetSelector(FuzzSelector({addr: address(_handler), selectors: selectors}));
        targetContract(address(_handler));
    }

    function invariant_TheViewsShowTheChain() external view {
        _handler.check();
    }

    function _newHandler() internal virtual returns (TipsHandler) {
        return new TipsHandler();
    }
}
