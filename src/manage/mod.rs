//! Deeds: what both doors, the dashboard and the operator's API, do to spaces, keys, links,
//! destinations and events. Each is there once.

pub mod decision;
pub mod destination;
pub mod entry;
pub mod glimpse;
pub mod health;
pub mod key;
pub mod link;
pub mod moving;
pub mod replay;
pub mod sending;
pub mod space;

use crate::reply::Problem;

/// Nothing can be done to what is not there, or is another space's.
pub fn must_exist(exists: bool) -> Result<(), Problem> {
    if exists { Ok(()) } else { Err(Problem::NOT_FOUND) }
}
