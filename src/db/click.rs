//! Storing clicks. Counting them, and attributing events that came first, is the schema's.

use constcat::concat;
use worker::D1Database;
use worker::wasm_bindgen::JsValue;

use super::moves::{self, Whereabouts};
use super::{Cost, json, key, number, optional_text, rows_of, run, run_together, text};
use crate::error::Error;
use crate::model::click::Click;
use crate::model::event::Arrival;
use crate::model::visit::Visit;

const INTO_CLICKS: &str = "
INSERT INTO clicks (
  space_id, link_id, uid, clicked_at_ms, raw_query, fbclid, fbp, fbc, campaign_id, campaign_name,
  adset_id, adset_name, ad_id, ad_name, placement, country, user_agent, ip
)";

/// The columns of `click`, which is JSON of [`Click`].
const COLUMNS: &str = "
  click ->> 'uid', click ->> 'clicked_at_ms', click ->> 'raw_query', click ->> 'fbclid',
  click ->> 'fbp', click ->> 'fbc', click ->> 'campaign_id', click ->> 'campaign_name',
  click ->> 'adset_id', click ->> 'adset_name', click ->> 'ad_id', click ->> 'ad_name',
  click ->> 'placement', click ->> 'country', click ->> 'user_agent', click ->> 'ip'";

/// The first click of a uid wins, so that a message delivered twice counts once.
const FIRST_WINS: &str = "
ON CONFLICT (space_id, uid) DO NOTHING
";

/// Landings' clicks, a JSON array of [`Visit`]s: the link that was read says whose it is.
const RECORD: &str = concat!(
    INTO_CLICKS,
    "
SELECT value ->> 'space_id', value ->> 'link_id',",
    COLUMNS,
    "
FROM (SELECT value, value -> 'click' AS click FROM json_each(?1))
WHERE NOT EXISTS (SELECT 1 FROM moves m WHERE m.space_id = value ->> 'space_id' AND m.state <> 'arrived')",
    FIRST_WINS
);

const WHOSE: &str = "
SELECT k.space_id, (SELECT l.id FROM links l WHERE l.space_id = k.space_id AND l.slug = ?4) AS link_id
FROM keys k
WHERE k.hash = ?1 AND k.kind = ?2 AND (k.expires_at_ms IS NULL OR k.expires_at_ms > ?3)
";

/// A click of the bot's code: its key says whose it is. A slug that leads to no link stores nothing.
const STORE: &str = concat!(
    INTO_CLICKS,
    "
SELECT k.space_id, coalesce(l.id, 0),",
    COLUMNS,
    "
FROM (SELECT ?1 AS click)
JOIN keys k ON k.hash = ?2 AND k.kind = ?3
LEFT JOIN links l ON l.space_id = k.space_id AND l.slug = ?4
WHERE (k.expires_at_ms IS NULL OR k.expires_at_ms > click ->> 'clicked_at_ms') AND (?4 IS NULL OR l.id IS NOT NULL)",
    FIRST_WINS
);

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredClick {
    /// It is there, now or since before.
    Stored,
    /// The space has no link of that slug.
    UnknownLink,
    /// The key opens no space.
    UnknownKey,
}

/// Stores landings' clicks in one round trip: at most 3 rows written each, the click, the counter, and
/// the index by which what it says of its visitor is removed.
/// Gives the spaces that are not here any more, of which nothing is stored: where there are several
/// databases, in the same round trip.
pub async fn record(
    db: &D1Database,
    visits: &[&Visit],
    has_several: bool,
) -> Result<Vec<(i64, Whereabouts)>, Error> {
    let values = [json(&visits)];
    if !has_several {
        return run(db, RECORD, &values).await.map(|_nothing| Vec::new());
    }
    let results = run_together(db, &[(RECORD, &values), (moves::OF_VISITS, &values)]).await?;
    Ok(moves::of_visits(&rows_of(&results, 1)?))
}

/// The space that a key opens.
pub async fn space_of(db: &D1Database, arrival: &Arrival) -> Result<Option<i64>, Error> {
    let rows = run(db, WHOSE, &whose(arrival, None)).await?.rows;
    Ok(rows.first().map(|row| row.number("space_id")))
}

fn whose(arrival: &Arrival, slug: Option<&str>) -> [JsValue; 4] {
    let kind = text(arrival.key_kind.name());
    [text(&arrival.key_hash), kind, number(arrival.received_at_ms), optional_text(slug)]
}

/// Stores a click of the bot's code.
pub async fn store(
    db: &D1Database,
    arrival: &Arrival,
    click: &Click,
    slug: Option<&str>,
) -> Result<(StoredClick, Cost), Error> {
    let whose = whose(arrival, slug);
    let [hash, kind, _, slug_value] = whose.clone();
    let click = [json(click), hash, kind, slug_value];
    let statements: [(&str, &[_]); 2] = [(WHOSE, &whose), (STORE, &click)];
    let results =
        key::run_together_used(db, &[&arrival.key_hash], arrival.received_at_ms, &statements)
            .await?;
    let stored = match rows_of(&results, 0)?.first() {
        None => StoredClick::UnknownKey,
        Some(whose) if slug.is_some() && whose.optional_number("link_id").is_none() => {
            StoredClick::UnknownLink
        }
        Some(_) => StoredClick::Stored,
    };
    Ok((stored, Cost(results)))
}
