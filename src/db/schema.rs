//! Which migrations the database has. wrangler keeps them in a table of its own, by the names of their
//! files, which begin with their numbers.

use constcat::concat;
use worker::D1Database;

use super::run;
use crate::error::Error;
use crate::model::schema::Schema;

/// The number of the newest migration that was applied; NULL where there was none. One row read.
pub(super) const NEWEST: &str = "(SELECT CAST(max(m.name) AS INTEGER) FROM d1_migrations m)";

const READ: &str = concat!(
    "
SELECT ",
    NEWEST,
    " AS applied
"
);

/// How the schema stands to the one that is needed.
pub async fn read(db: &D1Database) -> Result<Schema, Error> {
    match run(db, READ, &[]).await {
        Ok(read) => {
            Ok(Schema::of(read.rows.first().and_then(|row| row.optional_number("applied"))))
        }
        Err(reason) if reason.is_never_migrated() => Ok(Schema::Older),
        Err(reason) => Err(reason),
    }
}
