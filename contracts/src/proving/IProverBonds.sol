// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IRegistry} from "@agoge/governance/IRegistry.sol";
import {IPullPayments} from "@agoge/payments/IPullPayments.sol";
import {Epoch, Slot, Timestamp} from "@agoge/time/TimeLib.sol";

/// @notice Parameters of ProverBonds, fixed for ever.
/// @param registry The network's Registry: clock and instances.
/// @param treasury Receives what a prover loses and no rescuer earns.
/// @param minimumBond Least bond of a quote, wei.
/// @param claimWindowSlots Slots of an epoch in which the epoch before may be claimed; less than an epoch.
/// @param withdrawalDelaySeconds From the start of a withdrawal to its end.
struct ProverBondsConfig {
    IRegistry registry;
    address treasury;
    uint256 minimumBond;
    uint256 claimWindowSlots;
    uint256 withdrawalDelaySeconds;
}

/// @notice A prover's offer to prove an epoch: the fields of the EIP-712 type `Quote`.
/// @param instance The Rollup.
/// @param epoch The epoch.
/// @param endArchive Archive of the epoch's last block.
/// @param validUntilSlot Last slot in which it may be claimed.
/// @param bondAmount What the prover loses if it does not deliver, wei.
/// @param prover Who offers, signs, and is paid.
/// @param basisPointFee Its share of the epoch's fees, basis points.
/// @param nonce Makes two equal offers two.
struct Quote {
    address instance;
    Epoch epoch;
    bytes32 endArchive;
    Slot validUntilSlot;
    uint256 bondAmount;
    address prover;
    uint256 basisPointFee;
    uint256 nonce;
}

/// @notice A quote with the prover's compact signature.
struct SignedQuote {
    Quote quote;
    bytes32 r;
    bytes32 vs;
}

/// @notice First and last block of an epoch, as the caller of a claim names them and ProverBonds checks them.
/// @param firstNumber Number of the epoch's first block.
/// @param lastNumber Number of its last block.
struct BlockRange {
    uint256 firstNumber;
    uint256 lastNumber;
}

/// @notice What a prover has here.
/// @param deposited All that is deposited, wei.
/// @param locked Part of it that bonds hold, wei.
/// @param withdrawing Part of it that is about to leave, wei.
/// @param withdrawableAt Time from which it may, 0 if nothing is.
struct ProverAccount {
    uint128 deposited;
    uint128 locked;
    uint128 withdrawing;
    uint64 withdrawableAt;
}

/// @notice Where a claim is in its life: None -> Claimed -> one of the others, for ever.
enum ClaimState {
    None,
    Claimed,
    Delivered,
    Defaulted,
    Released
}

/// @notice A claimed epoch.
/// @param prover The claimant.
/// @param basisPointFee Its share, basis points.
/// @param blocks Blocks of the epoch that were unproven when it was first claimed.
/// @param provenBlocks Those of them that are proven now.
/// @param state Where the claim is in its life.
/// @param bondAmount The locked bond, wei.
/// @param reservedGwei Shares that wait for the claim's outcome, gwei.
/// @param deadlineSlot First slot in which the claimant can no longer deliver; 0 while the epoch before is not proven.
/// @param windowEndSlot First slot in which no block of the epoch can be proven.
/// @param releaseSlot First slot in which the epoch is gone if the one before it is not proven.
struct Claim {
    address prover;
    uint16 basisPointFee;
    uint16 blocks;
    uint16 provenBlocks;
    ClaimState state;
    uint128 bondAmount;
    uint64 reservedGwei;
    uint64 deadlineSlot;
    uint64 windowEndSlot;
    uint64 releaseSlot;
}

/// @notice What a Rollup reports of an accepted proof.
/// @param epoch Epoch of the blocks.
/// @param prover Who proved them.
/// @param blocks How many were newly proven.
/// @param isWholeEpoch Whether the proof is about all blocks of the epoch.
/// @param completes Whether the epoch's last block is proven and blocks of a later epoch follow.
/// @param nextEpoch That later epoch.
struct ProofReport {
    Epoch epoch;
    address prover;
    uint256 blocks;
    bool isWholeEpoch;
    bool completes;
    Epoch nextEpoch;
}

/// @title IProverBonds
/// @notice Provers' bonds, and the claims by which a quote becomes the right to an epoch's prover share (docs/protocol.md, 16.6).
/// @dev A claim decides who is paid, never who may prove. Shares of claimed epochs are kept here until the claim is settled.
///
/// Powers: none. A bond is locked by its prover's own signature, for one instance and epoch; only that instance, if it is in the
/// Registry, can report proofs of it. An instance that lies can cost the provers who quoted for it their bonds, nobody else.
///
/// Assumptions for safety: quotes name instances whose code the prover has verified. For liveness: none; time settles every claim.
interface IProverBonds is IPullPayments {
    /// @notice ETH arrived for a prover.
    event BondDeposited(address indexed prover, uint256 amount);

    /// @notice A prover began to take out `amount` more; from `withdrawableAt` on all that is withdrawing may leave.
    event WithdrawalStarted(address indexed prover, uint256 amount, uint256 withdrawableAt);

    /// @notice A withdrawal was credited.
    event WithdrawalFinished(address indexed prover, uint256 amount);

    /// @notice An epoch was claimed, or the claim was replaced by a cheaper quote.
    event EpochClaimed(
        address indexed instance,
        Epoch indexed epoch,
        address indexed prover,
        uint256 basisPointFee,
        uint256 bondAmount,
        bytes32 quoteDigest
    );

    /// @notice A bond is free again: its claim was replaced, delivered or released.
    event BondUnlocked(address indexed instance, Epoch indexed epoch, address indexed prover, uint256 bondAmount);

    /// @notice A claimed epoch's blocks were proven; their share waits for the claim's outcome.
    event ShareReserved(
        address indexed instance, Epoch indexed epoch, address indexed prover, uint256 blocks, uint256 amount
    );

    /// @notice The last block before a claimed epoch is proven, so the claim has a deadline: as it is made, or by a later proof.
    event ClaimDeadlineSet(address indexed instance, Epoch indexed epoch, Slot deadlineSlot);

    /// @notice A claim came to its end.
    /// @param slashed What the claimant lost, wei.
    /// @param rescued What of it went to other provers, wei; the rest went to the treasury.
    event ClaimSettled(
        address indexed instance,
        Epoch indexed epoch,
        address indexed prover,
        ClaimState state,
        uint256 slashed,
        uint256 rescued
    );

    error ProverBonds__ZeroAddress();
    error ProverBonds__InvalidClaimWindow(uint256 claimWindowSlots, uint256 epochSlots);
    error ProverBonds__ZeroMinimumBond();
    error ProverBonds__ZeroAmount();
    error ProverBonds__Unavailable(address prover, uint256 wanted, uint256 available);
    error ProverBonds__NothingToWithdraw(address prover);
    error ProverBonds__TooEarlyToWithdraw(Timestamp time, uint256 withdrawableAt);
    error ProverBonds__UnknownInstance(address instance);
    error ProverBonds__NotTheInstance(address caller, address instance);
    error ProverBonds__OutOfClaimWindow(Epoch epoch, Slot slot);
    error ProverBonds__QuoteExpired(Slot validUntilSlot, Slot slot);
    error ProverBonds__FeeTooHigh(uint256 basisPointFee);
    error ProverBonds__BondTooSmall(uint256 bondAmount, uint256 minimumBond);
    error ProverBonds__QuoteUsed(bytes32 quoteDigest);
    error ProverBonds__WrongQuoteSignature(address prover);
    error ProverBonds__NotTheEpochsBlocks(Epoch epoch, uint256 firstNumber, uint256 lastNumber);
    error ProverBonds__WrongEndArchive(bytes32 given, bytes32 expected);
    error ProverBonds__NothingToProve(Epoch epoch);
    error ProverBonds__OpenToAll(Epoch epoch);
    error ProverBonds__NotProposer(address signer, address proposer);
    error ProverBonds__NotCheaper(uint256 given, uint256 current);
    error ProverBonds__NoClaim(address instance, Epoch epoch);
    error ProverBonds__ClaimExists(address instance, Epoch epoch);
    error ProverBonds__NotClaimed(address instance, Epoch epoch, ClaimState state);
    error ProverBonds__TooEarlyToSettle(Slot slot);
    error ProverBonds__UnexpectedValue(uint256 value);

    /// @notice Deposits the value of the call for a prover. Anyone may pay.
    /// @dev Checks: the prover is not zero (`ProverBonds__ZeroAddress`), the value neither (`ProverBonds__ZeroAmount`).
    /// Events: `BondDeposited`.
    function deposit(address _prover) external payable;

    /// @notice Starts to take out a part of the caller's available deposit; what was already withdrawing waits anew.
    /// @dev Checks: the amount is not zero (`ProverBonds__ZeroAmount`) and available (`ProverBonds__Unavailable`), so a locked bond
    /// never leaves. Effects: no quote can lock it. Events: `WithdrawalStarted`.
    function startWithdrawal(uint256 _amount) external;

    /// @notice Credits what the caller is withdrawing, after the delay; `withdraw` pays it.
    /// @dev Checks: something is withdrawing (`ProverBonds__NothingToWithdraw`); the delay is over
    /// (`ProverBonds__TooEarlyToWithdraw`). Events: `WithdrawalFinished`, `Credited`.
    function finishWithdrawal() external;

    /// @notice Claims the epoch before the current one for a quote, by the current proposer's signature. Anyone may send it.
    /// @dev Checks: those of `quoteDigestIfClaimable`; the epoch has no claim (`ProverBonds__ClaimExists`); the signature over
    /// `Claim(instance, current slot, quote digest)` is of the current slot's proposer (`ProverBonds__NotProposer`).
    ///
    /// Effects: the bond is locked, the quote is used. Events: `EpochClaimed`.
    /// @param _signed The quote.
    /// @param _range First and last block of the quote's epoch.
    /// @param _r First half of the proposer's compact signature.
    /// @param _vs Second half of it.
    function claim(SignedQuote calldata _signed, BlockRange calldata _range, bytes32 _r, bytes32 _vs) external;

    /// @notice As `claim`, for the calling instance, whose proposer signed a publication with these bytes.
    /// @dev Checks: as `claim`, but the caller is the quote's instance (`ProverBonds__NotTheInstance`) instead of the signature.
    /// @param _bundle `abi.encode(SignedQuote, BlockRange)`.
    function claimBundled(bytes calldata _bundle) external;

    /// @notice Replaces a claim by a strictly cheaper quote. Open to all until the claim window ends.
    /// @dev Checks: those of `quoteDigestIfClaimable`; there is a claim that is not settled (`ProverBonds__NoClaim`,
    /// `ProverBonds__NotClaimed`); the fee is lower (`ProverBonds__NotCheaper`).
    ///
    /// Effects: the old bond is unlocked, the new one locked; shares already reserved stay. Events: `BondUnlocked`, `EpochClaimed`.
    function replaceClaim(SignedQuote calldata _signed, BlockRange calldata _range) external;

    /// @notice A Rollup reports a proof; the value is the prover's share of the newly proven blocks if the claim reserves it.
    /// @dev Checks: no value unless the epoch's claim reserves shares (`ProverBonds__UnexpectedValue`). A caller that is no
    /// instance has no claims, so its report changes nothing.
    ///
    /// Effects: the share is reserved; a proof of the whole epoch by the claimant before the deadline delivers the claim; the claim
    /// of the next epoch gets its deadline. Events: `ShareReserved`, `ClaimSettled`, `BondUnlocked`, `ClaimDeadlineSet`, `Credited`.
    function reportProof(ProofReport calldata _report) external payable;

    /// @notice Settles a claim whose claimant did not deliver. Open to all.
    /// @dev Checks: the claim is open (`ProverBonds__NotClaimed`); and (`ProverBonds__TooEarlyToSettle`) either the epoch before was
    /// proven, the deadline is over and all blocks of the epoch are proven or can no longer be, or the epoch before was not proven
    /// within its window.
    ///
    /// Effects: in the first case the bond is lost: half of it goes, by blocks, to those who proved them, with the shares reserved
    /// for these blocks; the rest to the treasury. In the second the bond is unlocked.
    /// Events: `ClaimSettled`, `BondUnlocked`, `Credited`.
    function settle(address _instance, Epoch _epoch) external;

    /// @notice All checks of a claim but the one who claims and what is claimed already.
    /// @dev Checks: the instance is in the Registry (`ProverBonds__UnknownInstance`); the epoch is the one before the current and the
    /// claim window is open (`ProverBonds__OutOfClaimWindow`); the quote has not expired (`ProverBonds__QuoteExpired`), its fee is at
    /// most 10,000 (`ProverBonds__FeeTooHigh`), its bond large enough (`ProverBonds__BondTooSmall`) and available
    /// (`ProverBonds__Unavailable`); it was not used (`ProverBonds__QuoteUsed`); the prover signed it
    /// (`ProverBonds__WrongQuoteSignature`); the instance is not open to all (`ProverBonds__OpenToAll`); the range is the epoch
    /// (`ProverBonds__NotTheEpochsBlocks`), ends in the quoted archive (`ProverBonds__WrongEndArchive`) and is not proven
    /// (`ProverBonds__NothingToProve`).
    /// @return quoteDigest EIP-712 digest of the quote.
    function quoteDigestIfClaimable(SignedQuote calldata _signed, BlockRange calldata _range)
        external
        view
        returns (bytes32 quoteDigest);

    /// @notice Whether the calling instance's share of newly proven blocks of an epoch is reserved by a claim, and at what rate.
    /// @param _instance The Rollup.
    /// @param _epoch Epoch of the blocks.
    /// @return isReserved Whether a claim is open whose deadline is not over.
    /// @return basisPointFee The claimant's share; 0 if none is reserved.
    /// @return claimant The claimant; zero if none is reserved.
    function reservation(address _instance, Epoch _epoch)
        external
        view
        returns (bool isReserved, uint256 basisPointFee, address claimant);

    /// @notice The claim of an epoch; all zero if there is none.
    function claimOf(address _instance, Epoch _epoch) external view returns (Claim memory);

    /// @notice What a prover has here.
    function accountOf(address _prover) external view returns (ProverAccount memory);

    /// @notice What a prover's next quotes may lock, wei: deposited - locked - withdrawing.
    function available(address _prover) external view returns (uint256);

    /// @notice Whether a quote was claimed before.
    function isQuoteUsed(bytes32 _quoteDigest) external view returns (bool);

    /// @notice EIP-712 digest of a quote.
    function quoteDigest(Quote calldata _quote) external view returns (bytes32);

    /// @notice EIP-712 digest of a claim: what the slot's proposer signs.
    function claimDigest(address _instance, Slot _slot, bytes32 _quoteDigest) external view returns (bytes32);

    /// @notice Parameters, as given to the constructor.
    function config() external view returns (ProverBondsConfig memory);

    /// @notice EIP-712 domain separator.
    function domainSeparator() external view returns (bytes32);
}
