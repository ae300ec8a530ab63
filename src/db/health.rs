//! Whether the database answers, and what waits in it.

use worker::D1Database;

use super::{Rows, run};
use crate::error::Error;

/// When the delivery that waits longest was due, of destinations that are neither paused nor resting.
const OLDEST_DUE: &str = "
SELECT min(n.due_at_ms) AS due_at_ms FROM (
  SELECT (
    SELECT min(x.due_at_ms) FROM deliveries x
    WHERE x.destination_id = d.id AND x.state IN ('pending', 'sending', 'retrying')
  ) AS due_at_ms
  FROM destinations d WHERE d.enabled = 1 AND d.rest_until_ms <= ?1
) n
";

const NOTHING: &str = "
SELECT 1 AS id
";

/// What a database says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Epoch milliseconds of the oldest delivery that could be sent; `None` where nothing waits.
    pub oldest_due_at_ms: Option<i64>,
    /// How large it is; `None` where the platform does not say.
    pub bytes: Option<i64>,
}

/// Asks a database how it is.
pub async fn state(db: &D1Database, now_ms: i64) -> Result<State, Error> {
    let Rows { rows, cost } = run(db, OLDEST_DUE, &[super::number(now_ms)]).await?;
    let oldest_due_at_ms = rows.first().and_then(|row| row.optional_number("due_at_ms"));
    Ok(State { oldest_due_at_ms, bytes: cost.size() })
}

/// How large a database is, in bytes; nothing where the platform does not say.
pub async fn size(db: &D1Database) -> Result<i64, Error> {
    Ok(run(db, NOTHING, &[]).await?.cost.size().unwrap_or_default())
}
