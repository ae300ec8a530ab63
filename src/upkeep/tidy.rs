//! Removes what nobody can need any more, by the cron and whatever `RETENTION_DAYS` says.

use crate::db;
use crate::edge;
use crate::edge::config::Config;
use crate::error::Error;

/// How often it looks, in minutes of the schedule.
const EVERY_MINUTES: i64 = 10;

/// One run, where it is the minute for it.
pub async fn run(config: &Config, scheduled_ms: i64) {
    if scheduled_ms / 60_000 % EVERY_MINUTES != 0 {
        return;
    }
    if let Err(reason) = remove(config, scheduled_ms).await {
        edge::log("tidying_stopped", &reason.to_string());
    }
}

async fn remove(config: &Config, now_ms: i64) -> Result<(), Error> {
    let db = config.db()?;
    db::key::remove_ended(&db, now_ms).await?;
    db::session::remove_over(&db, now_ms).await
}
