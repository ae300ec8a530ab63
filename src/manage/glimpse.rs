//! What is shown once (docs/dashboard.md, Shown once): a form makes a secret and leads to a page by a redirect, so that
//! reloading the page makes nothing again. The page shows the secret at its first call, and at one reload.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::db;
use crate::db::glimpse::Glimpse;
use crate::db::space::Home;
use crate::edge;
use crate::edge::config::Config;
use crate::edge::seal;
use crate::error::Error;
use crate::reply::Problem;

/// The page, and one reload of it.
const SHOWS: i64 = 2;

/// What is no secret may be looked at more often.
const OPEN_SHOWS: i64 = 1_000;

/// Longer than any redirect takes, with time for a reload.
const KEPT_MS: i64 = 10 * 60 * 1000;

/// Keeps something for the page that shows it. `id` is a nonce of the form: sent twice, it keeps the first.
pub async fn keep<T: Serialize>(
    config: &Config,
    home: &Home,
    space_id: i64,
    id: &str,
    what: &T,
) -> Result<(), Problem> {
    let sealed = sealed(config, space_id, what).await?;
    let ends_at_ms = edge::now_ms() + KEPT_MS;
    let glimpse = Glimpse { id, space_id, sealed: &sealed, shows: SHOWS, ends_at_ms };
    db::glimpse::keep(home, &glimpse).await?;
    Ok(())
}

/// Begins what a form does once, however often it is sent; false where it has begun already.
pub async fn begin(home: &Home, space_id: i64, id: &str) -> Result<bool, Problem> {
    let ends_at_ms = edge::now_ms() + KEPT_MS;
    let glimpse = Glimpse { id, space_id, sealed: "", shows: OPEN_SHOWS, ends_at_ms };
    Ok(db::glimpse::keep(home, &glimpse).await?)
}

/// Keeps what came of it for its page, which may be reloaded.
pub async fn finish<T: Serialize>(
    config: &Config,
    home: &Home,
    space_id: i64,
    id: &str,
    what: &T,
) -> Result<(), Problem> {
    let sealed = sealed(config, space_id, what).await?;
    Ok(db::glimpse::finish(home, space_id, id, &sealed).await?)
}

async fn sealed<T: Serialize>(config: &Config, space_id: i64, what: &T) -> Result<String, Error> {
    let plain = serde_json::to_vec(what).unwrap_or_default();
    seal::seal_glimpse(config, space_id, &plain).await
}

/// Waits until what was begun is finished, for so many seconds at most.
pub async fn wait(home: &Home, space_id: i64, id: &str, most_s: u32) -> Result<(), Problem> {
    for _ in 0..most_s {
        if db::glimpse::is_finished(home, space_id, id).await? {
            break;
        }
        edge::pause(1_000).await;
    }
    Ok(())
}

/// What was kept under an id, for the first call of its page and one reload; `None` from then on.
pub async fn show<T: DeserializeOwned>(
    config: &Config,
    home: &Home,
    space_id: i64,
    id: &str,
) -> Result<Option<T>, Problem> {
    if id.is_empty() {
        return Ok(None);
    }
    let Some(sealed) = db::glimpse::show(home, space_id, id, edge::now_ms()).await? else {
        return Ok(None);
    };
    let plain = seal::open_glimpse(config, space_id, &sealed).await?;
    Ok(Some(serde_json::from_slice(&plain).map_err(|_broken| Error::Sealed)?))
}
