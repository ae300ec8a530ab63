//! Goes on with replays, a piece at a time: behind the answer that began one, and by the cron with what was broken
//! off or is long. Where a replay is stands in the database; so it goes on wherever it was left, and by whomever.

use std::cell::Cell;

use crate::db::chosen::Chosen;
use crate::db::replay::{Again, BEGIN_CALLS, Changed, PIECE_CALLS, Replay, Step};
use crate::db::{self, Handle};
use crate::edge;
use crate::edge::config::Config;
use crate::error::Error;
use crate::model::database::Database;
use crate::model::replay::Of;
use crate::postback::mend::Rule;
use crate::postback::replay::again;
use crate::upkeep::{removal, run};

/// How long one run goes on, in milliseconds: an answer's `waitUntil` ends after 30 s, and the next cron comes after
/// a minute.
const LONGEST_MS: i64 = 20_000;

/// Calls that the form before it may have made.
const OF_ANSWER: u32 = 12;

/// Replays of a database that one run goes on with.
const MOST: i64 = 10;

/// The time and the calls that are left of a run.
struct Budget {
    until_ms: i64,
    calls: Cell<u32>,
}

impl Budget {
    fn new(calls: u32) -> Self {
        Self { until_ms: edge::now_ms() + LONGEST_MS, calls: Cell::new(calls) }
    }

    fn take(&self, calls: u32) -> bool {
        let left = self.calls.get().checked_sub(calls).filter(|_| edge::now_ms() < self.until_ms);
        self.calls.set(left.unwrap_or(self.calls.get()));
        left.is_some()
    }
}

/// The first pieces of a replay, behind the answer that began it.
pub async fn behind_answer(config: &Config, database: Database, space_id: i64, n: i64) {
    let budget = Budget::new(config.subrequests().saturating_sub(OF_ANSWER));
    let work = async { go_on(config, &config.db_of(database)?, (space_id, n), &budget).await };
    if let Err(reason) = work.await {
        edge::log_of(database, "replay_stopped", &reason);
    }
}

/// One run of the cron, in the minutes in which nothing is removed: of all databases at the same time, or as many
/// as it has calls for, in turns.
pub async fn by_cron(config: &Config, scheduled_ms: i64) {
    if removal::is_due(scheduled_ms) {
        return;
    }
    let databases = config.databases();
    let calls = run::of_upkeep(config.subrequests());
    let at_once = at_once(calls, databases.len());
    let turn = usize::try_from(scheduled_ms / 60_000).unwrap_or(0) % databases.len().max(1);
    let these = databases.iter().cycle().skip(turn).take(at_once).copied();
    let share = calls / u32::try_from(at_once).unwrap_or(1);
    edge::for_each(these, |database| of(config, database, share)).await;
}

/// How many databases a run has calls for: at least one.
fn at_once(calls: u32, databases: usize) -> usize {
    let most = usize::try_from(calls / (1 + BEGIN_CALLS + PIECE_CALLS)).unwrap_or(databases);
    most.clamp(1, databases.max(1))
}

async fn of(config: &Config, database: Database, calls: u32) {
    let budget = Budget::new(calls.saturating_sub(1));
    let work = async {
        let db = config.db_of(database)?;
        for which in db::in_time(config, db::replay::open(&db, MOST)).await? {
            go_on(config, &db, which, &budget).await?;
        }
        Ok(())
    };
    if let Err(reason) = work.await {
        let reason: Error = reason;
        edge::log_of(database, "replay_stopped", &reason);
    }
}

/// Goes on with a replay until it is over, or the budget is. A database that is late is left alone: whether a piece
/// is done says the replay, when it is gone on with.
async fn go_on(
    config: &Config,
    db: &Handle,
    (space_id, n): (i64, i64),
    budget: &Budget,
) -> Result<(), Error> {
    if !budget.take(BEGIN_CALLS) {
        return Ok(());
    }
    let loaded = db::in_time(config, db::replay::load(db, space_id, n)).await?;
    let Some((mut replay, rules)) = loaded else { return Ok(()) };
    while replay.ended_at_ms.is_none() && budget.take(PIECE_CALLS) {
        let which = &replay.job.which;
        let next = db::chosen::next(db, space_id, which, replay.after());
        let (chosen, is_last) = db::in_time(config, next).await?;
        let (done, last) = (chosen.len() as i64, chosen.last().map(Chosen::seq));
        let step = Step { done, last, is_last, now_ms: edge::now_ms() };
        let (of, piece) = (which.of, (&chosen[..], &rules[..]));
        let work = async {
            match of {
                Of::Refused => store(db, space_id, &mut replay, piece, &step).await,
                Of::Events => decide(db, space_id, &mut replay, piece, &step).await,
            }
        };
        let is_ours = db::in_time(config, work).await?;
        if !is_ours || is_last {
            break;
        }
    }
    Ok(())
}

type Piece<'a> = (&'a [Chosen], &'a [(Rule, bool)]);

async fn store(
    db: &Handle,
    space_id: i64,
    replay: &mut Replay,
    (chosen, rules): Piece<'_>,
    step: &Step,
) -> Result<bool, Error> {
    let on = rules.iter().filter(|(_, is_on)| *is_on).map(|(rule, _)| rule.clone());
    let rules = replay.job.rules(replay.n, on);
    let held = chosen.iter().filter_map(|one| match one {
        Chosen::Held(held) => Some(held),
        Chosen::Event { .. } => None,
    });
    let read = held.filter_map(|held| {
        let one = &held.refused;
        let report = again(&one.raw, &one.notes, one.received_at_ms, &rules).verdict.ok()?;
        let (seq, received_at_ms) = (one.seq, one.received_at_ms);
        Some(Again { seq, received_at_ms, receipt: &held.receipt, report, raw: &one.raw })
    });
    let read: Vec<_> = read.collect();
    replay.store(db, space_id, &read, step).await
}

async fn decide(
    db: &Handle,
    space_id: i64,
    replay: &mut Replay,
    (chosen, rules): Piece<'_>,
    step: &Step,
) -> Result<bool, Error> {
    let changed = chosen.iter().filter_map(|one| match one {
        Chosen::Event { seq, known } => {
            let change = known.changed(&replay.job, replay.n, rules)?;
            Some(Changed { seq: *seq, after: change.after })
        }
        Chosen::Held(_) => None,
    });
    let changed: Vec<_> = changed.collect();
    let reason = match &replay.job.mend {
        Some(mend) => format!("Replay {}: {mend}", replay.n),
        None => format!("Replay {}: the rules that were on", replay.n),
    };
    replay.decide(db, space_id, (&changed, &reason), step).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_free_plan_goes_on_with_a_piece_of_two_databases_and_the_paid_one_with_all() {
        assert_eq!(at_once(run::of_upkeep(50), 3), 2);
        assert_eq!(at_once(run::of_upkeep(1000), 3), 3);
        assert_eq!(at_once(0, 3), 1);
    }
}
