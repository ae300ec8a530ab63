//! Texts in the forms that others have set: JSON, queries, bytes as text, counts in sentences.

pub mod encode;
pub mod html;
pub mod json;
pub mod pairs;
pub mod plural;
