//! From a raw postback to an event or a refusal (docs/postback.md). Pure: time is an argument, and the
//! token is handed on unread, since only the database knows which are valid.

pub mod bind;
mod body;
pub mod click;
mod entity;
mod fault;
pub mod macros;
mod parameters;
mod swallowed;

pub use body::{Body, LIMIT_BYTES, Received, cut};
pub use fault::{Faults, Refusal};
pub use parameters::{Parameters, Value};

use crate::model::amount::Amount;
use crate::model::event::{Currency, EventKind, Report, TgId};
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
    pub verdict: Verdict,
}

/// Reads a postback at the moment it was received. Refused first for what was wrong with the request.
pub fn read(received: &Received, now_ms: i64) -> Reading {
    let mut parameters = Parameters::parse(&received.query);
    let verdict = judge(&mut parameters, received.broken, now_ms);
    Reading { token: parameters.token, raw: parameters.raw, verdict }
}

fn judge(parameters: &mut Parameters, broken: Option<Broken>, now_ms: i64) -> Verdict {
    let mut faults = Faults::of_request(parameters, broken);
    let event = read_event(parameters, &mut faults);
    let uid = faults.read_id(parameters, Field::Uid);
    let eid = faults.read_id(parameters, Field::Eid);
    let (value, amount, mut notes) = read_value(parameters, event, &mut faults);
    let currency = read_currency(parameters, &mut faults);
    let occurred_at = read_time(parameters, now_ms, &mut faults);
    let tg_id = read_tg_id(parameters);
    let counts = !is_test(parameters);
    if parameters.notes.contains(&Note::MacroUnresolved(Field::Uid))
        && matches!(parameters.value(Field::Value), Value::Unresolved(_))
    {
        notes.push(Note::TemplateOpened);
    }
    notes.splice(0..0, parameters.notes.iter().copied());
    match event {
        Some(event) if faults.is_empty() => Ok(Report {
            event,
            uid,
            eid,
            tg_id,
            value,
            amount,
            currency,
            occurred_at,
            counts,
            notes,
        }),
        _ => Err(faults.refusal(notes)),
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

fn read_currency(parameters: &mut Parameters, faults: &mut Faults) -> Currency {
    let Some(text) = parameters.text_or_absent(Field::Currency) else {
        return Currency::default();
    };
    Currency::parse(&text).unwrap_or_else(|| {
        faults.add(Status::InvalidCurrency, Note::CurrencyNotACode);
        Currency::default()
    })
}

fn read_time(parameters: &mut Parameters, now_ms: i64, faults: &mut Faults) -> EventTime {
    let Some(text) = parameters.text_or_absent(Field::Time) else {
        return EventTime::received(now_ms);
    };
    EventTime::parse(&text, now_ms).unwrap_or_else(|reason| {
        let note = match reason {
            BadTime::NotANumber => Note::TimeNotANumber,
            BadTime::Implausible => Note::TimeImplausible,
        };
        faults.add(Status::InvalidTime, note);
        EventTime::received(now_ms)
    })
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
