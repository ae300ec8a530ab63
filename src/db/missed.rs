//! What came while a destination was paused: how much of it there is, sending it on after all, leaving it. Its
//! triggers (destinations_pause, destinations_resume) say from which event to which.

use worker::D1Database;

use super::row::Row;
use super::{number, rows_of, run, run_together};
use crate::error::Error;

/// Events that a page looks through for those that were missed: each is a row read, and one more for its delivery,
/// so that a paused destination costs a page 4,000 rows at most, about 2 ms of the database's one thread.
pub const LOOKED_THROUGH: i64 = 2_000;

/// Events of a piece. Each of them writes two rows at most, about 100 ms of the database's one thread in all.
const PIECE: i64 = 5_000;

/// Pieces of one answer, 10,000 events: six statements of the ten calls that an answer may make before what it leaves
/// behind counts its own. Sending them writes up to 40,000 rows, of 100,000 a day on the free plan. What is left is
/// offered again.
const PIECES: u32 = 2;

/// The space's destinations, or the one of an id, that something may have been missed by.
pub(super) const LIST: &str = "
SELECT d.id, d.missed_from, d.missed_to,
  coalesce(d.missed_to, (SELECT max(m.seq) FROM events m WHERE m.space_id = d.space_id), 0) > d.missed_from + ?3
    AS has_more,
  (
    SELECT count(*) FROM events e
    WHERE e.space_id = d.space_id AND e.seq > d.missed_from
      AND e.seq <= min(coalesce(d.missed_to, d.missed_from + ?3), d.missed_from + ?3)
      AND e.counted = 1 AND d.events ->> e.event IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM deliveries x
        WHERE x.space_id = e.space_id AND x.seq = e.seq AND x.destination_id = d.id
      )
  ) AS events
FROM destinations d
WHERE d.space_id = ?1 AND (?2 IS NULL OR d.id = ?2) AND d.missed_from IS NOT NULL
";

const SEND: &str = "
INSERT INTO deliveries (space_id, seq, destination_id, target, state, due_at_ms)
SELECT e.space_id, e.seq, d.id, d.events ->> e.event, 'pending', ?5
FROM destinations d
CROSS JOIN events e ON e.space_id = d.space_id AND e.seq > d.missed_from
  AND e.seq <= min(d.missed_to, d.missed_from + ?4)
WHERE d.space_id = ?1 AND d.id = ?2 AND d.missed_from = ?3 AND e.counted = 1 AND d.events ->> e.event IS NOT NULL
ON CONFLICT DO NOTHING
";

const COUNT_SENT: &str = "
SELECT changes() AS sent
";

const GO_ON: &str = "
UPDATE destinations SET
  missed_from = iif(missed_from + ?4 < missed_to, missed_from + ?4, NULL),
  missed_to = iif(missed_from + ?4 < missed_to, missed_to, NULL)
WHERE space_id = ?1 AND id = ?2 AND missed_from = ?3 AND missed_to IS NOT NULL
RETURNING missed_from
";

const LEAVE: &str = "
UPDATE destinations SET missed_from = NULL, missed_to = NULL
WHERE space_id = ?1 AND id = ?2 AND missed_from = ?3 AND missed_to IS NOT NULL
";

/// What a destination missed.
#[derive(Clone, Copy, Debug)]
pub struct Missed {
    pub destination_id: i64,
    /// The number that it begins behind: a form that has another one is from before.
    pub from: i64,
    /// Whether the pause is over, so that it can be decided about.
    pub is_over: bool,
    /// How many of the first 2,000 events it would have got.
    pub events: i64,
    /// Whether there are more than these 2,000.
    pub has_more: bool,
}

impl Missed {
    /// Reads the rows of `LIST`; without those where nothing was missed.
    pub(super) fn read_all(rows: &[Row]) -> Vec<Self> {
        let read = |row: &Row| Self {
            destination_id: row.number("id"),
            from: row.number("missed_from"),
            is_over: row.optional_number("missed_to").is_some(),
            events: row.number("events"),
            has_more: row.is("has_more"),
        };
        rows.iter().map(read).filter(|missed| missed.events > 0 || missed.has_more).collect()
    }
}

/// The values of `LIST`.
pub(super) fn of(space_id: i64, id: Option<i64>) -> [worker::wasm_bindgen::JsValue; 3] {
    [number(space_id), super::optional_number(id), number(LOOKED_THROUGH)]
}

/// What the destinations of a space missed, or the one of an id.
pub async fn list(db: &D1Database, space_id: i64, id: Option<i64>) -> Result<Vec<Missed>, Error> {
    Ok(Missed::read_all(&run(db, LIST, &of(space_id, id)).await?.rows))
}

/// Makes deliveries of what a destination missed, up to 10,000 events on, due at once; gives how many. A form that is
/// sent twice, or is older than the last decision, sends nothing.
pub async fn send(
    db: &D1Database,
    space_id: i64,
    id: i64,
    from: i64,
    now_ms: i64,
) -> Result<i64, Error> {
    let (mut sent, mut from) = (0, from);
    for _ in 0..PIECES {
        let piece = [number(space_id), number(id), number(from), number(PIECE)];
        let send = [&piece[..], &[number(now_ms)]].concat();
        let statements = [(SEND, &send[..]), (COUNT_SENT, &[]), (GO_ON, &piece)];
        let results = run_together(db, &statements).await?;
        sent += rows_of(&results, 1)?.first().map_or(0, |row| row.number("sent"));
        let next = rows_of(&results, 2)?.first().and_then(|row| row.optional_number("missed_from"));
        let Some(next) = next else { break };
        from = next;
    }
    Ok(sent)
}

/// Leaves what a destination missed where it is.
pub async fn leave(db: &D1Database, space_id: i64, id: i64, from: i64) -> Result<(), Error> {
    let values = [number(space_id), number(id), number(from)];
    run(db, LEAVE, &values).await.map(|_nothing| ())
}
