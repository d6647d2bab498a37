//! The epoch root: one segment of each track, joined into the statement of `docs/protocol.md` section 16.1.
//!
//! Given a segment of the transaction track, of the state track and of the settlement track, each of the true circuits, there
//! is a header under the start archive (or the start is genesis) such that: the state segment starts in the state after that
//! header and at rest, and ends at rest; the transaction segment makes the state segment's chain of transactions; the
//! settlement segment starts from nothing, makes its chain of headers and ends at rest.

use agoge_protocol::limits::TREE_DEPTH;
use agoge_protocol::{Digest, Element, EpochPublicInputs, Header};
use agoge_state_transition::hash::HEADER;
use agoge_state_transition::{MemoryState, Tree, tree};
use borsh::{BorshDeserialize, BorshSerialize};
use plonky2::field::types::Field;
use plonky2::iop::ext_target::ExtensionTarget;
use plonky2::iop::target::{BoolTarget, Target};
use plonky2::iop::witness::{PartialWitness, WitnessWrite};
use plonky2::plonk::circuit_data::{CircuitConfig, CircuitData};

use super::config::TreeC;
use super::merge::{SegmentTarget, TrackVerifier};
use super::settlement::{BoundaryTargets, SettlementBoundary};
use super::state::Boundary;
#[cfg(test)]
use super::track::TreeCommon;
use super::track::TreeProof;
use crate::gadgets::{self, DigestTarget};
use crate::{BoxError, Builder, D, F, field};

pub(super) mod native;

/// Bits of a limb of the settlement track's numbers; two make a limb of y.
const LIMB_BITS: u32 = 28;

/// The header of the block before an epoch's first, with its place in the archive.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ParentHeader {
    /// The header.
    pub header: Header,
    /// Siblings of its hash under the start archive, lowest first.
    pub siblings: [Digest; TREE_DEPTH],
}

/// What the root knows of the tracks: constants.
#[derive(Clone, Debug)]
pub(crate) struct Tracks {
    pub(crate) transactions: TrackVerifier,
    pub(crate) state: TrackVerifier,
    pub(crate) settlement: TrackVerifier,
}

/// A segment for the root.
pub(crate) struct RootSegment<'a> {
    pub(crate) proof: &'a TreeProof,
    pub(crate) is_merge: bool,
}

/// The root with everything that proving needs.
pub(crate) struct RootProver {
    pub(crate) data: CircuitData<F, TreeC, D>,
    targets: RootTargets,
}

/// The checks that are not wiring. Each has a test in which only this one is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RootCheck {
    /// The start state is the parent header's, or genesis.
    StartState,
    /// The parent header stands under the start archive.
    ParentUnderArchive,
    /// It stands at the place of its number.
    ParentPlace,
    /// The state segment starts and ends between blocks, its chains start at zero.
    StateAtRest,
    /// The transaction chain starts at zero and ends as the state's.
    TransactionChain,
    /// The settlement segment starts from nothing and ends between blocks.
    SettlementAtRest,
    /// The header chain ends as the state's.
    HeaderChain,
}

impl RootCheck {
    /// For whoever gave segments that break it.
    const fn name(self) -> &'static str {
        match self {
            Self::StartState => "that the start is the parent's state",
            Self::ParentUnderArchive => "that the parent is under the start archive",
            Self::ParentPlace => "that the parent has a place in the archive",
            Self::StateAtRest => "that the state is at rest",
            Self::TransactionChain => "that the transactions are the state's",
            Self::SettlementAtRest => "that the settlement starts from nothing and ends at rest",
            Self::HeaderChain => "that the settled headers are the state's",
        }
    }
}

struct RootTargets {
    transactions: SegmentTarget,
    state: SegmentTarget,
    settlement: SegmentTarget,
    parent: ParentTargets,
}

/// Free values about the block before the first.
pub(crate) struct ParentTargets {
    is_genesis: BoolTarget,
    header: [Target; Header::LEN],
    index_bits: [Target; TREE_DEPTH],
    siblings: [DigestTarget; TREE_DEPTH],
}

impl RootProver {
    /// Builds the root over these tracks.
    pub(crate) fn build(config: CircuitConfig, tracks: &Tracks) -> Self {
        let (builder, targets) = constrain(config, tracks);
        Self {
            data: builder.build(),
            targets,
        }
    }

    /// The root with data that were built before.
    pub(crate) fn with_data(tracks: &Tracks, data: CircuitData<F, TreeC, D>) -> Self {
        let mut builder = Builder::new(data.common.config.clone());
        let targets = RootTargets::allocate(&mut builder, tracks);
        Self { data, targets }
    }

    /// Rows without padding, public inputs' hash and constants.
    #[cfg(test)]
    pub(crate) fn rows(config: CircuitConfig, tracks: &Tracks) -> usize {
        constrain(config, tracks).0.num_gates()
    }

    /// The shape, without building the circuit.
    #[cfg(test)]
    pub(crate) fn common(config: CircuitConfig, tracks: &Tracks) -> TreeCommon {
        constrain(config, tracks).0.mock_build::<TreeC>().common
    }

    /// One attempt at a proof from segments of the transaction, state and settlement track. No parent: genesis.
    pub(crate) fn prove(
        &self,
        [transactions, state, settlement]: [RootSegment<'_>; 3],
        parent: Option<&ParentHeader>,
    ) -> Result<TreeProof, BoxError> {
        let mut witness = PartialWitness::new();
        let targets = &self.targets;
        for (target, segment) in [
            (&targets.transactions, transactions),
            (&targets.state, state),
            (&targets.settlement, settlement),
        ] {
            target.assign(&mut witness, segment.proof, segment.is_merge)?;
        }
        targets.parent.assign(&mut witness, parent)?;
        Ok(self.data.prove(witness)?)
    }
}

impl RootTargets {
    fn allocate(builder: &mut Builder, tracks: &Tracks) -> Self {
        Self {
            transactions: SegmentTarget::allocate(builder, &tracks.transactions),
            state: SegmentTarget::allocate(builder, &tracks.state),
            settlement: SegmentTarget::allocate(builder, &tracks.settlement),
            parent: ParentTargets::allocate(builder),
        }
    }
}

fn constrain(config: CircuitConfig, tracks: &Tracks) -> (Builder, RootTargets) {
    let mut builder = Builder::new(config);
    let targets = RootTargets::allocate(&mut builder, tracks);
    targets
        .transactions
        .constrain(&mut builder, &tracks.transactions, true);
    targets.state.constrain(&mut builder, &tracks.state, true);
    targets
        .settlement
        .constrain(&mut builder, &tracks.settlement, true);
    let split = |track: &TrackVerifier, target: &SegmentTarget| {
        track.layout.split(&target.proof.public_inputs).map(|s| Ends {
            start: s.start.to_vec(),
            end: s.end.to_vec(),
            context: s.context.to_vec(),
        })
    };
    // Each track's common data say how many public inputs its segments have.
    if let (Some(transactions), Some(state), Some(settlement)) = (
        split(&tracks.transactions, &targets.transactions),
        split(&tracks.state, &targets.state),
        split(&tracks.settlement, &targets.settlement),
    ) && let Some(public) = join(
        &mut builder,
        [&transactions, &state, &settlement],
        &targets.parent,
        None,
    ) {
        builder.register_public_inputs(&public);
    }
    (builder, targets)
}

/// A segment's statement.
pub(crate) struct Ends {
    pub(crate) start: Vec<Target>,
    pub(crate) end: Vec<Target>,
    pub(crate) context: Vec<Target>,
}

/// Joins segments of the transaction, state and settlement track; the public inputs. `None` when a length is not the
/// track's. `omitted` leaves a check out, for tests.
pub(crate) fn join(
    builder: &mut Builder,
    [transactions, state, settlement]: [&Ends; 3],
    parent: &ParentTargets,
    omitted: Option<RootCheck>,
) -> Option<[Target; EpochPublicInputs::LEN]> {
    let enforced = |check| omitted != Some(check);
    let (start, end) = (
        Boundary::from_list(&state.start)?,
        Boundary::from_list(&state.end)?,
    );
    let genesis_id: DigestTarget = state.context.as_slice().try_into().ok()?;
    let (alpha, z) = settlement.context.split_at_checked(D)?;
    let settled = BoundaryTargets::from_list(settlement.end.as_slice().try_into().ok()?);

    parent.constrain(builder, &start, genesis_id, omitted);
    if enforced(RootCheck::StateAtRest) {
        let one = builder.one();
        for trees in [start.notes, start.nullifiers, end.notes, end.nullifiers] {
            builder.connect(trees.is_odd_leaf_in, one);
        }
        let at_rest = [start.block, end.block].map(|block| {
            let numbers = [block.total_fees, block.tx_count];
            [&block.settlement_hash[..], &block.effects_hash, &numbers].concat()
        });
        let chains = [start.tx_chain, start.header_chain].concat();
        assert_zero(builder, at_rest.concat().into_iter().chain(chains));
    }
    if enforced(RootCheck::TransactionChain) {
        assert_zero(builder, transactions.start.iter().copied());
        connect(builder, &transactions.end, &end.tx_chain);
    }
    if enforced(RootCheck::SettlementAtRest) {
        let nothing = SettlementBoundary::START
            .to_elements()
            .map(|element| builder.constant(field::element(element)));
        connect(builder, &settlement.start, &nothing);
        let counts = [settled.tx_count, settled.deposit_count, settled.withdrawal_count];
        let sums = [&settled.effects[..], &settled.settlement, &settled.block, &counts].concat();
        assert_zero(builder, sums);
    }
    if enforced(RootCheck::HeaderChain) {
        connect(builder, &settled.header_chain, &end.header_chain);
    }

    // The list's last element is the number of blocks.
    let alpha_extension = ExtensionTarget(alpha.try_into().ok()?);
    let block_count = builder.convert_to_ext(settled.block_count);
    let fingerprint =
        builder.mul_add_extension(ExtensionTarget(settled.fingerprint), alpha_extension, block_count);
    let radix = F::from_canonical_u64(1 << LIMB_BITS);
    let y = settled
        .total
        .as_chunks::<2>()
        .0
        .iter()
        .map(|[low, high]| builder.mul_const_add(radix, *high, *low));
    let y: Vec<Target> = y.collect();
    [
        &genesis_id[..],
        &start.archive,
        &end.archive,
        alpha,
        &fingerprint.0,
        z,
        &y,
    ]
    .concat()
    .try_into()
    .ok()
}

impl ParentTargets {
    pub(crate) fn allocate(builder: &mut Builder) -> Self {
        Self {
            is_genesis: builder.add_virtual_bool_target_unsafe(),
            header: builder.add_virtual_target_arr(),
            index_bits: builder.add_virtual_target_arr(),
            siblings: core::array::from_fn(|_| builder.add_virtual_target_arr()),
        }
    }

    /// Sets the targets; no parent: genesis.
    pub(crate) fn assign(
        &self,
        witness: &mut PartialWitness<F>,
        parent: Option<&ParentHeader>,
    ) -> Result<(), BoxError> {
        let number = parent.map_or(1, |parent| parent.header.number.get());
        self.assign_at(witness, parent, number.wrapping_sub(1))
    }

    /// [`Self::assign`] at any index.
    pub(super) fn assign_at(
        &self,
        witness: &mut PartialWitness<F>,
        parent: Option<&ParentHeader>,
        mut index: u64,
    ) -> Result<(), BoxError> {
        witness.set_bool_target(self.is_genesis, parent.is_none())?;
        let (header, siblings) = match parent {
            Some(parent) => (parent.header.to_elements()?, parent.siblings),
            None => ([Element::ZERO; Header::LEN], [Digest::ZERO; TREE_DEPTH]),
        };
        witness.set_target_arr(&self.header, &header.map(field::element))?;
        for bit in self.index_bits {
            witness.set_target(bit, F::from_bool(index & 1 == 1))?;
            index >>= 1;
        }
        for (targets, sibling) in self.siblings.iter().zip(siblings) {
            witness.set_target_arr(targets, &field::digest(sibling))?;
        }
        Ok(())
    }

    /// The start is the state after the header, which stands under the start's archive; or it is genesis.
    fn constrain(
        &self,
        builder: &mut Builder,
        start: &Boundary<Target>,
        genesis_id: DigestTarget,
        omitted: Option<RootCheck>,
    ) {
        builder.assert_bool(self.is_genesis);
        let genesis = Genesis::constants(builder);
        let header = HeaderTargets::of(&self.header);
        if omitted != Some(RootCheck::StartState) {
            let of_header = [
                &header.note_root[..],
                &[header.note_count],
                &header.nullifier_root,
                &[header.nullifier_count, header.inbox_end, header.number],
                &header.genesis_id,
            ]
            .concat();
            let of_genesis = [genesis.state.as_slice(), &genesis_id].concat();
            let of_start = [
                &start.notes.root[..],
                &[start.notes.count],
                &start.nullifiers.root,
                &[start.nullifiers.count, start.inbox_index, start.number],
                &genesis_id,
            ]
            .concat();
            self.select_and_connect(builder, &of_genesis, &of_header, &of_start);
        }
        if omitted != Some(RootCheck::ParentUnderArchive) {
            let leaf = gadgets::hash(builder, HEADER, &self.header);
            let root = gadgets::merkle_root(builder, leaf, &self.index_bits, &self.siblings);
            self.select_and_connect(builder, &genesis.archive, &root, &start.archive);
        }
        if omitted != Some(RootCheck::ParentPlace) {
            // The index is number - 1; 0 for genesis, whose number is 0.
            let index = builder.le_sum(self.index_bits.iter().map(|bit| BoolTarget::new_unsafe(*bit)));
            let index_and_one = builder.add_const(index, F::ONE);
            let number = builder.add(start.number, self.is_genesis.target);
            builder.connect(index_and_one, number);
        }
    }

    fn select_and_connect(
        &self,
        builder: &mut Builder,
        genesis: &[Target],
        header: &[Target],
        start: &[Target],
    ) {
        for ((genesis, header), start) in genesis.iter().zip(header).zip(start) {
            let expected = builder.select(self.is_genesis, *genesis, *header);
            builder.connect(expected, *start);
        }
    }
}

/// The fields of a header that a state is.
struct HeaderTargets {
    genesis_id: DigestTarget,
    number: Target,
    note_root: DigestTarget,
    note_count: Target,
    nullifier_root: DigestTarget,
    nullifier_count: Target,
    inbox_end: Target,
}

impl HeaderTargets {
    /// In the order of [`Header::to_elements`].
    const fn of(header: &[Target; Header::LEN]) -> Self {
        let [
            g0,
            g1,
            g2,
            g3,
            number,
            _,
            _,
            _,
            _,
            _,
            _,
            n0,
            n1,
            n2,
            n3,
            note_count,
            rest @ ..,
        ] = *header;
        let [x0, x1, x2, x3, nullifier_count, inbox_end, ..] = rest;
        Self {
            genesis_id: [g0, g1, g2, g3],
            number,
            note_root: [n0, n1, n2, n3],
            note_count,
            nullifier_root: [x0, x1, x2, x3],
            nullifier_count,
            inbox_end,
        }
    }
}

/// The state before the first block, as constants.
struct Genesis {
    /// Note root, count, nullifier root, count, inbox index, number.
    state: [Target; 12],
    archive: DigestTarget,
}

impl Genesis {
    fn constants(builder: &mut Builder) -> Self {
        let empty = tree::empty_root();
        let nullifiers = nullifier_root().0;
        let [n0, n1, n2, n3] = empty.0;
        let [x0, x1, x2, x3] = nullifiers;
        let (zero, one) = (Element::ZERO, Element::from_u32(1));
        let state = [n0, n1, n2, n3, zero, x0, x1, x2, x3, one, zero, zero];
        Self {
            state: state.map(|element| builder.constant(field::element(element))),
            archive: empty.0.map(|element| builder.constant(field::element(element))),
        }
    }
}

/// Root of the nullifier tree before the first block.
fn nullifier_root() -> Digest {
    match tree::root(&MemoryState::new(), Tree::Nullifier) {
        Ok(root) => root,
        Err(never) => match never {},
    }
}

fn connect(builder: &mut Builder, a: &[Target], b: &[Target]) {
    debug_assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        builder.connect(*a, *b);
    }
}

fn assert_zero(builder: &mut Builder, targets: impl IntoIterator<Item = Target>) {
    for target in targets {
        builder.assert_zero(target);
    }
}
