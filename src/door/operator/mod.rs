//! The operator's API under `/api`: spaces, their keys, links, destinations and events. Guarded by `OPERATOR_TOKEN`, and closed
//! where that is not set.

pub mod destination;
pub mod event;
mod findings;
pub mod key;
pub mod openapi;
mod receipt;
pub mod replay;

use serde::{Deserialize, Serialize};

use crate::db;
use crate::db::space::Home;
use crate::door::gate;
use crate::edge::config::Config;
use crate::edge::{self, Incoming};
use crate::manage::{self, moving, space};
use crate::model::key::{is_guessable, is_same};
use crate::model::link;
use crate::model::space::SpaceDraft;
use crate::reply::{Problem, Reply};
use crate::upkeep::later::Later;

/// What the operator asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    ListSpaces,
    CreateSpace,
    MoveSpace { space_id: i64 },
    Keys { space_id: i64, request: key::Request },
    ListFindings { space_id: i64 },
    MuteFinding { space_id: i64 },
    ChooseNetwork { space_id: i64 },
    ArchiveSpace { space_id: i64 },
    ListLinks { space_id: i64 },
    CreateLink { space_id: i64 },
    ChangeLink { space_id: i64, link_id: i64 },
    Event { space_id: i64, seq: i64 },
    Refused { space_id: i64, seq: i64 },
    Destinations { space_id: i64, request: destination::Request },
    Replays { space_id: i64, request: replay::Request },
    EnterEvent { space_id: i64 },
    Decide { space_id: i64, seq: i64 },
}

/// Whether a space is put away.
#[derive(Deserialize)]
struct Archive {
    archived: bool,
}

#[derive(Serialize)]
struct Spaces {
    ok: bool,
    spaces: Vec<db::space::ListedSpace>,
}

#[derive(Serialize)]
struct CreatedSpace {
    ok: bool,
    id: i64,
    ingest_token: String,
    bearer: String,
}

#[derive(Serialize)]
struct Links {
    ok: bool,
    links: Vec<db::link::ListedLink>,
}

#[derive(Serialize)]
struct CreatedLink {
    ok: bool,
    id: i64,
    /// Where visitors are to be sent, below this deployment's origin.
    path: String,
}

#[derive(Serialize)]
struct Done {
    ok: bool,
}

/// Answers the operator, and says what is to be done after the answer.
pub async fn answer(config: &Config, request: Request, incoming: Incoming) -> (Reply, Later) {
    let done = match admit(config, &incoming).await {
        Err(problem) => Err(problem),
        Ok(()) => carry_out(config, request, incoming).await,
    };
    done.unwrap_or_else(|problem| (Reply::problem(&problem), Later::Nothing))
}

async fn carry_out(
    config: &Config,
    request: Request,
    mut incoming: Incoming,
) -> Result<(Reply, Later), Problem> {
    let reply = match request {
        Request::Destinations { space_id, request } => {
            return destination::carry_out(config, space_id, request, incoming).await;
        }
        Request::Replays { space_id, request } => {
            return replay::carry_out(config, space_id, request, incoming).await;
        }
        Request::EnterEvent { space_id } => return event::enter(config, space_id, incoming).await,
        Request::Decide { space_id, seq } => {
            return event::decide(config, space_id, seq, incoming).await;
        }
        Request::ListSpaces => {
            Reply::json(200, &Spaces { ok: true, spaces: db::space::list(&config.db()?).await? })
        }
        Request::CreateSpace => {
            let draft: SpaceDraft = incoming.json().await?;
            let draft = draft.check(edge::is_time_zone).map_err(Problem::field)?;
            create_space(config, &draft).await?
        }
        Request::MoveSpace { space_id } => {
            let draft = incoming.json().await?;
            Reply::json(200, &moving::go_on(config, space_id, &draft).await?)
        }
        Request::Keys { space_id, request } => {
            key::carry_out(config, space_id, request, incoming).await?
        }
        Request::ListFindings { space_id } => findings::list(config, space_id).await?,
        Request::MuteFinding { space_id } => {
            findings::mute(config, space_id, &incoming.json().await?).await?;
            Reply::json(200, &Done { ok: true })
        }
        Request::ChooseNetwork { space_id } => {
            findings::choose_network(config, space_id, &incoming.json().await?).await?;
            Reply::json(200, &Done { ok: true })
        }
        Request::ArchiveSpace { space_id } => {
            let archive: Archive = incoming.json().await?;
            let home = Home::of_space(config, space_id).await?;
            space::archive(config, &home, space_id, archive.archived).await?;
            Reply::json(200, &Done { ok: true })
        }
        Request::Event { space_id, seq } => receipt::event(config, space_id, seq).await?,
        Request::Refused { space_id, seq } => receipt::refused(config, space_id, seq).await?,
        Request::ListLinks { space_id } => list_links(config, space_id).await?,
        Request::CreateLink { space_id } => {
            let (id, slug) = save_link(config, space_id, None, incoming).await?;
            Reply::json(201, &CreatedLink { ok: true, id, path: format!("/l/{slug}") })
        }
        Request::ChangeLink { space_id, link_id } => {
            save_link(config, space_id, Some(link_id), incoming).await?;
            Reply::json(200, &Done { ok: true })
        }
    };
    Ok((reply, Later::Nothing))
}

async fn list_links(config: &Config, space_id: i64) -> Result<Reply, Problem> {
    let home = Home::of_space(config, space_id).await?;
    let (spaces, links) = db::link::list_on_page(&home, space_id).await?;
    manage::must_exist(spaces.this.is_some())?;
    Ok(Reply::json(200, &Links { ok: true, links }))
}

/// Saves the link that the body describes; gives its id and its slug.
async fn save_link(
    config: &Config,
    space_id: i64,
    id: Option<i64>,
    mut incoming: Incoming,
) -> Result<(i64, String), Problem> {
    let draft = incoming.json::<link::LinkDraft>().await?;
    let link = draft.check(edge::host_of).map_err(Problem::field)?;
    let home = Home::of_space(config, space_id).await?;
    let id = manage::link::save(config, &home, space_id, id, &link).await?;
    Ok((id, link.slug))
}

/// Creates a space for a program, another one at each call.
async fn create_space(config: &Config, draft: &SpaceDraft) -> Result<Reply, Problem> {
    let created = space::create(config, draft, &manage::key::nonce()?).await?;
    let (Some(ingest_token), Some(bearer)) = (created.ingest_token, created.bearer) else {
        return Err(Problem::ROTATED_MEANWHILE);
    };
    let id = created.id;
    Ok(Reply::json(201, &CreatedSpace { ok: true, id, ingest_token, bearer }))
}

/// Lets the operator in. The right secret opens always: whoever shares an address with the operator could
/// else lock them out. One that could be guessed is not even compared where the address is limited.
async fn admit(config: &Config, incoming: &Incoming) -> Result<(), Problem> {
    let expected = config.operator_token()?;
    let is_limited = gate::is_refused(incoming);
    if is_limited && is_guessable(&expected) {
        return Err(Problem::LIMITED);
    }
    if is_same(&expected, &incoming.bearer().unwrap_or_default()) {
        return Ok(());
    }
    if is_limited {
        return Err(Problem::LIMITED);
    }
    gate::count(config, incoming).await;
    Err(Problem::UNAUTHORIZED)
}
