//! Which refused postbacks, or which events, are mended and done again.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::filter::Filter;
use crate::error::BadField;
use crate::text::json;

/// Most that are named one by one: as many as a hundred pages of the list would take.
pub const MOST_NAMED: usize = 1_000;

/// What every number is below: the database counts no further.
const LARGEST: i64 = 1 << 53;

/// How far back a filter looks for events: there is no index by what they say, and to look through these takes the
/// database about 100 ms.
pub const EVENTS_BACK: i64 = 20_000;

/// What can be done again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    #[default]
    Refused,
    Events,
}

impl Of {
    /// Reads a word; anything but `events` is refused postbacks.
    pub fn parse(word: &str) -> Self {
        if word == "events" { Self::Events } else { Self::Refused }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Events => "events",
        }
    }
}

/// Those that are to be done again: some by their numbers, or all that a filter lets through.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Which {
    pub of: Of,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seqs: Option<Vec<i64>>,
    #[serde(flatten)]
    pub filter: Filter,
    /// The numbers between which a filter looks: what comes later is not meant.
    pub after: i64,
    pub up_to: i64,
}

impl Which {
    /// Some by their numbers.
    pub fn named(of: Of, mut seqs: Vec<i64>) -> Result<Self, BadField> {
        seqs.sort_unstable();
        seqs.dedup();
        let field = if of == Of::Events { "events" } else { "held" };
        if seqs.is_empty() || seqs.len() > MOST_NAMED {
            return Err(BadField::new(field, "Choose 1 to 1,000 of them, or all."));
        }
        if seqs.iter().any(|seq| !(1..LARGEST).contains(seq)) {
            return Err(BadField::new(field, "Name them by their numbers."));
        }
        Ok(Self { of, seqs: Some(seqs), ..Self::default() })
    }

    /// All that a filter lets through, up to the newest number there is.
    pub fn all(of: Of, filter: Filter, newest: i64) -> Result<Self, BadField> {
        filter.check()?;
        let after = if of == Of::Events { (newest - EVENTS_BACK).max(0) } else { 0 };
        Ok(Self { of, seqs: None, filter, after, up_to: newest })
    }

    /// Reads what was stored.
    pub fn read(stored: &Value) -> Self {
        let number = |name| json::number(stored, name);
        let seqs = stored.get("seqs").and_then(Value::as_array);
        Self {
            of: Of::parse(&json::text(stored, "of")),
            seqs: seqs.map(|seqs| seqs.iter().filter_map(Value::as_i64).collect()),
            filter: Filter::read(stored),
            after: number("after").unwrap_or_default(),
            up_to: number("up_to").unwrap_or_default(),
        }
    }

    /// Whether it can be more than one.
    pub fn may_be_many(&self) -> bool {
        self.seqs.as_ref().is_none_or(|seqs| seqs.len() > 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_back_as_it_was_stored() {
        let filter = Filter {
            status: Some("invalid_value".to_owned()),
            text: Some("a&b".to_owned()),
            to_ms: Some(7),
            link: Some(0),
            min_micros: Some(-5),
            ..Filter::default()
        };
        let named = Which::named(Of::Refused, vec![3, 1, 3]).unwrap();
        assert_eq!(named.seqs.as_deref(), Some(&[1, 3][..]));
        for which in [named, Which::all(Of::Events, filter, 30_000).unwrap()] {
            let stored = serde_json::to_value(&which).unwrap();
            assert_eq!(Which::read(&stored), which);
        }
    }

    #[test]
    fn what_is_too_much_is_refused() {
        assert!(Which::named(Of::Refused, Vec::new()).is_err());
        assert!(Which::named(Of::Refused, (1..1002).collect()).is_err());
        for seq in [0, -1, 1 << 53] {
            assert!(Which::named(Of::Refused, vec![seq]).is_err());
        }
        let long = Filter { text: Some("x".repeat(257)), ..Filter::default() };
        assert!(Which::all(Of::Refused, long, 1).is_err());
    }

    #[test]
    fn a_filter_looks_a_bounded_way_back_for_events() {
        let all = |of, newest| Which::all(of, Filter::default(), newest).map(|which| which.after);
        assert_eq!(all(Of::Events, 1_000_000), Ok(980_000));
        assert_eq!(all(Of::Events, 5), Ok(0));
        assert_eq!(all(Of::Refused, 1_000_000), Ok(0));
    }
}
