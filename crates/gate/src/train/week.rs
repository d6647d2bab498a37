//! A train's week and its times, UTC. The week is the ISO 8601 week of the internal deployment; the release is in the next.

use jiff::Timestamp;
use jiff::civil::{Date, ISOWeekDate, Time, Weekday, time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// Hours of the internal gate.
const GATE_HOURS: i64 = 90;

/// An ISO week, `2026-W48`: a train's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Week(ISOWeekDate);

/// When what happens to a train.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// Thursday 15:00: the internal network is deployed.
    pub(crate) deploy: Timestamp,
    /// Last moment for it: what is deployed later cannot have been stable for 90 h.
    pub(crate) deploy_latest: Timestamp,
    /// Monday 14:30: go or no-go.
    pub(crate) decide: Timestamp,
    /// Monday 18:00: participants are told.
    pub(crate) announce: Timestamp,
    /// Tuesday 15:00: the public network is deployed.
    pub(crate) public: Timestamp,
}

impl core::str::FromStr for Week {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once("-W").and_then(|(year, week)| {
            let is_plain =
                |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
            let is_plain = is_plain(year, 4) && is_plain(week, 2);
            let (year, week) = (year.parse().ok()?, week.parse().ok()?);
            let monday = ISOWeekDate::new(year, week, Weekday::Monday).ok()?;
            is_plain.then_some(Self(monday))
        });
        parsed.ok_or_else(|| {
            format!(
                "{text:?} is no week; write the ISO week of the Thursday of the internal deployment, 2026-W48"
            )
        })
    }
}

impl core::fmt::Display for Week {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:04}-W{:02}", self.0.year(), self.0.week())
    }
}

impl Serialize for Week {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Week {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Week {
    /// The train's times; `None` at the end of the calendar.
    pub(crate) fn schedule(&self) -> Option<Schedule> {
        let monday = self.0.date();
        let at = |days: i64, time: Time| -> Option<Timestamp> {
            let date: Date = monday.checked_add(jiff::Span::new().try_days(days).ok()?).ok()?;
            Some(date.to_datetime(time).to_zoned(TimeZone::UTC).ok()?.timestamp())
        };
        let decide = at(7, time(14, 30, 0, 0))?;
        let gate = jiff::SignedDuration::from_secs(GATE_HOURS.saturating_mul(3_600));
        Some(Schedule {
            deploy: at(3, time(15, 0, 0, 0))?,
            deploy_latest: decide.checked_sub(gate).ok()?,
            decide,
            announce: at(7, time(18, 0, 0, 0))?,
            public: at(8, time(15, 0, 0, 0))?,
        })
    }
}

/// `Mon 2026-11-30 14:30 UTC`.
pub(crate) fn utc(time: Timestamp) -> String {
    time.strftime("%a %Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(week: &str, expected: [&str; 5]) {
        let schedule = week.parse::<Week>().unwrap().schedule().unwrap();
        let found = [
            schedule.deploy,
            schedule.deploy_latest,
            schedule.decide,
            schedule.announce,
            schedule.public,
        ];
        assert_eq!(
            found.map(utc),
            expected.map(|text| format!("{text} UTC")),
            "{week}"
        );
    }

    #[test]
    fn a_train_leaves_on_thursday_and_is_public_on_tuesday() {
        check(
            "2026-W48",
            [
                "Thu 2026-11-26 15:00",
                "Thu 2026-11-26 20:30",
                "Mon 2026-11-30 14:30",
                "Mon 2026-11-30 18:00",
                "Tue 2026-12-01 15:00",
            ],
        );
    }

    #[test]
    fn weeks_cross_years() {
        // 2026 has 53 weeks; 2027-W01 begins on January 4.
        check(
            "2026-W53",
            [
                "Thu 2026-12-31 15:00",
                "Thu 2026-12-31 20:30",
                "Mon 2027-01-04 14:30",
                "Mon 2027-01-04 18:00",
                "Tue 2027-01-05 15:00",
            ],
        );
        // The first week of 2025 began in 2024.
        check(
            "2025-W01",
            [
                "Thu 2025-01-02 15:00",
                "Thu 2025-01-02 20:30",
                "Mon 2025-01-06 14:30",
                "Mon 2025-01-06 18:00",
                "Tue 2025-01-07 15:00",
            ],
        );
        // A leap day between.
        check(
            "2028-W08",
            [
                "Thu 2028-02-24 15:00",
                "Thu 2028-02-24 20:30",
                "Mon 2028-02-28 14:30",
                "Mon 2028-02-28 18:00",
                "Tue 2028-02-29 15:00",
            ],
        );
    }

    #[test]
    fn what_is_no_week_is_refused() {
        for text in [
            "", "2026-48", "2026-W54", "2025-W53", "2026-W00", "2026-W1", "26-W01", "2026-W+1", "2026-w48",
        ] {
            assert!(text.parse::<Week>().is_err(), "{text}");
        }
        assert_eq!("2026-W05".parse::<Week>().unwrap().to_string(), "2026-W05");
    }
}
