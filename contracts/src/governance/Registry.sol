// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IRegistry, Instance, RegistryConfig} from "@agoge/governance/IRegistry.sol";
import {Epoch, NetworkClock, TimeLib, Timestamp} from "@agoge/time/TimeLib.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

/// @title Registry
/// @notice The network's clock and instance list; promises in IRegistry.
contract Registry is IRegistry {
    using Checkpoints for Checkpoints.Trace160;
    using SafeCast for uint256;
    using TimeLib for NetworkClock;

    /// @inheritdoc IRegistry
    address public immutable override governance;
    /// @inheritdoc IRegistry
    uint256 public immutable override activationDelayEpochs;
    /// @inheritdoc IRegistry
    Timestamp public immutable override genesisTime;

    uint256 private immutable SLOT_SECONDS;
    uint256 private immutable EPOCH_SLOTS;
    uint256 private immutable SET_LAG_EPOCHS;

    /// @notice The newest entry, in one word: what almost every reader asks for.
    struct Latest {
        address rollup;
        uint96 activation;
    }

    Latest private _latest;

    /// @dev Key: activation epoch, strictly rising. Value: the Rollup.
    Checkpoints.Trace160 private _instances;

    /// @dev Activation epoch plus one; zero for addresses that are not in the list.
    mapping(address rollup => uint256 activationPlusOne) private _activationPlusOne;

    constructor(RegistryConfig memory _config) {
        require(_config.governance != address(0) && _config.firstInstance != address(0), Registry__ZeroAddress());
        require(
            _config.genesisTime >= block.timestamp, Registry__GenesisInThePast(_config.genesisTime, block.timestamp)
        );
        require(_config.slotSeconds != 0 && _config.epochSlots != 0, Registry__ZeroDuration());
        require(_config.setLagEpochs != 0, Registry__ZeroSetLag());
        require(
            _config.activationDelayEpochs > _config.setLagEpochs + 1,
            Registry__ActivationDelayTooShort(_config.activationDelayEpochs, _config.setLagEpochs + 2)
        );

        governance = _config.governance;
        activationDelayEpochs = _config.activationDelayEpochs;
        genesisTime = Timestamp.wrap(_config.genesisTime);
        SLOT_SECONDS = _config.slotSeconds;
        EPOCH_SLOTS = _config.epochSlots;
        SET_LAG_EPOCHS = _config.setLagEpochs;

        _append(_config.firstInstance, Epoch.wrap(0));
    }

    /// @inheritdoc IRegistry
    function add(address _rollup) external override returns (Epoch activation) {
        require(msg.sender == governance, Registry__NotGovernance(msg.sender));
        require(_rollup != address(0), Registry__ZeroAddress());
        require(_rollup.code.length != 0, Registry__NoCode(_rollup));
        require(!isInstance(_rollup), Registry__AlreadyAdded(_rollup));

        uint256 lastActivation = _latest.activation;
        uint256 earliest = Epoch.unwrap(currentEpoch()) + activationDelayEpochs;
        activation = Epoch.wrap(earliest > lastActivation ? earliest : lastActivation + 1);
        _append(_rollup, activation);
    }

    /// @inheritdoc IRegistry
    function canonicalAt(Epoch _epoch) external view override returns (address) {
        Latest memory latest = _latest;
        if (Epoch.unwrap(_epoch) >= latest.activation) return latest.rollup;

        return address(_instances.upperLookup(Epoch.unwrap(_epoch).toUint96()));
    }

    /// @inheritdoc IRegistry
    function activationOf(address _rollup) external view override returns (Epoch) {
        require(isInstance(_rollup), Registry__UnknownInstance(_rollup));

        return Epoch.wrap(_activationPlusOne[_rollup] - 1);
    }

    /// @inheritdoc IRegistry
    function instances() external view override returns (Instance[] memory list) {
        list = new Instance[](_instances.length());
        for (uint256 i = 0; i < list.length; ++i) {
            Checkpoints.Checkpoint160 memory entry = _instances.pos(uint32(i));
            list[i] = Instance({rollup: address(entry._value), activation: Epoch.wrap(entry._key)});
        }
    }

    /// @inheritdoc IRegistry
    function isInstance(address _rollup) public view override returns (bool) {
        return _activationPlusOne[_rollup] != 0;
    }

    /// @inheritdoc IRegistry
    function currentEpoch() public view override returns (Epoch) {
        return clock().epochAtOrZero(TimeLib.current());
    }

    /// @inheritdoc IRegistry
    function clock() public view override returns (NetworkClock memory) {
        return NetworkClock({
            genesisTime: genesisTime, slotSeconds: SLOT_SECONDS, epochSlots: EPOCH_SLOTS, setLagEpochs: SET_LAG_EPOCHS
        });
    }

    function _append(address _rollup, Epoch _activation) private {
        uint96 activation = Epoch.unwrap(_activation).toUint96();
        _latest = Latest({rollup: _rollup, activation: activation});
        _instances.push(activation, uint160(_rollup));
        _activationPlusOne[_rollup] = Epoch.unwrap(_activation) + 1;

        emit InstanceAdded(_rollup, _activation);
    }
}
