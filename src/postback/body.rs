//! What a request carries, its body made into a query, so that one reader serves every way in.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::model::note::Broken;

/// Longest query and longest body in bytes. Sixteen times the longest postback template seen.
pub const LIMIT_BYTES: usize = 16 * 1024;

/// Query and body of a request as one query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    pub query: String,
    /// What is wrong with the request itself, whatever it says.
    pub broken: Option<Broken>,
}

impl Received {
    /// A request without a body. A query over the limit is cut there and marked.
    pub fn query(query: &str) -> Self {
        let too_long = query.len() > LIMIT_BYTES;
        Self {
            query: cut(query, LIMIT_BYTES).to_owned(),
            broken: too_long.then_some(Broken::QueryTooLong),
        }
    }

    /// Joins the body's parameters to those of the query. A body over the limit, or one that is no
    /// UTF-8, is kept as far as it goes and marked.
    pub fn with_body(self, body: &[u8], kind: Body) -> Self {
        let too_long = body.len() > LIMIT_BYTES;
        let (added, broken) = match std::str::from_utf8(body) {
            Ok(text) if !too_long => as_query(text, kind),
            other => {
                let text = String::from_utf8_lossy(body);
                let note = if other.is_err() && !too_long {
                    Broken::BodyNotUtf8
                } else {
                    Broken::BodyTooLong
                };
                (unread(cut(&text, LIMIT_BYTES)), Some(note))
            }
        };
        self.join(&added).mark(broken)
    }

    /// Puts a parameter before all others, where there is one.
    pub fn led_by(mut self, name: &str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            let joint = if self.query.is_empty() { "" } else { "&" };
            let led = encode(&[(name.to_owned(), value.to_owned())]);
            self.query.insert_str(0, &format!("{led}{joint}"));
        }
        self
    }

    /// Marks what the edge found wrong, unless something was found before.
    pub fn mark(mut self, broken: Option<Broken>) -> Self {
        self.broken = self.broken.or(broken);
        self
    }

    fn join(mut self, added: &str) -> Self {
        if !self.query.is_empty() && !added.is_empty() {
            self.query.push('&');
        }
        self.query.push_str(added);
        self
    }
}

/// At most `bytes` of a text, cut between characters.
pub fn cut(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// What kind of body a request carries, by its `Content-Type`. A JSON object is one under each of
/// them: `curl -d` says form unless it is told otherwise, and no form parses as an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    Form,
    Json,
    /// No type, or plain text: JSON if it begins with a brace, else a form.
    Unsaid,
    /// Something else, `multipart/form-data` among it.
    Other,
}

impl Body {
    /// The kind that a `Content-Type` header names.
    pub fn of_type(content_type: Option<&str>) -> Self {
        let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
        match essence.trim().to_ascii_lowercase().as_str() {
            "" | "text/plain" => Self::Unsaid,
            "application/x-www-form-urlencoded" => Self::Form,
            json if json == "application/json" || json.ends_with("+json") => Self::Json,
            _ => Self::Other,
        }
    }
}

/// The body as a query. A body that cannot be read comes back as the parameter `body`, so that it is
/// kept with what was wrong with it.
fn as_query(body: &str, kind: Body) -> (String, Option<Broken>) {
    let body = body.trim_start_matches('\u{feff}').trim();
    if body.is_empty() {
        return (String::new(), None);
    }
    let malformed = match serde_json::from_str::<Members>(body) {
        Ok(members) => return (encode(&members.0), None),
        Err(malformed) => malformed,
    };
    let is_json = match kind {
        Body::Json => true,
        Body::Unsaid => body.starts_with('{'),
        Body::Form => false,
        Body::Other => return (unread(body), Some(Broken::BodyTypeUnknown)),
    };
    if !is_json {
        return (body.to_owned(), None);
    }
    let (line, column) = (malformed.line(), malformed.column());
    (unread(body), Some(Broken::JsonMalformed { line, column }))
}

/// A body that was not understood, as a parameter of its own.
fn unread(body: &str) -> String {
    encode(&[("body".to_owned(), body.to_owned())])
}

fn encode(pairs: &[(String, String)]) -> String {
    serde_urlencoded::to_string(pairs).unwrap_or_default()
}

/// The members of a JSON object in their order, repeated names included; numbers keep their digits.
struct Members(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    members.push((name, text_of(value.get())));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// A JSON value as a query would carry it: strings without quotes, `null` as nothing, the rest as written.
fn text_of(json: &str) -> String {
    if json == "null" {
        return String::new();
    }
    serde_json::from_str::<String>(json).unwrap_or_else(|_other| json.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_a_body_is_that_of_its_header() {
        for (header, expected) in [
            (None, Body::Unsaid),
            (Some("application/json; charset=utf-8"), Body::Json),
            (Some("Application/JSON"), Body::Json),
            (Some("application/vnd.api+json"), Body::Json),
            (Some("application/x-www-form-urlencoded"), Body::Form),
            (Some("text/plain"), Body::Unsaid),
            (Some("multipart/form-data; boundary=x"), Body::Other),
        ] {
            assert_eq!(Body::of_type(header), expected, "{header:?}");
        }
    }

    #[test]
    fn json_keeps_its_digits_and_its_order() {
        for (json, query) in [
            (r#"{"event":"deposit","value":25.10}"#, "event=deposit&value=25.10"),
            (r#"{"value":"25,50","eid":null}"#, "value=25%2C50&eid="),
            (r#"{"uid":"a&b=c","t":1765432100000}"#, "uid=a%26b%3Dc&t=1765432100000"),
            (r#"{"uid":"1","uid":"2"}"#, "uid=1&uid=2"),
            (r#"{"uid":"a+b ä"}"#, "uid=a%2Bb+%C3%A4"),
            (r#"{"value":{"a":1}}"#, "value=%7B%22a%22%3A1%7D"),
            ("{}", ""),
        ] {
            assert_eq!(as_query(json, Body::Json), (query.to_owned(), None), "{json}");
        }
    }

    #[test]
    fn malformed_json_is_kept_and_says_where_it_stopped() {
        for json in ["{", "[1]", "\"a\"", "{\"a\":1}x", "{\"a\" 1}", "nul"] {
            let (query, note) = as_query(json, Body::Json);
            assert!(matches!(note, Some(Broken::JsonMalformed { .. })), "{json}");
            assert!(query.starts_with("body="), "{query}");
        }
        assert_eq!(
            as_query("{\"event\" \"deposit\"}", Body::Json).1,
            Some(Broken::JsonMalformed { line: 1, column: 10 })
        );
    }

    #[test]
    fn query_and_body_are_one_query() {
        let joined = |query, body: &[u8], kind| Received::query(query).with_body(body, kind);
        assert_eq!(joined("token=1", b"uid=2", Body::Form).query, "token=1&uid=2");
        assert_eq!(joined("", b"{\"uid\":2}", Body::Json).query, "uid=2");
        assert_eq!(joined("token=1", b"", Body::Json).query, "token=1");
        assert_eq!(joined("a=1", b"uid=\xff", Body::Form).broken, Some(Broken::BodyNotUtf8));
    }

    #[test]
    fn what_is_over_a_limit_is_cut_and_marked() {
        let long = "y".repeat(LIMIT_BYTES + 1);
        let query = Received::query(&long);
        assert_eq!((query.query.len(), query.broken), (LIMIT_BYTES, Some(Broken::QueryTooLong)));
        let body = Received::query("a=1").with_body(long.as_bytes(), Body::Form);
        assert_eq!(body.broken, Some(Broken::BodyTooLong));
        assert_eq!(body.query.len(), "a=1&body=".len() + LIMIT_BYTES);
        assert_eq!(Received::query(long.split_at(1).1).broken, None);
        assert_eq!(cut("aäb", 2), "a");
    }

    #[test]
    fn a_json_object_is_one_whatever_its_header_says() {
        for kind in [Body::Form, Body::Json, Body::Unsaid, Body::Other] {
            for json in ["{\"uid\":1}", "\u{feff}{\"uid\":1}", " \r\n{ \"uid\" : 1 }\n"] {
                assert_eq!(as_query(json, kind), ("uid=1".to_owned(), None), "{kind:?} {json:?}");
            }
        }
        for form in ["{status}=true&uid=1", "{\"uid\":1", "[1]", "5", "null"] {
            assert_eq!(as_query(form, Body::Form), (form.to_owned(), None), "{form}");
        }
    }

    #[test]
    fn an_unsaid_type_is_told_by_the_first_character() {
        assert_eq!(as_query(" {\"uid\":1}", Body::Unsaid).0, "uid=1");
        assert_eq!(as_query("uid=1&eid=2", Body::Unsaid).0, "uid=1&eid=2");
        assert_eq!(as_query("", Body::Other), (String::new(), None));
        assert_eq!(
            as_query("--x", Body::Other),
            ("body=--x".to_owned(), Some(Broken::BodyTypeUnknown))
        );
    }
}
