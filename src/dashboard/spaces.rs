//! Home, a new space, a space's settings.

use super::keys::{Once, keep_once};
use super::{Answer, Asked, Request, go_to};
use crate::db;
use crate::edge::config::{self, Config};
use crate::edge::{self, Incoming};
use crate::manage;
use crate::model::key::KeyKind;
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
    incoming: Incoming,
) -> Result<Reply, Problem> {
    let all = db::space::list(&config.db()?).await?;
    match request {
        Request::CreateSpace => create(config, all.is_empty(), incoming).await,
        Request::NewSpaceForm => {
            let (draft, nonce) = (draft(&Sent::default()), manage::key::nonce()?);
            Ok(edge::shown(spaces::new(all.is_empty(), &draft, &nonce, None)))
        }
        Request::ArchivedSpaces => Ok(edge::shown(spaces::archived(&all))),
        // Home is the first space that is in use; where all are put away, the list of those.
        _ => Ok(match all.iter().find(|space| !space.archived) {
            Some(space) => go_to(&format!("/s/{}", space.id)),
            None => go_to(if all.is_empty() { "/new" } else { "/archived" }),
        }),
    }
}

/// Creates a space and leads to it. The same form sent twice makes one; another form makes another.
async fn create(config: &Config, is_first: bool, mut incoming: Incoming) -> Result<Reply, Problem> {
    let sent = Sent::read(&incoming.text().await?);
    let nonce = sent.optional("made_by").map_or_else(manage::key::nonce, Ok)?;
    let draft = draft(&sent);
    let checked = match draft.clone().check(edge::is_time_zone) {
        Ok(checked) => checked,
        Err(bad) => return Ok(edge::shown(spaces::new(is_first, &draft, &nonce, Some(&bad)))),
    };
    let created = manage::space::create(config, &checked, &nonce).await?;
    let first = |kind, key: Option<String>| key.map(|key| (manage::key::first(kind), key));
    let once = Once {
        ingest: first(KeyKind::Ingest, created.ingest_token),
        bearer: first(KeyKind::Bearer, created.bearer),
        open: String::new(),
    };
    let (home, id) = (&created.home, created.id);
    let glimpse = manage::key::id_of(config, &["created", &id.to_string(), &nonce])?;
    // A form that was sent again much later has nothing to show; its page says so.
    if once.ingest.is_some() {
        keep_once(config, home, id, &glimpse, &once).await?;
    }
    Ok(go_to(&opens_at(id, &format!("shown={glimpse}"))))
}

/// Where a new space opens; `shown` names its secrets, for the page that shows them.
fn opens_at(space_id: i64, shown: &str) -> String {
    format!("/s/{space_id}/keys?{shown}")
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
