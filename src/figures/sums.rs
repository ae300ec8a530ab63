//! Sums of a period, by link and by bar of the chart. Totals are made of the very rows that the tables
//! show, so that these always add up.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::model::event::EventKind;

/// What a counter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    Click,
    Event(EventKind),
}

impl Counted {
    /// The funnel, from its widest step to its narrowest.
    pub const STEPS: [Self; 5] = [
        Self::Click,
        Self::Event(EventKind::Contact),
        Self::Event(EventKind::Subscribed),
        Self::Event(EventKind::Registration),
        Self::Event(EventKind::Deposit),
    ];

    /// Reads a counter's word.
    pub fn parse(word: &str) -> Option<Self> {
        if word == "click" { Some(Self::Click) } else { EventKind::parse(word).map(Self::Event) }
    }

    fn index(self) -> usize {
        Self::STEPS.iter().position(|step| *step == self).unwrap_or_default()
    }
}

/// One counter or the sum of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    pub events: i64,
    /// Events that were the first of their kind for their person.
    pub people: i64,
    /// Money in millionths, of deposits alone.
    pub micros: i128,
}

/// What a line of the database's answer sums up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// All of a link's; 0 for what has no link.
    Link(i64),
    /// All of a bar's.
    Slot(usize),
}

/// A line of the database's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub group: Group,
    pub counted: Counted,
    pub currency: String,
    pub sum: Sum,
}

/// Every kind of event of one row of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    counts: [Sum; 5],
    /// Revenue in millionths by currency; currencies are never added together.
    pub revenue: BTreeMap<String, i128>,
}

impl Totals {
    /// How often something happened.
    pub fn of(&self, counted: Counted) -> Sum {
        self.counts.get(counted.index()).copied().unwrap_or_default()
    }

    /// Revenue in an order of currencies. It is never added across them: it compares by the first, and where that is
    /// the same by the next.
    pub fn sums(&self, currencies: &[String]) -> Vec<i128> {
        let of = |currency| self.revenue.get(currency).copied().unwrap_or_default();
        currencies.iter().map(of).collect()
    }

    /// Whether nothing is left: a counter stays at zero where its events moved to another link.
    pub fn is_empty(&self) -> bool {
        self.counts.iter().all(|sum| sum.events == 0) && self.revenue.values().all(|sum| *sum == 0)
    }

    pub(super) fn add(&mut self, line: &Line) {
        if let Some(sum) = self.counts.get_mut(line.counted.index()) {
            sum.events += line.sum.events;
            sum.people += line.sum.people;
        }
        let is_deposit = line.counted == Counted::Event(EventKind::Deposit);
        if is_deposit && (line.sum.events != 0 || line.sum.micros != 0) {
            *self.revenue.entry(line.currency.clone()).or_default() += line.sum.micros;
        }
    }
}

/// A period's figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub total: Totals,
    /// By link; 0 for what has none.
    pub links: BTreeMap<i64, Totals>,
    /// By bar of the chart.
    pub slots: Vec<Totals>,
    /// How many deposits came in each currency: what currencies are ordered by.
    pub(super) deposits: BTreeMap<String, i64>,
}

impl Figures {
    /// Gathers the lines of the database's answer.
    pub fn of(lines: &[Line], slots: usize) -> Self {
        let mut figures = Self { slots: vec![Totals::default(); slots], ..Self::default() };
        for line in lines {
            match line.group {
                Group::Link(link_id) => {
                    figures.links.entry(link_id).or_default().add(line);
                    figures.add_to_total(line);
                }
                Group::Slot(slot) => {
                    if let Some(totals) = figures.slots.get_mut(slot) {
                        totals.add(line);
                    }
                }
            }
        }
        figures
    }

    pub(super) fn add_to_total(&mut self, line: &Line) {
        self.total.add(line);
        if line.counted == Counted::Event(EventKind::Deposit) {
            *self.deposits.entry(line.currency.clone()).or_default() += line.sum.events;
        }
    }

    /// Currencies of the period in the one order that every card, chart, table and file has: the one with the most
    /// deposits first, equal ones by code. Amounts say nothing of it: a million dong is less than a hundred dollars.
    pub fn currencies(&self) -> Vec<String> {
        let deposits = |currency: &String| self.deposits.get(currency).copied().unwrap_or_default();
        let mut currencies: Vec<String> = self.total.revenue.keys().cloned().collect();
        // Codes are in their order already, which a stable sort keeps.
        currencies.sort_by_key(|currency| Reverse(deposits(currency)));
        currencies
    }
}

/// The share that did not go on to the next step, in whole percent; negative where the next step has
/// more. `None` after nothing (docs/dashboard.md: 1,540 → 320 is 79).
pub fn drop_percent(previous: i64, next: i64) -> Option<i64> {
    (previous > 0).then(|| rounded(100 * (previous - next), previous))
}

/// A share in tenths of a percent; `None` of nothing.
pub fn share_permille(whole: i64, part: i64) -> Option<i64> {
    (whole > 0).then(|| rounded(1000 * part, whole))
}

/// A quotient rounded to the nearest whole number, halves away from zero.
fn rounded(dividend: i64, divisor: i64) -> i64 {
    let half = if dividend < 0 { -divisor } else { divisor };
    (2 * dividend + half) / (2 * divisor)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPOSIT: Counted = Counted::Event(EventKind::Deposit);

    fn line(group: Group, counted: Counted, currency: &str, events: i64, micros: i128) -> Line {
        let sum = Sum { events, people: events, micros };
        Line { group, counted, currency: currency.to_owned(), sum }
    }

    #[test]
    fn totals_are_the_sum_of_the_links() {
        let figures = Figures::of(
            &[
                line(Group::Link(0), DEPOSIT, "USD", 1, 5),
                line(Group::Link(7), DEPOSIT, "USD", 2, 20),
                line(Group::Link(7), DEPOSIT, "EUR", 3, 30),
                line(Group::Link(7), Counted::Click, "", 9, 0),
                line(Group::Slot(1), DEPOSIT, "USD", 3, 25),
                line(Group::Slot(9), DEPOSIT, "USD", 3, 25),
            ],
            2,
        );
        assert_eq!(figures.total.of(DEPOSIT).events, 6);
        assert_eq!(figures.total.revenue, [("EUR".to_owned(), 30), ("USD".to_owned(), 25)].into());
        assert_eq!(figures.links.get(&7).map(|link| link.of(DEPOSIT).events), Some(5));
        assert_eq!(figures.slots.get(1).map(|slot| slot.of(DEPOSIT).events), Some(3));
        assert_eq!(figures.currencies(), ["EUR", "USD"]);
    }

    #[test]
    fn currencies_go_by_deposits_then_by_code_and_never_by_amount() {
        let figures = Figures::of(
            &[
                line(Group::Link(0), DEPOSIT, "VND", 1, 9_000_000),
                line(Group::Link(0), DEPOSIT, "USD", 2, 100),
                line(Group::Link(7), DEPOSIT, "USD", 2, -900),
                line(Group::Link(7), DEPOSIT, "BRL", 1, 5),
                line(Group::Link(7), DEPOSIT, "EUR", 0, 0),
            ],
            0,
        );
        assert_eq!(figures.currencies(), ["USD", "BRL", "VND"]);
    }

    #[test]
    fn a_counter_that_was_emptied_is_no_row() {
        let figures = Figures::of(&[line(Group::Link(0), DEPOSIT, "USD", 0, 0)], 0);
        assert!(figures.total.is_empty() && figures.total.revenue.is_empty());
    }

    #[test]
    fn drops_and_shares_are_whole_and_never_divide_by_zero() {
        assert_eq!(drop_percent(1540, 320), Some(79));
        assert_eq!(drop_percent(0, 5), None);
        assert_eq!(drop_percent(4, 5), Some(-25));
        assert_eq!(drop_percent(200, 199), Some(1));
        assert_eq!(share_permille(1540, 320), Some(208));
        assert_eq!(share_permille(0, 0), None);
        assert_eq!(share_permille(3, 3), Some(1000));
    }

    #[test]
    fn every_step_has_its_own_place() {
        let words = ["click", "contact", "subscribed", "registration", "deposit"];
        for (place, (step, word)) in Counted::STEPS.into_iter().zip(words).enumerate() {
            assert_eq!((step.index(), Counted::parse(word)), (place, Some(step)));
        }
        assert_eq!(Counted::parse("other"), None);
    }
}
