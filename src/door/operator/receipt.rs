//! The operator's API for what is on record: the receipt of an event, and of what was refused.

use serde::Serialize;

use crate::db;
use crate::db::space::Home;
use crate::edge::config::Config;
use crate::receipt::{Receipt, of_event, of_refused};
use crate::reply::{Problem, Reply};

#[derive(Serialize)]
struct Answer {
    ok: bool,
    receipt: Receipt,
}

/// The receipt of an event, by its number.
pub async fn event(config: &Config, space_id: i64, seq: i64) -> Result<Reply, Problem> {
    let home = Home::of_space(config, space_id).await?;
    let (_, whole) = db::feed::whole(&home, space_id, seq).await?;
    let receipt = of_event(&whole.ok_or(Problem::NOT_FOUND)?);
    Ok(Reply::json(200, &Answer { ok: true, receipt }))
}

/// The receipt of a refused postback, by its number.
pub async fn refused(config: &Config, space_id: i64, seq: i64) -> Result<Reply, Problem> {
    let home = Home::of_space(config, space_id).await?;
    let (_, refused) = db::refused::one(&home, space_id, seq).await?;
    let receipt = of_refused(&refused.ok_or(Problem::NOT_FOUND)?);
    Ok(Reply::json(200, &Answer { ok: true, receipt }))
}
