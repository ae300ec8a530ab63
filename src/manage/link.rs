//! Saving a link.

use crate::db;
use crate::db::link::Changed;
use crate::edge;
use crate::edge::config::Config;
use crate::error::BadField;
use crate::manage::must_exist;
use crate::model::link::LinkDraft;
use crate::reply::Problem;

const SLUG_TAKEN: BadField =
    BadField::new("slug", "Another link already has this slug. Choose a different one.");

/// Saves a new link, or a changed one under its id, and gives its id.
pub async fn save(
    config: &Config,
    space_id: i64,
    id: Option<i64>,
    draft: &LinkDraft,
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
