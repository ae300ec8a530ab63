//! The causes: each file holds one rule, its sentence, its mend and its tests.

pub mod key_unknown;
mod macro_double_encoded;
mod macro_unresolved;
mod macro_wrong_brackets;
mod macro_wrong_case;
mod placeholder_left;
mod template_opened;

use crate::doctor::group::{Found, Group};

/// A cause, and the rule that finds it.
pub struct Cause {
    /// The stable word.
    pub word: &'static str,
    pub find: fn(&Group) -> Option<Found>,
    /// Whether it stays until somebody decides, however much has come since.
    pub stays: bool,
}

impl Cause {
    const fn new(word: &'static str, find: fn(&Group) -> Option<Found>) -> Self {
        Self { word, find, stays: false }
    }
}

/// From the specific to the general: what one rule explains, a later one leaves alone.
pub const CAUSES: &[Cause] = &[
    template_opened::CAUSE,
    placeholder_left::CAUSE,
    macro_double_encoded::CAUSE,
    macro_wrong_brackets::CAUSE,
    macro_wrong_case::CAUSE,
    macro_unresolved::CAUSE,
];
