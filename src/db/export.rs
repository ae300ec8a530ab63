//! Events as files have them: a period's, a piece at a time. There is no index by time, so that they are looked for
//! among the numbers that were received in it.

use constcat::concat;
use worker::D1Database;

use super::attribution::CLICK_OF_EVENT;
use super::feed::{EVENT_COLUMNS, Item, NO_BOUND, RECEIVED_BEFORE, read_fields};
use super::filter::{self, Looked};
use super::row::Row;
use super::{figures, json, link, number, rows_of, run, run_together};
use crate::error::Error;
use crate::figures::Span;
use crate::model::click::Fields;
use crate::model::filter::Filter;

/// What a file has of the click that an event came from, and the key that it came by. A row is read for each
/// step on the way to the click: none for an event that knows nobody, about two for one with a uid.
const CLICK_COLUMNS: &str = concat!(
    ",
  c.campaign_id, c.campaign_name, c.adset_id, c.adset_name, c.ad_id, c.ad_name, c.placement, c.country,
  c.clicked_at_ms, e.by_key
FROM events e LEFT JOIN clicks c ON c.space_id = e.space_id AND c.uid =
  iif(coalesce(e.uid, e.tg_id) IS NULL, NULL, ",
    CLICK_OF_EVENT,
    ")"
);

/// A piece of a file, oldest first: the period's events among a stretch of numbers. There is no index
/// by time, which would be one row written more for every event: every number of the stretch is read, up
/// to the last event that was asked for.
const EXPORT: &str = concat!(
    EVENT_COLUMNS,
    CLICK_COLUMNS,
    "
WHERE e.space_id = ?1 AND e.seq > ?2 AND e.seq <= ?3 AND e.occurred_at_ms >= ?4 AND e.occurred_at_ms < ?5
  AND e.counted = 1
ORDER BY e.seq LIMIT ?6"
);

/// The same of what a filter lets through, whenever it happened.
const EXPORT_LISTED: &str = concat!(
    EVENT_COLUMNS,
    CLICK_COLUMNS,
    "
WHERE e.space_id = ?1 AND e.seq > ?3 AND e.seq <= ?4 AND e.counted = 1",
    filter::EVENTS,
    "
ORDER BY e.seq LIMIT ?5"
);

const LAST: &str = "
SELECT coalesce(max(seq), 0) AS seq FROM events WHERE space_id = ?1
";

const KEYS: &str = "
SELECT n AS id, name FROM key_names WHERE space_id = ?1
";

/// An event as a file has it.
pub struct Line {
    pub item: Item,
    /// Of its click; all are empty where it has none.
    pub fields: Fields,
    pub country: Option<String>,
    pub clicked_at_ms: Option<i64>,
    /// The number of the key that it came by, where that is known.
    pub by_key: Option<i64>,
}

impl Line {
    fn read(row: &Row) -> Self {
        Self {
            item: Item::read(row),
            fields: read_fields(row),
            country: row.optional_text("country"),
            clicked_at_ms: row.optional_number("clicked_at_ms"),
            by_key: row.optional_number("by_key"),
        }
    }
}

/// Names by number: those of a space's links and keys.
#[derive(Debug, Default)]
pub struct Names {
    pub links: Vec<(i64, String)>,
    pub keys: Vec<(i64, String)>,
}

/// Where a period's events are, at one moment.
pub struct Place {
    pub names: Names,
    /// How many events it has.
    pub events: i64,
    /// The numbers of the last events received before two times.
    pub received_before: [i64; 2],
    /// The newest event's number; 0 where there is none.
    pub newest: i64,
}

/// The number of the last event that was received before a time, as [`place`] finds it.
pub async fn number_before(db: &D1Database, space_id: i64, ms: i64) -> Result<i64, Error> {
    let values = [number(space_id), json(&[ms])];
    let rows = run(db, RECEIVED_BEFORE, &values).await?.rows;
    Ok(rows.first().map(|row| row.number("seq")).unwrap_or_default())
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
            (KEYS, &of_space),
        ],
    )
    .await?;
    let numbers = |at, column| -> Result<Vec<i64>, Error> {
        Ok(rows_of(&results, at)?.iter().map(|row| row.number(column)).collect())
    };
    let first = |numbers: Vec<i64>| numbers.into_iter().next().unwrap_or_default();
    let before = numbers(2, "seq")?;
    Ok(Place {
        names: Names {
            links: link::read_names(&rows_of(&results, 0)?),
            keys: link::read_names(&rows_of(&results, 4)?),
        },
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
) -> Result<Vec<Line>, Error> {
    let values = [space_id, after, last, from_ms, to_ms, most].map(number);
    Ok(run(db, EXPORT, &values).await?.rows.iter().map(Line::read).collect())
}

/// Where a file of a list looks: names, and the numbers behind one and up to another that one step of the list has.
pub async fn step(
    db: &D1Database,
    space_id: i64,
    filter: &Filter,
    before: Option<i64>,
) -> Result<(Names, (i64, i64)), Error> {
    let of_space = [number(space_id)];
    let below = [number(space_id), json(filter), number(before.unwrap_or(NO_BOUND))];
    let statements =
        [(link::NAMES, &of_space[..]), (KEYS, &of_space), (filter::LOOKED_AT_EVENTS, &below)];
    let results = run_together(db, &statements).await?;
    let looked = Looked::read(&rows_of(&results, 2)?);
    let names = Names {
        links: link::read_names(&rows_of(&results, 0)?),
        keys: link::read_names(&rows_of(&results, 1)?),
    };
    Ok((names, (looked.floor, looked.newest)))
}

/// Events that a filter lets through among the numbers behind one and up to another; oldest first, at most so many.
pub async fn listed(
    db: &D1Database,
    space_id: i64,
    filter: &Filter,
    (after, last): (i64, i64),
    most: i64,
) -> Result<Vec<Line>, Error> {
    let values = [number(space_id), json(filter), number(after), number(last), number(most)];
    Ok(run(db, EXPORT_LISTED, &values).await?.rows.iter().map(Line::read).collect())
}
