//! The bot's side: `/bind` and `POST /clicks` (docs/bot.md). Its callers are programs that try again,
//! and both may be tried again safely; so where D1 is away they are asked to.

use serde::Serialize;

use crate::db::bind::Bound;
use crate::db::click::StoredClick;
use crate::db::rule::Shut;
use crate::db::{self, Cost};
use crate::door::gate;
use crate::door::intake;
use crate::door::trail::Trail;
use crate::edge::config::Config;
use crate::edge::{self, Incoming};
use crate::error::Error;
use crate::model::bind::Bind;
use crate::model::click;
use crate::model::event::Arrival;
use crate::model::key::{KeyKind, Presented};
use crate::model::note::Note;
use crate::model::status::{Audience, Status};
use crate::postback::click::BotClick;
use crate::postback::{self, Refusal};
use crate::reply::Reply;

const AUDIENCE: Audience = Audience::Program;

#[derive(Serialize)]
struct BindAnswer {
    ok: bool,
    matched: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

#[derive(Serialize)]
struct ClickAnswer<'a> {
    uid: &'a str,
}

/// `POST /bind` with a bearer, or `GET /bind` with the ingest token.
pub async fn bind(config: &Config, mut incoming: Incoming) -> Reply {
    let is_get = incoming.method == "GET";
    let received = if is_get { incoming.received().await } else { incoming.received_json().await };
    let reading = postback::bind::read(&received);
    let (key, kind) = if is_get {
        (reading.token, KeyKind::Ingest)
    } else {
        (incoming.bearer(), KeyKind::Bearer)
    };
    let mut arrival = match admit(config, &incoming, key, kind, reading.verdict.as_ref().err()) {
        Ok(arrival) => arrival,
        Err(reply) => return reply,
    };
    let bind = match reading.verdict {
        Ok(bind) => bind,
        Err(refusal) => return refused(&refusal),
    };
    match store_bind(config, &mut arrival, &bind).await {
        Err(reason) => unavailable(&reason),
        Ok((None, _)) => unknown_key(config, &incoming, &arrival).await,
        Ok((Some(bound), cost)) => {
            let notes =
                if bound.ours { Vec::new() } else { vec![Note::BoundToAnother.to_string()] };
            let answer = BindAnswer { ok: true, matched: bound.matched, notes };
            intake::with_cost(config, Reply::json(200, &answer), cost)
        }
    }
}

/// `POST /clicks`: a click that did not come through a landing.
pub async fn click(config: &Config, mut incoming: Incoming) -> Reply {
    let received = incoming.received_json().await;
    let sent = postback::click::read_bot_click(&received);
    let key = incoming.bearer();
    let mut arrival = match admit(config, &incoming, key, KeyKind::Bearer, sent.as_ref().err()) {
        Ok(arrival) => arrival,
        Err(reply) => return reply,
    };
    let sent = match sent {
        Ok(sent) => sent,
        Err(refusal) => return refused(&refusal),
    };
    match store_click(config, &mut arrival, &sent).await {
        Err(reason) => unavailable(&reason),
        Ok(None | Some((StoredClick::UnknownKey, ..))) => {
            unknown_key(config, &incoming, &arrival).await
        }
        Ok(Some((StoredClick::UnknownLink, ..))) => {
            Reply::to_report(Status::InvalidLink, &[Note::LinkUnknown], AUDIENCE, None)
        }
        Ok(Some((StoredClick::Stored, cost, uid))) => {
            intake::with_cost(config, Reply::json(200, &ClickAnswer { uid: &uid }), cost)
        }
    }
}

/// Binds where the key's space is.
async fn store_bind(
    config: &Config,
    arrival: &mut Arrival,
    bind: &Bind,
) -> Result<(Option<Bound>, Cost), Error> {
    let mut trail = Trail::default();
    loop {
        let work = async { db::bind::bind(&config.db_of(arrival.database)?, arrival, bind).await };
        let bound = db::in_time(config, work).await?;
        if bound.0.is_some() || !trail.follow(config, arrival, Shut::NoKey).await? {
            return Ok(bound);
        }
    }
}

/// Stores a click where the key's space is.
async fn store_click(
    config: &Config,
    arrival: &mut Arrival,
    sent: &BotClick,
) -> Result<Option<(StoredClick, Cost, String)>, Error> {
    let mut trail = Trail::default();
    loop {
        let stored = db::in_time(config, store(config, arrival, sent.clone())).await?;
        let is_unknown = matches!(stored, None | Some((StoredClick::UnknownKey, ..)));
        if !is_unknown || !trail.follow(config, arrival, Shut::NoKey).await? {
            return Ok(stored);
        }
    }
}

/// Stores a bot's click; gives its uid. `None` where the key opens no space. One round trip, and
/// one more for a call with an id and no uid: whose it is has to be known before the uid.
async fn store(
    config: &Config,
    arrival: &Arrival,
    sent: BotClick,
) -> Result<Option<(StoredClick, Cost, String)>, Error> {
    let db = config.db_of(arrival.database)?;
    let uid = match (&sent.uid, &sent.id) {
        (Some(uid), _) => uid.as_str().to_owned(),
        (None, None) => click::mint_uid(edge::random()?),
        (None, Some(id)) => {
            let secret = config.key_secret()?;
            let Some(space_id) = db::click::space_of(&db, arrival).await? else { return Ok(None) };
            click::uid_of_call(secret.as_bytes(), space_id, id)
                .ok_or(Error::Missing("KEY_SECRET"))?
        }
    };
    let slug = sent.link_slug.clone();
    let click = sent.into_click(uid.clone(), arrival.received_at_ms);
    let (stored, cost) = db::click::store(&db, arrival, &click, slug.as_deref()).await?;
    Ok(Some((stored, cost, uid)))
}

/// Takes a key of the right kind and form; what is wrong with the request itself goes before it.
fn admit(
    config: &Config,
    incoming: &Incoming,
    key: Option<String>,
    kind: KeyKind,
    refusal: Option<&Refusal>,
) -> Result<Arrival, Reply> {
    let key = key.unwrap_or_default();
    let notes = || refusal.map(|refusal| refusal.notes.clone()).unwrap_or_default();
    let Some(presented) = Presented::read(&key, kind, config.local) else {
        return Err(Reply::refused_key(notes(), Note::about_key(&key), AUDIENCE));
    };
    let arrival = intake::arrival(config, &presented, edge::now_ms());
    if gate::admits(config, incoming, &presented, &arrival.key_hash) {
        Ok(arrival)
    } else {
        Err(Reply::refused_key(notes(), Note::TokenUnknown, AUDIENCE))
    }
}

async fn unknown_key(config: &Config, incoming: &Incoming, arrival: &Arrival) -> Reply {
    gate::unknown(config, incoming, &arrival.key_hash).await;
    Reply::refused_key(Vec::new(), Note::TokenUnknown, AUDIENCE)
}

fn refused(refusal: &Refusal) -> Reply {
    Reply::to_report(refusal.status, &refusal.notes, AUDIENCE, None)
}

fn unavailable(reason: &Error) -> Reply {
    edge::log("bot_request_not_stored", &reason.to_string());
    Reply::to_report(Status::Unavailable, &[], AUDIENCE, None)
}
