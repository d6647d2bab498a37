//! The blob archive: bounded by number and age, oldest slot out first.

use agoge_protocol::limits::BLOB_BYTES;
use agoge_protocol::{B256, Slot};

use crate::backend::Read;
use crate::config::StoreConfig;
use crate::error::StoreError;
use crate::rows::{self, meta};
use crate::table::Table;
use crate::txn::Txn;

/// Blobs dropped at once: more than one only after the bounds became smaller or slots were skipped.
const EXPIRED_BLOBS_MAX: usize = 16;

/// A blob by its versioned hash.
pub(crate) fn get(read: &dyn Read, hash: B256) -> Result<Option<Box<[u8; BLOB_BYTES]>>, StoreError> {
    let Some(blob) = read.get(Table::Blobs, hash.as_slice())? else {
        return Ok(None);
    };
    let found = blob.len();
    let too_large = |_| StoreError::TooLarge {
        what: "archived blob",
        found,
        limit: BLOB_BYTES,
    };
    Box::try_from(blob.into_boxed_slice())
        .map(Some)
        .map_err(too_large)
}

/// Archives a blob; one that is there stays as it is.
pub(crate) fn put(
    txn: &mut Txn<'_>,
    config: &StoreConfig,
    slot: Slot,
    hash: B256,
    blob: &[u8; BLOB_BYTES],
) -> Result<(), StoreError> {
    if txn.get(Table::Blobs, hash.as_slice())?.is_some() {
        return Ok(());
    }
    txn.set(Table::Blobs, hash.to_vec(), Some(blob.to_vec()));
    txn.set(
        Table::BlobSlots,
        rows::blob_slot_key(slot.get(), hash),
        Some(Vec::new()),
    );
    let mut count = rows::load::<u64>(txn, Table::Meta, meta::BLOBS)?
        .unwrap_or(0)
        .saturating_add(1);

    let newest = txn.at_or_below(Table::BlobSlots, &[u8::MAX; 40])?;
    let newest = newest
        .and_then(|(key, _)| key.first_chunk::<8>().copied())
        .map_or(slot.get(), u64::from_be_bytes);
    let first_kept = rows::number_key(newest.saturating_sub(config.blob_age_slots_max));
    for (key, _) in txn.range(Table::BlobSlots, &[], &[u8::MAX; 41], EXPIRED_BLOBS_MAX)? {
        if count <= config.blobs_max && key >= first_kept {
            break;
        }
        if let Some(hash) = key.get(8..) {
            txn.set(Table::Blobs, hash.to_vec(), None);
        }
        txn.set(Table::BlobSlots, key, None);
        count = count.saturating_sub(1);
    }
    txn.set(Table::Meta, meta::BLOBS.to_vec(), Some(rows::encode(&count)));
    Ok(())
}
