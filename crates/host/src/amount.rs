//! Amounts as people write them: `1.5ether`, `2000gwei`. Notes hold whole gwei.

use agoge_protocol::U256;
use agoge_protocol::transaction::VALUE_BOUND;

/// Gwei of one ether.
const ETHER: u64 = 1_000_000_000;
/// Wei of one ether.
const WEI: u64 = 1_000_000_000_000_000_000;

/// A text is no amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not a number with a unit.
    #[error("{text:?} is no amount; hint: write a number and its unit, as in 0.5ether or 2000gwei")]
    Malformed {
        /// As given.
        text: String,
    },
    /// Part of a gwei.
    #[error("{text:?} is not a whole number of gwei")]
    NotWholeGwei {
        /// As given.
        text: String,
    },
    /// More than a note can hold.
    #[error("{text:?} is more than a note can hold (2^60 - 1 gwei)")]
    TooLarge {
        /// As given.
        text: String,
    },
}

/// Parses an amount into gwei.
///
/// # Errors
/// [`AmountError`].
pub fn parse_gwei(text: &str) -> Result<u64, AmountError> {
    let text = text.trim();
    let malformed = || AmountError::Malformed {
        text: text.to_owned(),
    };
    let too_large = || AmountError::TooLarge {
        text: text.to_owned(),
    };
    let (number, unit, decimals) = if let Some(number) = text.strip_suffix("ether") {
        (number, ETHER, 9)
    } else if let Some(number) = text.strip_suffix("gwei") {
        (number, 1, 0)
    } else {
        return Err(malformed());
    };
    let number = number.trim_end();
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) {
        return Err(malformed());
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > decimals {
        return Err(AmountError::NotWholeGwei {
            text: text.to_owned(),
        });
    }
    let whole: u64 = whole.parse().map_err(|_| too_large())?;
    let fraction: u64 = format!("{fraction:0<decimals$}").parse().unwrap_or(0);
    let gwei = whole
        .checked_mul(unit)
        .and_then(|gwei| gwei.checked_add(fraction))
        .ok_or_else(too_large)?;
    if gwei < VALUE_BOUND {
        Ok(gwei)
    } else {
        Err(too_large())
    }
}

/// Writes gwei as ether, exactly and without trailing zeros.
pub fn format_ether(gwei: u128) -> String {
    let (whole, fraction) = (gwei / u128::from(ETHER), gwei % u128::from(ETHER));
    let fraction = format!("{fraction:09}");
    match fraction.trim_end_matches('0') {
        "" => format!("{whole} ether"),
        fraction => format!("{whole}.{fraction} ether"),
    }
}

/// Writes wei as ether, exactly and without trailing zeros: L1 shares fees to the wei.
pub fn format_wei(wei: U256) -> String {
    let (whole, fraction) = wei.div_rem(U256::from(WEI));
    let fraction = format!("{fraction:018}");
    match fraction.trim_end_matches('0') {
        "" => format!("{whole} ether"),
        fraction => format!("{whole}.{fraction} ether"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_or_refused() {
        let good = [
            ("1ether", ETHER),
            ("0.5ether", ETHER / 2),
            ("0.000000001ether", 1),
            ("7gwei", 7),
            ("1.50 ether", 1_500_000_000),
        ];
        for (text, gwei) in good {
            assert_eq!(parse_gwei(text), Ok(gwei), "{text}");
        }
        for text in [
            "", "1", "ether", ".5ether", "1.ether", "-1gwei", "1e9gwei", "0x1gwei", "1,5ether", "1 eth",
        ] {
            assert!(
                matches!(parse_gwei(text), Err(AmountError::Malformed { .. })),
                "{text}"
            );
        }
        for text in ["0.0000000001ether", "0.5gwei"] {
            assert!(
                matches!(parse_gwei(text), Err(AmountError::NotWholeGwei { .. })),
                "{text}"
            );
        }
        for text in [
            "1152921504606846976gwei",
            "99999999999ether",
            "999999999999999999999999gwei",
        ] {
            assert!(
                matches!(parse_gwei(text), Err(AmountError::TooLarge { .. })),
                "{text}"
            );
        }
        assert_eq!(parse_gwei("1152921504606846975gwei"), Ok(VALUE_BOUND - 1));
        assert_eq!(format_ether(1_500_000_000), "1.5 ether");
        assert_eq!(format_ether(1), "0.000000001 ether");
        for (wei, text) in [
            (0, "0 ether"),
            (1, "0.000000000000000001 ether"),
            (WEI, "1 ether"),
            (WEI / 2 * 5, "2.5 ether"),
        ] {
            assert_eq!(format_wei(U256::from(wei)), text);
        }
    }
}
