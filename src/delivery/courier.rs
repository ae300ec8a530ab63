//! Claims what is due, sends it, records what became of it (contract §9).
//!
//! The invocation that stored an event makes its first tries under the lease that the insert carries.
//! Everything else is claimed: by a hint on the queue, by the minute cron, by hand. Whoever holds a
//! lease and dies leaves rows that are due again when it ends, so that nothing is lost; what the
//! destination took before that is sent again under the same `event_id`.

use std::cell::RefCell;
use std::collections::BTreeMap;

use futures_util::StreamExt;
use futures_util::stream;

use super::mask;
use super::outcome::{self, Answer, Outcome, State};
use super::request::{self, Attempt};
use crate::config::Config;
use crate::db::delivery::{self, Loaded, Recorded};
use crate::destination;
use crate::edge::{self, Clock};
use crate::encode;
use crate::error::Error;
use crate::json;
use crate::seal;

/// Outgoing connections that the platform gives one invocation.
const CONNECTIONS: usize = 6;

/// Deliveries that a lane takes with it: at ten a second a lane's work fits well into its lease.
const LANE: usize = 10;

/// How long first tries may begin: the insert's lease is 30 s, and a try takes up to ten.
const FIRST_TRIES_MS: i64 = 15_000;

/// How long one sweep goes on: `waitUntil` ends 30 s after the answer.
const SWEEP_MS: i64 = 20_000;

/// Failures in a row from which on a destination is left alone for a while.
const UNHEALTHY: u32 = 5;

/// The longest rest: a destination that is back is noticed within five minutes.
const LONGEST_REST_MS: i64 = 5 * 60 * 1000;

/// Hints for the same quarter of a minute are one hint.
const HINT_MS: i64 = 15_000;

thread_local! {
    /// The quarter minutes that this isolate has hinted at.
    static HINTED: RefCell<Vec<i64>> = const { RefCell::new(Vec::new()) };
}

/// Tries an event's deliveries right after its answer. Where there are so many slow destinations
/// that the lease would end during a try, the rest is left to the sweep.
pub async fn first_tries(config: &Config, space_id: i64, seq: i64) {
    let clock = Clock::default();
    let begin_until_ms = clock.now_ms() + FIRST_TRIES_MS;
    let loaded = match config.db() {
        Ok(db) => delivery::of_event(&db, space_id, seq, clock.now_ms()).await,
        Err(reason) => Err(reason),
    };
    match loaded {
        Ok(loaded) => {
            let tries = stream::iter(&loaded).map(|delivery| async move {
                if clock.now_ms() < begin_until_ms {
                    attempt(config, clock, delivery).await;
                }
            });
            tries.buffer_unordered(CONNECTIONS).for_each(|()| async {}).await;
        }
        Err(reason) => edge::log("deliveries_not_read", &reason.to_string()),
    }
}

/// Sends what is due, round after round, until nothing is or the time is up.
pub async fn sweep(config: &Config, clock: Clock) {
    let ends_at_ms = clock.now_ms() + SWEEP_MS;
    while clock.now_ms() < ends_at_ms {
        match round(config, clock).await {
            Ok(true) => {}
            Ok(false) => break,
            Err(reason) => {
                edge::log("sweep_ended", &reason.to_string());
                break;
            }
        }
    }
}

/// One round over the due destinations, six at a time: each has as many lanes as it can without
/// taking another's connection. False where nothing was due.
async fn round(config: &Config, clock: Clock) -> Result<bool, Error> {
    let db = config.db()?;
    let mut due = delivery::due(&db, clock.now_ms()).await?;
    // Where more are due than fit, each round begins with another.
    let turn = usize::try_from(clock.now_ms()).unwrap_or(0) % due.len().max(1);
    due.rotate_left(turn);
    due.truncate(CONNECTIONS);
    let lanes_each = (CONNECTIONS / due.len().max(1)).max(1);
    let most = i64::try_from(lanes_each * LANE).unwrap_or(1);
    let lease = encode::hex(&edge::random::<8>()?);
    let claimed = delivery::claim(&db, &due, &lease, most, clock.now_ms()).await?;
    let lanes = split(&claimed, lanes_each);
    let worked = stream::iter(lanes).map(|lane| work(config, clock, lane));
    let stopped: Vec<Option<(i64, i64)>> = worked.buffer_unordered(CONNECTIONS).collect().await;
    for (destination_id, due_at_ms) in stopped.into_iter().flatten() {
        delivery::release(&db, destination_id, &lease, due_at_ms).await?;
    }
    Ok(!claimed.is_empty())
}

/// Deals each destination's deliveries out over its lanes.
fn split(claimed: &[Loaded], lanes_each: usize) -> Vec<Vec<&Loaded>> {
    let mut by_destination: BTreeMap<i64, Vec<&Loaded>> = BTreeMap::new();
    for delivery in claimed {
        by_destination.entry(delivery.destination_id).or_default().push(delivery);
    }
    let mut lanes = Vec::new();
    for deliveries in by_destination.into_values() {
        for lane in 0..lanes_each {
            let dealt: Vec<_> = deliveries.iter().skip(lane).step_by(lanes_each).copied().collect();
            if !dealt.is_empty() {
                lanes.push(dealt);
            }
        }
    }
    lanes
}

/// Works through a lane until its destination fails once: what is slow or down costs no other
/// destination more than that one try. Gives then when the rest of the lane is due.
async fn work(config: &Config, clock: Clock, lane: Vec<&Loaded>) -> Option<(i64, i64)> {
    for delivery in lane {
        if let Some(State::Retrying { due_at_ms }) = attempt(config, clock, delivery).await {
            return Some((delivery.destination_id, due_at_ms));
        }
    }
    None
}

/// Makes one try and records it. `None` where it could not be recorded: its lease will end.
async fn attempt(config: &Config, clock: Clock, delivery: &Loaded) -> Option<State> {
    let (attempt, answer) = exchange(config, clock, delivery).await;
    let tries = delivery.tries + 1;
    let retry_after_ms = match &answer {
        Answer::Status { retry_after: Some(text), .. } => {
            outcome::retry_after_ms(text, attempt.at_ms)
        }
        _ => None,
    };
    let now_ms = clock.now_ms();
    let state = outcome::next(attempt.outcome, tries, retry_after_ms, now_ms, edge::chance());
    let recorded = Recorded {
        delivery,
        attempt: &attempt,
        state,
        rest_until_ms: rest_until_ms(&answer, delivery.failures, now_ms),
    };
    let written = match config.db() {
        Ok(db) => delivery::record(&db, &recorded).await,
        Err(reason) => Err(reason),
    };
    if let Err(reason) = written {
        edge::log("attempt_not_recorded", &reason.to_string());
        return None;
    }
    if let State::Retrying { due_at_ms } = state {
        hint(config, due_at_ms, now_ms).await;
    }
    Some(state)
}

/// Until when a destination that did not take this try is left alone. `None` where the try says
/// nothing about it.
fn rest_until_ms(answer: &Answer, failures: u32, now_ms: i64) -> Option<i64> {
    if *answer == Answer::Hopeless {
        return None;
    }
    let failures = failures + 1;
    if failures < UNHEALTHY {
        return Some(0);
    }
    let rest = outcome::back_off_ms(failures - UNHEALTHY + 1, edge::chance());
    Some(now_ms + rest.min(LONGEST_REST_MS))
}

/// Sends one delivery and judges the answer.
async fn exchange(config: &Config, clock: Clock, delivery: &Loaded) -> (Attempt, Answer) {
    let at_ms = clock.now_ms();
    let attempt = |status, text: String, outcome| Attempt {
        at_ms,
        status,
        duration_ms: clock.now_ms() - at_ms,
        answer: text,
        outcome,
    };
    let unreadable = || {
        let text = "The destination's settings cannot be read. Is DESTINATION_KEY the one they were saved with?";
        (attempt(None, text.to_owned(), Outcome::Transient), Answer::None)
    };
    let Some(settings) = destination::Config::read(&json::read(&delivery.config)) else {
        return unreadable();
    };
    let Ok(secrets) = seal::open_secrets(config, delivery.space_id, &delivery.secrets).await else {
        return unreadable();
    };
    let facts = &delivery.facts;
    let built = request::build(&settings, &secrets, facts, at_ms, false, config.local);
    let (answer, text) = match built {
        Ok(outgoing) => edge::exchange(&outgoing).await,
        Err(reason) => (Answer::Hopeless, reason.to_owned()),
    };
    let status = if let Answer::Status { status, .. } = answer { Some(status) } else { None };
    let outcome = outcome::judge(&answer, settings.success());
    (attempt(status, mask::answer(&text, &secrets), outcome), answer)
}

/// Has the queue look again when a delivery is due. A lost hint is no loss: the cron looks anyway.
async fn hint(config: &Config, due_at_ms: i64, now_ms: i64) {
    let quarter = due_at_ms / HINT_MS;
    let is_new = HINTED.with_borrow_mut(|hinted| {
        hinted.retain(|other| *other >= now_ms / HINT_MS);
        let is_new = !hinted.contains(&quarter);
        if is_new {
            hinted.push(quarter);
        }
        is_new
    });
    if !is_new {
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
