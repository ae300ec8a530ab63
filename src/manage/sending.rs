//! Sending by hand: a test, one event to one destination, what a pause held back. Each can be looked at before.

use crate::db;
use crate::db::destination::Stored;
use crate::db::resend::Told;
use crate::db::space::Home;
use crate::destination::facts::Facts;
use crate::destination::outcome::{self, Answer, Outcome};
use crate::destination::request::{LEADS_BACK, Mark, Outgoing, Tested};
use crate::destination::{Secrets, Settings, mask};
use crate::edge::config::Config;
use crate::edge::{self, seal};
use crate::error::BadField;
use crate::manage::destination::find;
use crate::manage::glimpse;
use crate::model::event::EventKind;
use crate::reply::Problem;

/// The second of two clicks waits for what the first one's destination answers in ten seconds at most.
const WAIT_S: u32 = 12;

/// Characters of a nonce that a sample's ids end with.
const SAMPLE_ID: usize = 12;

/// What a test tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// An event that nobody caused.
    Sample(EventKind),
    /// One that is stored, by its number.
    Event(i64),
}

impl What {
    /// The word for it in forms and addresses.
    pub fn word(self) -> String {
        match self {
            Self::Sample(kind) => format!("sample-{}", kind.code()),
            Self::Event(seq) => format!("event-{seq}"),
        }
    }

    /// Reads the word for it.
    pub fn parse(word: &str) -> Option<Self> {
        match word.split_once('-')? {
            ("sample", kind) => EventKind::parse(kind).map(Self::Sample),
            ("event", seq) => seq.parse().ok().map(Self::Event),
            _ => None,
        }
    }
}

/// A request that has not been sent.
pub struct Prepared {
    pub stored: Stored,
    settings: Box<dyn Settings>,
    secrets: Secrets,
    /// The request; or why the destination could only refuse the event.
    built: Result<Outgoing, &'static str>,
    /// By what the receiver can tell that it is a test.
    pub mark: Mark,
}

impl Prepared {
    /// The request as an operator may see it, secrets masked; or why nothing can be sent.
    pub fn shown(&self) -> Result<Outgoing, &'static str> {
        self.built.as_ref().map(|outgoing| outgoing.shown(&self.secrets)).map_err(|reason| *reason)
    }

    /// Refuses a test that would be taken for a real event where it could be marked as one.
    pub fn may_be_tested(&self) -> Result<(), BadField> {
        self.settings.may_be_tested()
    }
}

/// The sample that a test of a destination is unless somebody chooses: a deposit, or what it takes.
pub fn usual(stored: &Stored) -> What {
    let names = stored.names();
    let is_taken = |kind: &&EventKind| names.contains_key(kind.code());
    let taken = EventKind::ALL.iter().rev().find(is_taken);
    What::Sample(taken.copied().unwrap_or(EventKind::Deposit))
}

/// What a test would send. The same `nonce` makes the same ids.
pub async fn prepare_test(
    config: &Config,
    home: &Home,
    space_id: i64,
    id: i64,
    what: Option<What>,
    nonce: &str,
) -> Result<Prepared, Problem> {
    let (stored, settings) = find(home, space_id, id).await?;
    let now_ms = edge::now_ms();
    let what = what.unwrap_or_else(|| usual(&stored));
    let mut facts = match what {
        What::Sample(kind) => {
            let target = name_for(&stored, &*settings, kind);
            let sample_id = nonce.get(..SAMPLE_ID).unwrap_or(nonce);
            Facts::sample(kind, target, sample_id, now_ms)
        }
        What::Event(seq) => {
            let told =
                db::resend::told(home, space_id, id, seq).await?.ok_or(Problem::NOT_FOUND)?;
            let mut facts = told.loaded.facts;
            if facts.target.is_empty() {
                facts.target = name_for(&stored, &*settings, facts.canonical);
            }
            facts
        }
    };
    facts.event_id = format!("test_{nonce}");
    let mark = settings.test_mark(facts.canonical, matches!(what, What::Sample(_)));
    let secrets = seal::open_secrets(config, space_id, &stored.secrets).await?;
    let built = settings.outgoing(&secrets, &facts, now_ms, true, config.local);
    Ok(Prepared { stored, settings, secrets, built: not_back(config, built), mark })
}

/// The destination's own name for a kind of event, or the one that it would be given.
fn name_for(stored: &Stored, settings: &dyn Settings, kind: EventKind) -> String {
    let own = stored.names().get(kind.code()).cloned();
    own.unwrap_or_else(|| (settings.kind().prefilled)(kind).to_owned())
}

/// What carries a key of this deployment is not sent.
fn not_back(
    config: &Config,
    built: Result<Outgoing, &'static str>,
) -> Result<Outgoing, &'static str> {
    match built {
        Ok(outgoing) if outgoing.texts().any(|text| config.has_own_key(text)) => Err(LEADS_BACK),
        built => built,
    }
}

/// Sends a test, under an id of its own and marked where its kind can be marked; nothing is recorded.
pub async fn test(
    config: &Config,
    home: &Home,
    space_id: i64,
    id: i64,
    what: Option<What>,
    nonce: &str,
) -> Result<Tested, Problem> {
    let prepared = prepare_test(config, home, space_id, id, what, nonce).await?;
    prepared.may_be_tested().map_err(Problem::field)?;
    Ok(exchange(&prepared).await)
}

async fn exchange(prepared: &Prepared) -> Tested {
    let (answer, text) = match &prepared.built {
        Ok(outgoing) => edge::exchange(outgoing).await,
        Err(reason) => (Answer::Hopeless, (*reason).to_owned()),
    };
    let outcome = outcome::judge(&answer, prepared.settings.success());
    Tested {
        ok: outcome == Outcome::Sent,
        outcome,
        request: prepared.shown().ok(),
        status: if let Answer::Status { status, .. } = answer { Some(status) } else { None },
        answer: mask::answer(&text, &prepared.secrets),
    }
}

/// Sends a test for a form, once however often it is sent, and keeps what came back for its page.
pub async fn test_once(
    config: &Config,
    home: &Home,
    space_id: i64,
    id: i64,
    what: What,
    nonce: &str,
) -> Result<(), Problem> {
    let prepared = prepare_test(config, home, space_id, id, Some(what), nonce).await?;
    prepared.may_be_tested().map_err(Problem::field)?;
    if !glimpse::begin(home, space_id, nonce).await? {
        return glimpse::wait(home, space_id, nonce, WAIT_S).await;
    }
    glimpse::finish(config, home, space_id, nonce, &exchange(&prepared).await).await
}

/// An event on its way to a destination, by hand.
pub struct Handed {
    pub stored: Stored,
    pub told: Told,
    /// The name that the event has there, or would be given.
    pub target: String,
    secrets: Secrets,
    built: Result<Outgoing, &'static str>,
}

impl Handed {
    /// The request as an operator may see it, secrets masked; or why nothing can be sent.
    pub fn shown(&self) -> Result<Outgoing, &'static str> {
        let shown = self.built.as_ref().map(|outgoing| outgoing.shown(&self.secrets));
        shown.map_err(|reason| *reason)
    }

    /// Why the event is not sent there; `None` where it may be.
    pub fn refusal(&self) -> Option<&'static str> {
        match self.told.state.as_deref() {
            _ if !self.told.counted => Some(NOT_COUNTED),
            None | Some("sent" | "failed_permanently") => self.built.as_ref().err().copied(),
            Some(_) => Some(IS_OPEN),
        }
    }
}

const NOT_COUNTED: &str = "This event is not counted: it is a test, or was taken out of the figures. What is not counted is sent nowhere, since a destination would count it.";

const IS_OPEN: &str =
    "This event is on its way there already: it is waiting, being sent or will be retried.";

/// An event as it would be sent to a destination, under its own name for it or another one.
pub async fn prepare(
    config: &Config,
    home: &Home,
    space_id: i64,
    (id, seq): (i64, i64),
    target: Option<&str>,
) -> Result<Handed, Problem> {
    let (stored, settings) = find(home, space_id, id).await?;
    let mut told = db::resend::told(home, space_id, id, seq).await?.ok_or(Problem::NOT_FOUND)?;
    let secrets = seal::open_secrets(config, space_id, &stored.secrets).await?;
    let facts = &mut told.loaded.facts;
    if let Some(target) = target {
        facts.target = target.trim().to_owned();
    } else if facts.target.is_empty() {
        facts.target = name_for(&stored, &*settings, facts.canonical);
    }
    let built = settings.outgoing(&secrets, facts, edge::now_ms(), false, config.local);
    let target = facts.target.clone();
    Ok(Handed { stored, told, target, secrets, built: not_back(config, built) })
}

/// Sends one event to one destination: makes its delivery, or makes the finished one due once more. `last_try_ms` is
/// when the one that is there was last tried, as far as a form knows: sent twice, it sends once. Gives whether anything
/// is due now.
pub async fn send(
    config: &Config,
    home: &Home,
    space_id: i64,
    which: (i64, i64),
    target: Option<&str>,
    last_try_ms: Option<i64>,
) -> Result<bool, Problem> {
    let mut handed = prepare(config, home, space_id, which, target).await?;
    if let Some(reason) = handed.refusal() {
        // A second click finds it on its way.
        let is_again = last_try_ms.is_some() && reason == IS_OPEN;
        return if is_again {
            Ok(false)
        } else {
            Err(Problem::field(BadField::new("seq", reason)))
        };
    }
    let name = &handed.target;
    if name.is_empty() || name.chars().count() > NAME_LENGTH || name.chars().any(char::is_control) {
        return Err(Problem::field(BadField::new("as", BAD_NAME)));
    }
    if let Some(last_try_ms) = last_try_ms {
        handed.told.last_try_ms = last_try_ms;
    }
    let (told, now_ms) = (&handed.told, edge::now_ms());
    Ok(db::resend::send(home, space_id, told, &handed.target, now_ms).await?)
}

/// As long as a destination's own names for events may be.
const NAME_LENGTH: usize = 100;

const BAD_NAME: &str = "Give the event's name there, of up to 100 characters, on one line.";
