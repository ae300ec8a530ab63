//! Spaces.

use constcat::concat;
use serde::Serialize;
use worker::{D1Database, D1Result};

use super::row::Row;
use super::{number, rows_of, run, run_together, schema, text};
use crate::error::Error;
use crate::model::schema::Schema;
use crate::model::space::SpaceDraft;

const CREATE: &str = "
INSERT INTO spaces (name, time_zone, created_at_ms) VALUES (?1, ?2, ?3) RETURNING id
";

/// With them the schema, which every page is to know. A row without an id where there is no space.
pub(super) const LIST: &str = concat!(
    "
SELECT s.id, s.name, s.time_zone, v.applied
FROM (SELECT ",
    schema::NEWEST,
    " AS applied) v LEFT JOIN spaces s ON true ORDER BY s.id
"
);

const EXISTS: &str = "
SELECT id FROM spaces WHERE id = ?1
";

const CHANGE: &str = "
UPDATE spaces SET name = ?2, time_zone = ?3 WHERE id = ?1 RETURNING id
";

const FORGET_DAYS: &str = "
DELETE FROM days
WHERE space_id = ?1 AND EXISTS (SELECT 1 FROM spaces s WHERE s.id = ?1 AND s.time_zone <> ?2)
";

const FORGET_CLOSED: &str = "
DELETE FROM closed_days
WHERE space_id = ?1 AND EXISTS (SELECT 1 FROM spaces s WHERE s.id = ?1 AND s.time_zone <> ?2)
";

/// A space as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedSpace {
    pub id: i64,
    pub name: String,
    pub time_zone: String,
}

fn read_list(rows: &[Row]) -> Vec<ListedSpace> {
    let listed = rows.iter().filter_map(|row| {
        Some(ListedSpace {
            id: row.optional_number("id")?,
            name: row.text("name"),
            time_zone: row.text("time_zone"),
        })
    });
    listed.collect()
}

/// Every space, for going from one to another, and the one that a page is about.
#[derive(Clone, Debug)]
pub struct Spaces {
    pub all: Vec<ListedSpace>,
    /// `None` where there is no such space.
    pub this: Option<ListedSpace>,
    pub schema: Schema,
}

impl Spaces {
    /// Reads the answer of `LIST`, the first statement of every page.
    pub(super) fn read(results: &[D1Result], space_id: i64) -> Result<Self, Error> {
        Ok(Self::of(&rows_of(results, 0)?, space_id))
    }

    fn of(rows: &[Row], space_id: i64) -> Self {
        let all = read_list(rows);
        let this = all.iter().find(|space| space.id == space_id).cloned();
        let applied = rows.first().and_then(|row| row.optional_number("applied"));
        Self { all, this, schema: Schema::of(applied) }
    }
}

/// A space with all others.
pub async fn read(db: &D1Database, space_id: i64) -> Result<Spaces, Error> {
    Ok(Spaces::of(&run(db, LIST, &[]).await?.rows, space_id))
}

/// Changes a space's name and zone; false where there is no such space. In another zone its days are
/// other days.
pub async fn change(db: &D1Database, space_id: i64, draft: &SpaceDraft) -> Result<bool, Error> {
    let change = [number(space_id), text(&draft.name), text(&draft.time_zone)];
    let zone = [number(space_id), text(&draft.time_zone)];
    let statements = [(FORGET_DAYS, &zone[..]), (FORGET_CLOSED, &zone), (CHANGE, &change)];
    let results = run_together(db, &statements).await?;
    Ok(!rows_of(&results, 2)?.is_empty())
}

/// Creates a space without keys and gives its id.
pub async fn create(db: &D1Database, draft: &SpaceDraft, now_ms: i64) -> Result<i64, Error> {
    let values = [text(&draft.name), text(&draft.time_zone), number(now_ms)];
    let id = run(db, CREATE, &values).await?.id();
    id.ok_or_else(|| Error::Database("no id came back".to_owned()))
}

/// Every space of the deployment; the operator's view, the one read that goes across spaces.
pub async fn list(db: &D1Database) -> Result<Vec<ListedSpace>, Error> {
    Ok(read_list(&run(db, LIST, &[]).await?.rows))
}

/// Whether there is such a space.
pub async fn exists(db: &D1Database, space_id: i64) -> Result<bool, Error> {
    Ok(run(db, EXISTS, &[number(space_id)]).await?.id().is_some())
}
