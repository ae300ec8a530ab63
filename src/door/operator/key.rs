//! The operator's API for a space's keys (docs/api.md, Spaces and keys).

use serde::{Deserialize, Serialize};

use crate::db;
use crate::db::key::Named;
use crate::db::space::Home;
use crate::edge::config::Config;
use crate::edge::{self, Incoming};
use crate::manage::{self, key};
use crate::model::key::KeyKind;
use crate::model::key_name::{State, Which, check_name};
use crate::reply::{Problem, Reply};

const NONE_LIVES: &str =
    "The space has no key of this kind that has not ended. Make one by POST …/keys.";

/// What the operator asks of a space's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    List,
    Make,
    Rotate { which: Which },
    RevokePrevious { which: Which },
    Rename { which: Which },
    End { which: Which },
}

#[derive(Serialize)]
struct Keys {
    ok: bool,
    keys: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    n: i64,
    kind: KeyKind,
    name: String,
    network: Option<String>,
    state: State,
    created_at_ms: i64,
    used_at_ms: Option<i64>,
    ended_at_ms: Option<i64>,
    previous_valid_until_ms: Option<i64>,
}

#[derive(Serialize)]
struct Made {
    ok: bool,
    n: i64,
    key: String,
}

#[derive(Serialize)]
struct Rotated {
    ok: bool,
    n: i64,
    key: String,
    previous_valid_until_ms: i64,
}

#[derive(Serialize)]
struct Done {
    ok: bool,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

/// Does what the operator asks.
pub async fn carry_out(
    config: &Config,
    space_id: i64,
    request: Request,
    mut incoming: Incoming,
) -> Result<Reply, Problem> {
    let home = Home::of_space(config, space_id).await?;
    let done = Reply::json(200, &Done { ok: true });
    match request {
        Request::List => list(&home, space_id).await,
        Request::Make => {
            let draft = incoming.json().await?;
            let nonce = key::nonce()?;
            let key::Made { n, key } = key::make(config, &home, space_id, draft, &nonce).await?;
            Ok(Reply::json(201, &Made { ok: true, n, key }))
        }
        Request::Rotate { which } => rotate(config, &home, space_id, which).await,
        Request::RevokePrevious { which } => {
            let (n, _, _) = found(&home, space_id, which).await?;
            let now_ms = edge::now_ms();
            let revoked = db::rotation::revoke_previous(&home, space_id, n, now_ms).await?;
            manage::must_exist(revoked).map(|()| done)
        }
        Request::Rename { which } => {
            let name = incoming.json::<Name>().await?.name;
            let name = check_name(&name).map_err(Problem::field)?;
            let (n, _, _) = found(&home, space_id, which).await?;
            let renamed = db::key_name::rename(&home, space_id, n, &name).await?;
            manage::must_exist(renamed).map(|()| done)
        }
        Request::End { which } => {
            let (n, _, _) = found(&home, space_id, which).await?;
            let ended = db::key_name::end(&home, space_id, n, edge::now_ms()).await?;
            manage::must_exist(ended).map(|()| done)
        }
    }
}

async fn list(home: &Home, space_id: i64) -> Result<Reply, Problem> {
    let (spaces, keys) = db::key::of_space(home, space_id, edge::now_ms()).await?;
    manage::must_exist(spaces.this.is_some())?;
    let listed = |key: Named| Listed {
        state: key.state(),
        previous_valid_until_ms: key.previous_until_ms(),
        n: key.n,
        kind: key.kind,
        name: key.name,
        network: key.network,
        created_at_ms: key.created_at_ms,
        used_at_ms: key.used_at_ms,
        ended_at_ms: key.ended_at_ms,
    };
    Ok(Reply::json(200, &Keys { ok: true, keys: keys.into_iter().map(listed).collect() }))
}

/// Rotates a key for a program. Of two at the same moment one is told to look again: it would else
/// end the secret that the other one was just given.
async fn rotate(
    config: &Config,
    home: &Home,
    space_id: i64,
    which: Which,
) -> Result<Reply, Problem> {
    let (n, kind, from) = found(home, space_id, which).await?;
    let nonce = key::nonce()?;
    let rotated = key::rotate(config, home, space_id, (n, kind), from.as_deref(), &nonce).await?;
    let key::Rotated { key, previous_valid_until_ms } =
        rotated.ok_or(Problem::ROTATED_MEANWHILE)?;
    Ok(Reply::json(200, &Rotated { ok: true, n, key, previous_valid_until_ms }))
}

/// A key's number, kind and the hash of its current secret. A space that has never had one of a kind is to have its
/// first.
async fn found(
    home: &Home,
    space_id: i64,
    which: Which,
) -> Result<(i64, KeyKind, Option<String>), Problem> {
    let (spaces, keys) = db::key::of_space(home, space_id, edge::now_ms()).await?;
    spaces.this.ok_or(Problem::NOT_FOUND)?;
    if let Some(key) = key::find(&keys, which) {
        return Ok((key.n, key.kind, key.current().map(|secret| secret.hash.clone())));
    }
    match which {
        Which::Number(_) => Err(Problem::NOT_FOUND),
        Which::Kind(kind) if keys.iter().any(|key| key.kind == kind) => {
            Err(Problem::impossible(NONE_LIVES))
        }
        Which::Kind(kind) => Ok((key::first(kind), kind, None)),
    }
}
