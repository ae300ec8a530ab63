//! Sign-ins that were signed out of. Those that are open need no row: their cookies are signed.

use worker::D1Database;

use super::{json, number, run};
use crate::error::Error;
use crate::model::session::Session;

const END: &str = "
INSERT INTO ended_sessions (id, ends_at_ms)
SELECT value ->> 0, value ->> 1 FROM json_each(?1) WHERE true
ON CONFLICT (id) DO NOTHING
";

const ONE_OPEN: &str = "
SELECT 1 AS id FROM json_each(?1) s
WHERE NOT EXISTS (SELECT 1 FROM ended_sessions e WHERE e.id = s.value) LIMIT 1
";

const REMOVE_OVER: &str = "
DELETE FROM ended_sessions WHERE ends_at_ms <= ?1
";

/// Ends sessions: every cookie of theirs, wherever it is.
pub async fn end(db: &D1Database, sessions: &[Session]) -> Result<(), Error> {
    let rows: Vec<_> = sessions.iter().map(|session| (&session.id, session.ends_ms)).collect();
    run(db, END, &[json(&rows)]).await.map(|_nothing| ())
}

/// Whether one of the sessions was not signed out of.
pub async fn is_one_open(db: &D1Database, sessions: &[Session]) -> Result<bool, Error> {
    let ids: Vec<_> = sessions.iter().map(|session| &session.id).collect();
    Ok(run(db, ONE_OPEN, &[json(&ids)]).await?.id().is_some())
}

/// Forgets those whose cookies are over by themselves.
pub async fn remove_over(db: &D1Database, now_ms: i64) -> Result<(), Error> {
    run(db, REMOVE_OVER, &[number(now_ms)]).await.map(|_nothing| ())
}
