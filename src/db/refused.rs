//! Keeping refused postbacks, so that nothing a network sent is lost. Their table is called `held`.

use serde::Serialize;
use sha2::{Digest, Sha256};
use worker::D1Database;
use worker::wasm_bindgen::JsValue;

use super::key_name::KeyName;
use super::row::Row;
use super::rule::Shut;
use super::space::{self, Home, Spaces};
use super::{Cost, key, number, rows_of, run_together};
use crate::edge;
use crate::error::Error;
use crate::model::event::Arrival;
use crate::model::note;
use crate::model::status::Status;
use crate::postback::Refusal;
use crate::text::encode;
use crate::text::json;

/// Bytes of the fingerprint: 128 bits, since two that collided would lose one of the postbacks.
const FINGERPRINT_BYTES: usize = 16;

/// Keeps a JSON array of [`Columns`] in their order. As for events: the key gives the space, and no row
/// comes back for a key that opens none.
const KEEP: &str = "
INSERT INTO held (space_id, seq, fingerprint, status, notes, raw, received_at_ms, receipt, by_key)
SELECT
  k.space_id,
  coalesce((SELECT max(h.seq) FROM held h WHERE h.space_id = k.space_id), 0)
    + row_number() OVER (PARTITION BY k.space_id ORDER BY p.key),
  p.value ->> 'fingerprint', p.value ->> 'status', p.value ->> 'notes', p.value ->> 'raw',
  p.value ->> 'received_at_ms', p.value ->> 'receipt', k.n
FROM json_each(?1) p CROSS JOIN keys k
WHERE k.hash = p.value ->> 'key_hash' AND k.kind = p.value ->> 'key_kind'
  AND (k.expires_at_ms IS NULL OR k.expires_at_ms > p.value ->> 'received_at_ms')
  AND (p.value ->> 'rules' IS NULL OR p.value ->> 'rules' = k.rules)
ORDER BY p.key
ON CONFLICT (space_id, fingerprint) DO UPDATE SET refires = refires + (receipt <> excluded.receipt)
RETURNING seq
";

/// Refused postbacks that a page shows.
pub const PAGE: i64 = 50;

/// Newest first, below a number.
pub(super) const NEWEST: &str = "
SELECT seq, status, notes, raw, received_at_ms, refires, event_seq FROM held
WHERE space_id = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3
";

const ONE: &str = "
SELECT h.seq, h.status, h.notes, h.raw, h.received_at_ms, h.refires, h.event_seq, w.n, w.name
FROM held h LEFT JOIN key_names w ON w.space_id = h.space_id AND w.n = h.by_key
WHERE h.space_id = ?1 AND h.seq = ?2
";

/// A refused postback.
#[derive(Clone, Debug)]
pub struct Refused {
    pub seq: i64,
    /// `None` for one that a later version has.
    pub status: Option<Status>,
    pub notes: Vec<String>,
    pub raw: String,
    /// Of the first arrival.
    pub received_at_ms: i64,
    pub refires: i64,
    /// The event that it has become since.
    pub event_seq: Option<i64>,
    /// The key that it came with, where that is known and was asked for.
    pub key: Option<KeyName>,
}

impl Refused {
    pub(super) fn read(row: &Row) -> Self {
        Self {
            seq: row.number("seq"),
            status: Status::parse(&row.text("status")),
            notes: json::texts(&json::read(&row.text("notes"))),
            raw: row.text("raw"),
            received_at_ms: row.number("received_at_ms"),
            refires: row.number("refires"),
            event_seq: row.optional_number("event_seq"),
            key: KeyName::read(row),
        }
    }
}

pub(super) fn below(space_id: i64, before: Option<i64>) -> [JsValue; 3] {
    super::feed::below(space_id, before, PAGE)
}

/// A refused postback by its number; `None` where the space has none of it.
pub async fn one(home: &Home, space_id: i64, seq: i64) -> Result<(Spaces, Option<Refused>), Error> {
    let values = [number(space_id), number(seq)];
    let results =
        run_together(home, &[(space::OF_PAGE, &[number(space_id)]), (ONE, &values)]).await?;
    let refused = rows_of(&results, 1)?.first().map(Refused::read);
    Ok((home.spaces(&results, space_id)?, refused))
}

/// Keeps a refused postback in one round trip; where nothing is kept, it says why.
pub async fn keep(
    db: &D1Database,
    arrival: &Arrival,
    refusal: &Refusal,
    raw: &str,
) -> Result<(Result<(), Shut>, Cost), Error> {
    let values = [super::json(&[Columns::of(arrival, refusal, raw)])];
    let (row, cost) = key::run_alone(db, arrival, KEEP, &values).await?;
    Ok((row.map(|_seq| ()), cost))
}

/// Keeps refused postbacks in one round trip. Gives how many of their keys open a space: of the
/// others nothing is kept.
pub async fn keep_many(
    db: &D1Database,
    refused: &[(&Arrival, &Refusal, &str)],
) -> Result<usize, Error> {
    let rows: Vec<_> =
        refused.iter().map(|(arrival, refusal, raw)| Columns::of(arrival, refusal, raw)).collect();
    let hashes: Vec<_> = refused.iter().map(|(arrival, _, _)| arrival.key_hash.as_str()).collect();
    let values = [super::json(&rows)];
    Ok(key::run_used(db, &hashes, edge::now_ms(), KEEP, &values).await?.rows.len())
}

/// What KEEP takes of a refused postback.
#[derive(Serialize)]
struct Columns<'a> {
    #[serde(flatten)]
    arrival: &'a Arrival,
    fingerprint: String,
    status: &'static str,
    notes: Option<String>,
    raw: &'a str,
}

impl<'a> Columns<'a> {
    fn of(arrival: &'a Arrival, refusal: &Refusal, raw: &'a str) -> Self {
        let status = refusal.status.word();
        let digest = Sha256::digest(format!("{status}\n{raw}").as_bytes());
        let fingerprint = encode::hex(digest.get(..FINGERPRINT_BYTES).unwrap_or_default());
        Self { arrival, fingerprint, status, notes: note::to_json(&refusal.notes), raw }
    }
}
