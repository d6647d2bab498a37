// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CommitteeLib} from "@agoge/rollup/CommitteeLib.sol";
import {AttesterList, AttesterListLib} from "@agoge/staking/AttesterListLib.sol";
import {IStaking} from "@agoge/staking/IStaking.sol";
import {StakingParameters} from "@agoge/staking/StakingParameters.sol";
import {Epoch, NetworkClock, TimeLib, Timestamp} from "@agoge/time/TimeLib.sol";

/// @title ValidatorSets
/// @notice The snapshotted lists, and set(instance, epoch) as it is read from them.
abstract contract ValidatorSets is StakingParameters {
    using AttesterListLib for AttesterList;
    using TimeLib for NetworkClock;

    /// @dev The list of those that follow the Registry is kept under the zero address.
    address internal constant FOLLOW_REGISTRY = address(0);

    mapping(address pinnedTo => AttesterList) internal _lists;

    /// @inheritdoc IStaking
    function setSize(address _instance, Epoch _epoch) external view override returns (uint256) {
        (uint256 pinned, uint256 following) = _sizes(_instance, _epoch, _frozenTime(_epoch));
        return pinned + following;
    }

    /// @inheritdoc IStaking
    function attestersAt(address _instance, Epoch _epoch, bytes calldata _positions)
        external
        view
        override
        returns (bytes memory packed)
    {
        Timestamp time = _frozenTime(_epoch);
        AttesterList storage pinnedList = _lists[_instance];
        AttesterList storage followingList = _lists[FOLLOW_REGISTRY];
        uint256 pinned = pinnedList.sizeAt(time);

        uint256 count = _positions.length / 32;
        packed = CommitteeLib.allocate(count);
        // No overflow: i < count, and the subtraction is guarded.
        unchecked {
            for (uint256 i = 0; i < count; ++i) {
                uint256 position;
                assembly ("memory-safe") {
                    position := calldataload(add(_positions.offset, shl(5, i)))
                }
                address attester = position < pinned
                    ? pinnedList.attesterAt(position, time)
                    : followingList.attesterAt(position - pinned, time);
                CommitteeLib.setMember(packed, i, attester);
            }
        }
    }

    /// @inheritdoc IStaking
    function set(address _instance, Epoch _epoch) external view override returns (address[] memory attesters) {
        Timestamp time = _frozenTime(_epoch);
        (uint256 pinned, uint256 following) = _sizes(_instance, _epoch, time);

        attesters = new address[](pinned + following);
        for (uint256 i = 0; i < attesters.length; ++i) {
            attesters[i] = i < pinned
                ? _lists[_instance].attesterAt(i, time)
                : _lists[FOLLOW_REGISTRY].attesterAt(i - pinned, time);
        }
    }

    function _sizes(address _instance, Epoch _epoch, Timestamp _time)
        private
        view
        returns (uint256 pinned, uint256 following)
    {
        // The zero address is no instance; without this the followers would be counted as pinned to it.
        if (_instance == FOLLOW_REGISTRY) return (0, 0);

        pinned = _lists[_instance].sizeAt(_time);
        if (REGISTRY.canonicalAt(_epoch) == _instance) following = _lists[FOLLOW_REGISTRY].sizeAt(_time);
    }

    function _frozenTime(Epoch _epoch) private view returns (Timestamp time) {
        time = _clock().freezeTime(_epoch);
        require(time < TimeLib.current(), Staking__SetNotFrozen(_epoch, time));
    }
}
