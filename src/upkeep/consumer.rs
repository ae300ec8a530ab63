//! The consumer of the `postbacks` queue: what D1 did not take in time is stored once it is back,
//! with its original receive time (docs/postback.md, Durability). A batch is three round trips where all goes well, one
//! each for events, refusals and clicks.

use std::cell::Cell;
use std::collections::BTreeSet;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::db;
use crate::edge;
use crate::edge::config::Config;
use crate::error::Error;
use crate::model::database::Database;
use crate::model::event::{Arrival, Report};
use crate::model::visit::Visit;
use crate::postback::{self, Reading, Refusal};
use crate::upkeep::spill::{Message, Outage, Postback, pause_s};

/// What is to be done with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Done with, for good.
    Ack,
    /// To be delivered again, after so many seconds.
    Retry { pause_s: u32 },
}

/// Pause of a message that cannot be read: a newer version wrote it, and may come back to read it.
const UNREADABLE_PAUSE_S: u32 = 600;

/// Most bytes of raw queries in one statement. D1 takes a value of 2 MB; written as JSON, a text may
/// grow sixfold.
const CHUNK_BYTES: usize = 256 * 1024;

/// Messages of a piece after which the rest of it is not tried, where every one of them was refused.
/// Other kinds are: what is wrong with a click may be nothing to a deposit.
const PROBES: usize = 5;

/// Statements of one store: the messages, and the mark of keys that are used for the first time.
const STORE_CALLS: u32 = 2;

/// What a batch has learned of a database, and what it may still ask of it.
struct Asked<'a> {
    database: Database,
    /// Why the rest is not tried, once that is known.
    outage: Option<Outage>,
    /// Calls that are left, for every database together: half of what the invocation may make. The other half is for the deliveries of
    /// what was stored.
    calls: &'a Cell<u32>,
}

/// Which of the three stores a message is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lot {
    Event,
    Refused,
    Click,
}

/// A message as it was read.
struct Read {
    message: Message,
    /// Of a postback alone.
    reading: Option<Reading>,
}

impl Read {
    fn new(message: Message) -> Self {
        let reading = match &message {
            Message::Postback(stored) => {
                Some(postback::read(&stored.received(), stored.arrival.received_at_ms))
            }
            Message::Click(_) => None,
        };
        Self { message, reading }
    }

    fn kind(&self) -> Lot {
        match &self.reading {
            None => Lot::Click,
            Some(Reading { verdict: Ok(_), .. }) => Lot::Event,
            Some(Reading { verdict: Err(_), .. }) => Lot::Refused,
        }
    }

    fn database(&self) -> Database {
        self.message.database()
    }

    fn bytes(&self) -> usize {
        self.reading.as_ref().map_or(0, |reading| reading.raw.len())
    }

    fn event(&self) -> Option<(&Arrival, &Report, &str)> {
        let reading = self.reading.as_ref()?;
        Some((&self.postback()?.arrival, reading.verdict.as_ref().ok()?, &reading.raw))
    }

    fn refused(&self) -> Option<(&Arrival, &Refusal, &str)> {
        let reading = self.reading.as_ref()?;
        Some((&self.postback()?.arrival, reading.verdict.as_ref().err()?, &reading.raw))
    }

    fn click(&self) -> Option<&Visit> {
        if let Message::Click(visit) = &self.message { Some(visit) } else { None }
    }

    fn postback(&self) -> Option<&Postback> {
        if let Message::Postback(postback) = &self.message { Some(postback) } else { None }
    }
}

/// Stores a batch of messages' texts, in all databases at the same time: one that is away holds up no
/// other. Where a statement is refused its messages are stored one by
/// one, so that a single bad one holds up no other; once D1 is away, or refuses for the day, the rest
/// is not tried: a batch of a hundred deadlines would outlast the invocation.
pub async fn postbacks(config: &Config, messages: &[Option<String>]) -> Vec<Fate> {
    let read: Vec<Option<Read>> = messages
        .iter()
        .map(|text| Some(Read::new(Message::from_text(text.as_deref()?)?)))
        .collect();
    let mut fates = vec![Fate::Retry { pause_s: UNREADABLE_PAUSE_S }; messages.len()];
    if read.iter().any(Option::is_none) {
        edge::log("message_unreadable", "a message of another version waits in the queue");
    }
    let calls = &Cell::new(config.subrequests() / 2);
    let databases: BTreeSet<_> = read.iter().flatten().map(Read::database).collect();
    let all = &read;
    let stores: FuturesUnordered<_> =
        databases.into_iter().map(|database| store_all(config, database, all, calls)).collect();
    for (index, decided) in stores.collect::<Vec<_>>().await.concat() {
        if let Some(fate) = fates.get_mut(index) {
            *fate = decided;
        }
    }
    fates
}

/// Stores what a batch has for one database. Gives what is to be done with each, by its place.
async fn store_all(
    config: &Config,
    database: Database,
    read: &[Option<Read>],
    calls: &Cell<u32>,
) -> Vec<(usize, Fate)> {
    let mut asked = Asked { database, outage: None, calls };
    let mut fates = Vec::new();
    for kind in [Lot::Event, Lot::Refused, Lot::Click] {
        for chunk in chunks(read, database, kind) {
            let stored = store_chunk(config, &chunk, &mut asked).await;
            for ((index, read), stored) in chunk.iter().zip(stored) {
                fates.push((*index, fate_of(&read.message, stored, asked.outage)));
            }
        }
    }
    fates
}

fn fate_of(message: &Message, stored: bool, outage: Option<Outage>) -> Fate {
    if stored {
        return Fate::Ack;
    }
    let outage = outage.unwrap_or(Outage::Away);
    Fate::Retry { pause_s: pause_s(message.received_at_ms(), edge::now_ms(), outage) }
}

/// A database's messages of a kind with their places in the batch, in pieces that fit a statement.
fn chunks(read: &[Option<Read>], database: Database, kind: Lot) -> Vec<Vec<(usize, &Read)>> {
    let is_of = |read: &&Read| read.database() == database && read.kind() == kind;
    let mut chunks = Vec::new();
    let mut bytes = 0;
    for (index, read) in read.iter().enumerate() {
        let Some(read) = read.as_ref().filter(is_of) else { continue };
        bytes += read.bytes();
        if chunks.is_empty() || bytes > CHUNK_BYTES {
            chunks.push(Vec::new());
            bytes = read.bytes();
        }
        if let Some(chunk) = chunks.last_mut() {
            chunk.push((index, read));
        }
    }
    chunks
}

/// Stores a piece together, or else one by one. Says of each whether it is stored.
async fn store_chunk(
    config: &Config,
    chunk: &[(usize, &Read)],
    asked: &mut Asked<'_>,
) -> Vec<bool> {
    let together: Vec<&Read> = chunk.iter().map(|(_, read)| *read).collect();
    match store(config, &together, asked).await {
        Ok(()) => return vec![true; chunk.len()],
        Err(_logged) if asked.outage.is_some() || chunk.len() == 1 => {
            return vec![false; chunk.len()];
        }
        Err(_logged) => {}
    }
    // Each time from another place, so that the same few bad ones do not always come first.
    let first = (edge::chance() * chunk.len() as f64) as usize;
    let mut stored = vec![false; chunk.len()];
    for tried in 0..chunk.len() {
        if tried == PROBES && !stored.contains(&true) {
            break;
        }
        let at = (first + tried) % chunk.len();
        if let (Some((_, read)), Some(is_stored)) = (chunk.get(at), stored.get_mut(at)) {
            *is_stored = store(config, &[read], asked).await.is_ok();
        }
    }
    stored
}

/// Stores messages of one kind within the deadline. A database that does not answer is away; one
/// that refuses is not, unless it is for the day.
async fn store(config: &Config, read: &[&Read], asked: &mut Asked<'_>) -> Result<(), Error> {
    let calls = asked.calls.get().checked_sub(STORE_CALLS);
    let Some(calls) = calls.filter(|_| asked.outage.is_none()) else {
        return Err(Error::Deadline("D1"));
    };
    asked.calls.set(calls);
    let stored = db::in_time(config, write(config, asked.database, read)).await;
    if let Err(reason) = &stored {
        edge::log_of(asked.database, "spilled_not_stored", reason);
        if matches!(reason, Error::Deadline(_)) || reason.is_days_limit() {
            asked.outage = Some(Outage::of(reason));
        }
    }
    stored
}

async fn write(config: &Config, database: Database, read: &[&Read]) -> Result<(), Error> {
    let db = config.db_of(database)?;
    let events: Vec<_> = read.iter().filter_map(|read| read.event()).collect();
    let refused: Vec<_> = read.iter().filter_map(|read| read.refused()).collect();
    let clicks: Vec<_> = read.iter().filter_map(|read| read.click()).collect();
    let mut known = 0;
    if !events.is_empty() {
        known += db::event::store_many(&db, &events).await?;
    }
    if !refused.is_empty() {
        known += db::refused::keep(&db, &refused).await?.0;
    }
    if known < events.len() + refused.len() {
        edge::log("spilled_dropped", "a key was unknown when its postback arrived");
    }
    if !clicks.is_empty() {
        db::click::record(&db, &clicks).await?;
    }
    Ok(())
}
