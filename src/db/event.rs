//! Storing an event exactly once, and counting it, in one statement.

use serde::Deserialize;
use worker::D1Database;

use super::{Cost, number, optional_number, optional_text, run, text};
use crate::error::Error;
use crate::event::{Arrival, Id, Report, TgId};
use crate::postback;

/// The key gives the space; the unique key on `dedup` decides new or duplicate; the trigger on a
/// really inserted row counts it. No row comes back for a key that is unknown, expired or of the
/// other kind. A retry of our own carries the receipt of the first try: it raises no re-fire, and
/// is answered as the first would have been.
const STORE: &str = "
INSERT INTO events (
  space_id, seq, dedup, event, uid, eid, tg_id, value, micros, currency,
  occurred_at_ms, received_at_ms, first, receipt, notes, raw
)
SELECT
  k.space_id,
  coalesce((SELECT max(e.seq) FROM events e WHERE e.space_id = k.space_id), 0) + 1,
  ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?2,
  ?6 IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM events e WHERE e.space_id = k.space_id AND e.uid = ?6 AND e.event = ?5
  ),
  ?3, ?13, ?14
FROM keys k
WHERE k.hash = ?1 AND k.kind = 'ingest' AND (k.expires_at_ms IS NULL OR k.expires_at_ms > ?2)
ON CONFLICT (space_id, dedup) DO UPDATE SET refires = refires + (receipt <> excluded.receipt)
RETURNING seq, receipt = ?3 AS fresh
";

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is event number `seq` of its space.
    New { seq: u64 },
    /// It was event number `seq` already.
    Known { seq: u64 },
    /// The key opens no space.
    UnknownKey,
}

#[derive(Deserialize)]
struct Row {
    seq: u64,
    fresh: u8,
}

/// Stores a report under the space of its key. One round trip; at most 4 rows written for a new
/// event (the event, its unique key, the uid's index, the counter), 1 for a duplicate.
pub async fn store(
    db: &D1Database,
    arrival: &Arrival,
    report: &Report,
    raw: &str,
) -> Result<(Stored, Cost), Error> {
    let micros = report.amount.map(|amount| amount.micros().to_string());
    let values = [
        text(&arrival.key_hash),
        number(arrival.received_at_ms),
        text(&arrival.receipt),
        text(report.dedup_key().as_str()),
        text(report.event.code()),
        optional_text(report.uid.as_ref().map(Id::as_str)),
        optional_text(report.eid.as_ref().map(Id::as_str)),
        optional_number(report.tg_id.map(TgId::number)),
        optional_text(report.value.as_deref()),
        optional_text(micros.as_deref()),
        text(report.currency.as_str()),
        number(report.occurred_at.ms()),
        optional_text(postback::to_json(&report.notes).as_deref()),
        text(raw),
    ];
    let result = run::<Row>(db, STORE, &values).await?;
    let stored = match result.rows.first() {
        Some(Row { seq, fresh: 1 }) => Stored::New { seq: *seq },
        Some(Row { seq, .. }) => Stored::Known { seq: *seq },
        None => Stored::UnknownKey,
    };
    Ok((stored, result.cost))
}
