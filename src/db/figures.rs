//! What figures are read from: counters and closed days, never events. Rows read grow with links and
//! days, and with nothing else.

use constcat::concat;
use worker::D1Database;

use super::row::Row;
use super::{json, number, run_together, text};
use crate::error::Error;
use crate::figures::period::Part;
use crate::figures::{Counted, Group, Line, Sum};

/// Sums by bar and link of a period's parts, JSON in `?2`; a part that is a closed day is read from `days`, the others
/// from their quarters of an hour.
const OF_PARTS: &str = "
WITH
p AS (
  SELECT value ->> 0 AS from_bucket, value ->> 1 AS to_bucket, value ->> 2 AS slot FROM json_each(?2)
),
q AS (
  SELECT p.*, EXISTS (
    SELECT 1 FROM closed_days x
    WHERE x.space_id = ?1 AND x.from_bucket = p.from_bucket AND x.to_bucket = p.to_bucket
  ) AS closed
  FROM p
),
s AS MATERIALIZED (
  SELECT q.slot, c.link_id, c.event, c.currency,
    sum(c.events) AS events, sum(c.people) AS people, sum(c.units) AS units, sum(c.micros) AS micros
  FROM q CROSS JOIN counters c
    ON c.space_id = ?1 AND c.bucket >= q.from_bucket AND c.bucket < q.to_bucket
  WHERE NOT q.closed
  GROUP BY 1, 2, 3, 4
  UNION ALL
  SELECT q.slot, d.link_id, d.event, d.currency, d.events, d.people, d.units, d.micros
  FROM q CROSS JOIN days d ON d.space_id = ?1 AND d.from_bucket = q.from_bucket
  WHERE q.closed
)
";

/// Sums of a period by link and by bar of the chart.
pub(super) const SUMS: &str = concat!(
    OF_PARTS,
    "SELECT 'link' AS part, link_id AS id, event, currency, sum(events) AS events, sum(people) AS people,
  CAST(sum(units) AS TEXT) AS units, CAST(sum(micros) AS TEXT) AS micros
FROM s GROUP BY link_id, event, currency
UNION ALL
SELECT 'slot', slot, event, currency, sum(events), sum(people),
  CAST(sum(units) AS TEXT), CAST(sum(micros) AS TEXT)
FROM s GROUP BY slot, event, currency
"
);

/// The same by bar alone, of the period before.
pub(super) const BARS: &str = concat!(
    OF_PARTS,
    "SELECT 'slot' AS part, slot AS id, event, currency, sum(events) AS events, sum(people) AS people,
  CAST(sum(units) AS TEXT) AS units, CAST(sum(micros) AS TEXT) AS micros
FROM s GROUP BY slot, event, currency
"
);

/// How many events a period has; `?2` and what is read as above.
pub(super) const EVENTS: &str = "
WITH q AS MATERIALIZED (
  SELECT p.value ->> 0 AS from_bucket, p.value ->> 1 AS to_bucket, EXISTS (
    SELECT 1 FROM closed_days x
    WHERE x.space_id = ?1 AND x.from_bucket = p.value ->> 0 AND x.to_bucket = p.value ->> 1
  ) AS closed
  FROM json_each(?2) p
)
SELECT coalesce(sum(s.events), 0) AS events FROM (
  SELECT c.events FROM q CROSS JOIN counters c
    ON c.space_id = ?1 AND c.bucket >= q.from_bucket AND c.bucket < q.to_bucket
  WHERE NOT q.closed AND c.event <> 'click'
  UNION ALL
  SELECT d.events FROM q CROSS JOIN days d ON d.space_id = ?1 AND d.from_bucket = q.from_bucket
  WHERE q.closed AND d.event <> 'click'
) s
";

/// Days of a period that are closed.
pub(super) const CLOSED: &str = "
SELECT from_bucket FROM closed_days WHERE space_id = ?1 AND from_bucket >= ?2 AND from_bucket < ?3
";

/// Sums up days, `?2` as above, that nobody has closed, as long as the space still has the zone that
/// they are days of.
const CLOSE: &str = "
INSERT INTO days (space_id, from_bucket, link_id, event, currency, events, people, units, micros)
SELECT ?1, p.value ->> 0, c.link_id, c.event, c.currency,
  sum(c.events), sum(c.people), sum(c.units), sum(c.micros)
FROM json_each(?2) p CROSS JOIN counters c
  ON c.space_id = ?1 AND c.bucket >= p.value ->> 0 AND c.bucket < p.value ->> 1
WHERE EXISTS (SELECT 1 FROM spaces s WHERE s.id = ?1 AND s.time_zone = ?3)
  AND NOT EXISTS (
    SELECT 1 FROM closed_days x WHERE x.space_id = ?1 AND x.from_bucket = p.value ->> 0
  )
GROUP BY p.value ->> 0, c.link_id, c.event, c.currency
";

const MARK_CLOSED: &str = "
INSERT INTO closed_days (space_id, from_bucket, to_bucket)
SELECT ?1, p.value ->> 0, p.value ->> 1 FROM json_each(?2) p
WHERE EXISTS (SELECT 1 FROM spaces s WHERE s.id = ?1 AND s.time_zone = ?3)
ON CONFLICT (space_id, from_bucket) DO NOTHING
";

/// A line of `SUMS`.
pub(super) fn read_line(row: &Row) -> Option<Line> {
    let id = row.number("id");
    let group = match row.text("part").as_str() {
        "link" => Group::Link(id),
        _ => Group::Slot(usize::try_from(id).ok()?),
    };
    let millionths = i128::from(row.large("units")?) * 1_000_000 + i128::from(row.large("micros")?);
    let (events, people) = (row.number("events"), row.number("people"));
    Some(Line {
        group,
        counted: Counted::parse(&row.text("event"))?,
        currency: row.text("currency"),
        sum: Sum { events, people, micros: millionths },
    })
}

/// Closes days of a space, given in the zone that they are days of.
pub async fn close(
    db: &D1Database,
    space_id: i64,
    time_zone: &str,
    days: &[Part],
) -> Result<(), Error> {
    let values = [number(space_id), json(&days), text(time_zone)];
    run_together(db, &[(CLOSE, &values), (MARK_CLOSED, &values)]).await.map(|_results| ())
}
