//! The segments of one track.

use core::ops::Range;

use super::TrackShape;

/// Units of one track that a plan is made for: 32 blocks of 64 transactions, 16 deposits and their end, and room.
pub const UNITS_MAX: usize = 4_096;

/// A segment: a leaf, or a merge of segments before it in [`SegmentTree::segments`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The units it covers.
    pub units: Range<usize>,
    /// What it is made from.
    pub node: Node,
}

/// What a segment is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// Its units.
    Leaf,
    /// The segments with these positions in [`SegmentTree::segments`], neighbours from left to right, two or more.
    Merge(Vec<usize>),
}

/// The segments of a track, children before their parents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentTree {
    /// The segments.
    pub segments: Vec<Segment>,
    /// Position of the one that covers the whole stream; only when the stream has ended.
    pub root: Option<usize>,
}

impl SegmentTree {
    /// The segments of a stream of `units` units, at most [`UNITS_MAX`] of them. Until it `is_complete` only full leaves and full merges
    /// are planned; an empty complete stream has one empty leaf.
    pub fn new(shape: TrackShape, units: usize, is_complete: bool) -> Self {
        let units = units.min(UNITS_MAX);
        let mut segments: Vec<Segment> = Vec::new();
        let mut level: Vec<usize> = Vec::new();
        for units in chunks(0..units, shape.leaf_units.get(), is_complete) {
            level.push(segments.len());
            segments.push(Segment {
                units,
                node: Node::Leaf,
            });
        }
        if is_complete && level.is_empty() {
            level.push(0);
            segments.push(Segment {
                units: 0..0,
                node: Node::Leaf,
            });
        }
        while level.len() > 1 {
            let mut above = Vec::new();
            for group in chunks(0..level.len(), shape.arity.get(), is_complete) {
                let children = level.get(group).unwrap_or_default();
                match children {
                    [] => {}
                    // Alone: it needs no proof that joins it with nothing.
                    [only] => above.push(*only),
                    [first, .., last] => {
                        let start = segments.get(*first).map_or(0, |segment| segment.units.start);
                        let end = segments.get(*last).map_or(start, |segment| segment.units.end);
                        above.push(segments.len());
                        segments.push(Segment {
                            units: start..end,
                            node: Node::Merge(children.to_vec()),
                        });
                    }
                }
            }
            level = above;
        }
        let root = level.first().copied().filter(|_| is_complete);
        Self { segments, root }
    }

    /// Leaves in it.
    pub fn leaves(&self) -> usize {
        let is_leaf = |segment: &&Segment| segment.node == Node::Leaf;
        self.segments.iter().filter(is_leaf).count()
    }

    /// Merges in it.
    pub fn merges(&self) -> usize {
        self.segments.len().saturating_sub(self.leaves())
    }
}

/// Consecutive ranges of `size` that cover `range`; the last, short one only if `with_rest`.
fn chunks(range: Range<usize>, size: usize, with_rest: bool) -> Vec<Range<usize>> {
    let mut chunks = Vec::new();
    let mut start = range.start;
    while start < range.end {
        let end = start.saturating_add(size);
        if end > range.end && !with_rest {
            break;
        }
        chunks.push(start..end.min(range.end));
        start = end;
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tree(leaf: usize, arity: usize, units: usize, is_complete: bool) -> SegmentTree {
        SegmentTree::new(TrackShape::new(leaf, arity), units, is_complete)
    }

    /// Leaves below a segment, from left to right.
    fn leaves_under(tree: &SegmentTree, at: usize, found: &mut Vec<Range<usize>>) {
        match &tree.segments[at].node {
            Node::Leaf => found.push(tree.segments[at].units.clone()),
            Node::Merge(children) => children
                .iter()
                .for_each(|child| leaves_under(tree, *child, found)),
        }
    }

    #[test]
    fn small_streams_have_the_expected_segments() {
        for (units, complete, leaves, merges) in [
            (0, true, 1, 0),
            (0, false, 0, 0),
            (1, true, 1, 0),
            (1, false, 0, 0),
            (11, true, 1, 0),
            (12, true, 2, 1),
            (12, false, 1, 0),
            (76, false, 6, 0),
            (77, false, 7, 1),
            (77, true, 7, 1),
            // Seven leaves and one: the one is carried up to the merge of the second level.
            (78, true, 8, 2),
            (1_152, true, 105, 18),
        ] {
            let tree = tree(11, 7, units, complete);
            assert_eq!(
                (tree.leaves(), tree.merges()),
                (leaves, merges),
                "{units} units, complete: {complete}"
            );
            assert_eq!(tree.root.is_some(), complete);
        }
    }

    proptest! {
        #[test]
        fn every_unit_is_covered_once_and_in_order(leaf in 1_usize..50, arity in 2_usize..9, units in 0_usize..UNITS_MAX) {
            let tree = tree(leaf, arity, units, true);
            let mut found = Vec::new();
            leaves_under(&tree, tree.root.unwrap(), &mut found);
            prop_assert_eq!(found.first().unwrap().start, 0);
            prop_assert_eq!(found.last().unwrap().end, units);
            prop_assert!(found.windows(2).all(|pair| pair[0].end == pair[1].start));
            prop_assert!(found.iter().all(|range| range.len() <= leaf && (!range.is_empty() || units == 0)));
            prop_assert_eq!(found.len(), tree.leaves(), "no leaf is left out or used twice");
            for (at, segment) in tree.segments.iter().enumerate() {
                if let Node::Merge(children) = &segment.node {
                    prop_assert!((2..=arity).contains(&children.len()));
                    prop_assert!(children.iter().all(|child| *child < at), "children come first");
                    let ranges: Vec<_> = children.iter().map(|child| tree.segments[*child].units.clone()).collect();
                    prop_assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start));
                    prop_assert_eq!(segment.units.clone(), ranges[0].start..ranges.last().unwrap().end);
                }
            }
        }

        #[test]
        fn what_is_planned_while_the_stream_grows_stays(leaf in 1_usize..40, arity in 2_usize..9, units in 0_usize..UNITS_MAX, more in 0_usize..500) {
            let early = tree(leaf, arity, units, false);
            let late = tree(leaf, arity, (units + more).min(UNITS_MAX), true);
            let described = |tree: &SegmentTree, at: usize| {
                let mut leaves = Vec::new();
                leaves_under(tree, at, &mut leaves);
                (leaves, matches!(tree.segments[at].node, Node::Leaf))
            };
            let kept: Vec<_> = (0..late.segments.len()).map(|at| described(&late, at)).collect();
            for at in 0..early.segments.len() {
                prop_assert!(kept.contains(&described(&early, at)));
            }
        }
    }
}
