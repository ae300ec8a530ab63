//! Removes what is older than `RETENTION_DAYS`, a little at a time, by the cron.

use std::collections::VecDeque;

use crate::db;
use crate::edge;
use crate::edge::config::Config;
use crate::error::Error;

/// How often it looks, in milliseconds of the schedule.
const EVERY_MS: i64 = 10 * 60 * 1000;

/// Calls of the database in one run: a look at what there is to do, and twelve steps. The free plan gives
/// an invocation 50 subrequests, of which the deliveries that are sent before have 35. Twelve steps of
/// 5,000 are 60,000 events, deliveries and clicks each; six runs an hour 360,000, as many visits as a
/// database takes in at its busiest.
const CALLS: usize = 13;

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

/// Takes the spaces in turns, so that none waits for another to be done, and the one that is furthest
/// behind first: those for which a run was too short come first in the next one.
async fn remove(config: &Config, before_ms: i64) -> Result<(), Error> {
    let db = config.db()?;
    let steps = CALLS - 1;
    let behind = db::retention::behind(&db, before_ms, steps as i64).await?;
    let mut spaces = VecDeque::from(behind);
    for _step in 0..steps {
        let space_id = spaces.pop_front();
        let more = db::retention::step(&db, space_id, before_ms).await?;
        spaces.extend(space_id.filter(|_| more.in_space));
        if spaces.is_empty() && !more.clicks {
            break;
        }
    }
    Ok(())
}
