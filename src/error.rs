//! What can go wrong, and which type says so:
//!
//! - [`Error`]: around a request, as opposed to inside it: a part of the platform did not do its work.
//!   Its text is for the log alone; a sender learns only that it could not be stored.
//! - [`BadField`]: a field of what the user saves. It goes back to the form, or the program, with what to
//!   do.
//! - `reply::Problem`: the answer to a form or to `/api` that could not be carried out: a bad field, a thing
//!   that is not there, an error above in words for the user.
//! - `postback::fault::Refusal`: a report that was understood as far as it goes, and cannot be taken: a status
//!   and notes. It is kept, and is not an error of ours.

use std::borrow::Cow;
use std::fmt;

/// A part of the platform that did not do its work. Its text carries no value of any postback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The database or the queue did not answer in time; whether it did its work is unknown.
    Deadline(&'static str),
    /// The database refused.
    Database(String),
    /// The queue refused.
    Queue(String),
    /// A Durable Object gave no answer.
    Object(String),
    /// One address sent more than its share.
    Limited,
    /// Another server's document was not to be had.
    Fetch(String),
    /// A page's template did not render; which one.
    Template(&'static str),
    /// A sealed secret that does not open.
    Sealed,
    /// A binding or a secret that the deployment lacks.
    Missing(&'static str),
    /// What it is for is on its way to another database, and has to wait until it is there.
    Moving,
    /// A database that something belongs to, and that the deployment does not have.
    Unbound(String),
}

impl Error {
    /// Whether the database refuses until midnight UTC, or until a paid plan: "Your account has
    /// exceeded D1's free tier daily row write limit." (or "read"). The wording may change a little.
    pub fn is_days_limit(&self) -> bool {
        let Self::Database(text) = self else { return false };
        let text = text.to_ascii_lowercase();
        text.contains("daily") && text.contains("limit") && text.contains("exceeded")
    }

    /// Whether the database lacks the table of its migrations: it was made before there were any.
    pub fn is_never_migrated(&self) -> bool {
        matches!(self, Self::Database(text) if text.contains("no such table: d1_migrations"))
    }
}

impl Error {
    /// Whether the database refused a change to a space that is being moved; schema.sql has the words.
    pub fn is_moving(&self) -> bool {
        match self {
            Self::Moving => true,
            Self::Database(text) => text.contains("the space is being moved"),
            _ => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadline(what) => write!(f, "{what} did not answer in time"),
            Self::Database(text) => write!(f, "D1 refused: {text}"),
            Self::Queue(text) => write!(f, "the queue refused: {text}"),
            Self::Object(text) => write!(f, "the object gave no answer: {text}"),
            Self::Fetch(text) => write!(f, "a document could not be fetched: {text}"),
            Self::Template(which) => write!(f, "{which} did not render"),
            Self::Limited => f.write_str("one address sent more than its share"),
            Self::Sealed => f.write_str("a sealed secret cannot be decrypted"),
            Self::Moving => f.write_str("the space is being moved to another database"),
            Self::Unbound(what) => write!(f, "the database {what} is not configured"),
            Self::Missing(what) => write!(f, "{what} is not configured"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_days_limit_is_told_from_other_refusals() {
        let refused = |text: &str| Error::Database(text.to_owned()).is_days_limit();
        for kind in ["read", "write"] {
            assert!(refused(&format!(
                "D1_ERROR: Your account has exceeded D1's free tier daily row {kind} limit. Upgrade to a paid plan or wait until tomorrow (midnight UTC) to continue."
            )));
        }
        for text in [
            "D1_ERROR: Your account has exceeded D1's maximum account storage limit",
            "D1_ERROR: Exceeded maximum DB size",
            "D1 DB is overloaded. Too many requests queued.",
            "no such table: daily_limits: SQLITE_ERROR",
        ] {
            assert!(!refused(text), "{text}");
        }
        assert!(!Error::Deadline("daily limit exceeded").is_days_limit());
    }
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
