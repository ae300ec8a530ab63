//! A space: one offer or funnel, with its secrets (docs/api.md, Spaces and keys).

use serde::Deserialize;

use crate::error::{BadField, BadFields, all};

/// Longest name in characters: it has to fit a heading.
const NAME_LENGTH: usize = 100;

/// What platforms take for zones from of old and the IANA list does not have: which of the world's
/// three IST or CST is meant would be a guess.
const NOT_IANA: [&str; 25] = [
    "ACT", "AET", "AGT", "ART", "AST", "BET", "BST", "CAT", "CNT", "CST", "CTT", "EAT", "ECT",
    "IET", "IST", "JST", "MIT", "NET", "NST", "PLT", "PNT", "PRT", "PST", "SST", "VST",
];

/// How long a rotated key stays valid.
pub const GRACE_MS: i64 = 24 * 60 * 60 * 1000;

/// How long a form that is sent again shows the secret that it made: a browser throws the first answer
/// of a double click away.
pub const SHOWN_AGAIN_MS: i64 = 5 * 60 * 1000;

/// What a new space is made from, as the operator sent it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SpaceDraft {
    #[serde(default)]
    pub name: String,
    /// IANA name of the zone whose days the figures go by.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// The database that a new one is put into, by the name of its binding; the emptiest where none is
    /// named.
    #[serde(default)]
    pub database: Option<String>,
}

fn utc() -> String {
    "UTC".to_owned()
}

impl SpaceDraft {
    /// The draft with its name trimmed, or everything that is wrong with it. Whether a time zone of its name
    /// exists is for the platform to say.
    pub fn check(mut self, is_time_zone: impl Fn(&str) -> bool) -> Result<Self, BadFields> {
        self.name = self.name.trim().to_owned();
        all([self.check_name(), self.check_zone(is_time_zone)])?;
        Ok(self)
    }

    fn check_name(&self) -> Result<(), BadField> {
        if self.name.is_empty() || self.name.chars().count() > NAME_LENGTH {
            return Err(BadField::new("name", "Give the space a name of up to 100 characters."));
        }
        if self.name.chars().any(char::is_control) {
            return Err(BadField::new("name", "A name must not contain control characters."));
        }
        Ok(())
    }

    fn check_zone(&self, is_time_zone: impl Fn(&str) -> bool) -> Result<(), BadField> {
        if is_iana_name(&self.time_zone) && is_time_zone(&self.time_zone) {
            return Ok(());
        }
        let reason = "Choose a time zone by the name of its city, such as Europe/Berlin, or UTC.";
        Err(BadField::new("time_zone", reason))
    }
}

/// Whether a text is no offset such as `+05:37`, which the platform takes for a zone as well, and no
/// other name of its own. Counters are kept by the quarter of an hour, and a day by such an offset may
/// begin between two; a zone of the list never has one.
fn is_iana_name(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    upper.starts_with(|first: char| first.is_ascii_alphabetic())
        && !upper.starts_with("SYSTEMV/")
        && !NOT_IANA.contains(&upper.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, time_zone: &str) -> Result<String, &'static str> {
        let draft =
            SpaceDraft { name: name.to_owned(), time_zone: time_zone.to_owned(), database: None };
        draft.check(|zone| zone == "UTC").map(|draft| draft.name).map_err(|bad| bad.first.field)
    }

    #[test]
    fn a_zone_is_called_by_its_iana_name() {
        let check = |time_zone: &str| {
            let draft = SpaceDraft {
                name: "Offer".to_owned(),
                time_zone: time_zone.to_owned(),
                database: None,
            };
            draft.check(|_| true).is_ok()
        };
        for name in ["UTC", "GMT", "Etc/GMT+5", "EST5EDT", "EST", "europe/berlin", "Asia/Kolkata"] {
            assert!(check(name), "{name}");
        }
        for other in [
            "",
            "+05:37",
            "+0537",
            "+05",
            "-05:00",
            "\u{2212}05:00",
            "05:30",
            " +05:30",
            "IST",
            "pst",
            "SystemV/PST8PDT",
        ] {
            assert!(!check(other), "{other}");
        }
    }

    #[test]
    fn a_name_is_trimmed_and_a_zone_must_exist() {
        assert_eq!(check(" Offer ", "UTC"), Ok("Offer".to_owned()));
        assert_eq!(check("Offer", "Mars/Base"), Err("time_zone"));
        for name in ["", "  ", "a\nb", &"x".repeat(101)] {
            assert_eq!(check(name, "UTC"), Err("name"), "{name:?}");
        }
        let both = SpaceDraft { name: String::new(), time_zone: "Mars".into(), database: None };
        let bad = both.check(|_| false).unwrap_err();
        assert_eq!(bad.iter().map(|bad| bad.field).collect::<Vec<_>>(), ["name", "time_zone"]);
    }
}
