// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Action, IPayload} from "@agoge/governance/IPayload.sol";
import {IStaking} from "@agoge/staking/IStaking.sol";

/// @title AllowListOffPayload
/// @notice Lets everybody stake, for ever.
contract AllowListOffPayload is IPayload {
    /// @notice The network's Staking.
    IStaking public immutable staking;

    error AllowListOffPayload__NoCode(address staking);
    error AllowListOffPayload__AlreadyOff();

    constructor(IStaking _staking) {
        require(address(_staking).code.length != 0, AllowListOffPayload__NoCode(address(_staking)));
        require(_staking.isAllowListOn(), AllowListOffPayload__AlreadyOff());

        staking = _staking;
    }

    /// @inheritdoc IPayload
    function actions() external view override returns (Action[] memory list) {
        list = new Action[](1);
        list[0] = Action({target: address(staking), value: 0, data: abi.encodeCall(IStaking.disableAllowList, ())});
    }
}
