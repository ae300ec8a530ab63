//! Removes what is older than `RETENTION_DAYS`, a little at a time, by the cron.

use std::collections::VecDeque;

use crate::db;
use crate::edge;
use crate::edge::config::{Config, FREE_SUBREQUESTS};
use crate::error::Error;
use crate::model::database::Database;

/// How many of each kind one step removes at most: a few hundred milliseconds of the database's one
/// thread, far below the deadline of the postbacks that wait meanwhile.
const MOST: i64 = 5_000;

/// The same on the free plan, which has 100,000 rows written a day: 50 clicks, versions and refused
/// postbacks (two rows each), events and deliveries (one) in 144 runs are 57,600 at the very most, so that the
/// removal of a long past leaves room for what arrives.
const MOST_ON_FREE_PLAN: i64 = 50;

/// Most steps of a run. Twelve of 5,000 are 60,000 events, deliveries and clicks each; six runs an hour
/// 360,000, as many visits as a database takes in at its busiest.
const STEPS: usize = 12;

/// Statements of a step, and of what a run needs besides: the look at what there is to do, and what
/// `tidy` removes.
pub const STEP_CALLS: u32 = 10;
pub const OTHER_CALLS: u32 = 5;

/// One run of a database, where the deployment keeps things for a limited time. `share` is what it has of
/// the calls, and with how many databases it shares the free plan's rows.
pub async fn run(config: &Config, database: Database, share: (u32, i64), scheduled_ms: i64) {
    let Some(days) = config.retention_days() else { return };
    let before_ms = scheduled_ms - days * 24 * 60 * 60 * 1000;
    if let Err(reason) = remove(config, database, share, before_ms).await {
        edge::log_of(database, "retention_stopped", &reason);
    }
}

/// Takes the spaces in turns, so that none waits for another to be done, and the one that is furthest
/// behind first: those for which a run was too short come first in the next one.
async fn remove(
    config: &Config,
    database: Database,
    (calls, sharing): (u32, i64),
    before_ms: i64,
) -> Result<(), Error> {
    let db = config.db_of(database)?;
    let steps = calls.saturating_sub(OTHER_CALLS) / STEP_CALLS;
    let steps = usize::try_from(steps).unwrap_or(STEPS).clamp(1, STEPS);
    let is_paid = config.subrequests() > FREE_SUBREQUESTS;
    let most = if is_paid { MOST } else { MOST_ON_FREE_PLAN / sharing.max(1) };
    // A database that is away is found out here, and holds the run up no longer than this.
    let behind = db::in_time(config, db::retention::behind(&db, before_ms, steps as i64)).await?;
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
