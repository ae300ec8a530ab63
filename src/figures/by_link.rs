//! The by-link table: its columns and its rows. The screen and the file are made of the same list.

use super::{Counted, Figures, Totals};
use crate::model::event::EventKind;

/// A column of counts. Revenue stands behind them: on the screen in one column, in the file in one for
/// each currency.
pub struct Column {
    /// On the screen.
    pub heading: &'static str,
    /// In the file.
    pub name: &'static str,
    pub of: fn(&Totals) -> i64,
}

/// In the order of the file, which spreadsheets rely on: add at the end.
pub const COLUMNS: [Column; 6] = [
    Column { heading: "Clicks", name: "clicks", of: |row| row.of(Counted::Click).events },
    Column { heading: "Contacts", name: "contacts", of: |row| events(row, EventKind::Contact) },
    Column {
        heading: "Subscribed",
        name: "subscribed",
        of: |row| events(row, EventKind::Subscribed),
    },
    Column {
        heading: "Registrations",
        name: "registrations",
        of: |row| events(row, EventKind::Registration),
    },
    Column { heading: "Deposits", name: "deposits", of: |row| events(row, EventKind::Deposit) },
    Column {
        heading: "First deposits",
        name: "first_deposits",
        of: |row| row.of(Counted::Event(EventKind::Deposit)).people,
    },
];

fn events(row: &Totals, event: EventKind) -> i64 {
    row.of(Counted::Event(event)).events
}

/// A row of the table.
pub struct Row {
    /// 0 for what has no link, and for the total.
    pub link_id: i64,
    pub name: String,
    pub totals: Totals,
}

/// A row for every link that is there or has figures, and one for what has no link. They add up to
/// the totals, which are made of them.
pub fn rows(figures: &Figures, links: &[(i64, String)]) -> Vec<Row> {
    let row = |link_id: i64, name: String| Row {
        link_id,
        name,
        totals: figures.links.get(&link_id).cloned().unwrap_or_default(),
    };
    let mut rows: Vec<Row> = links.iter().map(|(id, name)| row(*id, name.clone())).collect();
    let is_known = |id: &i64| *id == 0 || links.iter().any(|(link_id, _)| link_id == id);
    let gone = figures.links.iter().filter(|(id, totals)| !is_known(id) && !totals.is_empty());
    rows.extend(gone.map(|(id, _)| row(*id, format!("Link {id}"))));
    rows.push(row(0, "Unattributed".to_owned()));
    rows
}

/// The row below them.
pub fn total(figures: &Figures) -> Row {
    Row { link_id: 0, name: "Total".to_owned(), totals: figures.total.clone() }
}

#[cfg(test)]
mod tests {
    use super::super::{Group, Line, Sum};
    use super::*;

    #[test]
    fn rows_are_the_links_then_what_has_none_and_add_up_to_the_total() {
        let line = |link_id, events| Line {
            group: Group::Link(link_id),
            counted: Counted::Click,
            currency: String::new(),
            sum: Sum { events, people: 0, micros: 0 },
        };
        let figures = Figures::of(&[line(7, 3), line(9, 1), line(8, 0), line(0, 2)], 0);
        let clicks = COLUMNS.iter().find(|column| column.name == "clicks").unwrap().of;
        let links = [(4, "Four".to_owned()), (7, "Seven".to_owned())];
        let rows = rows(&figures, &links);
        let shown: Vec<_> =
            rows.iter().map(|row| (row.link_id, row.name.as_str(), clicks(&row.totals))).collect();
        let expected = [(4, "Four", 0), (7, "Seven", 3), (9, "Link 9", 1), (0, "Unattributed", 2)];
        assert_eq!(shown, expected);
        assert_eq!(clicks(&total(&figures).totals), 6);
    }
}
