//! What narrows a list of events, or of refused postbacks, down.

use serde::Serialize;
use serde_json::Value;

use crate::error::BadField;
use crate::text::json;

/// Longest text of a filter, in characters.
const TEXT_LENGTH: usize = 256;

/// What narrows a list down; all of it has to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Filter {
    /// Of refused postbacks alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// One of the notes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// A part of the raw query, in any letter case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// From when to before when it was received, in epoch milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_ms: Option<i64>,
    /// The kind of event, by its code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The link that it belongs to; 0 for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<i64>,
    /// A destination, of events alone; without a state any that it was to be sent there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<i64>,
    /// The state of a delivery, there or anywhere; [`NOT_SENT`] where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The network that it came from: its key's, or else the space's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The number of the key that it came by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<i64>,
    /// Country and campaign (its id or its name) of its click.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    /// The amount, from one to another, in millionths, and its currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_micros: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_micros: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// Stands for the state of a delivery that there is none of.
pub const NOT_SENT: &str = "none";

impl Filter {
    /// Refuses a text that is too long.
    pub fn check(&self) -> Result<(), BadField> {
        let words = [&self.status, &self.event, &self.state, &self.network, &self.currency];
        let texts = [&self.note, &self.text, &self.country, &self.campaign];
        let all = texts.into_iter().chain(words).flatten();
        if all.into_iter().any(|text| text.chars().count() > TEXT_LENGTH) {
            return Err(BadField::new("all", "A filter's text can have 256 characters at most."));
        }
        Ok(())
    }

    /// Reads what was stored.
    pub fn read(stored: &Value) -> Self {
        let text = |name| json::optional_text(stored, name);
        let number = |name| json::number(stored, name);
        Self {
            status: text("status"),
            note: text("note"),
            text: text("text"),
            from_ms: number("from_ms"),
            to_ms: number("to_ms"),
            event: text("event"),
            link: number("link"),
            destination: number("destination"),
            state: text("state"),
            network: text("network"),
            key: number("key"),
            country: text("country"),
            campaign: text("campaign"),
            min_micros: number("min_micros"),
            max_micros: number("max_micros"),
            currency: text("currency"),
        }
    }
}
