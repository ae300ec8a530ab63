//! What can go wrong around a request, as opposed to inside it. The text is for the log alone; the
//! sender learns only that it could not be stored.

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
    /// One address sent more than its share.
    Limited,
    /// Another server's document was not to be had.
    Fetch(String),
    /// A sealed secret that does not open.
    Sealed,
    /// A binding or a secret that the deployment lacks.
    Missing(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadline(what) => write!(f, "{what} did not answer in time"),
            Self::Database(text) => write!(f, "D1 refused: {text}"),
            Self::Queue(text) => write!(f, "the queue refused: {text}"),
            Self::Fetch(text) => write!(f, "a document was not to be had: {text}"),
            Self::Limited => f.write_str("one address sent more than its share"),
            Self::Sealed => f.write_str("a sealed secret does not open"),
            Self::Missing(what) => write!(f, "{what} is not configured"),
        }
    }
}
