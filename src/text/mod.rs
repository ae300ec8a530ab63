//! Texts in the forms that others have set: JSON, bytes as text.

pub mod encode;
pub mod html;
pub mod json;
