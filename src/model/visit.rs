//! A visit: a click on a landing, of the space and link that its address led to (docs/links.md).

use serde::Serialize;
use serde_json::Value;

use crate::model::click::Click;
use crate::model::database::Database;
use crate::text::json;

/// A click on a landing, with the space and link that the landing's address led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Visit {
    pub space_id: i64,
    pub link_id: i64,
    pub click: Click,
    /// The space's database, as far as is known.
    #[serde(skip_serializing_if = "Database::is_first")]
    pub database: Database,
}

impl Visit {
    /// Reads one that waited in the queue.
    pub fn read(stored: &Value) -> Option<Self> {
        Some(Self {
            space_id: json::number(stored, "space_id")?,
            link_id: json::number(stored, "link_id")?,
            click: Click::read(stored.get("click")?)?,
            database: Database::read(stored)?,
        })
    }
}
