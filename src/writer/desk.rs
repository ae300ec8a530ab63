//! The object's side: one statement on the wire, and whoever comes meanwhile waits for the next.
//!
//! The requests of one object may wait for each other's statement: they are one I/O context. Those of a
//! Worker's isolate may not (`writer/mod.rs`).

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use futures_channel::oneshot;

use super::letter::{self, Answer};
use crate::db::{self, group::Entry};
use crate::edge;
use crate::edge::config::Config;
use crate::error::Error;

/// Most reports of one statement. Each takes SQLite 35 µs, and the statement 800 to compile (measured), so
/// that a group holds up those behind it for 4 ms.
const MOST: usize = 100;

/// Most bytes of one statement, unless a single report is longer. D1 takes 2 MB.
const MOST_BYTES: usize = 256 * 1024;

/// How much may wait, in reports and in bytes: ten statements' worth, which at 20 ms each take a fifth
/// of a second, and of the object's 128 MB two and a half.
const STATEMENTS_WAITING: usize = 10;

/// How often a group that grows is looked at again before it goes: each look takes a turn of the event
/// loop, 15 to 55 µs where nothing else is to be done (measured).
const LOOKS: usize = 8;

/// A report that waits for its statement.
struct Waiting {
    entry: Entry,
    since_ms: i64,
    answer: oneshot::Sender<Answer>,
}

/// Whom the object has taken in.
#[derive(Default)]
pub struct Desk {
    waiting: RefCell<VecDeque<Waiting>>,
    is_at_work: Cell<bool>,
}

/// A report that was taken in.
pub struct Taken {
    pub answer: oneshot::Receiver<Answer>,
    /// Whether nobody is at work yet: then `Desk::work` has to be started.
    pub begins: bool,
}

impl Desk {
    /// Takes a report in; `None` for one that is too many, or cannot be read.
    pub fn take(&self, letter: &str, now_ms: i64) -> Option<Taken> {
        let entry = letter::read(letter)?;
        let mut waiting = self.waiting.borrow_mut();
        let bytes: usize = waiting.iter().map(|one| one.entry.json.len()).sum();
        if waiting.len() >= STATEMENTS_WAITING * MOST || bytes >= STATEMENTS_WAITING * MOST_BYTES {
            return None;
        }
        let (answer, receiver) = oneshot::channel();
        waiting.push_back(Waiting { entry, since_ms: now_ms, answer });
        Some(Taken { answer: receiver, begins: !self.is_at_work.replace(true) })
    }

    /// Stores whatever waits, a group after the other, until nobody does. It is no request's own: whoever
    /// began it may hang up.
    pub async fn work(&self, config: &Config) {
        loop {
            self.gather().await;
            let group = self.group();
            if group.is_empty() {
                break;
            }
            store(config, group).await;
        }
        self.is_at_work.set(false);
    }

    /// Lets come along what comes in the same moment. When a group is answered, its senders' next ones
    /// arrive one after the other; the first of them would go alone, and keep the rest waiting for
    /// the whole of its statement.
    async fn gather(&self) {
        let mut count = 0;
        for _ in 0..LOOKS {
            let before = count;
            count = self.waiting.borrow().len();
            if count == before || count >= MOST {
                break;
            }
            edge::pause(0).await;
        }
    }

    /// The next group, in the order of arrival.
    fn group(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting.borrow_mut();
        let mut bytes = 0;
        let fits = |one: &&Waiting| {
            bytes += one.entry.json.len();
            bytes <= MOST_BYTES
        };
        let count = waiting.iter().take(MOST).take_while(fits).count();
        let count = count.max(1).min(waiting.len());
        waiting.drain(..count).collect()
    }
}

/// Stores a group within the deadline, and answers each of it. Who has waited for as long already is
/// not stored: its sender has put it on the queue.
async fn store(config: &Config, group: Vec<Waiting>) {
    let in_time_ms = edge::now_ms() - i64::try_from(config.db_deadline_ms()).unwrap_or(i64::MAX);
    let (group, late): (Vec<_>, Vec<_>) =
        group.into_iter().partition(|one| one.since_ms >= in_time_ms);
    for one in late {
        let _whether_heard = one.answer.send(Answer::Late);
    }
    let (entries, answers): (Vec<_>, Vec<_>) =
        group.into_iter().map(|one| (one.entry, one.answer)).unzip();
    // An object is one database's, so that its entries are all of the same.
    let Some(database) = entries.first().map(|entry| entry.database) else { return };
    let work = async { db::group::store(&config.db_of(database)?, &entries).await };
    match db::in_time(config, work).await {
        Ok(stored) => {
            for (answer, name) in answers.into_iter().zip(stored) {
                let _whether_heard = answer.send(name.map_or(Answer::UnknownKey, Answer::Stored));
            }
        }
        Err(reason) => {
            edge::log_of(database, "group_not_stored", &reason);
            let all =
                if matches!(reason, Error::Deadline(_)) { Answer::Late } else { Answer::Alone };
            for answer in answers {
                let _whether_heard = answer.send(all.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::database::Database;

    fn take(desk: &Desk, json: &str) -> bool {
        desk.take(&letter::write(Database::FIRST, "hash", json), 0).is_some()
    }

    fn sizes(desk: &Desk) -> Vec<usize> {
        std::iter::repeat_with(|| desk.group().len()).take_while(|size| *size > 0).collect()
    }

    #[test]
    fn groups_are_taken_in_the_order_of_arrival_and_a_hundred_at_most() {
        let desk = Desk::default();
        for number in 0..250 {
            assert!(take(&desk, &number.to_string()));
        }
        let first: Vec<_> = desk.group().into_iter().map(|one| one.entry.json).collect();
        assert_eq!(first, (0..100).map(|number| number.to_string()).collect::<Vec<_>>());
        assert_eq!(sizes(&desk), [100, 50]);
    }

    #[test]
    fn a_group_has_256_kb_at_most_unless_one_report_is_longer() {
        let desk = Desk::default();
        for kb in [100, 100, 100, 300, 1] {
            assert!(take(&desk, &"x".repeat(kb * 1024)));
        }
        assert_eq!(sizes(&desk), [2, 1, 1, 1]);
    }

    #[test]
    fn what_is_too_much_is_sent_back() {
        let desk = Desk::default();
        assert!((0..1000).all(|_| take(&desk, "{}")));
        assert!(!take(&desk, "{}"));
        let desk = Desk::default();
        assert!((0..5).all(|_| take(&desk, &"x".repeat(600 * 1024))));
        assert!(!take(&desk, "{}"));
        assert!(desk.take("no letter", 0).is_none());
    }

    #[test]
    fn one_of_those_taken_in_begins_the_work() {
        let desk = Desk::default();
        let begins = |_| desk.take("DB hash\n{}", 0).map(|taken| taken.begins);
        assert_eq!((0..3).map(begins).collect::<Vec<_>>(), [Some(true), Some(false), Some(false)]);
    }
}
