//! A destination as the operator writes it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, IgnoredAny, MapAccess, Visitor};

use super::address;
use super::field::{Field, HEADERS, Holds};
use crate::error::{BadField, BadFields, all};
use crate::model::event::EventKind;

const NAME_LENGTH: usize = 100;

/// Longest address, in bytes.
const URL_BYTES: usize = 2048;

/// The names of the events at the destination; an event without one is not sent.
pub type EventMap = BTreeMap<String, String>;

/// What one of its kind's fields was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    Text(String),
    Number(u16),
    Headers(BTreeMap<String, String>),
    /// What was typed and is none of them, and why.
    Unreadable(String, Cow<'static, str>),
}

/// A destination as the operator writes it: what all kinds have, and the fields of its own.
#[derive(Clone, Debug, Default)]
pub struct DestinationDraft {
    pub kind: String,
    pub name: String,
    pub enabled: Option<bool>,
    /// EventKind to target name; missing is prefilled, `null` or empty is not sent.
    pub events: BTreeMap<String, Option<String>>,
    /// By the names of its kind's fields, each once.
    pub given: Vec<(&'static str, Given)>,
}

impl DestinationDraft {
    fn given(&self, field: &str) -> Option<&Given> {
        self.given.iter().find(|(name, _)| *name == field).map(|(_, given)| given)
    }

    /// The text of a field as it was written; `None` where it was left out.
    pub fn optional(&self, field: &str) -> Option<&str> {
        if let Some(Given::Text(text)) = self.given(field) { Some(text) } else { None }
    }

    /// The text of a field, trimmed; empty where it was left out.
    pub fn text(&self, field: &str) -> &str {
        self.optional(field).unwrap_or_default().trim()
    }

    /// The number of a field; `None` where it was left out.
    pub fn number(&self, field: &str) -> Option<u16> {
        if let Some(Given::Number(number)) = self.given(field) { Some(*number) } else { None }
    }

    /// Its headers; `None` where they were left out.
    pub fn headers(&self) -> Option<&BTreeMap<String, String>> {
        if let Some(Given::Headers(headers)) = self.given(HEADERS) { Some(headers) } else { None }
    }

    /// What was typed into a field and cannot be read.
    pub fn unreadable(&self, field: &str) -> Option<&str> {
        if let Some(Given::Unreadable(text, _)) = self.given(field) { Some(text) } else { None }
    }

    /// Refuses every field that cannot be read.
    pub fn check_readable(&self) -> Result<(), BadFields> {
        all(self.given.iter().map(|(field, given)| match given {
            Given::Unreadable(_, reason) => bad(field, reason.clone()),
            _ => Ok(()),
        }))
    }

    /// The address in a field; refuses one that is too long or that must not be called.
    pub fn address(&self, field: &'static str, allow_loopback: bool) -> Result<String, BadField> {
        let url = self.text(field);
        if url.len() > URL_BYTES {
            return bad(field, "An address must be at most 2,048 characters.");
        }
        address::check(url, allow_loopback).map_err(|reason| BadField::new(field, reason))?;
        Ok(url.to_owned())
    }

    /// Its name, trimmed; refuses none, and what no line of a screen can show.
    pub fn checked_name(&self) -> Result<String, BadField> {
        let name = self.name.trim();
        if name.is_empty()
            || name.chars().count() > NAME_LENGTH
            || name.chars().any(char::is_control)
        {
            return bad(
                "name",
                "Give the destination a name of up to 100 characters, on one line.",
            );
        }
        Ok(name.to_owned())
    }

    /// What each event is called; one that is not mentioned as `prefilled` says.
    pub fn event_map(
        &self,
        prefilled: fn(EventKind) -> &'static str,
    ) -> Result<EventMap, BadFields> {
        let mut given = BTreeMap::new();
        for (name, target) in &self.events {
            let Some(canonical) = EventKind::parse(name) else {
                let known = "Map contact, subscribed, registration and deposit.";
                return Err(BadField::new("events", known).into());
            };
            if given.insert(canonical.code(), target.as_deref()).is_some() {
                let reason = format!("The event {} is mapped twice.", canonical.code());
                return Err(BadField { field: "events", reason: reason.into() }.into());
            }
        }
        let named = EventKind::ALL.map(|canonical| match given.get(canonical.code()) {
            None => (canonical, prefilled(canonical)),
            Some(target) => (canonical, target.unwrap_or_default().trim()),
        });
        all(named.iter().map(|(canonical, target)| check_target(*canonical, target)))?;
        let sent = named.iter().filter(|(_, target)| !target.is_empty());
        Ok(sent.map(|(event, target)| (event.code().to_owned(), (*target).to_owned())).collect())
    }
}

/// The field with an event's name.
pub const fn name_field(event: EventKind) -> &'static str {
    match event {
        EventKind::Contact => "events.contact",
        EventKind::Subscribed => "events.subscribed",
        EventKind::Registration => "events.registration",
        EventKind::Deposit => "events.deposit",
    }
}

fn check_target(event: EventKind, target: &str) -> Result<(), BadField> {
    if target.chars().count() <= NAME_LENGTH && !target.chars().any(char::is_control) {
        return Ok(());
    }
    let code = event.code();
    let reason = format!("The name for {code} must be at most 100 characters, on one line.");
    bad(name_field(event), reason)
}

/// Refuses a field.
pub fn bad<T>(field: &'static str, reason: impl Into<Cow<'static, str>>) -> Result<T, BadField> {
    Err(BadField { field, reason: reason.into() })
}

/// Reads a draft from a JSON object. It is told how to find a field by its name: which there are is
/// for the kinds to say. Members that no kind has are passed over.
pub struct Reader(pub fn(&str) -> Option<&'static Field>);

impl<'de> Visitor<'de> for Reader {
    type Value = DestinationDraft;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<DestinationDraft, A::Error> {
        let (mut kind, mut name, mut enabled, mut events) = (None, None, None, None);
        let (mut seen, mut given) = (Vec::new(), Vec::new());
        while let Some(member) = map.next_key::<String>()? {
            match member.as_str() {
                "kind" => once(&mut kind, "kind", &mut map)?,
                "name" => once(&mut name, "name", &mut map)?,
                "enabled" => once(&mut enabled, "enabled", &mut map)?,
                "events" => once(&mut events, "events", &mut map)?,
                own => match (self.0)(own) {
                    Some(field) if seen.contains(&field.name) => {
                        return Err(A::Error::duplicate_field(field.name));
                    }
                    Some(field) => {
                        seen.push(field.name);
                        given.extend(read(field, &mut map)?.map(|given| (field.name, given)));
                    }
                    None => {
                        map.next_value::<IgnoredAny>()?;
                    }
                },
            }
        }
        Ok(DestinationDraft {
            kind: kind.unwrap_or_default(),
            name: name.unwrap_or_default(),
            enabled: enabled.unwrap_or_default(),
            events: events.unwrap_or_default(),
            given,
        })
    }
}

/// Reads a member that may come once.
fn once<'de, T: serde::Deserialize<'de>, A: MapAccess<'de>>(
    member: &mut Option<T>,
    name: &'static str,
    map: &mut A,
) -> Result<(), A::Error> {
    if member.is_some() {
        return Err(A::Error::duplicate_field(name));
    }
    *member = Some(map.next_value()?);
    Ok(())
}

/// Reads what a field is given; `None` where it is left out with `null`.
fn read<'de, A: MapAccess<'de>>(field: &Field, map: &mut A) -> Result<Option<Given>, A::Error> {
    Ok(match field.holds {
        Holds::Text | Holds::Template => Some(Given::Text(map.next_value()?)),
        Holds::Optional | Holds::OneOf(_) | Holds::Secret => {
            map.next_value::<Option<String>>()?.map(Given::Text)
        }
        Holds::Number { .. } => map.next_value::<Option<u16>>()?.map(Given::Number),
        Holds::Headers => map.next_value::<Option<BTreeMap<_, _>>>()?.map(Given::Headers),
    })
}
