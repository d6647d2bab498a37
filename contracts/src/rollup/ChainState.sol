// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BlockRecord, IRollup, RollupConfig, Tips} from "@agoge/rollup/IRollup.sol";
import {Inbox} from "@agoge/rollup/Inbox.sol";
import {TipsLib} from "@agoge/rollup/TipsLib.sol";
import {Epoch, NetworkClock, Slot, TimeLib, Timestamp} from "@agoge/time/TimeLib.sol";

/// @title ChainState
/// @notice The records of the last blocks, the ends of the two chains, and the prune; promises in IRollup.
abstract contract ChainState is Inbox {
    using TimeLib for NetworkClock;
    using TipsLib for Tips;

    /// @dev A word that was written costs less to write again: the first round of blocks shall cost what all others cost.
    bytes32 private constant FILLED = bytes32(uint256(1));

    Tips internal _tips;

    /// @dev Block n at index `n mod ringSize`.
    mapping(uint256 index => BlockRecord) private _ring;

    constructor(RollupConfig memory _config) {
        for (uint256 i = 1; i < _config.ringSize; ++i) {
            _ring[i] = BlockRecord({archive: FILLED, blockHash: FILLED, slot: 1, inboxEnd: 0, provenInSlot: 0});
        }
        _ring[0] =
            BlockRecord({archive: _config.genesisArchive, blockHash: FILLED, slot: 0, inboxEnd: 0, provenInSlot: 0});
    }

    /// @inheritdoc IRollup
    function prune() external override {
        Tips memory current = _tips;
        require(_isPruneDue(current, TimeLib.current()), Rollup__NothingToPrune());

        _tips = _pruned(current);
    }

    /// @inheritdoc IRollup
    function tips() external view override returns (Tips memory) {
        return tipsAt(TimeLib.current());
    }

    /// @inheritdoc IRollup
    function blockRecord(uint256 _number) external view override returns (BlockRecord memory) {
        require(_isKept(_number, tipsAt(TimeLib.current())), Rollup__NoSuchBlock(_number));

        return _recordOf(_number);
    }

    /// @inheritdoc IRollup
    function acceptsProof(Epoch _epoch, Timestamp _time) external view override returns (bool) {
        return !prunable(_epoch, _time);
    }

    /// @inheritdoc IRollup
    function tipsAt(Timestamp _time) public view override returns (Tips memory current) {
        current = _tips;
        if (_isPruneDue(current, _time)) current = current.pruned();
    }

    /// @inheritdoc IRollup
    function prunable(Epoch _epoch, Timestamp _time) public view override returns (bool) {
        return _isPrunable(_clock(), _epoch, _time);
    }

    /// @dev The tips, pruned if that is due; the caller stores them.
    function _tipsAfterDuePrune() internal returns (Tips memory current) {
        current = _tips;
        if (_isPruneDue(current, TimeLib.current())) current = _pruned(current);
    }

    function _pruned(Tips memory _current) internal returns (Tips memory) {
        emit Pruned(_current.pendingNumber, _current.provenNumber);

        return _current.pruned();
    }

    function _storeRecord(uint256 _number, BlockRecord memory _record) internal {
        _ring[_number % RING_SIZE] = _record;
    }

    function _markProven(uint256 _number, Slot _slot) internal {
        // casting is safe: the current slot of a clock whose slots blocks could store
        // forge-lint: disable-next-line(unsafe-typecast)
        _recordOf(_number).provenInSlot = uint32(Slot.unwrap(_slot));
    }

    /// @dev The record of a block that `_isKept`; only the words that are read cost.
    function _recordOf(uint256 _number) internal view returns (BlockRecord storage) {
        return _ring[_number % RING_SIZE];
    }

    function _epochOfBlock(uint256 _number) internal view returns (Epoch) {
        return _clock().epochOf(Slot.wrap(_recordOf(_number).slot));
    }

    function _isKept(uint256 _number, Tips memory _current) internal view returns (bool) {
        return _number <= _current.pendingNumber && _current.pendingNumber < _number + RING_SIZE;
    }

    /// @dev Whether blocks `_from..=_to` are all blocks of an epoch, which is over; both are kept and the block before them is.
    function _isWholeEpoch(Epoch _epoch, uint256 _from, uint256 _to, Tips memory _current)
        internal
        view
        returns (bool)
    {
        return _epochOfBlock(_from) == _epoch && _epochOfBlock(_to) == _epoch
            && (_from == 1 || _epochOfBlock(_from - 1) < _epoch)
            && (_to == _current.pendingNumber || _epochOfBlock(_to + 1) > _epoch);
    }

    function _isPruneDue(Tips memory _current, Timestamp _time) private view returns (bool) {
        if (!_current.hasUnproven()) return false;

        NetworkClock memory clock = _clock();
        return _isPrunable(clock, clock.epochOf(Slot.wrap(_current.firstUnprovenSlot)), _time);
    }

    function _isPrunable(NetworkClock memory _networkClock, Epoch _epoch, Timestamp _time) private view returns (bool) {
        Epoch firstTooLate = Epoch.wrap(Epoch.unwrap(_epoch) + PROOF_WINDOW_EPOCHS + 1);
        return _time >= _networkClock.startOfEpoch(firstTooLate);
    }
}
