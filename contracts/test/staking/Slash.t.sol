// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {NetworkTest} from "@agoge-test/support/NetworkTest.sol";
import {IRegistry} from "@agoge/governance/IRegistry.sol";
import {Evidence, IStaking, MessageKind, SignedMessage, ValidatorStatus} from "@agoge/staking/IStaking.sol";
import {Slot} from "@agoge/time/TimeLib.sol";

contract SlashTest is NetworkTest {
    address private _culprit;
    address private _reporter = makeAddr("reporter");

    function setUp() external {
        _deployNetwork(16, 16);
        _warpToSlot(40);
        _culprit = _attester(0);
    }

    function test_RevertWhen_TheInstanceIsUnknown() external {
        Evidence memory evidence = _evidence(5, MessageKind.Proposal);
        evidence.instance = address(this);

        _expectRefusal(evidence, abi.encodeWithSelector(IRegistry.Registry__UnknownInstance.selector, address(this)));
    }

    function test_RevertWhen_TheMessagesAreOne() external {
        Evidence memory evidence = _evidence(5, MessageKind.Attestation);
        evidence.second = evidence.first;
        evidence.second.bodyHash = "not a part of attestations";

        _expectRefusal(evidence, abi.encodeWithSelector(IStaking.Staking__NotEquivocation.selector));
    }

    function test_RevertWhen_ASignatureIsInvalid() external {
        Evidence memory evidence = _evidence(5, MessageKind.Proposal);
        evidence.second.vs = bytes32(type(uint256).max);

        _expectRefusal(evidence, abi.encodeWithSelector(IStaking.Staking__InvalidSignature.selector));
    }

    function test_RevertWhen_TheSignersDiffer() external {
        Evidence memory evidence = _evidence(5, MessageKind.Proposal);
        address other = _attester(1);
        evidence.second = _message(other, evidence.slot, evidence.kind, "second");

        _expectRefusal(evidence, abi.encodeWithSelector(IStaking.Staking__SignersDiffer.selector, _culprit, other));
    }

    function test_RevertGiven_TheKeyIsNotStaked() external {
        _culprit = _attester(99);

        _expectRefusal(
            _evidence(5, MessageKind.Proposal),
            abi.encodeWithSelector(IStaking.Staking__WrongStatus.selector, _culprit, ValidatorStatus.None)
        );
    }

    function test_RevertGiven_TheExitIsFinalised() external {
        Evidence memory evidence = _evidence(5, MessageKind.Proposal);
        vm.prank(_withdrawer(0));
        staking.startExit(_culprit);
        _warp(vm.getBlockTimestamp() + EXIT_DELAY);
        staking.finaliseExit(_culprit);

        _expectRefusal(
            evidence, abi.encodeWithSelector(IStaking.Staking__WrongStatus.selector, _culprit, ValidatorStatus.None)
        );

        // Staked again, the key does not answer for what it signed before.
        _stake(0);
        _expectRefusal(
            evidence, abi.encodeWithSelector(IStaking.Staking__BeforeActivation.selector, Slot.wrap(5), _culprit)
        );
    }

    function test_RevertGiven_ItWasSlashedForThis() external {
        Evidence memory evidence = _evidence(5, MessageKind.Proposal);
        staking.slash(evidence);
        (evidence.first, evidence.second) = (evidence.second, evidence.first);

        _expectRefusal(
            evidence,
            abi.encodeWithSelector(
                IStaking.Staking__AlreadySlashed.selector, _culprit, address(rollup), Slot.wrap(5), MessageKind.Proposal
            )
        );
        assertTrue(staking.isSlashed(_culprit, address(rollup), MessageKind.Proposal, Slot.wrap(5)));
    }

    function test_TheReporterIsPaidAndTheStakeIsTheCap() external {
        Evidence memory evidence = _evidence(5, MessageKind.Proposal);
        vm.expectEmit(address(staking));
        emit IStaking.Slashed(
            _culprit, address(rollup), Slot.wrap(5), MessageKind.Proposal, STAKE / 2, _reporter, STAKE / 20
        );
        vm.prank(_reporter);
        staking.slash(evidence);
        assertEq(staking.owed(_reporter), STAKE / 20);
        assertEq(staking.owed(treasury), STAKE / 2 - STAKE / 20);
        assertEq(uint8(staking.validator(_culprit).status), uint8(ValidatorStatus.Active), "not below the minimum");

        // Another kind in the same slot is another equivocation; it takes the rest and ejects.
        staking.slash(_evidence(5, MessageKind.Attestation));
        assertEq(staking.validator(_culprit).stake, 0);
        assertEq(uint8(staking.validator(_culprit).status), uint8(ValidatorStatus.Exiting));

        staking.slash(_evidence(6, MessageKind.Attestation));
        assertEq(staking.owed(_reporter) + staking.owed(treasury) + staking.owed(address(this)), STAKE);
        _warp(vm.getBlockTimestamp() + EXIT_DELAY);
        staking.finaliseExit(_culprit);
        assertEq(staking.owed(_withdrawer(0)), 0);
    }

    function _evidence(uint256 _slot, MessageKind _kind) private view returns (Evidence memory) {
        Slot slot = Slot.wrap(_slot);
        return Evidence({
            instance: address(rollup),
            genesisId: rollup.genesisId(),
            slot: slot,
            kind: _kind,
            first: _message(_culprit, slot, _kind, "first"),
            second: _message(_culprit, slot, _kind, "second")
        });
    }

    function _message(address _signer, Slot _slot, MessageKind _kind, bytes32 _blockHash)
        private
        view
        returns (SignedMessage memory message)
    {
        bytes32 digest = _kind == MessageKind.Proposal
            ? rollup.proposalDigest(_slot, _blockHash, "body")
            : rollup.attestationDigest(_slot, _blockHash);
        (bytes32 r, bytes32 vs) = _sign(_signer, digest);
        message = SignedMessage({blockHash: _blockHash, bodyHash: "body", r: r, vs: vs});
    }

    function _expectRefusal(Evidence memory _wrong, bytes memory _error) private {
        vm.expectRevert(_error);
        staking.slash(_wrong);
    }
}
