//! Removes what nobody can need any more, by the cron and whatever `RETENTION_DAYS` says.

use crate::db;
use crate::edge;
use crate::edge::config::Config;
use crate::error::Error;
use crate::model::database::Database;

/// One run of a database.
pub async fn run(config: &Config, database: Database, scheduled_ms: i64) {
    if let Err(reason) = remove(config, database, scheduled_ms).await {
        edge::log_of(database, "tidying_stopped", &reason);
    }
}

async fn remove(config: &Config, database: Database, now_ms: i64) -> Result<(), Error> {
    let db = config.db_of(database)?;
    db::in_time(config, db::key::remove_ended(&db, now_ms)).await?;
    db::in_time(config, db::glimpse::remove_over(&db, now_ms)).await?;
    db::in_time(config, db::session::remove_over(&db, now_ms)).await
}
