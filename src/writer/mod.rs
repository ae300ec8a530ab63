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

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::db::event::Stored;
use crate::db::rule::Shut;
use crate::db::{self, Cost};
use crate::edge;
use crate::edge::config::Config;
use crate::error::Error;
use crate::model::database::Database;
use crate::model::event::{Arrival, Report};
use letter::Answer;

/// How long a direct statement counts as under way: an invocation is over by then, and with it a guard
/// that was never dropped.
const FORGOTTEN_MS: i64 = 30_000;

thread_local! {
    /// Statements of this isolate that are under way to each database, and when the last one began.
    static UNDER_WAY: RefCell<BTreeMap<Database, (u32, i64)>> = const { RefCell::new(BTreeMap::new()) };
}

/// A statement under way, until it is dropped.
struct UnderWay(Database);

impl UnderWay {
    /// Takes the direct way; `None` while it is taken.
    fn begin(database: Database, now_ms: i64) -> Option<Self> {
        UNDER_WAY.with_borrow_mut(|under_way| {
            let (count, since_ms) = under_way.entry(database).or_default();
            let is_free = *count == 0 || now_ms - *since_ms > FORGOTTEN_MS;
            is_free.then(|| {
                (*count, *since_ms) = (1, now_ms);
                Self(database)
            })
        })
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        UNDER_WAY.with_borrow_mut(|under_way| {
            let (count, _) = under_way.entry(self.0).or_default();
            *count = count.saturating_sub(1);
        });
    }
}

/// Stores a report: in one round trip to its database while none of this isolate's is under way there, else together
/// with others. Gives what it cost where it was stored alone; where nothing was stored, why.
///
/// It has no deadline of its own. If it is dropped the outcome is unknown; the same arrival may be
/// stored again and counts once.
pub async fn store(
    config: &Config,
    arrival: &Arrival,
    report: &Report,
    raw: &str,
) -> Result<(Result<Stored, Shut>, Option<Cost>), Error> {
    let under_way = UnderWay::begin(arrival.database, arrival.received_at_ms);
    if under_way.is_none() {
        match in_a_group(config, arrival, report, raw).await {
            Answer::Stored(name) => return Ok((Ok(Stored::of(name, &arrival.receipt)), None)),
            Answer::UnknownKey => return Ok((Err(Shut::Unsaid), None)),
            Answer::Late => return Err(Error::Deadline("D1")),
            Answer::Alone => {}
        }
    }
    let (stored, cost) =
        db::event::store(&config.db_of(arrival.database)?, arrival, report, raw).await?;
    Ok((stored, Some(cost)))
}

/// Asks the object. Where it is not there, or says nothing that can be read, the report is stored alone.
async fn in_a_group(config: &Config, arrival: &Arrival, report: &Report, raw: &str) -> Answer {
    let Ok(writer) = config.writer() else { return Answer::Alone };
    let json = db::event::as_json(arrival, report, raw);
    let letter = letter::write(arrival.database, &arrival.key_hash, &json);
    let heard = edge::ask(&writer, &arrival.database.to_string(), &letter).await;
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

    fn begin(now_ms: i64) -> Option<UnderWay> {
        UnderWay::begin(Database::FIRST, now_ms)
    }

    #[test]
    fn one_at_a_time_takes_the_direct_way_to_each_database() {
        let first = begin(0);
        assert!(first.is_some());
        assert!(begin(1).is_none());
        let other = Database::FIRST.next().and_then(|second| UnderWay::begin(second, 1));
        assert!(other.is_some());
        drop(first);
        let second = begin(2);
        assert!(second.is_some());
        assert!(begin(3).is_none());
    }

    #[test]
    fn a_guard_that_is_never_dropped_is_forgotten() {
        std::mem::forget(begin(0));
        assert!(begin(FORGOTTEN_MS).is_none());
        assert!(begin(FORGOTTEN_MS + 1).is_some());
        assert!(begin(FORGOTTEN_MS + 2).is_some());
    }
}
