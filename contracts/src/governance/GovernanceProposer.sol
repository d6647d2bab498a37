// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {
    GovernanceProposerConfig,
    IGovernanceProposer,
    Round,
    SignedSignal
} from "@agoge/governance/IGovernanceProposer.sol";
import {Action, IPayload} from "@agoge/governance/IPayload.sol";
import {IRegistry} from "@agoge/governance/IRegistry.sol";
import {RoundSizes, SignalRounds, SignalRoundsLib} from "@agoge/governance/SignalRounds.sol";
import {IRollup} from "@agoge/rollup/IRollup.sol";
import {MessageLib} from "@agoge/rollup/MessageLib.sol";
import {NetworkClock, Slot, TimeLib, Timestamp} from "@agoge/time/TimeLib.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// @title GovernanceProposer
/// @notice Counts signals and nominates the winners of rounds; promises in IGovernanceProposer.
contract GovernanceProposer is IGovernanceProposer, EIP712 {
    using SignalRoundsLib for SignalRounds;
    using TimeLib for NetworkClock;

    /// @dev A proposal of more would be hard to read for its voters.
    uint256 private constant ACTIONS_MAX = 16;

    /// @dev More than drawing a committee of 256 takes; a bound, so that an instance cannot burn all gas of a sender.
    uint256 private constant PROPOSER_GAS = 3_000_000;

    IRegistry private immutable REGISTRY;
    address private immutable GOVERNANCE;
    uint256 private immutable ROUND_SLOTS;
    uint256 private immutable QUORUM_SIGNALS;
    uint256 private immutable LIFETIME_ROUNDS;

    Timestamp private immutable GENESIS_TIME;
    uint256 private immutable SLOT_SECONDS;
    uint256 private immutable EPOCH_SLOTS;
    uint256 private immutable SET_LAG_EPOCHS;

    mapping(address instance => SignalRounds) private _rounds;

    constructor(GovernanceProposerConfig memory _config) EIP712(MessageLib.DOMAIN_NAME, MessageLib.DOMAIN_VERSION) {
        require(
            address(_config.registry) != address(0) && _config.governance != address(0),
            GovernanceProposer__ZeroAddress()
        );
        require(
            _config.roundSlots <= type(uint16).max && _config.quorumSignals <= _config.roundSlots
                && _config.quorumSignals > _config.roundSlots / 2,
            GovernanceProposer__InvalidQuorum(_config.quorumSignals, _config.roundSlots)
        );
        require(
            _config.lifetimeRounds != 0 && _config.lifetimeRounds <= type(uint16).max,
            GovernanceProposer__InvalidLifetime(_config.lifetimeRounds)
        );

        REGISTRY = _config.registry;
        GOVERNANCE = _config.governance;
        ROUND_SLOTS = _config.roundSlots;
        QUORUM_SIGNALS = _config.quorumSignals;
        LIFETIME_ROUNDS = _config.lifetimeRounds;
        NetworkClock memory clock = _config.registry.clock();
        GENESIS_TIME = clock.genesisTime;
        SLOT_SECONDS = clock.slotSeconds;
        EPOCH_SLOTS = clock.epochSlots;
        SET_LAG_EPOCHS = clock.setLagEpochs;
    }

    /// @inheritdoc IGovernanceProposer
    function signal(address _payload, bytes32 _actionsHash) external override {
        Slot slot = _currentSlot();
        address instance = _canonicalInstance(slot);
        address proposer = _proposerAt(instance, slot);
        require(msg.sender == proposer, GovernanceProposer__NotProposer(msg.sender, proposer));

        _count(instance, slot, proposer, _payload, _actionsHash);
    }

    /// @inheritdoc IGovernanceProposer
    function signalWithSignature(SignedSignal calldata _signal) external override {
        _requireCurrent(_signal.instance, _signal.slot);
        address proposer = _proposerAt(_signal.instance, _signal.slot);
        (address signer,,) = ECDSA.tryRecover(signalDigest(_signal), _signal.r, _signal.vs);
        require(signer == proposer, GovernanceProposer__NotProposer(signer, proposer));

        _count(_signal.instance, _signal.slot, proposer, _signal.payload, _signal.actionsHash);
    }

    /// @inheritdoc IGovernanceProposer
    function signalBundled(Slot _slot, address _proposer, address _payload, bytes32 _actionsHash) external override {
        _requireCurrent(msg.sender, _slot);

        _count(msg.sender, _slot, _proposer, _payload, _actionsHash);
    }

    /// @inheritdoc IGovernanceProposer
    function nominate(address _instance, uint256 _round) external override returns (uint256 proposalId) {
        uint256 current = currentRound();
        require(_round < current, GovernanceProposer__RoundNotOver(_round, current));
        uint256 oldest = current > LIFETIME_ROUNDS ? current - LIFETIME_ROUNDS : 0;
        require(_round >= oldest, GovernanceProposer__RoundTooOld(_round, oldest));
        Round memory finished = _rounds[_instance].read(_sizes(), _round);
        require(!finished.isNominated, GovernanceProposer__AlreadyNominated(_round));
        require(finished.signals >= QUORUM_SIGNALS, GovernanceProposer__TooFewSignals(finished.signals, QUORUM_SIGNALS));
        Action[] memory actions = _actionsToNominate(finished);

        _rounds[_instance].setNominated(_sizes(), _round);
        proposalId = _proposeActions(actions, _description(_instance, _round, finished.leader));
        emit Nominated(_instance, _round, finished.leader, proposalId);
    }

    /// @inheritdoc IGovernanceProposer
    function round(address _instance, uint256 _round) external view override returns (Round memory) {
        return _rounds[_instance].read(_sizes(), _round);
    }

    /// @inheritdoc IGovernanceProposer
    function signalsOf(address _instance, uint256 _round, bytes32 _key) external view override returns (uint256) {
        return _rounds[_instance].counts[_round][_key];
    }

    /// @inheritdoc IGovernanceProposer
    function proposerOf(address _instance, Slot _slot) external view override returns (address) {
        // Of an answer of one static word no more than this word is copied.
        return IRollup(_instance).proposerAt{gas: PROPOSER_GAS}(_slot);
    }

    /// @inheritdoc IGovernanceProposer
    function actionsOf(address _payload) external view override returns (Action[] memory) {
        return IPayload(_payload).actions();
    }

    /// @inheritdoc IGovernanceProposer
    function config() external view override returns (GovernanceProposerConfig memory) {
        return GovernanceProposerConfig({
            registry: REGISTRY,
            governance: GOVERNANCE,
            roundSlots: ROUND_SLOTS,
            quorumSignals: QUORUM_SIGNALS,
            lifetimeRounds: LIFETIME_ROUNDS
        });
    }

    /// @inheritdoc IGovernanceProposer
    function domainSeparator() external view override returns (bytes32) {
        return _domainSeparatorV4();
    }

    /// @inheritdoc IGovernanceProposer
    function roundOf(Slot _slot) public view override returns (uint256) {
        return Slot.unwrap(_slot) / ROUND_SLOTS;
    }

    /// @inheritdoc IGovernanceProposer
    function currentRound() public view override returns (uint256) {
        return TimeLib.current() < GENESIS_TIME ? 0 : roundOf(_currentSlot());
    }

    /// @inheritdoc IGovernanceProposer
    function keyOf(address _payload, bytes32 _actionsHash) public view override returns (bytes32) {
        return keccak256(abi.encode(_payload, _payload.codehash, _actionsHash));
    }

    /// @inheritdoc IGovernanceProposer
    function signalDigest(SignedSignal calldata _signal) public view override returns (bytes32) {
        return
            _hashTypedDataV4(
                MessageLib.signalHash(_signal.instance, _signal.slot, _signal.payload, _signal.actionsHash)
            );
    }

    function _count(address _instance, Slot _slot, address _proposer, address _payload, bytes32 _actionsHash) private {
        require(_payload.code.length != 0, GovernanceProposer__NoCode(_payload));

        bytes32 key = keyOf(_payload, _actionsHash);
        uint256 signals = _rounds[_instance].count(_sizes(), _slot, _payload, key);
        emit Signalled(_instance, roundOf(_slot), _payload, _slot, _proposer, key, signals);
    }

    function _proposeActions(Action[] memory _actions, string memory _text) private returns (uint256) {
        address[] memory targets = new address[](_actions.length);
        uint256[] memory values = new uint256[](_actions.length);
        bytes[] memory calldatas = new bytes[](_actions.length);
        for (uint256 i = 0; i < _actions.length; ++i) {
            (targets[i], values[i], calldatas[i]) = (_actions[i].target, _actions[i].value, _actions[i].data);
        }
        return IGovernor(GOVERNANCE).propose(targets, values, calldatas, _text);
    }

    /// @dev The actions of a round's winner, which are those that were signalled.
    function _actionsToNominate(Round memory _finished) private view returns (Action[] memory actions) {
        // By way of this contract, so that an answer that is no list of actions is an error of its own.
        try this.actionsOf(_finished.leader) returns (Action[] memory list) {
            actions = list;
        } catch {
            revert GovernanceProposer__NotAPayload(_finished.leader);
        }
        require(
            actions.length != 0 && actions.length <= ACTIONS_MAX,
            GovernanceProposer__InvalidActionCount(actions.length, ACTIONS_MAX)
        );
        bytes32 key = keyOf(_finished.leader, keccak256(abi.encode(actions)));
        require(key == _finished.leaderKey, GovernanceProposer__PayloadChanged(key, _finished.leaderKey));
    }

    /// @dev By way of this contract, so that whatever an instance does ends in one error.
    function _proposerAt(address _instance, Slot _slot) private view returns (address proposer) {
        try this.proposerOf(_instance, _slot) returns (address answer) {
            proposer = answer;
        } catch {}
        require(proposer != address(0), GovernanceProposer__NoProposer(_instance, _slot));
    }

    function _requireCurrent(address _instance, Slot _slot) private view {
        Slot current = _currentSlot();
        address canonical = _canonicalInstance(current);
        require(_instance == canonical, GovernanceProposer__NotCanonical(_instance, canonical));
        require(_slot == current, GovernanceProposer__WrongSlot(_slot, current));
    }

    function _canonicalInstance(Slot _slot) private view returns (address) {
        return REGISTRY.canonicalAt(_clock().epochOf(_slot));
    }

    function _currentSlot() private view returns (Slot) {
        return _clock().slotAt(TimeLib.current());
    }

    function _clock() private view returns (NetworkClock memory) {
        return NetworkClock({
            genesisTime: GENESIS_TIME, slotSeconds: SLOT_SECONDS, epochSlots: EPOCH_SLOTS, setLagEpochs: SET_LAG_EPOCHS
        });
    }

    /// @dev One entry for the running round and one for each in which the winner can be nominated.
    function _sizes() private view returns (RoundSizes memory) {
        return RoundSizes({roundSlots: ROUND_SLOTS, ringSize: LIFETIME_ROUNDS + 1});
    }

    /// @dev Names the round, so that no two nominations make the same proposal.
    function _description(address _instance, uint256 _round, address _payload) private pure returns (string memory) {
        return string.concat(
            "Agoge payload ",
            Strings.toChecksumHexString(_payload),
            ", signalled in round ",
            Strings.toString(_round),
            " of instance ",
            Strings.toChecksumHexString(_instance)
        );
    }
}
