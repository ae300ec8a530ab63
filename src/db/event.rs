//! Storing an event exactly once, and counting it, in one statement.

use worker::D1Database;

use super::row::Row;
use super::{Cost, Rows, number, optional_number, optional_text, run, text};
use crate::error::Error;
use crate::event::{Arrival, Id, Report, TgId};
use crate::postback::{self, Note};

/// The key gives the space; the unique key on `dedup` decides new or duplicate; the trigger on a
/// really inserted row counts it. The uid leads to its click and so to the link, else the Telegram
/// user's binds do; schema.sql moves the event when either comes later. No row comes back for a key
/// that is unknown, expired or of the other kind. A retry of our own carries the receipt of the first
/// try: it raises no re-fire, and is answered as the first would have been.
const STORE: &str = "
INSERT INTO events (
  space_id, seq, dedup, event, uid, eid, tg_id, value, micros, currency,
  occurred_at_ms, received_at_ms, link_id, first, receipt, notes, raw
)
WITH
k AS (
  SELECT space_id FROM keys
  WHERE hash = ?1 AND kind = ?15 AND (expires_at_ms IS NULL OR expires_at_ms > ?2)
),
u AS (
  SELECT k.space_id, coalesce(c.uid, ?6) AS uid, c.link_id, c.uid <> ?6 AS plus_restored
  FROM k LEFT JOIN clicks c ON c.space_id = k.space_id AND c.uid = coalesce(
    (SELECT e.uid FROM clicks e WHERE e.space_id = k.space_id AND e.uid = ?6), ?16
  )
)
SELECT
  u.space_id,
  coalesce((SELECT max(e.seq) FROM events e WHERE e.space_id = u.space_id), 0) + 1,
  ?4, ?5, u.uid, ?7, ?8, ?9, ?10, ?11, ?12, ?2,
  coalesce(
    u.link_id,
    (
      SELECT t.link_id FROM tg_clicks t
      WHERE t.space_id = u.space_id AND t.tg_id = ?8
      ORDER BY t.clicked_at_ms <= ?12 DESC, abs(t.clicked_at_ms - ?12), t.uid
      LIMIT 1
    ),
    0
  ),
  CASE
    WHEN u.uid IS NOT NULL THEN NOT EXISTS (
      SELECT 1 FROM events e WHERE e.space_id = u.space_id AND e.uid = u.uid AND e.event = ?5
    )
    WHEN ?8 IS NOT NULL THEN NOT EXISTS (
      SELECT 1 FROM events e
      WHERE e.space_id = u.space_id AND e.tg_id = ?8 AND e.event = ?5 AND e.uid IS NULL
    )
    ELSE 0
  END,
  ?3,
  CASE WHEN u.plus_restored THEN json_insert(coalesce(?13, '[]'), '$[#]', ?17) ELSE ?13 END,
  ?14
FROM u
WHERE true
ON CONFLICT (space_id, dedup) DO UPDATE SET refires = refires + (receipt <> excluded.receipt)
RETURNING space_id, seq, receipt, EXISTS (
  SELECT 1 FROM destinations d WHERE d.space_id = events.space_id AND d.enabled = 1
) AS has_destinations
";

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
    let uid = report.uid.as_ref().map(Id::as_str);
    let with_plus = uid.filter(|uid| uid.contains(' ')).map(|uid| uid.replace(' ', "+"));
    let micros = report.amount.map(|amount| amount.micros().to_string());
    let values = [
        text(&arrival.key_hash),
        number(arrival.received_at_ms),
        text(&arrival.receipt),
        text(report.dedup_key().as_str()),
        text(report.event.code()),
        optional_text(uid),
        optional_text(report.eid.as_ref().map(Id::as_str)),
        optional_number(report.tg_id.map(TgId::number)),
        optional_text(report.value.as_deref()),
        optional_text(micros.as_deref()),
        text(report.currency.as_str()),
        number(report.occurred_at.ms()),
        optional_text(postback::to_json(&report.notes).as_deref()),
        text(raw),
        text(arrival.key_kind.name()),
        optional_text(with_plus.as_deref()),
        text(&Note::PlusRestored.to_string()),
    ];
    let Rows { rows, cost } = run(db, STORE, &values).await?;
    let stored = rows.first().map(Name::read).map(|name| {
        if name.receipt == arrival.receipt { Stored::New(name) } else { Stored::Known(name) }
    });
    Ok((stored, cost))
}
