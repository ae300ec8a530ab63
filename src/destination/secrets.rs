//! What of a destination is encrypted at rest and never shown again.

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use super::field::HEADERS;
use crate::text::json;

/// A destination's secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secrets {
    /// Headers of the user's own.
    pub headers: BTreeMap<String, String>,
    /// By the names of their fields.
    pub texts: BTreeMap<String, String>,
}

impl Secrets {
    /// Reads what was sealed.
    pub fn read(stored: &Value) -> Self {
        Self {
            headers: stored.get(HEADERS).map(json::texts_by_name).unwrap_or_default(),
            texts: json::texts_by_name(stored),
        }
    }

    /// With the secret of this field.
    pub fn with(mut self, field: &str, secret: &str) -> Self {
        self.texts.insert(field.to_owned(), secret.to_owned());
        self
    }

    /// The secret of this field; empty where there is none.
    pub fn text(&self, field: &str) -> &str {
        self.texts.get(field).map_or("", String::as_str)
    }

    /// Every text that must not show in a record of attempts.
    pub fn every_text(&self) -> Vec<&str> {
        let texts = self.texts.values().chain(self.headers.values()).map(String::as_str);
        texts.filter(|text| !text.is_empty()).collect()
    }
}

impl Serialize for Secrets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (field, text) in &self.texts {
            map.serialize_entry(field, text)?;
        }
        map.serialize_entry(HEADERS, &self.headers)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_as_it_was() {
        let secrets = Secrets {
            headers: BTreeMap::from([("x-key".to_owned(), "open sesame".to_owned())]),
            ..Secrets::default()
        };
        let secrets = secrets.with("access_token", "EAAB");
        let sealed = serde_json::to_string(&secrets).unwrap();
        assert_eq!(Secrets::read(&json::read(&sealed)), secrets);
        assert_eq!(secrets.every_text(), ["EAAB", "open sesame"]);
    }

    /// Every secret had a member of its own, empty where the kind has none.
    #[test]
    fn what_an_earlier_version_sealed_opens_too() {
        let sealed = r#"{"signing_secret":"","headers":{"x-key":"v"},"access_token":"EAAB"}"#;
        let secrets = Secrets::read(&json::read(sealed));
        assert_eq!((secrets.text("access_token"), secrets.text("signing_secret")), ("EAAB", ""));
        assert_eq!(secrets.every_text(), ["EAAB", "v"]);
    }
}
