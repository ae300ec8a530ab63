//! `/e` and `POST /events`: the way of a report from the request to its answer (docs/postback.md, docs/bot.md).
//!
//! 1. The request is read as far as it goes.
//! 2. A key that cannot be one is refused without the database: 401, or 400 where the request cannot
//!    be read either.
//! 3. A dry run is answered by what would become of it: 200 (`dry_run.rs`).
//! 4. An event is stored, a refused report is kept, each in one round trip that checks the key too: 200
//!    `queued` or `duplicate`; a refusal by its own status (200 or 422; 400 and 413 where the request was
//!    broken); 401 where the key opens no space.
//! 5. Where D1 refuses or is late, the report goes to the queue instead, and is answered the same.
//! 6. Only where that refuses too is the sender asked to come back: 503.

use crate::db::event::{Name, Stored};
use crate::db::rule::Shut;
use crate::db::{self, Cost};
use crate::door::dry_run;
use crate::door::gate;
use crate::door::rules;
use crate::door::trail::{self, Trail};
use crate::edge::config::Config;
use crate::edge::{self, Incoming};
use crate::error::Error;
use crate::model::database::Database;
use crate::model::event::Arrival;
use crate::model::key::{KeyKind, Presented};
use crate::model::note::Note;
use crate::model::status::{Audience, Status};
use crate::postback::{self, Reading, Received};
use crate::reply::Reply;
use crate::text::encode;
use crate::upkeep::later::Later;
use crate::upkeep::spill::{self, Message, Outage, Postback};
use crate::upkeep::unknown;
use crate::writer;

/// What the database made of a report.
pub enum Committed {
    Stored(Stored),
    /// It was refused for this, and kept.
    Refused(Status, Vec<Note>),
    UnknownKey,
}

impl Committed {
    /// A new event whose space has destinations is sent on after the answer.
    pub fn later(&self, database: Database) -> Later {
        match self {
            Self::Stored(Stored::New(name)) if name.has_destinations => {
                Later::Deliver { database, space_id: name.space_id, seq: name.seq }
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

/// A report on its way to its answer.
struct Call<'a> {
    config: &'a Config,
    incoming: &'a Incoming,
    received: &'a Received,
    reading: Reading,
    audience: Audience,
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
    let mut call = Call { config, incoming, received, reading, audience };
    let Some(key) = Presented::read(&key, kind_of(audience), config.local) else {
        return (call.refuse_key(Note::about_key(&key)), Later::Nothing);
    };
    let mut arrival = arrival(config, &key, now_ms);
    if !gate::admits(config, incoming, &key, &arrival.key_hash) {
        let reply = call.refuse_key(Note::TokenUnknown);
        return (reply, call.count_unknown(&key, &arrival));
    }
    if call.reading.is_dry_run {
        return (call.foresee(received, &mut arrival).await, Later::Nothing);
    }
    match call.commit(&mut arrival).await {
        Ok((outcome, cost)) => {
            let later = if matches!(outcome, Committed::UnknownKey) {
                gate::unknown(config, incoming, &arrival.key_hash).await;
                call.count_unknown(&key, &arrival)
            } else {
                outcome.later(arrival.database)
            };
            (with_cost(config, call.answer(outcome), cost), later)
        }
        Err(reason) => {
            edge::log("report_not_stored", &reason.to_string());
            let raw = call.reading.raw.clone();
            arrival.rules = None;
            let postback = Postback { arrival, raw, broken: received.broken };
            (call.spill(&key, postback, Outage::of(&reason)).await, Later::Nothing)
        }
    }
}

impl Call<'_> {
    /// Counts a postback that nobody will see otherwise.
    fn count_unknown(&self, key: &Presented<'_>, arrival: &Arrival) -> Later {
        let (hash, now_ms) = (&arrival.key_hash, arrival.received_at_ms);
        match unknown::count(self.config, self.incoming, key, hash, now_ms) {
            Some(wait_ms) => Later::CountUnknown { wait_ms },
            None => Later::Nothing,
        }
    }

    /// Answers a dry run. Nothing of it waits in the queue: where D1 is away it may be asked again.
    async fn foresee(&self, received: &Received, arrival: &mut Arrival) -> Reply {
        match dry_run::answer(self.config, received, arrival).await {
            Ok(Some((reply, cost))) => with_cost(self.config, reply, cost),
            Ok(None) => {
                gate::unknown(self.config, self.incoming, &arrival.key_hash).await;
                self.refuse_key(Note::TokenUnknown)
            }
            Err(reason) => {
                edge::log("dry_run_not_answered", &reason.to_string());
                self.unavailable()
            }
        }
    }

    /// Stores the event or keeps what was refused, in one round trip and within the deadline, of which the
    /// wait for others is a part; where the key's space has moved, in its new database; where it has other rules
    /// than were known here, read again by those. After the deadline the outcome is unknown; the same arrival may
    /// be committed again and counts once. What a statement shared with others cost is nobody's own.
    async fn commit(&mut self, arrival: &mut Arrival) -> Result<(Committed, Option<Cost>), Error> {
        let config = self.config;
        let mut trail = Trail::default();
        loop {
            rules::read(self.received, arrival, &mut self.reading);
            let (written, cost) =
                db::in_time(config, write(config, arrival, &self.reading)).await?;
            let shut = match written {
                Ok(committed) => return Ok((committed, cost)),
                Err(shut) => shut,
            };
            if !trail.follow(config, arrival, shut).await? {
                return Ok((Committed::UnknownKey, cost));
            }
        }
    }

    /// Puts on the queue what D1 did not take, so that `queued` stays true. A key whose check part is
    /// not ours was never ours, and needs no database to be refused.
    async fn spill(&self, key: &Presented<'_>, postback: Postback, outage: Outage) -> Reply {
        let receipt = postback.arrival.receipt.clone();
        let sent = match self.config.key_secret() {
            Ok(secret) if !key.is_ours(secret.as_bytes()) => {
                return self.refuse_key(Note::TokenUnknown);
            }
            Ok(_) => {
                let (message, address) = (Message::Postback(postback), self.incoming.address());
                spill::set_aside(self.config, &address, &message, outage).await
            }
            Err(missing) => Err(missing),
        };
        match sent {
            Ok(()) => self.stored(Status::Queued, &receipt).with("x-stored", "later".to_owned()),
            Err(reason) => {
                edge::log("report_not_spilled", &reason.to_string());
                self.unavailable()
            }
        }
    }

    fn answer(&self, outcome: Committed) -> Reply {
        let (status, Name { seq, receipt, .. }) = match outcome {
            Committed::Stored(Stored::New(name)) => (Status::Queued, name),
            Committed::Stored(Stored::Known(name)) => (Status::Duplicate, name),
            Committed::Refused(status, notes) => {
                return Reply::to_report(status, &notes, self.audience, None);
            }
            Committed::UnknownKey => return self.refuse_key(Note::TokenUnknown),
        };
        self.stored(status, &receipt).with("x-event-id", seq.to_string())
    }

    /// The answer to what is safe with us, under its receipt: an event by `status`, a refusal by its own.
    fn stored(&self, status: Status, receipt: &str) -> Reply {
        match &self.reading.verdict {
            Ok(report) => {
                let inbox_id = Some(receipt).filter(|_| self.audience == Audience::Program);
                Reply::to_report(status, &report.notes, self.audience, inbox_id)
            }
            Err(refusal) => Reply::to_report(refusal.status, &refusal.notes, self.audience, None),
        }
    }

    /// The answer to what nobody could take: the sender is asked to come back.
    fn unavailable(&self) -> Reply {
        let notes = match &self.reading.verdict {
            Ok(report) => &report.notes,
            Err(refusal) => &refusal.notes,
        };
        Reply::to_report(Status::Unavailable, notes, self.audience, None)
    }

    /// In the contract's order a request that cannot be read goes before its key.
    fn refuse_key(&self, note: Note) -> Reply {
        let notes = self.reading.verdict.as_ref().err().map(|refusal| refusal.notes.clone());
        Reply::refused_key(notes.unwrap_or_default(), note, self.audience)
    }
}

/// Which kind of key opens which door.
fn kind_of(audience: Audience) -> KeyKind {
    match audience {
        Audience::Network => KeyKind::Ingest,
        Audience::Program => KeyKind::Bearer,
    }
}

/// Names this arrival by 64 random bits. Where there are none, every arrival counts as another.
pub fn arrival(config: &Config, key: &Presented<'_>, received_at_ms: i64) -> Arrival {
    let key_hash = key.hash();
    let moved_to = trail::remembered(&key_hash, received_at_ms);
    Arrival {
        key_hash,
        key_kind: key.kind(),
        received_at_ms,
        receipt: encode::hex(&edge::random::<8>().unwrap_or_default()),
        database: moved_to.unwrap_or_else(|| config.database_of(key)),
        rules: None,
    }
}

async fn write(
    config: &Config,
    arrival: &Arrival,
    reading: &Reading,
) -> Result<(Result<Committed, Shut>, Option<Cost>), Error> {
    match &reading.verdict {
        Ok(report) => {
            let (stored, cost) = writer::store(config, arrival, report, &reading.raw).await?;
            Ok((stored.map(Committed::Stored), cost))
        }
        Err(refusal) => {
            let db = config.db_of(arrival.database)?;
            let (kept, cost) = db::refused::keep(&db, arrival, refusal, &reading.raw).await?;
            let refused = |()| Committed::Refused(refusal.status, refusal.notes.clone());
            Ok((kept.map(refused), Some(cost)))
        }
    }
}

/// On somebody's own machine the answer tells what D1 counted, where it did so for this call alone: tests and
/// the benchmark read it.
pub fn with_cost(config: &Config, reply: Reply, cost: impl Into<Option<Cost>>) -> Reply {
    let Some(cost) = cost.into().filter(|_| config.local) else { return reply };
    let (read, written) = cost.rows();
    reply.with("x-d1-cost", format!("read={read} written={written}"))
}
