// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {GovernanceTest, ListPayload} from "@agoge-test/support/GovernanceTest.sol";
import {Proposal} from "@agoge-test/support/NetworkTest.sol";
import {IGovernanceProposer} from "@agoge/governance/IGovernanceProposer.sol";
import {IRollup} from "@agoge/rollup/IRollup.sol";
import {Slot} from "@agoge/time/TimeLib.sol";

/// @notice Signals that blocks bring (Propose.tree).
contract BundledSignalTest is GovernanceTest {
    ListPayload private _payload;

    function setUp() external {
        _prepare();
        _payload = _setPayload(1);
    }

    function test_WhenASignalIsBundled() external {
        Proposal memory p = _withSignal(address(_payload));
        vm.expectEmit(address(governanceProposer));
        emit IGovernanceProposer.Signalled(
            address(rollup),
            0,
            address(_payload),
            Slot.wrap(0),
            _committee(0, p.committeeProof)[0],
            governanceProposer.keyOf(address(_payload), _hashOf(_payload)),
            1
        );
        vm.prank(makeAddr("anybody"));
        _propose(p);

        assertEq(rollup.tips().pendingNumber, 1);
    }

    function test_WhenTheBundledSignalFails() external {
        address empty = makeAddr("no code");
        Proposal memory p = _withSignal(empty);
        vm.expectEmit(address(rollup));
        emit IRollup.BundledSignalFailed(
            1, abi.encodeWithSelector(IGovernanceProposer.GovernanceProposer__NoCode.selector, empty)
        );
        _propose(p);
        assertEq(rollup.tips().pendingNumber, 1, "the block stands");
    }

    /// @dev An instance that is not canonical any more still makes blocks; their signals do not count.
    function test_GivenAnotherInstanceIsCanonical() external {
        for (uint256 i = 0; i < 16; ++i) {
            vm.prank(_withdrawer(i));
            staking.pin(_attester(i), address(rollup));
        }
        vm.prank(governance);
        registry.add(address(target));
        _warpToSlot(ACTIVATION_DELAY * EPOCH_SLOTS);
        Proposal memory p = _withSignal(address(_payload));
        vm.expectEmit(address(rollup));
        emit IRollup.BundledSignalFailed(
            1,
            abi.encodeWithSelector(
                IGovernanceProposer.GovernanceProposer__NotCanonical.selector, address(rollup), address(target)
            )
        );
        _propose(p);
    }

    /// @dev Who sends the transaction cannot suppress the signal by giving little gas: all of it, or no block.
    function test_RevertWhen_TooLittleGasIsLeftForTheSignal() external {
        _proposeInSlot(0);
        _warpToSlot(1);
        Proposal memory p = _withSignal(address(_payload));
        bytes memory data =
            abi.encodeCall(IRollup.propose, (p.block_, p.attestations, p.publication, p.committeeProof, p.claim));
        _setBlobs(p.blobHash);
        uint256 snapshot = vm.snapshotState();
        uint256 blocks;
        for (uint256 gas = 100_000; gas < 400_000; gas += 5000) {
            (bool success,) = address(rollup).call{gas: gas}(data);
            uint256 signals = governanceProposer.round(address(rollup), 0).signals;
            assertEq(signals, success ? 1 : 0, "a block without its signal");
            if (success) ++blocks;
            vm.revertToState(snapshot);
        }
        assertGt(blocks, 0);
    }

    function _withSignal(address _of) private returns (Proposal memory p) {
        p = _proposal();
        p.publication.payload = _of;
        p.publication.actionsHash = _hashOf(_payload);
        _publish(p);
    }
}
