//! Creating a space.

use serde::Serialize;

use crate::db;
use crate::edge;
use crate::edge::config::Config;
use crate::manage::key;
use crate::model::key::KeyKind;
use crate::model::space::SpaceDraft;
use crate::reply::Problem;

/// A new space with both its secrets, which nobody can ever see again.
#[derive(Serialize)]
pub struct Created {
    pub ok: bool,
    pub id: i64,
    pub ingest_token: String,
    pub bearer: String,
}

/// Creates a space with both its secrets.
pub async fn create(config: &Config, draft: &SpaceDraft) -> Result<Created, Problem> {
    config.key_secret()?;
    let id = db::space::create(&config.db()?, draft, edge::now_ms()).await?;
    let ingest_token = first_key(config, id, KeyKind::Ingest).await?;
    let bearer = first_key(config, id, KeyKind::Bearer).await?;
    Ok(Created { ok: true, id, ingest_token, bearer })
}

/// The first key of a kind.
async fn first_key(config: &Config, space_id: i64, kind: KeyKind) -> Result<String, Problem> {
    let made = key::rotate(config, space_id, kind, None, &key::nonce()?).await?;
    Ok(made.ok_or(Problem::ROTATED_MEANWHILE)?.key)
}
