//! How far a space's guide is: found from what is there, so that no step has to be ticked.

use constcat::concat;
use worker::D1Database;

use super::row::Row;
use super::space::Home;
use super::{number, run};
use crate::error::Error;
use crate::model::guide::{Guide, Step};
use crate::text::json;

/// The oldest and the newest so many events are looked through: a space in which no real postback is found among
/// them has other worries. Where one is found, far fewer rows are read.
const LOOKED_THROUGH: &str = "500";

/// Of these events; `?1` is the space.
const EVENTS: &str = concat!(
    "SELECT event, counted FROM (SELECT event, counted FROM events WHERE space_id = ?1 ORDER BY seq LIMIT ",
    LOOKED_THROUGH,
    ") UNION ALL SELECT event, counted FROM (
    SELECT event, counted FROM events WHERE space_id = ?1 ORDER BY seq DESC LIMIT ",
    LOOKED_THROUGH,
    ")"
);

/// Any event shows that the URL works, since a test is one.
pub(super) const READ: &str = concat!(
    "
SELECT s.guide, s.network IS NOT NULL AS network,
  EXISTS (SELECT 1 FROM (",
    EVENTS,
    ") WHERE counted) AS postback,
  EXISTS (SELECT 1 FROM events WHERE space_id = ?1) AS test,
  EXISTS (SELECT 1 FROM links WHERE space_id = ?1) AS link,
  EXISTS (SELECT 1 FROM destinations WHERE space_id = ?1) AS destination,
  EXISTS (SELECT 1 FROM (",
    EVENTS,
    ") WHERE counted AND event = 'deposit') AS deposit
FROM spaces s WHERE s.id = ?1
"
);

const WAVE: &str = "
UPDATE spaces SET guide = (
  SELECT json_group_array(value) FROM (
    SELECT value FROM json_each(coalesce(spaces.guide, '[]')) UNION SELECT value FROM json_each(?2)
  )
) WHERE id = ?1 RETURNING id
";

const BRING_BACK: &str = "
UPDATE spaces SET guide = (
  SELECT nullif(json_group_array(value), '[]') FROM json_each(coalesce(spaces.guide, '[]'))
  WHERE value NOT IN (SELECT value FROM json_each(?2))
) WHERE id = ?1 RETURNING id
";

/// How far it is; `None` where there is no such space. At most some 2,000 rows, and ten in most spaces.
pub async fn read(home: &Home, space_id: i64) -> Result<Option<Guide>, Error> {
    Ok(run(home, READ, &[number(space_id)]).await?.rows.first().map(of_row))
}

/// A row of `READ`.
pub(super) fn of_row(row: &Row) -> Guide {
    let waved = json::texts(&json::read(&row.text("guide")));
    let is_waved = |step: Step| waved.iter().any(|word| word == step.name());
    Guide::new(|step| row.is(step.name()), is_waved)
}

/// Waves steps away, or brings them back; false where there is no such space.
pub async fn wave(
    db: &D1Database,
    space_id: i64,
    steps: &[Step],
    is_waved: bool,
) -> Result<bool, Error> {
    let names: Vec<&str> = steps.iter().map(|step| step.name()).collect();
    let values = [number(space_id), super::json(&names)];
    let sql = if is_waved { WAVE } else { BRING_BACK };
    Ok(run(db, sql, &values).await?.id().is_some())
}
