//! The receipt of a postback (docs/postback.md, Dry run): as it arrived, how it was read, what was decided, what
//! it moved, where it went, and what came again. One for what is stored, what was refused, and what has not
//! been sent yet.

mod foreseen;
mod reason;
mod stored;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::db::feed::Item;
use crate::db::history::Says;
use crate::db::key_name::KeyName;
use crate::model::amount::plain;
use crate::model::event::EventKind;
use crate::model::note::{Field, Note};
use crate::model::status::Status;
pub use crate::postback::receipt::Parameter;
use crate::postback::receipt::is_repair;

pub use foreseen::{foreseen, status_of};
pub use stored::{of_event, of_refused};

/// Everything about one postback, in the order in which it is told.
#[derive(Clone, Debug, Serialize)]
pub struct Receipt {
    /// Query and body as one query, keys removed. Empty where it is not kept any more.
    pub raw: String,
    /// The key that it came with; `None` where that is not known: it was entered by hand, came before that was kept,
    /// or is tried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    pub parameters: Vec<Parameter>,
    /// The notes that are about repairs.
    pub repairs: Vec<String>,
    pub decision: Decision,
    /// What it adds to the figures.
    pub counters: Vec<Counter>,
    pub deliveries: Vec<Delivery>,
    /// What came later under the same id.
    pub again: Vec<Again>,
}

/// What was made of it, and why.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Decision {
    /// A word of [`Status`].
    pub status: &'static str,
    pub reason: String,
    pub notes: Vec<String>,
    /// The event that it is, or would be; `None` for what was refused.
    pub event: Option<Event>,
    /// The number of the refused postback that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<i64>,
    /// The event that the refused postback has become since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub became: Option<i64>,
    /// The numbers of the rules that are on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<i64>,
    /// What was decided since.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<Decided>,
}

/// A decision on record.
#[derive(Clone, Debug, Serialize)]
pub struct Decided {
    pub n: i64,
    pub kind: String,
    pub reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undoes: Option<i64>,
    pub at_ms: i64,
}

/// An event as it is stored, or would be.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// Its number; `None` for one that is not stored.
    pub seq: Option<i64>,
    pub event: String,
    pub uid: Option<String>,
    pub eid: Option<String>,
    pub tg_id: Option<i64>,
    /// The amount as sent.
    pub value: Option<String>,
    /// The amount as understood; only a deposit has one.
    pub amount: Option<String>,
    pub currency: String,
    pub occurred_at_ms: i64,
    pub received_at_ms: i64,
    pub counted: bool,
    /// Whether it is the first of its kind for its person.
    pub first: bool,
    /// How often it came again.
    pub refires: i64,
    pub link: Option<Link>,
    pub click: Option<Click>,
}

/// A key by its number and its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Key {
    pub n: i64,
    pub name: String,
}

/// A link by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    pub id: i64,
    pub name: String,
}

/// The click that an event came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Click {
    pub uid: String,
    pub clicked_at_ms: i64,
}

/// What an event adds to one row of the figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counter {
    pub event: String,
    /// Of a deposit.
    pub currency: Option<String>,
    /// `None`: it is unattributed.
    pub link: Option<Link>,
    pub events: i64,
    pub people: i64,
    /// Of a deposit.
    pub amount: Option<String>,
}

/// Where an event was sent, or would be.
#[derive(Clone, Debug, Serialize)]
pub struct Delivery {
    pub destination: String,
    pub id: i64,
    /// What it is called there.
    #[serde(rename = "as")]
    pub target: String,
    pub state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tries: Option<i64>,
    /// JSON of the tries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<Box<RawValue>>,
}

/// A later arrival under the same id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Again {
    pub received_at_ms: i64,
    /// Which of `uid`, `amount` and `currency` were different.
    pub differs: Vec<&'static str>,
    /// What it said, where that was different.
    pub version: Option<Version>,
    /// The decision that settled it.
    pub decision: Option<i64>,
}

/// What another arrival said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Version {
    pub uid: Option<String>,
    pub value: Option<String>,
    pub amount: Option<String>,
    pub currency: String,
    /// What the event said at that time.
    pub before: Before,
}

/// What an event said when another arrival said something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Before {
    pub uid: Option<String>,
    pub amount: Option<String>,
    pub currency: String,
}

impl Event {
    /// An event as the database has it.
    fn stored(item: &Item, link: Option<Link>, click: Option<Click>) -> Self {
        Self {
            seq: Some(item.seq),
            event: item.event.clone(),
            uid: item.uid.clone(),
            eid: item.eid.clone(),
            tg_id: item.tg_id,
            value: item.value.clone(),
            amount: item.micros.map(|micros| plain(micros.into())),
            currency: item.currency.clone(),
            occurred_at_ms: item.occurred_at_ms,
            received_at_ms: item.received_at_ms,
            counted: item.counted,
            first: item.first,
            refires: item.refires,
            link,
            click,
        }
    }

    /// What it adds to the figures: nothing where it is in none of them.
    fn counters(&self) -> Vec<Counter> {
        let is_deposit = self.event == EventKind::Deposit.code();
        let amount = || self.amount.clone().unwrap_or_else(|| plain(0));
        let counter = Counter {
            event: self.event.clone(),
            currency: is_deposit.then(|| self.currency.clone()),
            link: self.link.clone(),
            events: 1,
            people: i64::from(self.first),
            amount: is_deposit.then(amount),
        };
        self.counted.then_some(counter).into_iter().collect()
    }
}

impl Again {
    /// What another arrival said of an event that said `before`, where that is another version (db/event.rs
    /// OR_AGAIN): what is left out is nothing else, and a plus and a space are one.
    fn of(received_at_ms: i64, before: &Says, said: Option<(Says, Option<String>)>) -> Self {
        let same = Self { received_at_ms, differs: Vec::new(), version: None, decision: None };
        let Some((says, value)) = said else { return same };
        let has_amount = says.micros.is_some();
        let differs = [
            ("uid", says.uid.is_some() && says.folded_uid() != before.folded_uid()),
            ("amount", has_amount && says.micros != before.micros),
            ("currency", has_amount && says.currency != before.currency),
        ];
        let differs: Vec<_> =
            differs.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect();
        if differs.is_empty() {
            return same;
        }
        let amount = |micros: Option<i64>| micros.map(|micros| plain(micros.into()));
        let version = Version {
            uid: says.uid,
            value,
            amount: amount(says.micros),
            currency: says.currency,
            before: Before {
                uid: before.uid.clone(),
                amount: amount(before.micros),
                currency: before.currency.clone(),
            },
        };
        Self { differs, version: Some(version), ..same }
    }
}

fn key(name: &Option<KeyName>) -> Option<Key> {
    name.as_ref().map(|key| Key { n: key.n, name: key.name.clone() })
}

/// The link of an id, by its name where that is known.
fn link(id: i64, name: Option<String>) -> Option<Link> {
    (id != 0).then(|| Link { id, name: name.unwrap_or_else(|| format!("link {id}")) })
}

/// The words of repairs among an event's notes.
fn repairs(notes: &[String]) -> Vec<String> {
    let is_one = |note: &&String| Note::read(note).is_some_and(is_repair);
    notes.iter().filter(is_one).cloned().collect()
}

/// Has the uid say that its click spells it in another way, which its reader could not know.
fn note_spelling(parameters: &mut [Parameter], notes: &[String]) {
    let note = Note::PlusRestored.to_string();
    let is_uid =
        |one: &&mut Parameter| one.read_as == Field::Uid.name() && one.understood.is_some();
    let uid = parameters.iter_mut().find(is_uid).filter(|_| notes.contains(&note));
    if let Some(uid) = uid.filter(|uid| !uid.notes.contains(&note)) {
        uid.notes.push(note);
    }
}

/// The word of a status that may be a later version's.
fn word(status: Option<Status>) -> &'static str {
    status.map_or("refused", Status::word)
}
