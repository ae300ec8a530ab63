//! Counting the postbacks whose key opens nothing, so that somebody learns of them (docs/dashboard.md, Health).
//! It is done in memory, and written down behind an answer: of a flood a few rows every now and then.

use std::cell::{Cell, RefCell};

use crate::db;
use crate::db::unknown_key::Tally;
use crate::edge;
use crate::edge::Incoming;
use crate::edge::config::Config;
use crate::model::database::Database;
use crate::model::key::Presented;

/// Keys and senders that an isolate counts until it writes them down; what is more is a flood.
const MOST: usize = 20;

/// How long it gathers before it writes: one burst is one row.
const GATHER_MS: i64 = 1_000;

/// How long it gathers where it has written just now: `waitUntil` ends 30 s after the answer.
const AGAIN_MS: i64 = 25_000;

thread_local! {
    static COUNTED: RefCell<Vec<Tally>> = const { RefCell::new(Vec::new()) };
    /// When it was written down last, and until when somebody is about to do so.
    static WRITTEN: Cell<(i64, i64)> = const { Cell::new((0, 0)) };
}

/// Counts a postback whose key was refused. Gives how long to wait before what was counted is to be written,
/// in milliseconds; `None` where another call is about to.
pub fn count(
    config: &Config,
    incoming: &Incoming,
    key: &Presented<'_>,
    hash: &str,
    now_ms: i64,
) -> Option<u64> {
    let is_ours = config.key_secret().is_ok_and(|secret| key.is_ours(secret.as_bytes()));
    let tally = Tally {
        hash: hash.to_owned(),
        prefix: key.beginning().to_owned(),
        address: incoming.address(),
        is_ours: u8::from(is_ours),
        count: 1,
        first_ms: now_ms,
        last_ms: now_ms,
        database: config.database_of(key),
    };
    COUNTED.with_borrow_mut(|counted| add(counted, tally));
    let (written_ms, until_ms) = WRITTEN.get();
    if now_ms < until_ms {
        return None;
    }
    let wait_ms = (written_ms + AGAIN_MS - now_ms).clamp(GATHER_MS, AGAIN_MS);
    // A wait that never ended is forgotten with its invocation.
    WRITTEN.set((written_ms, now_ms + wait_ms + GATHER_MS));
    u64::try_from(wait_ms).ok()
}

fn add(counted: &mut Vec<Tally>, tally: Tally) {
    let same = |one: &&mut Tally| one.hash == tally.hash && one.address == tally.address;
    if let Some(one) = counted.iter_mut().find(same) {
        one.count += 1;
        one.last_ms = tally.last_ms;
    } else if counted.len() < MOST {
        counted.push(tally);
    }
}

/// Writes down what was counted, once the wait is over. What cannot be written is gone: it is about postbacks
/// that were refused, and answered so.
pub async fn write(config: &Config, wait_ms: u64) {
    edge::pause(wait_ms).await;
    WRITTEN.set((edge::now_ms(), 0));
    let counted = COUNTED.take();
    let mut databases: Vec<Database> = counted.iter().map(|tally| tally.database).collect();
    databases.sort_unstable();
    databases.dedup();
    for database in databases {
        let these: Vec<&Tally> =
            counted.iter().filter(|tally| tally.database == database).collect();
        let written = async { db::unknown_key::count(&config.db_of(database)?, &these).await };
        if let Err(reason) = written.await {
            edge::log_of(database, "unknown_keys_not_counted", &reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(hash: &str, address: &str, ms: i64) -> Tally {
        Tally {
            hash: hash.to_owned(),
            prefix: "xt_in_ab".to_owned(),
            address: address.to_owned(),
            is_ours: 0,
            count: 1,
            first_ms: ms,
            last_ms: ms,
            database: Database::FIRST,
        }
    }

    #[test]
    fn the_same_key_of_the_same_sender_is_counted_in_one_row() {
        let mut counted = Vec::new();
        for (hash, address, ms) in [("a", "1", 5), ("a", "1", 7), ("a", "2", 8), ("b", "1", 9)] {
            add(&mut counted, tally(hash, address, ms));
        }
        let rows: Vec<_> =
            counted.iter().map(|one| (one.count, one.first_ms, one.last_ms)).collect();
        assert_eq!(rows, [(2, 5, 7), (1, 8, 8), (1, 9, 9)]);
    }

    #[test]
    fn of_a_flood_a_few_are_counted() {
        let mut counted = Vec::new();
        for at in 0..1000 {
            add(&mut counted, tally(&at.to_string(), "1", 5));
        }
        assert_eq!(counted.len(), MOST);
    }
}
