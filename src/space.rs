//! A space: one offer or funnel, with its secrets (contract §2).

use std::borrow::Cow;

use serde::Deserialize;

/// Longest name in bytes: it has to fit a heading.
const NAME_BYTES: usize = 100;

/// How long a rotated key stays valid.
pub const GRACE_MS: i64 = 24 * 60 * 60 * 1000;

/// How long a form that is sent again shows the secret that it made: a browser throws the first answer
/// of a double click away.
pub const SHOWN_AGAIN_MS: i64 = 5 * 60 * 1000;

/// What a new space is made from, as the operator sent it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Draft {
    #[serde(default)]
    pub name: String,
    /// IANA name of the zone that reports go by.
    #[serde(default = "utc")]
    pub time_zone: String,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// Which field of a draft is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadField {
    pub field: &'static str,
    pub reason: Cow<'static, str>,
}

impl BadField {
    pub const fn new(field: &'static str, reason: &'static str) -> Self {
        Self { field, reason: Cow::Borrowed(reason) }
    }
}

impl Draft {
    /// The draft with its name trimmed. Whether the time zone exists is for the platform to say.
    pub fn check(mut self, is_time_zone: impl Fn(&str) -> bool) -> Result<Self, BadField> {
        self.name = self.name.trim().to_owned();
        if self.name.is_empty() || self.name.len() > NAME_BYTES {
            return Err(BadField::new("name", "Give the space a name of 1 to 100 bytes."));
        }
        if self.name.chars().any(char::is_control) {
            return Err(BadField::new("name", "A name has no control characters."));
        }
        if !is_time_zone(&self.time_zone) {
            let reason = "Name a time zone as in the IANA list, such as Europe/Berlin or UTC.";
            return Err(BadField::new("time_zone", reason));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, time_zone: &str) -> Result<String, &'static str> {
        let draft = Draft { name: name.to_owned(), time_zone: time_zone.to_owned() };
        draft.check(|zone| zone == "UTC").map(|draft| draft.name).map_err(|bad| bad.field)
    }

    #[test]
    fn a_name_is_trimmed_and_a_zone_must_exist() {
        assert_eq!(check(" Offer ", "UTC"), Ok("Offer".to_owned()));
        assert_eq!(check("Offer", "Mars/Base"), Err("time_zone"));
        for name in ["", "  ", "a\nb", &"x".repeat(101)] {
            assert_eq!(check(name, "UTC"), Err("name"), "{name:?}");
        }
    }
}
