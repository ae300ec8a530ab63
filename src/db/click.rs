//! Storing clicks. Counting them, and attributing events that came first, is the schema's.

use constcat::concat;
use serde::Serialize;
use worker::D1Database;
use worker::wasm_bindgen::JsValue;

use super::{Cost, json, key, number, optional_text, rows_of, run, text};
use crate::error::Error;
use crate::model::click::Click;
use crate::model::event::Arrival;
use crate::model::visit::Visit;

const INTO_CLICKS: &str = "
INSERT INTO clicks (
  space_id, link_id, uid, clicked_at_ms, raw_query, fbclid, fbp, fbc, campaign_id, campaign_name,
  adset_id, adset_name, ad_id, ad_name, placement, country, user_agent, ip
)";

/// The columns of `click`, in the order of [`columns`].
const COLUMNS: &str = "
  click ->> 0, click ->> 1, click ->> 2, click ->> 3, click ->> 4, click ->> 5, click ->> 6,
  click ->> 7, click ->> 8, click ->> 9, click ->> 10, click ->> 11, click ->> 12, click ->> 13,
  click ->> 14, click ->> 15";

/// The first click of a uid wins, so that a message delivered twice counts once.
const FIRST_WINS: &str = "
ON CONFLICT (space_id, uid) DO NOTHING
";

/// Landings' clicks, a JSON array of space, link and click: the link that was read says whose it is.
const RECORD: &str = concat!(
    INTO_CLICKS,
    "
SELECT value ->> 0, value ->> 1,",
    COLUMNS,
    "
FROM (SELECT value, value -> 2 AS click FROM json_each(?1)) WHERE true",
    FIRST_WINS
);

const WHOSE: &str = "
SELECT k.space_id, (SELECT l.id FROM links l WHERE l.space_id = k.space_id AND l.slug = ?4) AS link_id
FROM keys k
WHERE k.hash = ?1 AND k.kind = ?2 AND (k.expires_at_ms IS NULL OR k.expires_at_ms > ?3)
";

/// A reported click: its key says whose it is. A slug that leads to no link stores nothing.
const REPORT: &str = concat!(
    INTO_CLICKS,
    "
SELECT k.space_id, coalesce(l.id, 0),",
    COLUMNS,
    "
FROM (SELECT ?1 AS click)
JOIN keys k ON k.hash = ?2 AND k.kind = ?3
LEFT JOIN links l ON l.space_id = k.space_id AND l.slug = ?4
WHERE (k.expires_at_ms IS NULL OR k.expires_at_ms > click ->> 1) AND (?4 IS NULL OR l.id IS NOT NULL)",
    FIRST_WINS
);

/// What became of a reported click.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reported {
    /// It is there, now or since before.
    Stored,
    /// The space has no link of that slug.
    UnknownLink,
    /// The key opens no space.
    UnknownKey,
}

/// Stores landings' clicks in one round trip: at most 3 rows written each, the click, the counter, and
/// the index by which what it says of its visitor is removed.
pub async fn record(db: &D1Database, visits: &[&Visit]) -> Result<(), Error> {
    let rows: Vec<_> =
        visits.iter().map(|visit| (visit.space_id, visit.link_id, columns(&visit.click))).collect();
    run(db, RECORD, &[json(&rows)]).await.map(|_nothing| ())
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

/// Stores a click that the bot's code reports.
pub async fn report(
    db: &D1Database,
    arrival: &Arrival,
    click: &Click,
    slug: Option<&str>,
) -> Result<(Reported, Cost), Error> {
    let whose = whose(arrival, slug);
    let [hash, kind, _, slug_value] = whose.clone();
    let report = [json(&columns(click)), hash, kind, slug_value];
    let statements: [(&str, &[_]); 2] = [(WHOSE, &whose), (REPORT, &report)];
    let results = key::run_together_used(db, &arrival.key_hash, &statements).await?;
    let reported = match rows_of(&results, 0)?.first() {
        None => Reported::UnknownKey,
        Some(whose) if slug.is_some() && whose.optional_number("link_id").is_none() => {
            Reported::UnknownLink
        }
        Some(_) => Reported::Stored,
    };
    Ok((reported, Cost(results)))
}

/// What a statement takes of a click, in its order.
fn columns(click: &Click) -> impl Serialize {
    let fields = &click.fields;
    (
        &click.uid,
        click.clicked_at_ms,
        &click.raw_query,
        &fields.fbclid,
        &fields.fbp,
        &fields.fbc,
        &fields.campaign_id,
        &fields.campaign_name,
        &fields.adset_id,
        &fields.adset_name,
        &fields.ad_id,
        &fields.ad_name,
        &fields.placement,
        &click.country,
        &click.user_agent,
        &click.ip,
    )
}
