//! Storing an event exactly once, and counting it, in one statement.

use serde::{Serialize, Serializer};
use worker::D1Database;
use worker::wasm_bindgen::JsValue;

use super::row::Row;
use super::{Cost, Rows, optional_number, optional_text, run, text};
use crate::error::Error;
use crate::event::{Arrival, Id, Report, TgId};
use crate::postback::{self, Note};

/// Stores reports. The key gives the space; the unique key on `dedup` decides new or duplicate; the
/// trigger on a really inserted row counts it. The uid leads to its click and so to the link, else
/// the Telegram user's binds do; schema.sql moves the event when either comes later. No row comes
/// back for a key that is unknown, expired or of the other kind. A retry of our own carries the
/// receipt of the first try: it raises no re-fire, and is answered as the first would have been.
///
/// `$reports` gives a row `p` for each report. `$places` adds to `u` what depends on the others of
/// them, which this statement cannot see in the table: `nth` in its space, and whether it `leads`
/// those of its kind and person. `$note` is what is noted where a uid's plus was restored.
macro_rules! store {
    ($reports:literal, $places:literal, $note:literal, $returning:literal) => {
        concat!(
            "
INSERT INTO events (
  space_id, seq, dedup, event, uid, eid, tg_id, value, micros, currency,
  occurred_at_ms, received_at_ms, link_id, first, receipt, notes, raw
)
WITH
p AS (",
            $reports,
            "),
k AS (
  SELECT p.*, y.space_id FROM p JOIN keys y
    ON y.hash = p.hash AND y.kind = p.kind
    AND (y.expires_at_ms IS NULL OR y.expires_at_ms > p.received_at_ms)
),
u AS (
  SELECT k.*, coalesce(c.uid, k.uid) AS person, c.link_id, c.uid <> k.uid AS plus_restored
  FROM k LEFT JOIN clicks c ON c.space_id = k.space_id AND c.uid = coalesce(
    (SELECT e.uid FROM clicks e WHERE e.space_id = k.space_id AND e.uid = k.uid), k.with_plus
  )
),",
            $places,
            "
SELECT
  n.space_id,
  coalesce((SELECT max(e.seq) FROM events e WHERE e.space_id = n.space_id), 0) + n.nth,
  n.dedup, n.event, n.person, n.eid, n.tg_id, n.value, n.micros, n.currency,
  n.occurred_at_ms, n.received_at_ms,
  coalesce(
    n.link_id,
    (
      SELECT t.link_id FROM tg_clicks t
      WHERE t.space_id = n.space_id AND t.tg_id = n.tg_id
      ORDER BY t.clicked_at_ms <= n.occurred_at_ms DESC, abs(t.clicked_at_ms - n.occurred_at_ms), t.uid
      LIMIT 1
    ),
    0
  ),
  CASE
    WHEN n.person IS NOT NULL THEN n.leads AND NOT EXISTS (
      SELECT 1 FROM events e WHERE e.space_id = n.space_id AND e.uid = n.person AND e.event = n.event
    )
    WHEN n.tg_id IS NOT NULL THEN n.leads AND NOT EXISTS (
      SELECT 1 FROM events e
      WHERE e.space_id = n.space_id AND e.tg_id = n.tg_id AND e.event = n.event AND e.uid IS NULL
    )
    ELSE 0
  END,
  n.receipt,
  CASE WHEN n.plus_restored THEN json_insert(coalesce(n.notes, '[]'), '$[#]', ",
            $note,
            ") ELSE n.notes END,
  n.raw
FROM n
WHERE true
ON CONFLICT (space_id, dedup) DO UPDATE SET refires = refires + (receipt <> excluded.receipt)
",
            $returning
        )
    };
}

const STORE: &str = store!(
    "
  SELECT ?1 AS hash, ?2 AS received_at_ms, ?3 AS receipt, ?4 AS dedup, ?5 AS event, ?6 AS uid,
    ?7 AS eid, ?8 AS tg_id, ?9 AS value, ?10 AS micros, ?11 AS currency, ?12 AS occurred_at_ms,
    ?13 AS notes, ?14 AS raw, ?15 AS kind, ?16 AS with_plus
",
    "
n AS (SELECT u.*, 1 AS nth, 1 AS leads FROM u)",
    "?17",
    "RETURNING space_id, seq, receipt, EXISTS (
  SELECT 1 FROM destinations d WHERE d.space_id = events.space_id AND d.enabled = 1
) AS has_destinations
"
);

/// The same for a JSON array of arrays, in their order. What is known already, or comes twice, leads
/// nobody.
const STORE_MANY: &str = store!(
    "
  SELECT key AS at, value ->> 0 AS hash, value ->> 1 AS received_at_ms, value ->> 2 AS receipt,
    value ->> 3 AS dedup, value ->> 4 AS event, value ->> 5 AS uid, value ->> 6 AS eid,
    value ->> 7 AS tg_id, value ->> 8 AS value, value ->> 9 AS micros, value ->> 10 AS currency,
    value ->> 11 AS occurred_at_ms, value ->> 12 AS notes, value ->> 13 AS raw, value ->> 14 AS kind,
    value ->> 15 AS with_plus
  FROM json_each(?1)
",
    "
s AS (
  SELECT u.*,
    row_number() OVER (PARTITION BY u.space_id ORDER BY u.at) AS nth,
    row_number() OVER (PARTITION BY u.space_id, u.dedup ORDER BY u.at) > 1 OR EXISTS (
      SELECT 1 FROM events e WHERE e.space_id = u.space_id AND e.dedup = u.dedup
    ) AS again
  FROM u
),
n AS (
  SELECT s.*, row_number() OVER (
    PARTITION BY s.space_id, s.event, s.person, iif(s.person IS NULL, s.tg_id, NULL), s.again
    ORDER BY s.at
  ) = 1 AS leads
  FROM s ORDER BY s.at
)",
    "?2",
    "RETURNING seq"
);

/// What became of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is a new event of its space.
    New(Name),
    /// It was an event already.
    Known(Name),
}

/// How an event is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub space_id: i64,
    /// Its number within the space.
    pub seq: i64,
    /// The id of the arrival that stored it.
    pub receipt: String,
    /// Whether its space has destinations that it may have to be sent to.
    pub has_destinations: bool,
}

impl Name {
    fn read(row: &Row) -> Self {
        Self {
            space_id: row.number("space_id"),
            seq: row.number("seq"),
            receipt: row.text("receipt"),
            has_destinations: row.is("has_destinations"),
        }
    }
}

/// Stores a report under the space of its key. One round trip; at most 4 rows written for a new
/// event (the event, its unique key, the uid's index, the counter), one more with a `tg_id`; 1 for a
/// duplicate. `None` where the key opens no space: then nothing is stored.
pub async fn store(
    db: &D1Database,
    arrival: &Arrival,
    report: &Report,
    raw: &str,
) -> Result<(Option<Stored>, Cost), Error> {
    let mut values = columns(arrival, report, raw).map(Column::bound).to_vec();
    values.push(plus_restored());
    let Rows { rows, cost } = run(db, STORE, &values).await?;
    let stored = rows.first().map(Name::read).map(|name| {
        if name.receipt == arrival.receipt { Stored::New(name) } else { Stored::Known(name) }
    });
    Ok((stored, cost))
}

/// Stores many reports in one round trip, as if they came one after the other. What a key does not
/// open is left out. Gives how many were new or known.
pub async fn store_many(
    db: &D1Database,
    reports: &[(&Arrival, &Report, &str)],
) -> Result<usize, Error> {
    let rows: Vec<_> =
        reports.iter().map(|(arrival, report, raw)| columns(arrival, report, raw)).collect();
    let json = serde_json::to_string(&rows).unwrap_or_default();
    Ok(run(db, STORE_MANY, &[text(&json), plus_restored()]).await?.rows.len())
}

fn plus_restored() -> JsValue {
    text(&Note::PlusRestored.to_string())
}

/// A value of a report, to be bound or written as JSON.
enum Column {
    Text(Option<String>),
    Number(Option<i64>),
}

impl Column {
    fn bound(self) -> JsValue {
        match self {
            Self::Text(value) => optional_text(value.as_deref()),
            Self::Number(value) => optional_number(value),
        }
    }
}

impl Serialize for Column {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(value) => value.serialize(serializer),
            Self::Number(value) => value.serialize(serializer),
        }
    }
}

/// What both statements take, in their order.
fn columns(arrival: &Arrival, report: &Report, raw: &str) -> [Column; 16] {
    let text = |text: &str| Column::Text(Some(text.to_owned()));
    let uid = report.uid.as_ref().map(Id::as_str);
    let with_plus = uid.filter(|uid| uid.contains(' ')).map(|uid| uid.replace(' ', "+"));
    [
        text(&arrival.key_hash),
        Column::Number(Some(arrival.received_at_ms)),
        text(&arrival.receipt),
        text(report.dedup_key().as_str()),
        text(report.event.code()),
        Column::Text(uid.map(str::to_owned)),
        Column::Text(report.eid.as_ref().map(|eid| eid.as_str().to_owned())),
        Column::Number(report.tg_id.map(TgId::number)),
        Column::Text(report.value.clone()),
        Column::Text(report.amount.map(|amount| amount.micros().to_string())),
        text(report.currency.as_str()),
        Column::Number(Some(report.occurred_at.ms())),
        Column::Text(postback::to_json(&report.notes)),
        text(raw),
        text(arrival.key_kind.name()),
        Column::Text(with_plus),
    ]
}
