//! The operator's API for destinations and their deliveries.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::db;
use crate::db::destination::{Stored, raw};
use crate::db::space::Home;
use crate::destination::outcome;
use crate::destination::{DestinationDraft, Secrets};
use crate::edge::config::Config;
use crate::edge::{self, Incoming, seal};
use crate::error::BadField;
use crate::manage::destination::{Saved, save, test};
use crate::manage::must_exist;
use crate::reply::{Problem, Reply};
use crate::upkeep::later::Later;

const NO_STATE: &str = "The state must be pending, sending, retrying, sent or failed_permanently.";

/// What the operator asks for, of the destinations of a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    List,
    Create,
    Change { id: i64 },
    Delete { id: i64 },
    Deliveries { id: i64 },
    Resend { id: i64 },
    Test { id: i64 },
}

#[derive(Serialize)]
struct Shown {
    id: i64,
    name: String,
    enabled: bool,
    events: Option<Box<RawValue>>,
    config: Option<Box<RawValue>>,
    /// Names of its own headers; their values are secrets.
    headers: Vec<String>,
    healthy: bool,
    failures: i64,
    resting_until_ms: i64,
    open: i64,
    failed: i64,
}

#[derive(Serialize)]
struct ShownDelivery {
    seq: i64,
    target: String,
    state: String,
    due_at_ms: i64,
    tries: i64,
    attempts: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct List<T: Serialize> {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    destinations: Option<Vec<T>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deliveries: Option<Vec<ShownDelivery>>,
}

#[derive(Deserialize)]
struct Which {
    seq: Option<i64>,
    #[serde(default)]
    all_failed: bool,
}

#[derive(Serialize)]
struct Resent {
    ok: bool,
    resent: usize,
}

/// Answers, and says what is to be done after the answer.
pub async fn carry_out(
    config: &Config,
    space_id: i64,
    request: Request,
    mut incoming: Incoming,
) -> Result<(Reply, Later), Problem> {
    let home = &Home::of_space(config, space_id).await?;
    let reply = match request {
        Request::List => list(config, home, space_id).await?,
        Request::Create => {
            let draft: DestinationDraft = incoming.json().await?;
            let origin = incoming.origin();
            Reply::json(201, &save(config, home, space_id, None, draft, &origin).await?)
        }
        Request::Change { id } => {
            let draft: DestinationDraft = incoming.json().await?;
            let origin = incoming.origin();
            Reply::json(200, &save(config, home, space_id, Some(id), draft, &origin).await?)
        }
        Request::Delete { id } => {
            must_exist(db::destination::delete(home, space_id, id).await?)?;
            Reply::json(200, &Saved { ok: true, id, ..Saved::default() })
        }
        Request::Deliveries { id } => {
            deliveries(home, space_id, id, incoming.parameter("state").as_deref()).await?
        }
        Request::Resend { id } => {
            let reply = resend(home, space_id, id, incoming.json().await?).await?;
            return Ok((reply, Later::Sweep));
        }
        Request::Test { id } => Reply::json(200, &test(config, home, space_id, id).await?),
    };
    Ok((reply, Later::Nothing))
}

async fn list(config: &Config, home: &Home, space_id: i64) -> Result<Reply, Problem> {
    let (spaces, listed) = db::destination::on_page(home, space_id, None).await?;
    must_exist(spaces.this.is_some())?;
    let mut shown = Vec::new();
    for stored in listed {
        let secrets = seal::open_secrets(config, space_id, &stored.secrets).await;
        shown.push(show(stored, &secrets.unwrap_or_default()));
    }
    Ok(Reply::json(200, &List { ok: true, destinations: Some(shown), deliveries: None }))
}

/// The deliveries of one destination, of all states or of one.
async fn deliveries(
    home: &Home,
    space_id: i64,
    id: i64,
    state: Option<&str>,
) -> Result<Reply, Problem> {
    if state.is_some_and(|state| !outcome::STATES.contains(&state)) {
        return Err(Problem::field(BadField::new("state", NO_STATE)));
    }
    let listed = db::delivery::list(home, space_id, id, state).await?;
    let listed = listed.ok_or(Problem::NOT_FOUND)?;
    let deliveries = Some(listed.deliveries.into_iter().map(show_delivery).collect());
    Ok(Reply::json(200, &List::<Shown> { ok: true, destinations: None, deliveries }))
}

async fn resend(home: &Home, space_id: i64, id: i64, which: Which) -> Result<Reply, Problem> {
    if which.seq.is_none() && !which.all_failed {
        let reason = "Send the seq of one delivery, or all_failed: true.";
        return Err(Problem::field(BadField::new("seq", reason)));
    }
    let resent = db::resend::again(home, space_id, id, which.seq, edge::now_ms()).await?;
    let resent = resent.ok_or(Problem::NOT_FOUND)?;
    Ok(Reply::json(200, &Resent { ok: true, resent }))
}

fn show(stored: Stored, secrets: &Secrets) -> Shown {
    Shown {
        id: stored.id,
        name: stored.name,
        enabled: stored.enabled,
        events: raw(&stored.events),
        config: raw(&stored.config),
        headers: secrets.headers.keys().cloned().collect(),
        healthy: stored.failures == 0,
        failures: stored.failures,
        resting_until_ms: stored.rest_until_ms,
        open: stored.open,
        failed: stored.failed,
    }
}

fn show_delivery(listed: db::delivery::ListedDelivery) -> ShownDelivery {
    let db::delivery::ListedDelivery { seq, target, state, due_at_ms, tries, attempts } = listed;
    let attempts = attempts.as_deref().and_then(raw);
    ShownDelivery { seq, target, state, due_at_ms, tries, attempts }
}
