// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Votes} from "@openzeppelin/contracts/governance/utils/Votes.sol";
import {Time} from "@openzeppelin/contracts/utils/types/Time.sol";

/// @title StakeVotes
/// @notice Stake as voting power, by OpenZeppelin's Votes on a clock of timestamps; promises in IStaking.
/// @dev Stake cannot be transferred, so power only appears, shrinks and moves between delegates.
abstract contract StakeVotes is Votes {
    /// @dev Active stake of a withdrawer's validators, wei: what it can delegate.
    mapping(address withdrawer => uint256 stake) private _activeStake;

    /// @notice The clock by which power is recorded: Unix seconds (ERC-6372).
    function clock() public view override returns (uint48) {
        return Time.timestamp();
    }

    /// @notice Description of the clock (ERC-6372).
    // The name is the standard's.
    // forge-lint: disable-next-line(mixed-case-function)
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    /// @dev A withdrawer votes for itself until it says otherwise; stake that nobody votes with would still count towards the quorum.
    function _delegateToItselfAtFirst(address _withdrawer) internal {
        if (delegates(_withdrawer) == address(0)) _delegate(_withdrawer, _withdrawer);
    }

    /// @dev Stake of a withdrawer became active.
    function _addPower(address _withdrawer, uint256 _stake) internal {
        _activeStake[_withdrawer] += _stake;
        _transferVotingUnits(address(0), _withdrawer, _stake);
    }

    /// @dev Stake of a withdrawer was slashed, or is leaving.
    function _removePower(address _withdrawer, uint256 _stake) internal {
        _activeStake[_withdrawer] -= _stake;
        _transferVotingUnits(_withdrawer, address(0), _stake);
    }

    /// @inheritdoc Votes
    function _getVotingUnits(address _withdrawer) internal view override returns (uint256) {
        return _activeStake[_withdrawer];
    }
}
