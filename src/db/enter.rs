//! Storing an event that no key brings: its space is known. For what is entered by hand, done again, or counted
//! beside another.

use constcat::concat;
use serde::Serialize;
use worker::D1Database;
use worker::wasm_bindgen::JsValue;

use super::event::{
    COLUMNS, Columns, INTO_EVENTS, NAMED, Name, OR_AGAIN, STORED, Stored, TRACED, plus_restored,
};
use super::{json, number, rows_of, run, run_together, text};
use crate::error::Error;
use crate::model::event::Report;

/// The statement of db/event.rs, but for where the space comes from: `?3`. No row comes back for one that is
/// not there, or that is being moved.
pub(super) const ENTER: &str = concat!(
    INTO_EVENTS,
    "
WITH
p AS (",
    COLUMNS,
    "
  FROM (SELECT ?1 AS report, 0 AS at)
),
k AS (
  SELECT p.*, s.id AS space_id, NULL AS by_key FROM p JOIN spaces s ON s.id = ?3
  WHERE NOT EXISTS (SELECT 1 FROM moves m WHERE m.space_id = s.id AND m.state IN ('leaving', 'left'))
),",
    TRACED,
    ",
n AS (SELECT u.*, 1 AS nth, 1 AS leads FROM u)",
    STORED,
    OR_AGAIN,
    NAMED
);

const KNOWN: &str = "
SELECT seq, receipt FROM events WHERE space_id = ?1 AND dedup = ?2
";

/// A report for a space, with what an arrival would say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub report: Report,
    /// What is kept as its raw query.
    pub raw: String,
    pub received_at_ms: i64,
    /// An id of this entry alone. Entered again under it, it is the same event and no re-fire.
    pub receipt: String,
    /// The key under which it is stored exactly once in its space, where that is not the report's own.
    pub dedup: Option<String>,
}

#[derive(Serialize)]
struct Arrived<'a> {
    received_at_ms: i64,
    receipt: &'a str,
}

impl Entry {
    /// The values of ENTER.
    pub(super) fn values(&self, space_id: i64) -> [JsValue; 3] {
        let Self { report, raw, received_at_ms, receipt, dedup } = self;
        let arrived = Arrived { received_at_ms: *received_at_ms, receipt };
        let mut columns = Columns::of(&arrived, report, raw);
        if let Some(dedup) = dedup {
            columns.dedup.clone_from(dedup);
        }
        [json(&columns), plus_restored(), number(space_id)]
    }
}

/// The event that has a key already, with its receipt.
pub async fn known(
    db: &D1Database,
    space_id: i64,
    dedup: &str,
) -> Result<Option<(i64, String)>, Error> {
    let rows = run(db, KNOWN, &[number(space_id), text(dedup)]).await?.rows;
    Ok(rows.first().map(|row| (row.number("seq"), row.text("receipt"))))
}

/// Stores reports in their order, all or none of them, in one round trip. Each is stored, counted and sent on
/// exactly once, as one that a key brings. `None` for each where the space is not there, or is being moved.
pub async fn store(
    db: &D1Database,
    space_id: i64,
    entries: &[Entry],
) -> Result<Vec<Option<Stored>>, Error> {
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    let values: Vec<_> = entries.iter().map(|entry| entry.values(space_id)).collect();
    let statements: Vec<_> = values.iter().map(|values| (ENTER, &values[..])).collect();
    let results = run_together(db, &statements).await?;
    let read = |(at, entry): (usize, &Entry)| {
        let name = rows_of(&results, at)?.first().map(Name::read);
        Ok(name.map(|name| Stored::of(name, &entry.receipt)))
    };
    entries.iter().enumerate().map(read).collect()
}
