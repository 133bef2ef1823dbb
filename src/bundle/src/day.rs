//! Days of the calendar, and a clock that may be wrong.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Bytes of a day as text.
pub(crate) const DAY_BYTES: usize = "2026-11-01".len();

/// A day in UTC, written `2026-11-01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(Date);

impl Day {
    /// The day that this machine's clock says.
    #[must_use]
    pub fn today() -> Self {
        Self(Timestamp::now().to_zoned(TimeZone::UTC).date())
    }

    /// The day of a moment in seconds since 1970; none beyond the year 9999.
    #[must_use]
    pub fn of_epoch(seconds: i64) -> Option<Self> {
        Timestamp::from_second(seconds).ok().map(|moment| Self(moment.to_zoned(TimeZone::UTC).date()))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Text that is no day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a day is written YYYY-MM-DD, for example 2026-11-01")]
pub struct DayError;

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        let day = text.parse().map(Self).map_err(|_| DayError)?;
        // The parser knows more ways to write a day; a signed one has exactly one.
        if text.len() == DAY_BYTES && day.to_string() == text { Ok(day) } else { Err(DayError) }
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A clock without a battery starts in 1970, or in the year in which its board was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// What the clock says.
    pub today: Day,
    /// The day before which it cannot be right, because the program did not exist.
    pub earliest: Day,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn a_day_has_one_way_to_be_written() {
        let day: Day = "2028-02-29".parse().unwrap();
        assert_eq!(day.to_string(), "2028-02-29");
        assert!(day < "2028-03-01".parse().unwrap());
        let wrong =
            ["", "2028-2-29", "20280229", "2027-02-29", "2028-02-29T00:00", "-002028-02-29", "2028-02-29 ", "soon"];
        for text in wrong {
            assert_eq!(text.parse::<Day>(), Err(DayError), "{text:?}");
        }
    }

    #[test]
    fn moments_have_their_day() {
        for (seconds, day) in
            [(0, "1970-01-01"), (86_399, "1970-01-01"), (86_400, "1970-01-02"), (1_793_491_200, "2026-11-01")]
        {
            assert_eq!(Day::of_epoch(seconds).unwrap().to_string(), day);
        }
        assert_eq!(Day::of_epoch(i64::MAX), None);
    }
}
