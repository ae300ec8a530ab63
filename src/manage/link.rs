//! Saving a link.
//!
//! A landing's address is looked for in the first database. For a link of another one that keeps the slug
//! and nothing else: what a link is stands in its space's own database. So whatever breaks off, no slug
//! leads to a link that is not there, and saving again finishes what was begun.

use crate::db;
use crate::db::link::Changed;
use crate::db::space::Home;
use crate::edge;
use crate::edge::config::Config;
use crate::error::BadField;
use crate::manage::{health, must_exist};
use crate::model::link::LinkDraft;
use crate::reply::Problem;

const SLUG_TAKEN: BadField =
    BadField::new("slug", "Another link already has this address. Choose a different one.");

/// Saves a new link, or a changed one under its id, and gives its id.
pub async fn save(
    config: &Config,
    home: &Home,
    space_id: i64,
    id: Option<i64>,
    draft: &LinkDraft,
) -> Result<i64, Problem> {
    if let Some(slug) = &draft.network {
        health::check_network(slug)?;
    }
    let id = match id {
        None => create(config, home, space_id, draft).await?,
        Some(id) => change(config, home, space_id, id, draft).await?.then_some(id),
    };
    id.ok_or(Problem::field(SLUG_TAKEN))
}

/// The new link's id; `None` where its slug is taken.
async fn create(
    config: &Config,
    home: &Home,
    space_id: i64,
    draft: &LinkDraft,
) -> Result<Option<i64>, Problem> {
    must_exist(db::space::exists(home, space_id).await?)?;
    let id = if home.database.is_first() {
        None
    } else {
        let reserved = db::link::reserve(&config.db()?, space_id, &draft.slug).await?;
        if reserved.is_none() {
            return Ok(None);
        }
        reserved
    };
    Ok(db::link::create(home, space_id, id, draft, edge::now_ms()).await?)
}

/// False where the slug is taken.
async fn change(
    config: &Config,
    home: &Home,
    space_id: i64,
    id: i64,
    draft: &LinkDraft,
) -> Result<bool, Problem> {
    let first = if home.database.is_first() { None } else { Some(config.db()?) };
    if let Some(first) = &first {
        must_exist(db::link::exists(home, space_id, id).await?)?;
        if !db::link::reserve_for(first, space_id, &draft.slug, id).await? {
            return Ok(false);
        }
    }
    match db::link::change(home, space_id, id, draft, edge::now_ms()).await? {
        Changed::Done => {}
        Changed::SlugTaken => return Ok(false),
        Changed::NoSuchLink => return Err(Problem::NOT_FOUND),
    }
    if let Some(first) = &first {
        db::link::release_others(first, space_id, &draft.slug, id).await?;
    }
    Ok(true)
}
