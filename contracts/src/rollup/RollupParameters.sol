// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IGovernanceProposer} from "@agoge/governance/IGovernanceProposer.sol";
import {IRegistry} from "@agoge/governance/IRegistry.sol";
import {IEpochProofVerifier} from "@agoge/proving/IEpochProofVerifier.sol";
import {IEpochStatement} from "@agoge/proving/IEpochStatement.sol";
import {IProverBonds} from "@agoge/proving/IProverBonds.sol";
import {SettlementLib} from "@agoge/proving/SettlementLib.sol";
import {FieldLib} from "@agoge/rollup/FieldLib.sol";
import {IRollup, RollupConfig} from "@agoge/rollup/IRollup.sol";
import {MessageLib} from "@agoge/rollup/MessageLib.sol";
import {IStaking} from "@agoge/staking/IStaking.sol";
import {NetworkClock, Timestamp} from "@agoge/time/TimeLib.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// @title RollupParameters
/// @notice What a Rollup is created with and never changes: parameters, clock, genesis id, signing domain.
abstract contract RollupParameters is IRollup, EIP712 {
    uint256 internal constant BASIS_POINTS = 10_000;

    uint256 private constant COMMITTEE_SIZE_MAX = 256;
    uint256 private constant DEPOSIT_GWEI_LIMIT = 1 << 60;

    /// @dev Clears the two top bits of each 64-bit quarter, so that every limb is a field element with room to spare.
    uint256 private constant GENESIS_ID_MASK = 0x3fffffffffffffff3fffffffffffffff3fffffffffffffff3fffffffffffffff;

    IRegistry internal immutable REGISTRY;
    IStaking internal immutable STAKING;
    IProverBonds internal immutable PROVER_BONDS;
    IGovernanceProposer internal immutable GOVERNANCE_PROPOSER;
    IEpochProofVerifier internal immutable EPOCH_PROOF_VERIFIER;
    IEpochStatement internal immutable EPOCH_STATEMENT;
    bytes32 internal immutable GENESIS_ARCHIVE;
    uint256 internal immutable COMMITTEE_SIZE;
    uint256 internal immutable ENTROPY_LAG_EPOCHS;
    uint256 internal immutable PROOF_WINDOW_EPOCHS;
    uint256 internal immutable RING_SIZE;
    uint256 internal immutable INBOX_LAG_SLOTS;
    uint256 internal immutable TRANSACTIONS_PER_BLOCK_MAX;
    uint256 internal immutable DEPOSITS_PER_BLOCK_MAX;
    uint256 internal immutable WITHDRAWALS_PER_BLOCK_MAX;
    uint256 internal immutable MINIMUM_DEPOSIT_GWEI;
    uint256 internal immutable OPEN_SHARE_BPS;
    uint256 internal immutable STALL_EPOCHS;

    Timestamp private immutable GENESIS_TIME;
    uint256 private immutable SLOT_SECONDS;
    uint256 private immutable EPOCH_SLOTS;
    uint256 private immutable SET_LAG_EPOCHS;

    /// @inheritdoc IRollup
    bytes32 public immutable override genesisId;

    constructor(RollupConfig memory _config) EIP712(MessageLib.DOMAIN_NAME, MessageLib.DOMAIN_VERSION) {
        require(
            address(_config.registry) != address(0) && address(_config.staking) != address(0)
                && address(_config.proverBonds) != address(0) && address(_config.governanceProposer) != address(0),
            Rollup__ZeroAddress()
        );
        NetworkClock memory clock = _config.registry.clock();
        _requireConsistent(_config, clock);

        REGISTRY = _config.registry;
        STAKING = _config.staking;
        PROVER_BONDS = _config.proverBonds;
        GOVERNANCE_PROPOSER = _config.governanceProposer;
        EPOCH_PROOF_VERIFIER = _config.epochProofVerifier;
        EPOCH_STATEMENT = _config.epochStatement;
        GENESIS_ARCHIVE = _config.genesisArchive;
        COMMITTEE_SIZE = _config.committeeSize;
        ENTROPY_LAG_EPOCHS = _config.entropyLagEpochs;
        PROOF_WINDOW_EPOCHS = _config.proofWindowEpochs;
        RING_SIZE = _config.ringSize;
        INBOX_LAG_SLOTS = _config.inboxLagSlots;
        TRANSACTIONS_PER_BLOCK_MAX = _config.transactionsPerBlockMax;
        DEPOSITS_PER_BLOCK_MAX = _config.depositsPerBlockMax;
        WITHDRAWALS_PER_BLOCK_MAX = _config.withdrawalsPerBlockMax;
        MINIMUM_DEPOSIT_GWEI = _config.minimumDepositGwei;
        OPEN_SHARE_BPS = _config.openShareBps;
        STALL_EPOCHS = _config.stallEpochs;
        GENESIS_TIME = clock.genesisTime;
        SLOT_SECONDS = clock.slotSeconds;
        EPOCH_SLOTS = clock.epochSlots;
        SET_LAG_EPOCHS = clock.setLagEpochs;
        genesisId = _genesisId(_config, clock.genesisTime);
    }

    /// @inheritdoc IRollup
    function config() external view override returns (RollupConfig memory) {
        return RollupConfig({
            registry: REGISTRY,
            staking: STAKING,
            proverBonds: PROVER_BONDS,
            governanceProposer: GOVERNANCE_PROPOSER,
            epochProofVerifier: EPOCH_PROOF_VERIFIER,
            epochStatement: EPOCH_STATEMENT,
            genesisArchive: GENESIS_ARCHIVE,
            committeeSize: COMMITTEE_SIZE,
            entropyLagEpochs: ENTROPY_LAG_EPOCHS,
            proofWindowEpochs: PROOF_WINDOW_EPOCHS,
            ringSize: RING_SIZE,
            inboxLagSlots: INBOX_LAG_SLOTS,
            transactionsPerBlockMax: TRANSACTIONS_PER_BLOCK_MAX,
            depositsPerBlockMax: DEPOSITS_PER_BLOCK_MAX,
            withdrawalsPerBlockMax: WITHDRAWALS_PER_BLOCK_MAX,
            minimumDepositGwei: MINIMUM_DEPOSIT_GWEI,
            openShareBps: OPEN_SHARE_BPS,
            stallEpochs: STALL_EPOCHS
        });
    }

    /// @inheritdoc IRollup
    function domainSeparator() external view override returns (bytes32) {
        return _domainSeparatorV4();
    }

    function _clock() internal view returns (NetworkClock memory) {
        return NetworkClock({
            genesisTime: GENESIS_TIME, slotSeconds: SLOT_SECONDS, epochSlots: EPOCH_SLOTS, setLagEpochs: SET_LAG_EPOCHS
        });
    }

    function _requireConsistent(RollupConfig memory _config, NetworkClock memory _networkClock) private view {
        require(
            _config.staking.config().registry == _config.registry,
            Rollup__StakingOfAnotherRegistry(address(_config.staking))
        );
        require(
            _config.proverBonds.config().registry == _config.registry,
            Rollup__BondsOfAnotherRegistry(address(_config.proverBonds))
        );
        _requireCode(address(_config.governanceProposer));
        require(
            _config.governanceProposer.config().registry == _config.registry,
            Rollup__ProposerOfAnotherRegistry(address(_config.governanceProposer))
        );
        _requireCode(address(_config.epochProofVerifier));
        _requireCode(address(_config.epochStatement));
        require(FieldLib.isDigest(_config.genesisArchive), Rollup__NotFieldElements(_config.genesisArchive));
        require(
            _config.committeeSize != 0 && _config.committeeSize <= COMMITTEE_SIZE_MAX,
            Rollup__InvalidCommitteeSize(_config.committeeSize)
        );
        require(
            _config.entropyLagEpochs != 0 && _config.entropyLagEpochs < _networkClock.setLagEpochs,
            Rollup__InvalidEntropyLag(_config.entropyLagEpochs, _networkClock.setLagEpochs)
        );
        // Else a full epoch would be longer than a proof, and no claim could be delivered.
        require(_networkClock.epochSlots <= SettlementLib.BLOCKS_MAX, Rollup__EpochTooLong(_networkClock.epochSlots));
        require(_config.proofWindowEpochs != 0, Rollup__ZeroProofWindow());
        uint256 ringSizeMin = (_config.proofWindowEpochs + 2) * _networkClock.epochSlots;
        require(_config.ringSize >= ringSizeMin, Rollup__RingTooSmall(_config.ringSize, ringSizeMin));
        require(
            _config.inboxLagSlots != 0 && _config.depositsPerBlockMax != 0
                && _config.depositsPerBlockMax <= SettlementLib.DEPOSITS_MAX && _config.minimumDepositGwei != 0
                && _config.minimumDepositGwei < DEPOSIT_GWEI_LIMIT,
            Rollup__InvalidInboxParameters(
                _config.inboxLagSlots, _config.depositsPerBlockMax, _config.minimumDepositGwei
            )
        );
        require(
            _config.transactionsPerBlockMax != 0 && _config.transactionsPerBlockMax <= SettlementLib.TRANSACTIONS_MAX
                && _config.withdrawalsPerBlockMax <= SettlementLib.WITHDRAWALS_MAX
                && _config.withdrawalsPerBlockMax <= _config.transactionsPerBlockMax,
            Rollup__InvalidBlockBounds(_config.transactionsPerBlockMax, _config.withdrawalsPerBlockMax)
        );
        require(_config.openShareBps <= BASIS_POINTS, Rollup__InvalidOpenShare(_config.openShareBps));
        // A stalled instance has no unproven blocks: their window is over.
        require(
            _config.stallEpochs > _config.proofWindowEpochs,
            Rollup__StallTooShort(_config.stallEpochs, _config.proofWindowEpochs + 1)
        );
    }

    function _requireCode(address _account) private view {
        require(_account.code.length != 0, Rollup__NoCode(_account));
    }

    function _genesisId(RollupConfig memory _config, Timestamp _genesisTime) private view returns (bytes32) {
        bytes32 full = keccak256(
            abi.encode(
                "AGOGE_GENESIS",
                block.chainid,
                address(this),
                _genesisTime,
                keccak256(abi.encode(_config)),
                address(_config.epochProofVerifier).codehash,
                address(_config.epochStatement).codehash
            )
        );
        return bytes32(uint256(full) & GENESIS_ID_MASK);
    }
}
