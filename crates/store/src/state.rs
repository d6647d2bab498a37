//! The state of Layer 2 in tables: reading for execution, writing diffs, comparing with a header.

use agoge_protocol::element::Element;
use agoge_protocol::transaction::NullifierKey;
use agoge_protocol::{B256, Digest, L2BlockNumber};
use agoge_state_transition::{NodeId, NullifierLeaf, StateDiff, StateReader, Tree, Write, tree};

use crate::apply::number_word;
use crate::backend::Read;
use crate::error::StoreError;
use crate::records::BlockRecord;
use crate::rows;
use crate::table::Table;
use crate::txn::{Txn, Undo};
use crate::view::StoreView;

/// Level of leaves.
const LEAVES: u8 = 0;

impl StateReader for StoreView<'_> {
    type Error = StoreError;

    fn node(&self, id: NodeId) -> Result<Option<Digest>, StoreError> {
        Tables(self.read()).node(id)
    }
    fn leaf_count(&self, tree: Tree) -> Result<u64, StoreError> {
        Tables(self.read()).leaf_count(tree)
    }
    fn low_leaf(&self, key: NullifierKey) -> Result<Option<(NullifierKey, NullifierLeaf)>, StoreError> {
        Tables(self.read()).low_leaf(key)
    }
    fn anchor(&self, note_root: Digest) -> Result<Option<L2BlockNumber>, StoreError> {
        Tables(self.read()).anchor(note_root)
    }
}

/// The state as any read sees it.
struct Tables<'a>(&'a dyn Read);

impl StateReader for Tables<'_> {
    type Error = StoreError;

    fn node(&self, id: NodeId) -> Result<Option<Digest>, StoreError> {
        rows::load(self.0, Table::Nodes, &rows::node_key(id))
    }

    fn leaf_count(&self, tree: Tree) -> Result<u64, StoreError> {
        Ok(rows::load(self.0, Table::LeafCounts, &rows::encode(&tree))?.unwrap_or(0))
    }

    fn low_leaf(&self, key: NullifierKey) -> Result<Option<(NullifierKey, NullifierLeaf)>, StoreError> {
        let Some((found, value)) = self
            .0
            .at_or_below(Table::Nullifiers, &rows::nullifier_row_key(key))?
        else {
            return Ok(None);
        };
        Ok(Some((
            nullifier_key_of(&found)?,
            rows::decode(Table::Nullifiers, &found, &value)?,
        )))
    }

    fn anchor(&self, note_root: Digest) -> Result<Option<L2BlockNumber>, StoreError> {
        rows::load(self.0, Table::Anchors, &rows::digest_key(note_root))
    }
}

fn nullifier_key_of(row_key: &[u8]) -> Result<NullifierKey, StoreError> {
    let undecodable = |source| StoreError::Undecodable {
        table: Table::Nullifiers.name(),
        key: row_key.to_vec(),
        source,
    };
    let invalid = || undecodable(std::io::Error::from(std::io::ErrorKind::InvalidData));
    let (chunks, rest) = row_key.as_chunks::<8>();
    let &[high, low] = chunks else {
        return Err(invalid());
    };
    if !rest.is_empty() {
        return Err(invalid());
    }
    let element = |bytes| {
        Element::new(u64::from_be_bytes(bytes))
            .map_err(|e| undecodable(std::io::Error::new(std::io::ErrorKind::InvalidData, e)))
    };
    Ok([element(high)?, element(low)?])
}

/// Leaf index of a nullifier, if it was inserted.
pub(crate) fn nullifier_leaf_index(read: &dyn Read, key: NullifierKey) -> Result<Option<u64>, StoreError> {
    let leaf: Option<NullifierLeaf> = rows::load(read, Table::Nullifiers, &rows::nullifier_row_key(key))?;
    Ok(leaf.map(|leaf| leaf.index))
}

/// Archive root: the parent of the next block.
pub(crate) fn archive_root(read: &dyn Read) -> Result<Digest, StoreError> {
    tree::root(&Tables(read), Tree::Archive)
}

/// Gives an empty database the state before the first block.
pub(crate) fn write_genesis(txn: &mut Txn<'_>) -> Result<(), StoreError> {
    if Tables(txn).leaf_count(Tree::Nullifier)? == 0 {
        // Nothing returns to a store without genesis.
        let mut not_kept = Vec::new();
        write(txn, &mut not_kept, &StateDiff::genesis())?;
    }
    Ok(())
}

/// Lays a diff over `txn`, recording what its rows were.
pub(crate) fn write(txn: &mut Txn<'_>, undo: &mut Vec<Undo>, diff: &StateDiff) -> Result<(), StoreError> {
    for write in diff.writes() {
        let (table, key, value) = match *write {
            Write::Node { id, digest } => {
                if let (
                    NodeId {
                        tree: Tree::Note,
                        level: LEAVES,
                        index,
                    },
                    Some(commitment),
                ) = (id, digest)
                {
                    index_note(txn, undo, commitment, index)?;
                }
                (
                    Table::Nodes,
                    rows::node_key(id),
                    digest.map(|digest| rows::encode(&digest)),
                )
            }
            Write::Nullifier { key, leaf } => (
                Table::Nullifiers,
                rows::nullifier_row_key(key),
                leaf.map(|leaf| rows::encode(&leaf)),
            ),
            Write::LeafCount { tree, count } => {
                (Table::LeafCounts, rows::encode(&tree), Some(rows::encode(&count)))
            }
            Write::Anchor { note_root, block } => (
                Table::Anchors,
                rows::digest_key(note_root),
                block.map(|block| rows::encode(&block)),
            ),
        };
        txn.set_recorded(undo, table, key, value)?;
    }
    Ok(())
}

/// The first leaf of a commitment stands for it: two equal notes have one nullifier, so the second is worth nothing.
fn index_note(
    txn: &mut Txn<'_>,
    undo: &mut Vec<Undo>,
    commitment: Digest,
    index: u64,
) -> Result<(), StoreError> {
    let key = rows::digest_key(commitment);
    if txn.get(Table::NoteLeaves, &key)?.is_some() {
        return Ok(());
    }
    txn.set_recorded(undo, Table::NoteLeaves, key, Some(rows::encode(&index)))
}

/// What a block's record says about the state after it, each with what the state says: name, by the record, by the state.
pub(crate) fn compare(
    read: &dyn Read,
    record: &BlockRecord,
) -> Result<[(&'static str, B256, B256); 6], StoreError> {
    let header = &record.header;
    let state = Tables(read);
    let root = |tree| tree::root(&state, tree).map(Digest::to_b256);
    let count = |tree| state.leaf_count(tree).map(number_word);
    Ok([
        ("note root", header.note_root.to_b256(), root(Tree::Note)?),
        ("note count", number_word(header.note_count), count(Tree::Note)?),
        (
            "nullifier root",
            header.nullifier_root.to_b256(),
            root(Tree::Nullifier)?,
        ),
        (
            "nullifier count",
            number_word(header.nullifier_count),
            count(Tree::Nullifier)?,
        ),
        (
            "archive",
            record.free_fields.archive.to_b256(),
            root(Tree::Archive)?,
        ),
        (
            "archive count",
            number_word(header.number.get()),
            count(Tree::Archive)?,
        ),
    ])
}
