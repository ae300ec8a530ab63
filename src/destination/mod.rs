//! Where events are sent on to (docs/destinations.md). Each kind has a file of its own, with its settings, the
//! fields of its form, its secrets, its request and what counts as an answer; `KINDS` is the one list
//! of them. Everybody else goes through that list and names no kind.

pub mod address;
mod draft;
pub mod facts;
mod fb_capi;
pub mod field;
mod headers;
mod kind;
pub mod mask;
pub mod outcome;
pub mod request;
mod s2s_postback;
mod secrets;
pub mod template;
mod webhook;

pub use draft::{DestinationDraft, EventMap, Given, name_field};
pub use headers::parse as parse_headers;
pub use kind::{DestinationKind, Settings};
pub use secrets::Secrets;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::error::{BadFields, both};
use crate::model::event::EventKind;
use crate::text::json;
use draft::bad;
use field::{Field, Holds};
use kind::{Around, Checked};

/// Every kind, in the order of the screens.
pub static KINDS: &[&DestinationKind] = &[&fb_capi::KIND, &webhook::KIND, &s2s_postback::KIND];

/// A destination that was checked.
#[derive(Debug)]
pub struct Destination {
    pub name: String,
    pub enabled: bool,
    pub events: EventMap,
    pub settings: Box<dyn Settings>,
    pub secrets: Secrets,
    /// A signing secret that was made here and that nobody knows yet: to be shown this once.
    pub made_secret: Option<String>,
}

/// The kind of this word.
pub fn kind(word: &str) -> Option<&'static DestinationKind> {
    KINDS.iter().copied().find(|kind| kind.word == word)
}

/// Reads the settings that are stored; `None` for a kind that a later version made.
pub fn read(stored: &Value) -> Option<Box<dyn Settings>> {
    let kind = kind(&json::text(stored, "kind"))?;
    (kind.read)(stored)
}

/// The field of this name, of whatever kind has it.
fn field(name: &str) -> Option<&'static Field> {
    KINDS.iter().flat_map(|kind| kind.fields).find(|field| field.name == name)
}

impl<'de> Deserialize<'de> for DestinationDraft {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(draft::Reader(field))
    }
}

impl DestinationDraft {
    /// A stored destination as its form has it, without its secrets; `None` for a kind that a later
    /// version made.
    pub fn of(name: &str, enabled: bool, events: &EventMap, stored: &Value) -> Option<Self> {
        let kind = read(stored)?.kind();
        let mapped = |event: &EventKind| {
            let target = events.get(event.code()).cloned();
            (event.code().to_owned(), target)
        };
        let mut draft = Self {
            kind: kind.word.to_owned(),
            name: name.to_owned(),
            enabled: Some(enabled),
            events: EventKind::ALL.iter().map(mapped).collect(),
            ..Self::default()
        };
        for field in kind.fields {
            let given = match field.holds {
                Holds::Text | Holds::Template | Holds::Optional | Holds::OneOf(_) => {
                    json::optional_text(stored, field.name).map(Given::Text)
                }
                Holds::Number { .. } => {
                    let number = json::number(stored, field.name);
                    number.and_then(|number| u16::try_from(number).ok()).map(Given::Number)
                }
                Holds::Secret | Holds::Headers => None,
            };
            draft.given.extend(given.map(|given| (field.name, given)));
        }
        Some(draft)
    }

    /// Checks a draft, naming every wrong field. Secrets that it leaves out are `kept` from
    /// before; one that has to be made is made of `random`.
    pub fn check(
        self,
        kept: Secrets,
        random: [u8; 24],
        allow_loopback: bool,
    ) -> Result<Destination, BadFields> {
        let around = Around { random, allow_loopback };
        let checked = both(self.check_readable(), self.of_its_kind(&kept, around));
        let (name, ((), (checked, events))) = both(self.checked_name(), checked)?;
        let Checked { settings, secrets, made_secret } = checked;
        let enabled = self.enabled.unwrap_or(true);
        Ok(Destination { name, enabled, events, settings, secrets, made_secret })
    }

    fn of_its_kind(
        &self,
        kept: &Secrets,
        around: Around,
    ) -> Result<(Checked, EventMap), BadFields> {
        match kind(&self.kind) {
            Some(kind) => both((kind.check)(self, kept, around), self.event_map(kind.prefilled)),
            None => Ok(bad("kind", format!("The kind must be {}.", every_kind()))?),
        }
    }
}

/// The words for all kinds, as a sentence has them.
fn every_kind() -> String {
    let words: Vec<&str> = KINDS.iter().map(|kind| kind.word).collect();
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests;
