//! A space's keys as people know them: by a number, which stays, and a name, which tells sources apart (docs/api.md,
//! Spaces and keys).

use serde::{Deserialize, Serialize};

use crate::error::BadField;
use crate::model::key::KeyKind;

/// Keys of a space that have not ended, both kinds together: one for each network of the largest users, and a list that
/// is still read at a glance.
pub const MOST_LIVING: i64 = 20;

/// Longest name in characters: it has to fit a line of a phone, twice over.
const NAME_CHARACTERS: usize = 60;

/// What a key is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// In use.
    Current,
    /// In use; the secret before the current one works until a time.
    Rotated,
    /// Nothing has come with it, or with its newest secret.
    NeverUsed,
    /// It opens nothing any more.
    Ended,
}

/// A key to be made, as somebody asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct KeyDraft {
    pub kind: KeyKind,
    #[serde(default)]
    pub name: String,
    /// The network that it is for, by its pack's slug.
    #[serde(default)]
    pub network: Option<String>,
}

impl KeyDraft {
    /// The draft with its name trimmed, and without a network that is named by nothing. `is_network` says whether
    /// there is such a network.
    pub fn check(mut self, is_network: impl Fn(&str) -> bool) -> Result<Self, BadField> {
        self.name = check_name(&self.name)?;
        self.network = self.network.filter(|slug| !slug.is_empty());
        if self.network.as_ref().is_some_and(|slug| !is_network(slug)) {
            let reason = "There is no network of this name. Leave it out, or take one of the list.";
            return Err(BadField::new("network", reason));
        }
        Ok(self)
    }
}

/// A key's name, trimmed; refused where it says nothing, or does not fit.
pub fn check_name(name: &str) -> Result<String, BadField> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARACTERS {
        return Err(BadField::new("name", "Give the key a name of 1 to 60 characters."));
    }
    if name.chars().any(char::is_control) {
        return Err(BadField::new("name", "A name must not contain control characters."));
    }
    Ok(name.to_owned())
}

/// Which of a space's keys is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The first of a kind that has not ended.
    Kind(KeyKind),
    Number(i64),
}

impl Which {
    /// Reads how an address names it: `ingest`, `bearer`, or a number.
    pub fn parse(word: &str) -> Option<Self> {
        KeyKind::parse(word).map(Self::Kind).or_else(|| Some(Self::Number(number(word)?)))
    }
}

/// The number of a key, as an address has it.
pub fn number(word: &str) -> Option<i64> {
    word.parse().ok().filter(|n| *n >= 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_trimmed_and_says_something() {
        assert_eq!(check_name(" Quotex "), Ok("Quotex".to_owned()));
        assert!(check_name(&"ä".repeat(60)).is_ok());
        for name in ["", "  ", "a\nb", &"x".repeat(61)] {
            assert_eq!(check_name(name).map_err(|bad| bad.field), Err("name"), "{name:?}");
        }
    }

    #[test]
    fn a_key_is_for_a_network_that_there_is_or_for_none() {
        let check = |network: Option<&str>| {
            let network = network.map(str::to_owned);
            let draft = KeyDraft { kind: KeyKind::Ingest, name: "Q".to_owned(), network };
            draft.check(|slug| slug == "quotex").map(|draft| draft.network)
        };
        assert_eq!(check(None), Ok(None));
        assert_eq!(check(Some("")), Ok(None));
        assert_eq!(check(Some("quotex")), Ok(Some("quotex".to_owned())));
        assert_eq!(check(Some("nobody")).map_err(|bad| bad.field), Err("network"));
    }

    #[test]
    fn a_key_is_meant_by_its_kind_or_its_number() {
        assert_eq!(Which::parse("bearer"), Some(Which::Kind(KeyKind::Bearer)));
        assert_eq!(Which::parse("3"), Some(Which::Number(3)));
        for word in ["", "0", "-1", "previous", "9223372036854775808"] {
            assert_eq!(Which::parse(word), None, "{word}");
        }
    }
}
