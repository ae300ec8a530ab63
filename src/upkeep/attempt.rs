//! One try of a delivery: sent, judged, and recorded.

use super::run::Run;
use crate::db::delivery::{Loaded, Recorded};
use crate::db::{self, delivery};
use crate::destination::outcome::{self, Answer, Outcome, State};
use crate::destination::request::{Attempt, LEADS_BACK};
use crate::destination::{self, mask};
use crate::edge::config::Config;
use crate::edge::{self, Clock, seal};
use crate::model::database::Database;
use crate::text::json;

/// Failures in a row from which on a destination is left alone for a while.
const UNHEALTHY: u32 = 5;

/// The longest rest: a destination that is back is noticed within five minutes.
const LONGEST_REST_MS: i64 = 5 * 60 * 1000;

/// The pause before a record is tried again; each further one is twice as long.
const RECORD_PAUSE_MS: u64 = 500;

/// The longest that a try may take, in milliseconds: the answer, its record, and the record once more.
pub fn longest_ms(config: &Config) -> i64 {
    let longest = edge::ANSWER_DEADLINE_MS + 2 * config.db_deadline_ms() + RECORD_PAUSE_MS;
    i64::try_from(longest).unwrap_or(i64::MAX)
}

/// Makes one try and records it. `None` where it could not be recorded: its lease has to end.
pub async fn attempt(
    config: &Config,
    clock: Clock,
    run: &Run,
    database: Database,
    delivery: &Loaded,
) -> Option<State> {
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
    let rest_until_ms = rest_until_ms(&answer, delivery.failures, now_ms);
    let recorded = Recorded { delivery, attempt: &attempt, state, rest_until_ms };
    record(config, clock, run, database, &recorded).await.then_some(state)
}

/// Records a try, again and again until its lease or the run ends: what is not on record will be
/// sent once more. From the first refusal on, no lane begins another try of
/// that database.
async fn record(
    config: &Config,
    clock: Clock,
    run: &Run,
    database: Database,
    recorded: &Recorded<'_>,
) -> bool {
    let ends_at_ms = run.ends_at_ms().min(recorded.delivery.leased_until_ms);
    let deadline_ms = i64::try_from(config.db_deadline_ms()).unwrap_or(i64::MAX);
    let mut pause_ms = RECORD_PAUSE_MS;
    loop {
        let written = async { delivery::record(&config.db_of(database)?, recorded).await };
        let Err(reason) = db::in_time(config, written).await else { return true };
        edge::log("attempt_not_recorded", &reason.to_string());
        run.stop(database);
        let again_ms = i64::try_from(pause_ms).unwrap_or(i64::MAX);
        let is_late = clock.now_ms() + again_ms + deadline_ms > ends_at_ms;
        if is_late || !run.take(2) {
            return false;
        }
        edge::pause(pause_ms).await;
        pause_ms *= 2;
    }
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
    let attempt = |status, text: String, outcome, request| Attempt {
        at_ms,
        status,
        duration_ms: clock.now_ms() - at_ms,
        answer: text,
        outcome,
        request,
    };
    let unreadable = || {
        let text = "The destination's settings cannot be read. Is DESTINATION_KEY the one they were saved with?";
        (attempt(None, text.to_owned(), Outcome::Transient, None), Answer::None)
    };
    let Some(settings) = destination::read(&json::read(&delivery.config)) else {
        return unreadable();
    };
    let Ok(secrets) = seal::open_secrets(config, delivery.space_id, &delivery.secrets).await else {
        return unreadable();
    };
    let facts = &delivery.facts;
    let built = settings.outgoing(&secrets, facts, at_ms, false, config.local);
    let (answer, text, request) = match built {
        Ok(outgoing) if outgoing.texts().any(|text| config.has_own_key(text)) => {
            (Answer::Hopeless, LEADS_BACK.to_owned(), None)
        }
        Ok(outgoing) => {
            let (answer, text) = edge::exchange(&outgoing).await;
            (answer, text, Some(outgoing.kept(&secrets)))
        }
        Err(reason) => (Answer::Hopeless, reason.to_owned(), None),
    };
    let status = if let Answer::Status { status, .. } = answer { Some(status) } else { None };
    let outcome = outcome::judge(&answer, settings.success());
    (attempt(status, mask::answer(&text, &secrets), outcome, request), answer)
}
