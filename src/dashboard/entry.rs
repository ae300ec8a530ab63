//! Entering an event by hand.

use super::events::zone_of;
use super::{Answer, Asked, go_to, zone_around};
use crate::db;
use crate::edge;
use crate::error::{BadField, BadFields};
use crate::figures::zone::DAY_MS;
use crate::manage::{entry, key};
use crate::model::event::EventKind;
use crate::page::entry::{Typed, page};
use crate::page::form::Sent;
use crate::reply::Problem;
use crate::upkeep::later::Later;

/// How far back an event may have happened: docs/postback.md, Time.
const PAST_DAYS: i64 = 366;

/// Stands for what no time can be read from, so that it is refused with everything else that is wrong.
const NO_TIME: &str = "none";

const BAD_TIME: BadField = BadField::new("occurred_at_ms", "Choose a date and a time.");

/// The empty form.
pub async fn form(asked: Asked<'_>) -> Result<Answer, Problem> {
    let event = EventKind::Deposit.code().to_owned();
    let typed = Typed { event, id: key::nonce()?, ..Typed::default() };
    show(&asked, &typed, None).await
}

/// Enters what was typed, once, and goes to the event.
pub async fn enter(mut asked: Asked<'_>) -> Result<Answer, Problem> {
    let typed = read(&asked.sent().await?);
    let bad = match carry_out(&asked, &typed).await {
        Ok(entered) if entered.is_own => {
            let (database, space_id, seq) = (asked.home.database, asked.space_id, entered.seq);
            let reply = go_to(&asked.path(&format!("/events/{seq}")));
            return Ok(Answer::Page(reply, Later::Deliver { database, space_id, seq }));
        }
        Ok(entered) => {
            let seq = entered.seq;
            let reason = format!("Event {seq} has this transaction id already.");
            BadField { field: "eid", reason: reason.into() }.into()
        }
        Err(problem) => problem.bad_fields()?,
    };
    show(&asked, &typed, Some(&bad)).await
}

async fn carry_out(asked: &Asked<'_>, typed: &Typed) -> Result<entry::Entered, Problem> {
    let time = match typed.time.as_str() {
        "" => Some(String::new()),
        text => {
            let spaces = db::space::read(&asked.home, asked.space_id).await?;
            let oldest_ms = edge::now_ms() - (PAST_DAYS + 1) * DAY_MS;
            let zone = zone_around(zone_of(&spaces)?, std::iter::once(oldest_ms));
            zone.read(text).map(|ms| ms.to_string())
        }
    };
    let Typed { event, uid, eid, value, currency, id, .. } = typed;
    let typed = [
        ("event", event.as_str()),
        ("uid", uid),
        ("eid", eid),
        ("value", value),
        ("currency", currency),
        ("t", time.as_deref().unwrap_or(NO_TIME)),
    ];
    let entered = entry::enter_typed(&asked.home, asked.space_id, &typed, id).await;
    match entered {
        Err(problem) if time.is_none() => Err(in_words(problem)),
        entered => entered,
    }
}

/// The same, of a time that was typed and is none.
fn in_words(problem: Problem) -> Problem {
    let about = |bad: &BadField| if bad.field == BAD_TIME.field { BAD_TIME } else { bad.clone() };
    match problem.bad_fields() {
        Ok(bad) => {
            BadFields::of(bad.iter().map(about)).map_or(Problem::field(BAD_TIME), Problem::field)
        }
        Err(problem) => problem,
    }
}

fn read(sent: &Sent) -> Typed {
    let text = |name| sent.get(name).trim().to_owned();
    Typed {
        event: text("event"),
        uid: text("uid"),
        eid: text("eid"),
        value: text("value"),
        currency: text("currency"),
        time: text("occurred_at_ms"),
        id: text("id"),
    }
}

async fn show(
    asked: &Asked<'_>,
    typed: &Typed,
    bad: Option<&BadFields>,
) -> Result<Answer, Problem> {
    let spaces = db::space::read(&asked.home, asked.space_id).await?;
    let zone_name = zone_of(&spaces)?;
    Ok(page(&spaces, asked.space_id, zone_name, typed, bad).into())
}
