//! What would become of a postback, without anything being written: asked of the database by the very pieces
//! that store one.

use constcat::concat;
use worker::D1Database;
use worker::wasm_bindgen::JsValue;

use super::attribution::CLICK_OF_EVENT;
use super::event::{self, COLUMNS, STORED, TRACED};
use super::feed::Item;
use super::row::Row;
use super::rule::read_rules;
use super::{Cost, number, optional_number, rows_of, run_together, text};
use crate::error::Error;
use crate::model::event::{Arrival, Report};
use crate::postback::mend::Rule;
use crate::text::json;

/// The space, by its number or by a key, with the rules that are on in it.
const SPACE: &str = "
SELECT s.id, (
  SELECT json_group_array(json_array(r.n, json(r.mend))) FROM (
    SELECT n, mend FROM rules WHERE space_id = s.id AND ended_at_ms IS NULL ORDER BY n
  ) r
) AS rules
FROM spaces s
WHERE s.id = coalesce(?1, (
  SELECT y.space_id FROM keys y
  WHERE y.hash = ?2 AND y.kind = ?3 AND (y.expires_at_ms IS NULL OR y.expires_at_ms > ?4)
))
";

/// The report `k`, admitted as event.rs ADMITTED does, or to the space ?3 whatever its key.
const OF_REPORT: &str = concat!(
    "
WITH
p AS (",
    COLUMNS,
    "
  FROM (SELECT ?1 AS report, 0 AS at)
),
k AS (
  SELECT p.*, s.id AS space_id, NULL AS by_key FROM p JOIN spaces s ON s.id = coalesce(?3, (
    SELECT y.space_id FROM keys y
    WHERE y.hash = p.hash AND y.kind = p.kind
      AND (y.expires_at_ms IS NULL OR y.expires_at_ms > p.received_at_ms)
  ))
)"
);

/// The row that would be inserted, as `new_…`, beside the event that it would conflict with.
const ROW: &str = concat!(
    OF_REPORT,
    ",",
    TRACED,
    ",
n AS (SELECT u.*, 1 AS nth, 1 AS leads FROM u),
r (
  space_id, seq, dedup, event, uid, eid, tg_id, value, micros, currency,
  occurred_at_ms, received_at_ms, link_id, first, receipt, notes, raw, counted, by_key
) AS (",
    STORED,
    ")
SELECT
  r.link_id AS new_link_id, r.first AS new_first, r.notes AS new_notes,
  (
    SELECT l.name FROM links l WHERE l.space_id = r.space_id AND l.id = coalesce(events.link_id, r.link_id)
  ) AS link_name,
  events.seq, events.event, events.uid, events.eid, events.tg_id, events.value,
  CAST(events.micros AS TEXT) AS micros, events.currency, events.occurred_at_ms, events.received_at_ms,
  events.link_id, events.first, events.refires, events.notes, events.counted
FROM r LEFT JOIN events ON events.space_id = r.space_id AND events.dedup = r.dedup
"
);

const CLICK: &str = concat!(
    OF_REPORT,
    "
SELECT c.uid, c.clicked_at_ms FROM k e JOIN clicks c ON c.space_id = e.space_id AND c.uid = ",
    CLICK_OF_EVENT,
    "
"
);

/// As the trigger `events_send` does.
const DESTINATIONS: &str = concat!(
    OF_REPORT,
    "
SELECT d.id, d.name, d.events ->> k.event AS target
FROM k JOIN destinations d ON d.space_id = k.space_id
WHERE k.counted = 1 AND d.enabled = 1 AND d.events ->> k.event IS NOT NULL
ORDER BY d.id
"
);

/// What would become of a postback.
#[derive(Clone, Debug)]
pub struct Foreseen {
    /// The rules that are on in its space: it is to be read by these.
    pub rules: Vec<Rule>,
    /// `None` for what would be refused.
    pub event: Option<Event>,
}

/// The event that a report would be.
#[derive(Clone, Debug)]
pub struct Event {
    pub link_id: i64,
    pub link_name: Option<String>,
    pub first: bool,
    pub notes: Vec<String>,
    /// Uid and time of the click that it would come from.
    pub click: Option<(String, i64)>,
    /// The event that it is already.
    pub known: Option<Item>,
    /// Where it would be sent: id, name, and what it is called there.
    pub destinations: Vec<(i64, String, String)>,
}

/// Whose postback it is.
pub enum Of<'a> {
    /// Of the space that its key opens.
    Key(&'a Arrival),
    /// Of this space, whatever its key.
    Space(i64, &'a Arrival),
}

/// Looks in one round trip, which writes nothing. `None` where the key opens no space.
pub async fn foresee(
    db: &D1Database,
    of: &Of<'_>,
    report: Option<(&Report, &str)>,
) -> Result<(Option<Foreseen>, Cost), Error> {
    let (space_id, arrival) = match of {
        Of::Key(arrival) => (None, *arrival),
        Of::Space(space_id, arrival) => (Some(*space_id), *arrival),
    };
    let space_id = optional_number(space_id);
    let (hash, kind) = (text(&arrival.key_hash), text(arrival.key_kind.name()));
    let space = [space_id.clone(), hash, kind, number(arrival.received_at_ms)];
    let of_report = report.map(|(report, raw)| {
        [text(&event::as_json(arrival, report, raw)), event::plus_restored(), space_id]
    });
    let mut statements: Vec<(&str, &[JsValue])> = vec![(SPACE, &space)];
    if let Some(values) = &of_report {
        statements.extend([(ROW, &values[..]), (CLICK, values), (DESTINATIONS, values)]);
    }
    let results = run_together(db, &statements).await?;
    let Some(space) = rows_of(&results, 0)?.into_iter().next() else {
        return Ok((None, Cost(results)));
    };
    let event = read_event(&rows_of(&results, 1)?, &rows_of(&results, 2)?, &rows_of(&results, 3)?);
    let rules = read_rules(&space);
    Ok((Some(Foreseen { rules, event }), Cost(results)))
}

fn read_event(rows: &[Row], clicks: &[Row], destinations: &[Row]) -> Option<Event> {
    let row = rows.first()?;
    let target = |row: &Row| (row.number("id"), row.text("name"), row.text("target"));
    Some(Event {
        link_id: row.number("new_link_id"),
        link_name: row.optional_text("link_name"),
        first: row.is("new_first"),
        notes: json::texts(&json::read(&row.text("new_notes"))),
        click: clicks.first().map(|click| (click.text("uid"), click.number("clicked_at_ms"))),
        known: row.optional_number("seq").map(|_| Item::read(row)),
        destinations: destinations.iter().map(target).collect(),
    })
}
