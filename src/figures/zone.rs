//! A time zone as the changes of its offset: what the platform is asked for once, so that every time
//! and every day's beginning is then a matter of looking it up.

use time::{Date, Month, OffsetDateTime, Time, UtcOffset};

pub const MINUTE_MS: i64 = 60_000;
pub const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// How far apart the platform is asked for the offset. Two changes that undo each other within a day
/// are unknown to the IANA database; Morocco's pause during Ramadan, the shortest, takes 29.
const STEP_MS: i64 = DAY_MS;

/// Offsets change at full quarters of an hour.
const QUARTER_MS: i64 = 15 * MINUTE_MS;

/// The offsets of a zone within some range of time; outside of it the nearest one holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Since when, in epoch milliseconds, and the seconds ahead of UTC. Never empty, ascending.
    changes: Vec<(i64, i32)>,
}

impl Zone {
    /// The zone without an offset.
    pub fn utc() -> Self {
        Self { changes: vec![(i64::MIN, 0)] }
    }

    /// Learns a zone between two times from what `offset_s` says of single moments.
    pub fn learn(from_ms: i64, to_ms: i64, offset_s: impl Fn(i64) -> i32) -> Self {
        let mut at_ms = from_ms.div_euclid(QUARTER_MS) * QUARTER_MS;
        let mut offset = offset_s(at_ms);
        let mut changes = vec![(i64::MIN, offset)];
        while at_ms < to_ms {
            let next_ms = at_ms + STEP_MS;
            let next = offset_s(next_ms);
            if next != offset {
                changes.push((first_with(at_ms, next_ms, |ms| offset_s(ms) == next), next));
            }
            (at_ms, offset) = (next_ms, next);
        }
        Self { changes }
    }

    fn offset_s(&self, ms: i64) -> i32 {
        let after = self.changes.partition_point(|(since_ms, _)| *since_ms <= ms);
        self.changes.get(after.saturating_sub(1)).map_or(0, |(_, offset)| *offset)
    }

    /// The civil date and time at a moment.
    pub fn local(&self, ms: i64) -> OffsetDateTime {
        let utc = OffsetDateTime::from_unix_timestamp(ms.div_euclid(1000));
        let utc = utc.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let offset = UtcOffset::from_whole_seconds(self.offset_s(ms)).unwrap_or(UtcOffset::UTC);
        utc.to_offset(offset)
    }

    /// The first moment of a date, in epoch milliseconds. Where clocks go forward over midnight the
    /// day begins later than 00:00.
    pub fn start_of(&self, date: Date) -> i64 {
        self.first_at(date, Time::MIDNIGHT)
    }

    /// The moment that `2026-11-23T14:03` is, as a browser's field of a time writes it, in epoch milliseconds: the
    /// first one, where clocks go back over it. `None` for what is no such text.
    pub fn read(&self, text: &str) -> Option<i64> {
        let (date, clock) = text.split_once('T')?;
        let mut parts = clock.split(':').map(str::parse::<u8>);
        let (hour, minute) = (parts.next()?.ok()?, parts.next()?.ok()?);
        let second = parts.next().unwrap_or(Ok(0)).ok()?;
        let time = Time::from_hms(hour, minute, second).ok()?;
        Some(self.first_at(parse_date(date)?, time))
    }

    /// The first moment at which it is so late on a date; where clocks go forward over that, the one at which they do.
    pub fn first_at(&self, date: Date, time: Time) -> i64 {
        let civil_ms = date.with_time(time).assume_utc().unix_timestamp().saturating_mul(1000);
        let ends = self.changes.iter().skip(1).map(|(since_ms, _)| *since_ms).chain([i64::MAX]);
        let begins = self.changes.iter().zip(ends).find_map(|((since_ms, offset_s), until_ms)| {
            let begin_ms = (civil_ms - i64::from(*offset_s) * 1000).max(*since_ms);
            (begin_ms < until_ms).then_some(begin_ms)
        });
        begins.unwrap_or(civil_ms)
    }

    /// `23 Nov 14:03`, with seconds where they are asked for.
    pub fn written(&self, ms: i64, seconds: bool) -> String {
        let local = self.local(ms);
        let text = format!("{} {}", short_date(local.date()), clock(local));
        if seconds { format!("{text}:{:02}", local.second()) } else { text }
    }

    /// `2026-11-23 14:03:22`, for files.
    pub fn written_in_full(&self, ms: i64) -> String {
        let local = self.local(ms);
        format!("{} {}:{:02}", iso_date(local.date()), clock(local), local.second())
    }
}

/// The first quarter of an hour after `from_ms`, up to `to_ms`, for which `is_new` holds.
fn first_with(from_ms: i64, to_ms: i64, is_new: impl Fn(i64) -> bool) -> i64 {
    let (mut old, mut new) = (0, (to_ms - from_ms) / QUARTER_MS);
    while new - old > 1 {
        let middle = (old + new) / 2;
        if is_new(from_ms + middle * QUARTER_MS) { new = middle } else { old = middle }
    }
    from_ms + new * QUARTER_MS
}

/// `14:03`.
pub fn clock(local: OffsetDateTime) -> String {
    format!("{:02}:{:02}", local.hour(), local.minute())
}

/// `23 Nov`.
pub fn short_date(date: Date) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = MONTHS.get(usize::from(u8::from(date.month())) - 1).copied().unwrap_or_default();
    format!("{} {month}", date.day())
}

/// `2026-11-23`, as date fields of forms have it.
pub fn iso_date(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

/// Reads `2026-11-23`; `None` for what is not a date.
pub fn parse_date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let year = parts.next()?.parse().ok().filter(|year| (1970..=9999).contains(year))?;
    let month = Month::try_from(parts.next()?.parse::<u8>().ok()?).ok()?;
    let date = Date::from_calendar_date(year, month, parts.next()?.parse().ok()?).ok()?;
    parts.next().is_none().then_some(date)
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// New York around its two changes of 2026: forward on 8 March, back on 1 November.
    pub fn new_york() -> Zone {
        let (forward, back) = (1_772_953_200_000, 1_793_512_800_000);
        Zone::learn(1_767_225_600_000, 1_798_761_600_000, |ms| {
            if (forward..back).contains(&ms) { -4 * 3600 } else { -5 * 3600 }
        })
    }

    fn date(text: &str) -> Date {
        parse_date(text).unwrap()
    }

    #[test]
    fn a_time_is_read_as_the_zones_clocks_show_it() {
        let zone = new_york();
        for (text, expected) in [
            ("2026-11-23T14:03", Some("2026-11-23 14:03:00")),
            ("2026-07-01T00:00:59", Some("2026-07-01 00:00:59")),
            ("2026-03-08T02:30", Some("2026-03-08 03:00:00")),
            ("2026-11-23", None),
            ("2026-11-23T24:00", None),
            ("2026-11-23Tnoon", None),
        ] {
            let read = zone.read(text).map(|ms| zone.written_in_full(ms));
            assert_eq!(read.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn changes_are_found_to_the_quarter_hour() {
        assert_eq!(
            new_york().changes,
            [(i64::MIN, -18_000), (1_772_953_200_000, -14_400), (1_793_512_800_000, -18_000)]
        );
        assert_eq!(Zone::learn(0, 30 * DAY_MS, |_| 19_800).changes, [(i64::MIN, 19_800)]);
    }

    #[test]
    fn a_day_is_as_long_as_the_clocks_make_it() {
        let zone = new_york();
        let hours = |day: &str| {
            let begin = date(day);
            (zone.start_of(begin.next_day().unwrap()) - zone.start_of(begin)) / (60 * MINUTE_MS)
        };
        assert_eq!([hours("2026-03-07"), hours("2026-03-08"), hours("2026-11-01")], [24, 23, 25]);
        let start = zone.start_of(date("2026-11-01"));
        assert_eq!(zone.written_in_full(start), "2026-11-01 00:00:00");
        assert_eq!(zone.written_in_full(start - 1), "2026-10-31 23:59:59");
    }

    #[test]
    fn a_day_may_begin_after_midnight_or_be_entered_twice() {
        // Beirut goes forward at 00:00, and back at 00:00 to 23:00 of the day before.
        let change = 1_774_735_200_000; // 2026-03-28T22:00Z, midnight at +2.
        let forward = Zone::learn(change - 5 * DAY_MS, change + 5 * DAY_MS, |ms| {
            if ms < change { 7200 } else { 10_800 }
        });
        let start = forward.start_of(date("2026-03-29"));
        assert_eq!((start, forward.written(start, false).as_str()), (change, "29 Mar 01:00"));
        let back_at = 1_792_875_600_000; // 2026-10-24T21:00Z, midnight at +3.
        let back = Zone::learn(back_at - 5 * DAY_MS, back_at + 5 * DAY_MS, |ms| {
            if ms < back_at { 10_800 } else { 7200 }
        });
        assert_eq!(back.start_of(date("2026-10-25")), back_at + 60 * MINUTE_MS);
        assert_eq!(back.start_of(date("2026-10-24")), back_at - DAY_MS);
    }

    #[test]
    fn half_hours_count() {
        let kolkata = Zone::learn(0, DAY_MS, |_| 19_800);
        assert_eq!(kolkata.written(1_765_432_100_000, true), "11 Dec 11:18:20");
        assert_eq!(kolkata.start_of(date("2025-12-11")), 1_765_391_400_000);
        assert_eq!(Zone::utc().written_in_full(1_765_432_100_999), "2025-12-11 05:48:20");
    }

    #[test]
    fn dates_are_read_strictly() {
        assert_eq!(parse_date("2026-02-28").map(iso_date).as_deref(), Some("2026-02-28"));
        for text in ["", "2026-02-29", "2026-13-01", "26-1-1", "2026-1-1-1", "x", "1969-12-31"] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }
}
