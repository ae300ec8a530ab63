//! Whether the database answers, whether it is up to date, and what waits in it.

use constcat::concat;
use worker::D1Database;

use super::{Rows, run, schema};
use crate::error::Error;
use crate::model::schema::Schema;

/// When the delivery that waits longest was due, of destinations that are neither paused nor resting.
const CHECK: &str = concat!(
    "
SELECT ",
    schema::NEWEST,
    " AS applied, min(n.due_at_ms) AS due_at_ms FROM (
  SELECT (
    SELECT min(x.due_at_ms) FROM deliveries x
    WHERE x.destination_id = d.id AND x.state IN ('pending', 'sending', 'retrying')
  ) AS due_at_ms
  FROM destinations d WHERE d.enabled = 1 AND d.rest_until_ms <= ?1
) n
"
);

/// What a database that answers says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    pub schema: Schema,
    /// Epoch milliseconds of the oldest delivery that could be sent; `None` where nothing waits, or where
    /// the schema is another and does not say.
    pub oldest_due_at_ms: Option<i64>,
    /// How large it is; `None` where the platform does not say.
    pub bytes: Option<i64>,
}

/// Asks a database how it is: one round trip, and a second where its schema does not even take the
/// question.
pub async fn state(db: &D1Database, now_ms: i64) -> Result<State, Error> {
    match run(db, CHECK, &[super::number(now_ms)]).await {
        Ok(Rows { rows, cost }) => {
            let number = |name| rows.first().and_then(|row| row.optional_number(name));
            Ok(State {
                schema: Schema::of(number("applied")),
                oldest_due_at_ms: number("due_at_ms"),
                bytes: cost.size(),
            })
        }
        Err(reason) => match schema::read(db).await? {
            Schema::Current => Err(reason),
            schema => Ok(State { schema, oldest_due_at_ms: None, bytes: None }),
        },
    }
}

const NOTHING: &str = "
SELECT 1 AS id
";

/// How large a database is, in bytes; nothing where the platform does not say.
pub async fn size(db: &D1Database) -> Result<i64, Error> {
    Ok(run(db, NOTHING, &[]).await?.cost.size().unwrap_or_default())
}
