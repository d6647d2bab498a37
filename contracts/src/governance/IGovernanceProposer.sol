// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Action} from "@agoge/governance/IPayload.sol";
import {IRegistry} from "@agoge/governance/IRegistry.sol";
import {Slot} from "@agoge/time/TimeLib.sol";

/// @notice Parameters of the GovernanceProposer, fixed for ever.
/// @param registry The network's Registry: clock and canonical instance.
/// @param governance Where winners are nominated.
/// @param roundSlots M: slots of a round. Round r is made of slots `r * M .. (r + 1) * M - 1` of the network's clock.
/// @param quorumSignals N: signals that nominate, more than M / 2 and at most M; M at most 65,535.
/// @param lifetimeRounds Rounds after its own in which a winner can be nominated, 1 to 65,535.
struct GovernanceProposerConfig {
    IRegistry registry;
    address governance;
    uint256 roundSlots;
    uint256 quorumSignals;
    uint256 lifetimeRounds;
}

/// @notice A proposer's support for a payload, signed by its attester key (EIP-712 under the GovernanceProposer's domain).
/// @param instance The Rollup whose slot it is.
/// @param slot The slot.
/// @param payload The payload.
/// @param actionsHash `keccak256(abi.encode(payload.actions()))`.
/// @param r First half of the compact signature.
/// @param vs Second half of the compact signature.
struct SignedSignal {
    address instance;
    Slot slot;
    address payload;
    bytes32 actionsHash;
    bytes32 r;
    bytes32 vs;
}

/// @notice Where a round stands.
/// @param leader The payload with the most signals; of several, the one that had them first.
/// @param signals Its signals.
/// @param isNominated Whether the winner was nominated.
/// @param leaderKey What the leader's signals name: `keccak256(abi.encode(payload, payload.codehash, actionsHash))`.
struct Round {
    address leader;
    uint16 signals;
    bool isNominated;
    bytes32 leaderKey;
}

/// @title IGovernanceProposer
/// @notice Proposers of slots signal for payloads; the winner of a round is nominated to Governance.
/// @dev Only slots of the instance that is canonical now count, one signal each. Counts are kept by (instance, round, key), so signals
/// for one address with another code or other actions are signals for something else.
///
/// Powers: none. The instances are treated as hostile: calls to them are bounded in gas and in what they return, and nothing that one does
/// touches the counts of another.
///
/// Assumption for liveness: more than half of the slots of one round have honest proposers that signal.
interface IGovernanceProposer {
    /// @notice A signal was counted.
    event Signalled(
        address indexed instance,
        uint256 indexed round,
        address indexed payload,
        Slot slot,
        address proposer,
        bytes32 key,
        uint256 signals
    );

    /// @notice A round's winner became a proposal.
    event Nominated(address indexed instance, uint256 indexed round, address indexed payload, uint256 proposalId);

    error GovernanceProposer__ZeroAddress();
    error GovernanceProposer__InvalidQuorum(uint256 quorumSignals, uint256 roundSlots);
    error GovernanceProposer__InvalidLifetime(uint256 lifetimeRounds);
    error GovernanceProposer__NotCanonical(address instance, address canonical);
    error GovernanceProposer__WrongSlot(Slot given, Slot current);
    error GovernanceProposer__AlreadySignalled(Slot slot);
    error GovernanceProposer__NotProposer(address given, address expected);
    error GovernanceProposer__NoProposer(address instance, Slot slot);
    error GovernanceProposer__NoCode(address payload);
    error GovernanceProposer__RoundNotOver(uint256 round, uint256 current);
    error GovernanceProposer__RoundTooOld(uint256 round, uint256 oldest);
    error GovernanceProposer__TooFewSignals(uint256 signals, uint256 quorum);
    error GovernanceProposer__AlreadyNominated(uint256 round);
    error GovernanceProposer__NotAPayload(address payload);
    error GovernanceProposer__InvalidActionCount(uint256 given, uint256 limit);
    error GovernanceProposer__PayloadChanged(bytes32 given, bytes32 signalled);

    /// @notice Signals as the current proposer of the canonical instance, by a transaction of its attester key.
    /// @dev The epoch must be set up. Checks and effects as `signalBundled`.
    function signal(address _payload, bytes32 _actionsHash) external;

    /// @notice Signals with the current proposer's signature. Open to all.
    function signalWithSignature(SignedSignal calldata _signal) external;

    /// @notice Signals for the proposer of a block that was just appended. For instances only.
    /// @dev Checks: the caller is canonical (`GovernanceProposer__NotCanonical`); the slot is the current one
    /// (`GovernanceProposer__WrongSlot`) and later than the last that signalled (`GovernanceProposer__AlreadySignalled`); the payload has code
    /// (`GovernanceProposer__NoCode`).
    ///
    /// Not checked here: that the actions hash is the payload's; `nominate` compares. Effects: one more signal for
    /// (instance, round, key). Events: `Signalled`.
    function signalBundled(Slot _slot, address _proposer, address _payload, bytes32 _actionsHash) external;

    /// @notice Makes a proposal of a round's winner. Open to all.
    /// @dev Checks: the round is over (`GovernanceProposer__RoundNotOver`), not older than the lifetime (`GovernanceProposer__RoundTooOld`), not
    /// nominated (`GovernanceProposer__AlreadyNominated`); the leader reached the quorum (`GovernanceProposer__TooFewSignals`); its actions can be read
    /// (`GovernanceProposer__NotAPayload`), are 1 to 16 (`GovernanceProposer__InvalidActionCount`), and code and actions are those that
    /// were signalled (`GovernanceProposer__PayloadChanged`).
    ///
    /// Effects: Governance stores the actions. Events: `Nominated`.
    /// @param _instance The Rollup whose proposers signalled.
    /// @param _round The round.
    /// @return proposalId OpenZeppelin Governor's id.
    function nominate(address _instance, uint256 _round) external returns (uint256 proposalId);

    /// @notice The round of a slot.
    function roundOf(Slot _slot) external view returns (uint256);

    /// @notice The round of this L1 block; 0 before genesis.
    function currentRound() external view returns (uint256);

    /// @notice Where a round of an instance stands; empty once its lifetime is over and a later round took its place in storage.
    function round(address _instance, uint256 _round) external view returns (Round memory);

    /// @notice Signals for a key in a round of an instance.
    function signalsOf(address _instance, uint256 _round, bytes32 _key) external view returns (uint256);

    /// @notice The proposer of a slot, as an instance tells it with bounded gas; reverts if it does not.
    function proposerOf(address _instance, Slot _slot) external view returns (address);

    /// @notice A payload's actions, as `nominate` reads them; reverts if the answer is none.
    function actionsOf(address _payload) external view returns (Action[] memory);

    /// @notice What a signal for a payload with such actions names now.
    function keyOf(address _payload, bytes32 _actionsHash) external view returns (bytes32);

    /// @notice EIP-712 digest of a signal; its signature fields are not read.
    function signalDigest(SignedSignal calldata _signal) external view returns (bytes32);

    /// @notice Parameters, as given to the constructor.
    function config() external view returns (GovernanceProposerConfig memory);

    /// @notice EIP-712 domain separator.
    function domainSeparator() external view returns (bytes32);
}
