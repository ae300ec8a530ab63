//! What every kind of destination has to say of itself.

use std::fmt;

use serde_json::Value;

use super::address;
use super::draft::DestinationDraft;
use super::facts::Facts;
use super::field::Field;
use super::outcome::Success;
use super::request::{Mark, Outgoing};
use super::secrets::Secrets;
use crate::error::{BadField, BadFields};
use crate::model::event::EventKind;

/// A kind of destination.
#[derive(Debug)]
pub struct DestinationKind {
    /// The word for it, in what is stored and in the API.
    pub word: &'static str,
    /// What it is called on the screens, and what it is for.
    pub name: &'static str,
    pub purpose: &'static str,
    /// The fields of its own.
    pub fields: &'static [Field],
    /// What it calls an event unless the user says otherwise.
    pub prefilled: fn(EventKind) -> &'static str,
    /// Checks the fields of its own, naming every wrong one. Secrets that the draft leaves out
    /// are those kept from before; those of another kind are not taken over.
    pub check: fn(&DestinationDraft, &Secrets, Around) -> Result<Checked, BadFields>,
    /// Reads what is stored.
    pub read: fn(&Value) -> Option<Box<dyn Settings>>,
}

/// What a check needs beside the draft.
#[derive(Clone, Copy, Debug)]
pub struct Around {
    /// For a secret that is to be made.
    pub random: [u8; 24],
    /// Whether this machine itself may be called.
    pub allow_loopback: bool,
}

/// A kind's own fields, checked.
#[derive(Debug)]
pub struct Checked {
    pub settings: Box<dyn Settings>,
    pub secrets: Secrets,
    /// A signing secret that was made here and that nobody knows yet.
    pub made_secret: Option<String>,
}

/// The settings of one destination, without its secrets.
pub trait Settings {
    fn kind(&self) -> &'static DestinationKind;

    /// The JSON object that is stored and shown: the kind's word, then the settings by their fields.
    fn to_json(&self) -> String;

    /// The field and the text of the address that the operator wrote, where there is one.
    fn address(&self) -> Option<(&'static str, &str)> {
        None
    }

    /// What the destination answers when it took an event.
    fn success(&self) -> Success {
        Success::Any2xx
    }

    /// Refuses a test that would be taken for a real event, with the field that prevents it.
    fn may_be_tested(&self) -> Result<(), BadField> {
        Ok(())
    }

    /// By what the receiver can tell a test with this event; `is_sample` says that nobody caused it.
    fn test_mark(&self, canonical: EventKind, is_sample: bool) -> Mark;

    /// The request for an event. Refused where the destination could only refuse it. `test` says
    /// that no event stands behind it.
    fn request(
        &self,
        secrets: &Secrets,
        facts: &Facts,
        now_ms: i64,
        test: bool,
    ) -> Result<Outgoing, &'static str>;
}

impl dyn Settings {
    /// The request for an event as it goes out, a test marked as one. Refused without asking where
    /// the destination could only refuse, or where its address is none that may be called.
    pub fn outgoing(
        &self,
        secrets: &Secrets,
        facts: &Facts,
        now_ms: i64,
        test: bool,
        allow_loopback: bool,
    ) -> Result<Outgoing, &'static str> {
        let outgoing = self.request(secrets, facts, now_ms, test)?;
        address::check(&outgoing.url, allow_loopback)?;
        Ok(if test { outgoing.marked_as_test() } else { outgoing })
    }

    /// What of its secrets is kept where it is changed to a draft, with the names of the headers that
    /// are not: headers were entered for one address, and another one is another server. Other
    /// secrets belong to their kind and not to an address.
    pub fn kept(&self, mut secrets: Secrets, draft: &DestinationDraft) -> (Secrets, Vec<String>) {
        let is_moved = self.address().is_some_and(|(field, address)| draft.text(field) != address);
        if !is_moved || draft.headers().is_some() {
            return (secrets, Vec::new());
        }
        let dropped = std::mem::take(&mut secrets.headers);
        (secrets, dropped.into_keys().collect())
    }
}

impl fmt::Debug for dyn Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json())
    }
}
