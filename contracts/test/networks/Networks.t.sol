// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Deployed} from "@agoge-test/support/Deployed.sol";
import {VerifierDouble} from "@agoge-test/support/VerifierDouble.sol";
import {GovernanceConfig} from "@agoge/governance/IGovernance.sol";
import {GovernanceProposerConfig, IGovernanceProposer} from "@agoge/governance/IGovernanceProposer.sol";
import {IRegistry, RegistryConfig} from "@agoge/governance/IRegistry.sol";
import {IEpochStatement} from "@agoge/proving/IEpochStatement.sol";
import {IProverBonds, ProverBondsConfig} from "@agoge/proving/IProverBonds.sol";
import {IRollup, RollupConfig} from "@agoge/rollup/IRollup.sol";
import {IStaking, StakingConfig} from "@agoge/staking/IStaking.sol";
import {Epoch} from "@agoge/time/TimeLib.sol";
import {Test} from "forge-std/Test.sol";

/// @notice The numbers of every network file satisfy every relation that the constructors check, and fit a transaction.
contract NetworksTest is Test {
    /// @dev EIP-7825.
    uint256 private constant TRANSACTION_GAS_MAX = 16_777_216;

    string private _toml;

    function test_Devnet() external {
        _deploy("devnet");
    }

    function test_Phase1() external {
        _deploy("phase1");
    }

    function test_Phase2() external {
        _deploy("phase2");
    }

    function test_Phase3() external {
        _deploy("phase3");
    }

    function test_Phase4() external {
        _deploy("phase4");
    }

    function _deploy(string memory _network) private {
        _toml = vm.readFile(string.concat("script/networks/", _network, ".toml"));
        address predicted = _predicted(6);
        (address timelock, address governance) = (_predicted(7), _predicted(8));

        IRegistry registry = Deployed.registry(
            RegistryConfig({
                genesisTime: vm.getBlockTimestamp() + 1 days,
                slotSeconds: _number(".protocol.slot_seconds"),
                epochSlots: _number(".protocol.epoch_slots"),
                setLagEpochs: _number(".protocol.set_lag_epochs"),
                activationDelayEpochs: _number(".governance.activation_delay_epochs"),
                governance: timelock,
                firstInstance: predicted
            })
        );
        IStaking staking = Deployed.staking(
            StakingConfig({
                registry: registry,
                treasury: timelock,
                allowListAdmin: makeAddr("admin"),
                activationStake: _number(".staking.activation_stake_gwei") * 1 gwei,
                minimumStake: _number(".staking.ejection_stake_gwei") * 1 gwei,
                entriesPerEpoch: _number(".staking.entry_queue_per_epoch"),
                exitDelaySeconds: _number(".staking.exit_delay_seconds"),
                slashBps: _number(".staking.slash_bps"),
                reporterBps: _number(".staking.reporter_share_bps"),
                isAllowListOn: vm.parseTomlBool(_toml, ".staking.is_allow_listed")
            })
        );
        IProverBonds bonds = Deployed.bonds(
            ProverBondsConfig({
                registry: registry,
                treasury: timelock,
                minimumBond: _number(".proving.bond_min_gwei") * 1 gwei,
                claimWindowSlots: _number(".proving.claim_window_slots"),
                withdrawalDelaySeconds: _number(".proving.bond_withdrawal_delay_seconds")
            })
        );
        IGovernanceProposer governanceProposer = Deployed.governanceProposer(
            GovernanceProposerConfig({
                registry: registry,
                governance: governance,
                roundSlots: _number(".governance.round_slots"),
                quorumSignals: _number(".governance.quorum_signals"),
                lifetimeRounds: _number(".governance.lifetime_rounds")
            })
        );
        IEpochStatement statement = Deployed.statement();
        VerifierDouble verifier = new VerifierDouble();
        uint256 gasBefore = gasleft();
        IRollup rollup = Deployed.rollup(
            RollupConfig({
                registry: registry,
                staking: staking,
                proverBonds: bonds,
                governanceProposer: governanceProposer,
                epochProofVerifier: verifier,
                epochStatement: statement,
                genesisArchive: 0,
                committeeSize: _number(".protocol.committee_size"),
                entropyLagEpochs: _number(".protocol.entropy_lag_epochs"),
                proofWindowEpochs: _number(".proving.proof_window_epochs"),
                ringSize: _number(".proving.ring_blocks"),
                inboxLagSlots: _number(".protocol.inbox_lag_slots"),
                transactionsPerBlockMax: _number(".protocol.block_txs_max"),
                depositsPerBlockMax: _number(".protocol.block_deposits_max"),
                withdrawalsPerBlockMax: _number(".protocol.block_withdrawals_max"),
                minimumDepositGwei: _number(".fees.deposit_min_gwei"),
                openShareBps: _number(".proving.open_share_bps"),
                stallEpochs: _number(".proving.stall_epochs")
            })
        );

        assertLt(gasBefore - gasleft(), TRANSACTION_GAS_MAX, "deployment of the Rollup");
        assertEq(registry.canonicalAt(Epoch.wrap(0)), address(rollup));
        assertEq(address(Deployed.timelock(_number(".governance.timelock_seconds"), governance)), timelock);
        assertEq(_deployGovernance(staking, timelock, governanceProposer), governance);
        gasBefore = gasleft();
        Deployed.rollupV2(rollup.config());
        assertLt(gasBefore - gasleft(), TRANSACTION_GAS_MAX, "deployment of version 2");
    }

    function _deployGovernance(IStaking _staking, address _timelock, IGovernanceProposer _proposer)
        private
        returns (address)
    {
        GovernanceConfig memory config = GovernanceConfig({
            staking: _staking,
            timelock: payable(_timelock),
            governanceProposer: _proposer,
            voteDelaySeconds: uint48(_number(".governance.vote_delay_seconds")),
            votePeriodSeconds: uint32(_number(".governance.vote_period_seconds")),
            quorumPercent: _number(".governance.quorum_percent"),
            graceSeconds: _number(".governance.grace_seconds"),
            lockWei: _number(".governance.lock_gwei") * 1 gwei,
            lockSeconds: _number(".governance.lock_seconds")
        });
        uint256 gasBefore = gasleft();
        address governance = address(Deployed.governance(config));
        assertLt(gasBefore - gasleft(), TRANSACTION_GAS_MAX, "deployment of Governance");
        return governance;
    }

    /// @dev The address that a later creation of this contract gives.
    function _predicted(uint256 _ahead) private view returns (address) {
        return vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + _ahead);
    }

    function _number(string memory _key) private view returns (uint256) {
        return vm.parseTomlUint(_toml, _key);
    }
}
