//! A postback that D1 did not take in time, on its way through the queue (contract §4.5).

use serde::{Deserialize, Serialize};

use crate::event::Arrival;
use crate::postback::{Broken, Received};

/// The form of the messages that this version writes.
const VERSION: u32 = 1;

/// Shortest and longest pause before a message is tried again. With a hundred tries of the queue and
/// a hundred of its dead-letter queue the longest pause spans eight days, twice as long as a queue
/// keeps a message.
const PAUSE_S: (i64, i64) = (10, 3600);

/// A postback as it is written to the queue, without its token: the key is named by its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spilled {
    #[serde(rename = "v")]
    version: u32,
    /// SHA-256 of the key that was presented.
    pub key_hash: String,
    /// Query and body as one query, secrets removed.
    pub raw: String,
    /// What was wrong with the request itself, if anything was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<Broken>,
    pub received_at_ms: i64,
    /// The arrival's own id, so that an outcome unknown to us is not counted as a re-fire.
    pub receipt: String,
}

impl Spilled {
    pub fn new(arrival: &Arrival, raw: &str, broken: Option<Broken>) -> Self {
        Self {
            version: VERSION,
            key_hash: arrival.key_hash.clone(),
            raw: raw.to_owned(),
            broken,
            received_at_ms: arrival.received_at_ms,
            receipt: arrival.receipt.clone(),
        }
    }

    /// When and with which key the postback arrived.
    pub fn arrival(&self) -> Arrival {
        Arrival {
            key_hash: self.key_hash.clone(),
            received_at_ms: self.received_at_ms,
            receipt: self.receipt.clone(),
        }
    }

    /// The request as it can be read again.
    pub fn received(&self) -> Received {
        Received { query: self.raw.clone(), broken: self.broken }
    }

    /// The message's text.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a message of this or an older version. `None` for what a newer one wrote, or nobody.
    pub fn from_text(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().filter(|message: &Self| message.version <= VERSION)
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

    #[test]
    fn a_message_survives_the_queue() {
        let arrival = Arrival { key_hash: "ab".into(), received_at_ms: 5, receipt: "r".into() };
        let message = Spilled::new(&arrival, "event=deposit", Some(Broken::BodyTooLong));
        assert_eq!(message.arrival(), arrival);
        assert_eq!(Spilled::from_text(&message.to_text()), Some(message));
    }

    #[test]
    fn a_message_of_today_is_read_by_every_later_version() {
        let text =
            r#"{"v":1,"key_hash":"ab","raw":"event=contact","received_at_ms":5,"receipt":"r"}"#;
        assert!(Spilled::from_text(text).is_some());
    }

    #[test]
    fn a_newer_or_unreadable_message_is_left_alone() {
        for text in
            ["", "{}", "x", r#"{"v":2,"key_hash":"","raw":"","received_at_ms":5,"receipt":""}"#]
        {
            assert_eq!(Spilled::from_text(text), None, "{text}");
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
