//! Secrets that are shown once, on their way from the form that made them to the page that shows them.

use worker::D1Database;

use super::{number, rows_of, run, run_together, text};
use crate::error::Error;

/// A form that is sent twice keeps its secret once, and one of a space that is not there none.
const KEEP: &str = "
INSERT INTO glimpses (id, space_id, sealed, shows, ends_at_ms)
SELECT ?1, s.id, ?3, ?4, ?5 FROM spaces s WHERE s.id = ?2
ON CONFLICT (id) DO NOTHING
RETURNING id
";

/// What a form's first arrival has found out goes where it began.
const FINISH: &str = "
UPDATE glimpses SET sealed = ?3 WHERE id = ?1 AND space_id = ?2 AND sealed = ''
";

const IS_FINISHED: &str = "
SELECT 1 FROM glimpses WHERE id = ?1 AND space_id = ?2 AND sealed <> ''
";

const SHOW: &str = "
UPDATE glimpses SET shows = shows - 1
WHERE id = ?1 AND space_id = ?2 AND ends_at_ms > ?3 AND sealed <> '' RETURNING sealed
";

const REMOVE_SHOWN: &str = "
DELETE FROM glimpses WHERE id = ?1 AND shows <= 0
";

const REMOVE_OVER: &str = "
DELETE FROM glimpses WHERE ends_at_ms <= ?1
";

/// A secret as it waits to be shown.
pub struct Glimpse<'a> {
    pub id: &'a str,
    pub space_id: i64,
    /// Empty while it is being found out.
    pub sealed: &'a str,
    /// How often it may be shown.
    pub shows: i64,
    pub ends_at_ms: i64,
}

/// Keeps a secret until it has been shown; false where one is kept under its id already, or
/// the space is not there.
pub async fn keep(db: &D1Database, glimpse: &Glimpse<'_>) -> Result<bool, Error> {
    let values = [
        text(glimpse.id),
        number(glimpse.space_id),
        text(glimpse.sealed),
        number(glimpse.shows),
        number(glimpse.ends_at_ms),
    ];
    Ok(!run(db, KEEP, &values).await?.rows.is_empty())
}

/// Fills in what was kept empty.
pub async fn finish(db: &D1Database, space_id: i64, id: &str, sealed: &str) -> Result<(), Error> {
    run(db, FINISH, &[text(id), number(space_id), text(sealed)]).await.map(|_nothing| ())
}

/// Whether something is kept under an id, and found out.
pub async fn is_finished(db: &D1Database, space_id: i64, id: &str) -> Result<bool, Error> {
    let rows = run(db, IS_FINISHED, &[text(id), number(space_id)]).await?.rows;
    Ok(!rows.is_empty())
}

/// Gives what was sealed, and removes it with the last time that it may be shown; `None` where it has been shown
/// that often, is over, or is another space's.
pub async fn show(
    db: &D1Database,
    space_id: i64,
    id: &str,
    now_ms: i64,
) -> Result<Option<String>, Error> {
    let values = [text(id), number(space_id), number(now_ms)];
    let results = run_together(db, &[(SHOW, &values), (REMOVE_SHOWN, &values[..1])]).await?;
    Ok(rows_of(&results, 0)?.first().map(|row| row.text("sealed")))
}

/// Removes those that nobody came to see.
pub async fn remove_over(db: &D1Database, now_ms: i64) -> Result<(), Error> {
    run(db, REMOVE_OVER, &[number(now_ms)]).await.map(|_nothing| ())
}
