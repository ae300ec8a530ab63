//! Events as files have them: a period's, a piece at a time. There is no index by time, so that they are looked for
//! among the numbers that were received in it.

use constcat::concat;
use worker::D1Database;

use super::feed::{EVENT_COLUMNS, Item};
use super::{figures, json, link, number, rows_of, run, run_together};
use crate::error::Error;
use crate::figures::Span;

/// A piece of a file, oldest first: the period's events among a stretch of numbers. There is no index
/// by time, which would be one row written more for every event: every number of the stretch is read, up
/// to the last event that was asked for.
const EXPORT: &str = concat!(
    EVENT_COLUMNS,
    "
FROM events e
WHERE e.space_id = ?1 AND e.seq > ?2 AND e.seq <= ?3 AND e.occurred_at_ms >= ?4 AND e.occurred_at_ms < ?5
  AND e.counted = 1
ORDER BY e.seq LIMIT ?6"
);

/// For each time in a JSON array the number of the last event that was received before it, found by
/// halving, a row read for each, from more events than a database holds. Postbacks that waited in a
/// queue are older than their neighbours, so that near one of them the number is but about right.
const RECEIVED_BEFORE: &str = "
WITH RECURSIVE h(at, ms, seq, step) AS (
  SELECT key, value, 0, 1 << 31 FROM json_each(?2)
  UNION ALL
  SELECT
    at, ms,
    seq + iif((
      SELECT e.received_at_ms FROM events e
      WHERE e.space_id = ?1 AND e.seq >= h.seq + h.step ORDER BY e.seq LIMIT 1
    ) < ms, step, 0),
    step / 2
  FROM h WHERE step > 0
)
SELECT seq FROM h WHERE step = 0 ORDER BY at
";

const LAST: &str = "
SELECT coalesce(max(seq), 0) AS seq FROM events WHERE space_id = ?1
";

/// Where a period's events are, at one moment.
pub struct Place {
    /// Links by id.
    pub links: Vec<(i64, String)>,
    /// How many events it has.
    pub events: i64,
    /// The numbers of the last events received before two times.
    pub received_before: [i64; 2],
    /// The newest event's number; 0 where there is none.
    pub newest: i64,
}

/// Finds a period's events in one round trip: `received_ms` are two times of receipt, between which
/// most of them should have come.
pub async fn place(
    db: &D1Database,
    space_id: i64,
    span: &Span,
    received_ms: [i64; 2],
) -> Result<Place, Error> {
    let of_space = [number(space_id)];
    let period = [number(space_id), json(&span.parts)];
    let received = [number(space_id), json(&received_ms)];
    let results = run_together(
        db,
        &[
            (link::NAMES, &of_space),
            (figures::EVENTS, &period),
            (RECEIVED_BEFORE, &received),
            (LAST, &of_space),
        ],
    )
    .await?;
    let numbers = |at, column| -> Result<Vec<i64>, Error> {
        Ok(rows_of(&results, at)?.iter().map(|row| row.number(column)).collect())
    };
    let first = |numbers: Vec<i64>| numbers.into_iter().next().unwrap_or_default();
    let before = numbers(2, "seq")?;
    Ok(Place {
        links: link::read_names(&rows_of(&results, 0)?),
        events: first(numbers(1, "events")?),
        received_before: <[i64; 2]>::try_from(before).unwrap_or_default(),
        newest: first(numbers(3, "seq")?),
    })
}

/// Events of a period, from one time to before another, among the numbers behind one and up to
/// another; oldest first, at most so many.
pub async fn piece(
    db: &D1Database,
    space_id: i64,
    (after, last): (i64, i64),
    (from_ms, to_ms): (i64, i64),
    most: i64,
) -> Result<Vec<Item>, Error> {
    let values = [space_id, after, last, from_ms, to_ms, most].map(number);
    Ok(run(db, EXPORT, &values).await?.rows.iter().map(Item::read).collect())
}
