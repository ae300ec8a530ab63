//! The nouns: values that cannot be wrong. They know no platform, no database and no sender.

pub mod amount;
pub mod bind;
pub mod click;
pub mod database;
pub mod decision;
pub mod event;
pub mod filter;
pub mod guide;
pub mod key;
pub mod key_name;
pub mod link;
pub mod note;
pub mod preview;
pub mod replay;
pub mod schema;
pub mod session;
pub mod space;
pub mod status;
pub mod time;
pub mod visit;
