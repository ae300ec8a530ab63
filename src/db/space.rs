//! Spaces, and where they are. With one database that is known; with several the first one is asked,
//! which has the list of all spaces.

use std::ops::Deref;

use constcat::concat;
use serde::Serialize;
use worker::{D1Database, D1Result};

use super::row::Row;
use super::{number, optional_text, rows_of, run, run_together, schema, text};
use crate::edge::config::Config;
use crate::error::Error;
use crate::model::database::Database;
use crate::model::guide::Guide;
use crate::model::schema::Schema;
use crate::model::space::SpaceDraft;
use crate::reply::Problem;

/// A form that is sent twice makes one.
const CREATE: &str = "
INSERT INTO spaces (name, time_zone, created_at_ms, made_by) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (made_by) WHERE made_by IS NOT NULL DO NOTHING
";

/// A space of another database: its id is the first's to give, and it is listed when it is complete. Where the space
/// was there already, so is its place.
const PLACE: &str = "
INSERT INTO space_databases (space_id, database, ready)
SELECT s.id, ?2, 0 FROM spaces s WHERE s.made_by = ?1 AND changes() = 1
";

const MADE: &str = "
SELECT s.id, coalesce(d.database, 1) AS database
FROM spaces s LEFT JOIN space_databases d ON d.space_id = s.id WHERE s.made_by = ?1
";

const CREATE_THERE: &str = "
INSERT INTO spaces (id, name, time_zone, created_at_ms) VALUES (?4, ?1, ?2, ?3) ON CONFLICT (id) DO NOTHING
";

const LIST_ELSEWHERE: &str = "
UPDATE space_databases SET ready = 1 WHERE space_id = ?1
";

/// All spaces where the first database is asked, else those of the one that is. With them the schema,
/// which every page is to know, and of the space `?1`, the page's own, what needs somebody: refused postbacks
/// that are no event yet, up to a hundred of the newest thousand, what Health found when it last looked,
/// destinations that did not take the last try. A row without an id where there is no space.
pub(super) const OF_PAGE: &str = concat!(
    "
SELECT l.id, l.name, l.time_zone, l.network, l.archived, l.database, v.applied,
  iif(l.id = ?1, (
    SELECT count(*) FROM (
      SELECT h.seq FROM held h
      WHERE h.space_id = ?1 AND h.event_seq IS NULL
        AND h.seq > (SELECT max(m.seq) FROM held m WHERE m.space_id = ?1) - 1000
      ORDER BY h.seq DESC LIMIT 100
    )
  ), 0) AS refused,
  iif(l.id = ?1, (SELECT n.findings FROM health n WHERE n.space_id = ?1), 0) AS findings,
  iif(l.id = ?1, (
    SELECT count(*) FROM destinations d WHERE d.space_id = ?1 AND d.enabled = 1 AND d.failures > 0
  ), 0) AS failing
FROM (SELECT ",
    schema::NEWEST,
    " AS applied) v LEFT JOIN (
  SELECT s.id, s.name, s.time_zone, s.network, s.archived_at_ms IS NOT NULL AS archived, d.database
  FROM spaces s LEFT JOIN space_databases d ON d.space_id = s.id
  WHERE d.ready IS NOT 0
) l ON true ORDER BY l.id
"
);

const EXISTS: &str = "
SELECT id FROM spaces WHERE id = ?1
";

const CHANGE: &str = "
UPDATE spaces SET name = ?2, time_zone = ?3 WHERE id = ?1 RETURNING id
";

const CHOOSE_NETWORK: &str = "
UPDATE spaces SET network = ?2 WHERE id = ?1 RETURNING id
";

const ARCHIVE: &str = "
UPDATE spaces SET archived_at_ms = iif(?2, coalesce(archived_at_ms, ?3), NULL) WHERE id = ?1 RETURNING id
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
    /// The network that its postbacks come from, by its pack's slug, where somebody has said so.
    #[serde(skip)]
    pub network: Option<String>,
    /// Whether it was put away: out of the menu, while what arrives for it counts as before.
    pub archived: bool,
    /// Where it is.
    #[serde(skip_serializing_if = "Database::is_first")]
    pub database: Database,
}

fn read_list(rows: &[Row]) -> Vec<ListedSpace> {
    let listed = rows.iter().filter_map(|row| {
        Some(ListedSpace {
            id: row.optional_number("id")?,
            name: row.text("name"),
            time_zone: row.text("time_zone"),
            network: row.optional_text("network"),
            archived: row.is("archived"),
            database: row
                .optional_number("database")
                .and_then(Database::of_number)
                .unwrap_or(Database::FIRST),
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
    /// Its refused postbacks that are no event yet, as far as a page counts them: [`REFUSED_COUNTED`].
    pub refused: i64,
    /// How many things need somebody: these, the findings, destinations in trouble.
    pub needs: i64,
    pub schema: Schema,
    /// How far its guide is, where the page says so.
    pub guide: Option<Guide>,
}

/// The id of none.
pub(super) const NO_SPACE: i64 = 0;

/// How far a page counts what is refused: from here on it says "or more".
pub const REFUSED_COUNTED: i64 = 100;

/// A space's database.
pub struct Home {
    pub database: Database,
    db: D1Database,
    /// All spaces, where the space's own database may not have them all.
    all: Option<Vec<ListedSpace>>,
    /// For a page that says how far the guide is.
    pub guide: Option<Guide>,
}

impl Home {
    /// The database of a space. One round trip to the first one, and none where that is the only one.
    pub async fn of_space(config: &Config, space_id: i64) -> Result<Self, Problem> {
        let first = config.db()?;
        if !config.has_several() {
            return Ok(Self { database: Database::FIRST, db: first, all: None, guide: None });
        }
        let all = list(&first).await?;
        let this = all.iter().find(|space| space.id == space_id).ok_or(Problem::NOT_FOUND)?;
        let database = this.database;
        Ok(Self { database, db: config.db_of(database)?, all: Some(all), guide: None })
    }

    /// A database, for whoever knows that the space is in it or will be.
    pub fn in_database(config: &Config, database: Database) -> Result<Self, Error> {
        Ok(Self { database, db: config.db_of(database)?, all: None, guide: None })
    }

    /// What a page says of spaces, from the answer of `OF_PAGE`, the first statement of every page.
    pub(super) fn spaces(&self, results: &[D1Result], space_id: i64) -> Result<Spaces, Error> {
        Ok(self.spaces_of(&rows_of(results, 0)?, space_id))
    }

    fn spaces_of(&self, rows: &[Row], space_id: i64) -> Spaces {
        let here = read_list(rows);
        let this = here.iter().find(|space| space.id == space_id).cloned();
        let applied = rows.first().and_then(|row| row.optional_number("applied"));
        let own = rows.iter().find(|row| row.optional_number("id") == Some(space_id));
        let count = |name| own.and_then(|row| row.optional_number(name)).unwrap_or_default();
        let refused = count("refused");
        Spaces {
            all: self.all.clone().unwrap_or(here),
            this,
            refused,
            needs: refused + count("findings") + count("failing"),
            schema: Schema::of(applied),
            guide: self.guide.clone(),
        }
    }
}

impl Deref for Home {
    type Target = D1Database;

    fn deref(&self) -> &D1Database {
        &self.db
    }
}

/// A space with all others.
pub async fn read(home: &Home, space_id: i64) -> Result<Spaces, Error> {
    Ok(home.spaces_of(&run(home, OF_PAGE, &[number(space_id)]).await?.rows, space_id))
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

/// Puts a space away in a database, or brings it back; false where that has no such space.
pub async fn archive(
    db: &D1Database,
    space_id: i64,
    is_away: bool,
    now_ms: i64,
) -> Result<bool, Error> {
    let values = [number(space_id), number(i64::from(is_away)), number(now_ms)];
    Ok(run(db, ARCHIVE, &values).await?.id().is_some())
}

/// Says which network a space's postbacks come from; false where there is no such space.
pub async fn choose_network(
    db: &D1Database,
    space_id: i64,
    slug: Option<&str>,
) -> Result<bool, Error> {
    let values = [number(space_id), optional_text(slug)];
    Ok(run(db, CHOOSE_NETWORK, &values).await?.id().is_some())
}

/// Creates a space without keys, to be in a database, and gives its id and where it is: the same again for whoever
/// creates it under the same words. One of another database than this, the first, is listed once [`list_elsewhere`] says
/// so: what breaks off before that leaves nothing that is seen.
pub async fn create(
    first: &D1Database,
    place: Database,
    draft: &SpaceDraft,
    made_by: &str,
    now_ms: i64,
) -> Result<(i64, Database), Error> {
    let by = [text(made_by)];
    let space = [text(&draft.name), text(&draft.time_zone), number(now_ms), text(made_by)];
    let placed = [text(made_by), number(place.number().into())];
    let mut statements = vec![(CREATE, &space[..])];
    if !place.is_first() {
        statements.push((PLACE, &placed));
    }
    statements.push((MADE, &by));
    let results = run_together(first, &statements).await?;
    let made = rows_of(&results, statements.len() - 1)?;
    let row = made.first().ok_or_else(|| Error::Database("no id came back".to_owned()))?;
    let database = Database::of_number(row.number("database")).unwrap_or(Database::FIRST);
    Ok((row.number("id"), database))
}

/// Creates a space in the database that it is to be in, under the id that the first one gave it.
pub async fn create_there(
    home: &Home,
    id: i64,
    draft: &SpaceDraft,
    now_ms: i64,
) -> Result<(), Error> {
    let space = [text(&draft.name), text(&draft.time_zone), number(now_ms), number(id)];
    run(home, CREATE_THERE, &space).await.map(|_nothing| ())
}

/// Has a space of another database listed.
pub async fn list_elsewhere(first: &D1Database, space_id: i64) -> Result<(), Error> {
    run(first, LIST_ELSEWHERE, &[number(space_id)]).await.map(|_nothing| ())
}

/// Has the list, which the first database has, call a space of another one by its new name.
pub async fn rename(first: &D1Database, space_id: i64, draft: &SpaceDraft) -> Result<(), Error> {
    let values = [number(space_id), text(&draft.name), text(&draft.time_zone)];
    run(first, CHANGE, &values).await.map(|_nothing| ())
}

/// Every space that a database lists; the first lists all. The one read that goes across spaces.
pub async fn list(db: &D1Database) -> Result<Vec<ListedSpace>, Error> {
    Ok(read_list(&run(db, OF_PAGE, &[number(NO_SPACE)]).await?.rows))
}

/// Whether there is such a space.
pub async fn exists(db: &D1Database, space_id: i64) -> Result<bool, Error> {
    Ok(run(db, EXISTS, &[number(space_id)]).await?.id().is_some())
}
