//! Removing what is older than the deployment keeps: raw queries, finished deliveries, refused
//! postbacks, and a visitor's address and browser. Events and counters stay.

use worker::D1Database;

use super::{number, rows_of, run_together};
use crate::error::Error;

/// Events and clicks that one step goes through, each by its own key.
const STEP: i64 = 1_000;

const BEGIN: &str = "
INSERT INTO retention (space_id) SELECT id FROM spaces WHERE id = ?1 ON CONFLICT DO NOTHING
";

/// Goes on as far as the events are old. Numbers follow the time of receipt, but for postbacks that
/// waited in the queue, which are older than their neighbours.
const ADVANCE: &str = "
UPDATE retention SET from_seq = seq, from_uid = uid,
  seq = coalesce(
    (
      SELECT min(n.seq) - 1 FROM (
        SELECT e.seq, e.received_at_ms FROM events e
        WHERE e.space_id = ?1 AND e.seq > retention.seq ORDER BY e.seq LIMIT ?3
      ) n WHERE n.received_at_ms >= ?2
    ),
    (
      SELECT max(n.seq) FROM (
        SELECT e.seq FROM events e
        WHERE e.space_id = ?1 AND e.seq > retention.seq ORDER BY e.seq LIMIT ?3
      ) n
    ),
    seq
  ),
  uid = coalesce(
    (
      SELECT max(n.uid) FROM (
        SELECT c.uid FROM clicks c
        WHERE c.space_id = ?1 AND c.uid > retention.uid ORDER BY c.uid LIMIT ?3
      ) n
    ),
    ''
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

/// Clicks have no order in time: all are gone through again and again.
const CLICKS: &str = "
UPDATE clicks SET raw_query = '', ip = NULL, user_agent = NULL
WHERE space_id = ?1 AND clicked_at_ms < ?2 AND (raw_query <> '' OR ip IS NOT NULL OR user_agent IS NOT NULL)
  AND uid > (SELECT from_uid FROM retention WHERE space_id = ?1)
  AND uid <= (SELECT uid FROM retention WHERE space_id = ?1)
";

const HELD: &str = "
DELETE FROM held WHERE space_id = ?1 AND received_at_ms < ?2 AND seq IN (
  SELECT h.seq FROM held h WHERE h.space_id = ?1 ORDER BY h.seq LIMIT ?3
)
";

/// Goes one step further in a space, in one transaction. Says whether there is more to do now.
pub async fn step(db: &D1Database, space_id: i64, before_ms: i64) -> Result<bool, Error> {
    let (space, before, most) = (number(space_id), number(before_ms), number(STEP));
    let of_space = [space.clone()];
    let old = [space.clone(), before.clone()];
    let step = [space, before, most];
    let results = run_together(
        db,
        &[
            (BEGIN, &of_space),
            (ADVANCE, &step),
            (EVENTS, &of_space),
            (DELIVERIES, &of_space),
            (CLICKS, &old),
            (HELD, &step),
        ],
    )
    .await?;
    Ok(rows_of(&results, 1)?.first().is_some_and(|row| row.is("has_more")))
}
