// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ConstantBlobs} from "@agoge-test/support/ConstantBlobs.sol";
import {Deployed} from "@agoge-test/support/Deployed.sol";
import {IFullGovernance, ITimelock} from "@agoge-test/support/IFullGovernance.sol";
import {HistoryContract, L1Headers} from "@agoge-test/support/L1Headers.sol";
import {VerifierDouble} from "@agoge-test/support/VerifierDouble.sol";
import {GovernanceConfig} from "@agoge/governance/IGovernance.sol";
import {GovernanceProposerConfig, IGovernanceProposer} from "@agoge/governance/IGovernanceProposer.sol";
import {IRegistry, RegistryConfig} from "@agoge/governance/IRegistry.sol";
import {IEpochStatement} from "@agoge/proving/IEpochStatement.sol";
import {IProverBonds, ProverBondsConfig} from "@agoge/proving/IProverBonds.sol";
import {Attestations, Block, CommitteeProof, IRollup, Publication, RollupConfig} from "@agoge/rollup/IRollup.sol";
import {IStaking, StakingConfig} from "@agoge/staking/IStaking.sol";
import {Epoch, Slot} from "@agoge/time/TimeLib.sol";
import {Test} from "forge-std/Test.sol";

/// @notice A whole publication, as `propose` takes it.
struct Proposal {
    Block block_;
    Attestations attestations;
    Publication publication;
    CommitteeProof committeeProof;
    bytes32 blobHash;
    bytes claim;
}

/// @notice A deployed network with the numbers of the phases, its validators' keys, and the moves of an honest proposer.
abstract contract NetworkTest is Test {
    uint256 internal constant GENESIS = 1_800_000_000;
    uint256 internal constant GENESIS_L1_BLOCK = 20_000_000;
    uint256 internal constant L1_SLOT_SECONDS = 12;
    uint256 internal constant SLOT_SECONDS = 36;
    uint256 internal constant EPOCH_SLOTS = 32;
    uint256 internal constant SET_LAG = 2;
    uint256 internal constant ENTROPY_LAG = 1;
    uint256 internal constant PROOF_WINDOW = 2;
    uint256 internal constant ACTIVATION_DELAY = 4;
    uint256 internal constant RING_SIZE = 128;
    uint256 internal constant INBOX_LAG = 2;
    uint256 internal constant TRANSACTIONS_PER_BLOCK = 64;
    uint256 internal constant DEPOSITS_PER_BLOCK = 16;
    uint256 internal constant WITHDRAWALS_PER_BLOCK = 11;
    uint256 internal constant OPEN_SHARE_BPS = 3000;
    uint256 internal constant STALL_EPOCHS = 75;
    uint256 internal constant CLAIM_WINDOW = 13;
    uint256 internal constant MINIMUM_BOND = 1 ether;
    uint256 internal constant BOND_DELAY = 3456;
    uint256 internal constant MINIMUM_DEPOSIT_GWEI = 1000;
    uint256 internal constant STAKE = 1 ether;
    uint256 internal constant EXIT_DELAY = 26 hours;
    uint256 internal constant ENTRIES_PER_EPOCH = 4;
    uint256 internal constant ROUND_SLOTS = 10;
    uint256 internal constant QUORUM_SIGNALS = 6;
    uint256 internal constant LIFETIME = 5;
    uint48 internal constant VOTE_DELAY = 1 hours;
    uint32 internal constant VOTE_PERIOD = 1 days;
    uint256 internal constant TIMELOCK_DELAY = 1 hours;
    uint256 internal constant QUORUM_PERCENT = 20;
    uint256 internal constant GRACE = 14 days;
    uint256 internal constant LOCK = 16 ether;
    uint256 internal constant LOCK_TIME = 7 days;
    bytes32 internal constant GENESIS_ARCHIVE = bytes32(uint256(0x1111));
    address internal constant HISTORY = 0x0000F90827F1C53a10cb7A02335B175320002935;

    /// @dev In a deployed network both are the Timelock.
    address internal governance = makeAddr("governance");
    address internal treasury = makeAddr("treasury");
    address internal allowListAdmin = makeAddr("allow-list admin");
    address internal feeRecipient = makeAddr("fee recipient");

    IRegistry internal registry;
    IStaking internal staking;
    IProverBonds internal bonds;
    VerifierDouble internal verifier;
    IEpochStatement internal statement;
    IRollup internal rollup;
    IGovernanceProposer internal governanceProposer;
    ITimelock internal timelock;
    IFullGovernance internal governor;

    mapping(address attester => uint256 key) internal keyOf;

    function _deployNetwork(uint256 _validators, uint256 _committeeSize) internal {
        vm.warp(GENESIS - 1 days);
        vm.roll(GENESIS_L1_BLOCK - 1 days / L1_SLOT_SECONDS);
        vm.etch(HISTORY, type(HistoryContract).runtimeCode);

        // The order of a deployment (contracts/README.md).
        uint256 nonce = vm.getNonce(address(this));
        address predicted = vm.computeCreateAddress(address(this), nonce + 6);
        governance = treasury = vm.computeCreateAddress(address(this), nonce + 7);
        address predictedGovernor = vm.computeCreateAddress(address(this), nonce + 8);
        registry = Deployed.registry(_registryConfig(predicted));
        staking = Deployed.staking(_stakingConfig());
        bonds = Deployed.bonds(_bondsConfig());
        governanceProposer = Deployed.governanceProposer(_proposerConfig(predictedGovernor));
        statement = Deployed.statement();
        verifier = new VerifierDouble();
        rollup = _newRollup(_rollupConfig(_committeeSize));
        timelock = Deployed.timelock(TIMELOCK_DELAY, predictedGovernor);
        governor = Deployed.governance(_governanceConfig());
        assertEq(address(rollup), predicted, "prediction of the Rollup");
        assertEq(address(timelock), governance, "prediction of the Timelock");
        assertEq(address(governor), predictedGovernor, "prediction of Governance");

        for (uint256 i = 0; i < _validators; ++i) {
            _stake(i);
        }
        _warp(GENESIS);
    }

    /// @dev Version 1; a test of another version overrides this.
    function _newRollup(RollupConfig memory _config) internal virtual returns (IRollup) {
        return Deployed.rollup(_config);
    }

    function _registryConfig(address _firstInstance) internal view returns (RegistryConfig memory) {
        return RegistryConfig({
            genesisTime: GENESIS,
            slotSeconds: SLOT_SECONDS,
            epochSlots: EPOCH_SLOTS,
            setLagEpochs: SET_LAG,
            activationDelayEpochs: ACTIVATION_DELAY,
            governance: governance,
            firstInstance: _firstInstance
        });
    }

    function _stakingConfig() internal view returns (StakingConfig memory) {
        return StakingConfig({
            registry: registry,
            treasury: treasury,
            allowListAdmin: allowListAdmin,
            activationStake: STAKE,
            minimumStake: STAKE / 2,
            entriesPerEpoch: ENTRIES_PER_EPOCH,
            exitDelaySeconds: EXIT_DELAY,
            slashBps: 5000,
            reporterBps: 1000,
            isAllowListOn: true
        });
    }

    function _bondsConfig() internal view returns (ProverBondsConfig memory) {
        return ProverBondsConfig({
            registry: registry,
            treasury: treasury,
            minimumBond: MINIMUM_BOND,
            claimWindowSlots: CLAIM_WINDOW,
            withdrawalDelaySeconds: BOND_DELAY
        });
    }

    function _proposerConfig(address _governor) internal view returns (GovernanceProposerConfig memory) {
        return GovernanceProposerConfig({
            registry: registry,
            governance: _governor,
            roundSlots: ROUND_SLOTS,
            quorumSignals: QUORUM_SIGNALS,
            lifetimeRounds: LIFETIME
        });
    }

    function _governanceConfig() internal view returns (GovernanceConfig memory) {
        return GovernanceConfig({
            staking: staking,
            timelock: payable(address(timelock)),
            governanceProposer: governanceProposer,
            voteDelaySeconds: VOTE_DELAY,
            votePeriodSeconds: VOTE_PERIOD,
            quorumPercent: QUORUM_PERCENT,
            graceSeconds: GRACE,
            lockWei: LOCK,
            lockSeconds: LOCK_TIME
        });
    }

    function _rollupConfig(uint256 _committeeSize) internal view returns (RollupConfig memory) {
        return RollupConfig({
            registry: registry,
            staking: staking,
            proverBonds: bonds,
            governanceProposer: governanceProposer,
            epochProofVerifier: verifier,
            epochStatement: statement,
            genesisArchive: GENESIS_ARCHIVE,
            committeeSize: _committeeSize,
            entropyLagEpochs: ENTROPY_LAG,
            proofWindowEpochs: PROOF_WINDOW,
            ringSize: RING_SIZE,
            inboxLagSlots: INBOX_LAG,
            transactionsPerBlockMax: TRANSACTIONS_PER_BLOCK,
            depositsPerBlockMax: DEPOSITS_PER_BLOCK,
            withdrawalsPerBlockMax: WITHDRAWALS_PER_BLOCK,
            minimumDepositGwei: MINIMUM_DEPOSIT_GWEI,
            openShareBps: OPEN_SHARE_BPS,
            stallEpochs: STALL_EPOCHS
        });
    }

    function _attester(uint256 _index) internal returns (address attester) {
        uint256 key = uint256(keccak256(abi.encode("attester", _index))) >> 8;
        attester = vm.addr(key);
        keyOf[attester] = key;
    }

    function _withdrawer(uint256 _index) internal pure returns (address) {
        return address(uint160(0x1000000 + _index));
    }

    function _sign(address _signer, bytes32 _digest) internal view returns (bytes32 r, bytes32 vs) {
        return vm.signCompact(keyOf[_signer], _digest);
    }

    function _proofOfPossession(address _who, address _for) internal view returns (bytes memory) {
        (bytes32 r, bytes32 vs) = _sign(_who, staking.proofOfPossessionDigest(_who, _for));
        return abi.encodePacked(r, vs);
    }

    function _allow(address _who) internal {
        address[] memory list = new address[](1);
        list[0] = _who;
        vm.prank(allowListAdmin);
        staking.setAllowed(list, true);
    }

    function _stake(uint256 _index) internal returns (address attester) {
        attester = _attester(_index);
        if (staking.isAllowListOn()) _allow(attester);
        vm.deal(address(this), STAKE);
        staking.deposit{value: STAKE}(attester, _withdrawer(_index), _proofOfPossession(attester, _withdrawer(_index)));
    }

    /// @dev Moves L1 to a time, with a block every 12 seconds.
    function _warp(uint256 _time) internal {
        vm.warp(_time);
        vm.roll(_l1BlockAt(_time));
    }

    function _warpToSlot(uint256 _slot) internal {
        _warp(GENESIS + _slot * SLOT_SECONDS);
    }

    function _l1BlockAt(uint256 _time) internal pure returns (uint256) {
        return GENESIS_L1_BLOCK + _time / L1_SLOT_SECONDS - GENESIS / L1_SLOT_SECONDS;
    }

    /// @dev What proves an epoch's committee now: the members where this version takes them, else the headers.
    function _committeeProof(uint256 _epoch) internal returns (CommitteeProof memory proof) {
        if (rollup.version() == 1 || !_isSetUp(_epoch)) return _seedHeaders(_epoch);

        proof.committee = _packed(rollup.committeeOfEpoch(Epoch.wrap(_epoch)));
    }

    function _isSetUp(uint256 _epoch) internal view returns (bool) {
        try rollup.committeeOfEpoch(Epoch.wrap(_epoch)) {
            return true;
        } catch {
            return false;
        }
    }

    /// @dev 20 bytes for each member.
    function _packed(address[] memory _members) internal pure returns (bytes memory packed) {
        for (uint256 i = 0; i < _members.length; ++i) {
            packed = bytes.concat(packed, bytes20(_members[i]));
        }
    }

    /// @dev The two headers that prove an epoch's seed, known to the history contract; nothing for genesis epochs.
    function _seedHeaders(uint256 _epoch) internal returns (CommitteeProof memory proof) {
        if (_epoch <= SET_LAG) return proof;

        uint256 time = GENESIS + (_epoch - ENTROPY_LAG) * EPOCH_SLOTS * SLOT_SECONDS;
        uint256 number = _l1BlockAt(time);
        proof.parentHeader =
            L1Headers.encode(number - 1, time - L1_SLOT_SECONDS, keccak256("parent"), keccak256("grandparent"), 0);
        proof.header = L1Headers.encode(
            number, time, keccak256(abi.encode("prevrandao", _epoch)), keccak256(proof.parentHeader), 0
        );
        _recordL1Block(number, keccak256(proof.header));
    }

    function _recordL1Block(uint256 _number, bytes32 _hash) internal {
        vm.store(HISTORY, bytes32(_number), _hash);
        uint256 current = vm.getBlockNumber();
        if (_number < current && current - _number <= 256) vm.setBlockhash(_number, _hash);
    }

    /// @dev The versioned hash of the blob that every proof of these tests can open.
    function _blobHash(uint256 _salt) internal view returns (bytes32) {
        return ConstantBlobs.versionedHash(_salt);
    }

    /// @dev An archive whose limbs are all field elements.
    function _archive(uint256 _salt) internal pure returns (bytes32) {
        uint256 mask = 0x3fffffffffffffff3fffffffffffffff3fffffffffffffff3fffffffffffffff;
        return bytes32(uint256(keccak256(abi.encode("archive", _salt))) & mask);
    }

    function _committee(uint256 _slot, CommitteeProof memory _proof) internal view returns (address[] memory) {
        Epoch epoch = Epoch.wrap(_slot / EPOCH_SLOTS);
        if (_isSetUp(_slot / EPOCH_SLOTS)) return rollup.committeeOfEpoch(epoch);

        return rollup.sampleCommittee(epoch, rollup.seedOf(epoch, _proof));
    }

    /// @dev What the slot's proposer publishes now, with exactly the threshold of attestations.
    function _proposal() internal returns (Proposal memory) {
        return _proposalWith(rollup.attestationThreshold());
    }

    function _proposalWith(uint256 _attestations) internal returns (Proposal memory proposal) {
        uint256 slot = (vm.getBlockTimestamp() - GENESIS) / SLOT_SECONDS;
        proposal.blobHash = _blobHash(slot);
        proposal.block_ = Block({
            slot: Slot.wrap(slot), feeRecipient: feeRecipient, inboxEnd: _inboxEnd(slot), archive: _archive(slot)
        });
        proposal.committeeProof = _committeeProof(slot / EPOCH_SLOTS);
        _attest(proposal, _attestations);
        _publish(proposal);
    }

    function _inboxEnd(uint256 _slot) internal view returns (uint256) {
        uint256 consumed = rollup.tips().pendingInboxEnd;
        uint256 due = rollup.dueAt(Slot.wrap(_slot)) - consumed;
        return consumed + (due < DEPOSITS_PER_BLOCK ? due : DEPOSITS_PER_BLOCK);
    }

    /// @dev Signs with the members of the lowest indices.
    function _attest(Proposal memory _p, uint256 _count) internal view {
        address[] memory committee = _committee(Slot.unwrap(_p.block_.slot), _p.committeeProof);
        bytes32 digest = rollup.attestationDigest(_p.block_.slot, rollup.blockHashOf(_p.block_, _p.blobHash));
        bytes memory signatures;
        for (uint256 i = 0; i < _count; ++i) {
            (bytes32 r, bytes32 vs) = _sign(committee[i], digest);
            signatures = abi.encodePacked(signatures, r, vs);
        }
        _p.attestations = Attestations({bitmap: (1 << _count) - 1, signatures: signatures});
    }

    /// @dev Signs the publication as the slot's proposer.
    function _publish(Proposal memory _p) internal view {
        uint256 slot = Slot.unwrap(_p.block_.slot);
        address[] memory committee = _committee(slot, _p.committeeProof);
        _publishAs(_p, committee[slot % EPOCH_SLOTS % committee.length]);
    }

    function _publishAs(Proposal memory _p, address _proposer) internal view {
        bytes32 digest = rollup.publicationDigest(
            _p.block_.slot, rollup.blockHashOf(_p.block_, _p.blobHash), _p.attestations, _p.publication
        );
        (_p.publication.r, _p.publication.vs) = _sign(_proposer, digest);
    }

    function _propose(Proposal memory _p) internal {
        _setBlobs(_p.blobHash);
        rollup.propose(_p.block_, _p.attestations, _p.publication, _p.committeeProof, _p.claim);
    }

    function _setBlobs(bytes32 _hash) internal {
        bytes32[] memory hashes = new bytes32[](1);
        hashes[0] = _hash;
        vm.blobhashes(hashes);
    }

    function _proposeInSlot(uint256 _slot) internal {
        _warpToSlot(_slot);
        _propose(_proposal());
    }

    function _deposit(uint256 _valueGwei, uint256 _salt) internal returns (uint256) {
        vm.deal(address(this), _valueGwei * 1 gwei);
        return rollup.deposit{value: _valueGwei * 1 gwei}(_archive(_salt), new bytes(91));
    }
}
