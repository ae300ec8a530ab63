//! Try a URL. It is sent as a form: in an address its token would be kept by browsers and logs. Nothing is written.

use super::events::zone_of;
use super::{Answer, Asked, zone_around};
use crate::db;
use crate::db::dry_run::Of;
use crate::edge;
use crate::error::{BadField, BadFields, Error};
use crate::manage;
use crate::manage::key::Found;
use crate::model::event::Arrival;
use crate::model::key::{KeyKind, Presented};
use crate::model::note::Field;
use crate::network::checked::{self, Slot};
use crate::network::{self, Pack};
use crate::page;
use crate::page::try_url::{NETWORK, Token, Tried, URL};
use crate::postback::macros::is_unresolved;
use crate::postback::pasted::{self, Pasted};
use crate::postback::receipt::{self as reader, Parameter, Recorded};
use crate::receipt;
use crate::reply::Problem;

/// Placeholders of a token that pages of ours show.
const PLACEHOLDERS: [&str; 2] = ["YOUR_TOKEN", "…"];

/// The form.
pub async fn form(asked: Asked<'_>) -> Result<Answer, Problem> {
    empty(&asked, None, None).await
}

async fn empty(
    asked: &Asked<'_>,
    chosen: Option<&str>,
    bad: Option<&BadFields>,
) -> Result<Answer, Problem> {
    let spaces = db::space::read(&asked.home, asked.space_id).await?;
    let zone = zone_around(zone_of(&spaces)?, [].into_iter());
    let packs = network::packs();
    let network = spaces.this.as_ref().and_then(|space| space.network.clone()).unwrap_or_default();
    let typed = ("", chosen.unwrap_or(&network));
    Ok(page::try_url::page(&spaces, asked.space_id, &packs, typed, None, bad, &zone).into())
}

/// What would become of what was pasted.
pub async fn tried(mut asked: Asked<'_>) -> Result<Answer, Problem> {
    let sent = asked.sent().await?;
    let Some(text) = sent.optional(URL) else {
        let bad = BadField::new(URL, "Paste a URL, or what stands behind its ?.");
        return empty(&asked, Some(sent.get(NETWORK)), Some(&bad.into())).await;
    };
    let chosen = sent.get(NETWORK);
    let pasted = pasted::read(&text);
    let now_ms = edge::now_ms();
    let mut recorded = reader::read(&pasted.received, now_ms, &[]);
    let token = pasted.token.as_ref().or(recorded.token.as_ref());
    let token = token_of(&asked, token.map(String::as_str), now_ms).await?;
    let packs = network::packs();
    let template = template_of(&packs, chosen, &recorded.parameters);
    let mut foreseen = foresee(&asked, &recorded, now_ms).await?;
    if !foreseen.rules.is_empty() {
        recorded = reader::read(&pasted.received, now_ms, &foreseen.rules);
        foreseen = foresee(&asked, &recorded, now_ms).await?;
    }
    let raw = recorded.raw.clone();
    let receipt = receipt::foreseen(recorded, foreseen, now_ms);
    let spaces = db::space::read(&asked.home, asked.space_id).await?;
    let ends = match &token {
        Token::Previous(ms) | Token::Ended(ms) => Some(*ms),
        _ => None,
    };
    let event = receipt.decision.event.iter();
    let times = event.flat_map(|event| [event.occurred_at_ms, event.received_at_ms]).chain(ends);
    let zone = zone_around(zone_of(&spaces)?, times);
    let warnings = warnings(&pasted, &asked.incoming.origin());
    let tried = Tried { receipt: &receipt, token, warnings, template };
    let typed = (raw.as_str(), chosen);
    let page =
        page::try_url::page(&spaces, asked.space_id, &packs, typed, Some(tried), None, &zone);
    Ok(page.into())
}

/// Asks for this space, whatever the key: nothing of the arrival but its time counts.
async fn foresee(
    asked: &Asked<'_>,
    recorded: &Recorded,
    now_ms: i64,
) -> Result<db::dry_run::Foreseen, Problem> {
    let arrival = Arrival {
        key_hash: String::new(),
        key_kind: KeyKind::Ingest,
        received_at_ms: now_ms,
        receipt: String::new(),
        database: asked.home.database,
        rules: None,
    };
    let report = recorded.verdict.as_ref().ok().map(|report| (report, recorded.raw.as_str()));
    let of = Of::Space(asked.space_id, &arrival);
    let (foreseen, _cost) = db::dry_run::foresee(&asked.home, &of, report).await?;
    foreseen.ok_or(Problem::NOT_FOUND)
}

/// Whose a token is, by its hash.
async fn token_of(asked: &Asked<'_>, token: Option<&str>, now_ms: i64) -> Result<Token, Error> {
    let Some(text) = token else { return Ok(Token::Missing) };
    if PLACEHOLDERS.contains(&text) || is_unresolved(text) {
        return Ok(Token::Placeholder);
    }
    let config = asked.config;
    if Presented::read(text, KeyKind::Bearer, config.local).is_some() {
        return Ok(Token::Bearer);
    }
    let Some(key) = Presented::read(text, KeyKind::Ingest, config.local) else {
        return Ok(Token::NotOne);
    };
    let known = match manage::key::whose(config, &asked.home, &key).await? {
        Found::Of(known) => known,
        Found::Forgotten => return Ok(Token::Revoked),
        Found::Unknown => return Ok(Token::Unknown),
    };
    Ok(match known.expires_at_ms {
        _ if known.space_id != asked.space_id => Token::Others(known.space_name),
        None => Token::Current,
        Some(until_ms) if until_ms > now_ms => Token::Previous(until_ms),
        Some(at_ms) => Token::Ended(at_ms),
    })
}

/// What its macros are, where any is left in it.
fn template_of(packs: &[Pack], chosen: &str, parameters: &[Parameter]) -> Option<checked::Checked> {
    let slot = |one: &Parameter| Slot::new(&one.name, Field::named(one.read_as), &one.received);
    let slots: Vec<Slot> = parameters.iter().map(slot).collect();
    let has_macro = slots.iter().any(|slot| slot.has_macro() || is_unresolved(&slot.name));
    has_macro.then(|| checked::check(packs, Some(chosen).filter(|name| !name.is_empty()), &slots))
}

fn warnings(pasted: &Pasted, origin: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    let ours = origin.split_once("://").map_or(origin, |(_, host)| host);
    if let Some(host) = pasted.host.as_ref().filter(|host| !host.eq_ignore_ascii_case(ours)) {
        warnings.push(format!("It calls {host}. This deployment is at {ours}."));
    }
    if pasted.is_elsewhere {
        warnings.push(format!("Its address is none of postbacks: those go to {origin}/e."));
    }
    warnings
}
