//! Creating a space, in the database that has the most room, and changing one.

use serde::Serialize;

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

/// A new space with both its secrets, which nobody can ever see again.
#[derive(Serialize)]
pub struct Created {
    pub ok: bool,
    pub id: i64,
    pub ingest_token: String,
    pub bearer: String,
}

/// Creates a space with both its secrets.
pub async fn create(config: &Config, draft: &SpaceDraft) -> Result<Created, Problem> {
    config.key_secret()?;
    let home = Home::in_database(config, place(config, draft).await?)?;
    let now_ms = edge::now_ms();
    let id = if home.database.is_first() {
        db::space::create(&home, draft, now_ms).await?
    } else {
        db::space::create_elsewhere(&config.db()?, &home, draft, now_ms).await?
    };
    let ingest_token = first_key(config, &home, id, KeyKind::Ingest).await?;
    let bearer = first_key(config, &home, id, KeyKind::Bearer).await?;
    if !home.database.is_first() {
        db::space::list_elsewhere(&config.db()?, id).await?;
    }
    Ok(Created { ok: true, id, ingest_token, bearer })
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

/// The first key of a kind.
async fn first_key(
    config: &Config,
    home: &Home,
    space_id: i64,
    kind: KeyKind,
) -> Result<String, Problem> {
    let made = key::rotate(config, home, space_id, kind, None, &key::nonce()?).await?;
    Ok(made.ok_or(Problem::ROTATED_MEANWHILE)?.key)
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
