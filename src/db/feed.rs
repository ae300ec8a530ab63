//! Events as pages show them: newest first by their number, one by its number, or what a search
//! finds. Nothing here reads more rows than it shows, but for what a filter looks through, and for up to twenty before
//! each deposit without an id, which may look the same.

use constcat::concat;
use serde_json::Value;
use worker::wasm_bindgen::JsValue;

use super::attribution::{CLICK_OF_EVENT, UID_OF_EVENT};
use super::case::{self, OUT_BY_OF_E, OutBy, TWIN_OF_E};
use super::filter::{self, Choices, Looked};
use super::history::{self, History};
use super::key_name::{self, KeyName};
use super::row::Row;
use super::space::{self, Home, Spaces};
use super::{json, number, optional_number, rows_of, run_together, text};
use crate::error::Error;
use crate::model::click::{Click, Fields};
use crate::model::filter::Filter;
use crate::model::note::Note;
use crate::text::json as read;

/// Higher than any event's number: an upper bound that bounds nothing.
pub(super) const NO_BOUND: i64 = 1 << 53;

/// What a file has of an event. The uid is spelled as its click spells it.
pub(super) const EVENT_COLUMNS: &str = concat!(
    "
SELECT
  e.seq, e.event, ",
    UID_OF_EVENT,
    " AS uid, e.eid, e.tg_id, e.value, CAST(e.micros AS TEXT) AS micros, e.currency,
  e.occurred_at_ms, e.received_at_ms, e.link_id, e.first, e.refires, e.notes, e.counted"
);

/// Events with their deliveries as JSON pairs of destination and state; what follows says which.
const EVENTS_WHERE: &str = concat!(
    EVENT_COLUMNS,
    ", e.raw, ",
    OUT_BY_OF_E,
    " AS out_by, ",
    TWIN_OF_E,
    " AS twin,
  (
    SELECT json_group_array(json_array(coalesce(d.name, 'a removed destination'), x.state))
    FROM deliveries x
    LEFT JOIN destinations d ON d.space_id = x.space_id AND d.id = x.destination_id
    WHERE x.space_id = e.space_id AND x.seq = e.seq
  ) AS deliveries
FROM events e
WHERE "
);

/// Newest first, below a number.
pub(super) const NEWEST: &str =
    concat!(EVENTS_WHERE, "e.space_id = ?1 AND e.seq < ?2 ORDER BY e.seq DESC LIMIT ?3");

/// For each time in a JSON array the number of the last event that was received before it, found by
/// halving, a row read for each, from more events than a database holds. Postbacks that waited in a
/// queue are older than their neighbours, so that near one of them the number is but about right.
pub(super) const RECEIVED_BEFORE: &str = "
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

/// The newest of those that were received from one time to before another, JSON in `?2`.
pub(super) const RECEIVED: &str = concat!(
    EVENTS_WHERE,
    "e.space_id = ?1 AND e.seq > (SELECT min(seq) FROM (",
    RECEIVED_BEFORE,
    ")) AND e.seq <= (SELECT max(seq) FROM (",
    RECEIVED_BEFORE,
    ")) ORDER BY e.seq DESC LIMIT ?3"
);

/// Newest first, below a number, among those that one step looks through.
const LISTED: &str = concat!(
    EVENTS_WHERE,
    "e.space_id = ?1 AND e.seq < ?3
  AND e.seq > (SELECT coalesce(max(o.seq), 0) FROM events o WHERE o.space_id = ?1 AND o.seq < ?3) - 20000",
    filter::EVENTS,
    "
ORDER BY e.seq DESC LIMIT ?4"
);

const ONE: &str = concat!(EVENTS_WHERE, "e.space_id = ?1 AND e.seq = ?2");

/// A search: the number itself, or whose event it is, or which transaction's. Every branch has its
/// index, and at most 100 rows; the `+` and UNION ALL keep SQLite from walking all events in their
/// order instead.
const FOUND: &str = concat!(
    EVENTS_WHERE,
    "e.space_id = ?1 AND e.seq IN (
  SELECT seq FROM events WHERE space_id = ?1 AND seq = ?4
  UNION ALL SELECT seq FROM (SELECT seq FROM events WHERE space_id = ?1 AND uid = ?3 LIMIT 100)
  UNION ALL SELECT seq FROM (
    SELECT f.seq FROM folded_events f
    WHERE f.space_id = ?1 AND f.folded = replace(?3, '+', ' ') LIMIT 100
  )
  UNION ALL SELECT seq FROM (SELECT seq FROM events WHERE space_id = ?1 AND tg_id = ?4 LIMIT 100)
  UNION ALL SELECT seq FROM events WHERE space_id = ?1
    AND dedup IN (
      'c=' || ?3, 's=' || ?3, 'r=' || ?3, 'd=' || ?3, 'c~=' || ?3, 's~=' || ?3, 'r~=' || ?3, 'd~=' || ?3
    )
)",
    filter::EVENTS,
    "
ORDER BY +e.seq DESC LIMIT 100"
);

/// What else the same person did: at most 50 of the same uid, or of the Telegram user without one.
const JOURNEY: &str = concat!(
    EVENTS_WHERE,
    "e.space_id = ?1 AND e.seq IN (
  SELECT o.seq FROM (
    SELECT n.seq FROM events m JOIN events n ON n.space_id = m.space_id AND n.uid = m.uid
    WHERE m.space_id = ?1 AND m.seq = ?2 LIMIT 50
  ) o
  UNION ALL SELECT o.seq FROM (
    SELECT n.seq FROM events m JOIN folded_events n
      ON n.space_id = m.space_id AND n.folded = replace(m.uid, '+', ' ')
    WHERE m.space_id = ?1 AND m.seq = ?2 LIMIT 50
  ) o
  UNION ALL SELECT o.seq FROM (
    SELECT n.seq FROM events m JOIN events n ON n.space_id = m.space_id AND n.tg_id = m.tg_id
    WHERE m.space_id = ?1 AND m.seq = ?2 LIMIT 50
  ) o
) ORDER BY +e.seq DESC"
);

/// The click of an event's uid; without one, by the rule of `tg_clicks`, its Telegram user's.
const CLICK: &str = concat!(
    "
SELECT c.* FROM events e JOIN clicks c ON c.space_id = e.space_id AND c.uid = ",
    CLICK_OF_EVENT,
    "
WHERE e.space_id = ?1 AND e.seq = ?2
"
);

const DELIVERIES: &str = "
SELECT x.destination_id, coalesce(d.name, 'a removed destination') AS name, d.id IS NOT NULL AS there,
  x.target, x.state, x.due_at_ms, x.tries, x.attempts
FROM deliveries x
LEFT JOIN destinations d ON d.space_id = x.space_id AND d.id = x.destination_id
WHERE x.space_id = ?1 AND x.seq = ?2
ORDER BY x.destination_id
";

/// An event as pages show it.
#[derive(Clone, Debug)]
pub struct Item {
    pub seq: i64,
    pub event: String,
    pub uid: Option<String>,
    pub eid: Option<String>,
    pub tg_id: Option<i64>,
    /// The amount as sent.
    pub value: Option<String>,
    /// The amount as understood, in millionths.
    pub micros: Option<i64>,
    pub currency: String,
    pub occurred_at_ms: i64,
    pub received_at_ms: i64,
    pub link_id: i64,
    pub first: bool,
    /// Whether it is in the figures.
    pub counted: bool,
    /// What it was taken out by; `None` where it counts, or never did, and in a file.
    pub out_by: Option<OutBy>,
    /// The event before it that looks the same.
    pub twin: Option<i64>,
    pub refires: i64,
    pub notes: Vec<String>,
    /// Empty in a file.
    pub raw: String,
    /// Destination and state of each delivery; none in a file.
    pub deliveries: Vec<(String, String)>,
}

/// A delivery with every try.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub destination_id: i64,
    pub name: String,
    /// Whether the destination is still there, so that it can be sent again.
    pub there: bool,
    pub target: String,
    pub state: String,
    pub due_at_ms: i64,
    pub tries: i64,
    /// JSON of the attempts.
    pub attempts: String,
}

/// Everything about one event.
pub struct Whole {
    pub item: Item,
    pub click: Option<(Click, i64)>,
    pub deliveries: Vec<Delivery>,
    /// The space's destinations, to which it can be sent by hand.
    pub destinations: Vec<(i64, String)>,
    pub journey: Vec<Item>,
    pub links: Vec<(i64, String)>,
    pub history: History,
    /// What the rules and replays do that its notes name.
    pub acts: Vec<(Note, String)>,
    /// The key that it came with, where that is known.
    pub key: Option<KeyName>,
}

impl Item {
    pub(super) fn read(row: &Row) -> Self {
        let pair = |pair: &Value| {
            let mut texts = read::texts(pair).into_iter();
            Some((texts.next()?, texts.next()?))
        };
        Self {
            seq: row.number("seq"),
            event: row.text("event"),
            uid: row.optional_text("uid"),
            eid: row.optional_text("eid"),
            tg_id: row.optional_number("tg_id"),
            value: row.optional_text("value"),
            micros: row.large("micros"),
            currency: row.text("currency"),
            occurred_at_ms: row.number("occurred_at_ms"),
            received_at_ms: row.number("received_at_ms"),
            link_id: row.number("link_id"),
            first: row.is("first"),
            counted: row.is("counted"),
            out_by: row.optional_text("out_by").map(|text| OutBy::read(&read::read(&text))),
            twin: row.optional_number("twin"),
            refires: row.number("refires"),
            notes: read::texts(&read::read(&row.text("notes"))),
            raw: row.text("raw"),
            deliveries: read::items(&read::read(&row.text("deliveries")))
                .filter_map(pair)
                .collect(),
        }
    }
}

/// The newest events, with the space they are of.
pub async fn newest(home: &Home, space_id: i64, most: i64) -> Result<(Spaces, Vec<Item>), Error> {
    let of_space = [number(space_id)];
    let newest = below(space_id, None, most);
    let results = run_together(home, &[(space::OF_PAGE, &of_space), (NEWEST, &newest)]).await?;
    let items = rows_of(&results, 1)?.iter().map(Item::read).collect();
    Ok((home.spaces(&results, space_id)?, items))
}

pub(super) fn below(space_id: i64, before: Option<i64>, most: i64) -> [JsValue; 3] {
    [number(space_id), number(before.unwrap_or(NO_BOUND)), number(most)]
}

/// A page of events.
pub struct Listed {
    pub spaces: Spaces,
    pub items: Vec<Item>,
    pub looked: Looked,
    pub choices: Choices,
}

/// The newest events below a number that a filter lets through. One round trip.
pub async fn list(
    home: &Home,
    space_id: i64,
    filter: &Filter,
    before: Option<i64>,
    most: i64,
) -> Result<Listed, Error> {
    let below = [number(space_id), json(filter), number(before.unwrap_or(NO_BOUND))];
    listed(home, space_id, (LISTED, &[&below[..], &[number(most)]].concat()), &below).await
}

/// What a search for a number, a uid, an eid or a Telegram id finds of what a filter lets through.
pub async fn search(
    home: &Home,
    space_id: i64,
    filter: &Filter,
    wanted: &str,
) -> Result<Listed, Error> {
    let as_number = wanted.parse().ok().filter(|number| (0..NO_BOUND).contains(number));
    let found = [number(space_id), json(filter), text(wanted), optional_number(as_number)];
    let below = [number(space_id), json(filter), number(NO_BOUND)];
    listed(home, space_id, (FOUND, &found), &below).await
}

async fn listed(
    home: &Home,
    space_id: i64,
    statement: (&str, &[JsValue]),
    below: &[JsValue],
) -> Result<Listed, Error> {
    let of_space = [number(space_id)];
    let statements = [
        (space::OF_PAGE, &of_space[..]),
        statement,
        (filter::LOOKED_AT_EVENTS, below),
        (filter::CHOICES, &of_space),
    ];
    let results = run_together(home, &statements).await?;
    Ok(Listed {
        spaces: home.spaces(&results, space_id)?,
        items: rows_of(&results, 1)?.iter().map(Item::read).collect(),
        looked: Looked::read(&rows_of(&results, 2)?),
        choices: Choices::read(&rows_of(&results, 3)?),
    })
}

/// Everything about an event; `None` where the space has none of this number.
pub async fn whole(home: &Home, space_id: i64, seq: i64) -> Result<(Spaces, Option<Whole>), Error> {
    let event = [number(space_id), number(seq)];
    let of_space = [number(space_id)];
    let results = run_together(
        home,
        &[
            (space::OF_PAGE, &of_space),
            (ONE, &event),
            (CLICK, &event),
            (DELIVERIES, &event),
            (JOURNEY, &event),
            (super::link::NAMES, &of_space),
            (history::AGAIN, &event),
            (case::OF_EVENT, &event),
            (super::rule::ACTED, &event),
            (key_name::OF_EVENT, &event),
            (super::destination::NAMES, &of_space),
        ],
    )
    .await?;
    let spaces = home.spaces(&results, space_id)?;
    let Some(item) = rows_of(&results, 1)?.first().map(Item::read) else {
        return Ok((spaces, None));
    };
    let whole = Whole {
        item,
        click: rows_of(&results, 2)?.first().map(read_click),
        deliveries: rows_of(&results, 3)?.iter().map(read_delivery).collect(),
        journey: rows_of(&results, 4)?.iter().map(Item::read).collect(),
        links: super::link::read_names(&rows_of(&results, 5)?),
        history: History::read(&rows_of(&results, 6)?, &rows_of(&results, 7)?),
        acts: super::rule::read_acts(&rows_of(&results, 8)?),
        key: rows_of(&results, 9)?.first().and_then(KeyName::read),
        destinations: super::link::read_names(&rows_of(&results, 10)?),
    };
    Ok((spaces, Some(whole)))
}

/// A click with its link.
fn read_click(row: &Row) -> (Click, i64) {
    let click = Click {
        uid: row.text("uid"),
        clicked_at_ms: row.number("clicked_at_ms"),
        raw_query: row.text("raw_query"),
        fields: read_fields(row),
        country: row.optional_text("country"),
        user_agent: row.optional_text("user_agent"),
        ip: row.optional_text("ip"),
    };
    (click, row.number("link_id"))
}

/// The kept parameters of a click.
pub(super) fn read_fields(row: &Row) -> Fields {
    Fields::by_name(|name| row.optional_text(name))
}

fn read_delivery(row: &Row) -> Delivery {
    Delivery {
        destination_id: row.number("destination_id"),
        name: row.text("name"),
        there: row.is("there"),
        target: row.text("target"),
        state: row.text("state"),
        due_at_ms: row.number("due_at_ms"),
        tries: row.number("tries"),
        attempts: row.optional_text("attempts").unwrap_or_default(),
    }
}
