//! The fields in which a kind of destination is described: by a form, and by the members of a JSON
//! object with the same names.

/// The field in which headers stand, whatever kind has some.
pub const HEADERS: &str = "headers";

/// A field of a kind's own.
#[derive(Debug)]
pub struct Field {
    pub name: &'static str,
    /// What it is called on the screen, and what to write there.
    pub label: &'static str,
    pub hint: &'static str,
    pub holds: Holds,
}

/// What a field holds. Secrets are never shown again, and stay where a change leaves them out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A text that must be there.
    Text,
    /// The same, in which macros of `template` are filled in.
    Template,
    /// A text that may be left out.
    Optional,
    /// One of these words; the first where it is left out.
    OneOf(&'static [&'static str]),
    /// A whole number up to 65535, and what it is where it is left out.
    Number { unset: u16 },
    /// A secret text.
    Secret,
    /// Headers by their names, which may be shown; their values are secret.
    Headers,
}
