//! Why it was decided so, in one sentence.

use super::{Again, Decided, Event};
use crate::model::note::Note;

/// Of what would be a new event.
pub fn would_be_new(event: &Event) -> String {
    match (&event.amount, event.counted) {
        (_, false) => format!(
            "It would be a new {} that says it is a test: on record, in no figure, sent nowhere.",
            event.event
        ),
        (Some(amount), true) => {
            format!("It would be a new deposit, and add {amount} {} to revenue.", event.currency)
        }
        (None, true) if event.event == "deposit" => {
            "It would be a new deposit without an amount, and add nothing to revenue.".to_owned()
        }
        (None, true) => format!("It would be a new {}.", event.event),
    }
}

/// Of what would be another arrival of an event.
pub fn would_be_again(known: &Event, again: &Again) -> String {
    let same = if known.eid.is_some() { "The same eid" } else { "The same person and time" };
    let number = known.seq.unwrap_or_default();
    let is = format!("{same} came before: it is event {number}, and would count nothing");
    if again.differs.is_empty() {
        format!("{is}.")
    } else {
        let what = again.differs.join(" and ");
        format!("{is}. It has another {what}, which would be kept as another version.")
    }
}

/// Of a stored event.
pub fn stored(event: &Event, notes: &[String], decisions: &[Decided]) -> String {
    let is_test = notes.iter().any(|note| Note::read(note) == Some(Note::Test));
    match (&event.amount, event.counted) {
        (_, false) if is_test && decisions.is_empty() => {
            "It says that it is a test: it is on record, and in no figure.".to_owned()
        }
        (_, false) => "It is on record, and in no figure: see the decisions.".to_owned(),
        (Some(amount), true) => {
            format!("It is a deposit, and adds {amount} {} to revenue.", event.currency)
        }
        (None, true) if event.event == "deposit" => {
            "It is a deposit without an amount, and adds nothing to revenue.".to_owned()
        }
        (None, true) => format!("It is counted as {}.", event.event),
    }
}
