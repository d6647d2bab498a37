//! The jobs of one goal: names, what each is made from, and what it needs. Pure.

use std::collections::BTreeMap;

use agoge_protocol::{B256, BlockHash, EpochPublicInputs, TxId, keccak256};

use super::{JobKind, WantedJob};
use crate::jobs::{JobId, StreamDigest};
use crate::plan::{Node, PlanShape, SegmentTree, Track};

/// A block of a goal's stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamBlock {
    /// What the committee attested to.
    pub block_hash: BlockHash,
    /// Deposits that it consumes.
    pub deposits: usize,
    /// Its transactions.
    pub txs: Vec<TxId>,
}

impl StreamBlock {
    /// Name of its witness.
    pub fn witness_id(&self) -> JobId {
        JobId::block(self.block_hash, &self.txs)
    }
}

/// The stream of a goal: consecutive blocks from its first on whose client proofs are all held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The epoch, for priority.
    pub epoch: u64,
    /// The instance.
    pub genesis_id: B256,
    /// Archive before the first block.
    pub start_archive: B256,
    /// The blocks.
    pub blocks: Vec<StreamBlock>,
    /// What the proof says, when these are all blocks of a finished epoch.
    pub statement: Option<EpochPublicInputs>,
}

/// A unit of a track: which block, and which of its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Position of the block in the stream.
    pub block: usize,
    /// Deposits first, then transactions, then the end; for the transaction track the position of the transaction.
    pub step: usize,
}

/// What a job is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipe {
    /// Units of a track; those before them fix where it starts.
    Leaf {
        /// The track.
        track: Track,
        /// Units of the track before the leaf.
        before: Vec<Unit>,
        /// The leaf's.
        units: Vec<Unit>,
    },
    /// Results of neighbours.
    Merge {
        /// The track.
        track: Track,
        /// In order.
        children: Vec<JobId>,
    },
    /// One segment of each track.
    Root {
        /// Of transactions, state and settlement.
        segments: [JobId; 3],
    },
    /// The root's result.
    Wrap {
        /// The root.
        root: JobId,
    },
}

/// All jobs of a goal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipes {
    /// By name.
    pub jobs: BTreeMap<JobId, Recipe>,
    /// The last of them, when the goal has a statement.
    pub wrap: Option<JobId>,
}

impl Stream {
    /// Units of a track, in order.
    pub fn units(&self, track: Track) -> Vec<Unit> {
        let mut units = Vec::new();
        for (block, content) in self.blocks.iter().enumerate() {
            let steps = match track {
                Track::Transactions => content.txs.len(),
                Track::State | Track::Settlement => content
                    .deposits
                    .saturating_add(content.txs.len())
                    .saturating_add(1),
            };
            units.extend((0..steps).map(|step| Unit { block, step }));
        }
        units
    }

    /// What names a unit: its block, its place, and its transaction, whose anchor the block hash does not cover.
    fn digest(&self, track: Track, unit: Unit) -> B256 {
        let mut bytes = Vec::with_capacity(80);
        if let Some(block) = self.blocks.get(unit.block) {
            bytes.extend_from_slice(block.block_hash.as_slice());
            bytes.extend_from_slice(&u64::try_from(unit.step).unwrap_or(u64::MAX).to_be_bytes());
            let position = match track {
                Track::Transactions => Some(unit.step),
                Track::State | Track::Settlement => unit.step.checked_sub(block.deposits),
            };
            if let Some(id) = position.and_then(|position| block.txs.get(position)) {
                bytes.extend_from_slice(id.0.as_slice());
            }
        }
        keccak256(bytes)
    }
}

impl Recipes {
    /// The jobs of a stream. Without a statement these are the leaves and merges that are full and depend on no challenge.
    pub fn new(circuits: B256, shape: &PlanShape, stream: &Stream) -> Self {
        let mut recipes = Self::default();
        let is_complete = stream.statement.is_some();
        let mut roots = Vec::new();
        for track in Track::ALL {
            if track != Track::Settlement || is_complete {
                roots.push(recipes.add_track(circuits, shape, stream, track, is_complete));
            }
        }
        if let [Some(transactions), Some(state), Some(settlement)] = roots.as_slice()
            && let Some(statement) = &stream.statement
        {
            let segments = [*transactions, *state, *settlement];
            let root = JobId::root(circuits, segments, &bytes_of(statement));
            let wrap = JobId::wrap(circuits, root);
            recipes.jobs.insert(root, Recipe::Root { segments });
            recipes.jobs.insert(wrap, Recipe::Wrap { root });
            recipes.wrap = Some(wrap);
        }
        recipes
    }

    fn add_track(
        &mut self,
        circuits: B256,
        shape: &PlanShape,
        stream: &Stream,
        track: Track,
        is_complete: bool,
    ) -> Option<JobId> {
        let units = stream.units(track);
        let tree = SegmentTree::new(shape.track(track), units.len(), is_complete);
        let mut places = vec![StreamDigest::start(
            track,
            stream.genesis_id,
            stream.start_archive,
        )];
        for unit in &units {
            let last = places.last().copied()?;
            places.push(last.then(stream.digest(track, *unit)));
        }
        // Only this track's results depend on the challenges.
        let context = match (track, &stream.statement) {
            (Track::Settlement, Some(statement)) => bytes_of(&(statement.alpha, statement.z)),
            _ => Vec::new(),
        };
        let mut ids: Vec<JobId> = Vec::with_capacity(tree.segments.len());
        for segment in &tree.segments {
            let (id, recipe) = match &segment.node {
                Node::Leaf => {
                    let ends = (*places.get(segment.units.start)?, *places.get(segment.units.end)?);
                    let recipe = Recipe::Leaf {
                        track,
                        before: units.get(..segment.units.start)?.to_vec(),
                        units: units.get(segment.units.clone())?.to_vec(),
                    };
                    (JobId::leaf(circuits, track, ends, &context), recipe)
                }
                Node::Merge(children) => {
                    let children: Vec<JobId> = children
                        .iter()
                        .filter_map(|child| ids.get(*child).copied())
                        .collect();
                    (
                        JobId::merge(circuits, track, &children),
                        Recipe::Merge { track, children },
                    )
                }
            };
            ids.push(id);
            self.jobs.insert(id, recipe);
        }
        tree.root.and_then(|root| ids.get(root).copied())
    }

    /// The jobs as a queue wants them.
    pub fn wanted(&self, epoch: u64) -> impl Iterator<Item = WantedJob> {
        self.jobs.iter().map(move |(id, recipe)| WantedJob {
            id: *id,
            kind: recipe.kind(),
            needs: recipe.needs(),
            epoch,
        })
    }
}

impl Recipe {
    /// Whether it is a leaf of nothing, as the transaction track of an epoch without transactions has.
    pub const fn is_empty_leaf(&self) -> bool {
        matches!(self, Self::Leaf { units, .. } if units.is_empty())
    }

    /// What it makes.
    pub const fn kind(&self) -> JobKind {
        match self {
            Self::Leaf { track, .. } => JobKind::Leaf(*track),
            Self::Merge { track, .. } => JobKind::Merge(*track),
            Self::Root { .. } => JobKind::Root,
            Self::Wrap { .. } => JobKind::Wrap,
        }
    }

    /// Results that it is made from.
    pub fn needs(&self) -> Vec<JobId> {
        match self {
            Self::Leaf { .. } => Vec::new(),
            Self::Merge { children, .. } => children.clone(),
            Self::Root { segments } => segments.to_vec(),
            Self::Wrap { root } => vec![*root],
        }
    }
}

fn bytes_of<T: borsh::BorshSerialize>(value: &T) -> Vec<u8> {
    // Writing to a vector cannot fail.
    borsh::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::TrackShape;
    use agoge_protocol::{Digest, Element};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const SHAPE: PlanShape = PlanShape {
        transactions: TrackShape::new(11, 7),
        state: TrackShape::new(36, 3),
        settlement: TrackShape::new(36, 3),
    };

    fn hash(seed: u8, number: usize) -> B256 {
        keccak256([[seed].as_slice(), &number.to_be_bytes()].concat())
    }

    fn statement(seed: u32) -> EpochPublicInputs {
        EpochPublicInputs::from_elements(&core::array::from_fn(|i| {
            Element::from_u32(seed + u32::try_from(i).unwrap())
        }))
    }

    fn stream(counts: &[(usize, usize)], is_complete: bool) -> Stream {
        let block = |(number, (deposits, txs)): (usize, &(usize, usize))| StreamBlock {
            block_hash: hash(1, number),
            deposits: *deposits,
            txs: (0..*txs).map(|tx| TxId(hash(2, number * 100 + tx))).collect(),
        };
        Stream {
            epoch: 4,
            genesis_id: Digest::ZERO.to_b256(),
            start_archive: B256::ZERO,
            blocks: counts.iter().enumerate().map(block).collect(),
            statement: is_complete.then(|| statement(1)),
        }
    }

    fn recipes(stream: &Stream) -> Recipes {
        Recipes::new(B256::ZERO, &SHAPE, stream)
    }

    fn names(recipes: &Recipes) -> BTreeSet<JobId> {
        recipes.jobs.keys().copied().collect()
    }

    /// Units of a track in the order in which the tree under `id` has them.
    fn covered(recipes: &Recipes, id: JobId, found: &mut Vec<Unit>) {
        match &recipes.jobs[&id] {
            Recipe::Leaf { units, before, .. } => {
                assert_eq!(*before, found[..], "a leaf starts where the one before it ends");
                found.extend(units);
            }
            Recipe::Merge { children, .. } => {
                children.iter().for_each(|child| covered(recipes, *child, found))
            }
            other => panic!("{other:?}"),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn every_unit_of_1_to_32_blocks_is_covered_once_and_in_order(
            counts in proptest::collection::vec((0_usize..=16, 0_usize..=64), 1..=32),
        ) {
            let stream = stream(&counts, true);
            let recipes = recipes(&stream);
            let wrap = recipes.wrap.unwrap();
            let Recipe::Wrap { root } = recipes.jobs[&wrap] else { panic!() };
            let Recipe::Root { segments } = &recipes.jobs[&root] else { panic!() };
            for (track, segment) in Track::ALL.into_iter().zip(segments) {
                let mut found = Vec::new();
                covered(&recipes, *segment, &mut found);
                prop_assert_eq!(found, stream.units(track));
            }
            for recipe in recipes.jobs.values() {
                prop_assert!(recipe.needs().iter().all(|need| recipes.jobs.contains_key(need)));
            }
        }

        #[test]
        fn work_started_while_blocks_appear_is_part_of_the_finished_epoch(
            counts in proptest::collection::vec((0_usize..=4, 0_usize..=20), 1..=32),
            seen in 0_usize..=32,
        ) {
            let seen = seen.min(counts.len());
            let early = recipes(&stream(&counts[..seen], false));
            let late = recipes(&stream(&counts, true));
            prop_assert!(names(&early).is_subset(&names(&late)));
            prop_assert!(early.wrap.is_none());
        }
    }

    #[test]
    fn two_thousand_transactions_and_empty_epochs_have_plans() {
        let full = recipes(&stream(&[(16, 64); 32], true));
        assert!(
            full.jobs.len() < super::super::JOBS_MAX / 4,
            "{}",
            full.jobs.len()
        );
        let empty = recipes(&stream(&[(0, 0); 32], true));
        // One leaf of each track, the root and the wrap.
        assert_eq!(empty.jobs.len(), 5);
        let one = recipes(&stream(&[(0, 0)], true));
        assert_eq!(one.jobs.len(), 5);
        assert!(recipes(&stream(&[], false)).jobs.is_empty());
    }

    #[test]
    fn names_follow_the_past_the_transactions_and_the_challenges() {
        let base = stream(&[(1, 12), (0, 40), (2, 3)], true);
        let ids = names(&recipes(&base));
        assert_eq!(
            ids,
            names(&recipes(&base.clone())),
            "the same work has the same names"
        );

        // Another prover or list: other challenges, so the settlement track and what is above it, nothing else.
        let challenged = Stream {
            statement: Some(statement(9)),
            ..base.clone()
        };
        let others = recipes(&challenged);
        let shared: BTreeSet<_> = ids.intersection(&names(&others)).copied().collect();
        for (id, recipe) in &others.jobs {
            let depends = matches!(
                recipe.kind(),
                JobKind::Leaf(Track::Settlement)
                    | JobKind::Merge(Track::Settlement)
                    | JobKind::Root
                    | JobKind::Wrap
            );
            assert_eq!(shared.contains(id), !depends, "{recipe:?}");
        }

        // A reorg that replaces the last block keeps all full leaves before it.
        let mut reorged = base.clone();
        reorged.blocks[2].block_hash = hash(7, 7);
        let kept: Vec<_> = recipes(&reorged)
            .jobs
            .iter()
            .filter(|(id, _)| ids.contains(id))
            .map(|(_, recipe)| recipe.kind())
            .collect();
        let leaves = |track| kept.iter().filter(|kind| **kind == JobKind::Leaf(track)).count();
        assert_eq!(
            leaves(Track::Transactions),
            4,
            "52 transactions are before it: 4 full leaves of 11"
        );
        assert_eq!(
            leaves(Track::State),
            1,
            "55 units are before it: 1 full leaf of 36"
        );

        // Another past, another anchor, another circuit.
        let elsewhere = Stream {
            start_archive: B256::repeat_byte(1),
            ..base.clone()
        };
        assert!(ids.is_disjoint(&names(&recipes(&elsewhere))));
        let mut anchored = base.clone();
        anchored.blocks[0].txs[0] = TxId(hash(8, 8));
        assert!(ids.is_disjoint(&names(&recipes(&anchored))));
        let rebuilt = Recipes::new(B256::repeat_byte(1), &SHAPE, &base);
        assert!(ids.is_disjoint(&names(&rebuilt)));
    }
}
