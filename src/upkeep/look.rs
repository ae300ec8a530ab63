//! Looking for what is wrong with a space's postbacks (docs/dashboard.md, Health): when somebody asks, and now
//! and then by the cron, so that the overview can say so.

use crate::db;
use crate::db::space::{Home, Spaces};
use crate::db::window::Size;
use crate::doctor::{self, Finding};
use crate::edge;
use crate::edge::config::{Config, FREE_SUBREQUESTS};
use crate::error::Error;
use crate::model::database::Database;
use crate::reply::Problem;
use crate::upkeep::run;

/// How often the cron looks, in milliseconds of the schedule, and in which minute of them: not in the one
/// in which old things are removed.
const EVERY_MINUTES: i64 = 10;
const IN_MINUTE: i64 = 5;

/// A space that nothing has come to is looked at all the same: what has gone quiet is a finding.
const AGAIN_MS: i64 = 6 * 60 * 60 * 1000;

/// Calls of a look: the nine statements that read, the one that looks for uids, the one that notes it; two
/// more for the search for spaces and for old counts of unknown keys. The free plan's fifteen are enough for one.
const LOOK_CALLS: u32 = 13;

/// Most spaces of a run and database: twenty of them are 100,000 rows read, 14 million a day.
const MOST: u32 = 20;

/// What a look reads: 1,200 arrivals take the rules some 30 ms.
const SIZE: Size = Size { events: 1_000, refused: 200 };

/// The same on the free plan, whose invocations have 10 ms.
const SIZE_ON_FREE_PLAN: Size = Size { events: 200, refused: 50 };

/// What a look at a space has come to.
pub struct Looked {
    pub spaces: Spaces,
    /// The network that the user chose, by its pack's slug.
    pub network: Option<String>,
    /// What there is to mend, most money first.
    pub findings: Vec<Finding>,
    /// What nobody wants to hear of.
    pub muted: Vec<Finding>,
    /// How many stored events and refused postbacks were looked at.
    pub examined: usize,
}

/// Looks at a space: two round trips, some 5,000 rows read, and a third one that notes for the overview
/// what it came to.
pub async fn look(config: &Config, home: &Home, space_id: i64) -> Result<Looked, Problem> {
    let is_paid = config.subrequests() > FREE_SUBREQUESTS;
    let size = if is_paid { SIZE } else { SIZE_ON_FREE_PLAN };
    let seen = db::window::read(home, space_id, size, edge::now_ms()).await?;
    if seen.spaces.this.is_none() {
        return Err(Problem::NOT_FOUND);
    }
    let is_muted = |finding: &Finding| {
        seen.muted.iter().any(|(source, cause)| *source == finding.source && cause == finding.cause)
    };
    let (muted, findings): (Vec<_>, Vec<_>) =
        doctor::findings(&seen.window).into_iter().partition(is_muted);
    if let Err(reason) = db::window::looked(home, space_id, &seen, &findings).await {
        // The findings are there; the overview says later what they were.
        edge::log_of(home.database, "look_not_noted", &reason);
    }
    Ok(Looked {
        network: seen.window.network,
        examined: seen.window.arrived.len(),
        spaces: seen.spaces,
        findings,
        muted,
    })
}

/// One run of the cron, where it is the minute for it: in each database the spaces that were looked at longest
/// ago. Where the calls are not enough for all databases, they take turns.
pub async fn run(config: &Config, scheduled_ms: i64) {
    let minute = scheduled_ms / 60_000;
    if minute % EVERY_MINUTES != IN_MINUTE {
        return;
    }
    let databases = config.databases();
    let looks = run::of_upkeep(config.subrequests()) / LOOK_CALLS;
    let at_once = usize::try_from(looks).unwrap_or(1).clamp(1, databases.len().max(1));
    let most = (looks / u32::try_from(at_once).unwrap_or(1)).clamp(1, MOST);
    let turn = usize::try_from(minute / EVERY_MINUTES).unwrap_or(0) % databases.len().max(1);
    for database in databases.iter().cycle().skip(turn).take(at_once) {
        if let Err(reason) = of(config, *database, most, scheduled_ms).await {
            edge::log_of(*database, "look_stopped", &reason);
        }
    }
}

async fn of(config: &Config, database: Database, most: u32, now_ms: i64) -> Result<(), Error> {
    let home = Home::in_database(config, database)?;
    db::in_time(config, db::unknown_key::remove_old(&home, now_ms)).await?;
    let stale = db::window::stale(&home, now_ms - AGAIN_MS, most.into());
    for space_id in db::in_time(config, stale).await? {
        if let Err(problem) = look(config, &home, space_id).await {
            return Err(Error::Database(problem.hint.into_owned()));
        }
    }
    Ok(())
}
