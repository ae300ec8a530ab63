//! Tables that sort: every heading leads to the same page sorted by its column, and the address says how it is sorted,
//! so that it can be sent to a colleague (docs/dashboard.md, Tables).

use std::cmp::Ordering;

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    pub heading: &'static str,
    /// Its name in the address; empty where it does not sort.
    pub name: &'static str,
    /// Whether it holds numbers: they stand to the right, and the greatest comes first.
    pub numeric: bool,
}

/// What a table is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    pub by: &'static str,
    pub descending: bool,
}

/// The heading of a column, for `heads.html`.
pub struct Head {
    pub heading: &'static str,
    /// Where it leads; empty where it does not sort.
    pub href: String,
    pub numeric: bool,
    /// The value of `aria-sort`; empty for every column but one.
    pub sorted: &'static str,
}

impl Sort {
    /// Reads the parameter `sort` of an address: a column's name, with `-` before it for the other end first. `None`
    /// for anything else, which leaves the table in its own order.
    pub fn parse(text: &str, columns: &[Column]) -> Option<Self> {
        let (name, turned) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
        let column = columns.iter().find(|column| !name.is_empty() && column.name == name)?;
        Some(Self { by: column.name, descending: column.numeric != turned })
    }

    /// The word for it in an address, as `parse` reads it.
    pub fn word(self, columns: &[Column]) -> String {
        let own = columns.iter().find(|column| column.name == self.by);
        let is_first_way = own.is_some_and(|column| column.numeric == self.descending);
        format!("{}{}", if is_first_way { "" } else { "-" }, self.by)
    }

    /// An order of values as this sort has it.
    pub fn turned(self, order: Ordering) -> Ordering {
        if self.descending { order.reverse() } else { order }
    }
}

/// The headings of a table on the page whose other parameters are `query`, as in `period=7d`.
pub fn heads(columns: &[Column], sort: Option<Sort>, query: &str) -> Vec<Head> {
    let joint = if query.is_empty() { "" } else { "&" };
    let head = |column: &Column| {
        let own = sort.filter(|sort| !column.name.is_empty() && sort.by == column.name);
        let descending = own.map_or(column.numeric, |sort| !sort.descending);
        let next = Sort { by: column.name, descending };
        Head {
            heading: column.heading,
            href: match column.name {
                "" => String::new(),
                _ => format!("?{query}{joint}sort={}", next.word(columns)),
            },
            numeric: column.numeric,
            sorted: match own.map(|sort| sort.descending) {
                None => "",
                Some(true) => "descending",
                Some(false) => "ascending",
            },
        }
    };
    columns.iter().map(head).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 3] = [
        Column { heading: "Link", name: "link", numeric: false },
        Column { heading: "Address", name: "", numeric: false },
        Column { heading: "Clicks", name: "clicks", numeric: true },
    ];

    #[test]
    fn an_address_says_how_a_table_is_sorted() {
        let read = |text| Sort::parse(text, &COLUMNS).map(|sort| (sort.by, sort.descending));
        assert_eq!(read("link"), Some(("link", false)));
        assert_eq!(read("-link"), Some(("link", true)));
        assert_eq!(read("clicks"), Some(("clicks", true)));
        assert_eq!(read("-clicks"), Some(("clicks", false)));
        for other in ["", "-", "address", "clicks desc", "--link"] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn a_heading_leads_to_its_order_and_then_to_the_other_end() {
        let of = |text| heads(&COLUMNS, Sort::parse(text, &COLUMNS), "period=7d");
        let hrefs = |text| of(text).into_iter().map(|head| head.href).collect::<Vec<_>>();
        assert_eq!(hrefs(""), ["?period=7d&sort=link", "", "?period=7d&sort=clicks"]);
        assert_eq!(hrefs("clicks").last().map(String::as_str), Some("?period=7d&sort=-clicks"));
        assert_eq!(hrefs("-clicks").last().map(String::as_str), Some("?period=7d&sort=clicks"));
        let sorted: Vec<_> = of("clicks").iter().map(|head| head.sorted).collect();
        assert_eq!(sorted, ["", "", "descending"]);
    }
}
