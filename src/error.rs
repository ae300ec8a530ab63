//! What can go wrong, and which type says so:
//!
//! - [`Error`]: around a request, as opposed to inside it: a part of the platform did not do its work.
//!   Its text is for the log alone; a sender learns only that it could not be stored.
//! - [`BadField`]: a field of what the user saves. It goes back to the form, or the program, with what to
//!   do. [`BadFields`] are all of a form's: whoever mends one is not told of the next by the next try.
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

/// Which field of a draft is wrong, and what to do. A field inside another one has both names, joined by a dot:
/// `page.title`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadField {
    pub field: &'static str,
    pub reason: Cow<'static, str>,
}

impl BadField {
    pub const fn new(field: &'static str, reason: &'static str) -> Self {
        Self { field, reason: Cow::Borrowed(reason) }
    }

    /// The member of the whole that it is, or is in: `page` of `page.title`.
    pub fn member(&self) -> &'static str {
        self.field.split_once('.').map_or(self.field, |(member, _)| member)
    }
}

/// Every wrong field of a draft: at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadFields {
    pub first: BadField,
    pub others: Vec<BadField>,
}

impl From<BadField> for BadFields {
    fn from(first: BadField) -> Self {
        Self { first, others: Vec::new() }
    }
}

impl BadFields {
    /// Those of a list; `None` for an empty one.
    pub fn of(found: impl IntoIterator<Item = BadField>) -> Option<Self> {
        let mut found = found.into_iter();
        Some(Self { first: found.next()?, others: found.collect() })
    }

    pub fn iter(&self) -> impl Iterator<Item = &BadField> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// Those whose field passes; `None` where there is none.
    pub fn only(&self, passes: impl Fn(&str) -> bool) -> Option<Self> {
        Self::of(self.iter().filter(|bad| passes(bad.field)).cloned())
    }

    fn and(mut self, more: Self) -> Self {
        self.others.push(more.first);
        self.others.extend(more.others);
        self
    }
}

/// What both checks gave, or everything that either found.
pub fn both<A, B>(
    one: Result<A, impl Into<BadFields>>,
    other: Result<B, impl Into<BadFields>>,
) -> Result<(A, B), BadFields> {
    match (one.map_err(Into::into), other.map_err(Into::into)) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (Err(bad), Ok(_)) | (Ok(_), Err(bad)) => Err(bad),
        (Err(bad), Err(more)) => Err(bad.and(more)),
    }
}

/// Nothing, or everything that the checks found, in their order.
pub fn all(checks: impl IntoIterator<Item = Result<(), BadField>>) -> Result<(), BadFields> {
    BadFields::of(checks.into_iter().filter_map(Result::err)).map_or(Ok(()), Err)
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

    #[test]
    fn everything_wrong_is_said_in_its_order() {
        let bad = |field| BadField::new(field, "no");
        let fields = |bad: &BadFields| bad.iter().map(|bad| bad.field).collect::<Vec<_>>();
        let found = all([Err(bad("a")), Ok(()), Err(bad("b.c"))]).unwrap_err();
        assert_eq!(fields(&found), ["a", "b.c"]);
        let found = both(Err::<(), _>(found), Err::<(), _>(bad("d"))).unwrap_err();
        assert_eq!(fields(&found), ["a", "b.c", "d"]);
        assert_eq!(found.only(|field| field == "d"), Some(bad("d").into()));
        assert_eq!(found.only(|_| false), None);
        assert_eq!((bad("b.c").member(), bad("a").member()), ("b", "a"));
        let one = both(Ok::<_, BadField>(1), Err::<(), _>(bad("e"))).unwrap_err();
        assert_eq!(fields(&one), ["e"]);
        assert_eq!(both(Ok::<_, BadField>(1), Ok::<_, BadField>(2)), Ok((1, 2)));
    }
}
