//! The operator's API for destinations and their deliveries.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::db;
use crate::db::deliveries::ListedDelivery;
use crate::db::destination::{Stored, raw};
use crate::db::missed::Missed;
use crate::db::space::Home;
use crate::destination::outcome;
use crate::destination::{DestinationDraft, Secrets};
use crate::edge::config::Config;
use crate::edge::{self, Incoming, seal};
use crate::error::BadField;
use crate::manage::destination::{Saved, save};
use crate::manage::key::nonce;
use crate::manage::must_exist;
use crate::manage::sending::{What, send, test};
use crate::model::event::EventKind;
use crate::reply::{Problem, Reply};
use crate::upkeep::later::Later;

const NO_STATE: &str = "The state must be pending, sending, retrying, sent or failed_permanently.";

const NO_EVENT: &str = "The event must be contact, subscribed, registration or deposit.";

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
    Send { id: i64 },
    Missed { id: i64 },
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
    /// `None` where it has taken no event yet.
    healthy: Option<bool>,
    failures: i64,
    resting_until_ms: i64,
    open: i64,
    failed: i64,
    missed: Option<ShownMissed>,
}

/// What came while it was paused.
#[derive(Serialize)]
struct ShownMissed {
    events: i64,
    has_more: bool,
    over: bool,
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

#[derive(Deserialize)]
struct Testing {
    seq: Option<i64>,
    event: Option<String>,
}

#[derive(Deserialize)]
struct Sending {
    seq: i64,
    #[serde(rename = "as")]
    target: Option<String>,
}

#[derive(Deserialize)]
struct Then {
    send: bool,
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
            Reply::json(201, &save(config, home, space_id, None, draft, &origin, None).await?)
        }
        Request::Change { id } => {
            let draft: DestinationDraft = incoming.json().await?;
            let origin = incoming.origin();
            Reply::json(200, &save(config, home, space_id, Some(id), draft, &origin, None).await?)
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
        Request::Test { id } => {
            let what = tested(&incoming.text().await?)?;
            let nonce = nonce()?;
            Reply::json(200, &test(config, home, space_id, id, what, &nonce).await?)
        }
        Request::Send { id } => {
            let Sending { seq, target } = incoming.json().await?;
            let target = target.as_deref();
            let sent = send(config, home, space_id, (id, seq), target, None).await?;
            let reply = Reply::json(200, &Resent { ok: true, resent: usize::from(sent) });
            return Ok((reply, Later::Sweep));
        }
        Request::Missed { id } => {
            let reply = decide(home, space_id, id, incoming.json().await?).await?;
            return Ok((reply, Later::Sweep));
        }
    };
    Ok((reply, Later::Nothing))
}

async fn list(config: &Config, home: &Home, space_id: i64) -> Result<Reply, Problem> {
    let (spaces, listed, missed) = db::destination::on_page(home, space_id, None).await?;
    must_exist(spaces.this.is_some())?;
    let mut shown = Vec::new();
    for stored in listed {
        let secrets = seal::open_secrets(config, space_id, &stored.secrets).await;
        let missed = missed.iter().find(|missed| missed.destination_id == stored.id);
        shown.push(show(stored, &secrets.unwrap_or_default(), missed));
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
    let listed = db::deliveries::list(home, space_id, id, state).await?;
    let listed = listed.ok_or(Problem::NOT_FOUND)?;
    let deliveries = Some(listed.deliveries.into_iter().map(show_delivery).collect());
    Ok(Reply::json(200, &List::<Shown> { ok: true, destinations: None, deliveries }))
}

async fn resend(home: &Home, space_id: i64, id: i64, which: Which) -> Result<Reply, Problem> {
    if which.seq.is_none() && !which.all_failed {
        let reason = "Send the seq of one delivery, or all_failed: true.";
        return Err(Problem::field(BadField::new("seq", reason)));
    }
    let resent = db::resend::again(home, space_id, id, which.seq, None, edge::now_ms()).await?;
    let resent = resent.ok_or(Problem::NOT_FOUND)?;
    Ok(Reply::json(200, &Resent { ok: true, resent }))
}

/// What a test is made of; a body that is empty says nothing.
fn tested(body: &str) -> Result<Option<What>, Problem> {
    if body.trim().is_empty() {
        return Ok(None);
    }
    let malformed = |malformed| Problem::unreadable(format!("The JSON body: {malformed}."));
    let Testing { seq, event } = serde_json::from_str(body).map_err(malformed)?;
    match (seq, event.as_deref()) {
        (Some(seq), _) => Ok(Some(What::Event(seq))),
        (None, None) => Ok(None),
        (None, Some(word)) => match EventKind::parse(word) {
            Some(kind) => Ok(Some(What::Sample(kind))),
            None => Err(Problem::field(BadField::new("event", NO_EVENT))),
        },
    }
}

/// Sends what came during a pause, or leaves it.
async fn decide(home: &Home, space_id: i64, id: i64, then: Then) -> Result<Reply, Problem> {
    let listed = db::missed::list(home, space_id, Some(id)).await?;
    let Some(missed) = listed.first().filter(|missed| missed.is_over) else {
        must_exist(!db::destination::list(home, space_id, Some(id)).await?.is_empty())?;
        return Ok(Reply::json(200, &Resent { ok: true, resent: 0 }));
    };
    let sent = if then.send {
        db::missed::send(home, space_id, id, missed.from, edge::now_ms()).await?
    } else {
        db::missed::leave(home, space_id, id, missed.from).await?;
        0
    };
    Ok(Reply::json(200, &Resent { ok: true, resent: usize::try_from(sent).unwrap_or(0) }))
}

fn show(stored: Stored, secrets: &Secrets, missed: Option<&Missed>) -> Shown {
    Shown {
        id: stored.id,
        name: stored.name,
        enabled: stored.enabled,
        events: raw(&stored.events),
        config: raw(&stored.config),
        headers: secrets.headers.keys().cloned().collect(),
        healthy: match stored.first_sent_at_ms {
            _ if stored.failures > 0 => Some(false),
            Some(1..) => Some(true),
            _ => None,
        },
        failures: stored.failures,
        resting_until_ms: stored.rest_until_ms,
        open: stored.open,
        failed: stored.failed,
        missed: missed.map(|missed| ShownMissed {
            events: missed.events,
            has_more: missed.has_more,
            over: missed.is_over,
        }),
    }
}

fn show_delivery(listed: ListedDelivery) -> ShownDelivery {
    let ListedDelivery { seq, target, state, due_at_ms, tries, attempts } = listed;
    let attempts = attempts.as_deref().and_then(raw);
    ShownDelivery { seq, target, state, due_at_ms, tries, attempts }
}
