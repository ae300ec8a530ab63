//! A request to a destination, and what is kept of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::mask;
use super::outcome::Outcome;
use super::secrets::Secrets;
use crate::postback::cut;
use crate::text::json;

/// Header that marks a delivery that no event stands behind.
const TEST_HEADER: &str = "x-xtracker-test";

/// Why a destination that is this deployment itself is not called.
pub const LEADS_BACK: &str =
    "This leads back to this deployment, so its events would return as new ones, forever.";

/// How much of a request is kept with its try, address and body together: an address may have 2 KB, and a body of ours
/// has less than one unless names of campaigns are very long.
pub const KEPT_BYTES: usize = 2048;

/// What stands where the rest of a kept request was cut off.
const CUT: &str = "…";

/// A request as it goes out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// What was sent; `None` where nothing was, and for tries from before this was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Kept>,
}

/// What is kept of a request: its first 2 KB, secrets masked. Headers are left out: they say who sent it, not what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    pub method: String,
    pub url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

impl Kept {
    fn read(stored: &Value) -> Option<Self> {
        Some(Self {
            method: json::optional_text(stored, "method")?,
            url: json::text(stored, "url"),
            body: json::optional_text(stored, "body"),
        })
    }
}

/// A text of at most so many bytes, with a sign where the rest of it was.
fn shortened(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    format!("{}{CUT}", cut(text, most.saturating_sub(CUT.len())))
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
            request: stored.get("request").and_then(Kept::read),
        })
    }
}

/// By what a receiver can tell a test from a real event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// False where it will take a test for a real event.
    pub is_told: bool,
    /// A sentence for the user.
    pub says: String,
}

/// What a test sent and what came back.
#[derive(Debug, Serialize, Deserialize)]
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

    /// What is kept of the request with its try.
    pub fn kept(&self, secrets: &Secrets) -> Kept {
        let shown = self.shown(secrets);
        let url = shortened(&shown.url, KEPT_BYTES);
        let left = KEPT_BYTES.saturating_sub(url.len());
        let body = shown.body.map(|body| shortened(&body, left));
        Kept { method: shown.method, url, body }
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
    use super::*;

    pub const NOW_MS: i64 = 1_765_432_105_678;

    /// A request as a golden file shows it.
    pub fn written(out: &Outgoing) -> String {
        let headers: String =
            out.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        let body = out.body.as_deref().map_or(String::new(), |body| format!("\n{body}\n"));
        format!("{} {}\n{headers}{body}", out.method, out.url)
    }

    fn outgoing(url: String, body: Option<String>) -> Outgoing {
        let headers = vec![("authorization".to_owned(), "Bearer EAABsecret".to_owned())];
        Outgoing { method: "POST".to_owned(), url, headers, body }
    }

    #[test]
    fn what_is_kept_of_a_request_is_masked_and_has_two_kilobytes() {
        let secrets = Secrets::default().with("access_token", "EAABsecret");
        let body = format!(r#"{{"token":"EAABsecret","text":"{}"}}"#, "ä".repeat(2000));
        let kept =
            outgoing("https://a.example/?k=EAABsecret".to_owned(), Some(body)).kept(&secrets);
        assert_eq!(kept.url, "https://a.example/?k=•••");
        let body = kept.body.clone().unwrap();
        assert!(body.starts_with(r#"{"token":"•••","text":"ä"#) && body.ends_with("ä…"), "{body}");
        assert!((KEPT_BYTES - 4..=KEPT_BYTES).contains(&(kept.url.len() + body.len())));
        let long =
            outgoing(format!("https://a.example/{}", "x".repeat(3000)), Some("{}".to_owned()));
        let kept = long.kept(&secrets);
        assert_eq!((kept.url.len(), kept.body.as_deref()), (KEPT_BYTES, Some("…")));
    }

    #[test]
    fn a_try_is_read_as_it_was_written_with_its_request_or_without() {
        let without = Attempt {
            at_ms: NOW_MS,
            status: Some(200),
            duration_ms: 5,
            answer: "ok".to_owned(),
            outcome: Outcome::Sent,
            request: None,
        };
        let request = outgoing("https://a.example/".to_owned(), None).kept(&Secrets::default());
        let with = Attempt { request: Some(request), ..without.clone() };
        let stored = serde_json::to_string(&[&without, &with]).unwrap();
        assert_eq!(Attempt::read_all(&stored), [without, with]);
    }
}
