// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Slot} from "@agoge/time/TimeLib.sol";

/// @title IInbox
/// @notice The way from L1 into the shielded pool: deposits wait in order, and blocks must consume them.
/// @dev A block in slot s consumes exactly `min(depositsPerBlockMax, due - consumed)`, where due counts the deposits made
/// `inboxLagSlots` slots before s or earlier. So no proposer can censor a deposit or include one that a short L1 reorg may undo.
///
/// One word is stored per deposit: its time (40 bits) and a rolling hash (216 bits), see `inbox`.
interface IInbox {
    /// @notice A deposit was appended.
    /// @param index Its index, from 0.
    /// @param partialCommitment H(PARTIAL; pk, r) of the note, four elements.
    /// @param valueGwei Its value, gwei.
    /// @param ciphertext The note for its owner, 91 bytes.
    /// @param time L1 time of the deposit, Unix seconds.
    /// @param rollingHash Rolling hash including this deposit.
    event Deposited(
        uint256 indexed index,
        bytes32 partialCommitment,
        uint256 valueGwei,
        bytes ciphertext,
        uint256 time,
        uint256 rollingHash
    );

    error Inbox__NotCanonicalInstance(address canonical);
    error Inbox__NotFieldElements(bytes32 partialCommitment);
    error Inbox__NotWholeGwei(uint256 value);
    error Inbox__ValueOutOfBounds(uint256 valueGwei, uint256 minimum, uint256 limit);
    error Inbox__WrongCiphertextLength(uint256 actual, uint256 expected);
    error Inbox__NoSuchDeposit(uint256 index, uint256 count);
    error Inbox__TooManyConsumed(uint256 inboxEnd, uint256 limit);
    error Inbox__NotDue(uint256 inboxEnd, uint256 time, uint256 dueTime);
    error Inbox__TooFewConsumed(uint256 inboxEnd);

    /// @notice Deposits the value of the call as a shielded note.
    /// @dev Checks: this Rollup is canonical now (`Inbox__NotCanonicalInstance`), else a deposit could wait for ever; the four
    /// limbs are field elements (`Inbox__NotFieldElements`); the value is a multiple of 1 gwei (`Inbox__NotWholeGwei`), at least
    /// the minimum and below 2^60 gwei (`Inbox__ValueOutOfBounds`); the ciphertext has 91 bytes (`Inbox__WrongCiphertextLength`).
    ///
    /// Not checked here: that the partial commitment is anybody's note. Who garbles it burns the own deposit.
    ///
    /// Effects: one more inbox word. Events: `Deposited`.
    /// @param _partialCommitment H(PARTIAL; pk, r), four elements, 8 bytes big-endian each.
    /// @param _ciphertext The note's 91 bytes of ciphertext.
    /// @return index The deposit's index.
    function deposit(bytes32 _partialCommitment, bytes calldata _ciphertext) external payable returns (uint256 index);

    /// @notice Time and rolling hash of a deposit: `rolling(i) = keccak(abi(rolling(i - 1), partialCommitment, valueGwei)) mod 2^216`.
    function inbox(uint256 _index) external view returns (uint256 time, uint256 rollingHash);

    /// @notice Number of deposits ever made.
    function inboxCount() external view returns (uint256);

    /// @notice How many deposits, from the first, are due in a slot.
    function dueAt(Slot _slot) external view returns (uint256);
}
