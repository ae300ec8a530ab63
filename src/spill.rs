//! What D1 did not take in time, on its way through the queue (contract §4.5).

use serde::Serialize;

use crate::click::Click;
use crate::event::Arrival;
use crate::json;
use crate::postback::{Broken, Received};

/// The form of the messages that this version writes.
const VERSION: u32 = 1;

/// Shortest and longest pause before a message is tried again. With a hundred tries of the queue and
/// a hundred of its dead-letter queue the longest pause spans eight days, twice as long as a queue
/// keeps a message.
const PAUSE_S: (i64, i64) = (10, 3600);

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

/// A click on a landing, with the space and link that the landing's address led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Visit {
    pub space_id: i64,
    pub link_id: i64,
    pub click: Click,
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
        serde_json::to_string(&Envelope { v: VERSION, message: self }).unwrap_or_default()
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
            "click" => Some(Self::Click(Box::new(Visit {
                space_id: json::number(&stored, "space_id")?,
                link_id: json::number(&stored, "link_id")?,
                click: Click::read(stored.get("click")?)?,
            }))),
            _ => None,
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

/// Seconds to wait before a message is tried again: half its age, since an outage that has lasted an
/// hour will hardly end in ten seconds.
pub fn pause_s(received_at_ms: i64, now_ms: i64) -> u32 {
    let (shortest, longest) = PAUSE_S;
    let pause = ((now_ms - received_at_ms) / 2000).clamp(shortest, longest);
    u32::try_from(pause).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Kind;

    fn postback() -> Message {
        Message::Postback(Postback {
            arrival: Arrival {
                key_hash: "ab".to_owned(),
                key_kind: Kind::Ingest,
                received_at_ms: 5,
                receipt: "r".to_owned(),
            },
            raw: "event=deposit".to_owned(),
            broken: Some(Broken::JsonMalformed { line: 1, column: 2 }),
        })
    }

    #[test]
    fn a_message_survives_the_queue() {
        let click = Click { uid: "u".to_owned(), clicked_at_ms: 7, ..Click::default() };
        let visit = Message::Click(Box::new(Visit { space_id: 1, link_id: 2, click }));
        for message in [postback(), visit] {
            assert_eq!(Message::from_text(&message.to_text()), Some(message));
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
        let newer = postback().to_text().replace("\"v\":1", "\"v\":2");
        for text in ["", "{}", "x", r#"{"v":1,"kind":"other"}"#, &newer] {
            assert_eq!(Message::from_text(text), None, "{text}");
        }
    }

    #[test]
    fn pauses_grow_with_age_between_their_bounds() {
        assert_eq!(pause_s(0, 0), 10);
        assert_eq!(pause_s(0, 60_000), 30);
        assert_eq!(pause_s(0, 86_400_000), 3600);
        assert_eq!(pause_s(60_000, 0), 10);
    }
}
