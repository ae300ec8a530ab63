//! Saving a destination, and sending it a test.

use serde::Serialize;

use crate::db;
use crate::db::destination::Stored;
use crate::db::space::Home;
use crate::destination::facts::Facts;
use crate::destination::outcome::{self, Answer, Outcome};
use crate::destination::request::{LEADS_BACK, Tested};
use crate::destination::{Destination, DestinationDraft, Secrets, Settings, address, mask};
use crate::edge::config::Config;
use crate::edge::{self, seal};
use crate::error::{BadField, BadFields, all};
use crate::model::event::EventKind;
use crate::reply::Problem;
use crate::text::encode;

/// A saved destination; the signing secret is shown when it was made, and never again.
#[derive(Default, Serialize)]
pub struct Saved {
    pub ok: bool,
    pub id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_secret: Option<String>,
    /// Names of the headers that were not taken along to another address.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dropped_headers: Vec<String>,
}

/// Saves a new destination, or a changed one under its id. Secrets that the draft leaves out stay,
/// but for the headers of one at another address. `origin` is this deployment's own.
pub async fn save(
    config: &Config,
    home: &Home,
    space_id: i64,
    id: Option<i64>,
    draft: DestinationDraft,
    origin: &str,
) -> Result<Saved, Problem> {
    let (kept, dropped_headers) = match id {
        None => <(Secrets, Vec<String>)>::default(),
        Some(id) => {
            let (stored, settings) = find(home, space_id, id).await?;
            let secrets = seal::open_secrets(config, space_id, &stored.secrets).await?;
            settings.kept(secrets, &draft)
        }
    };
    let destination = draft.check(kept, edge::random()?, config.local).map_err(Problem::field)?;
    check_leads_on(config, &destination, origin).map_err(Problem::field)?;
    let sealed = seal::seal_secrets(config, space_id, &destination.secrets).await?;
    let id = match id {
        None => {
            let id = new_id(config, home, space_id).await?;
            let now_ms = edge::now_ms();
            db::destination::create(home, space_id, id, &destination, &sealed, now_ms).await?
        }
        Some(id) => {
            let changed =
                db::destination::change(home, space_id, id, &destination, &sealed).await?;
            changed.then_some(id)
        }
    };
    let id = id.ok_or(Problem::NOT_FOUND)?;
    Ok(Saved { ok: true, id, signing_secret: destination.made_secret, dropped_headers })
}

/// Refuses what leads back to this deployment.
fn check_leads_on(
    config: &Config,
    destination: &Destination,
    origin: &str,
) -> Result<(), BadFields> {
    let refuse = |field, leads_back| {
        if leads_back { Err(BadField::new(field, LEADS_BACK)) } else { Ok(()) }
    };
    let address = destination.settings.address().map(|(field, url)| {
        refuse(field, address::is_same_server(url, origin) || config.has_own_key(url))
    });
    let headers = destination.secrets.headers.values().any(|value| config.has_own_key(value));
    all(address.into_iter().chain([refuse("headers", headers)]))
}

/// The id of a new destination of a space: where it is not in the first database, that one gives it,
/// so that no two databases give the same.
async fn new_id(config: &Config, home: &Home, space_id: i64) -> Result<Option<i64>, Problem> {
    if home.database.is_first() {
        return Ok(None);
    }
    Ok(Some(db::destination::reserve(&config.db()?, space_id).await?))
}

async fn find(home: &Home, space_id: i64, id: i64) -> Result<(Stored, Box<dyn Settings>), Problem> {
    let listed = db::destination::list(home, space_id, Some(id)).await?;
    let stored = listed.into_iter().next().ok_or(Problem::NOT_FOUND)?;
    let settings = stored.settings().ok_or(Problem::NOT_FOUND)?;
    Ok((stored, settings))
}

/// Sends the newest event of the destination, or a sample where it has none, marked as a test and
/// under an id of its own; nothing is recorded.
pub async fn test(config: &Config, home: &Home, space_id: i64, id: i64) -> Result<Tested, Problem> {
    let (stored, settings) = find(home, space_id, id).await?;
    settings.may_be_tested().map_err(Problem::field)?;
    let secrets = seal::open_secrets(config, space_id, &stored.secrets).await?;
    let now_ms = edge::now_ms();
    let latest = db::delivery::latest(home, space_id, id).await?;
    let mut facts = latest.map_or_else(|| sample(&stored, now_ms), |latest| latest.facts);
    facts.event_id = format!("test_{}", encode::hex(&edge::random::<16>()?));
    let built = settings.outgoing(&secrets, &facts, now_ms, true, config.local);
    let (answer, text, shown) = match &built {
        Ok(outgoing) if outgoing.texts().any(|text| config.has_own_key(text)) => {
            (Answer::Hopeless, LEADS_BACK.to_owned(), Some(outgoing.shown(&secrets)))
        }
        Ok(outgoing) => {
            let (answer, text) = edge::exchange(outgoing).await;
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
    let deposit = EventKind::Deposit.code();
    let names = stored.names();
    let target = names.get(deposit).map_or(deposit, String::as_str);
    Facts::sample(target.to_owned(), now_ms)
}
