//! Replays: refused postbacks and events that are mended and done again, a piece at a time. A piece and how far its
//! replay is are one transaction, and only for whom the replay is where it was read to be: so what breaks off goes on,
//! and two who do the same piece do it once.

use constcat::concat;
use serde::Serialize;
use worker::D1Database;
use worker::wasm_bindgen::JsValue;

use super::decision::{AS_IT_IS, INTO_DECISIONS, NEXT};
use super::event::{
    COLUMNS, Columns, INTO_EVENTS, OLDER_DEDUP, OR_AGAIN, STORED, TOGETHER, TRACED, plus_restored,
};
use super::row::Row;
use super::space::{self, Home, Spaces};
use super::{json, number, optional_number, rows_of, rule, run, run_together, text};
use crate::error::Error;
use crate::model::event::Report;
use crate::postback::mend::{Mend, Rule};
use crate::postback::replay::Job;

/// Statements that a run begins a replay with, and those of a piece: the rows; what is stored, what it became, how
/// far it is.
pub const BEGIN_CALLS: u32 = 2;
pub const PIECE_CALLS: u32 = 4;

const STANDS: &str = "
SELECT n, what, total, done, stored, known, after, created_at_ms, ended_at_ms FROM replays
WHERE space_id = ?1";

const ONE: &str = concat!(STANDS, " AND n = ?2\n");

const MADE: &str = "
SELECT DISTINCT iif(r.what ->> 'of' = 'events', j.value, h.event_seq) AS seq
FROM replays r CROSS JOIN json_each(r.what, '$.seqs') j
LEFT JOIN held h ON h.space_id = r.space_id AND h.seq = j.value
WHERE r.space_id = ?1 AND r.n = ?2 AND (r.what ->> 'of' = 'events' OR h.event_seq IS NOT NULL)
ORDER BY seq LIMIT 5
";

const LIST: &str = concat!(STANDS, " ORDER BY n DESC LIMIT 50\n");

/// The number being the next one is what makes a form that is sent twice begin one replay.
const BEGIN: &str = "
INSERT INTO replays (space_id, n, what, total, created_at_ms, ended_at_ms)
SELECT s.id, ?2, ?3, ?4, ?5, iif(?4 = 0, ?5, NULL) FROM spaces s
WHERE s.id = ?1 AND ?2 = coalesce((SELECT max(r.n) FROM replays r WHERE r.space_id = s.id), 0) + 1
";

/// The mend of a replay that has begun just now stays on.
const KEEP_ON: &str = concat!(
    rule::BEGIN,
    "  AND EXISTS (
    SELECT 1 FROM replays r WHERE r.space_id = s.id AND r.n = ?5 AND r.what = ?6 AND r.created_at_ms = ?3
  )
"
);

/// Replays that were broken off, of spaces that are where they are.
const OPEN: &str = "
SELECT r.space_id, r.n FROM replays r INDEXED BY replays_open
WHERE r.ended_at_ms IS NULL
  AND NOT EXISTS (SELECT 1 FROM moves m WHERE m.space_id = r.space_id AND m.state <> 'arrived')
ORDER BY r.space_id, r.n LIMIT ?1
";

/// The reports `?1` of refused postbacks that are none of an event yet, while their replay is where it was.
const REPLAYED: &str = concat!(
    "
WITH
p AS (",
    COLUMNS,
    "
  FROM (SELECT value AS report, value ->> 'held' AS at FROM json_each(?1))
),
k AS (
  SELECT p.*, h.space_id, h.by_key FROM p CROSS JOIN held h
    ON h.space_id = ?3 AND h.seq = p.at AND h.event_seq IS NULL
  WHERE EXISTS (
    SELECT 1 FROM replays r
    WHERE r.space_id = ?3 AND r.n = ?4 AND r.after = ?5 AND r.ended_at_ms IS NULL
  )
)"
);

/// As STORE_MANY in event.rs, but for where the space comes from.
const STORE: &str =
    concat!(INTO_EVENTS, REPLAYED, ",", TRACED, ",", TOGETHER, STORED, OR_AGAIN, "\n");

/// Has each refused postback say which event it is now.
const LINK: &str = concat!(
    "
UPDATE held SET event_seq = w.event_seq FROM (",
    REPLAYED,
    "
  SELECT k.at, (
    SELECT e.seq FROM events e INDEXED BY events_dedup
    WHERE e.space_id = k.space_id AND e.dedup = coalesce(",
    OLDER_DEDUP,
    ", k.dedup)
  ) AS event_seq FROM k
) w
WHERE held.space_id = ?3 AND held.seq = w.at AND w.event_seq IS NOT NULL
"
);

/// What of `?6` a postback made is its own by the receipt.
const HELD_WENT_ON: &str = "
UPDATE replays SET done = done + ?5, after = ?4, ended_at_ms = ?7,
  stored = stored + (
    SELECT count(*) FROM json_each(?6) j CROSS JOIN held h ON h.space_id = ?1 AND h.seq = j.value
    CROSS JOIN events e ON e.space_id = h.space_id AND e.seq = h.event_seq WHERE e.receipt = h.receipt
  ),
  known = known + (
    SELECT count(*) FROM json_each(?6) j CROSS JOIN held h ON h.space_id = ?1 AND h.seq = j.value
    CROSS JOIN events e ON e.space_id = h.space_id AND e.seq = h.event_seq WHERE e.receipt <> h.receipt
  )
WHERE space_id = ?1 AND n = ?2 AND after = ?3 AND ended_at_ms IS NULL
RETURNING n AS id
";

/// Decides about events as their mend says. To put a decision in is to carry it out (schema.sql).
const DECIDE: &str = concat!(
    INTO_DECISIONS,
    "
SELECT e.space_id, e.seq,
  ",
    NEXT,
    ", 'mend', ?3, NULL, ",
    AS_IT_IS,
    ", j.value ->> 'after', NULL, ?4
FROM json_each(?2) j CROSS JOIN events e ON e.space_id = ?1 AND e.seq = j.value ->> 'seq'
WHERE EXISTS (
  SELECT 1 FROM replays r
  WHERE r.space_id = ?1 AND r.n = ?5 AND r.after = ?6 AND r.ended_at_ms IS NULL
)
"
);

const EVENTS_WENT_ON: &str = "
UPDATE replays SET done = done + ?5, after = ?4, ended_at_ms = ?7, stored = stored + ?6
WHERE space_id = ?1 AND n = ?2 AND after = ?3 AND ended_at_ms IS NULL
RETURNING n AS id
";

/// A replay as far as it is.
#[derive(Clone, Debug)]
pub struct Replay {
    pub n: i64,
    pub job: Job,
    pub total: i64,
    pub done: i64,
    /// Those that are events now, or were changed.
    pub stored: i64,
    /// Those that had been events already.
    pub known: i64,
    after: String,
    pub created_at_ms: i64,
    pub ended_at_ms: Option<i64>,
}

impl Replay {
    fn read(row: &Row) -> Self {
        Self {
            n: row.number("n"),
            job: Job::read(&row.text("what")),
            total: row.number("total"),
            done: row.number("done"),
            stored: row.number("stored"),
            known: row.number("known"),
            after: row.text("after"),
            created_at_ms: row.number("created_at_ms"),
            ended_at_ms: row.optional_number("ended_at_ms"),
        }
    }

    /// The number of the last one that is done.
    pub fn after(&self) -> i64 {
        self.after.parse().unwrap_or(self.job.which.after)
    }

    /// Those that were looked at and are as they were.
    pub fn left(&self) -> i64 {
        self.done - self.stored - self.known
    }
}

/// One replay, on a page, with the first events that it has made or changed, if they were chosen one by one.
pub async fn one(
    home: &Home,
    space_id: i64,
    n: i64,
) -> Result<(Spaces, Option<Replay>, Vec<i64>), Error> {
    let values = [number(space_id), number(n)];
    let statements: [(&str, &[JsValue]); 3] =
        [(space::OF_PAGE, &[number(space_id)]), (ONE, &values), (MADE, &values)];
    let results = run_together(home, &statements).await?;
    let replay = rows_of(&results, 1)?.first().map(Replay::read);
    let events = rows_of(&results, 2)?.iter().map(|row| row.number("seq")).collect();
    Ok((home.spaces(&results, space_id)?, replay, events))
}

/// A space's replays, the newest first, at most 50.
pub async fn list(home: &Home, space_id: i64) -> Result<(Spaces, Vec<Replay>), Error> {
    let values = [number(space_id)];
    let results = run_together(home, &[(space::OF_PAGE, &values), (LIST, &values)]).await?;
    let replays = rows_of(&results, 1)?.iter().map(Replay::read).collect();
    Ok((home.spaces(&results, space_id)?, replays))
}

/// Begins a replay under its number; false where that is another's by now, or the space is not there. The same job
/// under the same number has begun once. With `keep_on` its mend stays on as a rule.
pub async fn begin(
    db: &D1Database,
    space_id: i64,
    (n, job, total): (i64, &Job, i64),
    keep_on: Option<&Mend>,
    now_ms: i64,
) -> Result<bool, Error> {
    let what = job.to_json();
    let replay = [number(space_id), number(n), text(&what), number(total), number(now_ms)];
    let which = [number(space_id), number(n)];
    let rule = keep_on.map(|mend| {
        let begun = [number(n), text(&what)];
        [&rule::beginning(space_id, mend, now_ms)[..], &begun].concat()
    });
    let mut statements = vec![(BEGIN, &replay[..]), (ONE, &which)];
    statements.extend(rule.as_ref().map(|values| (KEEP_ON, &values[..])));
    let results = run_together(db, &statements).await?;
    let stands = rows_of(&results, 1)?;
    Ok(stands.first().is_some_and(|row| row.text("what") == what))
}

/// Replays that are not over, of a database: space and number, at most so many.
pub async fn open(db: &D1Database, most: i64) -> Result<Vec<(i64, i64)>, Error> {
    let rows = run(db, OPEN, &[number(most)]).await?.rows;
    Ok(rows.iter().map(|row| (row.number("space_id"), row.number("n"))).collect())
}

/// A replay to go on with, and all rules of its space, each with whether it is on.
pub async fn load(
    db: &D1Database,
    space_id: i64,
    n: i64,
) -> Result<Option<(Replay, Vec<(Rule, bool)>)>, Error> {
    let (which, of_space) = ([number(space_id), number(n)], [number(space_id)]);
    let results = run_together(db, &[(ONE, &which), (rule::ALL, &of_space)]).await?;
    let rules = rows_of(&results, 1)?.first().map(rule::read_all).unwrap_or_default();
    Ok(rows_of(&results, 0)?.first().map(|row| (Replay::read(row), rules)))
}

/// A report of a refused postback that is to be stored.
pub struct Again<'a> {
    pub seq: i64,
    pub received_at_ms: i64,
    /// Of its first arrival: stored again under it, it is the same event and no re-fire.
    pub receipt: &'a str,
    pub report: Report,
    pub raw: &'a str,
}

#[derive(Serialize)]
struct Arrived<'a> {
    held: i64,
    received_at_ms: i64,
    receipt: &'a str,
}

/// An event that is to be changed: JSON of its columns.
#[derive(Serialize)]
pub struct Changed {
    pub seq: i64,
    pub after: String,
}

/// A piece that is done.
pub struct Step {
    /// How many were looked at.
    pub done: i64,
    /// The number of the last of them; `None` where there was none.
    pub last: Option<i64>,
    /// Whether the replay is over with it.
    pub is_last: bool,
    pub now_ms: i64,
}

impl Replay {
    fn going_on(&self, space_id: i64, made: JsValue, step: &Step) -> [JsValue; 7] {
        let after = step.last.map_or_else(|| self.after.clone(), |last| last.to_string());
        let ended = step.is_last.then_some(step.now_ms);
        [
            number(space_id),
            number(self.n),
            text(&self.after),
            text(&after),
            number(step.done),
            made,
            optional_number(ended),
        ]
    }

    fn go_on(&mut self, is_ours: bool, step: &Step) -> bool {
        if let Some(last) = step.last.filter(|_| is_ours) {
            self.after = last.to_string();
        }
        is_ours
    }

    /// Stores a piece of refused postbacks and goes on; false where somebody else has done it.
    pub async fn store(
        &mut self,
        db: &D1Database,
        space_id: i64,
        again: &[Again<'_>],
        step: &Step,
    ) -> Result<bool, Error> {
        let arrived: Vec<_> = again
            .iter()
            .map(|one| Arrived {
                held: one.seq,
                received_at_ms: one.received_at_ms,
                receipt: one.receipt,
            })
            .collect();
        let rows: Vec<_> = arrived
            .iter()
            .zip(again)
            .map(|(arrived, one)| Columns::of(arrived, &one.report, one.raw))
            .collect();
        let seqs: Vec<_> = again.iter().map(|one| one.seq).collect();
        let reports =
            [json(&rows), plus_restored(), number(space_id), number(self.n), text(&self.after)];
        let on = self.going_on(space_id, json(&seqs), step);
        let statements = [(STORE, &reports[..]), (LINK, &reports), (HELD_WENT_ON, &on)];
        let from = if again.is_empty() { 2 } else { 0 };
        let statements = statements.get(from..).unwrap_or_default();
        let results = run_together(db, statements).await?;
        let is_ours = !rows_of(&results, statements.len().saturating_sub(1))?.is_empty();
        Ok(self.go_on(is_ours, step))
    }

    /// Decides about a piece of events, for this reason, and goes on; false where somebody else has done it.
    pub async fn decide(
        &mut self,
        db: &D1Database,
        space_id: i64,
        (changed, reason): (&[Changed], &str),
        step: &Step,
    ) -> Result<bool, Error> {
        let decisions = [
            number(space_id),
            json(&changed),
            text(reason),
            number(step.now_ms),
            number(self.n),
            text(&self.after),
        ];
        let on = self.going_on(space_id, number(changed.len() as i64), step);
        let results = run_together(db, &[(DECIDE, &decisions), (EVENTS_WENT_ON, &on)]).await?;
        let is_ours = !rows_of(&results, 1)?.is_empty();
        Ok(self.go_on(is_ours, step))
    }
}
