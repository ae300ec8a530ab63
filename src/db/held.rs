//! Keeping refused postbacks, so that nothing a network sent is lost.

use sha2::{Digest, Sha256};
use worker::D1Database;
use worker::wasm_bindgen::JsValue;

use super::row::Row;
use super::space::{self, Spaces};
use super::{Cost, number, optional_text, rows_of, run, run_together, text};
use crate::encode;
use crate::error::Error;
use crate::event::Arrival;
use crate::json;
use crate::postback::{self, Refusal};

/// Bytes of the fingerprint: 128 bits, since two that collided would lose one of the postbacks.
const FINGERPRINT_BYTES: usize = 16;

/// As for events: the key gives the space, and no row comes back for a key that opens none.
const KEEP: &str = "
INSERT INTO held (space_id, seq, fingerprint, status, notes, raw, received_at_ms, receipt)
SELECT
  k.space_id,
  coalesce((SELECT max(h.seq) FROM held h WHERE h.space_id = k.space_id), 0) + 1,
  ?4, ?5, ?6, ?7, ?2, ?3
FROM keys k
WHERE k.hash = ?1 AND k.kind = ?8 AND (k.expires_at_ms IS NULL OR k.expires_at_ms > ?2)
ON CONFLICT (space_id, fingerprint) DO UPDATE SET refires = refires + (receipt <> excluded.receipt)
RETURNING seq
";

/// Refused postbacks that a page shows.
pub const PAGE: i64 = 50;

/// Newest first, below a number.
pub(super) const NEWEST: &str = "
SELECT seq, status, notes, raw, received_at_ms, refires FROM held
WHERE space_id = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3
";

/// A refused postback.
#[derive(Clone, Debug)]
pub struct Held {
    pub seq: i64,
    pub status: String,
    pub notes: Vec<String>,
    pub raw: String,
    /// Of the first arrival.
    pub received_at_ms: i64,
    pub refires: i64,
}

impl Held {
    pub(super) fn read(row: &Row) -> Self {
        Self {
            seq: row.number("seq"),
            status: row.text("status"),
            notes: json::texts(&json::read(&row.text("notes"))),
            raw: row.text("raw"),
            received_at_ms: row.number("received_at_ms"),
            refires: row.number("refires"),
        }
    }
}

pub(super) fn below(space_id: i64, before: Option<i64>) -> [JsValue; 3] {
    super::feed::below(space_id, before, PAGE)
}

/// The newest refused postbacks below a number, at most 50.
pub async fn newest(
    db: &D1Database,
    space_id: i64,
    before: Option<i64>,
) -> Result<(Spaces, Vec<Held>), Error> {
    let below = below(space_id, before);
    let results = run_together(db, &[(space::LIST, &[]), (NEWEST, &below)]).await?;
    let held = rows_of(&results, 1)?.iter().map(Held::read).collect();
    Ok((Spaces::read(&results, space_id)?, held))
}

/// Keeps a refused postback and gives its number. `None` where the key opens no space: then nothing
/// is kept.
pub async fn keep(
    db: &D1Database,
    arrival: &Arrival,
    refusal: &Refusal,
    raw: &str,
) -> Result<(Option<i64>, Cost), Error> {
    let status = refusal.status.word();
    let digest = Sha256::digest(format!("{status}\n{raw}").as_bytes());
    let fingerprint = encode::hex(digest.get(..FINGERPRINT_BYTES).unwrap_or_default());
    let values = [
        text(&arrival.key_hash),
        number(arrival.received_at_ms),
        text(&arrival.receipt),
        text(&fingerprint),
        text(status),
        optional_text(postback::to_json(&refusal.notes).as_deref()),
        text(raw),
        text(arrival.key_kind.name()),
    ];
    let result = run(db, KEEP, &values).await?;
    Ok((result.rows.first().map(|row| row.number("seq")), result.cost))
}
