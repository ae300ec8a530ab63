//! A space's keys by their numbers and names.

use super::row::Row;

/// Which key an event came with; no row for one that was entered by hand, or came before that was kept.
pub(super) const OF_EVENT: &str = "
SELECT w.n, w.name FROM events e JOIN key_names w ON w.space_id = e.space_id AND w.n = e.by_key
WHERE e.space_id = ?1 AND e.seq = ?2
";

/// A key as what came with it names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyName {
    pub n: i64,
    pub name: String,
}

impl KeyName {
    pub(super) fn read(row: &Row) -> Option<Self> {
        Some(Self { n: row.optional_number("n")?, name: row.text("name") })
    }
}
