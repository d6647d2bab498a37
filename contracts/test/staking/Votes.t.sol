// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {NetworkTest} from "@agoge-test/support/NetworkTest.sol";
import {Evidence, MessageKind, SignedMessage, ValidatorStatus} from "@agoge/staking/IStaking.sol";
import {Slot} from "@agoge/time/TimeLib.sol";
import {Votes} from "@openzeppelin/contracts/governance/utils/Votes.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";

contract VotesTest is NetworkTest {
    bytes32 private constant DELEGATION = keccak256("Delegation(address delegatee,uint256 nonce,uint256 expiry)");

    address private _zeroth = _withdrawer(0);

    function setUp() external {
        _deployNetwork(4, 4);
    }

    function test_ClockIsTime() external view {
        assertEq(staking.clock(), vm.getBlockTimestamp());
        assertEq(staking.CLOCK_MODE(), "mode=timestamp");
    }

    function test_PowerRunsFromActivationToTheStartOfTheExit() external {
        uint256 genesis = vm.getBlockTimestamp();
        assertEq(staking.getVotes(_zeroth), STAKE);
        assertEq(staking.delegates(_zeroth), _zeroth);
        assertEq(staking.getPastVotes(_zeroth, genesis - 1), STAKE, "before genesis");
        assertEq(staking.getPastTotalSupply(genesis - 1), 4 * STAKE);
        assertEq(staking.getPastTotalSupply(genesis - 1 days - 1), 0);

        _warp(genesis + 100);
        vm.prank(_zeroth);
        staking.startExit(_attester(0));
        assertEq(staking.getVotes(_zeroth), 0);
        _warp(genesis + 200);
        assertEq(staking.getPastVotes(_zeroth, genesis + 99), STAKE, "the past does not change");
        assertEq(staking.getPastVotes(_zeroth, genesis + 100), 0);
        assertEq(staking.getPastTotalSupply(genesis + 100), 3 * STAKE);

        _warp(genesis + 100 + EXIT_DELAY);
        staking.finaliseExit(_attester(0));
        assertEq(staking.getVotes(_zeroth), 0);
    }

    function test_AQueuedValidatorHasNoPower() external {
        for (uint256 i = 4; i < 10; ++i) {
            _stake(i);
        }
        assertEq(uint8(staking.validator(_attester(8)).status), uint8(ValidatorStatus.Queued));
        assertEq(staking.delegates(_withdrawer(8)), _withdrawer(8), "from the deposit on");
        assertEq(staking.getVotes(_withdrawer(8)), 0);
        vm.prank(_withdrawer(9));
        staking.startExit(_attester(9));

        _warpToSlot(EPOCH_SLOTS);
        staking.activateQueued(2);
        assertEq(staking.getVotes(_withdrawer(8)), STAKE);
        assertEq(staking.getVotes(_withdrawer(9)), 0, "it left");
        _warpToSlot(EPOCH_SLOTS + 1);
        assertEq(staking.getPastTotalSupply(vm.getBlockTimestamp() - 1), 9 * STAKE);
    }

    function test_ASlashLowersPowerAtOnce() external {
        _warpToSlot(40);
        staking.slash(_evidence(5));
        assertEq(staking.getVotes(_zeroth), STAKE / 2);

        // The second one ejects: what was left goes too, once.
        staking.slash(_evidence(6));
        assertEq(staking.getVotes(_zeroth), 0);
        _warpToSlot(41);
        assertEq(staking.getPastTotalSupply(vm.getBlockTimestamp() - 1), 3 * STAKE);
    }

    function test_ASlashOfALeaverTakesNoPower() external {
        _warpToSlot(40);
        vm.startPrank(_zeroth);
        staking.delegate(_withdrawer(1));
        staking.startExit(_attester(0));
        vm.stopPrank();
        staking.slash(_evidence(5));
        assertEq(staking.getVotes(_withdrawer(1)), STAKE);
        _warpToSlot(41);
        assertEq(staking.getPastTotalSupply(vm.getBlockTimestamp() - 1), 3 * STAKE);
    }

    function test_ADelegationOfBeforeStays() external {
        address delegate = makeAddr("delegate");
        vm.prank(_withdrawer(4));
        staking.delegate(delegate);
        _stake(4);
        assertEq(staking.delegates(_withdrawer(4)), delegate);
        assertEq(staking.getVotes(delegate), STAKE);
        assertEq(staking.getVotes(_withdrawer(4)), 0);

        vm.prank(_zeroth);
        staking.delegate(delegate);
        assertEq(staking.getVotes(delegate), 2 * STAKE);
        vm.prank(_zeroth);
        staking.startExit(_attester(0));
        assertEq(staking.getVotes(delegate), STAKE, "the delegate loses it");
    }

    function test_DelegationBySignature() external {
        (address account, uint256 key) = makeAddrAndKey("account");
        bytes32 structHash = keccak256(abi.encode(DELEGATION, _zeroth, 0, vm.getBlockTimestamp()));
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Agoge"),
                keccak256("1"),
                block.chainid,
                address(staking)
            )
        );
        assertEq(staking.domainSeparator(), domain);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, keccak256(abi.encodePacked(hex"1901", domain, structHash)));
        staking.delegateBySig(_zeroth, 0, vm.getBlockTimestamp(), v, r, s);
        assertEq(staking.delegates(account), _zeroth);
        vm.expectRevert(abi.encodeWithSelector(Nonces.InvalidAccountNonce.selector, account, 1));
        staking.delegateBySig(_zeroth, 0, vm.getBlockTimestamp(), v, r, s);
        assertEq(staking.attesterNonces(_attester(0)), 1, "another nonce");
    }

    function test_RevertWhen_TheTimeIsNotPast() external {
        uint48 time = uint48(vm.getBlockTimestamp());
        vm.expectRevert(abi.encodeWithSelector(Votes.ERC5805FutureLookup.selector, time, time));
        staking.getPastVotes(_zeroth, time);
        vm.expectRevert(abi.encodeWithSelector(Votes.ERC5805FutureLookup.selector, time, time));
        staking.getPastTotalSupply(time);
    }

    /// @dev ST-13: an upgrade while exits pend. Stake leaves as before, and votes once, wherever it is pinned.
    function test_GivenAnUpgradeWhileExitsPend() external {
        vm.prank(_withdrawer(1));
        staking.pin(_attester(1), address(rollup));
        vm.prank(_zeroth);
        staking.startExit(_attester(0));
        vm.prank(governance);
        registry.add(address(this));
        _warpToSlot((ACTIVATION_DELAY + 1) * EPOCH_SLOTS);

        uint256 sum;
        for (uint256 i = 0; i < 4; ++i) {
            sum += staking.getVotes(_withdrawer(i));
        }
        assertEq(sum, 3 * STAKE, "the pinned and the followers, each once");
        assertEq(staking.getPastTotalSupply(vm.getBlockTimestamp() - 1), sum);
        _warp(GENESIS + EXIT_DELAY);
        staking.finaliseExit(_attester(0));
        vm.prank(_zeroth);
        assertEq(staking.withdraw(address(0xCAFE)), STAKE);
    }

    function _evidence(uint256 _slot) private returns (Evidence memory) {
        Slot slot = Slot.wrap(_slot);
        return Evidence({
            instance: address(rollup),
            genesisId: rollup.genesisId(),
            slot: slot,
            kind: MessageKind.Attestation,
            first: _message(slot, "first"),
            second: _message(slot, "second")
        });
    }

    function _message(Slot _slot, bytes32 _blockHash) private returns (SignedMessage memory) {
        (bytes32 r, bytes32 vs) = _sign(_attester(0), rollup.attestationDigest(_slot, _blockHash));
        return SignedMessage({blockHash: _blockHash, bodyHash: 0, r: r, vs: vs});
    }
}
