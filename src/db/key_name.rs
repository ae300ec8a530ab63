//! A space's keys by their numbers: an additional one, another name, an end for good. A number is never given twice,
//! since events say by it which key they came with.

use worker::D1Database;
use worker::wasm_bindgen::JsValue;

use super::row::Row;
use super::{number, optional_text, rows_of, run, run_together, text};
use crate::error::Error;
use crate::model::key_name::{KeyDraft, MOST_LIVING};
use crate::model::space::SHOWN_AGAIN_MS;

/// 1 and 2 are the first of each kind, whether they are there or not.
const NAME: &str = "
INSERT INTO key_names (space_id, n, kind, name, network, created_at_ms)
SELECT s.id, max(2, coalesce((SELECT max(w.n) FROM key_names w WHERE w.space_id = s.id), 0)) + 1, ?3, ?4, ?5, ?6
FROM spaces s
WHERE s.id = ?1 AND NOT EXISTS (SELECT 1 FROM keys k WHERE k.hash = ?2)
  AND (SELECT count(*) FROM key_names w WHERE w.space_id = s.id AND w.ended_at_ms IS NULL) < ?7
";

/// The newest number is the one that was just given, if one was.
const ADD: &str = "
INSERT INTO keys (hash, space_id, kind, created_at_ms, n)
SELECT ?2, w.space_id, w.kind, w.created_at_ms, w.n FROM key_names w
WHERE changes() = 1 AND w.space_id = ?1 ORDER BY w.n DESC LIMIT 1
";

const NOTE_UNUSED: &str = "
INSERT INTO unused_keys (hash) SELECT ?1 WHERE changes() = 1
";

/// As long as it may be shown.
const MADE: &str = "
SELECT n FROM keys WHERE hash = ?2 AND space_id = ?1 AND expires_at_ms IS NULL AND created_at_ms > ?3
";

const RENAME: &str = "
UPDATE key_names SET name = ?3 WHERE space_id = ?1 AND n = ?2 RETURNING n AS id
";

/// Of a key that has ended it says so, and changes nothing.
const END_NAME: &str = "
UPDATE key_names SET ended_at_ms = coalesce(ended_at_ms, ?3) WHERE space_id = ?1 AND n = ?2 RETURNING n AS id
";

const END_SECRETS: &str = "
UPDATE keys SET expires_at_ms = ?3
WHERE space_id = ?1 AND n = ?2 AND (expires_at_ms IS NULL OR expires_at_ms > ?3)
";

/// Which key an event came with; no row for one that was entered by hand, or came before that was kept.
pub(super) const OF_EVENT: &str = "
SELECT w.n, w.name FROM events e JOIN key_names w ON w.space_id = e.space_id AND w.n = e.by_key
WHERE e.space_id = ?1 AND e.seq = ?2
";

/// A key as what came with it names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyName {
    pub n: i64,
    pub name: String,
}

impl KeyName {
    pub(super) fn read(row: &Row) -> Option<Self> {
        Some(Self { n: row.optional_number("n")?, name: row.text("name") })
    }
}

/// Adds a key under the hash of its secret and gives its number, also to whoever adds the same again within five
/// minutes; `None` where the space has as many living ones as it can have, or is not there.
pub async fn add(
    db: &D1Database,
    space_id: i64,
    hash: &str,
    draft: &KeyDraft,
    now_ms: i64,
) -> Result<Option<i64>, Error> {
    let (space, hash) = (number(space_id), text(hash));
    let name = [
        space.clone(),
        hash.clone(),
        text(draft.kind.name()),
        text(&draft.name),
        optional_text(draft.network.as_deref()),
        number(now_ms),
        number(MOST_LIVING),
    ];
    let made = [space, hash.clone(), number(now_ms - SHOWN_AGAIN_MS)];
    let statements: [(&str, &[JsValue]); 4] = [
        (NAME, &name),
        (ADD, made.get(..2).unwrap_or_default()),
        (NOTE_UNUSED, &[hash]),
        (MADE, &made),
    ];
    let results = run_together(db, &statements).await?;
    Ok(rows_of(&results, 3)?.first().map(|row| row.number("n")))
}

/// Gives a key another name; false where the space has none of this number.
pub async fn rename(db: &D1Database, space_id: i64, n: i64, name: &str) -> Result<bool, Error> {
    let values = [number(space_id), number(n), text(name)];
    Ok(run(db, RENAME, &values).await?.id().is_some())
}

/// Ends a key for good, with every secret that it has; false where the space has none of this number.
pub async fn end(db: &D1Database, space_id: i64, n: i64, now_ms: i64) -> Result<bool, Error> {
    let values = [number(space_id), number(n), number(now_ms)];
    let results = run_together(db, &[(END_NAME, &values), (END_SECRETS, &values)]).await?;
    Ok(!rows_of(&results, 0)?.is_empty())
}
