//! What the root checks and reads, natively: an input that does not fit is refused before a proof is tried.

use agoge_protocol::limits::TREE_DEPTH;
use agoge_protocol::{Element, NotCanonical};
use agoge_state_transition::{hash, tree};

use super::{LIMB_BITS, ParentHeader, RootCheck, nullifier_root};
use crate::epoch::expected::JobError;
use crate::epoch::settlement::SettlementBoundary;
use crate::epoch::state::Boundary;
use crate::epoch::track::Segment;

/// The segments of a root, natively.
pub(crate) struct Joined<'a> {
    pub(crate) transactions: Segment<'a, Element>,
    pub(crate) start: Boundary<Element>,
    pub(crate) end: Boundary<Element>,
    pub(crate) genesis_id: [Element; 4],
    pub(crate) settlement: Segment<'a, Element>,
}

/// Native twin of the checks of [`super::join`]: the first that is broken.
pub(crate) fn check_joined(joined: &Joined<'_>, parent: Option<&ParentHeader>) -> Result<(), JobError> {
    let Joined {
        transactions,
        start,
        end,
        genesis_id,
        settlement,
    } = joined;
    let holds = |check: RootCheck, holds: bool| match holds {
        true => Ok(()),
        false => Err(JobError::NotJoined { broken: check.name() }),
    };
    check_parent(start, *genesis_id, parent, holds)?;

    let one = Element::from_u32(1);
    let trees = [start.notes, start.nullifiers, end.notes, end.nullifiers];
    let open = [start.block, end.block].map(|block| {
        let numbers = [block.total_fees, block.tx_count];
        [&block.settlement_hash[..], &block.effects_hash, &numbers].concat()
    });
    let chains = [start.tx_chain, start.header_chain].concat();
    holds(
        RootCheck::StateAtRest,
        trees.iter().all(|tree| tree.is_odd_leaf_in == one) && are_zero(&open.concat()) && are_zero(&chains),
    )?;
    holds(
        RootCheck::TransactionChain,
        are_zero(transactions.start) && transactions.end == end.tx_chain,
    )?;
    // In the order of `SettlementBoundary::to_elements`: chain, fingerprint, total; block; weight, base; effects, settlement, counts
    // of the block; number of blocks.
    let header_chain = settlement.end.get(..4);
    let block = settlement.end.get(16..26).unwrap_or_default();
    let sums = settlement
        .end
        .get(46..SettlementBoundary::LEN - 1)
        .unwrap_or_default();
    holds(
        RootCheck::SettlementAtRest,
        settlement.start == SettlementBoundary::START.to_elements() && are_zero(block) && are_zero(sums),
    )?;
    holds(
        RootCheck::HeaderChain,
        header_chain.is_some_and(|chain| chain == end.header_chain),
    )
}

/// Native twin of [`super::ParentTargets::constrain`].
fn check_parent(
    start: &Boundary<Element>,
    genesis_id: [Element; 4],
    parent: Option<&ParentHeader>,
    holds: impl Fn(RootCheck, bool) -> Result<(), JobError>,
) -> Result<(), JobError> {
    let roots = [start.notes.root, start.nullifiers.root];
    let numbers = [
        start.notes.count,
        start.nullifiers.count,
        start.inbox_index,
        start.number,
    ];
    let one = Element::from_u32(1);
    let Some(ParentHeader { header, siblings }) = parent else {
        holds(
            RootCheck::StartState,
            roots == [tree::empty_root().0, nullifier_root().0]
                && numbers == [Element::ZERO, one, Element::ZERO, Element::ZERO],
        )?;
        return holds(
            RootCheck::ParentUnderArchive,
            start.archive == tree::empty_root().0,
        );
    };
    let of_header = [
        header.note_count,
        header.nullifier_count,
        header.inbox_end,
        header.number.get(),
    ];
    let of_header: Vec<Element> = of_header
        .into_iter()
        .map(Element::new)
        .collect::<Result<_, NotCanonical>>()?;
    holds(
        RootCheck::StartState,
        roots == [header.note_root.0, header.nullifier_root.0]
            && numbers == *of_header
            && header.genesis_id.0 == genesis_id,
    )?;
    let index = header.number.get().checked_sub(1);
    let index = index.filter(|index| index >> TREE_DEPTH == 0);
    holds(RootCheck::ParentPlace, index.is_some())?;
    let index = index.unwrap_or_default();
    let leaf = hash::header(header)?;
    let root = siblings.iter().zip(0..).fold(leaf, |node, (sibling, level)| {
        if (index >> level) & 1 == 0 {
            hash::node(node, *sibling)
        } else {
            hash::node(*sibling, node)
        }
    });
    holds(RootCheck::ParentUnderArchive, root.0 == start.archive)
}

fn are_zero(elements: &[Element]) -> bool {
    elements.iter().all(|element| *element == Element::ZERO)
}

/// What the root takes from the end of the settlement track.
pub(crate) struct Settled {
    pub(crate) fingerprint: [Element; 2],
    pub(crate) block_count: Element,
    /// Limbs of 56 bits.
    pub(crate) y: [Element; 5],
}

/// Twin of what [`super::join`] reads from a settlement boundary.
pub(crate) fn settled(end: &[Element]) -> Option<Settled> {
    let end: &[Element; SettlementBoundary::LEN] = end.try_into().ok()?;
    let (_, rest) = end.split_first_chunk::<4>()?;
    let (fingerprint, rest) = rest.split_first_chunk::<2>()?;
    let (total, _) = rest.split_first_chunk::<10>()?;
    let mut y = [Element::ZERO; 5];
    for (slot, [low, high]) in y.iter_mut().zip(total.as_chunks::<2>().0) {
        // Limbs are below 2^28 in every segment that has a proof.
        *slot = Element::new(high.get().checked_shl(LIMB_BITS)?.checked_add(low.get())?).ok()?;
    }
    Some(Settled {
        fingerprint: *fingerprint,
        block_count: *end.last()?,
        y,
    })
}
