//! Claims what is due and hands it out to lanes (docs/destinations.md, How it is sent).
//!
//! The invocation that stored an event makes its first tries under the lease that the insert carries.
//! Everything else is claimed: by a hint on the queue, by the minute cron, by hand. A lane begins no
//! try that its lease might not outlast, stops at the first that it cannot record, and gives back what
//! it did not come to. Whoever holds a lease and dies leaves rows that are due again when it ends, so
//! that nothing is lost; what the destination took before that is sent again under the same `event_id`.

use std::cell::RefCell;
use std::collections::VecDeque;

use futures_util::StreamExt;
use futures_util::stream;

use super::attempt::{attempt, longest_ms};
use super::run::{Run, TRY_CALLS};
use crate::db::delivery::Loaded;
use crate::db::{self, delivery};
use crate::destination::outcome::{self, State};
use crate::edge::config::Config;
use crate::edge::{self, Clock};
use crate::error::Error;
use crate::model::database::Database;
use crate::text::encode;

/// Outgoing connections that the platform gives one invocation.
const CONNECTIONS: usize = 6;

/// Deliveries that a lane claims at a time.
const PIECE: u32 = 10;

/// How long a lane stays with a destination before it looks at the next, in milliseconds: a slow one
/// keeps the others waiting for this and one try at most.
const TURN_MS: i64 = 10_000;

/// Hints for the same quarter of a minute are one hint.
const HINT_MS: i64 = 15_000;

thread_local! {
    /// The quarter minutes that this isolate has hinted at.
    static HINTED: RefCell<Vec<i64>> = const { RefCell::new(Vec::new()) };
}

/// Tries an event's deliveries right after its answer. What its lease, or the calls that the
/// invocation may make, do not reach is left to the sweep.
pub async fn first_tries(config: &Config, database: Database, space_id: i64, seq: i64) {
    let clock = Clock::default();
    let run = &Run::behind_answer(clock.now_ms(), longest_ms(config), config.subrequests());
    if !run.take(1) {
        return;
    }
    let read = async {
        let db = config.db_of(database)?;
        delivery::of_event(&db, space_id, seq, clock.now_ms()).await
    };
    let loaded = match db::in_time(config, read).await {
        Ok(loaded) => loaded,
        Err(reason) => return edge::log("deliveries_not_read", &reason.to_string()),
    };
    let tries = stream::iter(&loaded).map(|delivery| async move {
        let has_time = run.has_time(database, clock.now_ms(), delivery.leased_until_ms);
        if has_time && run.take(TRY_CALLS) {
            try_once(config, clock, run, database, delivery).await;
        }
    });
    tries.buffer_unordered(CONNECTIONS).for_each(|_state| async {}).await;
}

/// Sends what is due, behind an answer.
pub async fn sweep_behind_answer(config: &Config) {
    let clock = Clock::default();
    sweep(config, clock, Run::behind_answer).await;
}

/// Sends what is due, by the minute cron.
pub async fn sweep_by_cron(config: &Config, clock: Clock) {
    sweep(config, clock, Run::of_cron).await;
}

/// Sends what is due, behind the queue's consumer.
pub async fn sweep_by_queue(config: &Config) {
    sweep(config, Clock::default(), Run::of_queue).await;
}

/// A destination to work for, in its database.
type Turn = (Database, i64);

/// A run with what its lanes share.
struct Sweep<'a> {
    config: &'a Config,
    clock: Clock,
    run: Run,
    lanes: usize,
    /// The destinations in the order of their turns; one stands here once for each of its lanes.
    turns: RefCell<VecDeque<Turn>>,
}

/// Works off what is due until nothing is, or the run's time or calls are spent.
async fn sweep(config: &Config, clock: Clock, begin: fn(i64, i64, u32) -> Run) {
    let run = begin(clock.now_ms(), longest_ms(config), config.subrequests());
    let databases = config.databases().into_iter().filter(|_| run.take(1));
    let due = edge::for_each(databases, |database| due(config, clock, database)).await.concat();
    let lanes = run.lanes(CONNECTIONS);
    let turns = RefCell::new(deal(&due, lanes, clock.now_ms()));
    let sweep = &Sweep { config, clock, run, lanes, turns };
    let lanes = stream::iter(0..lanes).map(|_| async move {
        lane(sweep).await;
    });
    lanes.buffer_unordered(CONNECTIONS).for_each(|()| async {}).await;
}

/// What is due in a database; nothing where it is away, which holds up no other.
async fn due(config: &Config, clock: Clock, database: Database) -> Vec<Turn> {
    let read = async { delivery::due(&config.db_of(database)?, clock.now_ms()).await };
    match db::in_time(config, read).await {
        Ok(due) => due.into_iter().map(|id| (database, id)).collect(),
        Err(reason) => {
            edge::log_of(database, "sweep_ended", &reason);
            Vec::new()
        }
    }
}

/// The order of turns: every destination once, and where they are few again until each lane has one.
/// Each run begins with another, since there may be more than it comes to.
fn deal(due: &[Turn], lanes: usize, now_ms: i64) -> VecDeque<Turn> {
    let first = usize::try_from(now_ms).unwrap_or(0) % due.len().max(1);
    let turns = if due.is_empty() { 0 } else { due.len().max(lanes) };
    due.iter().cycle().skip(first).take(turns).copied().collect()
}

/// One lane: works for whatever destination is next. One that failed, or has nothing more, leaves the
/// order; any other goes to its end. A database that refuses the lane, or where it can record nothing,
/// is left to the others.
async fn lane(sweep: &Sweep<'_>) {
    let mut left: Vec<Database> = Vec::new();
    loop {
        let next = {
            let mut turns = sweep.turns.borrow_mut();
            let at = turns.iter().position(|(database, _)| !left.contains(database));
            at.and_then(|at| turns.remove(at))
        };
        let Some(next) = next else { return };
        let after = turn(sweep, next).await;
        let mut turns = sweep.turns.borrow_mut();
        match after {
            Ok(After::Again) => turns.push_back(next),
            Ok(After::Done) => turns.retain(|other| *other != next),
            Ok(After::Over) => {
                turns.push_back(next);
                left.push(next.0);
            }
            Err(reason) => {
                edge::log_of(next.0, "sweep_ended", &reason);
                left.push(next.0);
            }
        }
    }
}

/// How a lane goes on after a turn.
enum After {
    /// There may be more to send.
    Again,
    /// Nothing more is due, or the destination failed.
    Done,
    /// The run is over, in this database at least.
    Over,
}

/// Claims some deliveries of a destination, works through them, and gives back the rest.
async fn turn(sweep: &Sweep<'_>, (database, destination_id): Turn) -> Result<After, Error> {
    let Sweep { config, clock, run, lanes, .. } = sweep;
    let began_ms = clock.now_ms();
    let has_time = run.has_time(database, began_ms, i64::MAX);
    let most = if has_time { run.take_turn(PIECE, *lanes) } else { 0 };
    if most == 0 {
        return Ok(After::Over);
    }
    let lease = encode::hex(&edge::random::<8>()?);
    let claim = async {
        let db = config.db_of(database)?;
        delivery::claim(&db, destination_id, &lease, most.into(), began_ms).await
    };
    let claimed = db::in_time(config, claim).await?;
    let Worked { tried, end } = work(sweep, database, &claimed, began_ms).await;
    let made = u32::try_from(tried).unwrap_or(most);
    run.give_back(most.saturating_sub(made) * TRY_CALLS);
    if tried < claimed.len() {
        let kept = claimed.get(tried.wrapping_sub(1)).filter(|_| end == End::Unrecorded);
        let pause_ms = if end == End::Failed { outcome::FIRST_PAUSE_MS } else { 0 };
        let due_at_ms = clock.now_ms() + pause_ms;
        let release = async {
            let db = config.db_of(database)?;
            delivery::release(&db, destination_id, &lease, due_at_ms, kept).await
        };
        db::in_time(config, release).await?;
    }
    Ok(match end {
        End::Through if made == most => After::Again,
        End::Through | End::Failed => After::Done,
        End::Late => After::Again,
        End::Unrecorded | End::Spent => After::Over,
    })
}

/// What became of a turn's deliveries.
struct Worked {
    tried: usize,
    end: End,
}

/// Why a turn ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// All were tried.
    Through,
    /// The last one tried has to be tried again. The others wait for the shortest pause: it may be the
    /// delivery that the destination cannot take, and not the destination.
    Failed,
    /// The last one tried is not on record.
    Unrecorded,
    /// The destination is slow.
    Late,
    /// A further try might outlast its lease, or the run.
    Spent,
}

/// Works through a turn's deliveries until one fails: what is slow or down costs no other destination
/// more than that one try.
async fn work(sweep: &Sweep<'_>, database: Database, claimed: &[Loaded], began_ms: i64) -> Worked {
    let Sweep { config, clock, run, .. } = sweep;
    for (tried, delivery) in claimed.iter().enumerate() {
        let now_ms = clock.now_ms();
        if !run.has_time(database, now_ms, delivery.leased_until_ms) {
            return Worked { tried, end: End::Spent };
        }
        if now_ms > began_ms + TURN_MS {
            return Worked { tried, end: End::Late };
        }
        let end = match try_once(config, *clock, run, database, delivery).await {
            None => End::Unrecorded,
            Some(State::Retrying { .. }) => End::Failed,
            Some(State::Sent | State::FailedPermanently) => continue,
        };
        return Worked { tried: tried + 1, end };
    }
    Worked { tried: claimed.len(), end: End::Through }
}

/// One try, for which `TRY_CALLS` were taken.
async fn try_once(
    config: &Config,
    clock: Clock,
    run: &Run,
    database: Database,
    delivery: &Loaded,
) -> Option<State> {
    let state = attempt(config, clock, run, database, delivery).await;
    match state {
        Some(State::Sent) if delivery.failures == 0 => run.give_back(1),
        Some(State::Retrying { due_at_ms }) => hint(config, run, due_at_ms, clock.now_ms()).await,
        _ => {}
    }
    state
}

/// Has the queue look again when a delivery is due. A lost hint is no loss: the cron looks anyway.
async fn hint(config: &Config, run: &Run, due_at_ms: i64, now_ms: i64) {
    let quarter = due_at_ms / HINT_MS;
    let is_new = HINTED.with_borrow_mut(|hinted| {
        hinted.retain(|other| *other >= now_ms / HINT_MS);
        let is_new = !hinted.contains(&quarter);
        if is_new {
            hinted.push(quarter);
        }
        is_new
    });
    if !is_new || !run.take(1) {
        return;
    }
    let delay_s = ((quarter + 1) * HINT_MS - now_ms) / 1000;
    let message = r#"{"v":1,"kind":"due"}"#.to_owned();
    let sent = match config.deliveries() {
        Ok(queue) => edge::send(&queue, message, delay_s).await,
        Err(reason) => Err(reason),
    };
    if let Err(reason) = sent {
        edge::log("hint_not_sent", &reason.to_string());
    }
}
