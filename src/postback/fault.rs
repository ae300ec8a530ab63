//! What is wrong with a request, collected while it is read.

use super::parameters::{Parameters, Value};
use crate::model::event::{BadId, Id};
use crate::model::note::{Broken, Field, Note};
use crate::model::status::Status;

/// Why a report is not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The first thing wrong, in the order of docs/postback.md, Answers.
    pub status: Status,
    /// Everything wrong, then what else there is to say.
    pub notes: Vec<Note>,
}

/// Whether a dry run is asked for. A network that never fills its macro here means nothing by it; anything
/// else but a no is a yes.
pub fn is_dry_run(parameters: &mut Parameters) -> bool {
    let dry_run = parameters.text_or_absent(Field::DryRun);
    dry_run.is_some_and(|text| text != "0" && !text.eq_ignore_ascii_case("false"))
}

/// The faults found so far. Readers ask for fields in the contract's order, so that the first fault
/// is the one that answers.
#[derive(Debug)]
pub struct Faults(Vec<(Status, Note)>);

impl Faults {
    /// Begins with what is wrong with the request itself: it is too long or cut off, or a field that
    /// matters is no text.
    pub fn of_request(parameters: &mut Parameters, broken: Option<Broken>) -> Self {
        let mut faults = Self(Vec::new());
        if let Some(broken) = broken {
            faults.add(Status::InvalidRequest, Note::Broken(broken));
        }
        for field in Field::ALL {
            if parameters.value(field) == Value::Undecodable {
                faults.add(Status::InvalidRequest, Note::Undecodable(field));
            }
        }
        faults
    }

    /// The same for a call that has no dry run, and is to do nothing where one is asked for.
    pub fn of_request_for_real(parameters: &mut Parameters, broken: Option<Broken>) -> Self {
        let mut faults = Self::of_request(parameters, broken);
        if is_dry_run(parameters) {
            faults.add(Status::InvalidDryRun, Note::DryRunUnavailable);
        }
        faults
    }

    pub fn add(&mut self, status: Status, note: Note) {
        self.0.push((status, note));
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn has(&self, status: Status) -> bool {
        self.0.iter().any(|(found, _)| *found == status)
    }

    /// Reads a uid or an eid; an unfilled macro in it counts as absent.
    pub fn read_id(&mut self, parameters: &mut Parameters, field: Field) -> Option<Id> {
        let text = parameters.text_or_absent(field)?;
        let (status, too_long, control) = match field {
            Field::Uid => (Status::InvalidUid, Note::UidTooLong, Note::UidControlCharacter),
            _ => (Status::InvalidEid, Note::EidTooLong, Note::EidControlCharacter),
        };
        let reason = match Id::parse(&text) {
            Ok(id) => return Some(id),
            Err(reason) => reason,
        };
        self.add(status, if reason == BadId::TooLong { too_long } else { control });
        None
    }

    /// What is wrong, in the order in which it was found.
    pub fn notes(&self) -> impl Iterator<Item = Note> {
        self.0.iter().map(|(_, note)| *note)
    }

    /// The refusal that these faults make, with what else there is to say.
    pub fn refusal(self, notes: Vec<Note>) -> Refusal {
        let status = self.0.first().map_or(Status::InvalidRequest, |(status, _)| *status);
        Refusal { status, notes: self.0.into_iter().map(|(_, note)| note).chain(notes).collect() }
    }
}
