//! The operator's API for destinations and their deliveries.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::db;
use crate::db::destination::{Stored, raw};
use crate::destination::facts::Facts;
use crate::destination::outcome::{self, Answer, Outcome};
use crate::destination::request::Tested;
use crate::destination::{Draft, Secrets, Settings, address, mask};
use crate::edge::config::Config;
use crate::edge::{self, Incoming, seal};
use crate::error::BadField;
use crate::manage::must_exist;
use crate::model::event::Canonical;
use crate::reply::{Problem, Reply};
use crate::text::encode;
use crate::upkeep::later::Later;

const NO_STATE: &str = "The state is pending, sending, retrying, sent or failed_permanently.";

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

/// A saved destination; the signing secret is shown when it was made, and never again.
#[derive(Default, Serialize)]
pub struct Saved {
    ok: bool,
    pub id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_secret: Option<String>,
    /// Names of the headers that were not taken along to another address.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dropped_headers: Vec<String>,
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
    let db = config.db()?;
    let reply = match request {
        Request::List => list(config, space_id).await?,
        Request::Create => {
            let draft: Draft = incoming.json().await?;
            Reply::json(201, &save(config, space_id, None, draft, &incoming.origin()).await?)
        }
        Request::Change { id } => {
            let draft: Draft = incoming.json().await?;
            Reply::json(200, &save(config, space_id, Some(id), draft, &incoming.origin()).await?)
        }
        Request::Delete { id } => {
            must_exist(db::destination::delete(&db, space_id, id).await?)?;
            Reply::json(200, &Saved { ok: true, id, ..Saved::default() })
        }
        Request::Deliveries { id } => {
            let state = incoming.parameter("state");
            if state.as_deref().is_some_and(|state| !outcome::STATES.contains(&state)) {
                return Err(Problem::field(BadField::new("state", NO_STATE)));
            }
            let listed = db::delivery::list(&db, space_id, id, state.as_deref()).await?;
            let listed = listed.ok_or(Problem::NOT_FOUND)?;
            let deliveries = Some(listed.deliveries.into_iter().map(show_delivery).collect());
            Reply::json(200, &List::<Shown> { ok: true, destinations: None, deliveries })
        }
        Request::Resend { id } => {
            let which: Which = incoming.json().await?;
            if which.seq.is_none() && !which.all_failed {
                let reason = "Send the seq of one delivery, or all_failed: true.";
                return Err(Problem::field(BadField::new("seq", reason)));
            }
            let resent = db::resend::again(&db, space_id, id, which.seq, edge::now_ms()).await?;
            let resent = resent.ok_or(Problem::NOT_FOUND)?;
            return Ok((Reply::json(200, &Resent { ok: true, resent }), Later::Sweep));
        }
        Request::Test { id } => Reply::json(200, &test(config, space_id, id).await?),
    };
    Ok((reply, Later::Nothing))
}

async fn list(config: &Config, space_id: i64) -> Result<Reply, Problem> {
    let (spaces, listed) = db::destination::on_page(&config.db()?, space_id, None).await?;
    must_exist(spaces.this.is_some())?;
    let mut shown = Vec::new();
    for stored in listed {
        let secrets = seal::open_secrets(config, space_id, &stored.secrets).await;
        shown.push(show(stored, &secrets.unwrap_or_default()));
    }
    Ok(Reply::json(200, &List { ok: true, destinations: Some(shown), deliveries: None }))
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

fn show_delivery(listed: db::delivery::Listed) -> ShownDelivery {
    let db::delivery::Listed { seq, target, state, due_at_ms, tries, attempts } = listed;
    let attempts = attempts.as_deref().and_then(raw);
    ShownDelivery { seq, target, state, due_at_ms, tries, attempts }
}

/// Saves a new destination, or a changed one under its id. Secrets that the draft leaves out stay,
/// but for the headers of one at another address. `origin` is this deployment's own.
pub async fn save(
    config: &Config,
    space_id: i64,
    id: Option<i64>,
    draft: Draft,
    origin: &str,
) -> Result<Saved, Problem> {
    let (kept, dropped_headers) = match id {
        None => <(Secrets, Vec<String>)>::default(),
        Some(id) => {
            let (stored, settings) = find(config, space_id, id).await?;
            let secrets = seal::open_secrets(config, space_id, &stored.secrets).await?;
            settings.kept(secrets, &draft)
        }
    };
    let destination = draft.check(kept, edge::random()?, config.local).map_err(Problem::field)?;
    if let Some((field, url)) = destination.settings.address()
        && address::is_same_server(url, origin)
    {
        let reason = "This is this deployment's own address: its events would come back as new ones, forever.";
        return Err(Problem::field(BadField::new(field, reason)));
    }
    let sealed = seal::seal_secrets(config, space_id, &destination.secrets).await?;
    let db = config.db()?;
    let id = match id {
        None => {
            let now_ms = edge::now_ms();
            db::destination::create(&db, space_id, &destination, &sealed, now_ms).await?
        }
        Some(id) => {
            let changed = db::destination::change(&db, space_id, id, &destination, &sealed).await?;
            changed.then_some(id)
        }
    };
    let id = id.ok_or(Problem::NOT_FOUND)?;
    Ok(Saved { ok: true, id, signing_secret: destination.made_secret, dropped_headers })
}

async fn find(
    config: &Config,
    space_id: i64,
    id: i64,
) -> Result<(Stored, Box<dyn Settings>), Problem> {
    let listed = db::destination::list(&config.db()?, space_id, Some(id)).await?;
    let stored = listed.into_iter().next().ok_or(Problem::NOT_FOUND)?;
    let settings = stored.settings().ok_or(Problem::NOT_FOUND)?;
    Ok((stored, settings))
}

/// Sends the newest event of the destination, or a sample where it has none, marked as a test and
/// under an id of its own; nothing is recorded.
pub async fn test(config: &Config, space_id: i64, id: i64) -> Result<Tested, Problem> {
    let (stored, settings) = find(config, space_id, id).await?;
    settings.may_be_tested().map_err(Problem::field)?;
    let secrets = seal::open_secrets(config, space_id, &stored.secrets).await?;
    let now_ms = edge::now_ms();
    let latest = db::delivery::latest(&config.db()?, space_id, id).await?;
    let mut facts = latest.map_or_else(|| sample(&stored, now_ms), |latest| latest.facts);
    facts.event_id = format!("test_{}", encode::hex(&edge::random::<16>()?));
    let built = settings.outgoing(&secrets, &facts, now_ms, true, config.local);
    let (answer, text, shown) = match &built {
        Ok(outgoing) => {
            let marked = outgoing.clone().marked(&config.mark());
            let (answer, text) = edge::exchange(&marked).await;
            (answer, text, Some(outgoing.shown(&secrets)))
        }
        Err(reason) => (Answer::Hopeless, (*reason).to_owned(), None),
    };
    let outcome = outcome::judge(&answer, settings.success());
    Ok(Tested {
        ok: outcome == Outcome::Sent,
        outcome,
        request: shown,
        status: if let Answer::Status { status, .. } = answer { Some(status) } else { None },
        answer: mask::answer(&text, &secrets),
    })
}

/// A deposit that nobody made, under the destination's own name for it.
fn sample(stored: &Stored, now_ms: i64) -> Facts {
    let deposit = Canonical::Deposit.code();
    let names = stored.names();
    let target = names.get(deposit).map_or(deposit, String::as_str);
    Facts::sample(target.to_owned(), now_ms)
}
