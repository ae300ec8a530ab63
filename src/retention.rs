//! Removes what is older than `RETENTION_DAYS`, a little at a time, by the cron.

use crate::config::Config;
use crate::db;
use crate::edge;
use crate::error::Error;

/// How often it looks, in milliseconds of the schedule.
const EVERY_MS: i64 = 10 * 60 * 1000;

/// Steps of a thousand events in one run: with six runs an hour 480,000 events an hour, which is more
/// than a database takes in.
const STEPS: usize = 80;

/// One run, where the deployment keeps things for a limited time and it is the minute for it.
pub async fn run(config: &Config, scheduled_ms: i64) {
    let Some(days) = config.retention_days() else { return };
    if scheduled_ms / 60_000 % (EVERY_MS / 60_000) != 0 {
        return;
    }
    let before_ms = scheduled_ms - days * 24 * 60 * 60 * 1000;
    if let Err(reason) = remove(config, before_ms).await {
        edge::log("retention_stopped", &reason.to_string());
    }
}

async fn remove(config: &Config, before_ms: i64) -> Result<(), Error> {
    let db = config.db()?;
    for space in db::space::list(&db).await? {
        for _step in 0..STEPS {
            if !db::retention::step(&db, space.id, before_ms).await? {
                break;
            }
        }
    }
    Ok(())
}
