//! From a raw postback to an event or a refusal (docs/postback.md). Pure: time is an argument, and the
//! token is handed on unread, since only the database knows which are valid.

pub mod ad;
pub mod bind;
mod body;
pub mod click;
mod entity;
mod fault;
pub mod macros;
pub mod mend;
mod parameters;
pub mod pasted;
pub mod receipt;
pub mod replay;
mod swallowed;

use mend::{Mended, Rule};

pub use body::{Body, LIMIT_BYTES, Received, cut};
pub use fault::{Faults, Refusal};
pub use parameters::{Parameters, Value};

use crate::model::amount::Amount;
use crate::model::event::{Currency, EventKind, Id, Report, TgId};
use crate::model::note::{Broken, Field, Note};
use crate::model::status::Status;
use crate::model::time::{BadTime, EventTime};

/// What says yes to `test`.
const YES: [&str; 4] = ["1", "true", "yes", "on"];

/// A postback that was understood, or the reason why not.
pub type Verdict = Result<Report, Refusal>;

/// A postback as it was read.
#[derive(Debug)]
pub struct Reading {
    /// The token from the query or the body, as it was sent.
    pub token: Option<String>,
    /// Query and body as one query, secrets removed: what is kept, and what can be read again.
    pub raw: String,
    /// Whether it asks what would become of it, and for nothing to be done.
    pub is_dry_run: bool,
    pub verdict: Verdict,
}

/// Reads a postback at the moment it was received. Refused first for what was wrong with the request.
pub fn read(received: &Received, now_ms: i64) -> Reading {
    read_mended(received, now_ms, &[])
}

/// The same for a sender whose mistakes are known: mends come between taking the query apart and judging it. The
/// raw query stays as it arrived.
pub fn read_mended(received: &Received, now_ms: i64, rules: &[Rule]) -> Reading {
    let mut parameters = Parameters::parse(&received.query);
    let understood = understand(&mut parameters, received.broken, now_ms, rules);
    let is_dry_run = understood.is_dry_run;
    let verdict = understood.verdict(now_ms);
    Reading { token: parameters.token, raw: parameters.raw, is_dry_run, verdict }
}

/// What each field was understood as, whether or not all of them make a report.
struct Understood {
    event: Option<EventKind>,
    uid: Option<Id>,
    eid: Option<Id>,
    tg_id: Option<TgId>,
    value: Option<String>,
    amount: Option<Amount>,
    currency: Option<Currency>,
    time: Option<EventTime>,
    is_test: bool,
    is_dry_run: bool,
    faults: Faults,
    notes: Vec<Note>,
    mended: Mended,
}

impl Understood {
    fn verdict(self, now_ms: i64) -> Verdict {
        let event = match self.event {
            Some(event) if self.faults.is_empty() => event,
            _ => return Err(self.faults.refusal(self.notes)),
        };
        Ok(self.mended.finish(Report {
            event,
            uid: self.uid,
            eid: self.eid,
            tg_id: self.tg_id,
            value: self.value,
            amount: self.amount,
            currency: self.currency.unwrap_or_default(),
            occurred_at: self.time.unwrap_or(EventTime::received(now_ms)),
            counts: !self.is_test,
            notes: self.notes,
        }))
    }
}

fn understand(
    parameters: &mut Parameters,
    broken: Option<Broken>,
    now_ms: i64,
    rules: &[Rule],
) -> Understood {
    let mended = mend::apply(rules, parameters);
    let mut faults = Faults::of_request(parameters, broken);
    let is_dry_run = fault::is_dry_run(parameters);
    let event = read_event(parameters, &mut faults);
    let uid = faults.read_id(parameters, Field::Uid);
    let eid = faults.read_id(parameters, Field::Eid);
    let (value, amount, mut notes) = read_value(parameters, event, &mut faults);
    let currency = read_currency(parameters, &mut faults);
    let time = read_time(parameters, now_ms, &mut faults);
    let tg_id = read_tg_id(parameters);
    let is_test = is_test(parameters);
    if parameters.notes.contains(&Note::MacroUnresolved(Field::Uid))
        && matches!(parameters.value(Field::Value), Value::Unresolved(_))
    {
        notes.push(Note::TemplateOpened);
    }
    notes.splice(0..0, parameters.notes.iter().copied());
    Understood {
        event,
        uid,
        eid,
        tg_id,
        value,
        amount,
        currency,
        time,
        is_test,
        is_dry_run,
        faults,
        notes,
        mended,
    }
}

fn read_event(parameters: &mut Parameters, faults: &mut Faults) -> Option<EventKind> {
    let (event, note) = match parameters.value(Field::Event) {
        Value::Absent => (None, Note::EventMissing),
        Value::Undecodable => return None,
        Value::Unresolved(_) => (None, Note::MacroUnresolved(Field::Event)),
        Value::Text(text) => (EventKind::parse(text), Note::EventUnknown),
    };
    if event.is_none() {
        faults.add(Status::InvalidEvent, note);
    }
    event
}

/// The amount as sent and as understood. Only a deposit's is judged; an unfilled macro in it is no
/// number, while an empty one is a deposit that adds nothing.
fn read_value(
    parameters: &mut Parameters,
    event: Option<EventKind>,
    faults: &mut Faults,
) -> (Option<String>, Option<Amount>, Vec<Note>) {
    let text = match parameters.value(Field::Value) {
        Value::Text(text) | Value::Unresolved(text) => Some(text.to_owned()),
        Value::Absent | Value::Undecodable => None,
    };
    if event != Some(EventKind::Deposit) {
        return (text, None, Vec::new());
    }
    let Some(sent) = &text else {
        return (None, None, vec![Note::ValueEmpty]);
    };
    match Amount::parse(sent) {
        Some((amount, notes)) => (text, Some(amount), notes),
        None => {
            faults.add(Status::InvalidValue, Note::ValueNotANumber);
            (text, None, Vec::new())
        }
    }
}

fn read_currency(parameters: &mut Parameters, faults: &mut Faults) -> Option<Currency> {
    let text = parameters.text_or_absent(Field::Currency)?;
    let currency = Currency::parse(&text);
    if currency.is_none() {
        faults.add(Status::InvalidCurrency, Note::CurrencyNotACode);
    }
    currency
}

fn read_time(parameters: &mut Parameters, now_ms: i64, faults: &mut Faults) -> Option<EventTime> {
    let text = parameters.text_or_absent(Field::Time)?;
    let time = EventTime::parse(&text, now_ms);
    let note = |reason| match reason {
        BadTime::NotANumber => Note::TimeNotANumber,
        BadTime::Implausible => Note::TimeImplausible,
    };
    time.map_err(|reason| faults.add(Status::InvalidTime, note(reason))).ok()
}

fn read_tg_id(parameters: &mut Parameters) -> Option<TgId> {
    let text = parameters.text_or_absent(Field::TgId)?;
    let tg_id = TgId::parse(&text);
    if tg_id.is_none() {
        parameters.notes.push(Note::TgIdIgnored);
    }
    tg_id
}

/// Whether a report says that it is a test. Networks have parameters of their own of this name: nothing but a
/// plain yes takes a deposit out of the figures.
fn is_test(parameters: &mut Parameters) -> bool {
    let is_yes = |text: &str| YES.iter().any(|yes| text.eq_ignore_ascii_case(yes));
    let is_test = matches!(parameters.value(Field::Test), Value::Text(text) if is_yes(text));
    if is_test {
        parameters.notes.push(Note::Test);
    }
    is_test
}

#[cfg(test)]
mod tests;
