//! The overview's figures against those of the period before: what became of them in words, and the charts.

use super::chart::{Chart, Earlier, Subject, chart};
use crate::figures::by_link::{self, COLUMNS};
use crate::figures::scale::UNIT;
use crate::figures::{Before, Change, Counted, Figures, Line, Span, Totals, money};
use crate::model::event::EventKind;

/// Currencies that have a chart of their own; further ones stand in the figures and tables alone.
const CHARTS: usize = 3;

/// What else has a chart.
const COUNTS: [(&str, Counted); 3] = [
    ("Clicks", Counted::Click),
    ("Registrations", Counted::Event(EventKind::Registration)),
    ("Deposits", Counted::Event(EventKind::Deposit)),
];

/// A figure with what became of it since the period before.
pub struct Card {
    pub name: &'static str,
    pub value: String,
    pub change: String,
}

/// The period before, as far as it is compared with.
pub struct Against {
    figures: Figures,
    /// `the 7 days before`.
    name: String,
    /// `yesterday by 14:15`.
    compared: String,
}

impl Against {
    /// The days before, with their lines of the database's answer, by the bars of the period's charts.
    pub fn of(before: &Before, lines: &[Line], slots: usize) -> Self {
        Self {
            figures: before.figures(lines, slots),
            name: before.name(),
            compared: before.compared(),
        }
    }

    /// What became of a figure, in words; an amount where a share says nothing.
    fn change(&self, now: i128, before: i128, write: impl Fn(i128) -> String) -> String {
        let against = &self.compared;
        match Change::of(now, before) {
            Change::Percent(percent) => {
                let sign = match percent {
                    0 => "\u{b1}",
                    1.. => "+",
                    _ => "\u{2212}",
                };
                let percent = i64::try_from(percent.unsigned_abs()).unwrap_or(i64::MAX);
                format!("{sign}{}\u{a0}% against {against}", money::count(percent))
            }
            Change::New => format!("new: none {against}"),
            Change::None => format!("none {against} either"),
            Change::OfAmounts => format!("{} {against}", write(before)),
        }
    }

    fn change_of_count(&self, now: i64, before: i64) -> String {
        let write = |count: i128| money::count(i64::try_from(count).unwrap_or(i64::MAX));
        self.change(now.into(), before.into(), write)
    }
}

/// What became of the revenue in a currency; empty where there is nothing to compare with.
pub fn revenue_change(figures: &Figures, against: Option<&Against>, currency: &str) -> String {
    let Some(against) = against else { return String::new() };
    let of = |figures: &Figures| figures.total.revenue.get(currency).copied().unwrap_or_default();
    let write = |micros| money::with_currency(micros, currency);
    against.change(of(figures), of(&against.figures), write)
}

/// Currencies that came in the period before alone.
pub fn gone(figures: &Figures, against: Option<&Against>) -> Vec<String> {
    let Some(against) = against else { return Vec::new() };
    let before = &against.figures;
    let is_gone = |currency: &&String| !figures.total.revenue.contains_key(*currency);
    let currencies = before.currencies();
    let line = |currency: &String| {
        let sum = before.total.revenue.get(currency).copied().unwrap_or_default();
        format!("{currency}: none, {} {}", money::with_currency(sum, currency), against.compared)
    };
    currencies.iter().filter(is_gone).map(line).collect()
}

/// The counts of the by-link table, of all links together.
pub fn cards(totals: &Totals, against: Option<&Against>) -> Vec<Card> {
    let card = |column: &by_link::Column| {
        let now = (column.of)(totals);
        let change =
            |against: &Against| against.change_of_count(now, (column.of)(&against.figures.total));
        Card {
            name: column.heading,
            value: money::count(now),
            change: against.map(change).unwrap_or_default(),
        }
    };
    COLUMNS.iter().map(card).collect()
}

/// Revenue by currency, then what is counted.
pub fn charts(figures: &Figures, against: Option<&Against>, span: &Span) -> Vec<Chart> {
    let revenue = figures.currencies().into_iter().take(CHARTS).map(|currency| {
        let title = format!("Revenue, {currency}");
        let change = revenue_change(figures, against, &currency);
        let of = |slot: &Totals| slot.revenue.get(&currency).copied().unwrap_or_default();
        drawn((&currency, title, Some(&currency), change), figures, against, span, of)
    });
    let counts = COUNTS.into_iter().map(|(title, counted)| {
        let events = |totals: &Totals| totals.of(counted).events;
        let change = |against: &Against| {
            against.change_of_count(events(&figures.total), events(&against.figures.total))
        };
        let change = against.map(change).unwrap_or_default();
        let of = |slot: &Totals| i128::from(events(slot)) * UNIT;
        drawn((title, title.to_owned(), None, change), figures, against, span, of)
    });
    revenue.chain(counts).collect()
}

/// A chart by its id, title, currency and change, of what `of` takes from each bar.
fn drawn(
    (id, title, currency, change): (&str, String, Option<&str>, String),
    figures: &Figures,
    against: Option<&Against>,
    span: &Span,
    of: impl Fn(&Totals) -> i128,
) -> Chart {
    let values = |figures: &Figures| figures.slots.iter().map(&of).collect::<Vec<_>>();
    let earlier = against
        .map(|against| Earlier { name: against.name.clone(), values: values(&against.figures) });
    let unit_of_time = match (span.by_day, span.labels.len() == span.parts.len()) {
        (false, _) => "Hour",
        (true, true) => "Day",
        (true, false) => "Week from",
    };
    let subject = Subject { id, title, currency, change, unit_of_time, labels: &span.labels };
    chart(&subject, &values(figures), earlier.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_says_what_it_is_against_and_never_divides_by_nothing() {
        let against = Against {
            figures: Figures::default(),
            name: "yesterday".to_owned(),
            compared: "yesterday by 14:15".to_owned(),
        };
        for (now, before, expected) in [
            (112, 100, "+12\u{a0}% against yesterday by 14:15"),
            (50, 100, "\u{2212}50\u{a0}% against yesterday by 14:15"),
            (7, 7, "\u{b1}0\u{a0}% against yesterday by 14:15"),
            (20_000, 1, "+1,999,900\u{a0}% against yesterday by 14:15"),
            (3, 0, "new: none yesterday by 14:15"),
            (0, 0, "none yesterday by 14:15 either"),
            (-5, 1_234, "1,234 yesterday by 14:15"),
        ] {
            assert_eq!(against.change_of_count(now, before), expected);
        }
    }
}
