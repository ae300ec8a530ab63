//! The by-link table of the overview: its rows as they are sorted, and the total, which stays below them.

use std::cmp::Ordering;

use super::sort::{self, Column, Head, Sort};
use crate::figures::by_link::{self, COLUMNS};
use crate::figures::{Figures, Totals, money};

/// A sum of money.
pub struct Money {
    pub amount: String,
    pub currency: String,
}

/// A line of the table.
pub struct Row {
    /// 0 for what has no link, and for the total.
    pub link_id: i64,
    pub name: String,
    pub cells: Vec<(&'static str, String)>,
    pub revenue: Vec<Money>,
}

/// The parameter of an address that keeps the sort, with its `&`; empty where there is none.
pub fn parameter(sort: Option<Sort>) -> String {
    sort.map(|sort| format!("&sort={}", sort.word(&columns()))).unwrap_or_default()
}

/// The sort that an address asks for; `None` for the order of the links.
pub fn asked(text: &str) -> Option<Sort> {
    Sort::parse(text, &columns())
}

/// The headings, which lead to the table as it is sorted by them.
pub fn heads(sort: Option<Sort>, query: &str) -> Vec<Head> {
    let mut heads = sort::heads(&columns(), sort, query);
    for head in &mut heads {
        head.href.push_str("#by-link");
    }
    heads
}

/// The rows, and the total.
pub fn rows(
    figures: &Figures,
    links: &[(i64, String)],
    currencies: &[String],
    sort: Option<Sort>,
) -> (Vec<Row>, Row) {
    let mut rows = by_link::rows(figures, links);
    if let Some(sort) = sort {
        rows.sort_by(|a, b| sort.turned(order(sort.by, a, b, currencies)));
    }
    let row = |row: &by_link::Row| Row {
        link_id: row.link_id,
        name: row.name.clone(),
        cells: COLUMNS
            .iter()
            .map(|column| (column.heading, money::count((column.of)(&row.totals))))
            .collect(),
        revenue: revenue(&row.totals, currencies),
    };
    (rows.iter().map(row).collect(), row(&by_link::total(figures)))
}

/// Sums in the order of the currencies; none where there was no deposit.
pub fn revenue(totals: &Totals, currencies: &[String]) -> Vec<Money> {
    let found = currencies.iter().filter_map(|currency| {
        let micros = totals.revenue.get(currency)?;
        Some(Money { amount: money::written(*micros, currency), currency: currency.clone() })
    });
    found.collect()
}

/// The order of two rows.
fn order(by: &str, a: &by_link::Row, b: &by_link::Row, currencies: &[String]) -> Ordering {
    match by {
        "link" => a.name.to_lowercase().cmp(&b.name.to_lowercase()),
        "revenue" => a.totals.sums(currencies).cmp(&b.totals.sums(currencies)),
        name => {
            let column = COLUMNS.iter().find(|column| column.name == name);
            column.map_or(Ordering::Equal, |column| {
                (column.of)(&a.totals).cmp(&(column.of)(&b.totals))
            })
        }
    }
}

fn columns() -> Vec<Column> {
    let counts = COLUMNS.iter().map(|column| Column {
        heading: column.heading,
        name: column.name,
        numeric: true,
    });
    let link = Column { heading: "Link", name: "link", numeric: false };
    let revenue = Column { heading: "Revenue", name: "revenue", numeric: true };
    [link].into_iter().chain(counts).chain([revenue]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::{Counted, Group, Line, Sum};
    use crate::model::event::EventKind;

    fn names(sort: &str) -> Vec<String> {
        let line = |link_id, counted, currency: &str, events, micros| Line {
            group: Group::Link(link_id),
            counted,
            currency: currency.to_owned(),
            sum: Sum { events, people: 0, micros },
        };
        let deposit = Counted::Event(EventKind::Deposit);
        let figures = Figures::of(
            &[
                line(1, Counted::Click, "", 5, 0),
                line(2, Counted::Click, "", 9, 0),
                line(0, Counted::Click, "", 7, 0),
                line(1, deposit, "USD", 2, 30),
                line(2, deposit, "USD", 1, 30),
                line(2, deposit, "BRL", 1, 900),
                line(3, deposit, "USD", 1, 40),
            ],
            0,
        );
        let links = [(1, "beta".to_owned()), (2, "Alpha".to_owned()), (3, "Gamma".to_owned())];
        let (rows, total) = rows(&figures, &links, &figures.currencies(), asked(sort));
        assert_eq!(total.name, "Total");
        rows.into_iter().map(|row| row.name).collect()
    }

    #[test]
    fn rows_go_by_any_column_from_either_end() {
        assert_eq!(names(""), ["beta", "Alpha", "Gamma", "Unattributed"]);
        assert_eq!(names("link"), ["Alpha", "beta", "Gamma", "Unattributed"]);
        assert_eq!(names("clicks"), ["Alpha", "Unattributed", "beta", "Gamma"]);
        assert_eq!(names("-clicks"), ["Gamma", "beta", "Unattributed", "Alpha"]);
        assert_eq!(names("revenue"), ["Gamma", "Alpha", "beta", "Unattributed"]);
    }

    #[test]
    fn an_address_keeps_its_sort() {
        for text in ["link", "-link", "clicks", "-revenue", "first_deposits"] {
            assert_eq!(parameter(asked(text)), format!("&sort={text}"));
        }
        assert_eq!(parameter(asked("\"><script>")), "");
    }
}
