//! Borsh lists whose length is checked before anything is allocated.

use std::io::{Error, ErrorKind, Read, Result};

use borsh::BorshDeserialize;

/// A byte string of at most `limit` bytes.
pub(super) fn read<R: Read>(reader: &mut R, limit: usize) -> Result<Vec<u8>> {
    let length = length(reader, limit)?;
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// A list of at most `limit` entries.
pub(super) fn read_list<R: Read, T: BorshDeserialize>(reader: &mut R, limit: usize) -> Result<Vec<T>> {
    let length = length(reader, limit)?;
    (0..length).map(|_| T::deserialize_reader(reader)).collect()
}

fn length<R: Read>(reader: &mut R, limit: usize) -> Result<usize> {
    let found = u32::deserialize_reader(reader)?;
    usize::try_from(found)
        .ok()
        .filter(|length| *length <= limit)
        .ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidData,
                format!("{found} entries, the limit is {limit}"),
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_above_the_limit_are_refused_before_reading() {
        let encoded = borsh::to_vec(&vec![7_u8; 5]).unwrap();
        assert_eq!(read(&mut encoded.as_slice(), 5).unwrap(), [7; 5]);
        assert!(read(&mut encoded.as_slice(), 4).is_err());
        assert!(read_list::<_, u8>(&mut encoded.as_slice(), 4).is_err());
        let huge = u32::MAX.to_le_bytes();
        assert!(read(&mut huge.as_slice(), 1 << 20).is_err());
        assert!(read(&mut &encoded[..8], 5).is_err(), "truncated");
    }
}
