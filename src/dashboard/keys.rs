//! The API keys page and what its forms do. Each form leads to the page by a redirect, so that a reload repeats nothing:
//! what is shown once goes there by a glimpse, and no key ever stands in an address.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::events::zone_of;
use super::{Answer, Asked, go_to, zone_around};
use crate::db;
use crate::db::space::Home;
use crate::edge;
use crate::edge::config::Config;
use crate::error::{BadField, BadFields, both};
use crate::manage;
use crate::manage::glimpse;
use crate::manage::key::Found;
use crate::model::event::EventKind;
use crate::model::key::{KeyKind, Presented};
use crate::model::key_name::{KeyDraft, check_name};
use crate::network::{self, Macros};
use crate::page::form::Sent;
use crate::page::key_list::{Asking, Known, Refused, typed_fields};
use crate::page::keys::{self, TOKEN};
use crate::reply::{Problem, Reply};
use crate::text::encode;

/// Whether what the page shows once is a new secret, or a token that somebody has pasted: the parameters of the address
/// that name it.
const SHOWN: &str = "shown";
const FILLED: &str = "filled";

/// Secrets for a page that shows them once, each with its key's number.
#[derive(Default, Serialize, Deserialize)]
pub struct Once {
    pub ingest: Option<(i64, String)>,
    pub bearer: Option<(i64, String)>,
    /// The section of a network that is to be open.
    #[serde(default)]
    pub open: String,
}

impl Once {
    fn of(kind: KeyKind, n: i64, key: String, open: &str) -> Self {
        let secret = Some((n, key));
        let open = open.to_owned();
        match kind {
            KeyKind::Ingest => Self { ingest: secret, bearer: None, open },
            KeyKind::Bearer => Self { ingest: None, bearer: secret, open },
        }
    }
}

/// Keeps secrets for the keys page of their space, under an id of the form that made them, and gives what the address
/// of that page says of it.
pub async fn keep_once(
    config: &Config,
    home: &Home,
    space_id: i64,
    id: &str,
    once: &Once,
) -> Result<String, Problem> {
    glimpse::keep(config, home, space_id, id, once).await?;
    Ok(format!("{SHOWN}={id}"))
}

pub async fn page(asked: Asked<'_>) -> Result<Answer, Problem> {
    let (shown, filled) = (asked.parameter(SHOWN), asked.parameter(FILLED));
    let id = if shown.is_empty() { &filled } else { &shown };
    let once: Option<Once> = glimpse::show(asked.config, &asked.home, asked.space_id, id).await?;
    let notice = match &once {
        None if !shown.is_empty() => SHOWN_ALREADY,
        None if !filled.is_empty() => NOT_KEPT,
        _ => said(&asked.parameter("said")),
    };
    let typed = typed_in_address(&asked);
    let once = once.unwrap_or_default();
    let of = |secret: &'_ Option<(i64, String)>| secret.clone();
    let (token, bearer) = (of(&once.ingest), of(&once.bearer));
    let known = Known {
        token: token.as_ref().map(|(n, key)| (*n, key.as_str())),
        bearer: bearer.as_ref().map(|(n, key)| (*n, key.as_str())),
        is_new: !shown.is_empty(),
        notice,
        open: &once.open,
        typed: typed.as_ref().map(|(macros, event)| (macros, *event)),
        ..Known::default()
    };
    show(&asked, known).await
}

const SHOWN_ALREADY: &str = "This secret was shown already, and nobody can read it again. If you do not have it, rotate its key below, or make another key: both leave the one that runs working.";

const NOT_KEPT: &str =
    "The token that you pasted is not kept. Paste it again, if you need whole URLs.";

/// What the page says of what was done.
fn said(word: &str) -> &'static str {
    match word {
        "stale" => {
            "Nothing was rotated: this page is older than the last rotation, which showed the new secret. If you lost it, rotate now."
        }
        "renamed" => "The key has its new name, also on the events that came with it.",
        "revoked" => "The previous key has ended.",
        "ended" => "The key has ended for good.",
        _ => "",
    }
}

/// What was built for another network, as the address has it.
fn typed_in_address(asked: &Asked<'_>) -> Option<(Macros, EventKind)> {
    let event = EventKind::parse(&asked.parameter("event"))?;
    let macros = Macros {
        uid: asked.parameter("uid"),
        eid: asked.parameter("eid"),
        value: asked.parameter("value"),
        currency: asked.parameter("currency"),
    };
    Some((macros.check().ok()?, event))
}

fn typed_in_form(sent: &Sent) -> Option<(Macros, EventKind)> {
    let event = EventKind::parse(sent.get("event"))?;
    let text = |name| sent.get(name).to_owned();
    let macros = Macros {
        uid: text("uid"),
        eid: text("eid"),
        value: text("value"),
        currency: text("currency"),
    };
    Some((macros, event))
}

/// The address of the page with these parameters, and what was built.
fn at(
    asked: &Asked<'_>,
    parameter: &str,
    typed: Option<(&Macros, EventKind)>,
    anchor: &str,
) -> Reply {
    let fields = typed_fields(typed).into_iter().filter(|(_, text)| !text.is_empty());
    let fields = fields
        .map(|(name, text)| format!("{name}={}", utf8_percent_encode(&text, NON_ALPHANUMERIC)));
    let query: Vec<_> =
        [parameter.to_owned()].into_iter().filter(|text| !text.is_empty()).chain(fields).collect();
    let question = if query.is_empty() { "" } else { "?" };
    go_to(&asked.path(&format!("/keys{question}{}{anchor}", query.join("&"))))
}

/// Makes another key. The same form sent twice makes one.
pub async fn make(mut asked: Asked<'_>) -> Result<Answer, Problem> {
    let sent = asked.sent().await?;
    let (open, name) = (sent.get("open").to_owned(), sent.get("name").to_owned());
    let kind = KeyKind::parse(sent.get("kind")).unwrap_or(KeyKind::Ingest);
    let nonce = sent.optional("nonce").map_or_else(manage::key::nonce, Ok)?;
    let draft = KeyDraft { kind, name: name.clone(), network: sent.optional("network") };
    let typed =
        typed_in_form(&sent).and_then(|(macros, event)| Some((macros.check().ok()?, event)));
    let typed = typed.as_ref().map(|(macros, event)| (macros, *event));
    let (config, home, space_id) = (asked.config, &asked.home, asked.space_id);
    let made = match manage::key::make(config, home, space_id, draft, &nonce).await {
        Ok(made) => made,
        Err(problem) if matches!(problem.http, 409 | 422) => {
            let bad = BadField { field: "name", reason: problem.hint };
            let refused = Some(Refused { which: Asking::Make(&open), name: &name, bad: &bad });
            return show(&asked, Known { open: &open, typed, refused, ..Known::default() }).await;
        }
        Err(problem) => return Err(problem),
    };
    let id = manage::key::id_of(config, &["made", &made.n.to_string(), &nonce])?;
    let once = Once::of(kind, made.n, made.key, &open);
    let shown = keep_once(config, home, space_id, &id, &once).await?;
    Ok(at(&asked, &shown, typed, "").into())
}

/// Rotates a key. A form that is sent twice rotates once and shows its secret both times, since a
/// browser throws the first answer of a double click away; a page that is older than the last
/// rotation rotates nothing.
pub async fn rotate(mut asked: Asked<'_>, n: i64) -> Result<Answer, Problem> {
    let sent = asked.sent().await?;
    let (from, nonce) = (sent.optional("current"), sent.optional("nonce"));
    let (config, home, space_id) = (asked.config, &asked.home, asked.space_id);
    let (spaces, keys) = db::key::of_space(home, space_id, edge::now_ms()).await?;
    zone_of(&spaces)?;
    let key = keys.iter().find(|key| key.n == n).ok_or(Problem::NOT_FOUND)?;
    let rotated = match &nonce {
        Some(nonce) => {
            let which = (n, key.kind);
            manage::key::rotate(config, home, space_id, which, from.as_deref(), nonce).await?
        }
        None => None,
    };
    let (Some(rotated), Some(nonce)) = (rotated, nonce) else {
        return Ok(at(&asked, "said=stale", None, "").into());
    };
    let words = ["rotated", &n.to_string(), from.as_deref().unwrap_or_default(), &nonce];
    let id = manage::key::id_of(config, &words)?;
    let open = key.network.as_deref().unwrap_or_default();
    let once = Once::of(key.kind, n, rotated.key, open);
    let shown = keep_once(config, home, space_id, &id, &once).await?;
    Ok(at(&asked, &shown, None, "").into())
}

pub async fn revoke(asked: Asked<'_>, n: i64) -> Result<Answer, Problem> {
    let now_ms = edge::now_ms();
    let ended = db::rotation::revoke_previous(&asked.home, asked.space_id, n, now_ms).await?;
    manage::must_exist(ended)?;
    Ok(at(&asked, "said=revoked", None, &format!("#key-{n}")).into())
}

/// Gives a key another name.
pub async fn rename(mut asked: Asked<'_>, n: i64) -> Result<Answer, Problem> {
    let sent = asked.sent().await?;
    let typed = sent.get("name");
    match check_name(typed) {
        Ok(name) => {
            let renamed = db::key_name::rename(&asked.home, asked.space_id, n, &name).await?;
            manage::must_exist(renamed)?;
            Ok(at(&asked, "said=renamed", None, &format!("#key-{n}")).into())
        }
        Err(bad) => {
            let refused = Some(Refused { which: Asking::Rename(n), name: typed, bad: &bad });
            show(&asked, Known { refused, ..Known::default() }).await
        }
    }
}

/// Ends a key for good.
pub async fn end(asked: Asked<'_>, n: i64) -> Result<Answer, Problem> {
    let ended = db::key_name::end(&asked.home, asked.space_id, n, edge::now_ms()).await?;
    manage::must_exist(ended)?;
    Ok(at(&asked, "said=ended", None, "#keys").into())
}

/// Fills the page's URLs with the token that the user pasted, if it is one of this space, and builds the one of a
/// network that has no pack.
pub async fn build(mut asked: Asked<'_>) -> Result<Answer, Problem> {
    let sent = asked.sent().await?;
    let spaces = db::space::read(&asked.home, asked.space_id).await?;
    zone_of(&spaces)?;
    let typed = typed_in_form(&sent);
    let checked = typed
        .clone()
        .map(|(macros, event)| Ok::<_, BadFields>((macros.check()?, event)))
        .transpose();
    let token = sent.optional(TOKEN);
    let pasted = match &token {
        Some(token) => pasted(&asked, token).await?.map(Some),
        None => Ok(None),
    };
    let (typed, n, bad) = match both(checked, pasted) {
        Ok((checked, n)) => (checked, n, None),
        Err(bad) => (typed, None, Some(bad)),
    };
    let typed = typed.as_ref().map(|(macros, event)| (macros, *event));
    if let Some(bad) = &bad {
        return show(&asked, Known { typed, bad: Some(bad), ..Known::default() }).await;
    }
    let mut filled = String::new();
    if let Some(ingest) = n.zip(token) {
        let id = manage::key::nonce()?;
        let once = Once { ingest: Some(ingest), ..Once::default() };
        glimpse::keep(asked.config, &asked.home, asked.space_id, &id, &once).await?;
        filled = format!("{FILLED}={id}");
    }
    let anchor = if typed.is_some() { "#another" } else { "#urls" };
    Ok(at(&asked, &filled, typed, anchor).into())
}

/// The number of the key of this space that a pasted text is the current secret of; else what it is instead. URLs
/// with another one would report elsewhere, or nowhere, and so would the test.
async fn pasted(asked: &Asked<'_>, text: &str) -> Result<Result<i64, BadField>, Problem> {
    let (config, home) = (asked.config, &asked.home);
    let read = |kind| Presented::read(text, kind, config.local);
    let (bearer, ingest) = (read(KeyKind::Bearer), read(KeyKind::Ingest));
    let refuse = |reason: String| Ok(Err(BadField { field: TOKEN, reason: reason.into() }));
    let Some(key) = ingest.as_ref().or(bearer.as_ref()) else {
        return refuse("This is not an ingest token: those begin with xt_in_.".to_owned());
    };
    let whose = match manage::key::whose(config, home, key).await? {
        Found::Of(whose) => Some(whose),
        Found::Forgotten if ingest.is_some() => return refuse(FORGOTTEN.to_owned()),
        Found::Unknown if ingest.is_some() => return refuse(UNKNOWN.to_owned()),
        Found::Forgotten | Found::Unknown => None,
    };
    let Some(whose) = whose else { return refuse(keys::a_bearer(None)) };
    let spaces = db::space::read(home, asked.space_id).await?;
    let zone = zone_around(zone_of(&spaces)?, whose.expires_at_ms.into_iter());
    let now_ms = edge::now_ms();
    match keys::why_not(&whose, key.kind(), asked.space_id, &zone, now_ms) {
        Some(reason) => refuse(reason),
        None => Ok(Ok(whose.n)),
    }
}

const FORGOTTEN: &str = "This key of this deployment ended more than 29 days ago. Paste the one that is used now, or make another.";

const UNKNOWN: &str = "No key of this deployment is this one. Check that it was copied whole.";

async fn show(asked: &Asked<'_>, known: Known<'_>) -> Result<Answer, Problem> {
    let home = &asked.home;
    let (spaces, keys) = db::key::of_space(home, asked.space_id, edge::now_ms()).await?;
    let secrets = keys.iter().flat_map(|key| &key.secrets);
    let times = secrets.flat_map(|secret| [Some(secret.created_at_ms), secret.expires_at_ms]);
    let named =
        keys.iter().flat_map(|key| [Some(key.created_at_ms), key.used_at_ms, key.ended_at_ms]);
    let zone = zone_around(zone_of(&spaces)?, times.chain(named).flatten());
    let (test_id, nonce) = (encode::hex(&edge::random::<6>()?), manage::key::nonce()?);
    let asked_for = asked.parameter("network");
    let chosen = spaces.this.as_ref().and_then(|space| space.network.as_deref());
    let open = match known.open {
        "" if known.typed.is_some() => "",
        "" if asked_for.is_empty() => chosen.unwrap_or_default(),
        "" => &asked_for,
        open => open,
    };
    let known = Known { test_id: &test_id, nonce: &nonce, open, ..known };
    let (packs, origin) = (network::packs(), asked.incoming.origin());
    Ok(keys::page(&spaces, asked.space_id, &origin, &keys, &packs, &zone, &known).into())
}
