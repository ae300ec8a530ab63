//! What a stored event consists of (docs/postback.md): types that cannot hold a wrong value.

use serde::Serialize;
use serde_json::Value;

use crate::model::amount::Amount;
use crate::model::database::Database;
use crate::model::key;
use crate::model::note::Note;
use crate::model::time::EventTime;
use crate::text::json;

/// Longest uid and eid in bytes: twice the longest id that a known network sends, with room.
const ID_BYTES: usize = 256;

/// Telegram says user ids have at most 52 significant bits.
const LARGEST_TG_ID: i64 = 1 << 52;

/// The closed set of events. Only a deposit carries money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Opened the landing or started the bot.
    Contact,
    /// Joined the channel or opened a dialog.
    Subscribed,
    /// Made an account on the offer.
    Registration,
    /// Paid.
    Deposit,
}

impl EventKind {
    pub const ALL: [Self; 4] = [Self::Contact, Self::Subscribed, Self::Registration, Self::Deposit];

    /// Reads an event's code; letter case is ignored.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.code().eq_ignore_ascii_case(text))
    }

    /// The event's code in queries, in the database and in deliveries.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Subscribed => "subscribed",
            Self::Registration => "registration",
            Self::Deposit => "deposit",
        }
    }
}

/// Why a uid or an eid was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadId {
    TooLong,
    ControlCharacter,
}

/// A click id or a transaction id: 1 to 256 bytes without control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Id(String);

impl Id {
    /// Takes a text without surrounding spaces that is not empty.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        if text.len() > ID_BYTES {
            return Err(BadId::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(BadId::ControlCharacter);
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A currency's code in capitals, 3 to 5 letters (USD, USDT).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Currency(String);

impl Currency {
    /// Reads a code; letter case is ignored. `None` for what is not 3 to 5 letters.
    pub fn parse(text: &str) -> Option<Self> {
        let letters = text.bytes().all(|byte| byte.is_ascii_alphabetic());
        (letters && (3..=5).contains(&text.len())).then(|| Self(text.to_ascii_uppercase()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Currency {
    fn default() -> Self {
        Self("USD".to_owned())
    }
}

/// A Telegram user id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TgId(i64);

impl TgId {
    /// Reads a positive whole number of at most 52 bits.
    pub fn parse(text: &str) -> Option<Self> {
        let number = text.parse().ok()?;
        (1..=LARGEST_TG_ID).contains(&number).then_some(Self(number))
    }

    pub fn number(self) -> i64 {
        self.0
    }
}

/// What makes two reports one event (docs/postback.md, Idempotency): the eid, or without one the time and the person,
/// who is a uid, or where there is none a Telegram user.
///
/// The text is unique within its space. The second character tells the three forms apart, so that no
/// eid can collide with a time, and no uid with a Telegram user; a `~` there stands before the form of what is no
/// conversion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DedupKey(String);

impl DedupKey {
    fn new(report: &Report) -> Self {
        let code = report.event.code().get(..1).unwrap_or_default();
        let ms = report.occurred_at.ms();
        // What is declined today may be approved tomorrow under the same id, and is a conversion then.
        let aside = if report.notes.contains(&Note::NotAConversion) { "~" } else { "" };
        Self(match (&report.eid, &report.uid, report.tg_id) {
            (Some(eid), _, _) => format!("{code}{aside}={}", eid.as_str()),
            // A plus and a space are one: the sender that comes again may spell them in another way.
            (None, Some(uid), _) => {
                format!("{code}{aside}@{ms}:{}", uid.as_str().replace('+', " "))
            }
            (None, None, Some(tg_id)) => format!("{code}{aside}#{ms}:{}", tg_id.number()),
            (None, None, None) => format!("{code}{aside}@{ms}:"),
        })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// When, and with which key, a report arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Arrival {
    /// SHA-256 of the key that was presented.
    pub key_hash: String,
    pub key_kind: key::KeyKind,
    pub received_at_ms: i64,
    /// An id of this arrival alone. A retry of our own carries it again and is not a re-fire.
    pub receipt: String,
    /// The database that knows the key, as far as is known.
    #[serde(skip_serializing_if = "Database::is_first")]
    pub database: Database,
    /// The number of the rules that it was read by (schema.sql, keys); `None` where nobody is there to read it
    /// again by others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<i64>,
}

impl Arrival {
    /// Reads one that waited in the queue.
    pub fn read(stored: &Value) -> Option<Self> {
        Some(Self {
            key_hash: json::optional_text(stored, "key_hash")?,
            key_kind: key::KeyKind::parse(&json::text(stored, "key_kind"))?,
            received_at_ms: json::number(stored, "received_at_ms")?,
            receipt: json::optional_text(stored, "receipt")?,
            database: Database::read(stored)?,
            rules: None,
        })
    }
}

/// The parts that a sender decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub event: EventKind,
    pub uid: Option<Id>,
    pub eid: Option<Id>,
    pub tg_id: Option<TgId>,
    /// The amount as it was sent, kept for every event.
    pub value: Option<String>,
    /// The amount as it was understood; only a deposit has one.
    pub amount: Option<Amount>,
    pub currency: Currency,
    pub occurred_at: EventTime,
    /// Whether it counts; a test does not.
    pub counts: bool,
    pub notes: Vec<Note>,
}

impl Report {
    /// The key under which this report is stored exactly once in its space.
    pub fn dedup_key(&self) -> DedupKey {
        DedupKey::new(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The key of a report; an empty text or a zero stands for what is absent.
    fn key_of(event: EventKind, uid: &str, eid: &str, tg_id: i64, ms: i64) -> DedupKey {
        let id = |text: &str| Id::parse(text).ok().filter(|id| !id.as_str().is_empty());
        let report = Report {
            event,
            uid: id(uid),
            eid: id(eid),
            tg_id: TgId::parse(&tg_id.to_string()),
            value: None,
            amount: None,
            currency: Currency::default(),
            occurred_at: EventTime::received(ms),
            counts: true,
            notes: Vec::new(),
        };
        report.dedup_key()
    }

    fn key(event: EventKind, uid: &str, eid: &str, ms: i64) -> DedupKey {
        key_of(event, uid, eid, 0, ms)
    }

    #[test]
    fn with_an_eid_neither_uid_nor_time_matter() {
        assert_eq!(key(EventKind::Deposit, "a", "1", 5), key(EventKind::Deposit, "b", "1", 6));
        assert_ne!(key(EventKind::Deposit, "a", "1", 5), key(EventKind::Registration, "a", "1", 5));
        assert_ne!(key(EventKind::Deposit, "a", "A", 5), key(EventKind::Deposit, "a", "a", 5));
    }

    #[test]
    fn without_an_eid_event_uid_and_time_make_the_key() {
        let first = key(EventKind::Deposit, "a", "", 5);
        assert_eq!(first, key(EventKind::Deposit, "a", "", 5));
        assert_ne!(first, key(EventKind::Deposit, "a", "", 6));
        assert_ne!(first, key(EventKind::Deposit, "b", "", 5));
        assert_ne!(first, key(EventKind::Contact, "a", "", 5));
    }

    #[test]
    fn without_eid_and_uid_the_telegram_user_is_in_the_key() {
        let first = key_of(EventKind::Contact, "", "", 111, 5);
        assert_eq!(first, key_of(EventKind::Contact, "", "", 111, 5));
        for other in [
            key_of(EventKind::Contact, "", "", 222, 5),
            key_of(EventKind::Contact, "", "", 111, 6),
            key_of(EventKind::Subscribed, "", "", 111, 5),
            key(EventKind::Contact, "", "", 5),
            key(EventKind::Contact, "111", "", 5),
        ] {
            assert_ne!(first, other);
        }
        let of_uid = key_of(EventKind::Contact, "a", "", 111, 5);
        assert_eq!(of_uid, key_of(EventKind::Contact, "a", "", 222, 5));
        assert_eq!(of_uid.as_str(), "c@5:a", "keys in filled databases look like this");
        assert_eq!(key(EventKind::Contact, "", "", 5).as_str(), "c@5:");
    }

    proptest! {
        /// What the rule says makes two reports one, and nothing else does.
        #[test]
        fn keys_are_equal_where_the_rule_says_so(
            one in (0..4_usize, "[a#@:=5]{0,3}", "[cd#@:=5]{0,5}", 0..3_i64, 5..56_i64),
            other in (0..4_usize, "[a#@:=5]{0,3}", "[cd#@:=5]{0,5}", 0..3_i64, 5..56_i64),
        ) {
            let read = |(event, uid, eid, tg_id, ms): &(usize, String, String, i64, i64)| {
                key_of(EventKind::ALL[*event], uid, eid, *tg_id, *ms)
            };
            let rule = |(event, uid, eid, tg_id, ms): &(usize, String, String, i64, i64)| {
                match (eid.as_str(), uid.as_str()) {
                    ("", "") => (*event, None, None, Some(*tg_id), Some(*ms)),
                    ("", uid) => (*event, None, Some(uid.to_owned()), None, Some(*ms)),
                    (eid, _) => (*event, Some(eid.to_owned()), None, None, None),
                }
            };
            prop_assert_eq!(read(&one) == read(&other), rule(&one) == rule(&other));
        }
    }

    #[test]
    fn an_eid_never_collides_with_a_time() {
        let by_time = key(EventKind::Deposit, "a", "", 5);
        for eid in ["5:a", "@5:a", "d@5:a", by_time.as_str()] {
            assert_ne!(key(EventKind::Deposit, "a", eid, 5), by_time, "{eid}");
        }
    }

    #[test]
    fn what_is_no_conversion_keeps_no_conversion_out() {
        let report = |notes: Vec<Note>, eid: &str| Report {
            event: EventKind::Deposit,
            uid: None,
            eid: Id::parse(eid).ok(),
            tg_id: None,
            value: None,
            amount: None,
            currency: Currency::default(),
            occurred_at: EventTime::received(5),
            counts: notes.is_empty(),
            notes,
        };
        let declined = report(vec![Note::NotAConversion], "1").dedup_key();
        assert_eq!(declined.as_str(), "d~=1");
        for eid in ["1", "=1", "~=1", "d~=1"] {
            assert_ne!(declined, report(Vec::new(), eid).dedup_key(), "{eid}");
        }
    }

    #[test]
    fn every_event_has_its_own_first_letter() {
        let mut letters: Vec<_> = EventKind::ALL.iter().map(|e| e.code().chars().next()).collect();
        letters.sort_unstable();
        letters.dedup();
        assert_eq!(letters.len(), EventKind::ALL.len());
    }

    #[test]
    fn ids_are_limited_in_bytes_and_free_of_control_characters() {
        assert!(Id::parse(&"x".repeat(256)).is_ok());
        assert_eq!(Id::parse(&"x".repeat(257)), Err(BadId::TooLong));
        assert_eq!(Id::parse(&"ä".repeat(129)), Err(BadId::TooLong));
        for text in ["a\0b", "a\nb", "a\u{7f}", "a\u{85}"] {
            assert_eq!(Id::parse(text), Err(BadId::ControlCharacter), "{text:?}");
        }
    }

    #[test]
    fn currencies_are_3_to_5_letters() {
        for (text, expected) in
            [("usd", Some("USD")), ("USDT", Some("USDT")), ("abcde", Some("ABCDE"))]
        {
            assert_eq!(Currency::parse(text).as_ref().map(Currency::as_str), expected);
        }
        for text in ["us", "abcdef", "US1", "$", "", "ÄÖÜ", "U D"] {
            assert_eq!(Currency::parse(text), None, "{text}");
        }
    }

    #[test]
    fn telegram_ids_are_positive_numbers_of_52_bits() {
        assert_eq!(TgId::parse("555123").map(TgId::number), Some(555_123));
        for text in ["", "0", "-5", "abc", "4503599627370497", "1.0"] {
            assert_eq!(TgId::parse(text), None, "{text}");
        }
    }
}
