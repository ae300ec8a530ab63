//! Sending by hand: a test of a destination, one event to one destination. A page shows what will be sent and asks; its
//! form sends it and leads to the page of what it was sent from, where the result stands.

use super::events::zone_of;
use super::{Answer, Asked, go_to};
use crate::db;
use crate::error::BadField;
use crate::manage::destination;
use crate::manage::key::{is_nonce, nonce};
use crate::manage::sending::{self as manage, What};
use crate::model::event::EventKind;
use crate::page::sending::{self as page, One, Test};
use crate::reply::Problem;
use crate::upkeep::later::Later;

/// Events that a test can be made of.
const EVENTS: i64 = 20;

/// What a test would send, and a button that sends it.
pub async fn test_form(asked: Asked<'_>, id: i64) -> Result<Answer, Problem> {
    let (config, home, space_id) = (asked.config, &asked.home, asked.space_id);
    let (spaces, items) = db::feed::newest(home, space_id, EVENTS).await?;
    zone_of(&spaces)?;
    let (nonce, what) = (nonce()?, What::parse(&asked.parameter("what")));
    let prepared = manage::prepare_test(config, home, space_id, id, what, &nonce).await?;
    let names = prepared.stored.names();
    let is_taken = |kind: &EventKind| names.is_empty() || names.contains_key(kind.code());
    let samples = EventKind::ALL.iter().copied().filter(is_taken);
    let counted = items.iter().filter(|item| item.counted);
    let test = Test {
        destination: (id, &prepared.stored.name),
        samples: samples.map(|kind| (kind, What::Sample(kind).word())).collect(),
        events: counted.map(|item| (item, What::Event(item.seq).word())).collect(),
        chosen: what.unwrap_or_else(|| manage::usual(&prepared.stored)).word(),
        request: prepared.shown(),
        mark: (prepared.mark.is_told, prepared.mark.says.clone()),
        refused: prepared.may_be_tested().err(),
        nonce: &nonce,
    };
    Ok(page::test(&spaces, space_id, test).into())
}

/// Sends the test that the form shows, once however often it is sent. What may not be sent leads back to the page that
/// says why.
pub async fn test(mut asked: Asked<'_>, id: i64) -> Result<Answer, Problem> {
    let sent = asked.sent().await?;
    let (nonce, what) = (sent.get("nonce"), What::parse(sent.get("what")));
    let page = asked.path(&format!("/destinations/{id}"));
    let Some(what) = what.filter(|_| is_nonce(nonce)) else {
        destination::find(&asked.home, asked.space_id, id).await?;
        return Ok(go_to(&format!("{page}/test")).into());
    };
    let (config, home) = (asked.config, &asked.home);
    match manage::test_once(config, home, asked.space_id, id, what, nonce).await {
        Ok(()) => Ok(go_to(&format!("{page}?tested={nonce}#tested")).into()),
        Err(problem) => {
            problem.bad_fields()?;
            Ok(go_to(&format!("{page}/test?what={}", what.word())).into())
        }
    }
}

/// What one event would be at a destination, and a button that sends it.
pub async fn one_form(asked: Asked<'_>, seq: i64) -> Result<Answer, Problem> {
    let Ok(id) = asked.parameter("destination").parse() else {
        return Ok(go_to(&asked.path(&format!("/events/{seq}#sent"))).into());
    };
    let target = Some(asked.parameter("as")).filter(|target| !target.trim().is_empty());
    one(&asked, (id, seq), target.as_deref(), None).await
}

/// Sends one event to one destination.
pub async fn send_one(mut asked: Asked<'_>, seq: i64) -> Result<Answer, Problem> {
    let sent = asked.sent().await?;
    let id = sent.get("destination").parse().map_err(|_no_number| Problem::NOT_FOUND)?;
    let last_try_ms = sent.get("last_try_ms").parse().map_err(|_no_number| Problem::NOT_FOUND)?;
    let (config, home, which) = (asked.config, &asked.home, (id, seq));
    let target = Some(sent.get("as"));
    match manage::send(config, home, asked.space_id, which, target, Some(last_try_ms)).await {
        Ok(_whether_new) => {
            let page = go_to(&asked.path(&format!("/events/{seq}#to-{id}")));
            Ok(Answer::Page(page, Later::Sweep))
        }
        Err(problem) => one(&asked, which, target, Some(&problem.bad_fields()?.first)).await,
    }
}

async fn one(
    asked: &Asked<'_>,
    (id, seq): (i64, i64),
    target: Option<&str>,
    bad: Option<&BadField>,
) -> Result<Answer, Problem> {
    let (config, home, space_id) = (asked.config, &asked.home, asked.space_id);
    let spaces = db::space::read(home, space_id).await?;
    zone_of(&spaces)?;
    let handed = manage::prepare(config, home, space_id, (id, seq), target).await?;
    let own = handed.refusal().map(str::to_owned);
    let one = One {
        destination: (id, &handed.stored.name),
        seq,
        target: &handed.target,
        request: handed.shown(),
        refused: own.or_else(|| bad.map(|bad| bad.reason.clone().into_owned())),
        is_again: handed.told.state.is_some(),
        is_paused: !handed.stored.enabled,
        last_try_ms: handed.told.last_try_ms,
    };
    Ok(page::one(&spaces, space_id, one).into())
}
