//! The period before the one that is looked at: as many days, as far as those of now have come.

use time::Duration;

use super::period::{BUCKET_MS, Part, Span};
use super::sums::{Figures, Group, Line, Totals};
use super::zone::{Zone, clock, iso_date};

/// The days before a period, cut where now is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Before {
    pub span: Span,
    /// What its figures are read by; the slot of a part is its place in `bars`.
    pub parts: Vec<Part>,
    bars: Vec<Bar>,
    cut: Option<Cut>,
}

/// What a part adds to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bar {
    /// The bar of the period's own chart that it stands beside.
    slot: usize,
    /// Whether it is before the cut, and so in what is compared.
    is_compared: bool,
}

/// How far the period has come, seen from the days before it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cut {
    bucket: i64,
    /// `2026-11-18`.
    date: String,
    /// `14:15`.
    clock: String,
}

impl Before {
    /// The days before a period; `None` where it has not begun, or there is no calendar for them. The zone must be
    /// known around them.
    pub fn of(span: &Span, zone: &Zone, now_ms: i64) -> Option<Self> {
        let days = Duration::days((span.to - span.from).whole_days() + 1);
        let (from, to) = (span.from.checked_sub(days)?, span.to.checked_sub(days)?);
        if now_ms < span.from_ms {
            return None;
        }
        let cut = (now_ms < span.to_ms).then(|| cut(span, days, zone, now_ms));
        let earlier = Span::between(from, to, zone);
        let mut before = Self { span: earlier, parts: Vec::new(), bars: Vec::new(), cut };
        for part in before.span.parts.clone() {
            before.add(part, slot_of(part, &before.span, span));
        }
        Some(before)
    }

    /// Adds a part, in two where the cut goes through it. The running quarter of an hour is compared with a whole one.
    fn add(&mut self, part: Part, slot: usize) {
        let cut = self.cut.as_ref().map_or(part.to_bucket, |cut| cut.bucket);
        let cut = cut.clamp(part.from_bucket, part.to_bucket);
        for (from_bucket, to_bucket, is_compared) in
            [(part.from_bucket, cut, true), (cut, part.to_bucket, false)]
        {
            if from_bucket == to_bucket {
                continue;
            }
            let bar = Bar { slot, is_compared };
            if self.bars.last() != Some(&bar) {
                self.bars.push(bar);
            }
            let slot = self.bars.len() as i64 - 1;
            self.parts.push(Part { from_bucket, to_bucket, slot });
        }
    }

    /// Its figures from the database's answer, by the bars of the period's chart. The totals end at the cut; the bars do
    /// not.
    pub fn figures(&self, lines: &[Line], slots: usize) -> Figures {
        let mut figures = Figures { slots: vec![Totals::default(); slots], ..Figures::default() };
        for line in lines {
            let Group::Slot(at) = line.group else { continue };
            let Some(bar) = self.bars.get(at) else { continue };
            if let Some(totals) = figures.slots.get_mut(bar.slot) {
                totals.add(line);
            }
            if bar.is_compared {
                figures.add_to_total(line);
            }
        }
        figures
    }

    /// What the period is compared with, as in `the 7 days before`.
    pub fn compared(&self) -> String {
        match (self.days(), &self.cut) {
            (1, Some(cut)) => format!("yesterday by {}", cut.clock),
            _ => self.name(),
        }
    }

    /// What the days are, as in `the 7 days before`.
    pub fn name(&self) -> String {
        match (self.days(), &self.cut) {
            (1, Some(_)) => "yesterday".to_owned(),
            (1, None) => "the day before".to_owned(),
            (days, _) => format!("the {days} days before"),
        }
    }

    /// Which days these are, and what is left out of the comparison.
    pub fn explained(&self) -> String {
        let (from, to, name) = (iso_date(self.span.from), iso_date(self.span.to), self.name());
        match (&self.cut, from == to) {
            (Some(cut), true) => {
                format!("{name}, {from}. Changes leave out what came after {}", cut.clock)
            }
            (None, true) => format!("{name}, {from}"),
            (Some(cut), false) => format!(
                "{name}, {from} to {to}. Changes leave out what came after {} on {}",
                cut.clock, cut.date
            ),
            (None, false) => format!("{name}, {from} to {to}"),
        }
    }

    fn days(&self) -> i64 {
        (self.span.to - self.span.from).whole_days() + 1
    }
}

fn cut(span: &Span, days: Duration, zone: &Zone, now_ms: i64) -> Cut {
    let now = zone.local(now_ms);
    let date = now
        .date()
        .saturating_sub(days)
        .clamp(span.from.saturating_sub(days), span.to.saturating_sub(days));
    let bucket = zone.first_at(date, now.time()) / BUCKET_MS + 1;
    let end = zone.local(bucket * BUCKET_MS);
    let clock = if end.date() == date { clock(end) } else { "24:00".to_owned() };
    Cut { bucket, date: iso_date(date), clock }
}

/// The bar that a part stands beside. Hours go by the clock: where it was changed, one of the two days has an hour more,
/// which adds to the one before it.
fn slot_of(part: Part, earlier: &Span, span: &Span) -> usize {
    let at = usize::try_from(part.slot).unwrap_or_default();
    if earlier.labels.len() == span.labels.len() {
        return at;
    }
    let label = earlier.labels.get(at);
    span.labels.iter().rposition(|other| Some(other) <= label).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::period::Asked;
    use super::super::zone::tests::new_york;
    use super::super::{Counted, Sum};
    use super::*;

    const HOUR_MS: i64 = 3_600_000;
    /// 2026-11-02 03:30 in New York, the day after the clocks went back.
    const NOW_MS: i64 = 1_793_608_200_000;

    fn before(asked: &Asked, now_ms: i64) -> (Span, Option<Before>) {
        let span = Span::of(asked, &new_york(), now_ms);
        let before = Before::of(&span, &new_york(), now_ms);
        (span, before)
    }

    fn of(asked: &Asked) -> (Span, Before) {
        let (span, before) = before(asked, NOW_MS);
        (span, before.unwrap())
    }

    /// A click in every quarter of an hour.
    fn clicks(before: &Before, slots: usize) -> Figures {
        let line = |part: &Part| Line {
            group: Group::Slot(part.slot as usize),
            counted: Counted::Click,
            currency: String::new(),
            sum: Sum { events: part.to_bucket - part.from_bucket, people: 0, micros: 0 },
        };
        before.figures(&before.parts.iter().map(line).collect::<Vec<_>>(), slots)
    }

    fn events(totals: &Totals) -> i64 {
        totals.of(Counted::Click).events
    }

    #[test]
    fn today_is_compared_with_yesterday_as_far_as_the_clock_has_come() {
        let (span, before) = of(&Asked::Today);
        assert_eq!(before.compared(), "yesterday by 03:45");
        assert_eq!(before.name(), "yesterday");
        let figures = clicks(&before, span.labels.len());
        // Yesterday had 01:00 twice: four hours and three quarters by the clock, and an hour more.
        assert_eq!(events(&figures.total), 4 + 4 + 4 + 4 + 3);
        let hours: Vec<_> = figures.slots.iter().take(4).map(events).collect();
        assert_eq!(hours, [4, 8, 4, 4]);
        assert_eq!(figures.slots.iter().map(events).sum::<i64>(), 25 * 4);
    }

    #[test]
    fn a_period_that_is_over_is_compared_with_as_many_days_before_it() {
        let (span, before) = of(&Asked::Yesterday);
        assert_eq!(
            (before.compared().as_str(), iso_date(before.span.from).as_str()),
            ("the day before", "2026-10-31")
        );
        let figures = clicks(&before, span.labels.len());
        assert_eq!((events(&figures.total), figures.slots.len()), (96, 25));
        let (asked, _) = Asked::parse("custom", "2026-03-01", "2026-03-10");
        let (span, before) = of(&asked);
        assert_eq!(before.explained(), "the 10 days before, 2026-02-19 to 2026-02-28");
        assert_eq!(before.span.to_ms, span.from_ms);
        assert_eq!(before.parts, before.span.parts);
    }

    #[test]
    fn days_that_are_running_are_cut_where_they_run() {
        let (span, before) = of(&Asked::Days(7));
        assert_eq!(before.compared(), "the 7 days before");
        let explained = "the 7 days before, 2026-10-20 to 2026-10-26. \
                         Changes leave out what came after 03:45 on 2026-10-26";
        assert_eq!(before.explained(), explained);
        // Of the eight parts six are whole days, which may be closed.
        assert_eq!(before.parts.len(), 8);
        assert_eq!(before.parts.get(..6), before.span.parts.get(..6));
        let figures = clicks(&before, span.labels.len());
        assert_eq!(events(&figures.total), 6 * 96 + 15);
        assert_eq!(figures.slots.iter().map(events).collect::<Vec<_>>(), [96; 7]);
    }

    #[test]
    fn the_last_quarter_of_a_day_ends_with_it() {
        let (_, before) = before(&Asked::Today, NOW_MS + 20 * HOUR_MS + 29 * 60_000);
        assert_eq!(before.unwrap().compared(), "yesterday by 24:00");
    }

    #[test]
    fn what_has_not_begun_is_not_compared() {
        let (asked, _) = Asked::parse("custom", "2026-11-03", "2026-11-04");
        assert_eq!(before(&asked, NOW_MS).1, None);
    }
}
