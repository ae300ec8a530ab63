//! Storing what came at the same time in one statement, with an outcome for each.

use constcat::concat;
use worker::D1Database;
use worker::wasm_bindgen::JsValue;

use super::event::{ADMITTED, COLUMNS, Name, OLDER_DEDUP, STORE_MANY, plus_restored};
use super::row::Row;
use super::{key, rows_of, text};
use crate::edge;
use crate::error::Error;
use crate::model::database::Database;

/// Which reports of a JSON array have a key that opens a space, and the event that each is in it.
/// What an insert gives back can say nothing of the row that was to be inserted, so this goes before
/// it: one row read for each report, where looking for the events afterwards would read three.
const WHICH: &str = concat!(
    "
WITH
p AS (",
    COLUMNS,
    "
  FROM (SELECT value AS report, key AS at FROM json_each(?1))
),",
    ADMITTED,
    "
SELECT k.at, k.space_id, coalesce(",
    OLDER_DEDUP,
    ", k.dedup) AS dedup FROM k
"
);

/// A report on its way into a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub database: Database,
    /// SHA-256 of the key that was presented.
    pub key_hash: String,
    /// What `event::as_json` made of it.
    pub json: String,
}

/// Which event a report is: its space, and its key there.
type Which = (i64, String);

fn which(row: &Row) -> Which {
    (row.number("space_id"), row.text("dedup"))
}

/// Stores reports as if they came one after the other, in one round trip and one transaction, for as
/// many rows written as one by one. Gives the event that each became, or was already; `None` for each
/// whose key opens no space. Where D1 refuses one of them nothing is stored.
pub async fn store(db: &D1Database, entries: &[Entry]) -> Result<Vec<Option<Name>>, Error> {
    let reports: Vec<_> = entries.iter().map(|entry| entry.json.as_str()).collect();
    let reports = text(&format!("[{}]", reports.join(",")));
    let hashes: Vec<_> = entries.iter().map(|entry| entry.key_hash.as_str()).collect();
    let (one, both) = ([reports.clone()], [reports, plus_restored()]);
    let statements: [(&str, &[JsValue]); 2] = [(WHICH, &one), (STORE_MANY, &both)];
    let results = key::run_together_used(db, &hashes, edge::now_ms(), &statements).await?;
    let mut stored = vec![None; entries.len()];
    let events: Vec<_> =
        rows_of(&results, 1)?.iter().map(|row| (which(row), Name::read(row))).collect();
    for row in rows_of(&results, 0)? {
        let of_row = which(&row);
        let event = events.iter().find(|(which, _)| *which == of_row);
        let place = usize::try_from(row.number("at")).ok().and_then(|at| stored.get_mut(at));
        if let (Some(place), Some((_, name))) = (place, event) {
            *place = Some(name.clone());
        }
    }
    Ok(stored)
}
