//! The operator's API under `/api`: spaces, their keys and their links. Guarded by `OPERATOR_TOKEN`, and closed
//! where that is not set.

pub mod destination;
pub mod key;
pub mod openapi;

use serde::Serialize;

use crate::db;
use crate::db::link::Changed;
use crate::door::gate;
use crate::edge::config::Config;
use crate::edge::{self, Incoming};
use crate::error::BadField;
use crate::model::key::{Kind, is_guessable, is_same};
use crate::model::link;
use crate::model::space::Draft;
use crate::reply::{Problem, Reply};
use crate::upkeep::later::Later;

const SLUG_TAKEN: BadField =
    BadField::new("slug", "Another link has this slug. Choose another one.");

/// What the operator asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    ListSpaces,
    CreateSpace,
    RotateKey { space_id: i64, kind: Kind },
    RevokePreviousKey { space_id: i64, kind: Kind },
    ListLinks { space_id: i64 },
    CreateLink { space_id: i64 },
    ChangeLink { space_id: i64, link_id: i64 },
    Destinations { space_id: i64, request: destination::Request },
}

#[derive(Serialize)]
struct Spaces {
    ok: bool,
    spaces: Vec<db::space::Listed>,
}

/// A new space with both its secrets, which nobody can ever see again.
#[derive(Serialize)]
pub struct Created {
    ok: bool,
    pub id: i64,
    pub ingest_token: String,
    pub bearer: String,
}

#[derive(Serialize)]
struct Links {
    ok: bool,
    links: Vec<db::link::Listed>,
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
    let db = config.db()?;
    let reply = match request {
        Request::Destinations { space_id, request } => {
            return destination::carry_out(config, space_id, request, incoming).await;
        }
        Request::ListSpaces => {
            Reply::json(200, &Spaces { ok: true, spaces: db::space::list(&db).await? })
        }
        Request::CreateSpace => {
            let draft: Draft = incoming.json().await?;
            let draft = draft.check(edge::is_time_zone).map_err(Problem::field)?;
            Reply::json(201, &create_space(config, &draft).await?)
        }
        Request::RotateKey { space_id, kind } => key::answer(config, space_id, kind).await?,
        Request::ListLinks { space_id } => {
            let (spaces, links) = db::link::list_on_page(&db, space_id).await?;
            must_exist(spaces.this.is_some())?;
            Reply::json(200, &Links { ok: true, links })
        }
        Request::CreateLink { space_id } => {
            let draft = incoming
                .json::<link::Draft>()
                .await?
                .check(edge::host_of)
                .map_err(Problem::field)?;
            let id = save_link(config, space_id, None, &draft).await?;
            Reply::json(201, &CreatedLink { ok: true, id, path: format!("/l/{}", draft.slug) })
        }
        Request::ChangeLink { space_id, link_id } => {
            let draft = incoming
                .json::<link::Draft>()
                .await?
                .check(edge::host_of)
                .map_err(Problem::field)?;
            save_link(config, space_id, Some(link_id), &draft).await?;
            Reply::json(200, &Done { ok: true })
        }
        Request::RevokePreviousKey { space_id, kind } => {
            must_exist(db::key::revoke_previous(&db, space_id, kind, edge::now_ms()).await?)?;
            Reply::json(200, &Done { ok: true })
        }
    };
    Ok((reply, Later::Nothing))
}

/// Nothing can be done to what is not there, or is another space's.
pub fn must_exist(exists: bool) -> Result<(), Problem> {
    if exists { Ok(()) } else { Err(Problem::NOT_FOUND) }
}

/// Creates a space with both its secrets.
pub async fn create_space(config: &Config, draft: &Draft) -> Result<Created, Problem> {
    config.key_secret()?;
    let id = db::space::create(&config.db()?, draft, edge::now_ms()).await?;
    let ingest_token = first_key(config, id, Kind::Ingest).await?;
    let bearer = first_key(config, id, Kind::Bearer).await?;
    Ok(Created { ok: true, id, ingest_token, bearer })
}

/// Saves a new link, or a changed one under its id, and gives its id.
pub async fn save_link(
    config: &Config,
    space_id: i64,
    id: Option<i64>,
    draft: &link::Draft,
) -> Result<i64, Problem> {
    let db = config.db()?;
    let Some(id) = id else {
        must_exist(db::space::exists(&db, space_id).await?)?;
        let id = db::link::create(&db, space_id, draft, edge::now_ms()).await?;
        return id.ok_or(Problem::field(SLUG_TAKEN));
    };
    match db::link::change(&db, space_id, id, draft).await? {
        Changed::Done => Ok(id),
        Changed::SlugTaken => Err(Problem::field(SLUG_TAKEN)),
        Changed::NoSuchLink => Err(Problem::NOT_FOUND),
    }
}

/// The first key of a kind.
async fn first_key(config: &Config, space_id: i64, kind: Kind) -> Result<String, Problem> {
    let made = key::rotate(config, space_id, kind, None, &key::nonce()?).await?;
    Ok(made.ok_or(Problem::ROTATED_MEANWHILE)?.key)
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
