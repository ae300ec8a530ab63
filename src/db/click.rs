//! Storing clicks. Counting them, and attributing events that came first, is the schema's.

use worker::D1Database;
use worker::wasm_bindgen::JsValue;

use super::{Cost, number, optional_text, rows_of, run_together, text};
use crate::click::Click;
use crate::error::Error;
use crate::event::Arrival;
use crate::spill::Visit;

/// A landing's click: the link that was read says whose it is. The first click of a uid wins, so
/// that a message delivered twice counts once.
const RECORD: &str = "
INSERT INTO clicks (
  uid, clicked_at_ms, raw_query, fbclid, fbp, fbc, campaign_id, campaign_name, adset_id, adset_name,
  ad_id, ad_name, placement, country, user_agent, ip, space_id, link_id
)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
ON CONFLICT (space_id, uid) DO NOTHING
";

const WHOSE: &str = "
SELECT (SELECT l.id FROM links l WHERE l.space_id = k.space_id AND l.slug = ?4) AS link_id
FROM keys k
WHERE k.hash = ?1 AND k.kind = ?2 AND (k.expires_at_ms IS NULL OR k.expires_at_ms > ?3)
";

/// A reported click: its key says whose it is. A slug that leads to no link stores nothing.
const REPORT: &str = "
INSERT INTO clicks (
  uid, clicked_at_ms, raw_query, fbclid, fbp, fbc, campaign_id, campaign_name, adset_id, adset_name,
  ad_id, ad_name, placement, country, user_agent, ip, space_id, link_id
)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, k.space_id, coalesce(l.id, 0)
FROM keys k LEFT JOIN links l ON l.space_id = k.space_id AND l.slug = ?19
WHERE k.hash = ?17 AND k.kind = ?18 AND (k.expires_at_ms IS NULL OR k.expires_at_ms > ?2)
  AND (?19 IS NULL OR l.id IS NOT NULL)
ON CONFLICT (space_id, uid) DO NOTHING
";

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

/// Stores landings' clicks in one round trip: at most 2 rows written each, the click and the counter.
pub async fn record(db: &D1Database, visits: &[&Visit]) -> Result<(), Error> {
    let values: Vec<_> = visits
        .iter()
        .map(|visit| {
            let of_link = [number(visit.space_id), number(visit.link_id)];
            [&values(&visit.click)[..], &of_link].concat()
        })
        .collect();
    let statements: Vec<_> = values.iter().map(|values| (RECORD, values.as_slice())).collect();
    run_together(db, &statements).await.map(|_results| ())
}

/// Stores a click that the bot's code reports.
pub async fn report(
    db: &D1Database,
    arrival: &Arrival,
    click: &Click,
    slug: Option<&str>,
) -> Result<(Reported, Cost), Error> {
    let (hash, kind, slug_value) =
        (text(&arrival.key_hash), text(arrival.key_kind.name()), optional_text(slug));
    let whose = [hash.clone(), kind.clone(), number(arrival.received_at_ms), slug_value.clone()];
    let report = [&values(click)[..], &[hash, kind, slug_value]].concat();
    let results = run_together(db, &[(WHOSE, &whose), (REPORT, &report)]).await?;
    let reported = match rows_of(&results, 0)?.first() {
        None => Reported::UnknownKey,
        Some(whose) if slug.is_some() && whose.optional_number("link_id").is_none() => {
            Reported::UnknownLink
        }
        Some(_) => Reported::Stored,
    };
    Ok((reported, Cost(results)))
}

fn values(click: &Click) -> [JsValue; 16] {
    let fields = &click.fields;
    [
        text(&click.uid),
        number(click.clicked_at_ms),
        text(&click.raw_query),
        optional_text(fields.fbclid.as_deref()),
        optional_text(fields.fbp.as_deref()),
        optional_text(fields.fbc.as_deref()),
        optional_text(fields.campaign_id.as_deref()),
        optional_text(fields.campaign_name.as_deref()),
        optional_text(fields.adset_id.as_deref()),
        optional_text(fields.adset_name.as_deref()),
        optional_text(fields.ad_id.as_deref()),
        optional_text(fields.ad_name.as_deref()),
        optional_text(fields.placement.as_deref()),
        optional_text(click.country.as_deref()),
        optional_text(click.user_agent.as_deref()),
        optional_text(click.ip.as_deref()),
    ]
}
