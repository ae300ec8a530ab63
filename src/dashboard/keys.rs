//! The API keys page and what its forms do.

use super::events::zone_of;
use super::{Answer, Asked, go_to, zone_around};
use crate::db;
use crate::db::space::Home;
use crate::edge;
use crate::error::{BadField, both};
use crate::manage;
use crate::model::event::EventKind;
use crate::model::key::{KeyKind, Presented};
use crate::network::{self, Macros};
use crate::page::keys::{self, Known};
use crate::reply::{Problem, Reply};
use crate::text::encode;

/// Secrets that were just made.
#[derive(Default)]
pub struct Made {
    pub ingest: Option<String>,
    pub bearer: Option<String>,
}

pub async fn page(asked: Asked<'_>) -> Result<Answer, Problem> {
    let origin = asked.incoming.origin();
    Ok(shown(&asked.home, asked.space_id, &origin, Known::default()).await?.into())
}

/// The page with secrets that nobody will see again.
pub async fn shown_once(
    home: &Home,
    space_id: i64,
    origin: &str,
    made: Made,
) -> Result<Reply, Problem> {
    let known = Known {
        token: made.ingest.as_deref(),
        bearer: made.bearer.as_deref(),
        is_new: true,
        ..Known::default()
    };
    shown(home, space_id, origin, known).await
}

/// Rotates a key. A form that is sent twice rotates once and shows its secret both times, since a
/// browser throws the first answer of a double click away; a page that is older than the last
/// rotation rotates nothing.
pub async fn rotate(mut asked: Asked<'_>, kind: KeyKind) -> Result<Answer, Problem> {
    let sent = asked.sent().await?;
    let (from, nonce) = (sent.optional("current"), sent.optional("nonce"));
    let origin = asked.incoming.origin();
    let (config, home, space_id) = (asked.config, &asked.home, asked.space_id);
    let rotated = match nonce {
        Some(nonce) => {
            manage::key::rotate(config, home, space_id, kind, from.as_deref(), &nonce).await?
        }
        None => None,
    };
    let Some(rotated) = rotated else {
        let notice = "Nothing was rotated: this page is older than the last rotation, which showed the new secret. If you lost it, rotate now.";
        let known = Known { notice, ..Known::default() };
        return Ok(shown(home, space_id, &origin, known).await?.into());
    };
    let key = Some(rotated.key);
    let made = match kind {
        KeyKind::Ingest => Made { ingest: key, ..Made::default() },
        KeyKind::Bearer => Made { bearer: key, ..Made::default() },
    };
    Ok(shown_once(home, space_id, &origin, made).await?.into())
}

pub async fn revoke(asked: Asked<'_>, kind: KeyKind) -> Result<Answer, Problem> {
    let ended = db::key::revoke_previous(&asked.home, asked.space_id, kind, edge::now_ms()).await?;
    manage::must_exist(ended)?;
    Ok(go_to(&asked.path("/keys")).into())
}

/// Fills the page's URLs with the token that the user pasted, and builds the one of a network that has
/// no pack.
pub async fn build(mut asked: Asked<'_>) -> Result<Answer, Problem> {
    let sent = asked.sent().await?;
    let origin = asked.incoming.origin();
    let typed = Macros {
        uid: sent.get("uid").to_owned(),
        eid: sent.get("eid").to_owned(),
        value: sent.get("value").to_owned(),
        currency: sent.get("currency").to_owned(),
    };
    let token = sent.optional("token");
    let is_token =
        |text: &String| Presented::read(text, KeyKind::Ingest, asked.config.local).is_some();
    let checked = match &token {
        Some(token) if !is_token(token) => {
            Err(BadField::new("token", "This is not an ingest token: those begin with xt_in_."))
        }
        _ => Ok(()),
    };
    let (macros, bad) = match both(typed.clone().check(), checked) {
        Err(bad) => (typed, Some(bad)),
        Ok((checked, ())) => (checked, None),
    };
    let event = EventKind::parse(sent.get("event")).unwrap_or(EventKind::Deposit);
    let known = Known {
        token: token.as_deref().filter(|_| bad.is_none()),
        typed: Some((&macros, event)),
        bad: bad.as_ref(),
        ..Known::default()
    };
    Ok(shown(&asked.home, asked.space_id, &origin, known).await?.into())
}

async fn shown(
    home: &Home,
    space_id: i64,
    origin: &str,
    mut known: Known<'_>,
) -> Result<Reply, Problem> {
    let (spaces, stored) = db::key::of_space(home, space_id, edge::now_ms()).await?;
    let times = stored.iter().flat_map(|key| [Some(key.created_at_ms), key.expires_at_ms]);
    let zone = zone_around(zone_of(&spaces)?, times.flatten());
    let test_id = encode::hex(&edge::random::<6>()?);
    known.test_id = &test_id;
    let nonce = manage::key::nonce()?;
    known.nonce = &nonce;
    let packs = network::packs();
    Ok(edge::shown(keys::page(&spaces, space_id, origin, &stored, &packs, &zone, &known)))
}
