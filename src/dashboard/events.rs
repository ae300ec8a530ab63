//! Events.

use super::{Answer, Asked, zone_around};
use crate::db;
use crate::db::space::Spaces;
use crate::page;
use crate::receipt;
use crate::reply::Problem;

/// Events on one page of the list.
const PAGE: i64 = 50;

/// The newest events, or what a search found.
pub async fn list(asked: Asked<'_>) -> Result<Answer, Problem> {
    let db = &asked.home;
    let wanted = asked.parameter("q").trim().to_owned();
    let before = asked.parameter("before").parse().ok();
    let (spaces, items) = if wanted.is_empty() {
        db::feed::newest(db, asked.space_id, before, PAGE).await?
    } else {
        db::feed::search(db, asked.space_id, &wanted).await?
    };
    let zone = zone_around(zone_of(&spaces)?, items.iter().map(|item| item.occurred_at_ms));
    let is_full = wanted.is_empty() && items.len() as i64 == PAGE;
    let more = items.last().map(|item| item.seq).filter(|_| is_full);
    Ok(page::events::page(&spaces, asked.space_id, &wanted, &items, &zone, more).into())
}

/// Everything about one event.
pub async fn one(asked: Asked<'_>, seq: i64) -> Result<Answer, Problem> {
    let (spaces, whole) = db::feed::whole(&asked.home, asked.space_id, seq).await?;
    let whole = whole.ok_or(Problem::NOT_FOUND)?;
    let around = db::case::around(&asked.home, asked.space_id, seq).await?;
    let around = around.ok_or(Problem::NOT_FOUND)?;
    let item = &whole.item;
    let click = whole.click.iter().map(|(click, _)| click.clicked_at_ms);
    let journey = whole.journey.iter().map(|item| item.occurred_at_ms);
    let times = [item.occurred_at_ms, item.received_at_ms].into_iter().chain(click).chain(journey);
    let history = &whole.history;
    let again = history.again.iter().map(|again| again.received_at_ms);
    let decided = history.decisions.iter().map(|decided| decided.at_ms);
    let zone = zone_around(zone_of(&spaces)?, times.chain(again).chain(decided));
    let receipt = receipt::of_event(&whole);
    Ok(page::event::page(&spaces, asked.space_id, &whole, &receipt, &around, &zone).into())
}

/// Everything about one refused postback.
pub async fn one_refused(asked: Asked<'_>, seq: i64) -> Result<Answer, Problem> {
    let (spaces, refused) = db::refused::one(&asked.home, asked.space_id, seq).await?;
    let refused = refused.ok_or(Problem::NOT_FOUND)?;
    let zone = zone_around(zone_of(&spaces)?, [refused.received_at_ms].into_iter());
    let receipt = receipt::of_refused(&refused);
    Ok(page::refused_one::page(&spaces, asked.space_id, &refused, &receipt, &zone).into())
}

/// The zone of the page's space.
pub fn zone_of(spaces: &Spaces) -> Result<&str, Problem> {
    spaces.this.as_ref().map(|space| space.time_zone.as_str()).ok_or(Problem::NOT_FOUND)
}
