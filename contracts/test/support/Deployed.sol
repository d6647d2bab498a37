// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IFullGovernance, ITimelock} from "@agoge-test/support/IFullGovernance.sol";
import {GovernanceConfig} from "@agoge/governance/IGovernance.sol";
import {GovernanceProposerConfig, IGovernanceProposer} from "@agoge/governance/IGovernanceProposer.sol";
import {IPayload} from "@agoge/governance/IPayload.sol";
import {IRegistry, RegistryConfig} from "@agoge/governance/IRegistry.sol";
import {IEpochProofVerifier} from "@agoge/proving/IEpochProofVerifier.sol";
import {IEpochStatement} from "@agoge/proving/IEpochStatement.sol";
import {IProverBonds, ProverBondsConfig} from "@agoge/proving/IProverBonds.sol";
import {IRollup, RollupConfig} from "@agoge/rollup/IRollup.sol";
import {IStaking, StakingConfig} from "@agoge/staking/IStaking.sol";
import {Vm} from "forge-std/Vm.sol";

/// @notice Deploys the contracts as they are deployed (via IR), from their artifacts: tests, which import interfaces
/// only, compile by the old code generator, in seconds instead of a quarter of an hour.
library Deployed {
    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    function registry(RegistryConfig memory _config) internal returns (IRegistry) {
        return IRegistry(_deploy("Registry", abi.encode(_config)));
    }

    function staking(StakingConfig memory _config) internal returns (IStaking) {
        return IStaking(_deploy("Staking", abi.encode(_config)));
    }

    function bonds(ProverBondsConfig memory _config) internal returns (IProverBonds) {
        return IProverBonds(_deploy("ProverBonds", abi.encode(_config)));
    }

    function governanceProposer(GovernanceProposerConfig memory _config) internal returns (IGovernanceProposer) {
        return IGovernanceProposer(_deploy("GovernanceProposer", abi.encode(_config)));
    }

    function timelock(uint256 _delaySeconds, address _governance) internal returns (ITimelock) {
        return ITimelock(_deploy("Timelock", abi.encode(_delaySeconds, _governance)));
    }

    function governance(GovernanceConfig memory _config) internal returns (IFullGovernance) {
        return IFullGovernance(_deploy("Governance", abi.encode(_config)));
    }

    function upgradePayload(IRegistry _registry, IStaking _staking, IRollup _rollup) internal returns (IPayload) {
        return IPayload(_deploy("UpgradePayload", abi.encode(_registry, _staking, _rollup)));
    }

    function allowListOffPayload(IStaking _staking) internal returns (IPayload) {
        return IPayload(_deploy("AllowListOffPayload", abi.encode(_staking)));
    }

    function statement() internal returns (IEpochStatement) {
        return IEpochStatement(_deploy("EpochStatement", ""));
    }

    function rollup(RollupConfig memory _config) internal returns (IRollup) {
        return IRollup(payable(_deploy("Rollup", abi.encode(_config))));
    }

    function rollupV2(RollupConfig memory _config) internal returns (IRollup) {
        return IRollup(payable(_deploy("RollupV2", abi.encode(_config))));
    }

    function verifier() internal returns (IEpochProofVerifier) {
        return IEpochProofVerifier(_deploy("EpochProofVerifier", ""));
    }

    function testVerifier() internal returns (IEpochProofVerifier) {
        return IEpochProofVerifier(_deploy("TestEpochProofVerifier", ""));
    }

    function _deploy(string memory _name, bytes memory _arguments) private returns (address) {
        return VM.deployCode(string.concat("target/forge/out/", _name, ".sol/", _name, ".json"), _arguments);
    }
}
