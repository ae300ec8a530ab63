//! The overview and the part of it that moves.

use std::cell::RefCell;
use std::collections::HashMap;

use super::{Answer, Asked, zone_around};
use crate::db::overview::Overview;
use crate::db::space::Home;
use crate::db::{self, overview};
use crate::edge;
use crate::error::Error;
use crate::figures::{self, Before, Line, Span, Zone};
use crate::model::database::Database;
use crate::page::frame;
use crate::page::overview as page_of;
use crate::page::overview::Shown;
use crate::page::sort::Sort;
use crate::reply::{Problem, Reply};
use crate::upkeep::later::{Closing, Later};

/// How long a browser's question may wait for something new. One question of 20 seconds asks the
/// database 20 times; a question each second would be 86,000 requests a day for each open tab, and the
/// free plan has 100,000 for the postbacks too.
const WAIT_MS: i64 = 20_000;

/// How often the database is asked meanwhile.
const LOOK_MS: u64 = 1_000;

/// How many of these looks are one for clicks too, which read as many rows as links have counters in half an hour. A
/// question begins without one and ends with one: so an open page learns of clicks within three to four seconds, of
/// which half a one is between two questions, and is made anew by them every three and a half at most.
const LOOKS_A_CLICK: u32 = 3;

thread_local! {
    /// The zones of spaces, so that a period can be known before the database is asked. The answer
    /// says which zone it is; a wrong memory costs one more round trip.
    static ZONES: RefCell<HashMap<i64, String>> = RefCell::new(HashMap::new());

    /// Figures of periods before by space and the time they begin: they rarely change, and an open page would read
    /// them again with each click, which doubles its rows.
    static EARLIER: RefCell<HashMap<(i64, i64), Earlier>> = RefCell::new(HashMap::new());
}

/// How long they are taken as they were, in milliseconds.
const EARLIER_MS: i64 = 60_000;

/// The figures of the period before, as they were read once.
struct Earlier {
    before: Before,
    read_ms: i64,
    lines: Vec<Line>,
}

impl Earlier {
    /// What is remembered of the days before a space's period, where that is new enough.
    fn of(space_id: i64, before: &Before, now_ms: i64) -> Option<Vec<Line>> {
        let is_it = |known: &&Earlier| known.before == *before && known.is_new(now_ms);
        let place = (space_id, before.span.from_ms);
        EARLIER.with_borrow(|all| Some(all.get(&place).filter(is_it)?.lines.clone()))
    }

    fn remember(space_id: i64, before: &Before, now_ms: i64, lines: &[Line]) {
        let earlier = Self { before: before.clone(), read_ms: now_ms, lines: lines.to_vec() };
        EARLIER.with_borrow_mut(|all| {
            all.retain(|_, known| known.is_new(now_ms));
            all.insert((space_id, before.span.from_ms), earlier);
        });
    }

    fn is_new(&self, now_ms: i64) -> bool {
        now_ms - self.read_ms < EARLIER_MS
    }
}

/// An overview with what it was read for.
struct Read {
    overview: Overview,
    asked: figures::Asked,
    bad_dates: Option<&'static str>,
    span: Span,
    before: Option<Before>,
    sort: Option<Sort>,
    /// The zone around the feed's times, which may lie far outside of the period.
    feed_zone: Zone,
    zone_name: String,
    now_ms: i64,
}

impl Read {
    fn shown(&self, space_id: i64) -> Shown<'_> {
        Shown {
            space_id,
            asked: &self.asked,
            bad_dates: self.bad_dates,
            span: &self.span,
            before: self.before.as_ref(),
            sort: self.sort,
            feed_zone: &self.feed_zone,
            zone_name: &self.zone_name,
            now_ms: self.now_ms,
        }
    }

    /// Days of the period, and of the one before, that are over and that nobody has summed up yet.
    fn unclosed(&self, database: Database, space_id: i64) -> Later {
        let before = self.before.iter().map(|before| &before.span);
        let spans = before.chain([&self.span]);
        let mut days: Vec<_> = spans.flat_map(|span| span.past_days(self.now_ms)).collect();
        days.retain(|day| !self.overview.closed.contains(&day.from_bucket));
        if days.is_empty() {
            return Later::Nothing;
        }
        let zone_name = self.zone_name.clone();
        Later::CloseDays(Box::new(Closing { database, space_id, zone_name, days }))
    }
}

/// The whole screen.
pub async fn page(asked: Asked<'_>) -> Result<Answer, Problem> {
    let read = read(&asked, true).await?;
    let reply = edge::shown(page_of::page(&read.shown(asked.space_id), &read.overview));
    Ok(Answer::Page(reply, read.unclosed(asked.home.database, asked.space_id)))
}

/// Its moving part, once it differs from what the browser has `seen`; nothing, where it does not
/// after a while.
pub async fn live(asked: Asked<'_>) -> Result<Answer, Problem> {
    let seen = asked.parameter("seen");
    if !has_news(&asked.home, asked.space_id, &seen).await? {
        return Ok(frame::guarded(Reply::nothing()).into());
    }
    let read = read(&asked, false).await?;
    let part = page_of::live(&read.shown(asked.space_id), &read.overview);
    Ok(part.map(|part| frame::guarded(Reply::html(200, part))).into())
}

/// Waits until something has happened since `seen`; false if nothing has.
async fn has_news(db: &Home, space_id: i64, seen: &str) -> Result<bool, Error> {
    let (events, clicks) = seen.split_once('~').unwrap_or_default();
    let has_clicks = async || {
        let now = overview::clicks_seen(db, space_id, edge::now_ms()).await?;
        Ok::<_, Error>(now.to_string() != clicks)
    };
    let until_ms = edge::now_ms() + WAIT_MS;
    for look in 1_u32.. {
        if edge::now_ms() >= until_ms {
            break;
        }
        if overview::events_seen(db, space_id).await? != events {
            return Ok(true);
        }
        edge::pause(LOOK_MS).await;
        if look.is_multiple_of(LOOKS_A_CLICK) && has_clicks().await? {
            return Ok(true);
        }
    }
    has_clicks().await
}

/// Reads the period that the address asks for, in the space's own days, and the one before; for the live part of a page,
/// which is read again and again, the one before as it is remembered.
async fn read(asked: &Asked<'_>, is_page: bool) -> Result<Read, Problem> {
    let (period, bad_dates) = asked.period();
    let sort = page_of::sort(&asked.parameter("sort"));
    let now_ms = edge::now_ms();
    let (from_ms, to_ms) = period.compared_range_ms(now_ms);
    let mut zone_name = zone_name(asked).await?;
    loop {
        let zone = edge::time_zone(&zone_name, from_ms, to_ms);
        let span = Span::of(&period, &zone, now_ms);
        let before = Before::of(&span, &zone, now_ms);
        let overview = overview(asked, &span, before.as_ref(), now_ms, is_page).await?;
        let space = overview.spaces.this.as_ref().ok_or(Problem::NOT_FOUND)?;
        if space.time_zone == zone_name {
            let times = overview.feed().iter().map(|item| item.occurred_at_ms);
            let feed_zone = zone_around(&zone_name, times);
            let asked = period;
            return Ok(Read {
                overview,
                asked,
                bad_dates,
                span,
                before,
                sort,
                feed_zone,
                zone_name,
                now_ms,
            });
        }
        zone_name.clone_from(&space.time_zone);
        ZONES.with_borrow_mut(|zones| zones.insert(asked.space_id, zone_name.clone()));
    }
}

async fn overview(
    asked: &Asked<'_>,
    span: &Span,
    before: Option<&Before>,
    now_ms: i64,
    is_page: bool,
) -> Result<Overview, Error> {
    let (db, space_id) = (&asked.home, asked.space_id);
    let known = before.filter(|_| !is_page);
    if let Some(lines) = known.and_then(|before| Earlier::of(space_id, before, now_ms)) {
        let overview = db::overview::read(db, space_id, span, None, now_ms, is_page).await?;
        return Ok(Overview { earlier: lines, ..overview });
    }
    let overview = db::overview::read(db, space_id, span, before, now_ms, is_page).await?;
    if let Some(before) = before {
        Earlier::remember(space_id, before, now_ms, &overview.earlier);
    }
    Ok(overview)
}

/// The space's zone as far as this isolate knows; only for who asks the database whether it is so.
async fn zone_name(asked: &Asked<'_>) -> Result<String, Problem> {
    if let Some(name) = ZONES.with_borrow(|zones| zones.get(&asked.space_id).cloned()) {
        return Ok(name);
    }
    let spaces = db::space::read(&asked.home, asked.space_id).await?;
    let name = spaces.this.ok_or(Problem::NOT_FOUND)?.time_zone;
    ZONES.with_borrow_mut(|zones| zones.insert(asked.space_id, name.clone()));
    Ok(name)
}
