//! Which Telegram user a uid belongs to, by compare-and-set.

use constcat::concat;
use worker::D1Database;

use super::attribution::CLICK_OF_BIND;
use super::{Cost, Rows, key, number, text};
use crate::error::Error;
use crate::model::bind::Bind;
use crate::model::event::Arrival;

/// The first binding wins: a second one writes the row back as it is, and reads it. So does one in
/// another spelling, as long as both lead to the same click or to none.
pub(super) const BIND: &str = concat!(
    "
INSERT INTO binds (space_id, uid, tg_id, bound_at_ms)
SELECT
  k.space_id,
  coalesce(
    iif(?4 GLOB '*[ +]*', (
      SELECT b.uid FROM folded_binds b
      WHERE b.space_id = k.space_id AND b.folded = replace(?4, '+', ' ')
        AND coalesce(",
    CLICK_OF_BIND,
    ") IS coalesce(
          (SELECT x.uid FROM clicks x WHERE x.space_id = k.space_id AND x.uid = ?4),
          iif(?4 GLOB '*[ +]*', (
            SELECT f.uid FROM folded_clicks f
            WHERE f.space_id = k.space_id AND f.folded = replace(?4, '+', ' ')
            ORDER BY f.clicked_at_ms, f.uid LIMIT 1
          ), NULL)
        )
      ORDER BY b.bound_at_ms, b.uid LIMIT 1
    ), NULL),
    ?4
  ),
  ?5, ?3
FROM keys k
WHERE k.hash = ?1 AND k.kind = ?2 AND (k.expires_at_ms IS NULL OR k.expires_at_ms > ?3)
ON CONFLICT (space_id, uid) DO UPDATE SET tg_id = tg_id
RETURNING
  tg_id = ?5 AS ours,
  coalesce(
    (SELECT x.uid FROM clicks x WHERE x.space_id = binds.space_id AND x.uid = ?4),
    iif(?4 GLOB '*[ +]*', (
      SELECT f.uid FROM folded_clicks f
      WHERE f.space_id = binds.space_id AND f.folded = replace(?4, '+', ' ')
      ORDER BY f.clicked_at_ms, f.uid LIMIT 1
    ), NULL)
  ) IS NOT NULL AS matched
"
);

/// What became of a bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Whether the uid is bound to this very user.
    pub ours: bool,
    /// Whether a click with this uid exists.
    pub matched: bool,
}

/// Binds a uid to a Telegram user, once and for all. `None` where the key opens no space.
pub async fn bind(
    db: &D1Database,
    arrival: &Arrival,
    bind: &Bind,
) -> Result<(Option<Bound>, Cost), Error> {
    let values = [
        text(&arrival.key_hash),
        text(arrival.key_kind.name()),
        number(arrival.received_at_ms),
        text(bind.uid.as_str()),
        number(bind.tg_id.number()),
    ];
    let Rows { rows, cost } =
        key::run_used(db, &[&arrival.key_hash], arrival.received_at_ms, BIND, &values).await?;
    let bound = rows.first().map(|row| Bound { ours: row.is("ours"), matched: row.is("matched") });
    Ok((bound, cost))
}
