//! What a handler gives: a status, headers and a body, before the runtime makes a response of it.

use std::borrow::Cow;

use serde::Serialize;

use crate::error::{BadField, BadFields, Error};
use crate::model::note::Note;
use crate::model::status::{Audience, Status};
use crate::text::html::Html;

/// How long a sender waits before it tries again, in seconds: two runs of a typical network's retry.
const RETRY_AFTER_S: &str = "60";

const NOT_SHOWN: &str = "This page could not be shown. The deployment's log says why.";

/// An answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

/// Why something other than a report was refused: with which field, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub http: u16,
    pub word: &'static str,
    pub field: Option<&'static str>,
    pub hint: Cow<'static, str>,
    /// What else was not accepted.
    pub others: Vec<BadField>,
}

impl Problem {
    pub const NOT_FOUND: Self = Self::new(404, "not_found", "There is nothing at this address.");
    pub const UNAUTHORIZED: Self = Self::new(
        401,
        "unauthorized",
        "Send the operator's secret as Authorization: Bearer <secret>.",
    );

    pub const LIMITED: Self = Self::new(
        429,
        "limited",
        "Your address sent too many wrong secrets or keys. Wait a minute.",
    );
    pub const MOVING: Self = Self::new(
        503,
        "moving",
        "This space is being moved to another database. Try again in a few minutes.",
    );
    pub const MOVING_ELSEWHERE: Self = Self::new(
        409,
        "moving_elsewhere",
        "This space is being moved to another database. Finish that move first.",
    );
    pub const ROTATED_MEANWHILE: Self = Self::new(
        409,
        "rotated_meanwhile",
        "Another rotation at the same moment created the current key. If you do not have it, rotate again.",
    );
    pub const REPLAYED_MEANWHILE: Self = Self::new(
        409,
        "replayed_meanwhile",
        "Another replay of this space has begun since. Look at the preview again.",
    );

    pub const DECIDED_MEANWHILE: Self = Self::new(
        409,
        "decided_meanwhile",
        "Something else was decided about this event, or arrived, since you looked. Look again.",
    );

    const fn new(http: u16, word: &'static str, hint: &'static str) -> Self {
        Self { http, word, field: None, hint: Cow::Borrowed(hint), others: Vec::new() }
    }

    /// One field that was not accepted, or several.
    pub fn field(bad: impl Into<BadFields>) -> Self {
        let BadFields { first, others } = bad.into();
        let problem = Self::new(422, "invalid_field", "");
        Self { field: Some(first.field), hint: first.reason, others, ..problem }
    }

    /// The fields that were not accepted; the problem itself where it is about none.
    pub fn bad_fields(self) -> Result<BadFields, Self> {
        match self.field {
            Some(field) => {
                let first = BadField { field, reason: self.hint };
                Ok(BadFields { first, others: self.others })
            }
            None => Err(self),
        }
    }

    /// What does not fit the thing as it is, and why.
    pub fn impossible(hint: &'static str) -> Self {
        Self::new(409, "not_possible", hint)
    }

    /// A request that could not be read.
    pub fn unreadable(hint: String) -> Self {
        Self { hint: Cow::Owned(hint), ..Self::new(400, "invalid_request", "") }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        if error.is_moving() {
            return Self::MOVING;
        }
        match error {
            Error::Missing(what) => Self {
                hint: Cow::Owned(format!(
                    "{what} is not configured. Run make deploy again; it asks for it."
                )),
                ..Self::new(503, "not_configured", "")
            },
            Error::Unbound(database) => Self {
                hint: Cow::Owned(format!(
                    "The database {database} is not configured. Run make deploy again, with DATABASES at its number or above."
                )),
                ..Self::new(503, "not_configured", "")
            },
            Error::Sealed => Self::new(
                503,
                "not_configured",
                "The destination's secrets cannot be decrypted. Set DESTINATION_KEY back to what it was when they were saved.",
            ),
            Error::Template(_) => Self::new(500, "not_shown", NOT_SHOWN),
            Error::Deadline(_)
            | Error::Database(_)
            | Error::Queue(_)
            | Error::Object(_)
            | Error::Fetch(_)
            | Error::Moving
            | Error::Limited => {
                Self::new(503, "unavailable", "That did not work. Try again in a minute.")
            }
        }
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    ok: bool,
    status: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inbox_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Refused<'a> {
    ok: bool,
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    hint: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<RefusedField<'a>>,
}

#[derive(Serialize)]
struct RefusedField<'a> {
    field: &'a str,
    hint: &'a str,
}

impl Reply {
    /// The answer to a report. A clean event has exactly the keys `ok` and `status`; notes and a
    /// hint appear where there is something to say, the `inbox_id` where the caller is a program.
    pub fn to_report(
        status: Status,
        notes: &[Note],
        audience: Audience,
        inbox_id: Option<&str>,
    ) -> Self {
        let answer = Answer {
            ok: status.is_ok(),
            status: status.word(),
            notes: notes.iter().map(Note::to_string).collect(),
            hint: status.hint(),
            inbox_id,
        };
        let reply = Self::json(status.http(audience, notes), &answer);
        if status == Status::Unavailable { reply.retry_later() } else { reply }
    }

    /// The answer to a key that opens nothing. In the contract's order a request that cannot be read
    /// goes before its key.
    pub fn refused_key(mut notes: Vec<Note>, about_key: Note, audience: Audience) -> Self {
        let is_about_request =
            |note: &&Note| matches!(note, Note::Broken(_) | Note::Undecodable(_));
        let about_request = notes.iter().take_while(is_about_request).count();
        notes.insert(about_request, about_key);
        let unreadable = about_request > 0;
        let status = if unreadable { Status::InvalidRequest } else { Status::InvalidToken };
        Self::to_report(status, &notes, audience, None)
    }

    /// A method that an address does not answer.
    pub fn other_method(allowed: &'static str) -> Self {
        let notes = [Note::MethodUnknown];
        let reply = Self::to_report(Status::InvalidRequest, &notes, Audience::Program, None);
        reply.with("allow", allowed.to_owned())
    }

    /// Sends a visitor to another address.
    pub fn redirect(location: &str) -> Self {
        let headers =
            vec![("location", location.to_owned()), ("cache-control", "no-store".to_owned())];
        Self { status: 302, headers, body: String::new() }
    }

    /// A page.
    pub fn html(status: u16, page: Html) -> Self {
        Self::shown(status, "text/html; charset=utf-8", page.into_text())
    }

    /// In place of a page that could not be rendered, and so without a template.
    pub fn not_shown() -> Self {
        Self::shown(500, "text/plain; charset=utf-8", NOT_SHOWN.to_owned())
    }

    fn shown(status: u16, content_type: &str, body: String) -> Self {
        let headers = vec![
            ("content-type", content_type.to_owned()),
            ("cache-control", "no-store".to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
        ];
        Self { status, headers, body }
    }

    /// The answer to a request of the operator that could not be carried out. `field` and `hint` are the first of
    /// the `fields`, for programs that read one.
    pub fn problem(problem: &Problem) -> Self {
        let bad = problem.clone().bad_fields().ok();
        let body = Refused {
            ok: false,
            status: problem.word,
            field: bad.as_ref().map(|bad| bad.first.member()),
            hint: &problem.hint,
            fields: bad
                .iter()
                .flat_map(BadFields::iter)
                .map(|bad| RefusedField { field: bad.field, hint: &bad.reason })
                .collect(),
        };
        let reply = Self::json(problem.http, &body);
        if problem == &Problem::LIMITED { reply.retry_later() } else { reply }
    }

    /// The same answer, with when to come back.
    pub fn retry_later(self) -> Self {
        self.with("retry-after", RETRY_AFTER_S.to_owned())
    }

    /// Nothing new.
    pub fn nothing() -> Self {
        let headers = vec![("cache-control", "no-store".to_owned())];
        Self { status: 204, headers, body: String::new() }
    }

    /// `OPTIONS`: which methods an address answers.
    pub fn options(allowed: &'static str) -> Self {
        Self::nothing().with("allow", allowed.to_owned())
    }

    /// `HEAD` on an address that takes reports.
    pub fn head() -> Self {
        Self { body: String::new(), ..Self::json(200, &()) }
    }

    /// The same answer with one header more.
    pub fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Any JSON body. Never cached: all of ours say what is so now.
    pub fn json<T: Serialize>(status: u16, body: &T) -> Self {
        let body = serde_json::to_string(body).unwrap_or_default();
        Self::shown(status, "application/json", body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::note::Field;

    fn to_report(status: Status, notes: &[Note]) -> Reply {
        Reply::to_report(status, notes, Audience::Network, None)
    }

    #[test]
    fn a_clean_event_has_exactly_the_documented_keys() {
        let reply = to_report(Status::Queued, &[]);
        assert_eq!((reply.status, reply.body.as_str()), (200, r#"{"ok":true,"status":"queued"}"#));
        assert!(reply.headers.contains(&("cache-control", "no-store".to_owned())));
        let reply = to_report(Status::Duplicate, &[Note::MacroUnresolved(Field::Eid)]);
        assert_eq!(
            reply.body,
            r#"{"ok":true,"status":"duplicate","notes":["macro_unresolved:eid"]}"#
        );
    }

    #[test]
    fn unavailable_says_when_to_come_back() {
        let reply = to_report(Status::Unavailable, &[]);
        assert_eq!(reply.status, 503);
        assert!(reply.headers.contains(&("retry-after", "60".to_owned())));
    }

    #[test]
    fn a_page_that_cannot_be_shown_is_a_500_that_needs_no_template() {
        let reply = Reply::not_shown();
        assert_eq!(reply.status, 500);
        assert!(reply.body.contains("could not be shown"), "{}", reply.body);
        assert!(reply.headers.contains(&("content-type", "text/plain; charset=utf-8".to_owned())));
    }

    #[test]
    fn another_method_is_told_which_are_allowed() {
        let reply = Reply::other_method("GET");
        assert_eq!(reply.status, 405);
        assert!(reply.headers.contains(&("allow", "GET".to_owned())));
        assert_eq!(Reply::options("GET").status, 204);
    }

    #[test]
    fn every_wrong_field_is_in_the_answer_and_the_first_where_it_always_was() {
        let bad = [BadField::new("page.title", "Write one."), BadField::new("slug", "Shorter.")];
        let problem = Problem::field(BadFields::of(bad).unwrap());
        assert_eq!(
            Reply::problem(&problem).body,
            r#"{"ok":false,"status":"invalid_field","field":"page","hint":"Write one.","fields":[{"field":"page.title","hint":"Write one."},{"field":"slug","hint":"Shorter."}]}"#
        );
        assert_eq!(problem.bad_fields().map(|bad| bad.iter().count()), Ok(2));
        assert!(Problem::NOT_FOUND.bad_fields().is_err());
    }

    #[test]
    fn a_request_that_cannot_be_read_goes_before_its_key() {
        let refused = |notes: &[Note]| {
            Reply::refused_key(notes.to_vec(), Note::TokenUnknown, Audience::Network).status
        };
        assert_eq!(refused(&[]), 401);
        assert_eq!(refused(&[Note::EventMissing]), 401);
        assert_eq!(refused(&[Note::Undecodable(Field::Uid), Note::EventMissing]), 400);
    }
}
