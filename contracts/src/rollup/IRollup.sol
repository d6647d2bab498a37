// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IGovernanceProposer} from "@agoge/governance/IGovernanceProposer.sol";
import {IRegistry} from "@agoge/governance/IRegistry.sol";
import {IPullPayments} from "@agoge/payments/IPullPayments.sol";
import {IEpochProofVerifier} from "@agoge/proving/IEpochProofVerifier.sol";
import {IEpochProofs} from "@agoge/proving/IEpochProofs.sol";
import {IEpochStatement} from "@agoge/proving/IEpochStatement.sol";
import {IProverBonds} from "@agoge/proving/IProverBonds.sol";
import {IInbox} from "@agoge/rollup/IInbox.sol";
import {IStaking} from "@agoge/staking/IStaking.sol";
import {Epoch, Slot, Timestamp} from "@agoge/time/TimeLib.sol";

/// @notice Parameters of a Rollup, fixed for ever; their hash is part of the genesis id.
/// @param registry The network's Registry: clock and instances.
/// @param staking The network's Staking, of the same Registry.
/// @param proverBonds The network's ProverBonds, of the same Registry.
/// @param governanceProposer Counts the signals bundled with blocks, of the same Registry.
/// @param epochProofVerifier Verifier of epoch proofs.
/// @param epochStatement Computes the public inputs of epoch proofs.
/// @param genesisArchive Archive root before the first block, four elements.
/// @param committeeSize Members of a committee, 1 to 256.
/// @param entropyLagEpochs Epochs from the entropy time of an epoch to its start, at least 1 and less than the set lag.
/// @param proofWindowEpochs P: blocks of epoch e can be proven until the end of epoch e + P.
/// @param ringSize Block records kept, at least `(P + 2) * epochSlots`.
/// @param inboxLagSlots Slots from a deposit to the first block that may and must consume it, at least 1.
/// @param transactionsPerBlockMax T, at most what the circuit allows.
/// @param depositsPerBlockMax D, at most what the circuit allows.
/// @param withdrawalsPerBlockMax W, at most what the circuit allows.
/// @param minimumDepositGwei Smallest deposit, gwei.
/// @param openShareBps Prover's share of the fees of a block that no claim reserves, basis points.
/// @param stallEpochs Epochs without a committee's block after which anyone may append proven blocks; more than P.
struct RollupConfig {
    IRegistry registry;
    IStaking staking;
    IProverBonds proverBonds;
    IGovernanceProposer governanceProposer;
    IEpochProofVerifier epochProofVerifier;
    IEpochStatement epochStatement;
    bytes32 genesisArchive;
    uint256 committeeSize;
    uint256 entropyLagEpochs;
    uint256 proofWindowEpochs;
    uint256 ringSize;
    uint256 inboxLagSlots;
    uint256 transactionsPerBlockMax;
    uint256 depositsPerBlockMax;
    uint256 withdrawalsPerBlockMax;
    uint256 minimumDepositGwei;
    uint256 openShareBps;
    uint256 stallEpochs;
}

/// @notice The free fields of a block; everything else follows from the parent, the inbox and the blob.
/// @param slot The slot in which it is published.
/// @param feeRecipient L1 address that earns the block's fees.
/// @param inboxEnd Number of deposits consumed by this block and all before it.
/// @param archive Archive root after this block's header, four elements.
struct Block {
    Slot slot;
    address feeRecipient;
    uint256 inboxEnd;
    bytes32 archive;
}

/// @notice Signatures of committee members over one Attestation.
/// @param bitmap Bit i is set if the member of committee index i signed.
/// @param signatures 64 bytes (r, then yParity << 255 | s) for each set bit, ascending.
struct Attestations {
    uint256 bitmap;
    bytes signatures;
}

/// @notice The proposer's signature over every byte of the publication.
/// @param quoteDigest Keccak of the bundled claim's bytes; zero without one.
/// @param payload Payload that the bundled signal is for; zero without a signal.
/// @param actionsHash Hash of the payload's actions; zero without a payload.
/// @param r First half of the compact signature.
/// @param vs Second half of the compact signature.
struct Publication {
    bytes32 quoteDigest;
    address payload;
    bytes32 actionsHash;
    bytes32 r;
    bytes32 vs;
}

/// @notice What proves an epoch's committee: the headers that prove its seed, to draw it; the members themselves, once it is set up.
/// @param committee The members in the order of committee indices, 20 bytes each, in version 2 once the epoch is set up; else empty.
/// @param header RLP of the first L1 block at or after the epoch's entropy time; not read if the epoch is set up or is a genesis epoch.
/// @param parentHeader RLP of its parent; not read in the same cases.
struct CommitteeProof {
    bytes committee;
    bytes header;
    bytes parentHeader;
}

/// @notice Ends of the two chains, one storage word.
/// @param pendingNumber Number of the last block.
/// @param provenNumber Number of the last proven block.
/// @param pendingSlot Slot of the last block; meaningless if there is none.
/// @param provenSlot Slot of the last proven block; meaningless if there is none.
/// @param firstUnprovenSlot Slot of block `provenNumber + 1`; if there is none, slot of the last block that a committee made.
/// @param pendingInboxEnd Deposits consumed by the pending chain.
/// @param provenInboxEnd Deposits consumed by the proven chain.
struct Tips {
    uint32 pendingNumber;
    uint32 provenNumber;
    uint32 pendingSlot;
    uint32 provenSlot;
    uint32 firstUnprovenSlot;
    uint48 pendingInboxEnd;
    uint48 provenInboxEnd;
}

/// @notice What the ring keeps of a block.
/// @param archive Archive root after it.
/// @param blockHash Its block hash.
/// @param slot Its slot.
/// @param inboxEnd Deposits consumed up to and with it.
/// @param provenInSlot Slot in which a proof that ended with this block was accepted; 0 if there was none.
struct BlockRecord {
    bytes32 archive;
    bytes32 blockHash;
    uint32 slot;
    uint48 inboxEnd;
    uint32 provenInSlot;
}

/// @title IRollup
/// @notice One instance of the shielded pool: its blocks, its committees, its inbox, what it owes.
/// @dev Powers: none. No owner; parameters are fixed; Governance replaces an instance by adding another to the Registry.
///
/// Assumption for safety: state moves only by proofs; a committee only orders and attests, and can harm at most the blocks that are not proven.
/// Assumptions for liveness: more than two thirds of the committee answer; the slot's proposer, or anyone with its signatures,
/// reaches L1 within the slot; the entropy block is among the last 8,191 L1 blocks when an epoch is first used.
interface IRollup is IInbox, IEpochProofs, IPullPayments {
    /// @notice A block was appended to the pending chain.
    event BlockProposed(
        uint256 indexed number,
        Slot indexed slot,
        bytes32 archive,
        bytes32 blockHash,
        bytes32 blobHash,
        address feeRecipient,
        uint256 inboxEnd,
        address proposer
    );

    /// @notice Blocks `toNumber + 1 ..= fromNumber` left the pending chain: their proof window is over.
    event Pruned(uint256 fromNumber, uint256 toNumber);

    /// @notice A bundled claim had no effect; the block stands.
    /// @param number The block.
    /// @param reason What ProverBonds reverted with.
    event BundledClaimFailed(uint256 indexed number, bytes reason);

    /// @notice A bundled signal had no effect; the block stands.
    /// @param number The block.
    /// @param reason What GovernanceProposer reverted with.
    event BundledSignalFailed(uint256 indexed number, bytes reason);

    /// @notice An epoch's committee was drawn and stored.
    /// @param commitment Keccak of the members' addresses in the order of committee indices, 20 bytes each.
    event EpochSetUp(Epoch indexed epoch, bytes32 seed, bytes32 commitment);

    error Rollup__ZeroAddress();
    error Rollup__StakingOfAnotherRegistry(address staking);
    error Rollup__InvalidCommitteeSize(uint256 committeeSize);
    error Rollup__InvalidEntropyLag(uint256 entropyLagEpochs, uint256 setLagEpochs);
    error Rollup__ZeroProofWindow();
    error Rollup__RingTooSmall(uint256 ringSize, uint256 minimum);
    error Rollup__InvalidInboxParameters(uint256 lagSlots, uint256 depositsPerBlockMax, uint256 minimumDepositGwei);
    error Rollup__BondsOfAnotherRegistry(address proverBonds);
    error Rollup__ProposerOfAnotherRegistry(address governanceProposer);
    error Rollup__NoCode(address account);
    error Rollup__InvalidBlockBounds(uint256 transactionsMax, uint256 withdrawalsMax);
    error Rollup__EpochTooLong(uint256 epochSlots);
    error Rollup__InvalidOpenShare(uint256 openShareBps);
    error Rollup__StallTooShort(uint256 stallEpochs, uint256 minimum);
    error Rollup__NotOneBlob();
    error Rollup__WrongSlot(Slot given, Slot current);
    error Rollup__SlotTaken(Slot given, Slot tip);
    error Rollup__NotFieldElements(bytes32 archive);
    error Rollup__ZeroFeeRecipient();
    error Rollup__ActionsWithoutPayload();
    error Rollup__WrongClaim(bytes32 given, bytes32 signed);
    error Rollup__TooLittleGas(uint256 given, uint256 minimum);
    error Rollup__CommitteeTooSmall(uint256 setSize, uint256 committeeSize);
    error Rollup__WrongCommitteeLength(uint256 given, uint256 expected);
    error Rollup__WrongCommittee(bytes16 given, bytes16 expected);
    error Rollup__NotAnL1Header();
    error Rollup__UnknownL1Block(uint256 number, bytes32 headerHash);
    error Rollup__EntropyBlockTooEarly(Timestamp time, Timestamp entropyTime);
    error Rollup__ParentHeaderMismatch(bytes32 given, bytes32 expected);
    error Rollup__NotFirstEntropyBlock(Timestamp parentTime, Timestamp entropyTime);
    error Rollup__BitmapOutOfCommittee(uint256 bitmap, uint256 committeeSize);
    error Rollup__TooFewAttestations(uint256 given, uint256 threshold);
    error Rollup__WrongSignaturesLength(uint256 given, uint256 expected);
    error Rollup__WrongAttestation(uint256 index, address expected);
    error Rollup__WrongProposer(address expected);
    error Rollup__NothingToPrune();
    error Rollup__NoSuchBlock(uint256 number);
    error Rollup__EpochNotSetUp(Epoch epoch);

    /// @notice Appends a block to the pending chain. Open to all: every byte that matters is signed by the slot's proposer.
    /// @dev Prunes first if that is due; the first call of an epoch also draws and stores its committee.
    ///
    /// Checks, in this order: the transaction carries exactly one blob (`Rollup__NotOneBlob`); the slot is the one of this L1 block
    /// (`Rollup__WrongSlot`) and later than the tip's (`Rollup__SlotTaken`); archive (`Rollup__NotFieldElements`); fee recipient
    /// (`Rollup__ZeroFeeRecipient`); inbox end (`Inbox__TooManyConsumed`, `Inbox__NotDue`, `Inbox__TooFewConsumed`); the
    /// signal names a payload or nothing (`Rollup__ActionsWithoutPayload`) and the bundled claim is the signed one (`Rollup__WrongClaim`); the
    /// committee exists (`Rollup__WrongCommitteeLength`, `Rollup__WrongCommittee`, `Rollup__CommitteeTooSmall` and the errors of the seed's headers);
    /// the attestation set is well formed, reaches the threshold and every signature in it is valid (`Rollup__BitmapOutOfCommittee`,
    /// `Rollup__TooFewAttestations`, `Rollup__WrongSignaturesLength`, `Rollup__WrongAttestation`); the proposer signed the
    /// publication (`Rollup__WrongProposer`); enough gas is left for a bundled claim and for a bundled signal (`Rollup__TooLittleGas`).
    ///
    /// A bundled claim, then a bundled signal run when the block is stored, with bounded gas; if one fails, the block stands.
    ///
    /// Not checked here: that the archive follows from the blob; the epoch's proof shows it, and nodes refuse the block if it does not.
    /// That the ring has room: at most (P + 1) epochs of blocks are unproven and the constructor requires more records.
    ///
    /// Effects: one ring record, the tips. Events: `Pruned`, `EpochSetUp`, `BlockProposed`, `BundledClaimFailed`,
    /// `BundledSignalFailed`.
    /// @param _claim Empty, or `abi.encode(SignedQuote, BlockRange)` for ProverBonds.
    function propose(
        Block calldata _block,
        Attestations calldata _attestations,
        Publication calldata _publication,
        CommitteeProof calldata _committeeProof,
        bytes calldata _claim
    ) external;

    /// @notice Takes the blocks whose proof window is over off the pending chain. Open to all, O(1).
    /// @dev Checks: it is due (`Rollup__NothingToPrune`). Effects: the pending tip is the proven tip. Events: `Pruned`.
    function prune() external;

    /// @notice All checks of `propose` for this L1 block and a given blob, without a transaction.
    /// @dev Reverts as `propose` does, apart from `Rollup__NotOneBlob` and `Rollup__TooLittleGas`.
    /// @return blockHash Hash of the block.
    /// @return proposer Its proposer.
    function validateProposal(
        Block calldata _block,
        bytes32 _blobHash,
        Attestations calldata _attestations,
        Publication calldata _publication,
        CommitteeProof calldata _committeeProof,
        bytes calldata _claim
    ) external view returns (bytes32 blockHash, address proposer);

    /// @notice The tips as every call in this L1 block sees them: pruned if a prune is due.
    function tips() external view returns (Tips memory);

    /// @notice The tips as a call in an L1 block of that time would see them, if nothing happens before.
    function tipsAt(Timestamp _time) external view returns (Tips memory);

    /// @notice The record of a block of the pending chain (after a due prune), or of number 0, the genesis archive.
    /// @dev Reverts with `Rollup__NoSuchBlock` for later numbers and for those that the ring has forgotten.
    function blockRecord(uint256 _number) external view returns (BlockRecord memory);

    /// @notice Whether blocks of an epoch may be proven at a time, as far as the end of the window goes.
    function acceptsProof(Epoch _epoch, Timestamp _time) external view returns (bool);

    /// @notice Whether unproven blocks of an epoch are off the pending chain at a time: the exact complement of `acceptsProof`.
    function prunable(Epoch _epoch, Timestamp _time) external view returns (bool);

    /// @notice The committee of an epoch that was set up, in the order of committee indices; reverts with `Rollup__EpochNotSetUp`.
    function committeeOfEpoch(Epoch _epoch) external view returns (address[] memory);

    /// @notice The proposer of a slot whose epoch was set up; reverts with `Rollup__EpochNotSetUp`.
    function proposerAt(Slot _slot) external view returns (address);

    /// @notice Version of the protocol that this contract speaks: 1 takes committees from its storage, 2 from calldata.
    function version() external view returns (uint256);

    /// @notice The committee that an epoch has with a seed, for use before it is set up.
    function sampleCommittee(Epoch _epoch, bytes32 _seed) external view returns (address[] memory);

    /// @notice The seed of an epoch, from its headers. Genesis epochs take empty ones; the proof's committee is not read.
    function seedOf(Epoch _epoch, CommitteeProof calldata _committeeProof) external view returns (bytes32);

    /// @notice First time that an L1 block may give the seed of an epoch; meaningless for genesis epochs.
    function entropyTime(Epoch _epoch) external view returns (Timestamp);

    /// @notice Hash of a block on the pending tip, with the inbox as it is now.
    function blockHashOf(Block calldata _block, bytes32 _blobHash) external view returns (bytes32);

    /// @notice Digest of a Proposal.
    function proposalDigest(Slot _slot, bytes32 _blockHash, bytes32 _bodyHash) external view returns (bytes32);

    /// @notice Digest of an Attestation.
    function attestationDigest(Slot _slot, bytes32 _blockHash) external view returns (bytes32);

    /// @notice Digest of a Publication; its signature fields are not read.
    function publicationDigest(
        Slot _slot,
        bytes32 _blockHash,
        Attestations calldata _attestations,
        Publication calldata _publication
    ) external view returns (bytes32);

    /// @notice Identity of this instance, four limbs of 62 bits.
    function genesisId() external view returns (bytes32);

    /// @notice EIP-712 domain separator.
    function domainSeparator() external view returns (bytes32);

    /// @notice Attestations that a block needs: floor(2 * committeeSize / 3) + 1.
    function attestationThreshold() external view returns (uint256);

    /// @notice Parameters, as given to the constructor.
    function config() external view returns (RollupConfig memory);
}
