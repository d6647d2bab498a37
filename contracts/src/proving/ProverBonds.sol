// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IRegistry} from "@agoge/governance/IRegistry.sol";
import {BondAccounts} from "@agoge/proving/BondAccounts.sol";
import {
    BlockRange,
    Claim,
    ClaimState,
    IProverBonds,
    ProofReport,
    ProverBondsConfig,
    Quote,
    SignedQuote
} from "@agoge/proving/IProverBonds.sol";
import {BlockRecord, IRollup, Tips} from "@agoge/rollup/IRollup.sol";
import {MessageLib} from "@agoge/rollup/MessageLib.sol";
import {Epoch, NetworkClock, Slot, TimeLib} from "@agoge/time/TimeLib.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @title ProverBonds
/// @notice Quotes, claims and what becomes of their bonds; promises in IProverBonds.
contract ProverBonds is BondAccounts, EIP712 {
    using SafeCast for uint256;
    using TimeLib for NetworkClock;

    /// @notice Newly proven blocks of a claimed epoch, of one report.
    struct Rescue {
        address prover;
        uint16 blocks;
        uint64 reservedGwei;
    }

    /// @notice What `_requireClaimable` found out.
    struct Claimable {
        bytes32 digest;
        Slot slot;
        uint256 blocks;
        uint256 deadlineSlot;
        uint256 windowEndSlot;
        uint256 releaseSlot;
    }

    uint256 private constant BASIS_POINTS = 10_000;

    /// @dev Slots that a claimant has, at least, from the proof of the epoch before.
    uint256 private constant GRACE_SLOTS = 16;

    IRegistry private immutable REGISTRY;
    address private immutable TREASURY;
    uint256 private immutable MINIMUM_BOND;
    uint256 private immutable CLAIM_WINDOW_SLOTS;

    /// @inheritdoc IProverBonds
    mapping(bytes32 digest => bool) public override isQuoteUsed;

    mapping(address instance => mapping(Epoch epoch => Claim)) private _claims;
    mapping(address instance => mapping(Epoch epoch => Rescue[])) private _rescues;

    constructor(ProverBondsConfig memory _config)
        BondAccounts(_config.withdrawalDelaySeconds)
        EIP712(MessageLib.DOMAIN_NAME, MessageLib.DOMAIN_VERSION)
    {
        require(address(_config.registry) != address(0) && _config.treasury != address(0), ProverBonds__ZeroAddress());
        require(_config.minimumBond != 0, ProverBonds__ZeroMinimumBond());
        uint256 epochSlots = _config.registry.clock().epochSlots;
        require(
            _config.claimWindowSlots != 0 && _config.claimWindowSlots < epochSlots,
            ProverBonds__InvalidClaimWindow(_config.claimWindowSlots, epochSlots)
        );

        REGISTRY = _config.registry;
        TREASURY = _config.treasury;
        MINIMUM_BOND = _config.minimumBond;
        CLAIM_WINDOW_SLOTS = _config.claimWindowSlots;
    }

    /// @inheritdoc IProverBonds
    function claim(SignedQuote calldata _signed, BlockRange calldata _range, bytes32 _r, bytes32 _vs)
        external
        override
    {
        Claimable memory claimable = _requireClaimable(_signed, _range);
        address instance = _signed.quote.instance;
        address proposer = IRollup(instance).proposerAt(claimable.slot);
        address signer = _recover(claimDigest(instance, claimable.slot, claimable.digest), _r, _vs);
        require(signer == proposer, ProverBonds__NotProposer(signer, proposer));

        _open(_signed.quote, claimable);
    }

    /// @inheritdoc IProverBonds
    function claimBundled(bytes calldata _bundle) external override {
        (SignedQuote memory signed, BlockRange memory range) = abi.decode(_bundle, (SignedQuote, BlockRange));
        address instance = signed.quote.instance;
        require(msg.sender == instance, ProverBonds__NotTheInstance(msg.sender, instance));

        _open(signed.quote, _requireClaimable(signed, range));
    }

    /// @inheritdoc IProverBonds
    function replaceClaim(SignedQuote calldata _signed, BlockRange calldata _range) external override {
        Claimable memory claimable = _requireClaimable(_signed, _range);
        Quote calldata quote = _signed.quote;
        Claim storage current = _claims[quote.instance][quote.epoch];
        _requireClaimed(current, quote.instance, quote.epoch);
        require(
            quote.basisPointFee < current.basisPointFee,
            ProverBonds__NotCheaper(quote.basisPointFee, current.basisPointFee)
        );

        _unlock(current.prover, current.bondAmount);
        emit BondUnlocked(quote.instance, quote.epoch, current.prover, current.bondAmount);
        _enter(current, quote, claimable.digest);
    }

    /// @inheritdoc IProverBonds
    function reportProof(ProofReport calldata _report) external payable override {
        Slot slot = _currentSlot();
        _reserve(_claims[msg.sender][_report.epoch], _report, slot);
        if (_report.completes) _setDeadline(_claims[msg.sender][_report.nextEpoch], _report.nextEpoch, slot);
    }

    /// @inheritdoc IProverBonds
    function settle(address _instance, Epoch _epoch) external override {
        Claim storage current = _claims[_instance][_epoch];
        _requireClaimed(current, _instance, _epoch);
        Slot slot = _currentSlot();
        if (current.deadlineSlot == 0) {
            require(Slot.unwrap(slot) >= current.releaseSlot, ProverBonds__TooEarlyToSettle(slot));

            current.state = ClaimState.Released;
            _free(current, _instance, _epoch);
        } else {
            bool isFinal = current.provenBlocks == current.blocks || Slot.unwrap(slot) >= current.windowEndSlot;
            require(isFinal && Slot.unwrap(slot) >= current.deadlineSlot, ProverBonds__TooEarlyToSettle(slot));

            current.state = ClaimState.Defaulted;
            _default(current, _instance, _epoch);
        }
    }

    /// @inheritdoc IProverBonds
    function quoteDigestIfClaimable(SignedQuote calldata _signed, BlockRange calldata _range)
        external
        view
        override
        returns (bytes32)
    {
        return _requireClaimable(_signed, _range).digest;
    }

    /// @inheritdoc IProverBonds
    function reservation(address _instance, Epoch _epoch)
        external
        view
        override
        returns (bool isReserved, uint256 basisPointFee, address claimant)
    {
        Claim storage current = _claims[_instance][_epoch];
        if (!_isReserving(current, _currentSlot())) return (false, 0, address(0));

        return (true, current.basisPointFee, current.prover);
    }

    /// @inheritdoc IProverBonds
    function claimOf(address _instance, Epoch _epoch) external view override returns (Claim memory) {
        return _claims[_instance][_epoch];
    }

    /// @inheritdoc IProverBonds
    function quoteDigest(Quote calldata _quote) external view override returns (bytes32) {
        return _hashTypedDataV4(MessageLib.quoteHash(_quote));
    }

    /// @inheritdoc IProverBonds
    function config() external view override returns (ProverBondsConfig memory) {
        return ProverBondsConfig({
            registry: REGISTRY,
            treasury: TREASURY,
            minimumBond: MINIMUM_BOND,
            claimWindowSlots: CLAIM_WINDOW_SLOTS,
            withdrawalDelaySeconds: WITHDRAWAL_DELAY_SECONDS
        });
    }

    /// @inheritdoc IProverBonds
    function domainSeparator() external view override returns (bytes32) {
        return _domainSeparatorV4();
    }

    /// @inheritdoc IProverBonds
    function claimDigest(address _instance, Slot _slot, bytes32 _quoteDigest) public view override returns (bytes32) {
        return _hashTypedDataV4(MessageLib.claimHash(_instance, _slot, _quoteDigest));
    }

    function _open(Quote memory _quote, Claimable memory _claimable) private {
        Claim storage current = _claims[_quote.instance][_quote.epoch];
        require(current.state == ClaimState.None, ProverBonds__ClaimExists(_quote.instance, _quote.epoch));

        current.state = ClaimState.Claimed;
        current.blocks = _claimable.blocks.toUint16();
        current.deadlineSlot = _claimable.deadlineSlot.toUint64();
        current.windowEndSlot = _claimable.windowEndSlot.toUint64();
        current.releaseSlot = _claimable.releaseSlot.toUint64();
        _enter(current, _quote, _claimable.digest);
        if (_claimable.deadlineSlot != 0) {
            emit ClaimDeadlineSet(_quote.instance, _quote.epoch, Slot.wrap(_claimable.deadlineSlot));
        }
    }

    /// @dev Makes a quote the claim, which is open.
    function _enter(Claim storage _current, Quote memory _quote, bytes32 _digest) private {
        uint128 bondAmount = _quote.bondAmount.toUint128();
        isQuoteUsed[_digest] = true;
        _current.prover = _quote.prover;
        _current.basisPointFee = _quote.basisPointFee.toUint16();
        _current.bondAmount = bondAmount;
        _lock(_quote.prover, bondAmount);
        emit EpochClaimed(
            _quote.instance, _quote.epoch, _quote.prover, _quote.basisPointFee, _quote.bondAmount, _digest
        );
    }

    /// @dev Keeps the share of newly proven blocks, and delivers if this is the claimant's proof of the whole epoch.
    function _reserve(Claim storage _current, ProofReport calldata _report, Slot _slot) private {
        bool isReserving = _isReserving(_current, _slot);
        uint256 shareGwei = msg.value / 1 gwei;
        require(
            msg.value == 0 || (isReserving && msg.value == shareGwei * 1 gwei), ProverBonds__UnexpectedValue(msg.value)
        );
        if (_current.state != ClaimState.Claimed) return;

        if (_report.blocks != 0) {
            uint16 blocks = _report.blocks.toUint16();
            uint64 reservedGwei = shareGwei.toUint64();
            _current.provenBlocks += blocks;
            _current.reservedGwei += reservedGwei;
            _rescues[msg.sender][_report.epoch].push(
                Rescue({prover: _report.prover, blocks: blocks, reservedGwei: reservedGwei})
            );
            emit ShareReserved(msg.sender, _report.epoch, _report.prover, blocks, msg.value);
        }
        if (isReserving && _report.isWholeEpoch && _report.prover == _current.prover) {
            _current.state = ClaimState.Delivered;
            _free(_current, msg.sender, _report.epoch);
            _credit(_current.prover, uint256(_current.reservedGwei) * 1 gwei);
        }
    }

    function _setDeadline(Claim storage _current, Epoch _epoch, Slot _slot) private {
        if (_current.state != ClaimState.Claimed || _current.deadlineSlot != 0) return;

        uint256 deadlineSlot = _deadline(_epoch, Slot.unwrap(_slot), _current.windowEndSlot);
        _current.deadlineSlot = deadlineSlot.toUint64();
        emit ClaimDeadlineSet(msg.sender, _epoch, Slot.wrap(deadlineSlot));
    }

    /// @dev The end of a claim that costs nothing.
    function _free(Claim storage _current, address _instance, Epoch _epoch) private {
        _unlock(_current.prover, _current.bondAmount);
        emit BondUnlocked(_instance, _epoch, _current.prover, _current.bondAmount);
        emit ClaimSettled(_instance, _epoch, _current.prover, _current.state, 0, 0);
    }

    /// @dev The end of a claim that was not delivered. What rounding leaves is the treasury's.
    function _default(Claim storage _current, address _instance, Epoch _epoch) private {
        uint256 bondAmount = _current.bondAmount;
        uint256 rescued = 0;
        _slash(_current.prover, _current.bondAmount);
        Rescue[] storage rescues = _rescues[_instance][_epoch];
        for (uint256 i = 0; i < rescues.length; ++i) {
            Rescue memory rescue = rescues[i];
            uint256 part = bondAmount / 2 * rescue.blocks / _current.blocks;
            rescued += part;
            _credit(rescue.prover, part + uint256(rescue.reservedGwei) * 1 gwei);
        }
        _credit(TREASURY, bondAmount - rescued);
        emit ClaimSettled(_instance, _epoch, _current.prover, ClaimState.Defaulted, bondAmount, rescued);
    }

    function _requireClaimable(SignedQuote memory _signed, BlockRange memory _range)
        private
        view
        returns (Claimable memory claimable)
    {
        Quote memory quote = _signed.quote;
        require(REGISTRY.isInstance(quote.instance), ProverBonds__UnknownInstance(quote.instance));
        NetworkClock memory clock = REGISTRY.clock();
        Slot slot = clock.slotAt(TimeLib.current());
        claimable.slot = slot;
        require(
            Epoch.unwrap(clock.epochOf(slot)) == Epoch.unwrap(quote.epoch) + 1
                && clock.positionInEpoch(slot) < CLAIM_WINDOW_SLOTS,
            ProverBonds__OutOfClaimWindow(quote.epoch, slot)
        );
        require(!(slot > quote.validUntilSlot), ProverBonds__QuoteExpired(quote.validUntilSlot, slot));
        require(quote.basisPointFee <= BASIS_POINTS, ProverBonds__FeeTooHigh(quote.basisPointFee));
        require(quote.bondAmount >= MINIMUM_BOND, ProverBonds__BondTooSmall(quote.bondAmount, MINIMUM_BOND));
        uint256 free = _availableFor(quote);
        require(quote.bondAmount <= free, ProverBonds__Unavailable(quote.prover, quote.bondAmount, free));
        claimable.digest = _hashTypedDataV4(MessageLib.quoteHash(quote));
        require(!isQuoteUsed[claimable.digest], ProverBonds__QuoteUsed(claimable.digest));
        require(
            quote.prover != address(0) && _recover(claimable.digest, _signed.r, _signed.vs) == quote.prover,
            ProverBonds__WrongQuoteSignature(quote.prover)
        );
        require(!IRollup(quote.instance).isOpenToAll(quote.epoch), ProverBonds__OpenToAll(quote.epoch));
        _requireUnproven(claimable, quote, _range, clock);
    }

    /// @dev The range is the epoch, as quoted, and not proven; fills in what a claim has to know about it.
    function _requireUnproven(
        Claimable memory _claimable,
        Quote memory _quote,
        BlockRange memory _range,
        NetworkClock memory _clock
    ) private view {
        IRollup rollup = IRollup(_quote.instance);
        Tips memory tips = rollup.tips();
        (uint256 first, uint256 last) = (_range.firstNumber, _range.lastNumber);
        require(
            first != 0 && first <= last && last <= tips.pendingNumber,
            ProverBonds__NotTheEpochsBlocks(_quote.epoch, first, last)
        );
        BlockRecord memory previous = rollup.blockRecord(first - 1);
        BlockRecord memory end = rollup.blockRecord(last);
        Epoch previousEpoch = _clock.epochOf(Slot.wrap(previous.slot));
        require(
            _clock.epochOf(Slot.wrap(rollup.blockRecord(first).slot)) == _quote.epoch
                && _clock.epochOf(Slot.wrap(end.slot)) == _quote.epoch && (first == 1 || previousEpoch < _quote.epoch)
                && (last == tips.pendingNumber
                    || _clock.epochOf(Slot.wrap(rollup.blockRecord(last + 1).slot)) > _quote.epoch),
            ProverBonds__NotTheEpochsBlocks(_quote.epoch, first, last)
        );
        require(_quote.endArchive == end.archive, ProverBonds__WrongEndArchive(_quote.endArchive, end.archive));
        require(last > tips.provenNumber, ProverBonds__NothingToProve(_quote.epoch));

        bool isPreviousProven = tips.provenNumber >= first - 1;
        _claimable.blocks = last - (isPreviousProven ? tips.provenNumber : first - 1);
        uint256 windowEpochs = rollup.config().proofWindowEpochs + 1;
        _claimable.windowEndSlot = (Epoch.unwrap(_quote.epoch) + windowEpochs) * _clock.epochSlots;
        _claimable.releaseSlot = (Epoch.unwrap(previousEpoch) + windowEpochs) * _clock.epochSlots;
        if (isPreviousProven) {
            _claimable.deadlineSlot = _deadline(_quote.epoch, previous.provenInSlot, _claimable.windowEndSlot);
        }
    }

    /// @dev The claimant's own bond of the claim that its quote would replace counts as available.
    function _availableFor(Quote memory _quote) private view returns (uint256) {
        Claim storage current = _claims[_quote.instance][_quote.epoch];
        bool isOwn = current.state == ClaimState.Claimed && current.prover == _quote.prover;
        return available(_quote.prover) + (isOwn ? current.bondAmount : 0);
    }

    /// @dev First slot in which a claimant can no longer deliver.
    function _deadline(Epoch _epoch, uint256 _previousProvenSlot, uint256 _windowEndSlot)
        private
        view
        returns (uint256)
    {
        uint256 ordinary = (Epoch.unwrap(_epoch) + 2) * REGISTRY.clock().epochSlots;
        uint256 graced = _previousProvenSlot + GRACE_SLOTS;
        uint256 deadline = ordinary > graced ? ordinary : graced;
        return deadline < _windowEndSlot ? deadline : _windowEndSlot;
    }

    function _isReserving(Claim storage _current, Slot _slot) private view returns (bool) {
        return _current.state == ClaimState.Claimed
            && (_current.deadlineSlot == 0 || Slot.unwrap(_slot) < _current.deadlineSlot);
    }

    function _currentSlot() private view returns (Slot) {
        return REGISTRY.clock().slotAt(TimeLib.current());
    }

    function _requireClaimed(Claim storage _current, address _instance, Epoch _epoch) private view {
        require(_current.state != ClaimState.None, ProverBonds__NoClaim(_instance, _epoch));
        require(_current.state == ClaimState.Claimed, ProverBonds__NotClaimed(_instance, _epoch, _current.state));
    }

    /// @dev Zero for a signature that is malleable or of no key.
    function _recover(bytes32 _digest, bytes32 _r, bytes32 _vs) private pure returns (address signer) {
        (signer,,) = ECDSA.tryRecover(_digest, _r, _vs);
    }
}
