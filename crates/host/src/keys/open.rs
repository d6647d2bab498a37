//! Opening one key file.

use std::path::Path;

use agoge_protocol::Address;
use alloy::primitives::address;
use alloy::signers::local::PrivateKeySigner;

use super::keystore::{check, decrypt};
use super::{KEY_FILE_BYTES_MAX, KeyError, Password, PermissionError, read_private_file};

/// Chain of local test networks, the only one where anvil's keys are keys.
const CHAIN_ID_ANVIL: u64 = 31_337;

/// Accounts of the mnemonic "test test ... junk", in its order.
pub const DEVELOPMENT_ADDRESSES: [Address; 10] = [
    address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
    address!("70997970C51812dc3A010C7d01b50e0d17dc79C8"),
    address!("3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"),
    address!("90F79bf6EB2c4f870365E785982E1f101E93b906"),
    address!("15d34AAf54267DB7D7c367839AAf71A00a2C6A65"),
    address!("9965507D1a55bcC2695C58ba16FB37d819B0A4dc"),
    address!("976EA74026E726554dB657fA54763abd0C3a0aa9"),
    address!("14dC79964da2C08b23698B3D3cc7Ca32193d9955"),
    address!("23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f"),
    address!("a0Ee7A142d267C1f36714E4a8F75612F20a79720"),
];

/// Opens a private key file of this chain: anvil's development keys are refused on every chain but its own.
///
/// # Errors
/// [`KeyError::Permission`], [`KeyError::File`], [`KeyError::DevelopmentKey`].
pub fn open_key_file(path: &Path, chain_id: u64, password: &Password) -> Result<PrivateKeySigner, KeyError> {
    let text = read_private_file(path, KEY_FILE_BYTES_MAX)?;
    let key = decrypt(path, &text, password).map_err(|source| KeyError::File {
        path: path.to_owned(),
        source,
    })?;
    let address = key.address();
    if chain_id != CHAIN_ID_ANVIL && DEVELOPMENT_ADDRESSES.contains(&address) {
        return Err(KeyError::DevelopmentKey { address, chain_id });
    }
    Ok(key)
}

/// The address that a key file claims, without its password; `None` when it claims none.
///
/// # Errors
/// [`KeyError::Permission`], [`KeyError::File`]: why it would be refused.
pub fn claimed_address(path: &Path) -> Result<Option<Address>, KeyError> {
    let text = read_private_file(path, KEY_FILE_BYTES_MAX)?;
    let checked = check(&text).map_err(|source| KeyError::File {
        path: path.to_owned(),
        source,
    })?;
    Ok(checked.address)
}

/// Whether something has this path. A dangling link does too: it is refused later, not overlooked.
///
/// # Errors
/// [`PermissionError::Io`].
pub fn exists(path: &Path) -> Result<bool, PermissionError> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(PermissionError::Io {
            path: path.to_owned(),
            source,
        }),
    }
}
