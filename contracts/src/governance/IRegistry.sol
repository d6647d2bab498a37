// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Epoch, NetworkClock, Timestamp} from "@agoge/time/TimeLib.sol";

/// @notice Parameters of the Registry, fixed for ever.
/// @param genesisTime Network genesis time, Unix seconds; not in the past at deployment.
/// @param slotSeconds Length of a slot, seconds.
/// @param epochSlots Length of an epoch, slots.
/// @param setLagEpochs Epochs between the freezing of a validator set and the epoch that uses it, at least 1.
/// @param activationDelayEpochs Epochs from adding an instance to its activation, more than `setLagEpochs + 1`.
/// @param governance The only address that may add instances.
/// @param firstInstance Address at which the deployer will create the first Rollup (its CREATE address); active from epoch 0.
struct RegistryConfig {
    uint256 genesisTime;
    uint256 slotSeconds;
    uint256 epochSlots;
    uint256 setLagEpochs;
    uint256 activationDelayEpochs;
    address governance;
    address firstInstance;
}

/// @notice An entry of the Registry's list.
/// @param rollup Address of the Rollup.
/// @param activation First epoch in which it is canonical.
struct Instance {
    address rollup;
    Epoch activation;
}

/// @title IRegistry
/// @notice The network's clock and the append-only list of its Rollup instances.
/// @dev Powers: Governance appends instances. Nobody can change or remove one, and the deployer keeps no power.
///
/// Assumption for safety: Governance adds only Rollups that its voters have verified.
///
/// The first instance has to name the Registry and the Registry has to name it. The Registry is created first, with the
/// address that the deployer's nonce will give to the Rollup. A deployment is valid only if code exists at `canonicalAt(0)`
/// and that code names this Registry; `script/devnet` and `govctl verify` check it. If the prediction was wrong the
/// Registry is worthless and nobody has lost anything.
interface IRegistry {
    /// @notice An instance was appended.
    event InstanceAdded(address indexed rollup, Epoch indexed activation);

    error Registry__NotGovernance(address caller);
    error Registry__ZeroAddress();
    error Registry__NoCode(address rollup);
    error Registry__AlreadyAdded(address rollup);
    error Registry__UnknownInstance(address rollup);
    error Registry__GenesisInThePast(uint256 genesisTime, uint256 time);
    error Registry__ZeroDuration();
    error Registry__ZeroSetLag();
    error Registry__ActivationDelayTooShort(uint256 given, uint256 minimum);

    /// @notice Appends an instance that becomes canonical `activationDelayEpochs` after the current epoch, and later than all before it.
    /// @dev Checks: the caller is Governance (`Registry__NotGovernance`); the address is not zero (`Registry__ZeroAddress`),
    /// has code (`Registry__NoCode`) and is not in the list (`Registry__AlreadyAdded`).
    ///
    /// Not checked here: that the code is a Rollup of this network; voters verify the payload.
    ///
    /// Effects: one more entry. Events: `InstanceAdded`.
    /// @param _rollup The Rollup to append.
    /// @return activation Its first canonical epoch.
    function add(address _rollup) external returns (Epoch activation);

    /// @notice The instance that is canonical in an epoch: the last entry with `activation <= epoch`.
    function canonicalAt(Epoch _epoch) external view returns (address);

    /// @notice Whether an address is in the list, active or not.
    function isInstance(address _rollup) external view returns (bool);

    /// @notice The first canonical epoch of an instance; reverts with `Registry__UnknownInstance`.
    function activationOf(address _rollup) external view returns (Epoch);

    /// @notice The whole list, oldest first.
    function instances() external view returns (Instance[] memory);

    /// @notice The clock: genesis time, slot and epoch durations, set lag.
    function clock() external view returns (NetworkClock memory);

    /// @notice Network genesis time, Unix seconds.
    function genesisTime() external view returns (Timestamp);

    /// @notice The epoch of the current L1 block; 0 before genesis.
    function currentEpoch() external view returns (Epoch);

    /// @notice Epochs from adding an instance to its activation.
    function activationDelayEpochs() external view returns (uint256);

    /// @notice The address that may add instances.
    function governance() external view returns (address);
}
