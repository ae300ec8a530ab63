//! A request to a destination, and what is kept of it.

use serde::Serialize;
use serde_json::Value;

use super::mask;
use super::outcome::Outcome;
use super::secrets::Secrets;
use crate::text::json;

/// Header that marks a delivery that no event stands behind.
const TEST_HEADER: &str = "x-xtracker-test";

/// Why a destination that is this deployment itself is not called.
pub const LEADS_BACK: &str =
    "This leads back to this deployment, so its events would return as new ones, forever.";

/// A request as it goes out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outgoing {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
}

/// One try of a delivery, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attempt {
    pub at_ms: i64,
    /// The answer's status; `None` where there was no answer.
    pub status: Option<u16>,
    pub duration_ms: i64,
    /// The first KB of the answer, or why there was none, secrets masked.
    pub answer: String,
    pub outcome: Outcome,
}

impl Attempt {
    /// The tries on record, from the first; what cannot be read is left out.
    pub fn read_all(stored: &str) -> Vec<Self> {
        json::items(&json::read(stored)).filter_map(Self::read).collect()
    }

    fn read(stored: &Value) -> Option<Self> {
        Some(Self {
            at_ms: json::number(stored, "at_ms")?,
            status: json::number(stored, "status").and_then(|status| u16::try_from(status).ok()),
            duration_ms: json::number(stored, "duration_ms")?,
            answer: json::text(stored, "answer"),
            outcome: Outcome::parse(&json::text(stored, "outcome"))?,
        })
    }
}

/// What a test sent and what came back.
#[derive(Debug, Serialize)]
pub struct Tested {
    pub ok: bool,
    pub outcome: Outcome,
    /// The request, secrets masked; `None` where nothing was sent.
    pub request: Option<Outgoing>,
    pub status: Option<u16>,
    pub answer: String,
}

/// The header of a body that is JSON.
pub fn json_type() -> (String, String) {
    ("content-type".to_owned(), "application/json".to_owned())
}

impl Outgoing {
    /// What of the request could carry a key: its address and the values of its headers.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let values = self.headers.iter().map(|(_, value)| value.as_str());
        values.chain([self.url.as_str()])
    }

    /// The request with the mark of a test.
    pub fn marked_as_test(mut self) -> Self {
        self.headers.push((TEST_HEADER.to_owned(), "1".to_owned()));
        self
    }

    /// The request as an operator may see it: secrets masked.
    pub fn shown(&self, secrets: &Secrets) -> Self {
        let mask = |text: &String| mask::hide(text, secrets);
        Self {
            method: self.method.clone(),
            url: mask(&self.url),
            headers: self.headers.iter().map(|(name, value)| (name.clone(), mask(value))).collect(),
            body: self.body.as_ref().map(mask),
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::Outgoing;

    pub const NOW_MS: i64 = 1_765_432_105_678;

    /// A request as a golden file shows it.
    pub fn written(out: &Outgoing) -> String {
        let headers: String =
            out.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        let body = out.body.as_deref().map_or(String::new(), |body| format!("\n{body}\n"));
        format!("{} {}\n{headers}{body}", out.method, out.url)
    }
}
