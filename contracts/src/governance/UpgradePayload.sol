// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Action, IPayload} from "@agoge/governance/IPayload.sol";
import {IRegistry} from "@agoge/governance/IRegistry.sol";
import {IRollup, RollupConfig} from "@agoge/rollup/IRollup.sol";
import {IStaking} from "@agoge/staking/IStaking.sol";

/// @title UpgradePayload
/// @notice Adds a Rollup to the Registry.
/// @dev The constructor refuses what cannot be meant. That the Rollup's code is the wanted one is for signallers and voters to verify.
contract UpgradePayload is IPayload {
    /// @notice The network's Registry.
    IRegistry public immutable registry;

    /// @notice The Rollup to add.
    IRollup public immutable newRollup;

    error UpgradePayload__NoCode(address rollup);
    error UpgradePayload__OfAnotherNetwork(address rollup);
    error UpgradePayload__InvalidRollup(address rollup);
    error UpgradePayload__AlreadyListed(address rollup);

    constructor(IRegistry _registry, IStaking _staking, IRollup _newRollup) {
        address rollup = address(_newRollup);
        require(rollup.code.length != 0, UpgradePayload__NoCode(rollup));
        RollupConfig memory config = _newRollup.config();
        require(
            config.registry == _registry && config.staking == _staking && _staking.config().registry == _registry,
            UpgradePayload__OfAnotherNetwork(rollup)
        );
        require(
            config.committeeSize != 0 && config.transactionsPerBlockMax != 0 && config.depositsPerBlockMax != 0
                && config.ringSize != 0 && config.proofWindowEpochs != 0,
            UpgradePayload__InvalidRollup(rollup)
        );
        require(!_registry.isInstance(rollup), UpgradePayload__AlreadyListed(rollup));

        registry = _registry;
        newRollup = _newRollup;
    }

    /// @inheritdoc IPayload
    function actions() external view override returns (Action[] memory list) {
        list = new Action[](1);
        list[0] =
            Action({target: address(registry), value: 0, data: abi.encodeCall(IRegistry.add, (address(newRollup)))});
    }
}
