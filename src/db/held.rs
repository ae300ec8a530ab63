//! Keeping refused postbacks, so that nothing a network sent is lost.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use worker::D1Database;

use super::{Cost, number, optional_text, run, text};
use crate::error::Error;
use crate::event::Arrival;
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
    let fingerprint = HEXLOWER.encode(digest.get(..FINGERPRINT_BYTES).unwrap_or_default());
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
