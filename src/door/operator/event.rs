//! The operator's API for events: entering one by hand, and deciding what one is.

use serde::Serialize;

use crate::db::space::Home;
use crate::edge::Incoming;
use crate::edge::config::Config;
use crate::manage::decision::{self, Decided};
use crate::manage::entry::{self, Entered};
use crate::manage::key;
use crate::reply::{Problem, Reply};
use crate::text::pairs;
use crate::upkeep::later::Later;

#[derive(Serialize)]
struct Answer {
    ok: bool,
    /// What `POST /events` would say.
    status: &'static str,
    seq: i64,
}

#[derive(Serialize)]
struct DecidedAnswer {
    ok: bool,
    n: i64,
    already: bool,
}

/// Enters an event that the body describes as one of `POST /events`; `id` is the call's own.
pub async fn enter(
    config: &Config,
    space_id: i64,
    mut incoming: Incoming,
) -> Result<(Reply, Later), Problem> {
    let home = Home::of_space(config, space_id).await?;
    let received = incoming.received_json().await;
    let id = own_id(&received.query)?;
    let Entered { seq, is_own } = entry::enter(&home, space_id, &received, &id).await?;
    let status = if is_own { "queued" } else { "duplicate" };
    let later = Later::Deliver { database: home.database, space_id, seq };
    let later = if is_own { later } else { Later::Nothing };
    Ok((Reply::json(200, &Answer { ok: true, status, seq }), later))
}

/// The id that a call says it has, whatever it is; one of ours where it says none.
fn own_id(query: &str) -> Result<String, Problem> {
    let pairs = pairs::pairs(query);
    let id = pairs.into_iter().find(|(name, id)| name == "id" && !id.is_empty());
    match id {
        Some((_, id)) => Ok(id),
        None => Ok(key::nonce()?),
    }
}

/// Decides about an event.
pub async fn decide(
    config: &Config,
    space_id: i64,
    seq: i64,
    mut incoming: Incoming,
) -> Result<(Reply, Later), Problem> {
    let wanted = incoming.json().await?;
    let home = Home::of_space(config, space_id).await?;
    let decided = decision::decide(&home, space_id, seq, wanted).await?;
    let Decided { n, already, may_send } = decided;
    let later = if may_send { Later::Sweep } else { Later::Nothing };
    Ok((Reply::json(200, &DecidedAnswer { ok: true, n, already }), later))
}
