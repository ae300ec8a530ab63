//! Destinations: their forms, their deliveries, pauses and sending again.

use std::collections::BTreeMap;

use super::events::zone_of;
use super::{Answer, Asked, go_to, zone_around};
use crate::db;
use crate::db::deliveries::OnPage;
use crate::destination::field::{Field, Holds};
use crate::destination::{self, DestinationDraft, Given, parse_headers};
use crate::edge::{self, seal};
use crate::error::BadFields;
use crate::manage::destination::Once;
use crate::manage::{self, glimpse, must_exist};
use crate::model::event::EventKind;
use crate::page::destinations::{self, Around, DROP_HEADERS};
use crate::page::form::Sent;
use crate::reply::Problem;
use crate::upkeep::later::Later;

pub async fn list(asked: Asked<'_>) -> Result<Answer, Problem> {
    let (home, space_id) = (&asked.home, asked.space_id);
    let (spaces, stored, missed) = db::destination::on_page(home, space_id, None).await?;
    zone_of(&spaces)?;
    let done = asked.parameter("done");
    Ok(destinations::page(&spaces, space_id, &stored, &missed, &done).into())
}

/// The screen of a destination, or the form of a new one.
pub async fn form(asked: Asked<'_>, id: Option<i64>) -> Result<Answer, Problem> {
    match id {
        Some(id) => one(&asked, id, None, None).await,
        None => {
            let draft =
                DestinationDraft { kind: asked.parameter("kind"), ..DestinationDraft::default() };
            if destination::kind(&draft.kind).is_none() {
                return Ok(go_to(&asked.path("/destinations")).into());
            }
            new(&asked, &draft, None).await
        }
    }
}

async fn new(
    asked: &Asked<'_>,
    draft: &DestinationDraft,
    bad: Option<&BadFields>,
) -> Result<Answer, Problem> {
    let spaces = db::space::read(&asked.home, asked.space_id).await?;
    let zone = zone_around(zone_of(&spaces)?, [].into_iter());
    let around = Around { nonce: manage::key::nonce()?, ..Around::default() };
    Ok(destinations::one(&spaces, asked.space_id, draft, &zone, around, bad).into())
}

async fn one(
    asked: &Asked<'_>,
    id: i64,
    draft: Option<&DestinationDraft>,
    bad: Option<&BadFields>,
) -> Result<Answer, Problem> {
    let (config, space_id) = (asked.config, asked.space_id);
    let before = asked.parameter("before").parse().ok();
    let (spaces, found) = db::deliveries::on_page(&asked.home, space_id, id, before).await?;
    let OnPage { stored, missed, page } = found.ok_or(Problem::NOT_FOUND)?;
    let secrets = seal::open_secrets(config, space_id, &stored.secrets).await.unwrap_or_default();
    let kept = stored.draft().ok_or(Problem::NOT_FOUND)?;
    let tried = page.deliveries.iter().filter_map(destinations::last_try);
    let rests = Some(stored.rest_until_ms).filter(|until_ms| *until_ms > 0);
    let times = tried.map(|attempt| attempt.at_ms).chain(rests);
    let zone = zone_around(zone_of(&spaces)?, times);
    let (shown, tested) = (asked.parameter("shown"), asked.parameter("tested"));
    let once: Option<Once> = glimpse::show(config, &asked.home, space_id, &shown).await?;
    let once = once.unwrap_or_default();
    let around = Around {
        headers: secrets.headers.keys().cloned().collect(),
        deliveries: page.deliveries,
        more: page.more,
        missed,
        done: asked.parameter("done"),
        was_tested: !tested.is_empty(),
        tested: glimpse::show(config, &asked.home, space_id, &tested).await?,
        nonce: manage::key::nonce()?,
        signing_secret: once.signing_secret,
        dropped_headers: once.dropped_headers,
        stored: Some(stored),
    };
    Ok(destinations::one(&spaces, space_id, draft.unwrap_or(&kept), &zone, around, bad).into())
}

/// Saves a destination, or says what is wrong with it.
pub async fn save(mut asked: Asked<'_>, id: Option<i64>) -> Result<Answer, Problem> {
    let text = asked.incoming.text().await?;
    let sent = Sent::read(&text);
    let form = manage::destination::form_id(asked.config, &text, sent.get("nonce"))?;
    let draft = draft(&sent);
    let origin = asked.incoming.origin();
    let (config, home, space_id) = (asked.config, &asked.home, asked.space_id);
    let given = draft.clone();
    let saved =
        manage::destination::save(config, home, space_id, id, given, &origin, Some(&form)).await;
    let bad = match saved {
        Ok(saved) => {
            let done = if id.is_some() { "saved" } else { "added" };
            let page = format!("/destinations/{}?done={done}&shown={form}", saved.id);
            return Ok(go_to(&asked.path(&page)).into());
        }
        Err(problem) => problem.bad_fields()?,
    };
    match id {
        Some(id) => one(&asked, id, Some(&draft), Some(&bad)).await,
        None => new(&asked, &draft, Some(&bad)).await,
    }
}

/// The draft as it was typed.
fn draft(sent: &Sent) -> DestinationDraft {
    let names: BTreeMap<String, Option<String>> = EventKind::ALL
        .iter()
        .map(|event| (event.code().to_owned(), sent.optional(&format!("events.{}", event.code()))))
        .collect();
    let mut draft = DestinationDraft {
        kind: sent.get("kind").trim().to_owned(),
        name: sent.get("name").trim().to_owned(),
        enabled: Some(sent.is_on("enabled")),
        events: names,
        ..DestinationDraft::default()
    };
    for field in destination::kind(&draft.kind).map_or(&[][..], |kind| kind.fields) {
        draft.given.extend(given(sent, field).map(|given| (field.name, given)));
    }
    draft
}

/// What was typed into a field; `None` where it was left empty.
fn given(sent: &Sent, field: &Field) -> Option<Given> {
    match field.holds {
        Holds::Text | Holds::Template | Holds::Optional | Holds::OneOf(_) | Holds::Secret => {
            sent.optional(field.name).map(Given::Text)
        }
        Holds::Number { unset } => sent.optional(field.name).map(|text| match text.parse() {
            Ok(number) => Given::Number(number),
            Err(_no_number) => {
                Given::Unreadable(text, format!("Write a number such as {unset}.").into())
            }
        }),
        Holds::Headers => match sent.get(field.name).trim() {
            "" if sent.is_on(DROP_HEADERS) => Some(Given::Headers(BTreeMap::new())),
            "" => None,
            lines => Some(match parse_headers(lines) {
                Ok(headers) => Given::Headers(headers),
                Err(bad) => Given::Unreadable(lines.to_owned(), bad.reason),
            }),
        },
    }
}

/// Pauses a destination, or has it go on.
pub async fn pause(mut asked: Asked<'_>, id: i64) -> Result<Answer, Problem> {
    let enabled = asked.sent().await?.is_on("enabled");
    let paused = db::destination::pause(&asked.home, asked.space_id, id, enabled).await?;
    must_exist(paused)?;
    let done = if enabled { "resumed" } else { "paused" };
    let reply = go_to(&asked.path(&format!("/destinations/{id}?done={done}")));
    Ok(Answer::Page(reply, Later::Sweep))
}

/// Sends what came during a pause, or leaves it.
pub async fn decide_missed(mut asked: Asked<'_>, id: i64) -> Result<Answer, Problem> {
    let sent = asked.sent().await?;
    let from = sent.get("from").parse().map_err(|_no_number| Problem::NOT_FOUND)?;
    let (home, space_id) = (&asked.home, asked.space_id);
    let page = asked.path(&format!("/destinations/{id}"));
    match sent.get("then") {
        "send" => {
            db::missed::send(home, space_id, id, from, edge::now_ms()).await?;
            Ok(Answer::Page(go_to(&format!("{page}?done=sent")), Later::Sweep))
        }
        "leave" => {
            db::missed::leave(home, space_id, id, from).await?;
            Ok(go_to(&format!("{page}?done=left")).into())
        }
        _ => Ok(go_to(&page).into()),
    }
}

/// Sends one delivery again, or all that were given up. A form that is sent twice sends once: it says when the one was
/// last tried.
pub async fn resend(mut asked: Asked<'_>, id: i64) -> Result<Answer, Problem> {
    let sent = asked.sent().await?;
    let seq = sent.optional("seq");
    let seq = seq.map(|seq| seq.parse().map_err(|_no_number| Problem::NOT_FOUND)).transpose()?;
    let last_try_ms = sent.get("last_try_ms").parse().ok();
    let (db, space_id) = (&asked.home, asked.space_id);
    let resent = db::resend::again(db, space_id, id, seq, last_try_ms, edge::now_ms()).await?;
    must_exist(resent.is_some())?;
    let back = match seq {
        Some(seq) => asked.path(&format!("/events/{seq}#to-{id}")),
        None => asked.path(&format!("/destinations/{id}?done=resent")),
    };
    Ok(Answer::Page(go_to(&back), Later::Sweep))
}

pub async fn delete(asked: Asked<'_>, id: i64) -> Result<Answer, Problem> {
    must_exist(db::destination::delete(&asked.home, asked.space_id, id).await?)?;
    Ok(go_to(&asked.path("/destinations?done=removed")).into())
}
