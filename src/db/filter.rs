//! What narrows events and refused postbacks down, as SQL, and what may be chosen for it. `?1` is the space, `?2` JSON
//! of `model::filter::Filter`: SQLite reads each of its values once a statement, and asks for a click, a key or a
//! delivery only where the filter names one.

use constcat::concat;

use super::attribution::CLICK_OF_EVENT;
use super::row::Row;

/// Numbers that a page looks through for what its filter lets through: no index has what they say, and it takes the
/// database about 100 ms.
pub const LOOKED_THROUGH: i64 = 20_000;

/// Of events, `e`.
pub(super) const EVENTS: &str = concat!(
    "
  AND (?2 ->> 'note' IS NULL OR EXISTS (SELECT 1 FROM json_each(e.notes) t WHERE t.value = ?2 ->> 'note'))
  AND (?2 ->> 'text' IS NULL OR instr(lower(e.raw), lower(?2 ->> 'text')) > 0)
  AND (?2 ->> 'from_ms' IS NULL OR e.received_at_ms >= ?2 ->> 'from_ms')
  AND (?2 ->> 'to_ms' IS NULL OR e.received_at_ms < ?2 ->> 'to_ms')
  AND (?2 ->> 'event' IS NULL OR e.event = ?2 ->> 'event')
  AND (?2 ->> 'link' IS NULL OR e.link_id = ?2 ->> 'link')
  AND (?2 ->> 'key' IS NULL OR e.by_key = ?2 ->> 'key')
  AND (?2 ->> 'min_micros' IS NULL OR e.micros >= ?2 ->> 'min_micros')
  AND (?2 ->> 'max_micros' IS NULL OR e.micros <= ?2 ->> 'max_micros')
  AND (?2 ->> 'currency' IS NULL OR (e.micros IS NOT NULL AND e.currency = ?2 ->> 'currency'))
  AND (?2 ->> 'network' IS NULL OR coalesce(
    (SELECT k.network FROM key_names k WHERE k.space_id = e.space_id AND k.n = e.by_key),
    (SELECT s.network FROM spaces s WHERE s.id = e.space_id)
  ) = ?2 ->> 'network')
  AND (coalesce(?2 ->> 'country', ?2 ->> 'campaign') IS NULL OR EXISTS (
    SELECT 1 FROM clicks c
    WHERE c.space_id = e.space_id AND c.uid = ",
    CLICK_OF_EVENT,
    OF_CLICK,
    "
  ))
  AND (coalesce(?2 ->> 'destination', ?2 ->> 'state') IS NULL OR (?2 ->> 'state' IS NOT 'none') = EXISTS (
    SELECT 1 FROM deliveries x
    WHERE x.space_id = e.space_id AND x.seq = e.seq
      AND (?2 ->> 'destination' IS NULL OR x.destination_id = ?2 ->> 'destination')
      AND (?2 ->> 'state' IS NULL OR ?2 ->> 'state' = 'none' OR x.state = ?2 ->> 'state')
  ))"
);

/// Of a click, `c`.
const OF_CLICK: &str = "
      AND (?2 ->> 'country' IS NULL OR c.country = ?2 ->> 'country')
      AND (?2 ->> 'campaign' IS NULL OR c.campaign_id = ?2 ->> 'campaign' OR c.campaign_name = ?2 ->> 'campaign')";

/// What stands under a name in the raw query of a refused postback, `h`, as it was encoded; NULL for nothing. Its
/// columns have no more of it: it was not accepted.
macro_rules! sent {
    ($name:literal) => {
        constcat::concat!(
            "(SELECT nullif(substr(q.rest, 1, instr(q.rest, '&') - 1), '') FROM (
    SELECT substr(r.raw, instr(r.raw, '&",
            $name,
            "=') + length('&",
            $name,
            "=')) AS rest
    FROM (SELECT '&' || replace(h.raw, '?', '&') || '&' AS raw) r WHERE instr(r.raw, '&",
            $name,
            "=') > 0
  ) q)"
        )
    };
}
pub(super) use sent;

/// Of refused postbacks, `h`. Event, amount and click are those that its query names plainly.
pub(super) const HELD: &str = concat!(
    "
  AND (?2 ->> 'status' IS NULL OR h.status = ?2 ->> 'status')
  AND (?2 ->> 'note' IS NULL OR EXISTS (SELECT 1 FROM json_each(h.notes) t WHERE t.value = ?2 ->> 'note'))
  AND (?2 ->> 'text' IS NULL OR instr(lower(h.raw), lower(?2 ->> 'text')) > 0)
  AND (?2 ->> 'from_ms' IS NULL OR h.received_at_ms >= ?2 ->> 'from_ms')
  AND (?2 ->> 'to_ms' IS NULL OR h.received_at_ms < ?2 ->> 'to_ms')
  AND (?2 ->> 'event' IS NULL OR lower(",
    sent!("event"),
    ") = ?2 ->> 'event')
  AND (?2 ->> 'key' IS NULL OR h.by_key = ?2 ->> 'key')
  AND (coalesce(?2 ->> 'min_micros', ?2 ->> 'max_micros') IS NULL OR iif(",
    sent!("value"),
    " NOT GLOB '*[^0-9.]*', CAST(",
    sent!("value"),
    " AS REAL) * 1000000 BETWEEN coalesce(?2 ->> 'min_micros', -9e18) AND coalesce(?2 ->> 'max_micros', 9e18), 0))
  AND (?2 ->> 'currency' IS NULL OR coalesce(upper(",
    sent!("currency"),
    "), 'USD') = ?2 ->> 'currency')
  AND (?2 ->> 'network' IS NULL OR coalesce(
    (SELECT k.network FROM key_names k WHERE k.space_id = h.space_id AND k.n = h.by_key),
    (SELECT s.network FROM spaces s WHERE s.id = h.space_id)
  ) = ?2 ->> 'network')
  AND (coalesce(?2 ->> 'link', ?2 ->> 'country', ?2 ->> 'campaign') IS NULL OR (?2 ->> 'link' IS NOT 0) = EXISTS (
    SELECT 1 FROM clicks c
    WHERE c.space_id = h.space_id AND c.uid = ",
    sent!("uid"),
    "
      AND (?2 ->> 'link' IS NULL OR ?2 ->> 'link' = 0 OR c.link_id = ?2 ->> 'link')",
    OF_CLICK,
    "
  ))"
);

/// What may be chosen: links, destinations and keys by their names.
pub(super) const CHOICES: &str = "
SELECT 'link' AS what, l.id, l.name FROM links l WHERE l.space_id = ?1
UNION ALL SELECT 'destination', d.id, d.name FROM destinations d WHERE d.space_id = ?1
UNION ALL SELECT 'key', k.n, k.name FROM key_names k WHERE k.space_id = ?1
ORDER BY 1, 3
";

/// Links, destinations and keys of a space, by number.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    pub links: Vec<(i64, String)>,
    pub destinations: Vec<(i64, String)>,
    pub keys: Vec<(i64, String)>,
}

impl Choices {
    pub(super) fn read(rows: &[Row]) -> Self {
        let of = |what| {
            let own = rows.iter().filter(|row| row.text("what") == what);
            own.map(|row| (row.number("id"), row.text("name"))).collect()
        };
        Self { links: of("link"), destinations: of("destination"), keys: of("key") }
    }
}

/// How far one step of a list has looked: from the newest number that it was to look at down to above `floor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looked {
    pub newest: i64,
    /// 0 where nothing is below.
    pub floor: i64,
    /// Whether all below was received before what is looked for.
    pub is_all: bool,
}

impl Looked {
    pub(super) fn read(rows: &[Row]) -> Self {
        let number = |name| rows.first().and_then(|row| row.optional_number(name));
        let newest = number("newest").unwrap_or_default();
        let floor = (newest - LOOKED_THROUGH).max(0);
        Self { newest, floor, is_all: floor == 0 || number("is_all") == Some(1) }
    }

    /// Below which number the next step looks: below the last one that is shown where there may be more of them,
    /// else below the floor; `None` where that was all.
    pub fn more(&self, last_of_a_full_page: Option<i64>) -> Option<i64> {
        last_of_a_full_page.or((!self.is_all).then_some(self.floor + 1))
    }
}

/// How far a step below `?3` looks, `?2` being its filter. What was stored below the floor was received before its
/// neighbours above were: a hundred of them, of which not all have waited in the queue.
pub(super) const LOOKED_AT_EVENTS: &str = "
SELECT n.newest, (
  SELECT max(e.received_at_ms) FROM events e
  WHERE ?2 ->> 'from_ms' IS NOT NULL AND e.space_id = ?1 AND e.seq > n.newest - 20000 AND e.seq <= n.newest - 19900
) < ?2 ->> 'from_ms' AS is_all
FROM (SELECT coalesce(max(m.seq), 0) AS newest FROM events m WHERE m.space_id = ?1 AND m.seq < ?3) n
";

/// The same of refused postbacks.
pub(super) const LOOKED_AT_HELD: &str = "
SELECT n.newest, (
  SELECT max(h.received_at_ms) FROM held h
  WHERE ?2 ->> 'from_ms' IS NOT NULL AND h.space_id = ?1 AND h.seq > n.newest - 20000 AND h.seq <= n.newest - 19900
) < ?2 ->> 'from_ms' AS is_all
FROM (SELECT coalesce(max(m.seq), 0) AS newest FROM held m WHERE m.space_id = ?1 AND m.seq < ?3) n
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_goes_on_below_what_it_shows_or_has_looked_through() {
        let looked = Looked { newest: 50_000, floor: 30_000, is_all: false };
        assert_eq!((looked.more(Some(49_970)), looked.more(None)), (Some(49_970), Some(30_001)));
        let last = Looked { newest: 7, floor: 0, is_all: true };
        assert_eq!((last.more(Some(3)), last.more(None)), (Some(3), None));
    }
}
