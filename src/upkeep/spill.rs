//! What D1 did not take in time, and its way into the queue (docs/postback.md, Durability).

use serde::Serialize;

use crate::edge;
use crate::edge::config::Config;
use crate::error::Error;
use crate::model::database::Database;
use crate::model::event::Arrival;
use crate::model::note::Broken;
use crate::model::visit::Visit;
use crate::postback::Received;
use crate::text::json;

/// The newest form of messages that this version reads.
const VERSION: u32 = 2;

/// The form of what belongs to the first database. A version from before there were others must leave
/// theirs alone: it would ask the first one about them, and drop what that does not know.
const FIRSTS_VERSION: u32 = 1;

/// Shortest and longest pause before a message is tried again. Each try is an operation of the queue,
/// writing and deleting are two more, and the free plan has 10,000 a day. Pauses that double a
/// message's age take 10 tries in an outage of an hour, 13 in one of six hours and 19 in one of a day:
/// 830, 660 and 470 messages a day. A hundred tries, and a hundred of the dead-letter queue, last
/// longer than any queue keeps a message.
const PAUSE_S: (i64, i64) = (10, 3 * 3600);

/// The longest delay that a queue takes.
const LONGEST_S: i64 = 12 * 3600;

const DAY_MS: i64 = 24 * 3600 * 1000;

/// What waits for midnight is tried in the first ten minutes of the day, in the order of its arrival:
/// this share of the time since its own day began. So it is always tried before it is 24 hours old,
/// when the free plan's queue forgets it.
const SPREAD: i64 = 144;

/// Room for a last try before the free plan's queue forgets a message.
const LAST_TRY_MS: i64 = 30_000;

/// Why a message has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// D1 refuses, or does not answer, for some time.
    Away,
    /// The free plan's daily limit is reached: D1 refuses until midnight UTC.
    DaysLimit,
}

impl Outage {
    /// What a refusal by D1 means for what it refused.
    pub fn of(reason: &Error) -> Self {
        if reason.is_days_limit() { Self::DaysLimit } else { Self::Away }
    }

    /// Seconds that a new message waits in the queue before it is tried. What is refused for the day
    /// costs an operation with each try, and cannot be taken before midnight.
    pub fn delay_s(self, now_ms: i64) -> i64 {
        match self {
            Self::Away => 0,
            Self::DaysLimit => until_midnight_s(now_ms, now_ms).unwrap_or(0),
        }
    }
}

/// What waits in the queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Message {
    Postback(Postback),
    Click(Box<Visit>),
}

/// A postback without its token: the key is named by its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Postback {
    #[serde(flatten)]
    pub arrival: Arrival,
    /// Query and body as one query, secrets removed.
    pub raw: String,
    /// What was wrong with the request itself, if anything was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<Broken>,
}

impl Postback {
    /// The request as it can be read again.
    pub fn received(&self) -> Received {
        Received { query: self.raw.clone(), broken: self.broken }
    }
}

#[derive(Serialize)]
struct Envelope<T> {
    v: u32,
    #[serde(flatten)]
    message: T,
}

impl Message {
    /// The message's text.
    pub fn to_text(&self) -> String {
        let v = if self.database().is_first() { FIRSTS_VERSION } else { VERSION };
        serde_json::to_string(&Envelope { v, message: self }).unwrap_or_default()
    }

    /// Reads a message of this or an older version. `None` for what a newer one wrote, or nobody.
    pub fn from_text(text: &str) -> Option<Self> {
        let stored = json::read(text);
        if json::number(&stored, "v")? > i64::from(VERSION) {
            return None;
        }
        match json::text(&stored, "kind").as_str() {
            "postback" => Some(Self::Postback(Postback {
                arrival: Arrival::read(&stored)?,
                raw: json::optional_text(&stored, "raw")?,
                broken: stored.get("broken").and_then(Broken::read),
            })),
            "click" => Visit::read(&stored).map(|visit| Self::Click(Box::new(visit))),
            _ => None,
        }
    }

    /// The database that it is for, as far as is known.
    pub fn database(&self) -> Database {
        match self {
            Self::Postback(postback) => postback.arrival.database,
            Self::Click(visit) => visit.database,
        }
    }

    /// When it arrived, in epoch milliseconds.
    pub fn received_at_ms(&self) -> i64 {
        match self {
            Self::Postback(postback) => postback.arrival.received_at_ms,
            Self::Click(visit) => visit.click.clicked_at_ms,
        }
    }
}

/// Seconds to wait before a message is tried again: as long as it has waited, since an outage that
/// has lasted an hour will hardly end in ten seconds; for a day's limit until midnight. Where that
/// has passed since it came, D1 is late, and the message is tried once more before it is forgotten.
pub fn pause_s(received_at_ms: i64, now_ms: i64, outage: Outage) -> u32 {
    let (shortest, longest) = PAUSE_S;
    let by_age = ((now_ms - received_at_ms) / 1000).clamp(shortest, longest);
    let pause = match outage {
        Outage::Away => by_age,
        Outage::DaysLimit => until_midnight_s(received_at_ms, now_ms).unwrap_or_else(|| {
            let left_s = (received_at_ms + DAY_MS - LAST_TRY_MS - now_ms) / 1000;
            if left_s > 0 { by_age.min(left_s.max(shortest)) } else { by_age }
        }),
    };
    u32::try_from(pause).unwrap_or(0)
}

/// Seconds until a message of today is tried after midnight UTC, as far as a queue can wait. `None`
/// for one of an earlier day.
fn until_midnight_s(received_at_ms: i64, now_ms: i64) -> Option<i64> {
    let today_ms = now_ms.div_euclid(DAY_MS) * DAY_MS;
    let since_ms = received_at_ms - today_ms;
    let midnight_ms = today_ms + DAY_MS;
    let forgotten_ms = received_at_ms + DAY_MS;
    let spread_ms = midnight_ms + since_ms.max(0) / SPREAD;
    let due_ms = spread_ms.min(forgotten_ms - 2 * LAST_TRY_MS).max(midnight_ms);
    (since_ms >= 0).then(|| ((due_ms - now_ms) / 1000 + 1).min(LONGEST_S))
}

/// Sends a message to the queue, as long as its address stays within its share. A deployment without
/// the limiter sends all the same: it guards the queue's cost, and a deposit is worth more.
pub async fn set_aside(
    config: &Config,
    address: &str,
    message: &Message,
    outage: Outage,
) -> Result<(), Error> {
    match config.spill_limit() {
        Ok(limiter) if !edge::is_below(&limiter, address.to_owned()).await => {
            return Err(Error::Limited);
        }
        Ok(_) => {}
        Err(missing) => edge::log("spill_not_limited", &missing.to_string()),
    }
    let delay_s = outage.delay_s(edge::now_ms());
    edge::send(&config.postbacks()?, message.to_text(), delay_s).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::click::Click;
    use crate::model::key::KeyKind;

    fn postback_of(database: Database) -> Message {
        Message::Postback(Postback {
            arrival: Arrival {
                key_hash: "ab".to_owned(),
                key_kind: KeyKind::Ingest,
                received_at_ms: 5,
                receipt: "r".to_owned(),
                database,
                rules: None,
            },
            raw: "event=deposit".to_owned(),
            broken: Some(Broken::JsonMalformed { line: 1, column: 2 }),
        })
    }

    fn postback() -> Message {
        postback_of(Database::FIRST)
    }

    #[test]
    fn a_message_survives_the_queue() {
        let visit = |database| {
            let click = Click { uid: "u".to_owned(), clicked_at_ms: 7, ..Click::default() };
            Message::Click(Box::new(Visit { space_id: 1, link_id: 2, click, database }))
        };
        let second = Database::FIRST.next().unwrap_or(Database::FIRST);
        for (message, v) in [
            (postback(), r#""v":1"#),
            (visit(Database::FIRST), r#""v":1"#),
            (postback_of(second), r#""v":2"#),
            (visit(second), r#""v":2"#),
        ] {
            let text = message.to_text();
            assert!(text.contains(v), "{text}");
            assert_eq!(text.contains("database"), message.database() == second, "{text}");
            assert_eq!(Message::from_text(&text), Some(message));
        }
    }

    #[test]
    fn messages_of_today_are_read_by_every_later_version() {
        for text in [
            r#"{"v":1,"kind":"postback","key_hash":"ab","key_kind":"ingest","received_at_ms":5,"receipt":"r","raw":"event=contact"}"#,
            r#"{"v":1,"kind":"click","space_id":1,"link_id":2,"click":{"uid":"u","clicked_at_ms":5,"raw_query":"","fbclid":"x"}}"#,
        ] {
            assert!(Message::from_text(text).is_some(), "{text}");
        }
    }

    #[test]
    fn a_newer_or_unreadable_message_is_left_alone() {
        let newer = postback().to_text().replace("\"v\":1", "\"v\":3");
        for text in ["", "{}", "x", r#"{"v":1,"kind":"other"}"#, &newer] {
            assert_eq!(Message::from_text(text), None, "{text}");
        }
    }

    #[test]
    fn pauses_grow_with_age_between_their_bounds() {
        let pause_s = |received_at_ms, now_ms| pause_s(received_at_ms, now_ms, Outage::Away);
        assert_eq!(pause_s(0, 0), 10);
        assert_eq!(pause_s(0, 60_000), 60);
        assert_eq!(pause_s(0, 86_400_000), 3 * 3600);
        assert_eq!(pause_s(60_000, 0), 10);
    }

    /// The tries of a message that arrived at a time, until the outage is over: how many, and how
    /// late the last one is after its end, in seconds.
    fn tries(arrived_s: i64, ends_s: i64, outage: Outage) -> (usize, i64) {
        // A queue waits up to five seconds for a batch to fill.
        let mut at_s = arrived_s + 5.max(outage.delay_s(arrived_s * 1000));
        let mut tries = 1;
        while at_s < ends_s {
            at_s += i64::from(pause_s(arrived_s * 1000, at_s * 1000, outage));
            tries += 1;
        }
        (tries, at_s - ends_s)
    }

    #[test]
    fn an_outage_costs_few_operations_and_no_message() {
        for (hours, most) in [(1, 10), (6, 13), (24, 19)] {
            let (tries, late_s) = tries(0, hours * 3600, Outage::Away);
            assert_eq!(tries, most, "{hours} h");
            assert!(late_s <= (hours * 3600).min(3 * 3600), "{hours} h: {late_s} s late");
        }
    }

    #[test]
    fn what_is_refused_for_the_day_is_tried_after_midnight_and_once_before_at_most() {
        let day_s = DAY_MS / 1000;
        for arrived_s in (0..day_s).step_by(61) {
            let (tries, late_s) = tries(arrived_s, day_s, Outage::DaysLimit);
            assert!(tries <= if arrived_s < day_s / 2 { 2 } else { 1 }, "{arrived_s}: {tries}");
            assert!((0..=601).contains(&late_s), "{arrived_s}: {late_s} s after midnight");
            let age_s = day_s + late_s - arrived_s;
            assert!(age_s <= day_s + 1, "{arrived_s}: {age_s} s old");
        }
    }

    #[test]
    fn a_limit_that_is_lifted_late_forgets_no_message() {
        let day_s = DAY_MS / 1000;
        for arrived_s in (60..day_s).step_by(613) {
            // D1 counts the new day five minutes late, or as late as the queue still has the message.
            let lifted_s = day_s + 300.min(arrived_s - 30);
            let (_, late_s) = tries(arrived_s, lifted_s, Outage::DaysLimit);
            let age_s = lifted_s + late_s - arrived_s;
            assert!(age_s <= day_s, "{arrived_s}: {age_s} s old");
        }
    }
}
