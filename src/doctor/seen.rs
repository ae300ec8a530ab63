//! One arrival, taken apart so that rules can ask it questions.

use crate::doctor::window::{Arrived, Place};
use crate::model::amount::Amount;
use crate::model::event::{Currency, EventKind};
use crate::model::note::{Field, Note};
use crate::postback::macros::is_unresolved;
use crate::postback::{Parameters, Value};
use crate::text::pairs::pairs;

/// What one of our own parameters arrived with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    Missing,
    /// Its name with nothing behind it.
    Empty,
    /// A macro that nobody filled, decoded once.
    Literal(String),
    Text(String),
}

/// An arrival with its parameters.
pub struct Seen<'a> {
    pub at: &'a Arrived,
    pub notes: Vec<Note>,
    /// Every parameter, decoded, in the order of the query.
    pub pairs: Vec<(String, String)>,
    /// Those of them that are none of ours.
    others: Vec<usize>,
    own: Vec<(Field, Sent)>,
    event: Option<EventKind>,
}

impl<'a> Seen<'a> {
    pub fn new(at: &'a Arrived) -> Self {
        let mut pairs = pairs(&at.raw);
        let (mut named, mut others) = (Vec::new(), Vec::new());
        for (place, (name, value)) in pairs.iter_mut().enumerate() {
            if value.trim().len() < value.len() {
                *value = value.trim().to_owned();
            }
            match Field::named(name) {
                Some(field) => named.push((field, place)),
                None => others.push(place),
            }
        }
        // Where nothing was noted and nothing is left, nothing had to be mended.
        let is_left = |(_, place): &(Field, usize)| {
            pairs.get(*place).is_some_and(|(_, value)| is_unresolved(value))
        };
        let is_event = matches!(at.place, Place::Event(_));
        let is_clean = is_event && at.notes.is_empty() && !named.iter().any(is_left);
        let own = if is_clean { plain(&pairs, &named) } else { mended(&at.raw, &named) };
        let notes = at.notes.iter().filter_map(|word| Note::read(word)).collect();
        let mut seen = Self { at, notes, pairs, others, own, event: None };
        let says = || seen.text(Field::Event).and_then(EventKind::parse);
        seen.event = EventKind::parse(&at.event).or_else(says);
        seen
    }

    /// What one of our parameters arrived with.
    pub fn sent(&self, field: Field) -> &Sent {
        self.own.iter().find(|(own, _)| *own == field).map_or(&Sent::Missing, |(_, sent)| sent)
    }

    /// The text of one of our parameters.
    pub fn text(&self, field: Field) -> Option<&str> {
        match self.sent(field) {
            Sent::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The unfilled macro in one of our parameters.
    pub fn literal(&self, field: Field) -> Option<&str> {
        match self.sent(field) {
            Sent::Literal(text) => Some(text),
            _ => None,
        }
    }

    /// Whether one of our parameters is not there, or has nothing behind its name.
    pub fn is_absent(&self, field: Field) -> bool {
        matches!(self.sent(field), Sent::Missing | Sent::Empty)
    }

    pub fn has(&self, note: Note) -> bool {
        self.notes.contains(&note)
    }

    /// Whether the query is still there to be judged.
    pub fn is_readable(&self) -> bool {
        !self.at.raw.is_empty()
    }

    pub fn is_refused(&self) -> bool {
        matches!(self.at.place, Place::Refused(_))
    }

    /// The event that it is, or that a refused one says it is.
    pub fn event(&self) -> Option<EventKind> {
        self.event
    }

    pub fn is(&self, event: EventKind) -> bool {
        self.event() == Some(event)
    }

    /// A stored deposit.
    pub fn is_deposit(&self) -> bool {
        !self.is_refused() && self.is(EventKind::Deposit)
    }

    /// The parameters that are none of ours, with something behind their names.
    pub fn others(&self) -> Vec<(&str, &str)> {
        let mut others = Vec::new();
        for (name, value) in self.others.iter().filter_map(|place| self.pairs.get(*place)) {
            if !value.is_empty() {
                others.push((name.as_str(), value.as_str()));
            }
        }
        others
    }

    /// What is at stake with it: the amount of a stored event, or that of a refused deposit where it
    /// can be read without guessing.
    pub fn money(&self) -> Option<(String, i64)> {
        if !self.is_refused() {
            return self.at.micros.map(|micros| (self.at.currency.clone(), micros));
        }
        let (amount, _) = Amount::parse(self.text(Field::Value)?)?;
        let currency = self.text(Field::Currency).and_then(Currency::parse).unwrap_or_default();
        Some((currency.as_str().to_owned(), amount.micros()))
    }

    /// When its id last came with something else.
    pub fn last_version_ms(&self) -> Option<i64> {
        self.at.versions.iter().map(|version| version.received_at_ms).max()
    }

    /// Whether two arrivals name the same person.
    pub fn is_same_person(&self, other: &Self) -> bool {
        let (one, other) = (self.at.uid.as_deref(), other.at.uid.as_deref());
        one.zip(other).is_some_and(|(one, other)| is_spelled_alike(one, other))
    }
}

/// What our own parameters hold, as they stand.
fn plain(pairs: &[(String, String)], named: &[(Field, usize)]) -> Vec<(Field, Sent)> {
    let mut own: Vec<(Field, Sent)> = Vec::new();
    for (field, place) in named {
        let value = pairs.get(*place).map(|(_, value)| value.as_str()).unwrap_or_default();
        let sent = if value.is_empty() { Sent::Empty } else { Sent::Text(value.to_owned()) };
        match own.iter_mut().find(|(known, _)| known == field) {
            Some((_, known)) if *known == Sent::Empty => *known = sent,
            Some(_) => {}
            None => own.push((*field, sent)),
        }
    }
    own
}

/// What our own parameters hold once the damage of the way is mended.
fn mended(raw: &str, named: &[(Field, usize)]) -> Vec<(Field, Sent)> {
    let mut parameters = Parameters::parse(raw);
    let own = Field::ALL.into_iter().filter_map(|field| {
        let sent = match parameters.value(field) {
            Value::Text(text) => Sent::Text(text.to_owned()),
            Value::Unresolved(text) => Sent::Literal(text.to_owned()),
            Value::Absent | Value::Undecodable => {
                named.iter().find(|(known, _)| *known == field).map(|_| Sent::Empty)?
            }
        };
        Some((field, sent))
    });
    own.collect()
}

/// Whether two uids differ in plus and space alone, which is no difference.
pub fn is_spelled_alike(one: &str, other: &str) -> bool {
    let plain = |byte: u8| if byte == b'+' { b' ' } else { byte };
    one.len() == other.len() && one.bytes().map(plain).eq(other.bytes().map(plain))
}

/// A uid without the difference of plus and space.
pub fn spelled(uid: &str) -> String {
    uid.replace('+', " ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::doctor::tests::stored;

    proptest! {
        /// Both ways of reading a clean query read the same.
        #[test]
        fn a_clean_query_is_read_as_the_reader_reads_it(
            query in "event=(deposit|registration)(&(uid|eid|value|currency|t|x)=(|[a-z0-9+ ]{1,4}|25|EUR|\\{[a-z]{2}\\}|%2B1|%7Bab%7D)){0,6}"
        ) {
            let arrived = stored(&query);
            let seen = Seen::new(&arrived);
            let named: Vec<_> = seen.pairs.iter().filter_map(|(name, _)| Some((Field::named(name)?, 0))).collect();
            let read = mended(&arrived.raw, &named);
            for field in Field::ALL {
                let sent = read.iter().find(|(known, _)| *known == field).map_or(&Sent::Missing, |(_, sent)| sent);
                prop_assert_eq!(seen.sent(field), sent, "{:?}", field);
            }
        }
    }
}
