//! Times and amounts as people read them.

use agoge_host::amount::format_wei;
use agoge_protocol::U256;

/// A time in UTC and how far it is from now: `2026-11-30T20:54:02Z (in 1 h 5 min)`.
pub(crate) fn time(at: u64, now: u64) -> String {
    let utc = i64::try_from(at)
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .map_or_else(|| format!("time {at}"), |time| time.to_string());
    let distance = duration(at.abs_diff(now));
    match at.cmp(&now) {
        std::cmp::Ordering::Greater => format!("{utc} (in {distance})"),
        std::cmp::Ordering::Equal => format!("{utc} (now)"),
        std::cmp::Ordering::Less => format!("{utc} ({distance} ago)"),
    }
}

/// A duration in its two largest units.
pub(crate) fn duration(seconds: u64) -> String {
    let units = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let parts: Vec<String> = units
        .into_iter()
        .skip_while(|(count, _)| *count == 0)
        .take(2)
        .filter(|(count, _)| *count != 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    if parts.is_empty() {
        "0 s".to_owned()
    } else {
        parts.join(" ")
    }
}

/// Wei as ether.
pub(crate) fn wei(amount: U256) -> String {
    format_wei(amount)
}

/// A value of L1 that is a number of seconds, slots or epochs; what does not fit is far beyond every clock.
pub(crate) fn small(value: U256) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_and_relative() {
        assert_eq!(time(3_600, 0), "1970-01-01T01:00:00Z (in 1 h)");
        assert_eq!(time(0, 61), "1970-01-01T00:00:00Z (1 min 1 s ago)");
        assert_eq!(time(5, 5), "1970-01-01T00:00:05Z (now)");
        assert!(time(u64::MAX, 0).starts_with("time 18446744073709551615"));
    }

    #[test]
    fn durations_have_two_units() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (3_601, "1 h"),
            (90_061, "1 d 1 h"),
            (125, "2 min 5 s"),
        ] {
            assert_eq!(duration(seconds), expected);
        }
    }
}
