//! Group commit: postbacks that come at the same time share a statement (docs/scaling.md, The writer).
//!
//! D1 works off one statement at a time, several milliseconds each. So an isolate sends its postbacks to
//! D1 directly as long as it has one at a time, and those that come meanwhile to one Durable Object,
//! which puts whatever waits into one statement.
//!
//! **It cannot be done without the object.** To have the requests of an isolate share a statement was
//! tried. It is fast, and rests on the runtime's internals: a promise belongs to the request that made
//! it, and one made by `new Promise` loses its request once V8 optimises it; after some 16,000 requests
//! most answers of the isolate were 500, for good. A Rust waker across requests fails at once. A
//! request that waits for another, without a timer of its own, is cancelled as hung. Only within an
//! object, whose requests are one I/O context, may one wait for another's call.

pub mod desk;
pub mod letter;

use std::cell::Cell;

use crate::db::event::Stored;
use crate::db::{self, Cost};
use crate::edge;
use crate::edge::config::Config;
use crate::error::Error;
use crate::model::event::{Arrival, Report};
use letter::Answer;

/// How long a direct statement counts as under way: an invocation is over by then, and with it a guard
/// that was never dropped.
const FORGOTTEN_MS: i64 = 30_000;

thread_local! {
    /// Statements of this isolate that are under way to D1, and when the last one began.
    static UNDER_WAY: Cell<(u32, i64)> = const { Cell::new((0, 0)) };
}

/// A statement under way, until it is dropped.
struct UnderWay;

impl UnderWay {
    /// Takes the direct way; `None` while it is taken.
    fn begin(now_ms: i64) -> Option<Self> {
        let (count, since_ms) = UNDER_WAY.get();
        let is_free = count == 0 || now_ms - since_ms > FORGOTTEN_MS;
        is_free.then(|| {
            UNDER_WAY.set((1, now_ms));
            Self
        })
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let (count, since_ms) = UNDER_WAY.get();
        UNDER_WAY.set((count.saturating_sub(1), since_ms));
    }
}

/// Stores a report: in one round trip to D1 while none of this isolate's is under way, else together
/// with others. Gives what it cost where it was stored alone. `None` where the key opens no space.
///
/// It has no deadline of its own. If it is dropped the outcome is unknown; the same arrival may be
/// stored again and counts once.
pub async fn store(
    config: &Config,
    arrival: &Arrival,
    report: &Report,
    raw: &str,
) -> Result<(Option<Stored>, Option<Cost>), Error> {
    let under_way = UnderWay::begin(arrival.received_at_ms);
    if under_way.is_none() {
        match in_a_group(config, arrival, report, raw).await {
            Answer::Stored(name) => return Ok((Some(Stored::of(name, arrival)), None)),
            Answer::UnknownKey => return Ok((None, None)),
            Answer::Late => return Err(Error::Deadline("D1")),
            Answer::Alone => {}
        }
    }
    let (stored, cost) = db::event::store(&config.db()?, arrival, report, raw).await?;
    Ok((stored, Some(cost)))
}

/// Asks the object. Where it is not there, or says nothing that can be read, the report is stored alone.
async fn in_a_group(config: &Config, arrival: &Arrival, report: &Report, raw: &str) -> Answer {
    let Ok(writer) = config.writer() else { return Answer::Alone };
    let json = db::event::as_json(arrival, report, raw);
    let heard = edge::ask(&writer, &letter::write(&arrival.key_hash, &json)).await;
    let unread = || Error::Object("its answer is another version's".to_owned());
    match heard.and_then(|text| Answer::from_text(&text).ok_or_else(unread)) {
        Ok(answer) => answer,
        Err(reason) => {
            edge::log("writer_not_reached", &reason.to_string());
            Answer::Alone
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_takes_the_direct_way() {
        let first = UnderWay::begin(0);
        assert!(first.is_some());
        assert!(UnderWay::begin(1).is_none());
        drop(first);
        let second = UnderWay::begin(2);
        assert!(second.is_some());
        assert!(UnderWay::begin(3).is_none());
    }

    #[test]
    fn a_guard_that_is_never_dropped_is_forgotten() {
        std::mem::forget(UnderWay::begin(0));
        assert!(UnderWay::begin(FORGOTTEN_MS).is_none());
        assert!(UnderWay::begin(FORGOTTEN_MS + 1).is_some());
        assert!(UnderWay::begin(FORGOTTEN_MS + 2).is_some());
    }
}
