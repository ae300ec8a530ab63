//! Sending by hand: a delivery again, or an event to a destination that it did not go to.

use constcat::concat;
use worker::D1Database;

use super::attribution::CLICK_OF_EVENT;
use super::delivery::{FACTS, Loaded};
use super::{destination, number, rows_of, run, run_together, text};
use crate::error::Error;

/// Sent again by hand: as many tries as a new one, the record kept.
const RESEND: &str = "
UPDATE deliveries SET state = 'pending', due_at_ms = ?4, lease = NULL, tries = 0
WHERE space_id = ?1 AND destination_id = ?2 AND seq = ?3
  AND state IN ('sent', 'failed_permanently', 'retrying')
  AND (?5 IS NULL OR coalesce(attempts ->> '$[#-1].at_ms', 0) = ?5)
  AND EXISTS (SELECT 1 FROM destinations d WHERE d.space_id = ?1 AND d.id = ?2)
RETURNING seq
";

const RESEND_FAILED: &str = "
UPDATE deliveries SET state = 'pending', due_at_ms = ?3, lease = NULL, tries = 0
WHERE space_id = ?1 AND destination_id = ?2 AND state = 'failed_permanently'
  AND EXISTS (SELECT 1 FROM destinations d WHERE d.space_id = ?1 AND d.id = ?2)
RETURNING seq
";

/// One delivery of a destination that is still there.
const ONE: &str = "
SELECT x.seq FROM deliveries x JOIN destinations d ON d.space_id = x.space_id AND d.id = x.destination_id
WHERE x.space_id = ?1 AND x.destination_id = ?2 AND x.seq = ?3
";

/// An event as a destination would be told of it, whether it was sent there or not.
const TOLD: &str = concat!(
    "
SELECT
  e.space_id, e.seq, d.id AS destination_id, coalesce(x.target, d.events ->> e.event, '') AS target,
  0 AS tries, NULL AS lease, 0 AS due_at_ms, ",
    FACTS,
    ", e.counted, x.state, coalesce(x.attempts ->> '$[#-1].at_ms', 0) AS last_try_ms
FROM events e
JOIN destinations d ON d.space_id = e.space_id AND d.id = ?2
LEFT JOIN deliveries x ON x.space_id = e.space_id AND x.seq = e.seq AND x.destination_id = d.id
LEFT JOIN clicks c ON c.space_id = e.space_id AND c.uid = ",
    CLICK_OF_EVENT,
    "
WHERE e.space_id = ?1 AND e.seq = ?3
"
);

/// One event to one destination: a new delivery, or the finished one once more, whose last try was at ?6. What was
/// recorded since is what a form that is sent twice has done already.
const SEND: &str = "
INSERT INTO deliveries (space_id, seq, destination_id, target, state, due_at_ms)
SELECT e.space_id, e.seq, d.id, ?4, 'pending', ?5
FROM events e JOIN destinations d ON d.space_id = e.space_id AND d.id = ?2
WHERE e.space_id = ?1 AND e.seq = ?3 AND e.counted = 1
  AND NOT EXISTS (SELECT 1 FROM moves m WHERE m.space_id = ?1 AND m.state <> 'arrived')
ON CONFLICT DO UPDATE SET
  target = excluded.target, state = 'pending', due_at_ms = excluded.due_at_ms, lease = NULL, tries = 0
WHERE state IN ('sent', 'failed_permanently') AND coalesce(attempts ->> '$[#-1].at_ms', 0) = ?6
RETURNING seq
";

/// An event as a destination would be told of it.
pub struct Told {
    pub loaded: Loaded,
    /// Whether it is in the figures; what is not is sent nowhere.
    pub counted: bool,
    /// Where its delivery stands, if there is one.
    pub state: Option<String>,
    /// When it was last tried; 0 for never.
    pub last_try_ms: i64,
}

/// Makes a delivery, or without a number all that were given up, due once more. Gives how many; `None`
/// where the space has no such destination, or that no such delivery. `last_try_ms` is when the one was last tried, as
/// far as who asks knows: where it has been tried since, nothing is due.
pub async fn again(
    db: &D1Database,
    space_id: i64,
    destination_id: i64,
    seq: Option<i64>,
    last_try_ms: Option<i64>,
    now_ms: i64,
) -> Result<Option<usize>, Error> {
    let of_space = [number(space_id), number(destination_id)];
    let results = match seq {
        Some(seq) => {
            let one = [&of_space[..], &[number(seq)]].concat();
            let seen = super::optional_number(last_try_ms);
            let again = [&one[..], &[number(now_ms), seen]].concat();
            run_together(db, &[(ONE, &one), (RESEND, &again)]).await?
        }
        None => {
            let again = [&of_space[..], &[number(now_ms)]].concat();
            let statements = [(destination::OF_SPACE, &of_space[..]), (RESEND_FAILED, &again)];
            run_together(db, &statements).await?
        }
    };
    let is_there = !rows_of(&results, 0)?.is_empty();
    let resent = rows_of(&results, 1)?.len();
    Ok(is_there.then_some(resent))
}

/// What a destination would be told of an event; `None` where the space has not both.
pub async fn told(
    db: &D1Database,
    space_id: i64,
    destination_id: i64,
    seq: i64,
) -> Result<Option<Told>, Error> {
    let values = [number(space_id), number(destination_id), number(seq)];
    let rows = run(db, TOLD, &values).await?.rows;
    Ok(rows.first().and_then(|row| {
        Some(Told {
            loaded: Loaded::read(row)?,
            counted: row.is("counted"),
            state: row.optional_text("state"),
            last_try_ms: row.number("last_try_ms"),
        })
    }))
}

/// Makes a delivery of an event to a destination, due at once, under this name; false where it was made already, where
/// it is not finished, or where the event is not counted.
pub async fn send(
    db: &D1Database,
    space_id: i64,
    told: &Told,
    target: &str,
    now_ms: i64,
) -> Result<bool, Error> {
    let values = [
        number(space_id),
        number(told.loaded.destination_id),
        number(told.loaded.seq),
        text(target),
        number(now_ms),
        number(told.last_try_ms),
    ];
    Ok(!run(db, SEND, &values).await?.rows.is_empty())
}
