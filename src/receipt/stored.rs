//! The receipt of what is on record: an event, or what was refused. The raw query is read again as it was at
//! the time; what was decided is what the database has.

use super::reason;
use super::{
    Again, Click, Decided, Decision, Delivery, Event, Parameter, Receipt, key, link, note_spelling,
    repairs, word,
};
use crate::db::destination::raw;
use crate::db::feed::{self, Whole};
use crate::db::history::{Arrived, History, Says};
use crate::db::refused::Refused;
use crate::model::status::Status;
use crate::postback::{Received, receipt};

/// The receipt of a stored event.
pub fn of_event(whole: &Whole) -> Receipt {
    let item = &whole.item;
    let mut parameters = parameters(&item.raw, item.received_at_ms);
    note_spelling(&mut parameters, &item.notes);
    let name = whole.links.iter().find(|(id, _)| *id == item.link_id);
    let click = whole
        .click
        .as_ref()
        .map(|(click, _)| Click { uid: click.uid.clone(), clicked_at_ms: click.clicked_at_ms });
    let event = Event::stored(item, link(item.link_id, name.map(|(_, name)| name.clone())), click);
    let decisions = decisions(&whole.history);
    Receipt {
        raw: item.raw.clone(),
        key: key(&whole.key),
        parameters,
        repairs: repairs(&item.notes),
        counters: event.counters(),
        decision: Decision {
            status: Status::Queued.word(),
            reason: reason::stored(&event, &item.notes, &decisions),
            notes: item.notes.clone(),
            event: Some(event),
            decisions,
            ..Decision::default()
        },
        deliveries: whole.deliveries.iter().map(delivery).collect(),
        again: again(whole),
    }
}

/// The receipt of a refused postback, which moved nothing.
pub fn of_refused(refused: &Refused) -> Receipt {
    let hint = refused.status.and_then(Status::hint).unwrap_or_default();
    Receipt {
        raw: refused.raw.clone(),
        key: key(&refused.key),
        parameters: parameters(&refused.raw, refused.received_at_ms),
        repairs: repairs(&refused.notes),
        decision: Decision {
            status: word(refused.status),
            reason: hint.to_owned(),
            notes: refused.notes.clone(),
            refused: Some(refused.seq),
            became: refused.event_seq,
            ..Decision::default()
        },
        counters: Vec::new(),
        deliveries: Vec::new(),
        again: Vec::new(),
    }
}

/// Each parameter of a raw query; none where it is not kept any more.
fn parameters(raw: &str, received_at_ms: i64) -> Vec<Parameter> {
    let received = Received { query: raw.to_owned(), broken: None };
    receipt::read(&received, received_at_ms, &[]).parameters
}

fn decisions(history: &History) -> Vec<Decided> {
    let decided = history.decisions.iter().map(|decided| Decided {
        n: decided.n,
        kind: decided.kind.clone(),
        reason: decided.reason.clone(),
        other: decided.other,
        undoes: decided.undoes,
        at_ms: decided.at_ms,
    });
    decided.collect()
}

fn again(whole: &Whole) -> Vec<Again> {
    let again = whole.history.again.iter().map(|arrived| {
        let before = said_at(whole, arrived.received_at_ms);
        let Arrived { received_at_ms, version, decided } = arrived.clone();
        Again { decision: decided, ..Again::of(received_at_ms, &before, version) }
    });
    again.collect()
}

/// What the event said at a time: what it says now, or what it said before the next decision.
fn said_at(whole: &Whole, ms: i64) -> Says {
    let item = &whole.item;
    let next = whole.history.decisions.iter().find(|decided| decided.at_ms > ms);
    next.map_or_else(
        || Says { uid: item.uid.clone(), micros: item.micros, currency: item.currency.clone() },
        |decided| decided.before.clone(),
    )
}

fn delivery(delivery: &feed::Delivery) -> Delivery {
    Delivery {
        destination: delivery.name.clone(),
        id: delivery.destination_id,
        target: delivery.target.clone(),
        state: delivery.state.clone(),
        tries: Some(delivery.tries),
        attempts: raw(&delivery.attempts),
    }
}
