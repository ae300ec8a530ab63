//! Spaces and their keys.

use serde::Serialize;
use worker::D1Database;

use super::{number, run, run_together, text};
use crate::error::Error;
use crate::key::Kind;
use crate::space::{Draft, GRACE_MS};

const CREATE: &str = "
INSERT INTO spaces (name, time_zone, created_at_ms) VALUES (?1, ?2, ?3) RETURNING id
";

const LIST: &str = "
SELECT id, name, time_zone FROM spaces ORDER BY id
";

const EXISTS: &str = "
SELECT id FROM spaces WHERE id = ?1
";

/// A second rotation within the grace drops the older of the two at once.
const DROP_PREVIOUS: &str = "
DELETE FROM keys WHERE space_id = ?1 AND kind = ?2 AND expires_at_ms IS NOT NULL
";

const EXPIRE_CURRENT: &str = "
UPDATE keys SET expires_at_ms = ?3 WHERE space_id = ?1 AND kind = ?2 AND expires_at_ms IS NULL
";

const ADD_KEY: &str = "
INSERT INTO keys (hash, space_id, kind, created_at_ms) VALUES (?3, ?1, ?2, ?4)
";

/// A space as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    pub id: i64,
    pub name: String,
    pub time_zone: String,
}

/// Creates a space without keys and gives its id.
pub async fn create(db: &D1Database, draft: &Draft, now_ms: i64) -> Result<i64, Error> {
    let values = [text(&draft.name), text(&draft.time_zone), number(now_ms)];
    let id = run(db, CREATE, &values).await?.id();
    id.ok_or_else(|| Error::Database("no id came back".to_owned()))
}

/// Every space of the deployment; the operator's view, the one read that goes across spaces.
pub async fn list(db: &D1Database) -> Result<Vec<Listed>, Error> {
    let rows = run(db, LIST, &[]).await?.rows;
    let listed = rows.iter().map(|row| Listed {
        id: row.number("id"),
        name: row.text("name"),
        time_zone: row.text("time_zone"),
    });
    Ok(listed.collect())
}

/// Whether there is such a space.
pub async fn exists(db: &D1Database, space_id: i64) -> Result<bool, Error> {
    Ok(run(db, EXISTS, &[number(space_id)]).await?.id().is_some())
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
            (DROP_PREVIOUS, &[space.clone(), kind.clone()]),
            (EXPIRE_CURRENT, &[space.clone(), kind.clone(), number(until_ms)]),
            (ADD_KEY, &[space, kind, text(hash), number(now_ms)]),
        ],
    )
    .await?;
    Ok(until_ms)
}

/// Ends the previous key of a kind before its time.
pub async fn revoke_previous(db: &D1Database, space_id: i64, kind: Kind) -> Result<(), Error> {
    let values = [number(space_id), text(kind.name())];
    run(db, DROP_PREVIOUS, &values).await.map(|_rows| ())
}
