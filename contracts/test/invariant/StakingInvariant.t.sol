// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {NetworkTest} from "@agoge-test/support/NetworkTest.sol";
import {Evidence, MessageKind, SignedMessage, Validator, ValidatorStatus} from "@agoge/staking/IStaking.sol";
import {Epoch, Slot} from "@agoge/time/TimeLib.sol";

/// @notice Twelve actors do every legal move of Staking; ghosts keep what must come out.
contract StakingHandler is NetworkTest {
    uint256 public constant ACTORS = 12;

    /// @notice ETH that went in and that came out, wei.
    uint256 public deposited;
    uint256 public paidOut;

    /// @notice First epoch whose set was read, and what was read.
    mapping(uint256 epoch => bytes32) public setHashOf;
    uint256[] public epochsRead;

    uint256 private _slashedSlot = 1_000_000;

    constructor() {
        _deployNetwork(6, 4);
        deposited = 6 * STAKE;
    }

    function deposit(uint256 _actor) external {
        uint256 index = _actor % ACTORS;
        if (_statusOf(index) != ValidatorStatus.None) return;

        _stake(index);
        deposited += STAKE;
    }

    function activateQueued(uint256 _countMax) external {
        staking.activateQueued(_countMax % 4);
    }

    function pin(uint256 _actor, bool _isPinned) external {
        uint256 index = _actor % ACTORS;
        address attester = _attester(index);
        address target = _isPinned ? address(rollup) : address(0);
        if (_statusOf(index) != ValidatorStatus.Active || staking.validator(attester).pinnedTo == target) return;

        vm.prank(_withdrawer(index));
        staking.pin(attester, target);
    }

    function startExit(uint256 _actor) external {
        uint256 index = _actor % ACTORS;
        ValidatorStatus status = _statusOf(index);
        if (status != ValidatorStatus.Queued && status != ValidatorStatus.Active) return;

        vm.prank(_withdrawer(index));
        staking.startExit(_attester(index));
    }

    function finaliseExit(uint256 _actor) external {
        address attester = _attester(_actor % ACTORS);
        Validator memory validator = staking.validator(attester);
        if (validator.status != ValidatorStatus.Exiting) return;

        if (vm.getBlockTimestamp() < validator.exitableAt) _warp(validator.exitableAt);
        staking.finaliseExit(attester);
    }

    function slash(uint256 _actor, bool _isProposal) external {
        uint256 index = _actor % ACTORS;
        address attester = _attester(index);
        Validator memory validator = staking.validator(attester);
        if (validator.status == ValidatorStatus.None || validator.activatedAt == 0) return;

        Slot slot = Slot.wrap(_slashedSlot++);
        MessageKind kind = _isProposal ? MessageKind.Proposal : MessageKind.Attestation;
        staking.slash(
            Evidence({
                instance: address(rollup),
                genesisId: rollup.genesisId(),
                slot: slot,
                kind: kind,
                first: _message(attester, slot, kind, "first"),
                second: _message(attester, slot, kind, "second")
            })
        );
    }

    function delegate(uint256 _actor, uint256 _to) external {
        vm.prank(_withdrawer(_actor % ACTORS));
        staking.delegate(_withdrawer(_to % ACTORS));
    }

    function withdraw(uint256 _actor) external {
        uint256 index = _actor % (ACTORS + 2);
        address account = index < ACTORS ? _withdrawer(index) : index == ACTORS ? treasury : address(this);
        if (staking.owed(account) == 0) return;

        vm.prank(account);
        paidOut += staking.withdraw(address(0xCA5E));
    }

    function passTime(uint256 _seconds) external {
        _warp(vm.getBlockTimestamp() + _seconds % (2 * EPOCH_SLOTS * SLOT_SECONDS));
    }

    function readSet() external {
        uint256 epoch = (vm.getBlockTimestamp() - GENESIS) / SLOT_SECONDS / EPOCH_SLOTS + SET_LAG;
        if (setHashOf[epoch] != 0) return;

        epochsRead.push(epoch);
        setHashOf[epoch] = _setHash(epoch);
    }

    function epochsReadCount() external view returns (uint256) {
        return epochsRead.length;
    }

    function accountedValue() external returns (uint256 value) {
        value = staking.owed(treasury) + staking.owed(address(this));
        for (uint256 i = 0; i < ACTORS; ++i) {
            value += staking.validator(_attester(i)).stake + staking.owed(_withdrawer(i));
        }
    }

    /// @notice Stake of the active validators, and what all accounts that can be delegated to may vote with, wei.
    function power() external returns (uint256 activeStake, uint256 votes) {
        for (uint256 i = 0; i < ACTORS; ++i) {
            Validator memory validator = staking.validator(_attester(i));
            if (validator.status == ValidatorStatus.Active) activeStake += validator.stake;
            votes += staking.getVotes(_withdrawer(i));
        }
    }

    /// @notice All power, as proposals with a snapshot of this second will count it.
    function totalPower() external returns (uint256 total) {
        uint256 time = vm.getBlockTimestamp();
        _warp(time + 1);
        total = staking.getPastTotalSupply(time);
        _warp(time);
    }

    function balance() external view returns (uint256) {
        return address(staking).balance;
    }

    function currentSetHash(uint256 _epoch) external view returns (bytes32) {
        return _setHash(_epoch);
    }

    /// @notice The active validators are exactly those of the list as the next epoch but one will freeze it, none twice.
    function checkMembership() external {
        uint256 time = vm.getBlockTimestamp();
        uint256 epoch = (time - GENESIS) / SLOT_SECONDS / EPOCH_SLOTS + SET_LAG + 1;
        uint256 snapshot = vm.snapshotState();
        _warpToSlot(epoch * EPOCH_SLOTS);
        address[] memory set = staking.set(address(rollup), Epoch.wrap(epoch));
        vm.revertToState(snapshot);

        uint256 active;
        for (uint256 i = 0; i < ACTORS; ++i) {
            uint256 seats;
            address attester = _attester(i);
            for (uint256 j = 0; j < set.length; ++j) {
                if (set[j] == attester) ++seats;
            }
            bool isActive = staking.validator(attester).status == ValidatorStatus.Active;
            assertEq(seats, isActive ? 1 : 0, "seats of a validator");
            if (isActive) ++active;
        }
        assertEq(set.length, active, "strangers in the set");
    }

    function _setHash(uint256 _epoch) private view returns (bytes32) {
        return keccak256(abi.encode(staking.set(address(rollup), Epoch.wrap(_epoch))));
    }

    function _statusOf(uint256 _index) private returns (ValidatorStatus) {
        return staking.validator(_attester(_index)).status;
    }

    function _message(address _signer, Slot _slot, MessageKind _kind, bytes32 _blockHash)
        private
        view
        returns (SignedMessage memory)
    {
        bytes32 digest = _kind == MessageKind.Proposal
            ? rollup.proposalDigest(_slot, _blockHash, 0)
            : rollup.attestationDigest(_slot, _blockHash);
        (bytes32 r, bytes32 vs) = _sign(_signer, digest);
        return SignedMessage({blockHash: _blockHash, bodyHash: 0, r: r, vs: vs});
    }
}

contract StakingInvariantTest is NetworkTest {
    StakingHandler private _handler;

    function setUp() external {
        _handler = new StakingHandler();
        bytes4[] memory selectors = new bytes4[](10);
        selectors[0] = StakingHandler.deposit.selector;
        selectors[1] = StakingHandler.activateQueued.selector;
        selectors[2] = StakingHandler.pin.selector;
        selectors[3] = StakingHandler.startExit.selector;
        selectors[4] = StakingHandler.finaliseExit.selector;
        selectors[5] = StakingHandler.slash.selector;
        selectors[6] = StakingHandler.withdraw.selector;
        selectors[7] = StakingHandler.passTime.selector;
        selectors[8] = StakingHandler.readSet.selector;
        selectors[9] = StakingHandler.delegate.selector;
        targetSelector(FuzzSelector({addr: address(_handler), selectors: selectors}));
        targetContract(address(_handler));
    }

    function invariant_BalanceIsWhatIsAccounted() external {
        assertEq(_handler.balance(), _handler.accountedValue());
        assertEq(_handler.deposited(), _handler.balance() + _handler.paidOut());
    }

    function invariant_ASetNeverChanges() external view {
        for (uint256 i = 0; i < _handler.epochsReadCount(); ++i) {
            uint256 epoch = _handler.epochsRead(i);
            assertEq(_handler.currentSetHash(epoch), _handler.setHashOf(epoch));
        }
    }

    function invariant_PowerIsTheStakeOfTheActive() external {
        (uint256 activeStake, uint256 votes) = _handler.power();
        assertEq(votes, activeStake, "votes");
        assertEq(_handler.totalPower(), activeStake, "total");
    }

    function invariant_TheListHoldsExactlyTheActive() external {
        _handler.checkMembership();
    }
}
