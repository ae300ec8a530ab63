//! Refused postbacks and events that can be mended and done again: as a list, as a number, a piece at a time. `?2` is
//! JSON of `model::replay::Which`.

use constcat::concat;
use worker::D1Database;
use worker::wasm_bindgen::JsValue;

use super::feed::NO_BOUND;
use super::filter::{self, Choices, Looked};
use super::refused::Refused;
use super::row::Row;
use super::space::{self, Home, Spaces};
use super::{json, number, rows_of, rule, run_together};
use crate::error::Error;
use crate::model::filter::Filter;
use crate::model::replay::{Of, Which};
use crate::postback::mend::Rule;
use crate::postback::replay::Known;
use crate::text::json as read;

/// How many of a replay one piece has: storing each takes the database 50 µs, so that a piece holds up the
/// postbacks behind it for 15 ms.
pub const PIECE: i64 = 300;

/// Characters of a piece's raw queries: at up to six bytes each as JSON they fit D1's 2 MB for one value.
const CHARACTERS: i64 = 300_000;

/// Those that a page lists.
pub const PAGE: i64 = 50;

const HELD: &str = "
SELECT h.seq, h.status, h.notes, h.raw, h.received_at_ms, h.refires, h.event_seq, h.receipt";

const EVENTS: &str = "
SELECT e.seq, e.event, e.uid, e.value, CAST(e.micros AS TEXT) AS micros, e.currency, e.occurred_at_ms,
  e.received_at_ms, e.notes, e.raw, e.counted";

const COUNT: &str = "
SELECT count(*) AS count";

const HELD_NAMED: &str = "
FROM json_each(?2, '$.seqs') j CROSS JOIN held h ON h.space_id = ?1 AND h.seq = j.value
WHERE h.seq > ?3 AND h.event_seq IS NULL";

const HELD_ALL: &str = concat!(
    "
FROM held h
WHERE h.space_id = ?1 AND h.seq > ?3 AND h.seq <= ?2 ->> 'up_to' AND h.event_seq IS NULL",
    filter::HELD
);

const EVENTS_NAMED: &str = "
FROM json_each(?2, '$.seqs') j CROSS JOIN events e ON e.space_id = ?1 AND e.seq = j.value
WHERE e.seq > ?3";

const EVENTS_ALL: &str = concat!(
    "
FROM events e
WHERE e.space_id = ?1 AND e.seq > ?3 AND e.seq <= ?2 ->> 'up_to'",
    filter::EVENTS
);

/// The next so many, oldest first, of so many characters; at least one.
macro_rules! piece {
    ($columns:expr, $from:expr) => {
        concat!(
            "\nWITH p AS MATERIALIZED (",
            $columns,
            $from,
            "\nORDER BY 1 LIMIT ?4),
b AS (
  SELECT p.*, sum(length(p.raw)) OVER (ORDER BY p.seq) AS characters, row_number() OVER (ORDER BY p.seq) AS nth FROM p
)
SELECT b.*, (SELECT count(*) FROM p) AS found FROM b WHERE characters <= ?5 OR nth = 1
"
        )
    };
}

const HELD_NAMED_PIECE: &str = piece!(HELD, HELD_NAMED);
const HELD_ALL_PIECE: &str = piece!(HELD, HELD_ALL);
const EVENTS_NAMED_PIECE: &str = piece!(EVENTS, EVENTS_NAMED);
const EVENTS_ALL_PIECE: &str = piece!(EVENTS, EVENTS_ALL);
const HELD_NAMED_COUNT: &str = concat!(COUNT, HELD_NAMED);
const HELD_ALL_COUNT: &str = concat!(COUNT, HELD_ALL);
const EVENTS_NAMED_COUNT: &str = concat!(COUNT, EVENTS_NAMED);
const EVENTS_ALL_COUNT: &str = concat!(COUNT, EVENTS_ALL);

/// Newest first, below a number, among those that one step looks through.
const EVENTS_LIST: &str = concat!(
    EVENTS,
    "
FROM events e
WHERE e.space_id = ?1 AND e.seq < ?3
  AND e.seq > (SELECT coalesce(max(o.seq), 0) FROM events o WHERE o.space_id = ?1 AND o.seq < ?3) - 20000",
    filter::EVENTS,
    "
ORDER BY e.seq DESC LIMIT ?4
"
);

/// The newest numbers, and that of the next replay.
const NEWEST: &str = "
SELECT
  coalesce((SELECT max(h.seq) FROM held h WHERE h.space_id = ?1), 0) AS held,
  coalesce((SELECT max(e.seq) FROM events e WHERE e.space_id = ?1), 0) AS events,
  coalesce((SELECT max(r.n) FROM replays r WHERE r.space_id = ?1), 0) + 1 AS next
";

/// The events that have these keys, which JSON of `?2` has.
const KNOWN: &str = "
SELECT j.key AS at, e.seq FROM json_each(?2) j CROSS JOIN events e INDEXED BY events_dedup
  ON e.space_id = ?1 AND e.dedup = j.value
";

/// One that can be done again.
#[derive(Clone, Debug)]
pub enum Chosen {
    Held(Held),
    Event { seq: i64, known: Known },
}

/// A refused postback with what its event would be known by.
#[derive(Clone, Debug)]
pub struct Held {
    pub refused: Refused,
    pub receipt: String,
}

impl Chosen {
    fn read(of: Of, row: &Row) -> Self {
        match of {
            Of::Refused => {
                Self::Held(Held { refused: Refused::read(row), receipt: row.text("receipt") })
            }
            Of::Events => Self::Event { seq: row.number("seq"), known: read_known(row) },
        }
    }

    pub fn seq(&self) -> i64 {
        match self {
            Self::Held(held) => held.refused.seq,
            Self::Event { seq, .. } => *seq,
        }
    }

    pub fn received_at_ms(&self) -> i64 {
        match self {
            Self::Held(held) => held.refused.received_at_ms,
            Self::Event { known, .. } => known.received_at_ms,
        }
    }
}

fn read_known(row: &Row) -> Known {
    Known {
        event: row.text("event"),
        uid: row.optional_text("uid"),
        value: row.optional_text("value"),
        micros: row.large("micros"),
        currency: row.text("currency"),
        occurred_at_ms: row.number("occurred_at_ms"),
        received_at_ms: row.number("received_at_ms"),
        notes: read::texts(&read::read(&row.text("notes"))),
        raw: row.text("raw"),
        counted: row.is("counted"),
    }
}

fn read_all(of: Of, rows: &[Row]) -> Vec<Chosen> {
    rows.iter().map(|row| Chosen::read(of, row)).collect()
}

/// The newest numbers of a space.
#[derive(Clone, Copy, Debug)]
pub struct Newest {
    pub held: i64,
    pub events: i64,
    /// The number of the next replay.
    pub next: i64,
}

impl Newest {
    fn read(rows: &[Row]) -> Self {
        let number = |name| rows.first().map(|row| row.number(name)).unwrap_or_default();
        Self { held: number("held"), events: number("events"), next: number("next").max(1) }
    }

    /// The newest of what is done again.
    pub fn of(&self, of: Of) -> i64 {
        if of == Of::Events { self.events } else { self.held }
    }
}

/// The newest numbers, for whoever is about to choose.
pub async fn newest(home: &Home, space_id: i64) -> Result<(Spaces, Newest), Error> {
    let values = [number(space_id)];
    let results = run_together(home, &[(space::OF_PAGE, &values), (NEWEST, &values)]).await?;
    Ok((home.spaces(&results, space_id)?, Newest::read(&rows_of(&results, 1)?)))
}

/// A page of events that a filter lets through, newest first, below a number.
pub async fn events(
    home: &Home,
    space_id: i64,
    filter: &Filter,
    before: Option<i64>,
) -> Result<(Spaces, Vec<Chosen>, Looked, Choices), Error> {
    let of_space = [number(space_id)];
    let list = [number(space_id), json(filter), number(before.unwrap_or(NO_BOUND)), number(PAGE)];
    let looked = list.get(..3).unwrap_or_default();
    let statements = [
        (space::OF_PAGE, &of_space[..]),
        (EVENTS_LIST, &list),
        (filter::LOOKED_AT_EVENTS, looked),
        (filter::CHOICES, &of_space),
    ];
    let results = run_together(home, &statements).await?;
    Ok((
        home.spaces(&results, space_id)?,
        read_all(Of::Events, &rows_of(&results, 1)?),
        Looked::read(&rows_of(&results, 2)?),
        Choices::read(&rows_of(&results, 3)?),
    ))
}

/// What is about to be done again: how many, the first of them, and the rules of the space.
pub struct Sight {
    pub total: i64,
    pub first: Vec<Chosen>,
    pub rules: Vec<(Rule, bool)>,
    pub next: i64,
}

/// Looks at what a replay would do, in one round trip.
pub async fn look(home: &Home, space_id: i64, which: &Which) -> Result<Sight, Error> {
    let (of_space, piece) = ([number(space_id)], piece(space_id, which, which.after));
    let count = piece.get(..3).unwrap_or_default();
    let (first, total) = statements(which);
    let results = run_together(
        home,
        &[(total, count), (first, &piece), (rule::ALL, &of_space), (NEWEST, &of_space)],
    )
    .await?;
    Ok(Sight {
        total: rows_of(&results, 0)?.first().map(|row| row.number("count")).unwrap_or_default(),
        first: read_all(which.of, &rows_of(&results, 1)?),
        rules: rows_of(&results, 2)?.first().map(rule::read_all).unwrap_or_default(),
        next: Newest::read(&rows_of(&results, 3)?).next,
    })
}

/// The next piece of a replay behind a number, and whether it is the last.
pub async fn next(
    db: &D1Database,
    space_id: i64,
    which: &Which,
    after: i64,
) -> Result<(Vec<Chosen>, bool), Error> {
    let rows = super::run(db, statements(which).0, &piece(space_id, which, after)).await?.rows;
    let found = rows.first().map(|row| row.number("found")).unwrap_or_default();
    let is_last = found < PIECE && rows.len() as i64 == found;
    Ok((read_all(which.of, &rows), is_last))
}

/// The statements that read a piece, and that count them all.
fn statements(which: &Which) -> (&'static str, &'static str) {
    match (which.of, which.seqs.is_some()) {
        (Of::Refused, true) => (HELD_NAMED_PIECE, HELD_NAMED_COUNT),
        (Of::Refused, false) => (HELD_ALL_PIECE, HELD_ALL_COUNT),
        (Of::Events, true) => (EVENTS_NAMED_PIECE, EVENTS_NAMED_COUNT),
        (Of::Events, false) => (EVENTS_ALL_PIECE, EVENTS_ALL_COUNT),
    }
}

fn piece(space_id: i64, which: &Which, after: i64) -> [JsValue; 5] {
    [number(space_id), json(which), number(after), number(PIECE), number(CHARACTERS)]
}

/// Which of these keys are an event's already, by their place, and whose.
pub async fn known(
    db: &D1Database,
    space_id: i64,
    dedup: &[String],
) -> Result<Vec<(usize, i64)>, Error> {
    if dedup.is_empty() {
        return Ok(Vec::new());
    }
    let rows = super::run(db, KNOWN, &[number(space_id), json(&dedup)]).await?.rows;
    let found = rows.iter().map(|row| {
        let at = usize::try_from(row.number("at")).unwrap_or(usize::MAX);
        (at, row.number("seq"))
    });
    Ok(found.collect())
}
