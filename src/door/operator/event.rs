//! The operator's API for events: deciding what one is.

use serde::Serialize;

use crate::db::space::Home;
use crate::edge::Incoming;
use crate::edge::config::Config;
use crate::manage::decision::{self, Decided};
use crate::reply::{Problem, Reply};
use crate::upkeep::later::Later;

#[derive(Serialize)]
struct DecidedAnswer {
    ok: bool,
    n: i64,
    already: bool,
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
