//! The overview in one round trip, and the look whether anything has happened since.

use worker::D1Database;
use worker::wasm_bindgen::JsValue;

use super::destination::Stored;
use super::feed::{self, Item};
use super::refused::{self, Refused};
use super::row::Row;
use super::space::{self, Home, Spaces};
use super::window::{self, LastLook};
use super::{destination, figures, guide, link, number, rows_of, run, run_together};
use crate::error::Error;
use crate::figures::period::{BUCKET_MS, Part};
use crate::figures::{Before, Line, Span};

/// Events that the feed shows.
const FEED: i64 = 15;

/// What a postback, a refusal or a delivery leaves: the newest numbers, the tries of the newest
/// deliveries, and the failures of the destinations. It is asked every second, and reads about ten rows.
const SEEN: &str = "
SELECT
  coalesce((SELECT max(e.seq) FROM events e WHERE e.space_id = ?1), 0)
  || '.' || coalesce((SELECT max(h.seq) FROM held h WHERE h.space_id = ?1), 0)
  || '.' || (
    SELECT count(*) || '.' || coalesce(sum(x.tries), 0) FROM deliveries x
    WHERE x.space_id = ?1
      AND x.seq > (SELECT max(e.seq) FROM events e WHERE e.space_id = ?1) - 5
  )
  || '.' || (SELECT coalesce(sum(d.failures), 0) FROM destinations d WHERE d.space_id = ?1)
  AS seen
";

/// Clicks of this quarter of an hour and the one before: as many rows as links have counters in them, so it is
/// asked every three seconds.
const CLICKS: &str = "
SELECT coalesce(sum(events), 0) AS clicks FROM counters
WHERE space_id = ?1 AND bucket >= ?2 AND event = 'click'
";

/// What the overview is made of.
pub struct Overview {
    pub spaces: Spaces,
    pub lines: Vec<Line>,
    /// Of the period before; none where there is no such period.
    pub earlier: Vec<Line>,
    /// First buckets of the days that are closed.
    pub closed: Vec<i64>,
    pub links: Vec<(i64, String)>,
    /// Ids of links that are put away.
    pub archived: Vec<i64>,
    /// The newest events.
    pub newest: Vec<Item>,
    /// The newest that were received in the period, if that is over.
    pub received: Option<Vec<Item>>,
    pub destinations: Vec<Stored>,
    pub refused: Vec<Refused>,
    /// The findings, as they were last looked for.
    pub last_look: LastLook,
    /// What was there when this was read.
    pub seen: Seen,
}

impl Overview {
    /// What the feed shows: what came in a period that is over, and else the newest events.
    pub fn feed(&self) -> &[Item] {
        self.received.as_ref().unwrap_or(&self.newest)
    }
}

/// Where an overview stands. Another one means that something has happened since.
#[derive(Clone, Debug)]
pub struct Seen {
    pub events: String,
    pub clicks: i64,
}

/// Reads it all for a period and the one before, and for a page also how far the guide is.
pub async fn read(
    home: &Home,
    space_id: i64,
    span: &Span,
    before: Option<&Before>,
    now_ms: i64,
    is_page: bool,
) -> Result<Overview, Error> {
    let of_space = [number(space_id)];
    let of_guide = [number(if is_page { space_id } else { space::NO_SPACE })];
    let period = [number(space_id), super::json(&span.parts)];
    let earlier = before.map_or(&[][..], |before| &before.parts);
    let earlier_period = [number(space_id), super::json(&earlier)];
    // Of a period that goes on the feed shows what is new.
    let received: &[i64] = if span.to_ms <= now_ms { &[span.from_ms, span.to_ms] } else { &[] };
    let results = run_together(
        home,
        &[
            (space::OF_PAGE, &of_space),
            (figures::SUMS, &period),
            (figures::CLOSED, &days(space_id, earlier, &span.parts)),
            (link::NAMES, &of_space),
            (feed::NEWEST, &feed::below(space_id, None, FEED)),
            (destination::LIST, &destination::all_of(space_id)),
            (refused::NEWEST, &refused::below(space_id, None)),
            (SEEN, &of_space),
            (CLICKS, &recent(space_id, now_ms)),
            (window::LAST_LOOK, &of_space),
            (figures::BARS, &earlier_period),
            (feed::RECEIVED, &[number(space_id), super::json(&received), number(FEED)]),
            (guide::READ, &of_guide),
        ],
    )
    .await?;
    let items = |at| -> Result<Vec<Item>, Error> {
        Ok(rows_of(&results, at)?.iter().map(Item::read).collect())
    };
    let links = rows_of(&results, 3)?;
    let guide = rows_of(&results, 12)?.first().map(guide::of_row);
    Ok(Overview {
        spaces: Spaces { guide, ..home.spaces(&results, space_id)? },
        lines: rows_of(&results, 1)?.iter().filter_map(figures::read_line).collect(),
        earlier: rows_of(&results, 10)?.iter().filter_map(figures::read_line).collect(),
        closed: rows_of(&results, 2)?.iter().map(|row| row.number("from_bucket")).collect(),
        links: link::read_names(&links),
        archived: link::read_archived(&links),
        newest: items(4)?,
        received: if received.is_empty() { None } else { Some(items(11)?) },
        destinations: rows_of(&results, 5)?.iter().map(Stored::read).collect(),
        refused: rows_of(&results, 6)?.iter().map(Refused::read).collect(),
        seen: Seen { events: seen(&rows_of(&results, 7)?), clicks: clicks(&rows_of(&results, 8)?) },
        last_look: LastLook::read(&rows_of(&results, 9)?),
    })
}

/// From which bucket to before which a period and the one before it lie.
fn days(space_id: i64, earlier: &[Part], parts: &[Part]) -> [JsValue; 3] {
    let from = earlier.first().or(parts.first()).map_or(0, |part| part.from_bucket);
    let to = parts.last().map_or(0, |part| part.to_bucket);
    [space_id, from, to].map(number)
}

/// The events' part of `Seen`, now.
pub async fn events_seen(db: &D1Database, space_id: i64) -> Result<String, Error> {
    Ok(seen(&run(db, SEEN, &[number(space_id)]).await?.rows))
}

/// The clicks' part of `Seen`, now.
pub async fn clicks_seen(db: &D1Database, space_id: i64, now_ms: i64) -> Result<i64, Error> {
    Ok(clicks(&run(db, CLICKS, &recent(space_id, now_ms)).await?.rows))
}

fn recent(space_id: i64, now_ms: i64) -> [JsValue; 2] {
    [number(space_id), number(now_ms / BUCKET_MS - 1)]
}

fn seen(rows: &[Row]) -> String {
    rows.first().map(|row| row.text("seen")).unwrap_or_default()
}

fn clicks(rows: &[Row]) -> i64 {
    rows.first().map(|row| row.number("clicks")).unwrap_or_default()
}
