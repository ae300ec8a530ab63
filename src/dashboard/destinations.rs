//! Destinations: their forms, their deliveries, tests and sending again.

use std::collections::BTreeMap;

use super::events::zone_of;
use super::{Answer, Asked, go_to, zone_around};
use crate::db;
use crate::destination::field::{Field, Holds};
use crate::destination::request::Tested;
use crate::destination::{self, DestinationDraft, Given, parse_headers};
use crate::edge::{self, seal};
use crate::error::BadFields;
use crate::manage::destination as manage;
use crate::manage::must_exist;
use crate::model::event::EventKind;
use crate::page::destinations::{self, Around, DROP_HEADERS};
use crate::page::form::Sent;
use crate::reply::Problem;
use crate::upkeep::later::Later;

pub async fn list(asked: Asked<'_>) -> Result<Answer, Problem> {
    let (spaces, stored) = db::destination::on_page(&asked.home, asked.space_id, None).await?;
    zone_of(&spaces)?;
    Ok(destinations::page(&spaces, asked.space_id, &stored).into())
}

/// The screen of a destination, or the form of a new one.
pub async fn form(asked: Asked<'_>, id: Option<i64>) -> Result<Answer, Problem> {
    match id {
        Some(id) => one(&asked, id, Extra::default()).await,
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
    Ok(destinations::one(&spaces, asked.space_id, draft, &zone, Around::default(), bad).into())
}

/// What a screen shows beyond what is stored.
#[derive(Default)]
struct Extra<'a> {
    draft: Option<&'a DestinationDraft>,
    bad: Option<&'a BadFields>,
    tested: Option<&'a Tested>,
    signing_secret: Option<String>,
    dropped_headers: Vec<String>,
}

async fn one(asked: &Asked<'_>, id: i64, extra: Extra<'_>) -> Result<Answer, Problem> {
    let (config, space_id) = (asked.config, asked.space_id);
    let before = asked.parameter("before").parse().ok();
    let (spaces, stored, page) = db::delivery::on_page(&asked.home, space_id, id, before).await?;
    let stored = stored.ok_or(Problem::NOT_FOUND)?;
    let secrets = seal::open_secrets(config, space_id, &stored.secrets).await.unwrap_or_default();
    let kept = stored.draft().ok_or(Problem::NOT_FOUND)?;
    let tried = page.deliveries.iter().filter_map(destinations::last_try);
    let rests = Some(stored.rest_until_ms).filter(|until_ms| *until_ms > 0);
    let times = tried.map(|attempt| attempt.at_ms).chain(rests);
    let zone = zone_around(zone_of(&spaces)?, times);
    let around = Around {
        stored: Some(&stored),
        headers: secrets.headers.keys().cloned().collect(),
        deliveries: page.deliveries,
        more: page.more,
        tested: extra.tested,
        signing_secret: extra.signing_secret,
        dropped_headers: extra.dropped_headers,
    };
    let draft = extra.draft.unwrap_or(&kept);
    Ok(destinations::one(&spaces, space_id, draft, &zone, around, extra.bad).into())
}

/// Saves a destination, or says what is wrong with it.
pub async fn save(mut asked: Asked<'_>, id: Option<i64>) -> Result<Answer, Problem> {
    let sent = asked.sent().await?;
    let draft = draft(&sent);
    let origin = asked.incoming.origin();
    let (config, home) = (asked.config, &asked.home);
    let saved = manage::save(config, home, asked.space_id, id, draft.clone(), &origin).await;
    let bad = match saved {
        Ok(saved) if saved.signing_secret.is_some() || !saved.dropped_headers.is_empty() => {
            let (signing_secret, dropped_headers) = (saved.signing_secret, saved.dropped_headers);
            let extra = Extra { signing_secret, dropped_headers, ..Extra::default() };
            return one(&asked, saved.id, extra).await;
        }
        Ok(saved) => return Ok(go_to(&asked.path(&format!("/destinations/{}", saved.id))).into()),
        Err(problem) => problem.bad_fields()?,
    };
    match id {
        Some(id) => {
            one(&asked, id, Extra { draft: Some(&draft), bad: Some(&bad), ..Extra::default() })
                .await
        }
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

/// Sends a test and shows what came back.
pub async fn test(asked: Asked<'_>, id: i64) -> Result<Answer, Problem> {
    match manage::test(asked.config, &asked.home, asked.space_id, id).await {
        Ok(tested) => one(&asked, id, Extra { tested: Some(&tested), ..Extra::default() }).await,
        Err(problem) => {
            let bad = problem.bad_fields()?;
            one(&asked, id, Extra { bad: Some(&bad), ..Extra::default() }).await
        }
    }
}

pub async fn pause(mut asked: Asked<'_>, id: i64) -> Result<Answer, Problem> {
    let enabled = asked.sent().await?.is_on("enabled");
    let paused = db::destination::pause(&asked.home, asked.space_id, id, enabled).await?;
    must_exist(paused)?;
    let reply = go_to(&asked.path(&format!("/destinations/{id}")));
    Ok(Answer::Page(reply, Later::Sweep))
}

/// Sends one delivery again, or all that were given up.
pub async fn resend(mut asked: Asked<'_>, id: i64) -> Result<Answer, Problem> {
    let seq = asked.sent().await?.optional("seq");
    let seq = seq.map(|seq| seq.parse().map_err(|_no_number| Problem::NOT_FOUND)).transpose()?;
    let db = &asked.home;
    let resent = db::resend::again(db, asked.space_id, id, seq, edge::now_ms()).await?;
    must_exist(resent.is_some())?;
    let back = match seq {
        Some(seq) => asked.path(&format!("/events/{seq}")),
        None => asked.path(&format!("/destinations/{id}")),
    };
    Ok(Answer::Page(go_to(&back), Later::Sweep))
}

pub async fn delete(asked: Asked<'_>, id: i64) -> Result<Answer, Problem> {
    must_exist(db::destination::delete(&asked.home, asked.space_id, id).await?)?;
    Ok(go_to(&asked.path("/destinations")).into())
}
