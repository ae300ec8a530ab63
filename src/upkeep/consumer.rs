//! The consumer of the `postbacks` queue: what D1 did not take in time is stored once it is back,
//! with its original receive time (docs/postback.md, Durability). A batch is three round trips where all goes well, one
//! each for events, refusals and clicks. It is read as if no space had rules; what has them is stored by none of
//! these, and read once more.

use std::cell::Cell;

use crate::db;
use crate::db::moves::Whereabouts;
use crate::db::rule::OfKey;
use crate::edge;
use crate::edge::config::Config;
use crate::error::Error;
use crate::model::database::Database;
use crate::model::event::{Arrival, Report};
use crate::model::visit::Visit;
use crate::postback::mend::Rule;
use crate::postback::{self, Reading, Refusal};
use crate::upkeep::spill::{Message, Outage, pause_s};

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

/// Databases that a message is carried through at most, after a space that has moved.
const LONGEST: u32 = 8;

/// What a batch has learned of a database, and what it may still ask of it.
struct Asked<'a> {
    database: Database,
    /// Why the rest is not tried, once that is known.
    outage: Option<Outage>,
    /// Calls that are left, for every database together: half of what the invocation may make. The other half is for the deliveries of
    /// what was stored.
    calls: &'a Cell<u32>,
    /// Moves of spaces that were followed to come here.
    steps: u32,
}

impl Asked<'_> {
    /// Takes note of what the database did not do.
    fn heard<T>(&mut self, answer: Result<T, Error>) -> Result<T, Error> {
        if let Err(reason) = &answer {
            edge::log_of(self.database, "spilled_not_stored", reason);
            if matches!(reason, Error::Deadline(_)) || reason.is_days_limit() {
                self.outage = Some(Outage::of(reason));
            }
        }
        answer
    }
}

/// A key's hash, or a space's id, with where its messages are to be stored instead.
type Gone = (String, Whereabouts);

/// Which of the three stores a message is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lot {
    Event,
    Refused,
    Click,
}

/// A message as it was read.
struct Read<'a> {
    message: &'a Message,
    /// Of a postback alone, with the arrival that says by which rules.
    reading: Option<(Arrival, Reading)>,
}

impl<'a> Read<'a> {
    /// Reads a message by no rules, and has it stored where its space has none.
    fn plain(message: &'a Message) -> Self {
        Self::by(message, Some(0), &[])
    }

    /// Reads a message by the rules of its key among these. What they are a moment later is all the same.
    fn mended(of_keys: &[OfKey], message: &'a Message) -> Self {
        let of_key = of_keys.iter().find(|of_key| is_of(message, &of_key.hash));
        Self::by(message, None, of_key.map(|of_key| of_key.rules.as_slice()).unwrap_or_default())
    }

    fn by(message: &'a Message, number: Option<i64>, rules: &[Rule]) -> Self {
        let Message::Postback(stored) = message else { return Self { message, reading: None } };
        let arrival = Arrival { rules: number, ..stored.arrival.clone() };
        let received_at_ms = arrival.received_at_ms;
        let reading = postback::read_mended(&stored.received(), received_at_ms, rules);
        Self { message, reading: Some((arrival, reading)) }
    }

    fn kind(&self) -> Lot {
        match &self.reading {
            None => Lot::Click,
            Some((_, Reading { verdict: Ok(_), .. })) => Lot::Event,
            Some((_, Reading { verdict: Err(_), .. })) => Lot::Refused,
        }
    }

    fn bytes(&self) -> usize {
        self.reading.as_ref().map_or(0, |(_, reading)| reading.raw.len())
    }

    fn event(&self) -> Option<(&Arrival, &Report, &str)> {
        let (arrival, reading) = self.reading.as_ref()?;
        Some((arrival, reading.verdict.as_ref().ok()?, &reading.raw))
    }

    fn refused(&self) -> Option<(&Arrival, &Refusal, &str)> {
        let (arrival, reading) = self.reading.as_ref()?;
        Some((arrival, reading.verdict.as_ref().err()?, &reading.raw))
    }

    fn click(&self) -> Option<&Visit> {
        if let Message::Click(visit) = self.message { Some(visit) } else { None }
    }

    /// The hash of its key, if it is a postback.
    fn key_hash(&self) -> Option<&str> {
        self.reading.as_ref().map(|(arrival, _)| arrival.key_hash.as_str())
    }

    /// Whether rules of its space are still to be asked for.
    fn is_plain(&self) -> bool {
        self.reading.as_ref().is_some_and(|(arrival, _)| arrival.rules.is_some())
    }
}

/// Whether a message came with a key of this hash, or is a click of the space of this id.
fn is_of(message: &Message, what: &str) -> bool {
    match message {
        Message::Postback(postback) => postback.arrival.key_hash == what,
        Message::Click(visit) => visit.space_id.to_string() == what,
    }
}

/// Stores a batch of messages' texts, in all databases at the same time: one that is away holds up no
/// other. Where a statement is refused its messages are stored one by
/// one, so that a single bad one holds up no other; once D1 is away, or refuses for the day, the rest
/// is not tried: a batch of a hundred deadlines would outlast the invocation.
pub async fn postbacks(config: &Config, messages: &[Option<String>]) -> Vec<Fate> {
    let sent: Vec<Option<Message>> =
        messages.iter().map(|text| Message::from_text(text.as_deref()?)).collect();
    let mut fates = vec![Fate::Retry { pause_s: UNREADABLE_PAUSE_S }; messages.len()];
    if sent.iter().any(Option::is_none) {
        edge::log("message_unreadable", "a message of another version waits in the queue");
    }
    let calls = &Cell::new(config.subrequests() / 2);
    let databases = distinct(sent.iter().flatten().map(Message::database));
    let all = &sent;
    let stored =
        edge::for_each(databases, |database| store_all(config, database, all, calls)).await;
    for (index, decided) in stored.concat() {
        if let Some(fate) = fates.get_mut(index) {
            *fate = decided;
        }
    }
    fates
}

/// Each of these once.
fn distinct<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut found = Vec::new();
    for item in items {
        if !found.contains(&item) {
            found.push(item);
        }
    }
    found
}

/// Stores what a batch has for one database. Gives what is to be done with each, by its place.
async fn store_all(
    config: &Config,
    database: Database,
    sent: &[Option<Message>],
    calls: &Cell<u32>,
) -> Vec<(usize, Fate)> {
    let mut asked = Asked { database, outage: None, calls, steps: 0 };
    let all = sent.iter().enumerate().filter_map(|(index, sent)| Some((index, sent.as_ref()?)));
    let all = all.filter(|(_, sent)| sent.database() == database);
    let read: Vec<_> = all.map(|(index, sent)| (index, Read::plain(sent))).collect();
    let mut fates = Vec::new();
    for kind in [Lot::Event, Lot::Refused, Lot::Click] {
        for chunk in chunks(&read, kind) {
            let stored = store_chunk(config, &chunk, &mut asked).await;
            for ((index, read), stored) in chunk.iter().zip(stored) {
                fates.push((*index, fate_of(read.message, stored, asked.outage)));
            }
        }
    }
    fates
}

/// Reads messages by the rules that their keys' spaces have where they are, for which it asks once. `None` where
/// nobody answers.
async fn read_again<'a>(
    config: &Config,
    all: &[(usize, &Read<'a>)],
    asked: &mut Asked<'_>,
) -> Option<Vec<(usize, Read<'a>)>> {
    let hashes = distinct(all.iter().filter_map(|(_, read)| read.key_hash()));
    let mut of_keys = Vec::new();
    if !hashes.is_empty() {
        asked.calls.set(asked.calls.get().checked_sub(1)?);
        let rules = async { db::rule::of_keys(&config.db_of(asked.database)?, &hashes).await };
        of_keys = asked.heard(db::in_time(config, rules).await).ok()?;
    }
    let again = |read: &Read<'a>| Read::mended(&of_keys, read.message);
    Some(all.iter().map(|(index, read)| (*index, again(read))).collect())
}

fn fate_of(message: &Message, stored: bool, outage: Option<Outage>) -> Fate {
    if stored {
        return Fate::Ack;
    }
    let outage = outage.unwrap_or(Outage::Away);
    Fate::Retry { pause_s: pause_s(message.received_at_ms(), edge::now_ms(), outage) }
}

/// The messages of a kind with their places in the batch, in pieces that fit a statement.
fn chunks<'a, 'b>(read: &'b [(usize, Read<'a>)], kind: Lot) -> Vec<Vec<(usize, &'b Read<'a>)>> {
    let mut chunks = Vec::new();
    let mut bytes = 0;
    for (index, read) in read.iter().filter(|(_, read)| read.kind() == kind) {
        bytes += read.bytes();
        if chunks.is_empty() || bytes > CHUNK_BYTES {
            chunks.push(Vec::new());
            bytes = read.bytes();
        }
        if let Some(chunk) = chunks.last_mut() {
            chunk.push((*index, read));
        }
    }
    chunks
}

/// Stores a piece together, or else one by one. Says of each whether it is stored.
async fn store_chunk(
    config: &Config,
    chunk: &[(usize, &Read<'_>)],
    asked: &mut Asked<'_>,
) -> Vec<bool> {
    let together: Vec<_> = chunk.iter().map(|(_, read)| *read).collect();
    match store(config, &together, asked).await {
        Ok(gone) if gone.is_empty() => return vec![true; chunk.len()],
        Ok(gone) => return follow(config, chunk, &gone, asked).await,
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
            *is_stored = match store(config, &[read], asked).await {
                Ok(gone) if gone.is_empty() => true,
                Ok(gone) => follow(config, &[(0, read)], &gone, asked).await == [true],
                Err(_logged) => false,
            };
        }
    }
    stored
}

/// Stores messages of one kind within the deadline. A database that does not answer is away; one
/// that refuses is not, unless it is for the day.
async fn store(
    config: &Config,
    read: &[&Read<'_>],
    asked: &mut Asked<'_>,
) -> Result<Vec<Gone>, Error> {
    let calls = asked.calls.get().checked_sub(STORE_CALLS);
    let Some(calls) = calls.filter(|_| asked.outage.is_none()) else {
        return Err(Error::Deadline("D1"));
    };
    asked.calls.set(calls);
    asked.heard(db::in_time(config, write(config, asked.database, read)).await)
}

/// Says of a piece that was stored, but for what has gone to another database or has rules, what is: that is read
/// again and stored there, or waits where it is on its way.
async fn follow(
    config: &Config,
    chunk: &[(usize, &Read<'_>)],
    gone: &[Gone],
    asked: &Asked<'_>,
) -> Vec<bool> {
    let whereabouts = |read: &Read<'_>| {
        gone.iter().find(|(what, _)| is_of(read.message, what)).map(|(_, at)| *at)
    };
    let mut stored: Vec<bool> = chunk.iter().map(|(_, read)| whereabouts(read).is_none()).collect();
    let steps = asked.steps + 1;
    let databases = distinct(gone.iter().filter_map(|(_, at)| at.database()));
    for database in databases.into_iter().filter(|_| steps <= LONGEST) {
        let is_there = |read: &Read<'_>| whereabouts(read) == Some(Whereabouts::At(database));
        let moved = chunk.iter().enumerate().filter(|(_, (_, read))| is_there(read));
        let moved: Vec<_> = moved.map(|(place, (_, read))| (place, *read)).collect();
        let mut there = Asked { database, outage: None, calls: asked.calls, steps };
        let Some(read) = read_again(config, &moved, &mut there).await else { continue };
        let moved: Vec<_> = read.iter().map(|(place, read)| (*place, read)).collect();
        let carried = Box::pin(store_chunk(config, &moved, &mut there)).await;
        for ((place, _), is_stored) in moved.iter().zip(carried) {
            if let Some(stored) = stored.get_mut(*place) {
                *stored = is_stored;
            }
        }
    }
    stored
}

/// Stores messages; gives what of them is in another database, on its way, or to be read again.
async fn write(
    config: &Config,
    database: Database,
    read: &[&Read<'_>],
) -> Result<Vec<Gone>, Error> {
    let db = config.db_of(database)?;
    let events: Vec<_> = read.iter().filter_map(|read| read.event()).collect();
    let refused: Vec<_> = read.iter().filter_map(|read| read.refused()).collect();
    let clicks: Vec<_> = read.iter().filter_map(|read| read.click()).collect();
    let mut known = 0;
    if !events.is_empty() {
        known += db::event::store_many(&db, &events).await?;
    }
    if !refused.is_empty() {
        known += db::refused::keep_many(&db, &refused).await?;
    }
    let mut gone = Vec::new();
    if known < events.len() + refused.len() {
        gone.extend(gone_keys(config, database, read).await?);
        if gone.is_empty() {
            edge::log("spilled_dropped", "a key was unknown when its postback arrived");
        }
    }
    if !clicks.is_empty() {
        let spaces = db::click::record(&db, &clicks, config.has_several()).await?;
        gone.extend(spaces.into_iter().map(|(space_id, at)| (space_id.to_string(), at)));
    }
    Ok(gone)
}

/// The keys of messages that are another database's by now, or whose spaces have rules here.
async fn gone_keys(
    config: &Config,
    database: Database,
    read: &[&Read<'_>],
) -> Result<Vec<Gone>, Error> {
    let hashes: Vec<_> = read.iter().filter_map(|read| read.key_hash()).collect();
    let (of_keys, mut gone) = db::moves::of_keys(&config.db_of(database)?, &hashes).await?;
    gone.retain(|(_, at)| *at != Whereabouts::Here);
    let is_plain = |hash: &str| read.iter().any(|r| r.key_hash() == Some(hash) && r.is_plain());
    let ruled = of_keys.into_iter().filter(|of_key| of_key.number != 0 && is_plain(&of_key.hash));
    gone.extend(ruled.map(|of_key| (of_key.hash, Whereabouts::At(database))));
    Ok(gone)
}
