//! Removes what is old and what nobody needs any more, every ten minutes by the cron.

use crate::edge;
use crate::edge::config::Config;
use crate::model::database::Database;
use crate::upkeep::retention::{OTHER_CALLS, STEP_CALLS};
use crate::upkeep::{retention, run, tidy};

/// How often it looks, in milliseconds of the schedule.
const EVERY_MS: i64 = 10 * 60 * 1000;

/// Whether a minute of the schedule is one for it: in the others its calls are free.
pub fn is_due(scheduled_ms: i64) -> bool {
    scheduled_ms / 60_000 % (EVERY_MS / 60_000) == 0
}

/// One run, where it is the minute for it: all databases at the same time, so that one that is away holds
/// up no other. Where the calls are not enough for all of them, they take turns.
pub async fn run(config: &Config, scheduled_ms: i64) {
    if !is_due(scheduled_ms) {
        return;
    }
    let databases = config.databases();
    let calls = run::of_upkeep(config.subrequests());
    let turn = usize::try_from(scheduled_ms / EVERY_MS).unwrap_or(0) % databases.len().max(1);
    let at_once = at_once(calls, databases.len());
    let these = databases.iter().cycle().skip(turn).take(at_once).copied();
    let share = (calls / u32::try_from(at_once).unwrap_or(1), at_once as i64);
    edge::for_each(these, |database| of(config, database, share, scheduled_ms)).await;
}

/// How many databases a run has calls for: at least one.
fn at_once(calls: u32, databases: usize) -> usize {
    let most = usize::try_from(calls / (STEP_CALLS + OTHER_CALLS)).unwrap_or(databases);
    most.clamp(1, databases.max(1))
}

async fn of(config: &Config, database: Database, share: (u32, i64), scheduled_ms: i64) {
    retention::run(config, database, share, scheduled_ms).await;
    tidy::run(config, database, scheduled_ms).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_free_plan_takes_one_database_at_a_time_and_the_paid_one_all() {
        assert_eq!(at_once(run::of_upkeep(50), 3), 1);
        assert_eq!(at_once(run::of_upkeep(50), 1), 1);
        assert_eq!(at_once(run::of_upkeep(1000), 3), 3);
        assert_eq!(at_once(run::of_upkeep(1000), 40), 20);
    }
}
