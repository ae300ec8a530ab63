//! Removing what is older than the deployment keeps: raw queries, also those of versions, finished deliveries, refused
//! postbacks, and a visitor's address and browser. Events and counters stay.

use worker::D1Database;

use super::{number, rows_of, run, run_together};
use crate::error::Error;

/// Spaces that have old things, the one with the oldest first: four rows read for each space.
const BEHIND: &str = "
WITH o AS MATERIALIZED (
  SELECT s.id,
    (
      SELECT e.received_at_ms FROM events e
      WHERE e.space_id = s.id AND e.seq > coalesce(r.seq, 0) ORDER BY e.seq LIMIT 1
    ) AS event_ms,
    (
      SELECT h.received_at_ms FROM held h WHERE h.space_id = s.id ORDER BY h.seq LIMIT 1
    ) AS held_ms
  FROM spaces s LEFT JOIN retention r ON r.space_id = s.id
)
SELECT id FROM o WHERE (event_ms < ?1 OR held_ms < ?1)
  AND NOT EXISTS (SELECT 1 FROM moves m WHERE m.space_id = o.id AND m.state <> 'arrived')
ORDER BY min(coalesce(event_ms, ?1), coalesce(held_ms, ?1)) LIMIT ?2
";

const BEGIN: &str = "
INSERT INTO retention (space_id) SELECT id FROM spaces WHERE id = ?1 ON CONFLICT DO NOTHING
";

/// Goes on as far as the events are old. Numbers follow the time of receipt, but for postbacks that
/// waited in the queue, which are older than their neighbours and go with them.
const ADVANCE: &str = "
UPDATE retention SET from_seq = seq, seq = coalesce(
  (
    SELECT e.seq - 1 FROM events e
    WHERE e.space_id = ?1 AND e.seq > retention.seq AND e.seq <= retention.seq + ?3
      AND e.received_at_ms >= ?2
    ORDER BY e.seq LIMIT 1
  ),
  min(retention.seq + ?3, (SELECT max(e.seq) FROM events e WHERE e.space_id = ?1)),
  seq
)
WHERE space_id = ?1
RETURNING seq - from_seq >= ?3 AS has_more
";

const EVENTS: &str = "
UPDATE events SET raw = ''
WHERE space_id = ?1 AND raw <> ''
  AND seq > (SELECT from_seq FROM retention WHERE space_id = ?1)
  AND seq <= (SELECT seq FROM retention WHERE space_id = ?1)
";

const DELIVERIES: &str = "
DELETE FROM deliveries
WHERE space_id = ?1 AND state IN ('sent', 'failed_permanently')
  AND seq > (SELECT from_seq FROM retention WHERE space_id = ?1)
  AND seq <= (SELECT seq FROM retention WHERE space_id = ?1)
";

/// Their numbers follow the time of receipt as events' do; what is left begins with the oldest.
const REFUSED: &str = "
DELETE FROM held
WHERE space_id = ?1 AND received_at_ms < ?2
  AND seq < (SELECT min(h.seq) FROM held h WHERE h.space_id = ?1) + ?3
";

const MORE_REFUSED: &str = "
SELECT (
  SELECT h.received_at_ms < ?2 FROM held h WHERE h.space_id = ?1 ORDER BY h.seq LIMIT 1
) AS has_more
";

/// Clicks of all spaces, the oldest first: the index has those alone that still say something of
/// their visitor.
const CLICKS: &str = "
UPDATE clicks SET raw_query = '', ip = NULL, user_agent = NULL
WHERE (space_id, uid) IN (
  SELECT c.space_id, c.uid FROM clicks c INDEXED BY clicks_personal
  WHERE c.clicked_at_ms < ?1
    AND (c.raw_query <> '' OR c.ip IS NOT NULL OR c.user_agent IS NOT NULL)
  ORDER BY c.clicked_at_ms LIMIT ?2
)
";

/// Versions of all spaces likewise: one may be much younger than its event, which is long past here.
const VERSIONS: &str = "
UPDATE versions SET raw = ''
WHERE (space_id, seq, what) IN (
  SELECT v.space_id, v.seq, v.what FROM versions v INDEXED BY versions_kept
  WHERE v.received_at_ms < ?1 AND v.raw <> ''
  ORDER BY v.received_at_ms LIMIT ?2
)
";

const CHANGED: &str = "
SELECT changes() AS changed
";

/// Where a step has left more to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct More {
    /// In its space.
    pub in_space: bool,
    /// Among the clicks and the versions of all spaces.
    pub clicks: bool,
}

/// Spaces with something from before a time, at most so many; the one that is furthest behind first.
pub async fn behind(db: &D1Database, before_ms: i64, most: i64) -> Result<Vec<i64>, Error> {
    let rows = run(db, BEHIND, &[number(before_ms), number(most)]).await?.rows;
    Ok(rows.iter().map(|row| row.number("id")).collect())
}

/// Goes one step further among the clicks of all spaces, and in one space, in one transaction: at most
/// so many of each kind.
pub async fn step(
    db: &D1Database,
    space_id: Option<i64>,
    before_ms: i64,
    most: i64,
) -> Result<More, Error> {
    let most_clicks = most;
    let (before, most) = (number(before_ms), number(most));
    let clicks = [before.clone(), most.clone()];
    let space = number(space_id.unwrap_or_default());
    let (of_space, old) = ([space.clone()], [space.clone(), before.clone()]);
    let step = [space, before, most];
    let mut statements =
        vec![(CLICKS, &clicks[..]), (CHANGED, &[]), (VERSIONS, &clicks), (CHANGED, &[])];
    if space_id.is_some() {
        statements.extend([
            (BEGIN, &of_space[..]),
            (ADVANCE, &step),
            (EVENTS, &of_space),
            (DELIVERIES, &of_space),
            (REFUSED, &step),
            (MORE_REFUSED, &old),
        ]);
    }
    let results = run_together(db, &statements).await?;
    let has_more = |at| -> Result<bool, Error> {
        Ok(rows_of(&results, at)?.first().is_some_and(|row| row.is("has_more")))
    };
    let changed = |at| -> Result<i64, Error> {
        Ok(rows_of(&results, at)?.first().map_or(0, |row| row.number("changed")))
    };
    let clicks = changed(1)?.max(changed(3)?) >= most_clicks;
    Ok(More { in_space: has_more(5)? || has_more(9)?, clicks })
}
