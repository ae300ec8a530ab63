//! The period that figures are of: whole days of the space's own zone.

use serde::{Serialize, Serializer};
use time::{Date, Duration};

use super::zone::{Zone, clock, iso_date, parse_date, short_date};

/// What counters are kept by, in milliseconds: schema.sql says why.
pub const BUCKET_MS: i64 = 15 * 60 * 1000;

/// Longest custom period in days: as far back as a postback's time may lie, and a day.
const LONGEST_DAYS: i64 = 367;

/// Days from which on the chart goes by weeks: that many bars still fit a phone.
const DAYS_BY_DAY: i64 = 62;

/// What a user asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    Today,
    Yesterday,
    /// The last days, today among them.
    Days(i64),
    Custom {
        from: Date,
        to: Date,
    },
}

impl Asked {
    /// Reads the parameters of an address; anything unknown is today. Gives why custom dates were not
    /// taken.
    pub fn parse(period: &str, from: &str, to: &str) -> (Self, Option<&'static str>) {
        match period {
            "yesterday" => (Self::Yesterday, None),
            "7d" => (Self::Days(7), None),
            "30d" => (Self::Days(30), None),
            "custom" => match custom(from, to) {
                Ok(asked) => (asked, None),
                Err(reason) => (Self::Today, Some(reason)),
            },
            _ => (Self::Today, None),
        }
    }

    /// The word for it in an address.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Today => "today",
            Self::Yesterday => "yesterday",
            Self::Days(7) => "7d",
            Self::Days(_) => "30d",
            Self::Custom { .. } => "custom",
        }
    }

    /// Its first and last date, seen from `today`.
    fn dates(&self, today: Date) -> (Date, Date) {
        let back = |days| today.checked_sub(Duration::days(days)).unwrap_or(today);
        match self {
            Self::Today => (today, today),
            Self::Yesterday => (back(1), back(1)),
            Self::Days(days) => (back(days - 1), today),
            Self::Custom { from, to } => (*from, *to),
        }
    }

    /// The furthest back and ahead that the zone must be known for, in epoch milliseconds: now is always
    /// within, when things of the period may still be received.
    pub fn range_ms(&self, now_ms: i64) -> (i64, i64) {
        self.range_with_ms(now_ms, Duration::ZERO)
    }

    /// The same with as many days before it.
    pub fn compared_range_ms(&self, now_ms: i64) -> (i64, i64) {
        let (from, to) = self.dates(Zone::utc().local(now_ms).date());
        self.range_with_ms(now_ms, (to - from).saturating_add(Duration::days(1)))
    }

    fn range_with_ms(&self, now_ms: i64, before: Duration) -> (i64, i64) {
        const MARGIN: Duration = Duration::days(2);
        let (from, to) = self.dates(Zone::utc().local(now_ms).date());
        let ms = |date: Date| Zone::utc().start_of(date);
        let from = from.saturating_sub(before).saturating_sub(MARGIN);
        (ms(from), ms(to.saturating_add(MARGIN)).max(now_ms))
    }
}

fn custom(from: &str, to: &str) -> Result<Asked, &'static str> {
    let (Some(from), Some(to)) = (parse_date(from), parse_date(to)) else {
        return Err("Choose both dates.");
    };
    if to < from {
        return Err("The last day is before the first.");
    }
    if (to - from).whole_days() >= LONGEST_DAYS {
        return Err("A period can be at most 367 days.");
    }
    Ok(Asked::Custom { from, to })
}

/// A stretch of counters that belongs to one bar of the chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub from_bucket: i64,
    pub to_bucket: i64,
    /// Which bar, from zero.
    pub slot: i64,
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.from_bucket, self.to_bucket, self.slot).serialize(serializer)
    }
}

/// A period made of days, with the bars of its chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: Date,
    pub to: Date,
    pub from_ms: i64,
    /// The first moment after it.
    pub to_ms: i64,
    pub parts: Vec<Part>,
    /// What stands under each bar.
    pub labels: Vec<String>,
    /// Whether a part is a whole day, which may be closed.
    pub by_day: bool,
}

impl Span {
    /// The span of a period at a moment, in a zone that is known around it.
    pub fn of(asked: &Asked, zone: &Zone, now_ms: i64) -> Self {
        let (from, to) = asked.dates(zone.local(now_ms).date());
        Self::between(from, to, zone)
    }

    /// The span from one date to another.
    pub(super) fn between(from: Date, to: Date, zone: &Zone) -> Self {
        let from_ms = zone.start_of(from);
        let to_ms = zone.start_of(to.next_day().unwrap_or(to));
        let mut span = Self {
            from,
            to,
            from_ms,
            to_ms,
            parts: Vec::new(),
            labels: Vec::new(),
            by_day: from != to,
        };
        if span.by_day {
            span.add_days(zone)
        } else {
            span.add_hours(zone)
        }
        span
    }

    fn add_hours(&mut self, zone: &Zone) {
        const HOUR: i64 = 4;
        let (mut bucket, end) = (self.from_ms / BUCKET_MS, self.to_ms / BUCKET_MS);
        while bucket < end {
            let to_bucket = (bucket + HOUR).min(end);
            self.add(bucket, to_bucket, clock(zone.local(bucket * BUCKET_MS)));
            bucket = to_bucket;
        }
    }

    fn add_days(&mut self, zone: &Zone) {
        let days_a_slot = if (self.to - self.from).whole_days() < DAYS_BY_DAY { 1 } else { 7 };
        let mut date = self.from;
        let mut day = 0;
        while date <= self.to {
            let Some(next) = date.next_day() else { break };
            let (from, to) = (zone.start_of(date) / BUCKET_MS, zone.start_of(next) / BUCKET_MS);
            if day % days_a_slot == 0 {
                self.add(from, to, short_date(date));
            } else {
                let slot = self.labels.len() as i64 - 1;
                self.parts.push(Part { from_bucket: from, to_bucket: to, slot });
            }
            day += 1;
            date = next;
        }
    }

    fn add(&mut self, from_bucket: i64, to_bucket: i64, label: String) {
        let slot = self.labels.len() as i64;
        self.parts.push(Part { from_bucket, to_bucket, slot });
        self.labels.push(label);
    }

    /// From when to before when its counters count, in epoch milliseconds: what they have counted can
    /// then be read to the last event. It is the period, but for zones by an offset, which spaces of old
    /// may have, and whose days begin with the quarter of an hour before.
    pub fn counted_ms(&self) -> (i64, i64) {
        let from = self.parts.first().map_or(0, |part| part.from_bucket);
        let to = self.parts.last().map_or(0, |part| part.to_bucket);
        (from * BUCKET_MS, to * BUCKET_MS)
    }

    /// The days that are over, which can be closed.
    pub fn past_days(&self, now_ms: i64) -> Vec<Part> {
        let now = now_ms / BUCKET_MS;
        let past = self.parts.iter().filter(|part| self.by_day && part.to_bucket <= now);
        past.copied().collect()
    }

    /// The parameters of an address that lead to the same period.
    pub fn query(&self, asked: &Asked) -> String {
        match asked {
            Asked::Custom { .. } => {
                format!("period=custom&from={}&to={}", iso_date(self.from), iso_date(self.to))
            }
            other => format!("period={}", other.word()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::zone::tests::new_york;
    use super::*;

    /// 2026-11-02 03:30 in New York.
    const NOW_MS: i64 = 1_793_608_200_000;

    fn span(asked: &Asked) -> Span {
        Span::of(asked, &new_york(), NOW_MS)
    }

    #[test]
    fn periods_are_whole_days_of_the_zone() {
        let today = span(&Asked::Today);
        assert_eq!(iso_date(today.from), "2026-11-02");
        assert_eq!((today.labels.len(), today.to_ms - today.from_ms), (24, 24 * 3_600_000));
        let yesterday = span(&Asked::Yesterday);
        assert_eq!(yesterday.labels.len(), 25);
        assert_eq!(
            yesterday.labels.get(..4).unwrap_or_default(),
            ["00:00", "01:00", "01:00", "02:00"]
        );
        assert_eq!(yesterday.to_ms, today.from_ms);
    }

    #[test]
    fn days_follow_each_other_without_gap_or_overlap() {
        for asked in [Asked::Days(7), Asked::Days(30), custom("2026-01-01", "2026-12-31").unwrap()]
        {
            let span = span(&asked);
            assert!(span.parts.windows(2).all(|pair| pair[0].to_bucket == pair[1].from_bucket));
            assert_eq!(
                span.parts.first().map(|part| part.from_bucket * BUCKET_MS),
                Some(span.from_ms)
            );
            assert_eq!(span.parts.last().map(|part| part.to_bucket * BUCKET_MS), Some(span.to_ms));
            assert_eq!(span.parts.last().map(|part| part.slot + 1), Some(span.labels.len() as i64));
        }
        assert_eq!(span(&Asked::Days(30)).labels.len(), 30);
        assert_eq!(span(&custom("2026-01-01", "2026-12-31").unwrap()).labels.len(), 53);
    }

    #[test]
    fn only_days_that_are_over_can_be_closed() {
        assert_eq!(span(&Asked::Days(7)).past_days(NOW_MS).len(), 6);
        assert_eq!(span(&Asked::Yesterday).past_days(NOW_MS), []);
    }

    #[test]
    fn an_address_says_its_period_and_wrong_dates_are_told() {
        for word in ["today", "yesterday", "7d", "30d"] {
            assert_eq!(Asked::parse(word, "", "").0.word(), word);
        }
        assert_eq!(Asked::parse("<script>", "", "").0, Asked::Today);
        let (asked, reason) = Asked::parse("custom", "2026-03-01", "2026-03-31");
        assert_eq!((span(&asked).labels.len(), reason), (31, None));
        assert_eq!(span(&asked).query(&asked), "period=custom&from=2026-03-01&to=2026-03-31");
        for (from, to) in
            [("", "2026-01-01"), ("2026-01-02", "2026-01-01"), ("2025-01-01", "2026-12-31")]
        {
            let (asked, reason) = Asked::parse("custom", from, to);
            assert_eq!((asked, reason.is_some()), (Asked::Today, true), "{from} {to}");
        }
    }

    #[test]
    fn the_zone_is_known_around_every_period() {
        for asked in [Asked::Today, Asked::Days(30), custom("2026-01-01", "2026-01-02").unwrap()] {
            let (from_ms, to_ms) = asked.range_ms(NOW_MS);
            let span = span(&asked);
            assert!(
                from_ms <= span.from_ms - 86_400_000 + 14 * 3_600_000
                    && to_ms >= span.to_ms - 86_400_000
            );
            assert!(to_ms >= NOW_MS);
        }
    }
}
