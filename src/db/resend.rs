//! Sending a delivery again by hand.

use worker::D1Database;

use super::{destination, number, rows_of, run_together};
use crate::error::Error;

/// Sent again by hand: as many tries as a new one, the record kept.
const RESEND: &str = "
UPDATE deliveries SET state = 'pending', due_at_ms = ?4, lease = NULL, tries = 0
WHERE space_id = ?1 AND destination_id = ?2 AND seq = ?3
  AND state IN ('sent', 'failed_permanently', 'retrying')
  AND EXISTS (SELECT 1 FROM destinations d WHERE d.space_id = ?1 AND d.id = ?2)
RETURNING seq
";

const RESEND_FAILED: &str = "
UPDATE deliveries SET state = 'pending', due_at_ms = ?3, lease = NULL, tries = 0
WHERE space_id = ?1 AND destination_id = ?2 AND state = 'failed_permanently'
  AND EXISTS (SELECT 1 FROM destinations d WHERE d.space_id = ?1 AND d.id = ?2)
RETURNING seq
";

/// One delivery of a destination that is still there.
const ONE: &str = "
SELECT x.seq FROM deliveries x JOIN destinations d ON d.space_id = x.space_id AND d.id = x.destination_id
WHERE x.space_id = ?1 AND x.destination_id = ?2 AND x.seq = ?3
";

/// Makes a delivery, or without a number all that were given up, due once more. Gives how many; `None`
/// where the space has no such destination, or that no such delivery.
pub async fn again(
    db: &D1Database,
    space_id: i64,
    destination_id: i64,
    seq: Option<i64>,
    now_ms: i64,
) -> Result<Option<usize>, Error> {
    let of_space = [number(space_id), number(destination_id)];
    let results = match seq {
        Some(seq) => {
            let one = [&of_space[..], &[number(seq)]].concat();
            let again = [&one[..], &[number(now_ms)]].concat();
            run_together(db, &[(ONE, &one), (RESEND, &again)]).await?
        }
        None => {
            let again = [&of_space[..], &[number(now_ms)]].concat();
            let statements = [(destination::OF_SPACE, &of_space[..]), (RESEND_FAILED, &again)];
            run_together(db, &statements).await?
        }
    };
    let is_there = !rows_of(&results, 0)?.is_empty();
    let resent = rows_of(&results, 1)?.len();
    Ok(is_there.then_some(resent))
}
