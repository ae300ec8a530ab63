//! Creating a space, in the database that has the most room, and changing one.

use crate::db;
use crate::db::space::Home;
use crate::edge;
use crate::edge::config::Config;
use crate::error::BadField;
use crate::manage::{key, must_exist};
use crate::model::database::Database;
use crate::model::key::KeyKind;
use crate::model::space::SpaceDraft;
use crate::reply::Problem;

const NO_DATABASE: BadField = BadField::new(
    "database",
    "Name one of this deployment's databases, such as DB or DB_2; /healthz lists them.",
);

/// A new space, and its secrets, which nobody can ever see again: `None` where its form made it more than five minutes
/// ago.
pub struct Created {
    pub home: Home,
    pub id: i64,
    pub ingest_token: Option<String>,
    pub bearer: Option<String>,
}

/// Creates a space with both its first keys. The same draft under the same nonce is one space, wherever that has gone:
/// what broke off is finished.
pub async fn create(config: &Config, draft: &SpaceDraft, nonce: &str) -> Result<Created, Problem> {
    let made_by = key::id_of(config, &["space", nonce, &draft.name, &draft.time_zone])?;
    let place = place(config, draft).await?;
    let first = config.db()?;
    let (id, database) = db::space::create(&first, place, draft, &made_by, edge::now_ms()).await?;
    let home = Home::in_database(config, database)?;
    if !database.is_first() {
        db::space::create_there(&home, id, draft, edge::now_ms()).await?;
    }
    let ingest_token = first_key(config, &home, id, KeyKind::Ingest, &made_by).await?;
    let bearer = first_key(config, &home, id, KeyKind::Bearer, &made_by).await?;
    if !database.is_first() {
        db::space::list_elsewhere(&first, id).await?;
    }
    Ok(Created { home, id, ingest_token, bearer })
}

/// The database of a new space: the one that was asked for, or the smallest of those that answer.
async fn place(config: &Config, draft: &SpaceDraft) -> Result<Database, Problem> {
    let databases = config.databases();
    if let Some(name) = &draft.database {
        let named = Database::of_binding(name).filter(|named| databases.contains(named));
        return named.ok_or(Problem::field(NO_DATABASE));
    }
    if databases.len() == 1 {
        return Ok(Database::FIRST);
    }
    let sizes = edge::for_each(databases, |database| async move {
        let size = async { db::health::size(&config.db_of(database)?).await };
        Some((db::in_time(config, size).await.ok()?, database))
    });
    let smallest = sizes.await.into_iter().flatten().min();
    Ok(smallest.map_or(Database::FIRST, |(_, database)| database))
}

/// The first key of a kind; `None` where the space has had one for longer than it is shown.
async fn first_key(
    config: &Config,
    home: &Home,
    space_id: i64,
    kind: KeyKind,
    nonce: &str,
) -> Result<Option<String>, Problem> {
    let made = key::rotate(config, home, space_id, (key::first(kind), kind), None, nonce).await?;
    Ok(made.map(|made| made.key))
}

/// Changes a space's name and zone. The list of spaces has them as well, in the first database.
pub async fn change(
    config: &Config,
    home: &Home,
    space_id: i64,
    draft: &SpaceDraft,
) -> Result<(), Problem> {
    must_exist(db::space::change(home, space_id, draft).await?)?;
    if !home.database.is_first() {
        db::space::rename(&config.db()?, space_id, draft).await?;
    }
    Ok(())
}

/// Puts a space away, or brings it back. The list of spaces says so as well, in the first database.
pub async fn archive(
    config: &Config,
    home: &Home,
    space_id: i64,
    is_away: bool,
) -> Result<(), Problem> {
    let now_ms = edge::now_ms();
    must_exist(db::space::archive(home, space_id, is_away, now_ms).await?)?;
    if !home.database.is_first() {
        db::space::archive(&config.db()?, space_id, is_away, now_ms).await?;
    }
    Ok(())
}
