// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IRegistry} from "@agoge/governance/IRegistry.sol";
import {IStaking, StakingConfig} from "@agoge/staking/IStaking.sol";
import {NetworkClock, Timestamp} from "@agoge/time/TimeLib.sol";

/// @title StakingParameters
/// @notice What is fixed when Staking is deployed, and the relations that make it work.
abstract contract StakingParameters is IStaking {
    uint256 internal constant BASIS_POINTS = 10_000;

    IRegistry internal immutable REGISTRY;
    address internal immutable GOVERNANCE;
    address internal immutable TREASURY;
    address internal immutable ALLOW_LIST_ADMIN;
    uint256 internal immutable ACTIVATION_STAKE;
    uint256 internal immutable MINIMUM_STAKE;
    uint256 internal immutable ENTRIES_PER_EPOCH;
    uint256 internal immutable EXIT_DELAY_SECONDS;
    uint256 internal immutable SLASH_BPS;
    uint256 internal immutable REPORTER_BPS;
    bool internal immutable IS_ALLOW_LIST_ON_AT_FIRST;

    Timestamp internal immutable GENESIS_TIME;
    uint256 internal immutable SLOT_SECONDS;
    uint256 internal immutable EPOCH_SLOTS;
    uint256 internal immutable SET_LAG_EPOCHS;

    constructor(StakingConfig memory _config) {
        require(
            address(_config.registry) != address(0) && _config.treasury != address(0)
                && _config.allowListAdmin != address(0),
            Staking__ZeroAddress()
        );
        require(
            _config.minimumStake != 0 && _config.minimumStake <= _config.activationStake
                && _config.activationStake <= type(uint128).max,
            Staking__InvalidStakeBounds(_config.minimumStake, _config.activationStake)
        );
        require(_config.entriesPerEpoch != 0, Staking__ZeroEntriesPerEpoch());
        require(
            _config.slashBps != 0 && _config.slashBps <= BASIS_POINTS && _config.reporterBps <= BASIS_POINTS,
            Staking__InvalidBasisPoints(_config.slashBps, _config.reporterBps)
        );
        NetworkClock memory clock = _config.registry.clock();
        uint256 exitDelayMin = (clock.setLagEpochs + 1) * clock.epochSlots * clock.slotSeconds;
        require(
            _config.exitDelaySeconds >= exitDelayMin, Staking__ExitDelayTooShort(_config.exitDelaySeconds, exitDelayMin)
        );

        REGISTRY = _config.registry;
        GOVERNANCE = _config.registry.governance();
        TREASURY = _config.treasury;
        ALLOW_LIST_ADMIN = _config.allowListAdmin;
        ACTIVATION_STAKE = _config.activationStake;
        MINIMUM_STAKE = _config.minimumStake;
        ENTRIES_PER_EPOCH = _config.entriesPerEpoch;
        EXIT_DELAY_SECONDS = _config.exitDelaySeconds;
        SLASH_BPS = _config.slashBps;
        REPORTER_BPS = _config.reporterBps;
        IS_ALLOW_LIST_ON_AT_FIRST = _config.isAllowListOn;
        GENESIS_TIME = clock.genesisTime;
        SLOT_SECONDS = clock.slotSeconds;
        EPOCH_SLOTS = clock.epochSlots;
        SET_LAG_EPOCHS = clock.setLagEpochs;
    }

    /// @inheritdoc IStaking
    function config() external view override returns (StakingConfig memory) {
        return StakingConfig({
            registry: REGISTRY,
            treasury: TREASURY,
            allowListAdmin: ALLOW_LIST_ADMIN,
            activationStake: ACTIVATION_STAKE,
            minimumStake: MINIMUM_STAKE,
            entriesPerEpoch: ENTRIES_PER_EPOCH,
            exitDelaySeconds: EXIT_DELAY_SECONDS,
            slashBps: SLASH_BPS,
            reporterBps: REPORTER_BPS,
            isAllowListOn: IS_ALLOW_LIST_ON_AT_FIRST
        });
    }

    function _clock() internal view returns (NetworkClock memory) {
        return NetworkClock({
            genesisTime: GENESIS_TIME, slotSeconds: SLOT_SECONDS, epochSlots: EPOCH_SLOTS, setLagEpochs: SET_LAG_EPOCHS
        });
    }
}
