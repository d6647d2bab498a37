//! What people write on the command line and in lists, read strictly.

use std::path::Path;

use agoge_host::report::CliError;
use agoge_protocol::exit::ExitCode as Exit;
use agoge_protocol::{Address, U256};

/// Bytes of a list.
const LIST_BYTES_MAX: u64 = 1 << 20;

/// An address: 0x and 40 hex digits. With capitals and small letters its checksum (EIP-55) must be right.
pub(crate) fn address(text: &str) -> Result<Address, String> {
    let digits = text.strip_prefix("0x").unwrap_or_default();
    let is_hex = digits.len() == 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex {
        return Err("not an address; write 0x and 40 hex digits".to_owned());
    }
    let is_mixed = digits.bytes().any(|byte| byte.is_ascii_lowercase())
        && digits.bytes().any(|byte| byte.is_ascii_uppercase());
    if is_mixed {
        return Address::parse_checksummed(text, None)
            .map_err(|_| "the checksum is wrong: a digit was mistyped; copy the address again".to_owned());
    }
    text.parse::<Address>().map_err(|error| error.to_string())
}

/// An address that is not zero.
pub(crate) fn nonzero_address(text: &str) -> Result<Address, String> {
    match address(text)? {
        Address::ZERO => Err("the zero address is nobody's".to_owned()),
        address => Ok(address),
    }
}

/// A proposal's id: decimal, or 0x and hex digits.
pub(crate) fn proposal_id(text: &str) -> Result<U256, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(hex) => U256::from_str_radix(hex, 16),
        None => U256::from_str_radix(text, 10),
    };
    match parsed {
        Ok(id) if !text.is_empty() && text != "0x" => Ok(id),
        _ => Err("not a proposal's id; `govctl status` lists them".to_owned()),
    }
}

/// Addresses of a file, one a line; `#` begins a comment.
pub(crate) fn address_list(path: &Path) -> Result<Vec<Address>, CliError> {
    let refused = |reason: String| {
        CliError::new(
            Exit::Usage,
            "AGOGE-GOV-002",
            format!("{}: {reason}", path.display()),
        )
        .with_hint("write one address a line; # begins a comment")
    };
    let length = std::fs::metadata(path)
        .map_err(|error| refused(error.to_string()))?
        .len();
    if length > LIST_BYTES_MAX {
        return Err(refused(format!("has more than {LIST_BYTES_MAX} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| refused(error.to_string()))?;
    let mut list = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let entry = line.split('#').next().unwrap_or_default().trim();
        if entry.is_empty() {
            continue;
        }
        let parsed = nonzero_address(entry)
            .map_err(|error| refused(format!("line {}: {error}", number.saturating_add(1))))?;
        if !list.contains(&parsed) {
            list.push(parsed);
        }
    }
    if list.is_empty() {
        return Err(refused("has no address".to_owned()));
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_whole_and_rightly_checked() {
        let good = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
        for text in [
            good,
            &good.to_lowercase(),
            &format!("0x{}", good[2..].to_uppercase()),
        ] {
            assert!(address(text).is_ok(), "{text}");
        }
        let swapped = good.replace("aad", "aAd");
        for text in [
            "",
            "0x",
            "f39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
            &good[..41],
            &format!("{good}0"),
            &swapped,
            "vitalik.eth",
            "0xg39fd6e51aad88f6f4ce6ab8827279cfffb92266",
        ] {
            assert!(address(text).is_err(), "{text}");
        }
        assert!(nonzero_address(&Address::ZERO.to_string()).is_err());
    }

    #[test]
    fn proposal_ids_are_numbers() {
        assert_eq!(proposal_id("12"), Ok(U256::from(12)));
        assert_eq!(proposal_id("0x0c"), Ok(U256::from(12)));
        for text in ["", "0x", "-1", "1.5", "twelve", &"9".repeat(80)] {
            assert!(proposal_id(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lists_name_the_line_that_is_wrong() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list");
        let good = Address::repeat_byte(0x11);
        std::fs::write(&path, format!("# people\n{good} # one\n\n{good}\n")).unwrap();
        assert_eq!(address_list(&path).unwrap(), [good]);
        for (text, expected) in [
            ("", "no address"),
            ("0x11", "line 1"),
            (&format!("{good}\nnobody"), "line 2"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = address_list(&path).unwrap_err();
            assert!(error.message.contains(expected), "{}", error.message);
            assert_eq!(error.exit, Exit::Usage);
        }
    }
}
