//! `/e` and `POST /events`: the way of a report from the request to its answer (contract §§4, 5).
//!
//! 1. The request is read as far as it goes.
//! 2. A key that cannot be one is refused without the database, and so are a dry run and a delivery
//!    of our own that came back.
//! 3. An event is stored, a refused report is held, each in one round trip that checks the key too.
//! 4. Where D1 refuses or is late, the report goes to the queue instead.
//! 5. Only where that refuses too is the sender asked to come back.

use crate::db::event::{Name, Stored};
use crate::db::{self, Cost};
use crate::destination::request::ORIGIN_HEADER;
use crate::door::gate;
use crate::edge::config::Config;
use crate::edge::{self, Incoming};
use crate::error::Error;
use crate::model::event::Arrival;
use crate::model::key::{Kind, Presented};
use crate::model::note::Note;
use crate::model::status::{Audience, Status};
use crate::postback::{self, Reading, Received};
use crate::reply::Reply;
use crate::text::encode;
use crate::upkeep::later::Later;
use crate::upkeep::spill::{self, Message, Outage};

/// What the database made of a report.
pub enum Outcome {
    Stored(Stored),
    Held,
    UnknownKey,
}

impl Outcome {
    /// A new event whose space has destinations is sent on after the answer.
    pub fn later(&self) -> Later {
        match self {
            Self::Stored(Stored::New(name)) if name.has_destinations => {
                Later::Deliver { space_id: name.space_id, seq: name.seq }
            }
            _ => Later::Nothing,
        }
    }
}

/// Answers a network's postback. What its path says goes before the query: some networks take no
/// base URL with a `?` in it.
pub async fn postback(
    config: &Config,
    mut incoming: Incoming,
    path_token: Option<String>,
    path_event: Option<String>,
) -> (Reply, Later) {
    let received = incoming.received().await.led_by("event", path_event.as_deref());
    take(config, &incoming, &received, path_token, Audience::Network).await
}

/// Answers a report of the user's own code, which comes as JSON and with a bearer.
pub async fn event(config: &Config, mut incoming: Incoming) -> (Reply, Later) {
    let received = incoming.received_json().await;
    let bearer = incoming.bearer().unwrap_or_default();
    take(config, &incoming, &received, Some(bearer), Audience::Program).await
}

async fn take(
    config: &Config,
    incoming: &Incoming,
    received: &Received,
    key: Option<String>,
    audience: Audience,
) -> (Reply, Later) {
    let now_ms = edge::now_ms();
    let reading = postback::read(received, now_ms);
    let key = key.or_else(|| reading.token.clone()).unwrap_or_default();
    let Some(key) = Presented::read(&key, kind_of(audience), config.local) else {
        return (refuse_key(&reading, Note::about_key(&key), audience), Later::Nothing);
    };
    let arrival = arrival(&key, now_ms);
    if !gate::admits(config, incoming, &key, &arrival.key_hash) {
        return (refuse_key(&reading, Note::TokenUnknown, audience), Later::Nothing);
    }
    if is_own_delivery(config, incoming) {
        let reply = Reply::report(Status::InvalidRequest, &[Note::OwnDelivery], audience, None);
        return (reply, Later::Nothing);
    }
    if let Err(refusal) = &reading.verdict
        && refusal.is_dry_run()
    {
        let reply = Reply::report(refusal.status, &refusal.notes, audience, None);
        return (reply, Later::Nothing);
    }
    match commit(config, &arrival, &reading).await {
        Ok((outcome, cost)) => {
            if matches!(outcome, Outcome::UnknownKey) {
                gate::unknown(config, incoming, &arrival.key_hash).await;
            }
            let later = outcome.later();
            (with_cost(config, answer(&reading, outcome, audience), cost), later)
        }
        Err(reason) => {
            edge::log("report_not_stored", &reason.to_string());
            let outage = Outage::of(&reason);
            let postback =
                spill::Postback { arrival, raw: reading.raw.clone(), broken: received.broken };
            let reply = spill(config, incoming, &key, &reading, postback, outage, audience).await;
            (reply, Later::Nothing)
        }
    }
}

/// Whether this deployment sent it itself: taken as new, it would be sent again, without end.
fn is_own_delivery(config: &Config, incoming: &Incoming) -> bool {
    incoming.header(ORIGIN_HEADER).is_some_and(|mark| !mark.is_empty() && mark == config.mark())
}

/// Which kind of key opens which door.
fn kind_of(audience: Audience) -> Kind {
    match audience {
        Audience::Network => Kind::Ingest,
        Audience::Program => Kind::Bearer,
    }
}

/// Names this arrival by 64 random bits. Where there are none, every arrival counts as another.
pub fn arrival(key: &Presented<'_>, received_at_ms: i64) -> Arrival {
    Arrival {
        key_hash: key.hash(),
        key_kind: key.kind(),
        received_at_ms,
        receipt: encode::hex(&edge::random::<8>().unwrap_or_default()),
    }
}

/// Stores the event or keeps what was refused, in one round trip and within the deadline. After the
/// deadline the outcome is unknown; the same arrival may be committed again and counts once.
pub async fn commit(
    config: &Config,
    arrival: &Arrival,
    reading: &Reading,
) -> Result<(Outcome, Cost), Error> {
    db::in_time(config, write(config, arrival, reading)).await
}

async fn write(
    config: &Config,
    arrival: &Arrival,
    reading: &Reading,
) -> Result<(Outcome, Cost), Error> {
    let db = config.db()?;
    match &reading.verdict {
        Ok(report) => {
            let (stored, cost) = db::event::store(&db, arrival, report, &reading.raw).await?;
            Ok((stored.map_or(Outcome::UnknownKey, Outcome::Stored), cost))
        }
        Err(refusal) => {
            let (kept, cost) = db::refused::keep(&db, &[(arrival, refusal, &reading.raw)]).await?;
            Ok((if kept == 0 { Outcome::UnknownKey } else { Outcome::Held }, cost))
        }
    }
}

/// Puts on the queue what D1 did not take, so that `queued` stays true. A key whose check part is
/// not ours was never ours, and needs no database to be refused.
async fn spill(
    config: &Config,
    incoming: &Incoming,
    key: &Presented<'_>,
    reading: &Reading,
    postback: spill::Postback,
    outage: Outage,
    audience: Audience,
) -> Reply {
    let receipt = postback.arrival.receipt.clone();
    let sent = match config.key_secret() {
        Ok(secret) if !key.is_ours(secret.as_bytes()) => {
            return refuse_key(reading, Note::TokenUnknown, audience);
        }
        Ok(_) => {
            let message = Message::Postback(postback);
            set_aside(config, &incoming.address(), &message, outage).await
        }
        Err(missing) => Err(missing),
    };
    match sent {
        Ok(()) => report(reading, Status::Queued, audience, Some(&receipt))
            .with("x-stored", "later".to_owned()),
        Err(reason) => {
            edge::log("report_not_spilled", &reason.to_string());
            report(reading, Status::Unavailable, audience, None)
        }
    }
}

/// Sends a message to the queue, as long as its address stays within its share. A deployment without
/// the limiter sends all the same: it guards the queue's cost, and a deposit is worth more.
pub async fn set_aside(
    config: &Config,
    address: &str,
    message: &Message,
    outage: Outage,
) -> Result<(), Error> {
    match config.spill_limit() {
        Ok(limiter) if !edge::is_below(&limiter, address.to_owned()).await => {
            return Err(Error::Limited);
        }
        Ok(_) => {}
        Err(missing) => edge::log("spill_not_limited", &missing.to_string()),
    }
    let delay_s = outage.delay_s(edge::now_ms());
    edge::send(&config.postbacks()?, message.to_text(), delay_s).await
}

fn answer(reading: &Reading, outcome: Outcome, audience: Audience) -> Reply {
    let (status, Name { seq, receipt, .. }) = match outcome {
        Outcome::Stored(Stored::New(name)) => (Status::Queued, name),
        Outcome::Stored(Stored::Known(name)) => (Status::Duplicate, name),
        Outcome::Held => return report(reading, Status::Queued, audience, None),
        Outcome::UnknownKey => return refuse_key(reading, Note::TokenUnknown, audience),
    };
    report(reading, status, audience, Some(&receipt)).with("x-event-id", seq.to_string())
}

/// The answer to a report that is safe with us, or that nobody could take: a refusal keeps its own
/// status wherever it was kept.
fn report(reading: &Reading, status: Status, audience: Audience, receipt: Option<&str>) -> Reply {
    let inbox_id = receipt.filter(|_| audience == Audience::Program);
    match &reading.verdict {
        Err(refusal) if status.is_ok() => {
            Reply::report(refusal.status, &refusal.notes, audience, None)
        }
        Err(refusal) => Reply::report(status, &refusal.notes, audience, None),
        Ok(report) => Reply::report(status, &report.notes, audience, inbox_id),
    }
}

/// In the contract's order a request that cannot be read goes before its key.
fn refuse_key(reading: &Reading, note: Note, audience: Audience) -> Reply {
    let notes = reading.verdict.as_ref().err().map(|refusal| refusal.notes.clone());
    Reply::refused_key(notes.unwrap_or_default(), note, audience)
}

/// On somebody's own machine the answer tells what D1 counted: tests and the benchmark read it.
pub fn with_cost(config: &Config, reply: Reply, cost: Cost) -> Reply {
    if !config.local {
        return reply;
    }
    let (read, written) = cost.rows();
    reply.with("x-d1-cost", format!("read={read} written={written}"))
}
