//! Keys and values of rows, in bytes.

use agoge_protocol::element::Element;
use agoge_protocol::{B256, Digest, Epoch, L2BlockNumber, TxId};
use agoge_state_transition::NodeId;
use borsh::{BorshDeserialize, BorshSerialize};

use crate::backend::Read;
use crate::error::StoreError;
use crate::table::Table;

/// Rows of `meta`.
pub(crate) mod meta {
    /// [`crate::Tips`].
    pub(crate) const TIPS: &[u8] = b"tips";
    /// [`crate::PoolSize`].
    pub(crate) const POOL: &[u8] = b"pool";
    /// Number of archived blobs.
    pub(crate) const BLOBS: &[u8] = b"blobs";
}

/// Key of a number.
pub(crate) fn number_key(number: u64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

/// Key of a tree node.
pub(crate) fn node_key(id: NodeId) -> Vec<u8> {
    let mut key = encode(&id.tree);
    key.push(id.level);
    key.extend_from_slice(&id.index.to_be_bytes());
    key
}

/// Key of a nullifier key: sorts as the protocol orders them.
pub(crate) fn nullifier_row_key(key: [Element; 2]) -> Vec<u8> {
    key.iter()
        .flat_map(|element| element.get().to_be_bytes())
        .collect()
}

/// Key of a digest.
pub(crate) fn digest_key(digest: Digest) -> Vec<u8> {
    digest.to_b256().to_vec()
}

/// Key of a transaction id.
pub(crate) fn tx_key(id: TxId) -> Vec<u8> {
    id.0.to_vec()
}

/// Key of a transaction's place in a block.
pub(crate) fn position_key(number: L2BlockNumber, position: u16) -> Vec<u8> {
    let mut key = number_key(number.get());
    key.extend_from_slice(&position.to_be_bytes());
    key
}

/// Key of the `position`-th proof of an epoch.
pub(crate) fn epoch_proof_key(epoch: Epoch, position: u16) -> Vec<u8> {
    let mut key = number_key(epoch.get());
    key.extend_from_slice(&position.to_be_bytes());
    key
}

/// Key of a blob in the order of eviction.
pub(crate) fn blob_slot_key(slot: u64, hash: B256) -> Vec<u8> {
    let mut key = number_key(slot);
    key.extend_from_slice(hash.as_slice());
    key
}

/// Encodes a value.
pub(crate) fn encode<T: BorshSerialize>(value: &T) -> Vec<u8> {
    // Writing to a vector cannot fail, and no collection of ours has 2^32 entries.
    borsh::to_vec(value).unwrap_or_default()
}

/// Decodes a row's value.
pub(crate) fn decode<T: BorshDeserialize>(table: Table, key: &[u8], value: &[u8]) -> Result<T, StoreError> {
    borsh::from_slice(value).map_err(|source| StoreError::Undecodable {
        table: table.name(),
        key: key.to_vec(),
        source,
    })
}

/// Reads and decodes a row.
pub(crate) fn load<T: BorshDeserialize>(
    read: &dyn Read,
    table: Table,
    key: &[u8],
) -> Result<Option<T>, StoreError> {
    read.get(table, key)?
        .map(|value| decode(table, key, &value))
        .transpose()
}

/// Reads and decodes a row that another row promises.
pub(crate) fn load_present<T: BorshDeserialize>(
    read: &dyn Read,
    table: Table,
    key: &[u8],
) -> Result<T, StoreError> {
    load(read, table, key)?.ok_or_else(|| StoreError::MissingRow {
        table: table.name(),
        key: key.to_vec(),
    })
}

/// The number in the last row of a table whose keys are numbers.
pub(crate) fn last_number(read: &dyn Read, table: Table) -> Result<Option<u64>, StoreError> {
    let last = read.at_or_below(table, &number_key(u64::MAX))?;
    last.map(|(key, _)| number_of(table, &key)).transpose()
}

/// The number in the first row of a table whose keys are numbers.
pub(crate) fn first_number(read: &dyn Read, table: Table) -> Result<Option<u64>, StoreError> {
    let first = read.range(table, &number_key(0), &number_key(u64::MAX), 1)?.pop();
    first.map(|(key, _)| number_of(table, &key)).transpose()
}

fn number_of(table: Table, key: &[u8]) -> Result<u64, StoreError> {
    let bytes = <[u8; 8]>::try_from(key).map_err(|_| StoreError::MissingRow {
        table: table.name(),
        key: key.to_vec(),
    })?;
    Ok(u64::from_be_bytes(bytes))
}
