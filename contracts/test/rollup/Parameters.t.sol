// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Deployed} from "@agoge-test/support/Deployed.sol";
import {NetworkTest} from "@agoge-test/support/NetworkTest.sol";
import {GovernanceProposerConfig, IGovernanceProposer} from "@agoge/governance/IGovernanceProposer.sol";
import {IRegistry, RegistryConfig} from "@agoge/governance/IRegistry.sol";
import {IEpochProofVerifier} from "@agoge/proving/IEpochProofVerifier.sol";
import {IEpochStatement} from "@agoge/proving/IEpochStatement.sol";
import {IProverBonds, ProverBondsConfig} from "@agoge/proving/IProverBonds.sol";
import {IRollup, RollupConfig} from "@agoge/rollup/IRollup.sol";
import {StakingConfig} from "@agoge/staking/IStaking.sol";

contract ParametersTest is NetworkTest {
    function setUp() external {
        _deployNetwork(0, 16);
    }

    function test_RevertWhen_AParameterIsInvalid() external {
        RollupConfig memory config = _rollupConfig(16);
        config.registry = IRegistry(address(0));
        _expectRefusal(config, abi.encodeWithSelector(IRollup.Rollup__ZeroAddress.selector));

        config = _rollupConfig(16);
        config.registry = Deployed.registry(_registryConfig(address(1)));
        _expectRefusal(
            config, abi.encodeWithSelector(IRollup.Rollup__StakingOfAnotherRegistry.selector, address(staking))
        );

        config = _rollupConfig(16);
        config.proverBonds = IProverBonds(address(0));
        _expectRefusal(config, abi.encodeWithSelector(IRollup.Rollup__ZeroAddress.selector));

        config = _rollupConfig(16);
        config.proverBonds = _bondsOfAnotherRegistry();
        _expectRefusal(
            config, abi.encodeWithSelector(IRollup.Rollup__BondsOfAnotherRegistry.selector, address(config.proverBonds))
        );

        config = _rollupConfig(16);
        config.governanceProposer = IGovernanceProposer(address(0));
        _expectRefusal(config, abi.encodeWithSelector(IRollup.Rollup__ZeroAddress.selector));

        config = _rollupConfig(16);
        config.governanceProposer = IGovernanceProposer(address(7));
        _expectRefusal(config, abi.encodeWithSelector(IRollup.Rollup__NoCode.selector, address(7)));

        config = _rollupConfig(16);
        config.governanceProposer = _proposerOfAnotherRegistry();
        _expectRefusal(
            config,
            abi.encodeWithSelector(
                IRollup.Rollup__ProposerOfAnotherRegistry.selector, address(config.governanceProposer)
            )
        );

        config = _rollupConfig(16);
        config.epochProofVerifier = IEpochProofVerifier(address(0));
        _expectRefusal(config, abi.encodeWithSelector(IRollup.Rollup__NoCode.selector, address(0)));

        config = _rollupConfig(16);
        config.epochStatement = IEpochStatement(address(7));
        _expectRefusal(config, abi.encodeWithSelector(IRollup.Rollup__NoCode.selector, address(7)));

        config = _rollupConfig(16);
        config.genesisArchive = bytes32(type(uint256).max);
        _expectRefusal(config, abi.encodeWithSelector(IRollup.Rollup__NotFieldElements.selector, config.genesisArchive));

        config = _rollupConfig(257);
        _expectRefusal(config, abi.encodeWithSelector(IRollup.Rollup__InvalidCommitteeSize.selector, 257));

        config = _rollupConfig(16);
        config.entropyLagEpochs = SET_LAG;
        _expectRefusal(config, abi.encodeWithSelector(IRollup.Rollup__InvalidEntropyLag.selector, SET_LAG, SET_LAG));

        config = _rollupConfig(16);
        config.proofWindowEpochs = 0;
        _expectRefusal(config, abi.encodeWithSelector(IRollup.Rollup__ZeroProofWindow.selector));

        config = _rollupConfig(16);
        config.ringSize = RING_SIZE - 1;
        _expectRefusal(config, abi.encodeWithSelector(IRollup.Rollup__RingTooSmall.selector, RING_SIZE - 1, RING_SIZE));

        config = _rollupConfig(16);
        config.inboxLagSlots = 0;
        _expectRefusal(
            config,
            abi.encodeWithSelector(
                IRollup.Rollup__InvalidInboxParameters.selector, 0, DEPOSITS_PER_BLOCK, MINIMUM_DEPOSIT_GWEI
            )
        );
    }

    function test_RevertWhen_AParameterOfProvingIsInvalid() external {
        RollupConfig memory config = _rollupConfig(16);
        config.transactionsPerBlockMax = 65;
        _expectRefusal(
            config, abi.encodeWithSelector(IRollup.Rollup__InvalidBlockBounds.selector, 65, WITHDRAWALS_PER_BLOCK)
        );

        config = _rollupConfig(16);
        config.withdrawalsPerBlockMax = 13;
        _expectRefusal(
            config, abi.encodeWithSelector(IRollup.Rollup__InvalidBlockBounds.selector, TRANSACTIONS_PER_BLOCK, 13)
        );

        config = _rollupConfig(16);
        config.transactionsPerBlockMax = 4;
        config.withdrawalsPerBlockMax = 5;
        _expectRefusal(config, abi.encodeWithSelector(IRollup.Rollup__InvalidBlockBounds.selector, 4, 5));

        config = _rollupConfig(16);
        config.depositsPerBlockMax = 17;
        _expectRefusal(
            config,
            abi.encodeWithSelector(IRollup.Rollup__InvalidInboxParameters.selector, INBOX_LAG, 17, MINIMUM_DEPOSIT_GWEI)
        );

        config = _rollupConfig(16);
        config.openShareBps = 10_001;
        _expectRefusal(config, abi.encodeWithSelector(IRollup.Rollup__InvalidOpenShare.selector, 10_001));

        config = _rollupConfig(16);
        config.stallEpochs = PROOF_WINDOW;
        _expectRefusal(
            config, abi.encodeWithSelector(IRollup.Rollup__StallTooShort.selector, PROOF_WINDOW, PROOF_WINDOW + 1)
        );
    }

    /// @dev A full epoch of more slots than a proof has blocks could never be proven in one piece, as claims demand.
    function test_RevertWhen_AnEpochIsLongerThanAProof() external {
        RegistryConfig memory longer = _registryConfig(address(1));
        longer.epochSlots = 33;
        RollupConfig memory config = _rollupConfig(16);
        config.registry = Deployed.registry(longer);
        StakingConfig memory stakingConfig = _stakingConfig();
        stakingConfig.registry = config.registry;
        config.staking = Deployed.staking(stakingConfig);
        ProverBondsConfig memory bondsConfig = _bondsConfig();
        bondsConfig.registry = config.registry;
        config.proverBonds = Deployed.bonds(bondsConfig);
        GovernanceProposerConfig memory proposerConfig = _proposerConfig(address(governor));
        proposerConfig.registry = config.registry;
        config.governanceProposer = Deployed.governanceProposer(proposerConfig);

        _expectRefusal(config, abi.encodeWithSelector(IRollup.Rollup__EpochTooLong.selector, 33));
    }

    function test_TheGenesisIdBindsEverything() external {
        uint256 id = uint256(rollup.genesisId());
        for (uint256 i = 0; i < 4; ++i) {
            assertLt((id >> (64 * i)) & type(uint64).max, 1 << 62, "a limb has 62 bits");
        }

        assertNotEq(_newRollup(_rollupConfig(16)).genesisId(), rollup.genesisId(), "another address");
        uint256 snapshot = vm.snapshotState();
        bytes32 before = _newRollup(_rollupConfig(16)).genesisId();
        vm.revertToState(snapshot);
        vm.etch(address(statement), hex"00");
        assertNotEq(_newRollup(_rollupConfig(16)).genesisId(), before, "another code of the statement");
        vm.revertToState(snapshot);
        vm.etch(address(verifier), hex"00");
        assertNotEq(_newRollup(_rollupConfig(16)).genesisId(), before, "another code of the verifier");
        vm.revertToState(snapshot);
        assertEq(rollup.config().ringSize, RING_SIZE);
        assertEq(rollup.attestationThreshold(), 11);
    }

    function _bondsOfAnotherRegistry() private returns (IProverBonds) {
        ProverBondsConfig memory config = _bondsConfig();
        config.registry = Deployed.registry(_registryConfig(address(1)));
        return Deployed.bonds(config);
    }

    function _proposerOfAnotherRegistry() private returns (IGovernanceProposer) {
        GovernanceProposerConfig memory config = _proposerConfig(address(governor));
        config.registry = Deployed.registry(_registryConfig(address(1)));
        return Deployed.governanceProposer(config);
    }

    function _expectRefusal(RollupConfig memory _config, bytes memory _error) private {
        vm.expectRevert(_error);
        _newRollup(_config);
    }
}
