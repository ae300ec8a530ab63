//! Postbacks whose key looked like one of ours and opened nothing, by hour, key and sender. The key itself is
//! nowhere: its hash finds whose it was, and is not kept.

use serde::Serialize;
use worker::D1Database;

use super::row::Row;
use super::{json, number, run};
use crate::doctor::UnknownKeys;
use crate::error::Error;
use crate::model::database::Database;

const HOUR_MS: i64 = 60 * 60 * 1000;

/// How long they are of interest.
const KEPT_MS: i64 = 7 * 24 * HOUR_MS;

/// Rows of an hour for keys that this deployment made, and as many for all others: whoever makes keys up
/// fills the others' alone. A week of full hours is 16,800 rows.
const MOST_OF_HOUR: i64 = 50;

/// The newest rows that a look reads.
const MOST_READ: i64 = 500;

/// Adds a JSON array of [`Tally`]. What is beyond an hour's bound is not counted.
const COUNT: &str = "
INSERT INTO unknown_keys (
  hour, space_id, prefix, address, is_ours, ended_ms, count, first_ms, last_ms
)
SELECT
  p.value ->> 'first_ms' / 3600000, coalesce(k.space_id, m.space_id, 0), p.value ->> 'prefix', p.value ->> 'address',
  p.value ->> 'is_ours', coalesce(k.expires_at_ms, m.expires_at_ms), p.value ->> 'count', p.value ->> 'first_ms',
  p.value ->> 'last_ms'
FROM json_each(?1) p
LEFT JOIN keys k ON k.hash = p.value ->> 'hash'
LEFT JOIN moved_keys m ON m.hash = p.value ->> 'hash'
WHERE (
  SELECT count(*) FROM unknown_keys u
  WHERE u.hour = p.value ->> 'first_ms' / 3600000 AND u.is_ours = p.value ->> 'is_ours'
) < ?2
ON CONFLICT (hour, space_id, prefix, address) DO UPDATE SET
  count = count + excluded.count, last_ms = max(last_ms, excluded.last_ms), ended_ms = excluded.ended_ms
";

/// A space's, and those of nobody knows whose, of the last week. A key that this deployment never made and that
/// came once is somebody who tries keys; a network that has it in its settings comes again.
pub(super) const OF_SPACE: &str = "
SELECT u.prefix, u.address, u.count, u.first_ms, u.last_ms, u.ended_ms, u.is_ours
FROM (SELECT * FROM unknown_keys WHERE hour >= ?2 ORDER BY hour DESC LIMIT ?3) u
WHERE u.space_id = ?1 OR u.space_id = 0 AND (u.is_ours = 1 OR u.count > 1)
";

const REMOVE_OLD: &str = "
DELETE FROM unknown_keys WHERE hour < ?1
";

/// Postbacks that one sender fired with one such key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tally {
    pub hash: String,
    /// The key's beginning, which says little more than which kind it is.
    pub prefix: String,
    pub address: String,
    /// 1 for a key that this deployment made.
    pub is_ours: u8,
    pub count: i64,
    pub first_ms: i64,
    pub last_ms: i64,
    /// The database that its space was made in.
    #[serde(skip)]
    pub database: Database,
}

/// Adds what was counted meanwhile, in one round trip.
pub async fn count(db: &D1Database, tallies: &[&Tally]) -> Result<(), Error> {
    run(db, COUNT, &[json(&tallies), number(MOST_OF_HOUR)]).await.map(|_rows| ())
}

/// Removes what is older than a week.
pub async fn remove_old(db: &D1Database, now_ms: i64) -> Result<(), Error> {
    run(db, REMOVE_OLD, &[number((now_ms - KEPT_MS) / HOUR_MS)]).await.map(|_rows| ())
}

/// The values of `OF_SPACE`.
pub(super) fn of_space(space_id: i64, now_ms: i64) -> [worker::wasm_bindgen::JsValue; 3] {
    [number(space_id), number((now_ms - KEPT_MS) / HOUR_MS), number(MOST_READ)]
}

pub(super) fn read(row: &Row) -> UnknownKeys {
    UnknownKeys {
        prefix: row.text("prefix"),
        address: row.text("address"),
        count: row.number("count"),
        first_ms: row.number("first_ms"),
        last_ms: row.number("last_ms"),
        ended_ms: row.optional_number("ended_ms"),
        is_ours: row.is("is_ours"),
    }
}
