// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ConstantBlobs} from "@agoge-test/support/ConstantBlobs.sol";
import {NetworkTest, Proposal} from "@agoge-test/support/NetworkTest.sol";
import {StatementContext} from "@agoge/proving/IEpochStatement.sol";
import {BlockRange, Quote, SignedQuote} from "@agoge/proving/IProverBonds.sol";
import {Epoch, NetworkClock, Slot, Timestamp} from "@agoge/time/TimeLib.sol";

/// @notice What a block's proof settles, as the tests' ledger has it.
struct Entry {
    uint256 slot;
    address feeRecipient;
    uint64 totalFees;
    uint16 transactions;
    bytes32 archive;
    uint256 inboxStart;
    uint256 inboxEnd;
}

struct Withdrawal {
    address recipient;
    uint64 amountGwei;
}

/// @notice A call of `submitEpochProof`.
struct Submission {
    uint256 from;
    uint256 to;
    address prover;
    bytes settlement;
    bytes commitments;
    bytes evaluation;
    bytes proof;
}

/// @notice A network whose blocks can be proven: the moves of honest provers.
abstract contract ProvingTest is NetworkTest {
    uint256 internal constant P = 0xffffffff00000001;

    address internal prover = makeAddr("prover");

    mapping(uint256 number => Entry) internal entries;
    mapping(uint256 number => Withdrawal[]) internal withdrawals;
    mapping(uint256 index => uint256 valueGwei) internal depositValues;

    /// @dev Deposits a note whose partial commitment follows from its index.
    function _depositNote(uint256 _valueGwei) internal returns (uint256 index) {
        index = rollup.inboxCount();
        depositValues[index] = _valueGwei;
        _deposit(_valueGwei, index);
    }

    /// @dev A block in a slot whose transactions pay fees.
    function _makeBlock(uint256 _slot, uint64 _totalFees) internal returns (uint256 number) {
        _warpToSlot(_slot);
        uint256 inboxStart = rollup.tips().pendingInboxEnd;
        Proposal memory p = _proposal();
        _propose(p);
        number = rollup.tips().pendingNumber;
        _enter(number, p.block_.feeRecipient, _slot, _totalFees, inboxStart, p.block_.inboxEnd);
    }

    function _enter(
        uint256 _number,
        address _recipient,
        uint256 _slot,
        uint64 _totalFees,
        uint256 _inboxStart,
        uint256 _inboxEnd_
    ) internal {
        delete withdrawals[_number];
        entries[_number] = Entry({
            slot: _slot,
            feeRecipient: _recipient,
            totalFees: _totalFees,
            transactions: 3,
            archive: _archive(_slot),
            inboxStart: _inboxStart,
            inboxEnd: _inboxEnd_
        });
    }

    /// @dev One block in each of the first slots of an epoch.
    function _makeEpoch(uint256 _epoch, uint256 _blocks, uint64 _totalFees) internal {
        for (uint256 i = 0; i < _blocks; ++i) {
            _makeBlock(_epoch * EPOCH_SLOTS + i, _totalFees);
        }
    }

    function _withdrawIn(uint256 _number, address _recipient, uint64 _amountGwei) internal {
        withdrawals[_number].push(Withdrawal({recipient: _recipient, amountGwei: _amountGwei}));
    }

    function _submission(uint256 _from, uint256 _to, address _prover) internal view returns (Submission memory s) {
        (s.from, s.to, s.prover, s.proof) = (_from, _to, _prover, "proof");
        uint256[] memory salts = new uint256[](_to + 1 - _from);
        for (uint256 number = _from; number <= _to; ++number) {
            salts[number - _from] = entries[number].slot;
            s.settlement = bytes.concat(s.settlement, _entryBytes(number));
            s.commitments = bytes.concat(s.commitments, ConstantBlobs.commitment(entries[number].slot));
        }
        s.evaluation = ConstantBlobs.evaluation(salts, _challenge(_from, _to));
    }

    function _submit(Submission memory _s) internal {
        rollup.submitEpochProof(_s.from, _s.to, _s.prover, _s.settlement, _s.commitments, _s.evaluation, _s.proof);
    }

    function _prove(uint256 _from, uint256 _to, address _prover) internal {
        _submit(_submission(_from, _to, _prover));
    }

    function _entryBytes(uint256 _number) internal view returns (bytes memory list) {
        Entry memory entry = entries[_number];
        Withdrawal[] memory outs = withdrawals[_number];
        list = abi.encodePacked(
            uint32(entry.slot),
            entry.feeRecipient,
            entry.totalFees,
            entry.transactions,
            uint16(entry.inboxEnd - entry.inboxStart),
            uint16(outs.length),
            entry.archive
        );
        for (uint256 i = entry.inboxStart; i < entry.inboxEnd; ++i) {
            list = abi.encodePacked(list, _archive(i), uint64(depositValues[i]));
        }
        for (uint256 i = 0; i < outs.length; ++i) {
            list = abi.encodePacked(list, outs[i].recipient, outs[i].amountGwei);
        }
    }

    /// @dev What the Rollup says to the statement contract about these blocks.
    function _context(uint256 _from, address _prover) internal view returns (StatementContext memory context) {
        uint256 start = entries[_from].inboxStart;
        context.genesisId = rollup.genesisId();
        context.startArchive = _archiveBefore(_from);
        context.inboxStart = start;
        if (start != 0) (, context.inboxHash) = rollup.inbox(start - 1);
        context.clock = NetworkClock(Timestamp.wrap(GENESIS), SLOT_SECONDS, EPOCH_SLOTS, SET_LAG);
        context.transactionsMax = TRANSACTIONS_PER_BLOCK;
        context.depositsMax = DEPOSITS_PER_BLOCK;
        context.withdrawalsMax = WITHDRAWALS_PER_BLOCK;
        context.prover = _prover;
        context.verifier = verifier;
    }

    /// @dev The public inputs as docs/protocol.md states them, written down a second time.
    function _publicInputs(Submission memory _s) internal view returns (uint256[24] memory inputs) {
        uint256 z = _challenge(_s.from, _s.to);
        uint256 hash = uint256(
            keccak256(
                abi.encode(
                    "AGOGE_SETTLEMENT",
                    block.chainid,
                    address(rollup),
                    _s.prover,
                    _archiveBefore(_s.from),
                    entries[_s.to].archive,
                    keccak256(_s.settlement),
                    _blobsHash(_s.from, _s.to)
                )
            )
        );
        uint256[2] memory alpha = [(hash >> 128) % P, (hash % (1 << 128)) % P];
        uint256[2] memory value = _polynomial(_elements(_s.from, _s.to), alpha);
        for (uint256 i = 0; i < 4; ++i) {
            inputs[i] = _limb(rollup.genesisId(), i);
            inputs[4 + i] = _limb(_archiveBefore(_s.from), i);
            inputs[8 + i] = _limb(entries[_s.to].archive, i);
        }
        (inputs[12], inputs[13], inputs[14], inputs[15]) = (alpha[0], alpha[1], value[0], value[1]);
        uint256 y = abi.decode(_s.evaluation, (uint256));
        for (uint256 i = 0; i < 5; ++i) {
            if (i < 3) inputs[16 + i] = (z >> (56 * i)) % (1 << 56);
            inputs[19 + i] = (y >> (56 * i)) % (1 << 56);
        }
    }

    function _challenge(uint256 _from, uint256 _to) internal view returns (uint256) {
        bytes32 hash = keccak256(
            abi.encode(
                "AGOGE_BLOB",
                block.chainid,
                address(rollup),
                _archiveBefore(_from),
                entries[_to].archive,
                _blobsHash(_from, _to)
            )
        );
        return uint256(hash) % (1 << 168);
    }

    function _archiveBefore(uint256 _number) internal view returns (bytes32) {
        return _number == 1 ? GENESIS_ARCHIVE : entries[_number - 1].archive;
    }

    function _blobsHash(uint256 _from, uint256 _to) internal view returns (bytes32) {
        bytes memory hashes;
        for (uint256 number = _from; number <= _to; ++number) {
            hashes = abi.encodePacked(hashes, _blobHash(entries[number].slot));
        }
        return keccak256(hashes);
    }

    /// @dev The list as the fingerprint takes it, the leading 1 included.
    function _elements(uint256 _from, uint256 _to) internal view returns (uint256[] memory elements) {
        elements = new uint256[](5000);
        uint256 n = 0;
        elements[n++] = 1;
        for (uint256 number = _from; number <= _to; ++number) {
            Entry memory e = entries[number];
            for (uint256 i = e.inboxStart; i < e.inboxEnd; ++i) {
                n = _pushDigest(elements, n, _archive(i));
                elements[n++] = depositValues[i];
            }
            Withdrawal[] memory outs = withdrawals[number];
            for (uint256 i = 0; i < outs.length; ++i) {
                n = _pushAddress(elements, n, outs[i].recipient);
                elements[n++] = outs[i].amountGwei;
            }
            elements[n++] = e.slot;
            elements[n++] = GENESIS + e.slot * SLOT_SECONDS;
            n = _pushAddress(elements, n, e.feeRecipient);
            elements[n++] = e.totalFees;
            elements[n++] = e.inboxEnd;
            n = _pushDigest(elements, n, e.archive);
            elements[n++] = e.transactions;
            elements[n++] = e.inboxEnd - e.inboxStart;
            elements[n++] = outs.length;
        }
        elements[n++] = _to + 1 - _from;
        assembly ("memory-safe") {
            // Only shortens the array.
            mstore(elements, n)
        }
    }

    function _pushDigest(uint256[] memory _to, uint256 _n, bytes32 _digest) private pure returns (uint256) {
        for (uint256 i = 0; i < 4; ++i) {
            _to[_n + i] = _limb(_digest, i);
        }
        return _n + 4;
    }

    function _pushAddress(uint256[] memory _to, uint256 _n, address _account) private pure returns (uint256) {
        uint256 a = uint160(_account);
        (_to[_n], _to[_n + 1], _to[_n + 2]) = (a / 2 ** 104, a / 2 ** 48 % 2 ** 56, a % 2 ** 48);
        return _n + 3;
    }

    function _limb(bytes32 _digest, uint256 _index) private pure returns (uint256) {
        return uint256(_digest) / 2 ** (192 - 64 * _index) % 2 ** 64;
    }

    /// @dev The first element has the highest power; by powers of alpha, from the last element on.
    function _polynomial(uint256[] memory _coefficients, uint256[2] memory _alpha)
        internal
        pure
        returns (uint256[2] memory sum)
    {
        uint256[2] memory power = [uint256(1), 0];
        for (uint256 i = _coefficients.length; i > 0; --i) {
            sum[0] = addmod(sum[0], mulmod(power[0], _coefficients[i - 1], P), P);
            sum[1] = addmod(sum[1], mulmod(power[1], _coefficients[i - 1], P), P);
            (power[0], power[1]) =
            (
                addmod(mulmod(power[0], _alpha[0], P), mulmod(7, mulmod(power[1], _alpha[1], P), P), P),
                addmod(mulmod(power[0], _alpha[1], P), mulmod(power[1], _alpha[0], P), P)
            );
        }
    }

    /// @dev A prover with a key and a deposit.
    function _fundedProver(uint256 _index, uint256 _amount) internal returns (address who) {
        uint256 key = uint256(keccak256(abi.encode("prover", _index))) >> 8;
        who = vm.addr(key);
        keyOf[who] = key;
        vm.deal(address(this), _amount);
        bonds.deposit{value: _amount}(who);
    }

    /// @dev A quote for the epoch of a range of blocks.
    function _quote(address _prover, uint256 _fee, BlockRange memory _range)
        internal
        view
        returns (SignedQuote memory)
    {
        uint256 epoch = entries[_range.lastNumber].slot / EPOCH_SLOTS;
        return _signQuote(
            Quote({
                instance: address(rollup),
                epoch: Epoch.wrap(epoch),
                endArchive: entries[_range.lastNumber].archive,
                validUntilSlot: Slot.wrap((epoch + 1) * EPOCH_SLOTS + CLAIM_WINDOW),
                bondAmount: MINIMUM_BOND,
                prover: _prover,
                basisPointFee: _fee,
                nonce: 0
            })
        );
    }

    function _signQuote(Quote memory _unsigned) internal view returns (SignedQuote memory signed) {
        signed.quote = _unsigned;
        (signed.r, signed.vs) = _sign(_unsigned.prover, bonds.quoteDigest(_unsigned));
    }

    /// @dev The current proposer's claim.
    function _claim(SignedQuote memory _signed, BlockRange memory _range) internal {
        Slot slot = Slot.wrap((vm.getBlockTimestamp() - GENESIS) / SLOT_SECONDS);
        bytes32 digest = bonds.claimDigest(address(rollup), slot, bonds.quoteDigest(_signed.quote));
        (bytes32 r, bytes32 vs) = _sign(rollup.proposerAt(slot), digest);
        bonds.claim(_signed, _range, r, vs);
    }
}
