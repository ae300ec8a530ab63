//! Storing an event exactly once, and counting it, in one statement.

use constcat::concat;
use serde::Serialize;
use worker::D1Database;
use worker::wasm_bindgen::JsValue;

use super::row::Row;
use super::rule::Shut;
use super::{Cost, json, key, text};
use crate::edge;
use crate::error::Error;
use crate::model::event::{Arrival, Id, Report, TgId};
use crate::model::note::{self, Note};

pub(super) const INTO_EVENTS: &str = "
INSERT INTO events (
  space_id, seq, dedup, event, uid, eid, tg_id, value, micros, currency,
  occurred_at_ms, received_at_ms, link_id, first, receipt, notes, raw, counted, by_key
)";

/// The columns of `report`, which is JSON of [`Columns`]; `at` is where it stands among others.
pub(super) const COLUMNS: &str = "
  SELECT at, report ->> 'key_hash' AS hash, report ->> 'key_kind' AS kind,
    report ->> 'received_at_ms' AS received_at_ms, report ->> 'receipt' AS receipt,
    report ->> 'dedup' AS dedup, report ->> 'event' AS event, report ->> 'uid' AS uid,
    report ->> 'eid' AS eid, report ->> 'tg_id' AS tg_id, report ->> 'value' AS value,
    report ->> 'micros' AS micros, report ->> 'currency' AS currency,
    report ->> 'occurred_at_ms' AS occurred_at_ms, report ->> 'notes' AS notes, report ->> 'raw' AS raw,
    report ->> 'rules' AS rules, coalesce(report ->> 'counted', 1) AS counted";

/// From the reports `p` those whose keys open a space, and that were read by the rules that the space has on, each with
/// the number of its key.
pub(super) const ADMITTED: &str = "
k AS (
  SELECT p.*, y.space_id, y.n AS by_key FROM p JOIN keys y
    ON y.hash = p.hash AND y.kind = p.kind
    AND (y.expires_at_ms IS NULL OR y.expires_at_ms > p.received_at_ms)
    AND (p.rules IS NULL OR p.rules = y.rules)
)";

/// Rows from before have other keys where there is no eid: without the Telegram user, or with the uid's
/// own plus. A report of the same that comes again is still the same event, by this key.
pub(super) const OLDER_DEDUP: &str = "
    CASE
      WHEN k.dedup GLOB '?#*' THEN (
        SELECT e.dedup FROM events e INDEXED BY events_dedup
        WHERE e.space_id = k.space_id AND e.tg_id = k.tg_id
          AND e.dedup = substr(k.dedup, 1, 1) || '@' || k.occurred_at_ms || ':'
      )
      WHEN k.dedup GLOB '?@*' AND k.uid GLOB '*+*' THEN (
        SELECT e.dedup FROM events e INDEXED BY events_dedup
        WHERE e.space_id = k.space_id
          AND e.dedup = substr(k.dedup, 1, 1) || '@' || k.occurred_at_ms || ':' || k.uid
      )
    END";

/// From the admitted `k` these `u`, with the click that the uid leads to.
pub(super) const TRACED: &str = concat!(
    "
u AS (
  SELECT k.*, c.link_id, c.uid <> k.uid AS plus_restored,",
    OLDER_DEDUP,
    " AS older_dedup
  FROM k LEFT JOIN clicks c ON c.space_id = k.space_id AND c.uid = coalesce(
    (SELECT x.uid FROM clicks x WHERE x.space_id = k.space_id AND x.uid = k.uid),
    iif(k.uid GLOB '*[ +]*', (
      SELECT f.uid FROM folded_clicks f
      WHERE f.space_id = k.space_id AND f.folded = replace(k.uid, '+', ' ')
      ORDER BY f.clicked_at_ms, f.uid LIMIT 1
    ), NULL)
  )
)"
);

/// The rows to insert. `n` is `u` with what depends on the other reports, which this statement cannot
/// see in the table: `nth`, a report's place among the new ones of its space, and whether it `leads`
/// those of its kind and person. `?2` is what is noted where a uid's plus was restored.
pub(super) const STORED: &str = "
SELECT
  n.space_id,
  coalesce((SELECT max(e.seq) FROM events e WHERE e.space_id = n.space_id), 0) + n.nth,
  coalesce(n.older_dedup, n.dedup), n.event, n.uid, n.eid, n.tg_id, n.value, n.micros, n.currency,
  n.occurred_at_ms, n.received_at_ms,
  coalesce(
    n.link_id,
    (
      SELECT o.link_id FROM (
        SELECT t.uid, t.link_id, t.clicked_at_ms - n.occurred_at_ms AS away FROM tg_clicks t
        WHERE t.space_id = n.space_id AND t.tg_id = n.tg_id
      ) o
      ORDER BY o.away <= 0 DESC, abs(o.away), o.uid LIMIT 1
    ),
    0
  ),
  CASE
    WHEN n.counted = 0 THEN 0
    WHEN n.uid IS NOT NULL THEN n.leads AND NOT EXISTS (
      SELECT 1 FROM events e INDEXED BY events_uid
      WHERE e.space_id = n.space_id AND e.uid = n.uid AND e.event = n.event AND e.counted = 1
    ) AND iif(n.uid GLOB '*[ +]*', NOT EXISTS (
      SELECT 1 FROM folded_events f
      WHERE f.space_id = n.space_id AND f.folded = replace(n.uid, '+', ' ') AND f.event = n.event AND f.counted = 1
    ), 1)
    WHEN n.tg_id IS NOT NULL THEN n.leads AND NOT EXISTS (
      SELECT 1 FROM events e INDEXED BY events_tg
      WHERE e.space_id = n.space_id AND e.tg_id = n.tg_id AND e.event = n.event AND e.uid IS NULL AND e.counted = 1
    )
    ELSE 0
  END,
  n.receipt,
  CASE WHEN n.plus_restored THEN json_insert(coalesce(n.notes, '[]'), '$[#]', ?2) ELSE n.notes END,
  n.raw, n.counted, n.by_key
FROM n
WHERE true";

/// What comes again under the same id. It is kept when it came, and where it says something else also what:
/// another amount, currency or uid; that it leaves one out is nothing else, and a test says nothing. The trigger `events_again` then
/// makes a version of it.
pub(super) const OR_AGAIN: &str = "
ON CONFLICT (space_id, dedup) DO UPDATE SET
  refires = refires + (receipt <> excluded.receipt),
  again = iif(receipt = excluded.receipt, again, json_set(
    coalesce(again, '[]'),
    '$[' || min(coalesce(json_array_length(again), 0), 49) || ']',
    json(iif(
      excluded.counted = 1 AND (
        excluded.micros IS NOT NULL AND (excluded.micros IS NOT micros OR excluded.currency <> currency)
          OR excluded.uid IS NOT NULL AND replace(excluded.uid, '+', ' ') IS NOT replace(uid, '+', ' ')
      ),
      json_object(
        'ms', excluded.received_at_ms, 'uid', excluded.uid, 'value', substr(excluded.value, 1, 64),
        'micros', excluded.micros, 'currency', excluded.currency, 'raw', excluded.raw
      ),
      excluded.received_at_ms
    ))
  ))";

pub(super) const NAMED: &str = "
RETURNING space_id, seq, receipt, EXISTS (
  SELECT 1 FROM destinations d WHERE d.space_id = events.space_id AND d.enabled = 1
) AS has_destinations
";

/// Stores a report. The key gives the space; the unique key on `dedup` decides new or duplicate; the
/// trigger on a really inserted row counts it. The uid leads to its click and so to the link, else
/// the Telegram user's binds do; schema.sql moves the event when either comes later. All spellings of
/// a uid are one person's, whatever clicks there are or will be: so `first` never changes. No row comes
/// back for a key that is unknown, expired or of the other kind. A retry of our own carries the
/// receipt of the first try: it raises no re-fire, and is answered as the first would have been.
///
/// A report is one JSON object: one parameter crosses into the runtime and D1's protocol sooner than
/// fifteen.
pub(super) const STORE: &str = concat!(
    INTO_EVENTS,
    "
WITH
p AS (",
    COLUMNS,
    "
  FROM (SELECT ?1 AS report, 0 AS at)
),",
    ADMITTED,
    ",",
    TRACED,
    ",
n AS (SELECT u.*, 1 AS nth, 1 AS leads FROM u)",
    STORED,
    OR_AGAIN,
    NAMED
);

/// The same for a report that names no Telegram user, and whose uid has neither plus nor space, as most
/// of what networks send: without the rules that it cannot need. Compiling them takes SQLite longer
/// than storing an event (measured: 420 against 200 µs to compile, 21 against 17 to run).
const STORE_PLAIN: &str = concat!(
    INTO_EVENTS,
    "
WITH
p AS (",
    COLUMNS,
    "
  FROM (SELECT ?1 AS report, 0 AS at)
),",
    ADMITTED,
    ",
n AS (
  SELECT k.*, c.link_id FROM k LEFT JOIN clicks c ON c.space_id = k.space_id AND c.uid = k.uid
)
SELECT
  n.space_id,
  coalesce((SELECT max(e.seq) FROM events e WHERE e.space_id = n.space_id), 0) + 1,
  n.dedup, n.event, n.uid, n.eid, NULL, n.value, n.micros, n.currency,
  n.occurred_at_ms, n.received_at_ms,
  coalesce(n.link_id, 0),
  n.uid IS NOT NULL AND n.counted = 1 AND NOT EXISTS (
    SELECT 1 FROM events e INDEXED BY events_uid
    WHERE e.space_id = n.space_id AND e.uid = n.uid AND e.event = n.event AND e.counted = 1
  ),
  n.receipt, n.notes, n.raw, n.counted, n.by_key
FROM n
WHERE true",
    OR_AGAIN,
    NAMED
);

/// From the traced `u` of many reports, in their order, the `n` that STORED takes. What is known already, or comes
/// twice, leads nobody and takes no number: it stands behind the new ones, since a number that is taken would
/// refuse the whole statement.
pub(super) const TOGETHER: &str = "
s AS (
  SELECT u.*,
    row_number() OVER (
      PARTITION BY u.space_id, coalesce(u.older_dedup, u.dedup) ORDER BY u.at
    ) > 1 OR EXISTS (
      SELECT 1 FROM events e
      WHERE e.space_id = u.space_id AND e.dedup = coalesce(u.older_dedup, u.dedup)
    ) AS again
  FROM u
),
n AS (
  SELECT s.*,
    row_number() OVER (PARTITION BY s.space_id ORDER BY s.again, s.at) AS nth,
    row_number() OVER (
      PARTITION BY
        s.space_id, s.event, replace(s.uid, '+', ' '), iif(s.uid IS NULL, s.tg_id, NULL), s.again, s.counted
      ORDER BY s.at
    ) = 1 AS leads
  FROM s ORDER BY s.at
)";

/// The same for a JSON array of reports.
pub(super) const STORE_MANY: &str = concat!(
    INTO_EVENTS,
    "
WITH
p AS (",
    COLUMNS,
    "
  FROM (SELECT value AS report, key AS at FROM json_each(?1))
),",
    ADMITTED,
    ",",
    TRACED,
    ",",
    TOGETHER,
    STORED,
    OR_AGAIN,
    "
RETURNING space_id, seq, receipt, dedup, EXISTS (
  SELECT 1 FROM destinations d WHERE d.space_id = events.space_id AND d.enabled = 1
) AS has_destinations
"
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Name {
    pub space_id: i64,
    /// Its number within the space.
    pub seq: i64,
    /// The id of the arrival that stored it.
    pub receipt: String,
    /// Whether its space has destinations that it may have to be sent to.
    pub has_destinations: bool,
}

impl Stored {
    /// What an arrival was to the event that it is now: its own receipt there says that it came first.
    pub fn of(name: Name, receipt: &str) -> Self {
        if name.receipt == receipt { Self::New(name) } else { Self::Known(name) }
    }
}

impl Name {
    pub(super) fn read(row: &Row) -> Self {
        Self {
            space_id: row.number("space_id"),
            seq: row.number("seq"),
            receipt: row.text("receipt"),
            has_destinations: row.is("has_destinations"),
        }
    }
}

/// Stores a report under the space of its key. One round trip; at most 4 rows written for a new
/// event (the event, its unique key, the uid's index, the counter), one more with a `tg_id`, one more
/// with a plus or a space in the uid, one more for the first of its key; 1 for a duplicate. Where nothing is
/// stored, it says why.
pub async fn store(
    db: &D1Database,
    arrival: &Arrival,
    report: &Report,
    raw: &str,
) -> Result<(Result<Stored, Shut>, Cost), Error> {
    let values = [json(&Columns::of(arrival, report, raw)), plus_restored()];
    let (sql, values) =
        if is_plain(report) { (STORE_PLAIN, &values[..1]) } else { (STORE, &values[..]) };
    let (row, cost) = key::run_alone(db, arrival, sql, values).await?;
    Ok((row.map(|row| Stored::of(Name::read(&row), &arrival.receipt)), cost))
}

/// Stores many reports in one round trip, as if they came one after the other. What a key does not
/// open is left out. Gives how many were new or known.
pub async fn store_many(
    db: &D1Database,
    reports: &[(&Arrival, &Report, &str)],
) -> Result<usize, Error> {
    let rows: Vec<_> =
        reports.iter().map(|(arrival, report, raw)| Columns::of(arrival, report, raw)).collect();
    let hashes: Vec<_> = reports.iter().map(|(arrival, _, _)| arrival.key_hash.as_str()).collect();
    let values = [json(&rows), plus_restored()];
    Ok(key::run_used(db, &hashes, edge::now_ms(), STORE_MANY, &values).await?.rows.len())
}

/// A report as JSON, as one of the array that STORE_MANY takes.
pub fn as_json(arrival: &Arrival, report: &Report, raw: &str) -> String {
    serde_json::to_string(&Columns::of(arrival, report, raw)).unwrap_or_default()
}

/// Whether a report needs neither the rules of Telegram users nor those of a uid's spellings.
fn is_plain(report: &Report) -> bool {
    let may_be_respelled = |uid: &Id| uid.as_str().contains(['+', ' ']);
    report.tg_id.is_none() && !report.uid.as_ref().is_some_and(may_be_respelled)
}

pub(super) fn plus_restored() -> JsValue {
    text(&Note::PlusRestored.to_string())
}

/// What the statements take of a report, with how it arrived.
#[derive(Serialize)]
pub(super) struct Columns<'a, A> {
    #[serde(flatten)]
    arrival: &'a A,
    pub(super) dedup: String,
    event: &'static str,
    uid: Option<&'a str>,
    eid: Option<&'a str>,
    tg_id: Option<i64>,
    value: Option<&'a str>,
    /// As text, since it may pass 2^53.
    micros: Option<String>,
    currency: &'a str,
    occurred_at_ms: i64,
    notes: Option<String>,
    raw: &'a str,
    /// 0 for what is not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    counted: Option<u8>,
}

impl<'a, A: Serialize> Columns<'a, A> {
    pub(super) fn of(arrival: &'a A, report: &'a Report, raw: &'a str) -> Self {
        Self {
            arrival,
            dedup: report.dedup_key().as_str().to_owned(),
            event: report.event.code(),
            uid: report.uid.as_ref().map(Id::as_str),
            eid: report.eid.as_ref().map(Id::as_str),
            tg_id: report.tg_id.map(TgId::number),
            value: report.value.as_deref(),
            micros: report.amount.map(|amount| amount.micros().to_string()),
            currency: report.currency.as_str(),
            occurred_at_ms: report.occurred_at.ms(),
            notes: note::to_json(&report.notes),
            raw,
            counted: (!report.counts).then_some(0),
        }
    }
}
