// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IRegistry} from "@agoge/governance/IRegistry.sol";
import {IPullPayments} from "@agoge/payments/IPullPayments.sol";
import {Epoch, Slot, Timestamp} from "@agoge/time/TimeLib.sol";
import {IERC5805} from "@openzeppelin/contracts/interfaces/IERC5805.sol";

/// @notice Parameters of Staking, fixed for ever.
/// @param registry The network's Registry; its `governance` is Governance here too.
/// @param treasury Receives what is slashed and not paid to a reporter.
/// @param allowListAdmin May edit the allow-list while it is on.
/// @param activationStake Exact stake of a validator, wei.
/// @param minimumStake A validator slashed below it is ejected, wei.
/// @param entriesPerEpoch Queued validators that may be activated in one epoch.
/// @param exitDelaySeconds From the start of an exit to its end; at least `setLagEpochs + 1` epochs, so that stake is still held
/// for every committee that the validator can be part of.
/// @param slashBps Share of the activation stake taken by one slashing, basis points.
/// @param reporterBps Share of the slashed stake that is the reporter's, basis points.
/// @param isAllowListOn Whether only allowed attesters may be staked at first.
struct StakingConfig {
    IRegistry registry;
    address treasury;
    address allowListAdmin;
    uint256 activationStake;
    uint256 minimumStake;
    uint256 entriesPerEpoch;
    uint256 exitDelaySeconds;
    uint256 slashBps;
    uint256 reporterBps;
    bool isAllowListOn;
}

/// @notice Where a validator is in its life: None -> Queued -> Active -> Exiting -> None.
enum ValidatorStatus {
    None,
    Queued,
    Active,
    Exiting
}

/// @notice A staked validator.
/// @param withdrawer Cold key: starts the exit, pins, receives the stake.
/// @param activatedAt Time of activation, 0 while queued.
/// @param exitableAt Time from which an exit can be finalised, 0 unless exiting.
/// @param status Place in its life.
/// @param pinnedTo Instance it is pinned to, or zero if it follows the Registry.
/// @param position Its seat in the list of `pinnedTo`; meaningless unless active.
/// @param stake What is still staked, wei.
struct Validator {
    address withdrawer;
    uint40 activatedAt;
    uint40 exitableAt;
    ValidatorStatus status;
    address pinnedTo;
    uint32 position;
    uint128 stake;
}

/// @notice Messages of which a key may sign one per slot and instance.
enum MessageKind {
    Proposal,
    Attestation
}

/// @notice One of two conflicting messages.
/// @param blockHash The signed block hash.
/// @param bodyHash The signed body hash; not read for attestations.
/// @param r First half of the compact signature.
/// @param vs Second half of the compact signature.
struct SignedMessage {
    bytes32 blockHash;
    bytes32 bodyHash;
    bytes32 r;
    bytes32 vs;
}

/// @notice Two different messages of one kind, slot and instance by one key.
/// @param instance The Rollup under whose EIP-712 domain both were signed.
/// @param genesisId The genesis id inside both messages.
/// @param slot The slot inside both messages.
/// @param kind What was signed twice.
struct Evidence {
    address instance;
    bytes32 genesisId;
    Slot slot;
    MessageKind kind;
    SignedMessage first;
    SignedMessage second;
}

/// @title IStaking
/// @notice Validators, their stake in the chain's native coin, and the snapshotted sets from which committees are drawn.
/// @dev set(instance, epoch) is the list of validators pinned to the instance followed, if the instance is canonical in the epoch,
/// by the list of those that follow the Registry; both as they were after all L1 blocks with `time <= freezeTime(epoch)`.
/// Nothing that happens later changes it.
///
/// Powers: the withdrawer decides over its validator; the allow-list's admin decides who may join while the list is on;
/// Governance can turn the list off, for ever. Nobody can take or move stake except by proven equivocation.
///
/// Assumptions for safety: the Registry's instances are Rollups whose keys sign under their own EIP-712 domain.
/// Assumptions for liveness: somebody calls `activateQueued` or deposits while validators wait.
///
/// Voting power (ERC-5805, clock of timestamps, wei) is the stake of active validators: a withdrawer has it from `ValidatorActivated` to
/// `ExitStarted`, less what was `Slashed`, all at once with these events. At its first deposit a withdrawer delegates to itself, unless it
/// delegated before. Past power never changes; `nonces` are those of `delegateBySig`.
interface IStaking is IPullPayments, IERC5805 {
    /// @notice Stake arrived for a validator, which waits for its activation.
    event StakeDeposited(address indexed attester, address indexed withdrawer, uint256 stake, uint256 nonce);

    /// @notice A validator became active and joined the list of those that follow the Registry.
    event ValidatorActivated(address indexed attester, address indexed withdrawer, uint256 stake);

    /// @notice A validator moved to the list of an instance, or with zero to the list that follows the Registry.
    event ValidatorPinned(address indexed attester, address indexed instance);

    /// @notice A validator left its list or the queue; its stake stays slashable until `exitableAt`.
    event ExitStarted(address indexed attester, uint256 exitableAt, bool isEjected);

    /// @notice A validator's remaining stake was credited to its withdrawer.
    event ExitFinalised(address indexed attester, address indexed withdrawer, uint256 stake);

    /// @notice A validator lost stake for equivocation.
    event Slashed(
        address indexed attester,
        address indexed instance,
        Slot indexed slot,
        MessageKind kind,
        uint256 amount,
        address reporter,
        uint256 reporterShare
    );

    /// @notice An attester may, or may no longer, deposit while the allow-list is on.
    event AllowListChanged(address indexed attester, bool isAllowed);

    /// @notice From now on everybody may deposit.
    event AllowListDisabled();

    error Staking__ZeroAddress();
    error Staking__NotGovernance(address caller);
    error Staking__NotAllowListAdmin(address caller);
    error Staking__NotWithdrawer(address caller, address withdrawer);
    error Staking__AllowListIsOff();
    error Staking__NotAllowed(address attester);
    error Staking__WrongStake(uint256 given, uint256 expected);
    error Staking__AlreadyStaked(address attester);
    error Staking__WrongProofOfPossession(address attester);
    error Staking__WrongStatus(address attester, ValidatorStatus actual);
    error Staking__TooEarlyToExit(Timestamp time, uint256 exitableAt);
    error Staking__InstanceNotActive(address instance);
    error Staking__AlreadyPinned(address attester, address instance);
    error Staking__SetNotFrozen(Epoch epoch, Timestamp freezeTime);
    error Staking__NotEquivocation();
    error Staking__InvalidSignature();
    error Staking__SignersDiffer(address first, address second);
    error Staking__AlreadySlashed(address attester, address instance, Slot slot, MessageKind kind);
    error Staking__BeforeActivation(Slot slot, address attester);
    error Staking__InvalidStakeBounds(uint256 minimumStake, uint256 activationStake);
    error Staking__ZeroEntriesPerEpoch();
    error Staking__InvalidBasisPoints(uint256 slashBps, uint256 reporterBps);
    error Staking__ExitDelayTooShort(uint256 given, uint256 minimum);

    /// @notice Stakes for an attester key. Anyone may pay.
    /// @dev Checks: attester and withdrawer are not zero (`Staking__ZeroAddress`); the value is exactly the activation stake
    /// (`Staking__WrongStake`); the attester has no stake here (`Staking__AlreadyStaked`) and is allowed
    /// (`Staking__NotAllowed`); the attester key signed ProofOfPossession(attester, withdrawer, nonce)
    /// (`Staking__WrongProofOfPossession`).
    ///
    /// Not checked here: that the withdrawer can act; its key is the depositor's care.
    ///
    /// Effects: before the network genesis time the validator is active at once; afterwards it joins the end of the queue, of
    /// which one entry is then activated if this epoch's rate permits. Events: `StakeDeposited`, `DelegateChanged`, `ValidatorActivated`,
    /// `DelegateVotesChanged`.
    /// @param _attester The key that signs proposals and attestations.
    /// @param _withdrawer The key that controls the stake.
    /// @param _proofOfPossession Compact signature (64 bytes) of the attester key, nonce `attesterNonces(attester)`.
    function deposit(address _attester, address _withdrawer, bytes calldata _proofOfPossession) external payable;

    /// @notice Activates the oldest queued validators as this epoch's rate permits. Open to all.
    /// @dev Effects: at most `_countMax` entries leave the queue; entries whose validator has left count as work, not towards the
    /// rate. Events: `ValidatorActivated`.
    /// @param _countMax Bound of the work.
    /// @return count Validators activated.
    function activateQueued(uint256 _countMax) external returns (uint256 count);

    /// @notice Assigns a validator to one instance, or with zero lets it follow the Registry.
    /// @dev Checks: the caller is the withdrawer (`Staking__NotWithdrawer`); the validator is active (`Staking__WrongStatus`); the
    /// assignment differs (`Staking__AlreadyPinned`); the instance is in the Registry and was activated
    /// (`Registry__UnknownInstance`, `Staking__InstanceNotActive`).
    ///
    /// Effects: counts for epochs that are frozen after this block. Events: `ValidatorPinned`.
    function pin(address _attester, address _instance) external;

    /// @notice Starts the exit of a queued or active validator.
    /// @dev Checks: the caller is the withdrawer (`Staking__NotWithdrawer`); the validator is queued or active
    /// (`Staking__WrongStatus`). Effects: it is in no set frozen after this block. Events: `ExitStarted`.
    function startExit(address _attester) external;

    /// @notice Ends an exit whose delay is over: credits the stake to the withdrawer. Open to all; `withdraw` pays it.
    /// @dev Checks: the validator is exiting (`Staking__WrongStatus`) and the delay is over (`Staking__TooEarlyToExit`).
    /// Effects: the attester key is free. Events: `ExitFinalised`, `Credited`.
    function finaliseExit(address _attester) external;

    /// @notice Slashes a validator for two messages of one kind in one slot. Open to all; the caller is the reporter.
    /// @dev Checks: the instance is in the Registry (`Registry__UnknownInstance`); the messages differ
    /// (`Staking__NotEquivocation`); both signatures are valid (`Staking__InvalidSignature`) and of one key
    /// (`Staking__SignersDiffer`); the key's validator is active or exiting (`Staking__WrongStatus`); the slot began after its
    /// activation (`Staking__BeforeActivation`), so that a key staked again does not answer for its former stake; it was not
    /// slashed for this before (`Staking__AlreadySlashed`).
    ///
    /// Not checked here: that the key was in the slot's committee. No honest key signs twice in any slot.
    ///
    /// Effects: stake falls by `slashBps` of the activation stake or to zero; reporter and treasury are credited; below the minimum
    /// the validator's exit starts. Events: `Slashed`, `Credited`, `ExitStarted`.
    function slash(Evidence calldata _evidence) external;

    /// @notice Allows or disallows attesters. Staked validators are not affected.
    /// @dev Checks: the caller is the admin (`Staking__NotAllowListAdmin`); the list is on (`Staking__AllowListIsOff`).
    /// Events: `AllowListChanged`.
    function setAllowed(address[] calldata _attesters, bool _isAllowed) external;

    /// @notice Lets everybody deposit, for ever.
    /// @dev Checks: the caller is Governance (`Staking__NotGovernance`); the list is on (`Staking__AllowListIsOff`).
    /// Events: `AllowListDisabled`.
    function disableAllowList() external;

    /// @notice Number of validators in set(instance, epoch).
    /// @dev Reverts with `Staking__SetNotFrozen` until the freeze time is in the past.
    function setSize(address _instance, Epoch _epoch) external view returns (uint256);

    /// @notice The attesters at some positions of set(instance, epoch): one storage read each unless a seat changed after the freeze.
    /// @dev Reverts with `Staking__SetNotFrozen`.
    ///
    /// Not checked here: that each position is below `setSize`, which the caller has read before; other positions give an
    /// address without meaning.
    /// @param _positions A word each.
    /// @return packed The addresses in the order of the positions, 20 bytes each, as CommitteeLib reads them.
    function attestersAt(address _instance, Epoch _epoch, bytes calldata _positions)
        external
        view
        returns (bytes memory packed);

    /// @notice The whole of set(instance, epoch), in order. For calls from outside only.
    function set(address _instance, Epoch _epoch) external view returns (address[] memory);

    /// @notice A validator; all zero if the attester is not staked.
    function validator(address _attester) external view returns (Validator memory);

    /// @notice The nonce of an attester's next proof of possession: how often it was staked.
    function attesterNonces(address _attester) external view returns (uint256);

    /// @notice Digest that an attester key signs to be staked with its next nonce.
    function proofOfPossessionDigest(address _attester, address _withdrawer) external view returns (bytes32);

    /// @notice Entries in the queue, those whose validator has left included.
    function queueLength() external view returns (uint256);

    /// @notice Whether an attester is on the allow-list.
    function isAllowed(address _attester) external view returns (bool);

    /// @notice Whether only allowed attesters may be staked.
    function isAllowListOn() external view returns (bool);

    /// @notice Whether a key was slashed for a kind of message in a slot of an instance.
    function isSlashed(address _attester, address _instance, MessageKind _kind, Slot _slot) external view returns (bool);

    /// @notice Parameters, as given to the constructor.
    function config() external view returns (StakingConfig memory);

    /// @notice EIP-712 domain separator.
    function domainSeparator() external view returns (bytes32);
}
