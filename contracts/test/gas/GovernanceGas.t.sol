// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Deployed} from "@agoge-test/support/Deployed.sol";
import {GovernanceTest, ListPayload} from "@agoge-test/support/GovernanceTest.sol";
import {Proposal} from "@agoge-test/support/NetworkTest.sol";
import {TransactionGas} from "@agoge-test/support/TransactionGas.sol";
import {IGovernanceProposer} from "@agoge/governance/IGovernanceProposer.sol";
import {IPayload} from "@agoge/governance/IPayload.sol";
import {IRollup} from "@agoge/rollup/IRollup.sol";
import {Slot} from "@agoge/time/TimeLib.sol";

/// @notice Blocks with a signal, once every entry of the ring of rounds was used. A block without one may cost 130,000
/// (ProposeGas), a signal may add 60,000.
abstract contract BundledSignalGas is GovernanceTest, TransactionGas {
    uint256 private constant WITH_SIGNAL_MAX = 190_000;

    /// @dev Of the ring and one more; its epoch is set up.
    uint256 private constant ROUND = LIFETIME + 2;

    string private _name;
    bytes private _call;
    bytes32 private _blob;

    /// @dev The block is in the second slot of a round; its first slot has a block, with a signal unless this one is the round's first.
    function _prepareBlock(bool _isFirstOfRound) internal {
        _prepare();
        ListPayload earlier = _setPayload(1);
        ListPayload payload = _setPayload(2);
        for (uint256 round = 0; round < ROUND; ++round) {
            _signalIn(round * ROUND_SLOTS, address(earlier), _hashOf(earlier));
        }
        _proposeInSlot(ROUND * ROUND_SLOTS);
        if (!_isFirstOfRound) _signalIn(ROUND * ROUND_SLOTS, address(payload), _hashOf(payload));

        _warpToSlot(ROUND * ROUND_SLOTS + 1);
        Proposal memory p = _proposal();
        (p.publication.payload, p.publication.actionsHash) = (address(payload), _hashOf(payload));
        _publish(p);
        delete p.committeeProof;
        _name = _isFirstOfRound ? "propose with the first signal of a round" : "propose with a later signal of a round";
        _call = abi.encodeCall(IRollup.propose, (p.block_, p.attestations, p.publication, p.committeeProof, p.claim));
        _blob = p.blobHash;
    }

    function test_ProposeWithASignal() external {
        _setBlobs(_blob);
        assertLe(_callAndRecord(address(rollup), 0, _call, "governance", _name), WITH_SIGNAL_MAX, _name);
        assertGt(governanceProposer.round(address(rollup), ROUND).signals, 0);
    }
}

contract FirstSignalOfARoundGasTest is BundledSignalGas {
    function setUp() external {
        _prepareBlock(true);
    }
}

contract LaterSignalOfARoundGasTest is BundledSignalGas {
    function setUp() external {
        _prepareBlock(false);
    }
}

/// @notice Transactions of governance; the payload adds a Rollup.
abstract contract GovernanceGas is GovernanceTest, TransactionGas {
    IPayload internal payload;

    function _preparePayload() internal {
        _prepare();
        payload = Deployed.upgradePayload(registry, staking, Deployed.rollup(_rollupConfig(16)));
    }

    function _measure(address _to, bytes memory _data, string memory _name) internal {
        _callAndRecord(_to, 0, _data, "governance", _name);
    }
}

contract SignalAloneGasTest is GovernanceGas {
    address private _proposer;

    function setUp() external {
        _preparePayload();
        _proposeInSlot(0);
        _warpToSlot(1);
        _proposer = rollup.proposerAt(Slot.wrap(1));
    }

    function test_SignalAlone() external {
        vm.prank(_proposer);
        _measure(
            address(governanceProposer),
            abi.encodeCall(IGovernanceProposer.signal, (address(payload), keccak256("actions"))),
            "signal alone, in a new ring"
        );
    }
}

contract NominateGasTest is GovernanceGas {
    uint256 private _round;

    function setUp() external {
        _preparePayload();
        _round = _winNextRound(address(payload), _hashOf(payload));
    }

    function test_Nominate() external {
        _measure(
            address(governanceProposer),
            abi.encodeCall(IGovernanceProposer.nominate, (address(rollup), _round)),
            "nominate an upgrade"
        );
    }
}

contract VoteGasTest is GovernanceGas {
    uint256 private _id;

    function setUp() external {
        _preparePayload();
        _id = _nominated(payload);
        _openVote(_id);
        _vote(1, _id, FOR);
    }

    function test_Vote() external {
        vm.prank(_withdrawer(0));
        _measure(address(governor), abi.encodeCall(governor.castVote, (_id, FOR)), "vote, not the first");
    }
}

contract QueueGasTest is GovernanceGas {
    uint256 private _id;

    function setUp() external {
        _preparePayload();
        _id = _nominated(payload);
        _openVote(_id);
        _voteOf(0, VOTERS, _id, FOR);
        _closeVote(_id);
    }

    function test_Queue() external {
        _measure(address(governor), abi.encodeWithSignature("queue(uint256)", _id), "queue an upgrade");
    }
}

contract ExecuteGasTest is GovernanceGas {
    uint256 private _id;

    function setUp() external {
        _preparePayload();
        _id = _ready(payload);
    }

    function test_Execute() external {
        _measure(address(governor), abi.encodeWithSignature("execute(uint256)", _id), "execute an upgrade");
    }
}
