//! Events.

use super::filter::{self, Typed};
use super::{Answer, Asked, zone_around};
use crate::db;
use crate::db::space::Spaces;
use crate::model::filter::Filter;
use crate::page;
use crate::page::events::Shown;
use crate::page::form::Sent;
use crate::receipt;
use crate::reply::Problem;

/// Events on one page of the list: on a phone, three screens.
const PAGE: i64 = 25;

/// Numbers above the last one that was received on a day: what waited in the queue for some hours has one of them.
const QUEUED: i64 = 5_000;

/// The newest events, what a filter lets through of them, or what a search found.
pub async fn list(asked: Asked<'_>) -> Result<Answer, Problem> {
    let (db, space_id) = (&asked.home, asked.space_id);
    let sent = Sent::read(&asked.incoming.query);
    let Typed { filter, faults } = filter::read(&asked, &sent).await?;
    filter.check().map_err(Problem::field)?;
    let wanted = sent.get("q").trim().to_owned();
    let before = before(&asked, &sent, &filter).await?;
    let listed = if wanted.is_empty() {
        db::feed::list(db, space_id, &filter, before, PAGE).await?
    } else {
        db::feed::search(db, space_id, &filter, &wanted).await?
    };
    let items = &listed.items;
    let zone = zone_around(zone_of(&listed.spaces)?, items.iter().map(|item| item.occurred_at_ms));
    let full = items.last().map(|item| item.seq).filter(|_| items.len() as i64 == PAGE);
    let more = listed.looked.more(full).filter(|_| wanted.is_empty());
    let shown =
        Shown { space_id, sent: &sent, wanted: &wanted, listed: &listed, before, more, faults };
    Ok(page::events::page(shown, &zone).into())
}

/// Below which number a list begins: the address says it, or the last day that is looked for.
pub async fn before(
    asked: &Asked<'_>,
    sent: &Sent,
    filter: &Filter,
) -> Result<Option<i64>, Problem> {
    match (sent.get("before").parse().ok(), filter.to_ms) {
        (None, Some(to_ms)) => {
            let last = db::export::number_before(&asked.home, asked.space_id, to_ms).await?;
            Ok(Some(last + QUEUED))
        }
        (before, _) => Ok(before),
    }
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
