//! The keys of a space. A key's end is a time and no deletion: what was received before it may still
//! wait in a queue.

use worker::D1Database;

use super::row::Row;
use super::space::{self, Spaces};
use super::{number, rows_of, run, run_together, text};
use crate::error::Error;
use crate::key::Kind;
use crate::space::GRACE_MS;

const OF_SPACE: &str = "
SELECT kind, created_at_ms, expires_at_ms FROM keys
WHERE space_id = ?1 AND (expires_at_ms IS NULL OR expires_at_ms > ?2)
ORDER BY kind, expires_at_ms IS NOT NULL
";

/// A second rotation within the grace ends the older of the two at once.
const END_PREVIOUS: &str = "
UPDATE keys SET expires_at_ms = ?3 WHERE space_id = ?1 AND kind = ?2 AND expires_at_ms > ?3
";

const EXPIRE_CURRENT: &str = "
UPDATE keys SET expires_at_ms = ?3 WHERE space_id = ?1 AND kind = ?2 AND expires_at_ms IS NULL
";

const ADD: &str = "
INSERT INTO keys (hash, space_id, kind, created_at_ms) VALUES (?3, ?1, ?2, ?4)
";

const REMOVE_ENDED: &str = "
DELETE FROM keys WHERE expires_at_ms <= ?1
";

/// How long an ended key is kept. Cloudflare keeps a message for at most 14 days, and the dead-letter
/// queue keeps it as long once more: 28 days after a postback was received nothing can ask for its
/// key. One day more for clocks that differ.
const KEPT_MS: i64 = (14 + 14 + 1) * 24 * 60 * 60 * 1000;

/// A key as the keys page shows it: never the secret, which nobody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub kind: Kind,
    pub created_at_ms: i64,
    /// Until when a rotated key is valid; `None` for the current one.
    pub expires_at_ms: Option<i64>,
}

/// A space's keys that are valid at a moment.
pub async fn of_space(
    db: &D1Database,
    space_id: i64,
    now_ms: i64,
) -> Result<(Spaces, Vec<Shown>), Error> {
    let values = [number(space_id), number(now_ms)];
    let results = run_together(db, &[(space::LIST, &[]), (OF_SPACE, &values)]).await?;
    let read = |row: &Row| {
        Some(Shown {
            kind: Kind::parse(&row.text("kind"))?,
            created_at_ms: row.number("created_at_ms"),
            expires_at_ms: row.optional_number("expires_at_ms"),
        })
    };
    let keys = rows_of(&results, 1)?.iter().filter_map(read).collect();
    Ok((Spaces::read(&results, space_id)?, keys))
}

/// Makes `hash` the space's current key of its kind; the one before stays valid for 24 hours, the
/// one before that ends now. Gives the time until which the previous key is valid.
pub async fn rotate(
    db: &D1Database,
    space_id: i64,
    kind: Kind,
    hash: &str,
    now_ms: i64,
) -> Result<i64, Error> {
    let (space, kind, until_ms) = (number(space_id), text(kind.name()), now_ms + GRACE_MS);
    run_together(
        db,
        &[
            (END_PREVIOUS, &[space.clone(), kind.clone(), number(now_ms)]),
            (EXPIRE_CURRENT, &[space.clone(), kind.clone(), number(until_ms)]),
            (ADD, &[space, kind, text(hash), number(now_ms)]),
        ],
    )
    .await?;
    Ok(until_ms)
}

/// Ends the previous key of a kind before its time.
pub async fn revoke_previous(
    db: &D1Database,
    space_id: i64,
    kind: Kind,
    now_ms: i64,
) -> Result<(), Error> {
    let values = [number(space_id), text(kind.name()), number(now_ms)];
    run(db, END_PREVIOUS, &values).await.map(|_rows| ())
}

/// Removes the keys that ended so long ago that no queue can still have a postback of theirs.
pub async fn remove_ended(db: &D1Database, now_ms: i64) -> Result<(), Error> {
    run(db, REMOVE_ENDED, &[number(now_ms - KEPT_MS)]).await.map(|_rows| ())
}
