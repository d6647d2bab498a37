// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SettledBlock, StatementContext} from "@agoge/proving/IEpochStatement.sol";
import {SettlementLib} from "@agoge/proving/SettlementLib.sol";
import {Slot, Timestamp} from "@agoge/time/TimeLib.sol";

/// @notice `c0 + c1 X` in F_p[X] / (X^2 - 7), both below p.
struct Extension {
    uint256 c0;
    uint256 c1;
}

/// @title FingerprintLib
/// @notice The settlement list as a polynomial at a point of the extension field (docs/protocol.md, 16.3).
library FingerprintLib {
    /// @dev The modulus, as assembly can read it.
    uint256 private constant P = 0xffffffff00000001;

    uint256 private constant MASK_48 = (1 << 48) - 1;
    uint256 private constant MASK_56 = (1 << 56) - 1;

    /// @notice The fingerprint of a list that `SettlementLib.parse` accepted.
    function fingerprint(
        StatementContext calldata _context,
        bytes calldata _list,
        SettledBlock[] memory _blocks,
        Extension memory _alpha
    ) internal pure returns (Extension memory acc) {
        acc.c0 = 1;
        uint256 offset = 0;
        for (uint256 i = 0; i < _blocks.length; ++i) {
            SettledBlock memory settled = _blocks[i];
            uint256 end = settled.withdrawalsOffset + settled.withdrawalCount * SettlementLib.WITHDRAWAL_BYTES;
            _absorbEffects(acc, _alpha, _list, [offset + SettlementLib.BLOCK_BYTES, settled.withdrawalsOffset, end]);
            _absorbBlock(acc, _alpha, _context, _list, settled, offset);
            offset = end;
        }
        (acc.c0, acc.c1) = absorb(acc.c0, acc.c1, _alpha.c0, _alpha.c1, _blocks.length);
    }

    /// @notice One step of Horner's rule: `acc * alpha + element`.
    function absorb(uint256 _c0, uint256 _c1, uint256 _a0, uint256 _a1, uint256 _element)
        internal
        pure
        returns (uint256 c0, uint256 c1)
    {
        assembly ("memory-safe") {
            // All factors are below 2^64, so the sums are below 2^132 and nothing wraps. X^2 = 7.
            c0 := mod(add(add(mul(_c0, _a0), mul(mul(7, _c1), _a1)), _element), P)
            c1 := mod(add(mul(_c0, _a1), mul(_c1, _a0)), P)
        }
    }

    /// @dev Deposits between the first two offsets, withdrawals between the last two.
    function _absorbEffects(
        Extension memory _acc,
        Extension memory _alpha,
        bytes calldata _list,
        uint256[3] memory _offsets
    ) private pure {
        (uint256 c0, uint256 c1, uint256 a0, uint256 a1) = (_acc.c0, _acc.c1, _alpha.c0, _alpha.c1);
        for (uint256 cursor = _offsets[0]; cursor < _offsets[1]; cursor += SettlementLib.DEPOSIT_BYTES) {
            (bytes32 partialCommitment, uint256 valueGwei) = SettlementLib.depositAt(_list, cursor);
            (c0, c1) = _absorbDigest(c0, c1, a0, a1, uint256(partialCommitment));
            (c0, c1) = absorb(c0, c1, a0, a1, valueGwei);
        }
        for (uint256 cursor = _offsets[1]; cursor < _offsets[2]; cursor += SettlementLib.WITHDRAWAL_BYTES) {
            (address recipient, uint256 amountGwei) = SettlementLib.withdrawalAt(_list, cursor);
            (c0, c1) = _absorbAddress(c0, c1, a0, a1, recipient);
            (c0, c1) = absorb(c0, c1, a0, a1, amountGwei);
        }
        (_acc.c0, _acc.c1) = (c0, c1);
    }

    function _absorbBlock(
        Extension memory _acc,
        Extension memory _alpha,
        StatementContext calldata _context,
        bytes calldata _list,
        SettledBlock memory _settled,
        uint256 _offset
    ) private pure {
        (uint256 c0, uint256 c1, uint256 a0, uint256 a1) = (_acc.c0, _acc.c1, _alpha.c0, _alpha.c1);
        uint256 slot = Slot.unwrap(_settled.slot);
        (c0, c1) = absorb(c0, c1, a0, a1, slot);
        (c0, c1) =
            absorb(c0, c1, a0, a1, Timestamp.unwrap(_context.clock.genesisTime) + slot * _context.clock.slotSeconds);
        (c0, c1) = _absorbAddress(c0, c1, a0, a1, _settled.feeRecipient);
        (c0, c1) = absorb(c0, c1, a0, a1, _settled.totalFees);
        (c0, c1) = absorb(c0, c1, a0, a1, _settled.inboxEnd);
        (c0, c1) = _absorbDigest(c0, c1, a0, a1, uint256(_settled.archive));
        (uint256 transactions, uint256 deposits, uint256 withdrawals) = SettlementLib.countsAt(_list, _offset);
        (c0, c1) = absorb(c0, c1, a0, a1, transactions);
        (c0, c1) = absorb(c0, c1, a0, a1, deposits);
        (c0, c1) = absorb(c0, c1, a0, a1, withdrawals);
        (_acc.c0, _acc.c1) = (c0, c1);
    }

    /// @dev The four elements of a digest.
    function _absorbDigest(uint256 _c0, uint256 _c1, uint256 _a0, uint256 _a1, uint256 _digest)
        private
        pure
        returns (uint256 c0, uint256 c1)
    {
        (c0, c1) = (_c0, _c1);
        assembly ("memory-safe") {
            // As `absorb`, four times without four calls: 512 deposits and 32 archives are of this kind.
            for { let shift := 192 } lt(shift, 256) { shift := sub(shift, 64) } {
                let next := add(add(mul(c0, _a0), mul(mul(7, c1), _a1)), and(shr(shift, _digest), 0xffffffffffffffff))
                c1 := mod(add(mul(c0, _a1), mul(c1, _a0)), P)
                c0 := mod(next, P)
            }
        }
    }

    /// @dev Three limbs, most significant first (docs/protocol.md, section 1).
    function _absorbAddress(uint256 _c0, uint256 _c1, uint256 _a0, uint256 _a1, address _account)
        private
        pure
        returns (uint256 c0, uint256 c1)
    {
        uint256 account = uint160(_account);
        (c0, c1) = absorb(_c0, _c1, _a0, _a1, account >> 104);
        (c0, c1) = absorb(c0, c1, _a0, _a1, (account >> 48) & MASK_56);
        (c0, c1) = absorb(c0, c1, _a0, _a1, account & MASK_48);
    }
}
