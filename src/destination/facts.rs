//! What a delivery tells: an event with its click, as plain values.

use sha2::{Digest, Sha256};

use crate::model::amount::plain;
use crate::model::click::Fields;
use crate::model::event::EventKind;
use crate::text::encode;

/// Bytes of an event id: 128 bits of SHA-256.
const EVENT_ID_BYTES: usize = 16;

/// What the ids of a sample begin with.
pub const SAMPLE: &str = "xtracker-test-";

/// A sample's amount: whoever takes it for a real one is told of little money.
const SAMPLE_MICROS: i64 = 1_000_000;

/// An event and the click it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Equal over all tries of one event to one destination, and to no other.
    pub event_id: String,
    pub canonical: EventKind,
    /// The destination's name for the event, fixed when the event was stored.
    pub target: String,
    pub occurred_at_ms: i64,
    pub uid: Option<String>,
    pub eid: Option<String>,
    pub tg_id: Option<i64>,
    /// A deposit's amount in millionths; `None` for other events, and for a deposit without one.
    pub micros: Option<i64>,
    pub currency: String,
    pub click: Option<ClickFacts>,
}

/// A click as far as destinations are told of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClickFacts {
    pub clicked_at_ms: i64,
    pub fields: Fields,
    pub country: Option<String>,
    pub user_agent: Option<String>,
    pub ip: Option<String>,
}

impl Facts {
    /// An event that nobody caused, under a destination's own name for it. Its ids say so, for a receiver that can be
    /// told in no other way; `id` keeps two samples apart.
    pub fn sample(canonical: EventKind, target: String, id: &str, now_ms: i64) -> Self {
        let sample_id = format!("{SAMPLE}{id}");
        Self {
            event_id: String::new(),
            canonical,
            target,
            occurred_at_ms: now_ms,
            uid: Some(sample_id.clone()),
            eid: Some(sample_id),
            tg_id: None,
            micros: (canonical == EventKind::Deposit).then_some(SAMPLE_MICROS),
            currency: "USD".to_owned(),
            click: None,
        }
    }

    /// The amount as a decimal with at least two decimals; `None` unless this is a deposit with one.
    pub fn value(&self) -> Option<String> {
        let micros = self.micros.filter(|_| self.canonical == EventKind::Deposit)?;
        Some(plain(micros.into()))
    }

    /// Everything that came from the click's query; empty where there is no click.
    pub fn fields(&self) -> Fields {
        self.click.as_ref().map(|click| click.fields.clone()).unwrap_or_default()
    }
}

/// The stable id of one event at one destination. The receipt, random for each event, keeps the ids
/// of two deployments apart.
pub fn event_id(receipt: &str, space_id: i64, seq: i64, destination_id: i64) -> String {
    let digest = Sha256::digest(format!("{receipt}/{space_id}/{seq}/{destination_id}").as_bytes());
    encode::hex(digest.get(..EVENT_ID_BYTES).unwrap_or_default())
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The contract's example: a deposit of 25.00 USD of `abc123`.
    pub fn deposit() -> Facts {
        Facts {
            event_id: "0123456789abcdef0123456789abcdef".to_owned(),
            canonical: EventKind::Deposit,
            target: "Purchase".to_owned(),
            occurred_at_ms: 1_765_432_100_000,
            uid: Some("abc123".to_owned()),
            eid: Some("t-1".to_owned()),
            tg_id: Some(555_123),
            micros: Some(25_000_000),
            currency: "USD".to_owned(),
            click: Some(ClickFacts {
                clicked_at_ms: 1_765_430_000_123,
                fields: Fields {
                    fbclid: Some(
                        "IwAR2F4-dbP0l7Mn1IawQQGCINEz7PYXQvwjNwB_qa2ofrHyiLjcbCRxTDMgk".to_owned(),
                    ),
                    fbp: Some("fb.1.1558571054389.1098115397".to_owned()),
                    campaign_id: Some("42".to_owned()),
                    campaign_name: Some("Summer & Sun".to_owned()),
                    ..Fields::default()
                },
                country: Some("IN".to_owned()),
                user_agent: Some("Mozilla/5.0 (iPhone)".to_owned()),
                ip: Some("203.0.113.7".to_owned()),
            }),
        }
    }

    /// A registration of which nothing else is known.
    pub fn bare_registration() -> Facts {
        Facts {
            canonical: EventKind::Registration,
            target: "registration".to_owned(),
            uid: None,
            eid: None,
            tg_id: None,
            micros: None,
            click: None,
            ..deposit()
        }
    }

    #[test]
    fn amounts_are_written_exactly() {
        for (micros, expected) in [
            (25_000_000, "25.00"),
            (25_500_000, "25.50"),
            (0, "0.00"),
            (-25_000_000, "-25.00"),
            (-10_000, "-0.01"),
            (1, "0.000001"),
            (1_234_500, "1.2345"),
            (999_999_999_999_999_999, "999999999999.999999"),
        ] {
            let facts = Facts { micros: Some(micros), ..deposit() };
            assert_eq!(facts.value().as_deref(), Some(expected));
        }
        assert_eq!(Facts { micros: None, ..deposit() }.value(), None);
        assert_eq!(Facts { canonical: EventKind::Contact, ..deposit() }.value(), None);
    }

    #[test]
    fn an_event_id_is_stable_and_its_own() {
        let id = event_id("r", 1, 2, 3);
        assert_eq!(id, event_id("r", 1, 2, 3));
        assert_eq!(id.len(), 32);
        for other in [
            event_id("s", 1, 2, 3),
            event_id("r", 2, 2, 3),
            event_id("r", 1, 3, 3),
            event_id("r", 1, 2, 4),
        ] {
            assert_ne!(id, other);
        }
    }
}
