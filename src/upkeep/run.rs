//! What one run of deliveries may spend: time, and calls that the platform counts. Pure.

use std::cell::{Cell, RefCell};

use crate::model::database::Database;

/// Calls of the database that a lane's turn at a destination makes beside its tries: two statements
/// that claim, one that gives back.
pub const TURN_CALLS: u32 = 3;

/// Calls of one try: the destination, the record, and one more for what a failure adds (the
/// destination's health) or a record that has to be tried again.
pub const TRY_CALLS: u32 = 3;

/// The part of a cron's calls that the removal of old things has, in tenths.
const UPKEEP_TENTHS: u32 = 3;

/// Calls that an invocation may have made for its answer: a form of the dashboard makes the most.
const OF_ANSWER: u32 = 10;

/// How long a run behind an answer may take: `waitUntil` ends 30 s after it.
const BEHIND_ANSWER_MS: i64 = 28_000;

/// How long a run of the cron or the queue may take: the next cron comes after a minute.
const BY_ITSELF_MS: i64 = 50_000;

/// The time and the calls that are left of a run. Every lane of it draws on the same ones.
#[derive(Debug)]
pub struct Run {
    ends_at_ms: i64,
    /// The longest that a try may take, its record included.
    try_ms: i64,
    calls: Cell<u32>,
    /// Databases in which no try can be recorded.
    stopped: RefCell<Vec<Database>>,
}

impl Run {
    /// A run behind an answer, which began at `now_ms`. `calls` is what the platform allows one
    /// invocation.
    pub fn behind_answer(now_ms: i64, try_ms: i64, calls: u32) -> Self {
        Self::new(now_ms + BEHIND_ANSWER_MS, try_ms, calls.saturating_sub(OF_ANSWER))
    }

    /// A run of the cron.
    pub fn of_cron(now_ms: i64, try_ms: i64, calls: u32) -> Self {
        Self::new(now_ms + BY_ITSELF_MS, try_ms, calls - of_upkeep(calls))
    }

    /// A run of the queue: behind the consumer of postbacks, which makes half of the calls, or for a
    /// hint.
    pub fn of_queue(now_ms: i64, try_ms: i64, calls: u32) -> Self {
        Self::new(now_ms + BY_ITSELF_MS, try_ms, calls / 2)
    }

    fn new(ends_at_ms: i64, try_ms: i64, calls: u32) -> Self {
        Self { ends_at_ms, try_ms, calls: Cell::new(calls), stopped: RefCell::default() }
    }

    /// Whether a try that begins now can end, and be recorded in its database, before the lease and the
    /// run do.
    pub fn has_time(&self, database: Database, now_ms: i64, leased_until_ms: i64) -> bool {
        !self.stopped.borrow().contains(&database)
            && now_ms + self.try_ms <= leased_until_ms.min(self.ends_at_ms)
    }

    /// When the run is over.
    pub fn ends_at_ms(&self) -> i64 {
        self.ends_at_ms
    }

    /// No lane begins another try of a database: what was sent could not be recorded in it.
    pub fn stop(&self, database: Database) {
        self.stopped.borrow_mut().push(database);
    }

    /// Takes calls, all or none.
    pub fn take(&self, calls: u32) -> bool {
        let left = self.calls.get().checked_sub(calls);
        self.calls.set(left.unwrap_or(self.calls.get()));
        left.is_some()
    }

    /// Gives calls back that were not made.
    pub fn give_back(&self, calls: u32) {
        self.calls.set(self.calls.get() + calls);
    }

    /// Takes the calls of a turn, and of as many tries as are a lane's share of what is left, at most so
    /// many. Gives how many tries; none where not even one is left.
    pub fn take_turn(&self, most: u32, lanes: usize) -> u32 {
        let left = self.calls.get();
        if left < TURN_CALLS + TRY_CALLS {
            return 0;
        }
        let share = left / u32::try_from(lanes).unwrap_or(1).max(1);
        let tries = (share.saturating_sub(TURN_CALLS) / TRY_CALLS).clamp(1, most.max(1));
        self.take(TURN_CALLS + tries * TRY_CALLS);
        tries
    }

    /// Lanes that a run can feed, at most so many: each turn costs calls of its own, and sixteen pay for
    /// one with four tries.
    pub fn lanes(&self, most: usize) -> usize {
        usize::try_from(self.calls.get() / 16).unwrap_or(most).clamp(1, most)
    }
}

/// Calls of a cron that the removal of old things may make.
pub fn of_upkeep(calls: u32) -> u32 {
    calls * UPKEEP_TENTHS / 10
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRY_MS: i64 = 15_500;

    #[test]
    fn no_try_begins_that_its_lease_or_the_run_would_not_outlast() {
        let run = Run::of_cron(0, TRY_MS, 50);
        assert!(run.has_time(Database::FIRST, 0, TRY_MS));
        assert!(!run.has_time(Database::FIRST, 1, TRY_MS));
        assert!(run.has_time(Database::FIRST, 34_500, 100_000));
        assert!(!run.has_time(Database::FIRST, 34_501, 100_000));
        run.stop(Database::FIRST);
        assert!(!run.has_time(Database::FIRST, 0, 100_000));
        let second = Database::FIRST.next().unwrap_or(Database::FIRST);
        assert!(run.has_time(second, 0, 100_000));
    }

    #[test]
    fn the_free_plan_pays_for_a_few_turns_and_never_for_more_than_it_has() {
        let run = Run::of_cron(0, TRY_MS, 50);
        assert_eq!(run.lanes(6), 2);
        assert!(run.take(1));
        let mut calls = 1;
        loop {
            let tries = run.take_turn(3, 3);
            if tries == 0 {
                break;
            }
            calls += TURN_CALLS + tries * TRY_CALLS;
        }
        assert!((30..=35).contains(&calls), "{calls}");
        run.give_back(2);
        assert!(run.take(2));
    }

    #[test]
    fn no_lane_takes_the_calls_of_another() {
        let run = Run::of_cron(0, TRY_MS, 50);
        assert_eq!([run.take_turn(10, 3), run.take_turn(10, 3), run.take_turn(10, 3)], [2, 1, 1]);
        assert_eq!(Run::of_cron(0, TRY_MS, 1000).take_turn(10, 6), 10);
    }

    #[test]
    fn calls_are_taken_whole_or_not_at_all() {
        let run = Run::behind_answer(0, TRY_MS, 12);
        assert!(!run.take(3));
        assert!(run.take(2));
        assert!(!run.take(1));
        assert_eq!(Run::of_queue(0, TRY_MS, 10).take_turn(10, 1), 0);
        assert_eq!(Run::of_queue(0, TRY_MS, 1000).lanes(6), 6);
    }
}
