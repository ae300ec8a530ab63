//! Saving a destination.

use serde::{Deserialize, Serialize};

use crate::db;
use crate::db::destination::Stored;
use crate::db::space::Home;
use crate::destination::request::LEADS_BACK;
use crate::destination::{Destination, DestinationDraft, Secrets, Settings, address};
use crate::edge::config::Config;
use crate::edge::{self, seal};
use crate::error::{BadField, BadFields, Error, all};
use crate::manage::{glimpse, key};
use crate::model;
use crate::reply::Problem;

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

/// What of it a page shows once.
#[derive(Default, Serialize, Deserialize)]
pub struct Once {
    pub signing_secret: Option<String>,
    pub dropped_headers: Vec<String>,
}

/// Saves a new destination, or a changed one under its id. Secrets that the draft leaves out stay,
/// but for the headers of one at another address. `origin` is this deployment's own. `form` is what a form is known by:
/// sent twice, it makes one destination, and what its page shows once is kept under it.
pub async fn save(
    config: &Config,
    home: &Home,
    space_id: i64,
    id: Option<i64>,
    draft: DestinationDraft,
    origin: &str,
    form: Option<&str>,
) -> Result<Saved, Problem> {
    let (kept, dropped_headers) = match id {
        None => <(Secrets, Vec<String>)>::default(),
        Some(id) => {
            let (stored, settings) = find(home, space_id, id).await?;
            let secrets = seal::open_secrets(config, space_id, &stored.secrets).await?;
            settings.kept(secrets, &draft)
        }
    };
    let random = random(config, form)?;
    let destination = draft.check(kept, random, config.local).map_err(Problem::field)?;
    check_leads_on(config, &destination, origin).map_err(Problem::field)?;
    let sealed = seal::seal_secrets(config, space_id, &destination.secrets).await?;
    let once = Once { signing_secret: destination.made_secret.clone(), dropped_headers };
    // First, so that of two at the same time neither finds nothing on its page.
    if let Some(form) = form
        && (once.signing_secret.is_some() || !once.dropped_headers.is_empty())
    {
        glimpse::keep(config, home, space_id, form, &once).await?;
    }
    let id = match id {
        None => {
            let id = new_id(config, home, space_id).await?;
            let now_ms = edge::now_ms();
            db::destination::create(home, space_id, id, &destination, &sealed, form, now_ms).await?
        }
        Some(id) => {
            let changed =
                db::destination::change(home, space_id, id, &destination, &sealed).await?;
            changed.then_some(id)
        }
    };
    let id = id.ok_or(Problem::NOT_FOUND)?;
    let Once { signing_secret, dropped_headers } = once;
    Ok(Saved { ok: true, id, signing_secret, dropped_headers })
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

/// A destination of a space with its settings.
pub async fn find(
    home: &Home,
    space_id: i64,
    id: i64,
) -> Result<(Stored, Box<dyn Settings>), Problem> {
    let listed = db::destination::list(home, space_id, Some(id)).await?;
    let stored = listed.into_iter().next().ok_or(Problem::NOT_FOUND)?;
    let settings = stored.settings().ok_or(Problem::NOT_FOUND)?;
    Ok((stored, settings))
}

/// What a form is known by, however often it is sent: all that it says, its nonce among it. One without a nonce is
/// another one each time.
pub fn form_id(config: &Config, sent: &str, nonce: &str) -> Result<String, Problem> {
    if nonce.is_empty() {
        return Ok(key::nonce()?);
    }
    Ok(key::id_of(config, &["form", sent])?)
}

/// What a signing secret is made of: a form that is sent twice makes the same.
fn random(config: &Config, form: Option<&str>) -> Result<[u8; 24], Problem> {
    let Some(form) = form else { return Ok(edge::random()?) };
    // No key's body has a line break: this can never be the check part of one.
    let mac = model::key::mac(config.key_secret()?.as_bytes(), &format!("signing secret\n{form}"));
    let [made @ .., _, _, _, _, _, _, _, _] = mac.ok_or(Error::Missing("KEY_SECRET"))?;
    Ok(made)
}
