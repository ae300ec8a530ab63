//! Home, a new space, a space's settings.

use super::{Answer, Asked, Request, go_to};
use crate::db;
use crate::db::space::Home;
use crate::edge::config::{self, Config};
use crate::edge::{self, Incoming};
use crate::manage;
use crate::model::space::SpaceDraft;
use crate::page::form::Sent;
use crate::page::spaces;
use crate::reply::{Problem, Reply};

/// In the address of a page whose form was saved, so that it says so.
const SAVED: &str = "saved";

/// What lies outside of any space.
pub async fn outside(
    config: &Config,
    request: Request,
    mut incoming: Incoming,
) -> Result<Reply, Problem> {
    let all = db::space::list(&config.db()?).await?;
    match request {
        Request::CreateSpace => {
            let draft = draft(&Sent::read(&incoming.text().await?));
            let checked = match draft.clone().check(edge::is_time_zone) {
                Ok(checked) => checked,
                Err(bad) => {
                    return Ok(edge::shown(spaces::new(all.is_empty(), &draft, Some(&bad))));
                }
            };
            let created = manage::space::create(config, &checked).await?;
            let secrets = super::keys::Made {
                ingest: Some(created.ingest_token),
                bearer: Some(created.bearer),
            };
            let home = Home::of_space(config, created.id).await?;
            super::keys::shown_once(&home, created.id, &incoming.origin(), secrets).await
        }
        Request::NewSpaceForm => {
            Ok(edge::shown(spaces::new(all.is_empty(), &draft(&Sent::default()), None)))
        }
        Request::ArchivedSpaces => Ok(edge::shown(spaces::archived(&all))),
        // Home is the first space that is in use; where all are put away, the list of those.
        _ => Ok(match all.iter().find(|space| !space.archived) {
            Some(space) => go_to(&format!("/s/{}", space.id)),
            None => go_to(if all.is_empty() { "/new" } else { "/archived" }),
        }),
    }
}

fn draft(sent: &Sent) -> SpaceDraft {
    let time_zone = sent.optional("time_zone").unwrap_or_else(|| "UTC".to_owned());
    SpaceDraft { name: sent.get("name").to_owned(), time_zone, database: None }
}

pub async fn settings(asked: Asked<'_>) -> Result<Answer, Problem> {
    let spaces = db::space::read(&asked.home, asked.space_id).await?;
    let space = spaces.this.clone().ok_or(Problem::NOT_FOUND)?;
    let draft = SpaceDraft { name: space.name, time_zone: space.time_zone, database: None };
    let saved = !asked.parameter(SAVED).is_empty();
    Ok(spaces::settings(&spaces, space.id, &draft, None, saved, &deployed(asked.config)).into())
}

pub async fn save_settings(mut asked: Asked<'_>) -> Result<Answer, Problem> {
    let draft = draft(&asked.sent().await?);
    let db = &asked.home;
    match draft.clone().check(edge::is_time_zone) {
        Ok(checked) => {
            manage::space::change(asked.config, db, asked.space_id, &checked).await?;
            Ok(go_to(&asked.path(&format!("/settings?{SAVED}=1"))).into())
        }
        Err(bad) => {
            let spaces = db::space::read(db, asked.space_id).await?;
            spaces.this.as_ref().ok_or(Problem::NOT_FOUND)?;
            let deployed = deployed(asked.config);
            Ok(spaces::settings(&spaces, asked.space_id, &draft, Some(&bad), false, &deployed)
                .into())
        }
    }
}

/// Puts a space away, or brings it back.
pub async fn archive(mut asked: Asked<'_>) -> Result<Answer, Problem> {
    let is_away = asked.sent().await?.is_on("archived");
    manage::space::archive(asked.config, &asked.home, asked.space_id, is_away).await?;
    Ok(go_to(&if is_away { "/".to_owned() } else { asked.path("") }).into())
}

/// Which version this is, and which deployment.
fn deployed(config: &Config) -> String {
    match config.deployment().as_str() {
        "" => format!("XTRACKER {}", config::VERSION),
        deployment => format!("XTRACKER {}, deployment {deployment}", config::VERSION),
    }
}
