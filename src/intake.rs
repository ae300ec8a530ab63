//! `/e`: the way of a postback from the request to its answer (contract §4).
//!
//! 1. The request is read as far as it goes.
//! 2. A token that cannot be one is refused without the database.
//! 3. An event is stored, a refused postback is held, each in one round trip that checks the key too.
//! 4. Where D1 refuses or is late, the postback goes to the queue instead.
//! 5. Only where that refuses too is the sender asked to come back.

use data_encoding::HEXLOWER;

use crate::config::Config;
use crate::db::event::Stored;
use crate::db::{self, Cost};
use crate::edge::{self, Incoming};
use crate::error::Error;
use crate::event::Arrival;
use crate::key::{Kind, Presented};
use crate::postback::{self, Note, Reading};
use crate::reply::Reply;
use crate::spill::Spilled;
use crate::status::{Audience, Status};

/// What the database made of a postback.
pub enum Outcome {
    Stored(Stored),
    Held,
    UnknownKey,
}

/// Answers a postback. `path_token` is the token from the path; it goes before that of the query.
pub async fn postback(
    config: &Config,
    mut incoming: Incoming,
    path_token: Option<String>,
) -> Reply {
    let now_ms = edge::now_ms();
    let received = incoming.received().await;
    let reading = postback::read(&received, now_ms);
    let token = path_token.or_else(|| reading.token.clone()).unwrap_or_default();
    let Some(key) = Presented::read(&token, Kind::Ingest, config.local) else {
        return refuse_token(
            &reading,
            if token.is_empty() { Note::TokenMissing } else { Note::TokenUnknown },
        );
    };
    let arrival = Arrival { key_hash: key.hash(), received_at_ms: now_ms, receipt: receipt() };
    match commit(config, &arrival, &reading).await {
        Ok((outcome, cost)) => with_cost(config, answer(&reading, &outcome), cost),
        Err(reason) => {
            edge::log("postback_not_stored", &reason.to_string());
            let spilled = Spilled::new(&arrival, &reading.raw, received.broken);
            spill(config, &incoming.address(), &key, &reading, &spilled).await
        }
    }
}

/// Stores the event or keeps what was refused, in one round trip and within the deadline. After the
/// deadline the outcome is unknown; the same arrival may be committed again and counts once.
pub async fn commit(
    config: &Config,
    arrival: &Arrival,
    reading: &Reading,
) -> Result<(Outcome, Cost), Error> {
    edge::within(config.db_deadline_ms(), "D1", write(config, arrival, reading)).await?
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
            let unknown = stored == Stored::UnknownKey;
            Ok((if unknown { Outcome::UnknownKey } else { Outcome::Stored(stored) }, cost))
        }
        Err(refusal) => {
            let (held, cost) = db::held::keep(&db, arrival, refusal, &reading.raw).await?;
            Ok((held.map_or(Outcome::UnknownKey, |_seq| Outcome::Held), cost))
        }
    }
}

/// Puts on the queue what D1 did not take, so that `queued` stays true.
async fn spill(
    config: &Config,
    address: &str,
    key: &Presented<'_>,
    reading: &Reading,
    spilled: &Spilled,
) -> Reply {
    match try_spill(config, address, key, spilled).await {
        Ok(true) => report(reading, Status::Queued).with("x-stored", "later".to_owned()),
        Ok(false) => refuse_token(reading, Note::TokenUnknown),
        Err(reason) => {
            edge::log("postback_not_spilled", &reason.to_string());
            report(reading, Status::Unavailable)
        }
    }
}

/// False for a key that was never ours.
async fn try_spill(
    config: &Config,
    address: &str,
    key: &Presented<'_>,
    spilled: &Spilled,
) -> Result<bool, Error> {
    if !key.is_ours(config.key_secret()?.as_bytes()) {
        return Ok(false);
    }
    if !edge::is_below(&config.spill_limit()?, address.to_owned()).await {
        return Err(Error::Limited);
    }
    edge::send(&config.postbacks()?, spilled.to_text()).await?;
    Ok(true)
}

fn answer(reading: &Reading, outcome: &Outcome) -> Reply {
    let (status, seq) = match outcome {
        Outcome::Stored(Stored::New { seq }) => (Status::Queued, seq),
        Outcome::Stored(Stored::Known { seq }) => (Status::Duplicate, seq),
        Outcome::Held => return report(reading, Status::Queued),
        Outcome::Stored(Stored::UnknownKey) | Outcome::UnknownKey => {
            return refuse_token(reading, Note::TokenUnknown);
        }
    };
    report(reading, status).with("x-event-id", seq.to_string())
}

/// The answer to a postback that is safe with us, or that nobody could take: a refusal keeps its own
/// status wherever it was kept.
fn report(reading: &Reading, status: Status) -> Reply {
    match &reading.verdict {
        Err(refusal) if status.is_ok() => {
            Reply::report(refusal.status, &refusal.notes, Audience::Network)
        }
        Err(refusal) => Reply::report(status, &refusal.notes, Audience::Network),
        Ok(report) => Reply::report(status, &report.notes, Audience::Network),
    }
}

/// In the contract's order a request that cannot be read goes before its token.
fn refuse_token(reading: &Reading, note: Note) -> Reply {
    let notes = reading.verdict.as_ref().err().map(|refusal| refusal.notes.clone());
    let mut notes = notes.unwrap_or_default();
    let broken = notes.iter().take_while(|note| is_about_request(note)).count();
    notes.insert(broken, note);
    let status = if broken > 0 { Status::InvalidRequest } else { Status::InvalidToken };
    Reply::report(status, &notes, Audience::Network)
}

fn is_about_request(note: &Note) -> bool {
    matches!(note, Note::Broken(_) | Note::Undecodable(_))
}

/// On somebody's own machine the answer tells what D1 counted: tests and the benchmark read it.
fn with_cost(config: &Config, reply: Reply, cost: Cost) -> Reply {
    if !config.local {
        return reply;
    }
    let Cost { round_trips, rows_read, rows_written } = cost;
    reply.with("x-d1-cost", format!("trips={round_trips} read={rows_read} written={rows_written}"))
}

/// 64 random bits name an arrival. Where there are none, every arrival counts as another.
fn receipt() -> String {
    HEXLOWER.encode(&edge::random::<8>().unwrap_or_default())
}
