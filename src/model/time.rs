//! When an event happened (docs/postback.md, Time).

use time::OffsetDateTime;

/// A year and a day back: a network's replay of last year's report is still taken.
const PAST_MS: i64 = 366 * 24 * 60 * 60 * 1000;

/// A day ahead: clocks in the wrong time zone are off by at most 14 hours.
const FUTURE_MS: i64 = 24 * 60 * 60 * 1000;

/// Digits of an epoch in seconds, from 2001 to 2286. In milliseconds ten digits end in April 1970.
const DIGITS_OF_SECONDS: usize = 10;

/// An event's time in epoch milliseconds, plausible at the moment it was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTime {
    ms: i64,
}

/// Why a time was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadTime {
    NotANumber,
    Implausible,
}

impl EventTime {
    /// Epoch milliseconds.
    pub fn ms(self) -> i64 {
        self.ms
    }

    /// The receive time itself: the time of an event that came without one.
    pub fn received(now_ms: i64) -> Self {
        Self { ms: now_ms }
    }

    /// In UTC, as programs write it: `2025-12-11T05:48:20.000Z`.
    pub fn iso(self) -> String {
        let utc = OffsetDateTime::from_unix_timestamp(self.ms.div_euclid(1000));
        let utc = utc.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (month, ms) = (u8::from(utc.month()), self.ms.rem_euclid(1000));
        let (hour, minute, second) = utc.time().as_hms();
        let date = format!("{:04}-{month:02}-{:02}", utc.year(), utc.day());
        format!("{date}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
    }

    /// Reads epoch milliseconds, or seconds where there are ten digits; a fraction is cut to whole
    /// milliseconds. Refuses what is not a number, is more than 366 days before `now_ms` or more than
    /// 24 hours after it.
    pub fn parse(text: &str, now_ms: i64) -> Result<Self, BadTime> {
        let text = text.trim();
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let unsigned = whole.strip_prefix(['+', '-']).unwrap_or(whole);
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !is_number(unsigned) || !is_number(fraction) {
            return Err(BadTime::NotANumber);
        }
        let number: i64 = whole.parse().map_err(|_overflow| BadTime::Implausible)?;
        let ms = if unsigned.len() == DIGITS_OF_SECONDS {
            let thousandths = fraction.chars().chain("000".chars()).take(3).collect::<String>();
            number * 1000 + thousandths.parse::<i64>().unwrap_or(0)
        } else {
            number
        };
        if ms < now_ms - PAST_MS || ms > now_ms + FUTURE_MS {
            return Err(BadTime::Implausible);
        }
        Ok(Self { ms })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW_MS: i64 = 1_765_432_100_000;

    #[test]
    fn a_time_is_written_as_programs_write_it() {
        assert_eq!(EventTime::received(NOW_MS + 7).iso(), "2025-12-11T05:48:20.007Z");
        assert_eq!(EventTime::received(0).iso(), "1970-01-01T00:00:00.000Z");
    }

    fn ms(text: &str) -> Result<i64, BadTime> {
        EventTime::parse(text, NOW_MS).map(EventTime::ms)
    }

    #[test]
    fn milliseconds_and_ten_digits_of_seconds_are_read() {
        assert_eq!(ms("1765432100000"), Ok(NOW_MS));
        assert_eq!(ms(" 1765432100000 "), Ok(NOW_MS));
        assert_eq!(ms("1765432100"), Ok(NOW_MS));
        assert_eq!(ms("1765432100.25"), Ok(NOW_MS + 250));
        assert_eq!(ms("1765432100000.0"), Ok(NOW_MS));
    }

    #[test]
    fn the_bounds_are_366_days_back_and_24_hours_ahead() {
        for (text, expected) in [
            (NOW_MS - PAST_MS, true),
            (NOW_MS - PAST_MS - 1, false),
            (NOW_MS + FUTURE_MS, true),
            (NOW_MS + FUTURE_MS + 1, false),
        ] {
            assert_eq!(ms(&text.to_string()).is_ok(), expected, "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused_with_their_reason() {
        for text in ["abc", "", "1e12", "0x10", "12:00", "2026-01-01", "{t}", "1.2.3", ".", "-"] {
            assert_eq!(ms(text), Err(BadTime::NotANumber), "{text:?}");
        }
        for text in ["1", "0", "-1765432100000", "99999999999999999999", "176543210000000"] {
            assert_eq!(ms(text), Err(BadTime::Implausible), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[-+0-9.]{0,30}|\\PC{0,30}") {
            let _ = ms(&text);
        }
    }
}
