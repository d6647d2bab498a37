// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PullPayments} from "@agoge/payments/PullPayments.sol";
import {MessageLib} from "@agoge/rollup/MessageLib.sol";
import {AttesterList, AttesterListLib} from "@agoge/staking/AttesterListLib.sol";
import {Entry, EntryQueue, EntryQueueLib} from "@agoge/staking/EntryQueueLib.sol";
import {EvidenceLib} from "@agoge/staking/EvidenceLib.sol";
import {Evidence, IStaking, MessageKind, StakingConfig, Validator, ValidatorStatus} from "@agoge/staking/IStaking.sol";
import {StakeVotes} from "@agoge/staking/StakeVotes.sol";
import {StakingParameters} from "@agoge/staking/StakingParameters.sol";
import {ValidatorSets} from "@agoge/staking/ValidatorSets.sol";
import {Epoch, NetworkClock, Slot, TimeLib, Timestamp} from "@agoge/time/TimeLib.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @title Staking
/// @notice Validators from deposit to exit, slashing, voting power and the allow-list; promises in IStaking.
contract Staking is ValidatorSets, PullPayments, StakeVotes {
    using AttesterListLib for AttesterList;
    using EntryQueueLib for EntryQueue;
    using EvidenceLib for Evidence;
    using SafeCast for uint256;
    using TimeLib for NetworkClock;

    uint256 private constant COMPACT_SIGNATURE_BYTES = 64;

    /// @inheritdoc IStaking
    bool public override isAllowListOn;
    /// @inheritdoc IStaking
    mapping(address attester => bool) public override isAllowed;
    /// @inheritdoc IStaking
    mapping(address attester => uint256) public override attesterNonces;

    mapping(address attester => Validator) private _validators;
    mapping(bytes32 equivocation => bool) private _isSlashed;
    EntryQueue private _queue;

    constructor(StakingConfig memory _config)
        StakingParameters(_config)
        EIP712(MessageLib.DOMAIN_NAME, MessageLib.DOMAIN_VERSION)
    {
        isAllowListOn = _config.isAllowListOn;
    }

    /// @inheritdoc IStaking
    function deposit(address _attester, address _withdrawer, bytes calldata _proofOfPossession)
        external
        payable
        override
    {
        require(_attester != address(0) && _withdrawer != address(0), Staking__ZeroAddress());
        require(msg.value == ACTIVATION_STAKE, Staking__WrongStake(msg.value, ACTIVATION_STAKE));
        Validator storage entrant = _validators[_attester];
        require(entrant.status == ValidatorStatus.None, Staking__AlreadyStaked(_attester));
        require(!isAllowListOn || isAllowed[_attester], Staking__NotAllowed(_attester));
        require(
            _proofOfPossession.length == COMPACT_SIGNATURE_BYTES
                && _recover(
                    proofOfPossessionDigest(_attester, _withdrawer),
                    bytes32(_proofOfPossession[:32]),
                    bytes32(_proofOfPossession[32:])
                ) == _attester,
            Staking__WrongProofOfPossession(_attester)
        );

        uint256 nonce = attesterNonces[_attester]++;
        entrant.withdrawer = _withdrawer;
        entrant.status = ValidatorStatus.Queued;
        entrant.stake = msg.value.toUint128();
        emit StakeDeposited(_attester, _withdrawer, msg.value, nonce);
        _delegateToItselfAtFirst(_withdrawer);

        Timestamp time = TimeLib.current();
        if (time < GENESIS_TIME) {
            _activate(_attester, time);
        } else {
            _queue.push(_attester, nonce + 1);
            _activateQueued(1, time);
        }
    }

    /// @inheritdoc IStaking
    function activateQueued(uint256 _countMax) external override returns (uint256 count) {
        return _activateQueued(_countMax, TimeLib.current());
    }

    /// @inheritdoc IStaking
    function pin(address _attester, address _instance) external override {
        Validator storage active = _validators[_attester];
        _requireWithdrawer(active);
        require(active.status == ValidatorStatus.Active, Staking__WrongStatus(_attester, active.status));
        require(active.pinnedTo != _instance, Staking__AlreadyPinned(_attester, _instance));
        require(
            _instance == FOLLOW_REGISTRY || REGISTRY.activationOf(_instance) <= REGISTRY.currentEpoch(),
            Staking__InstanceNotActive(_instance)
        );

        Timestamp time = TimeLib.current();
        _leaveList(active, time);
        active.pinnedTo = _instance;
        active.position = _lists[_instance].append(_attester, time).toUint32();
        emit ValidatorPinned(_attester, _instance);
    }

    /// @inheritdoc IStaking
    function startExit(address _attester) external override {
        Validator storage leaver = _validators[_attester];
        _requireWithdrawer(leaver);
        ValidatorStatus status = leaver.status;
        require(
            status == ValidatorStatus.Queued || status == ValidatorStatus.Active,
            Staking__WrongStatus(_attester, status)
        );

        _startExit(_attester, leaver, TimeLib.current(), false);
    }

    /// @inheritdoc IStaking
    function finaliseExit(address _attester) external override {
        Validator memory leaver = _validators[_attester];
        require(leaver.status == ValidatorStatus.Exiting, Staking__WrongStatus(_attester, leaver.status));
        Timestamp time = TimeLib.current();
        require(time >= Timestamp.wrap(leaver.exitableAt), Staking__TooEarlyToExit(time, leaver.exitableAt));

        delete _validators[_attester];
        emit ExitFinalised(_attester, leaver.withdrawer, leaver.stake);
        _credit(leaver.withdrawer, leaver.stake);
    }

    /// @inheritdoc IStaking
    function slash(Evidence calldata _evidence) external override {
        REGISTRY.activationOf(_evidence.instance);
        address attester = _evidence.recoverEquivocator();
        Validator storage culprit = _validators[attester];
        require(
            culprit.status == ValidatorStatus.Active || culprit.status == ValidatorStatus.Exiting,
            Staking__WrongStatus(attester, culprit.status)
        );
        require(
            _isAfterActivation(_evidence.slot, Timestamp.wrap(culprit.activatedAt)),
            Staking__BeforeActivation(_evidence.slot, attester)
        );
        bytes32 equivocation = _equivocationKey(attester, _evidence.instance, _evidence.kind, _evidence.slot);
        require(
            !_isSlashed[equivocation],
            Staking__AlreadySlashed(attester, _evidence.instance, _evidence.slot, _evidence.kind)
        );

        _isSlashed[equivocation] = true;
        uint256 amount = ACTIVATION_STAKE * SLASH_BPS / BASIS_POINTS;
        if (amount > culprit.stake) amount = culprit.stake;
        uint256 reporterShare = amount * REPORTER_BPS / BASIS_POINTS;
        culprit.stake -= amount.toUint128();
        emit Slashed(attester, _evidence.instance, _evidence.slot, _evidence.kind, amount, msg.sender, reporterShare);
        _credit(msg.sender, reporterShare);
        _credit(TREASURY, amount - reporterShare);

        if (culprit.status == ValidatorStatus.Active) {
            _removePower(culprit.withdrawer, amount);
            if (culprit.stake < MINIMUM_STAKE) _startExit(attester, culprit, TimeLib.current(), true);
        }
    }

    /// @inheritdoc IStaking
    function setAllowed(address[] calldata _attesters, bool _isAllowed) external override {
        require(msg.sender == ALLOW_LIST_ADMIN, Staking__NotAllowListAdmin(msg.sender));
        require(isAllowListOn, Staking__AllowListIsOff());

        for (uint256 i = 0; i < _attesters.length; ++i) {
            isAllowed[_attesters[i]] = _isAllowed;
            emit AllowListChanged(_attesters[i], _isAllowed);
        }
    }

    /// @inheritdoc IStaking
    function disableAllowList() external override {
        require(msg.sender == GOVERNANCE, Staking__NotGovernance(msg.sender));
        require(isAllowListOn, Staking__AllowListIsOff());

        isAllowListOn = false;
        emit AllowListDisabled();
    }

    /// @inheritdoc IStaking
    function validator(address _attester) external view override returns (Validator memory) {
        return _validators[_attester];
    }

    /// @inheritdoc IStaking
    function queueLength() external view override returns (uint256) {
        return _queue.length();
    }

    /// @inheritdoc IStaking
    function isSlashed(address _attester, address _instance, MessageKind _kind, Slot _slot)
        external
        view
        override
        returns (bool)
    {
        return _isSlashed[_equivocationKey(_attester, _instance, _kind, _slot)];
    }

    /// @inheritdoc IStaking
    function domainSeparator() public view override returns (bytes32) {
        return _domainSeparatorV4();
    }

    /// @inheritdoc IStaking
    function proofOfPossessionDigest(address _attester, address _withdrawer) public view override returns (bytes32) {
        return _hashTypedDataV4(MessageLib.proofOfPossessionHash(_attester, _withdrawer, attesterNonces[_attester]));
    }

    function _activateQueued(uint256 _countMax, Timestamp _now) private returns (uint256 count) {
        if (_queue.length() == 0) return 0;

        Epoch epoch = _clock().epochAtOrZero(_now);
        uint256 places = ENTRIES_PER_EPOCH - _queue.activatedIn(epoch);
        for (uint256 i = 0; i < _countMax && count < places && _queue.length() != 0; ++i) {
            Entry memory entry = _queue.pop();
            bool isCurrent = attesterNonces[entry.attester] == entry.nonce;
            if (!isCurrent || _validators[entry.attester].status != ValidatorStatus.Queued) continue;

            _queue.countActivation(epoch);
            _activate(entry.attester, _now);
            ++count;
        }
    }

    function _activate(address _attester, Timestamp _now) private {
        Validator storage entrant = _validators[_attester];
        entrant.status = ValidatorStatus.Active;
        entrant.activatedAt = Timestamp.unwrap(_now).toUint40();
        entrant.position = _lists[FOLLOW_REGISTRY].append(_attester, _now).toUint32();

        (address withdrawer, uint256 stake) = (entrant.withdrawer, entrant.stake);
        emit ValidatorActivated(_attester, withdrawer, stake);
        _addPower(withdrawer, stake);
    }

    function _startExit(address _attester, Validator storage _leaver, Timestamp _now, bool _isEjected) private {
        bool wasActive = _leaver.status == ValidatorStatus.Active;
        if (wasActive) _leaveList(_leaver, _now);
        uint256 exitableAt = Timestamp.unwrap(_now) + EXIT_DELAY_SECONDS;
        _leaver.status = ValidatorStatus.Exiting;
        _leaver.exitableAt = exitableAt.toUint40();

        emit ExitStarted(_attester, exitableAt, _isEjected);
        if (wasActive) _removePower(_leaver.withdrawer, _leaver.stake);
    }

    function _leaveList(Validator storage _leaver, Timestamp _now) private {
        uint32 position = _leaver.position;
        address moved = _lists[_leaver.pinnedTo].remove(position, _now);
        if (moved != address(0)) _validators[moved].position = position;
    }

    function _requireWithdrawer(Validator storage _validator) private view {
        require(msg.sender == _validator.withdrawer, Staking__NotWithdrawer(msg.sender, _validator.withdrawer));
    }

    function _isAfterActivation(Slot _slot, Timestamp _activatedAt) private view returns (bool) {
        // A validator that left the queue was never active.
        if (_activatedAt == Timestamp.wrap(0)) return false;

        return _activatedAt < GENESIS_TIME || _slot > _clock().slotAt(_activatedAt);
    }

    function _equivocationKey(address _attester, address _instance, MessageKind _kind, Slot _slot)
        private
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(_attester, _instance, _kind, _slot));
    }

    /// @dev Zero for a signature that is malleable or of no key.
    function _recover(bytes32 _digest, bytes32 _r, bytes32 _vs) private pure returns (address signer) {
        (signer,,) = ECDSA.tryRecover(_digest, _r, _vs);
    }
}
