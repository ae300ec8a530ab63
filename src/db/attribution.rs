//! Which click an event came from, and which Telegram user a click: pieces that statements share. Each
//! is whole SQL for a row of a fixed name: `e` is an event, `b` a bind, `c` a click. Statements about
//! other rows spell the same rules out; the test below holds all of them together.

use constcat::concat;

/// The uid of the click that an event's uid leads to: the one spelled alike, or else the first of those
/// that fold alike; see schema.sql. Two expressions, for a `coalesce`.
const CLICK_OF_UID: &str =
    "(SELECT x.uid FROM clicks x WHERE x.space_id = e.space_id AND x.uid = e.uid),
  iif(e.uid GLOB '*[ +]*', (
    SELECT f.uid FROM folded_clicks f
    WHERE f.space_id = e.space_id AND f.folded = replace(e.uid, '+', ' ')
    ORDER BY f.clicked_at_ms, f.uid LIMIT 1
  ), NULL)";

/// The same for a bind.
pub(super) const CLICK_OF_BIND: &str =
    "(SELECT x.uid FROM clicks x WHERE x.space_id = b.space_id AND x.uid = b.uid),
  iif(b.uid GLOB '*[ +]*', (
    SELECT f.uid FROM folded_clicks f
    WHERE f.space_id = b.space_id AND f.folded = replace(b.uid, '+', ' ')
    ORDER BY f.clicked_at_ms, f.uid LIMIT 1
  ), NULL)";

/// The uid of the click that an event came from by its Telegram user, by the rule of the view
/// `tg_clicks`.
const CLICK_OF_TG_USER: &str = "(
  SELECT o.uid FROM (
    SELECT t.uid, t.link_id, t.clicked_at_ms - e.occurred_at_ms AS away FROM tg_clicks t
    WHERE t.space_id = e.space_id AND t.tg_id = e.tg_id
  ) o
  ORDER BY o.away <= 0 DESC, abs(o.away), o.uid LIMIT 1
)";

/// The uid of the click that an event came from: its own, or its Telegram user's.
pub(super) const CLICK_OF_EVENT: &str =
    concat!("coalesce(\n  ", CLICK_OF_UID, ",\n  ", CLICK_OF_TG_USER, "\n)");

/// The uid of an event, spelled as its click spells it.
pub(super) const UID_OF_EVENT: &str =
    concat!("iif(e.uid GLOB '*[ +]*', coalesce(", CLICK_OF_UID, ", e.uid), e.uid)");

/// The Telegram user that a click is bound to, whichever spelling of its uid was bound. Two
/// expressions, for a `coalesce`.
pub(super) const TG_USER_OF_CLICK: &str = concat!(
    "(SELECT b.tg_id FROM binds b WHERE b.space_id = c.space_id AND b.uid = c.uid),
  iif(c.uid GLOB '*[ +]*', (
    SELECT b.tg_id FROM folded_binds b
    WHERE b.space_id = c.space_id AND b.folded = replace(c.uid, '+', ' ')
      AND coalesce(",
    CLICK_OF_BIND,
    ") = c.uid
    ORDER BY b.bound_at_ms, b.uid LIMIT 1
  ), NULL)"
);

#[cfg(test)]
mod tests {
    use super::super::bind::BIND;
    use super::super::event::{STORE, STORE_MANY};
    use super::*;

    /// Whether a statement has a rule, however it breaks the lines.
    fn has(sql: &str, rule: &str) -> bool {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        words(sql).contains(&words(rule))
    }

    #[test]
    fn a_uid_leads_to_its_click_by_one_rule() {
        for (sql, row, uid) in [
            (CLICK_OF_BIND, "b", "b.uid"),
            (BIND, "k", "?4"),
            (BIND, "binds", "?4"),
            (STORE, "k", "k.uid"),
            (STORE_MANY, "k", "k.uid"),
        ] {
            let space = format!("{row}.space_id");
            let rule = CLICK_OF_UID.replace("e.uid", uid).replace("e.space_id", &space);
            assert!(has(sql, &rule), "{sql}\nlacks\n{rule}");
        }
    }

    #[test]
    fn a_telegram_user_leads_to_a_click_by_one_rule() {
        let rule =
            CLICK_OF_TG_USER.replace("SELECT o.uid", "SELECT o.link_id").replace(" e.", " n.");
        for sql in [STORE, STORE_MANY] {
            assert!(has(sql, &rule), "{sql}\nlacks\n{rule}");
        }
    }
}
