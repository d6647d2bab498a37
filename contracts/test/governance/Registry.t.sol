// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Deployed} from "@agoge-test/support/Deployed.sol";
import {NetworkTest} from "@agoge-test/support/NetworkTest.sol";
import {IRegistry, Instance, RegistryConfig} from "@agoge/governance/IRegistry.sol";
import {Epoch} from "@agoge/time/TimeLib.sol";

contract RegistryTest is NetworkTest {
    function setUp() external {
        _deployNetwork(0, 16);
    }

    function test_TheFirstInstanceIsCanonicalFromEpochZero() external view {
        assertEq(registry.canonicalAt(Epoch.wrap(0)), address(rollup));
        assertEq(Epoch.unwrap(registry.activationOf(address(rollup))), 0);
        assertEq(registry.instances().length, 1);
    }

    function test_RevertWhen_TheCallerIsNotGovernance() external {
        vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry__NotGovernance.selector, address(this)));
        registry.add(address(this));
    }

    function test_RevertWhen_TheInstanceIsUnfit() external {
        vm.startPrank(governance);
        vm.expectRevert(IRegistry.Registry__ZeroAddress.selector);
        registry.add(address(0));
        vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry__NoCode.selector, address(0xeeee)));
        registry.add(address(0xeeee));
        vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry__AlreadyAdded.selector, address(rollup)));
        registry.add(address(rollup));
    }

    function test_WhenGovernanceAdds() external {
        _warpToSlot(3 * EPOCH_SLOTS);
        Epoch activation = Epoch.wrap(3 + ACTIVATION_DELAY);

        vm.expectEmit(address(registry));
        emit IRegistry.InstanceAdded(address(this), activation);
        vm.prank(governance);
        registry.add(address(this));

        assertEq(registry.canonicalAt(Epoch.wrap(6)), address(rollup));
        assertEq(registry.canonicalAt(activation), address(this));
        assertEq(registry.canonicalAt(Epoch.wrap(1e6)), address(this));
    }

    function test_WhenTwoAreAddedInOneEpochBothStay() external {
        vm.startPrank(governance);
        registry.add(address(this));
        registry.add(address(staking));

        Instance[] memory list = registry.instances();
        assertEq(list.length, 3);
        assertEq(Epoch.unwrap(list[1].activation), ACTIVATION_DELAY);
        assertEq(Epoch.unwrap(list[2].activation), ACTIVATION_DELAY + 1);
        assertEq(registry.canonicalAt(Epoch.wrap(ACTIVATION_DELAY)), address(this));
    }

    function test_RevertWhen_TheInstanceIsUnknown() external {
        vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry__UnknownInstance.selector, address(this)));
        registry.activationOf(address(this));
    }

    function test_RevertWhen_AParameterIsInvalid() external {
        RegistryConfig memory config = _registryConfig(address(1));
        config.governance = address(0);
        _expectRefusal(config, abi.encodeWithSelector(IRegistry.Registry__ZeroAddress.selector));

        config = _registryConfig(address(0));
        _expectRefusal(config, abi.encodeWithSelector(IRegistry.Registry__ZeroAddress.selector));

        config = _registryConfig(address(1));
        config.genesisTime = GENESIS - 1;
        _expectRefusal(
            config, abi.encodeWithSelector(IRegistry.Registry__GenesisInThePast.selector, GENESIS - 1, GENESIS)
        );

        config = _registryConfig(address(1));
        config.slotSeconds = 0;
        _expectRefusal(config, abi.encodeWithSelector(IRegistry.Registry__ZeroDuration.selector));

        config = _registryConfig(address(1));
        config.setLagEpochs = 0;
        _expectRefusal(config, abi.encodeWithSelector(IRegistry.Registry__ZeroSetLag.selector));

        config = _registryConfig(address(1));
        config.activationDelayEpochs = SET_LAG + 1;
        _expectRefusal(
            config,
            abi.encodeWithSelector(IRegistry.Registry__ActivationDelayTooShort.selector, SET_LAG + 1, SET_LAG + 2)
        );
    }

    function _expectRefusal(RegistryConfig memory _config, bytes memory _error) private {
        vm.expectRevert(_error);
        Deployed.registry(_config);
    }
}
