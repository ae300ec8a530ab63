//! Removes what is older than `RETENTION_DAYS`, a little at a time, by the cron.

use std::collections::VecDeque;

use crate::db;
use crate::edge;
use crate::edge::config::{Config, FREE_SUBREQUESTS};
use crate::error::Error;
use crate::upkeep::run;

/// How many of each kind one step removes at most: a few hundred milliseconds of the database's one
/// thread, far below the deadline of the postbacks that wait meanwhile.
const MOST: i64 = 5_000;

/// The same on the free plan, which has 100,000 rows written a day: 50 clicks (two rows each), refused
/// postbacks (two), events and deliveries (one) in 144 runs are 43,200 at the very most, so that the
/// removal of a long past leaves room for what arrives.
const MOST_ON_FREE_PLAN: i64 = 50;

/// How often it looks, in milliseconds of the schedule.
const EVERY_MS: i64 = 10 * 60 * 1000;

/// Most steps of a run. Twelve of 5,000 are 60,000 events, deliveries and clicks each; six runs an hour
/// 360,000, as many visits as a database takes in at its busiest.
const STEPS: usize = 12;

/// Statements of a step, and of what a run needs besides: the look at what there is to do, and what
/// `tidy` removes.
const STEP_CALLS: u32 = 8;
const OTHER_CALLS: u32 = 4;

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
    let calls = config.subrequests();
    let steps = run::of_upkeep(calls).saturating_sub(OTHER_CALLS) / STEP_CALLS;
    let steps = usize::try_from(steps).unwrap_or(STEPS).clamp(1, STEPS);
    let most = if calls > FREE_SUBREQUESTS { MOST } else { MOST_ON_FREE_PLAN };
    let behind = db::retention::behind(&db, before_ms, steps as i64).await?;
    let mut spaces = VecDeque::from(behind);
    for _step in 0..steps {
        let space_id = spaces.pop_front();
        let more = db::retention::step(&db, space_id, before_ms, most).await?;
        spaces.extend(space_id.filter(|_| more.in_space));
        if spaces.is_empty() && !more.clicks {
            break;
        }
    }
    Ok(())
}
