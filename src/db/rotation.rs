//! Giving a key another secret, which takes its place with a grace of a day, and ending the one before. A key's number
//! stays, and with it its name: networks that call with either secret are one source.

use constcat::concat;
use worker::D1Database;
use worker::wasm_bindgen::JsValue;

use super::{number, optional_text, rows_of, run, run_together, text};
use crate::error::Error;
use crate::model::key::KeyKind;
use crate::model::space::{GRACE_MS, SHOWN_AGAIN_MS};

/// Whether the secret that a rotation goes out from, ?3, is the current one of the key ?2; NULL where it is to have
/// none yet. What was ended for good stays so.
const GOES_OUT_FROM: &str = "s.id = ?1 AND (
  SELECT k.hash FROM keys k WHERE k.space_id = s.id AND k.n = ?2 AND k.expires_at_ms IS NULL
  ORDER BY k.created_at_ms DESC, k.hash LIMIT 1
) IS ?3 AND NOT EXISTS (
  SELECT 1 FROM key_names w WHERE w.space_id = s.id AND w.n = ?2 AND w.ended_at_ms IS NOT NULL
)
";

const NOTE_UNUSED: &str = concat!(
    "
INSERT INTO unused_keys (hash) SELECT ?4 FROM spaces s WHERE ",
    GOES_OUT_FROM
);

/// From here to the end of the rotation there are two current secrets, which nobody else sees.
const ADD: &str = concat!(
    "
INSERT INTO keys (hash, space_id, kind, created_at_ms, n)
SELECT ?4, s.id, ?6, ?5, ?2 FROM spaces s WHERE ",
    GOES_OUT_FROM
);

/// Where the current secret was used, the one before it ends now: two at a time are enough. Where nobody
/// has used the current one, the one before it is what networks call with, and keeps its time.
const END_BEFORE: &str = "
UPDATE keys SET expires_at_ms = ?5 WHERE space_id = ?1 AND n = ?2 AND expires_at_ms > ?5
  AND EXISTS (SELECT 1 FROM keys c WHERE c.hash = ?3 AND c.expires_at_ms IS NULL)
  AND EXISTS (SELECT 1 FROM keys n WHERE n.hash = ?4 AND n.expires_at_ms IS NULL)
  AND NOT EXISTS (SELECT 1 FROM unused_keys u WHERE u.hash = ?3)
";

const END_CURRENT: &str = "
UPDATE keys SET expires_at_ms = iif(hash IN (SELECT u.hash FROM unused_keys u), ?4, ?5)
WHERE space_id = ?1 AND n = ?2 AND expires_at_ms IS NULL AND hash <> ?3
  AND EXISTS (SELECT 1 FROM keys n WHERE n.hash = ?3 AND n.expires_at_ms IS NULL)
";

/// The new secret as long as it may be shown, and the end of the one before it.
const ROTATED: &str = "
SELECT coalesce(
  (SELECT max(p.expires_at_ms) FROM keys p WHERE p.space_id = c.space_id AND p.n = c.n AND p.expires_at_ms > ?4),
  ?4
) AS until_ms
FROM keys c
WHERE c.space_id = ?1 AND c.n = ?2 AND c.hash = ?3 AND c.expires_at_ms IS NULL AND c.created_at_ms > ?5
";

const END_PREVIOUS: &str = "
UPDATE keys SET expires_at_ms = ?3 WHERE space_id = ?1 AND n = ?2 AND expires_at_ms > ?3
RETURNING space_id AS id
";

/// A secret that takes another's place, both named by their hashes.
pub struct Rotation<'a> {
    pub space_id: i64,
    /// The number of the key that they are of.
    pub n: i64,
    pub kind: KeyKind,
    /// The secret that has to be the current one still; `None` where there is none yet.
    pub from: Option<&'a str>,
    pub to: &'a str,
    pub now_ms: i64,
}

/// Makes a secret the current one of its key, if the one that it goes out from is that still; else changes nothing.
/// The one before stays valid for 24 hours, or ends now where it was never used. Gives the time until
/// which a previous secret is valid, also to whoever asks for the same rotation again within five
/// minutes; `None` where another secret is the current one, or the key has ended for good.
pub async fn rotate(db: &D1Database, rotation: &Rotation<'_>) -> Result<Option<i64>, Error> {
    let now_ms = rotation.now_ms;
    let (space, n) = (number(rotation.space_id), number(rotation.n));
    let (from, to) = (optional_text(rotation.from), text(rotation.to));
    let (now, until) = (number(now_ms), number(now_ms + GRACE_MS));
    let kind = text(rotation.kind.name());
    let all = [space.clone(), n.clone(), from, to.clone(), now.clone(), kind];
    let noted = all.get(..4).unwrap_or_default();
    let before = all.get(..5).unwrap_or_default();
    let current = [space.clone(), n.clone(), to.clone(), now.clone(), until];
    let rotated = [space, n, to, now, number(now_ms - SHOWN_AGAIN_MS)];
    let statements: [(&str, &[JsValue]); 5] = [
        (NOTE_UNUSED, noted),
        (ADD, &all),
        (END_BEFORE, before),
        (END_CURRENT, &current),
        (ROTATED, &rotated),
    ];
    let results = run_together(db, &statements).await?;
    Ok(rows_of(&results, 4)?.first().map(|row| row.number("until_ms")))
}

/// Ends the previous secret of a key before its time; false where it has none that is valid.
pub async fn revoke_previous(
    db: &D1Database,
    space_id: i64,
    n: i64,
    now_ms: i64,
) -> Result<bool, Error> {
    let values = [number(space_id), number(n), number(now_ms)];
    Ok(run(db, END_PREVIOUS, &values).await?.id().is_some())
}
