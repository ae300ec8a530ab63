//! Whether the database answers, and what waits in it.

use worker::D1Database;

use super::run;
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

/// Epoch milliseconds of the oldest delivery that could be sent; `None` where nothing waits.
pub async fn oldest_due(db: &D1Database, now_ms: i64) -> Result<Option<i64>, Error> {
    let rows = run(db, OLDEST_DUE, &[super::number(now_ms)]).await?.rows;
    Ok(rows.first().and_then(|row| row.optional_number("due_at_ms")))
}
