// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Deployed} from "@agoge-test/support/Deployed.sol";
import {HonestProof} from "@agoge-test/support/HonestProof.sol";
import {ProvingTest, Submission} from "@agoge-test/support/ProvingTest.sol";
import {TransactionGas} from "@agoge-test/support/TransactionGas.sol";
import {IEpochProofs} from "@agoge/proving/IEpochProofs.sol";

/// @notice Gas of whole submitEpochProof transactions: bytes and verification of an honest proof of the epoch circuit are in it,
/// though of another epoch's. Passing it on costs some 30,000 gas that no real transaction pays.
abstract contract SettlementGas is ProvingTest, TransactionGas {
    string private _name;
    bytes private _call;
    uint256 private _limit;

    function _keep(uint256 _from, uint256 _to, uint256 _gasLimit, string memory _caseName) internal {
        Submission memory s = _submission(_from, _to, prover);
        uint256[24] memory publicInputs;
        (publicInputs, s.proof) = HonestProof.read();
        verifier.ask(Deployed.verifier(), publicInputs);
        (_name, _limit) = (_caseName, _gasLimit);
        _call = abi.encodeCall(
            IEpochProofs.submitEpochProof, (s.from, s.to, s.prover, s.settlement, s.commitments, s.evaluation, s.proof)
        );
    }

    function test_SubmitEpochProof() external {
        uint256 gas = _callAndRecord(address(rollup), 0, _call, "settlement", _name);
        assertLe(gas, _limit, _name);
    }
}

/// @notice 32 blocks without deposits and withdrawals, 16 fee recipients that were credited before.
contract OrdinaryEpochGasTest is SettlementGas {
    uint256 private constant RECIPIENTS = 16;

    function setUp() external {
        _deployNetwork(20, 16);
        _makeEpochOf(0, RECIPIENTS);
        _warpToSlot(EPOCH_SLOTS);
        _prove(1, RECIPIENTS, prover);
        _makeEpochOf(1, EPOCH_SLOTS);
        _warpToSlot(2 * EPOCH_SLOTS);
        _keep(RECIPIENTS + 1, RECIPIENTS + EPOCH_SLOTS, 4_000_000, "32 blocks, 16 recipients");
    }

    function _makeEpochOf(uint256 _epoch, uint256 _blocks) private {
        for (uint256 i = 0; i < _blocks; ++i) {
            feeRecipient = address(uint160(0xFEE0000 + i % RECIPIENTS));
            _makeBlock(_epoch * EPOCH_SLOTS + i, 100_000);
        }
    }
}

contract OneBlockGasTest is SettlementGas {
    function setUp() external {
        _deployNetwork(20, 16);
        _makeBlock(0, 100_000);
        _warpToSlot(EPOCH_SLOTS);
        _keep(1, 1, 3_300_000, "1 block");
    }
}

/// @notice 32 blocks at every bound: 16 deposits, 11 withdrawals to accounts that were never credited, fees to another such account.
contract FullEpochGasTest is SettlementGas {
    function setUp() external {
        _deployNetwork(20, 16);
        for (uint256 i = 0; i < EPOCH_SLOTS * DEPOSITS_PER_BLOCK; ++i) {
            _depositNote(1_000_000 + i);
        }
        for (uint256 i = 0; i < EPOCH_SLOTS; ++i) {
            feeRecipient = _account(i, WITHDRAWALS_PER_BLOCK);
            uint256 number = _makeBlock(EPOCH_SLOTS + i, 100_000);
            entries[number].transactions = uint16(TRANSACTIONS_PER_BLOCK);
            for (uint256 j = 0; j < WITHDRAWALS_PER_BLOCK; ++j) {
                _withdrawIn(number, _account(i, j), uint64(10_000 + j));
            }
        }
        _warpToSlot(2 * EPOCH_SLOTS);
        _keep(1, EPOCH_SLOTS, 14_000_000, "32 full blocks");
    }

    function _account(uint256 _block, uint256 _index) private pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode(_block, _index)))));
    }
}
