//! Reads `/bind` (docs/bot.md).

use crate::model::bind::Bind;
use crate::model::event::TgId;
use crate::model::note::{Field, Note};
use crate::model::status::Status;
use crate::postback::Received;
use crate::postback::fault::{Faults, Refusal};
use crate::postback::parameters::Parameters;

/// A bind as it was read.
#[derive(Debug)]
pub struct Reading {
    /// The ingest token of a `GET`.
    pub token: Option<String>,
    pub verdict: Result<Bind, Refusal>,
}

/// Reads a bind. Here both fields are required, and an unfilled macro does not count as a value.
pub fn read(received: &Received) -> Reading {
    let mut parameters = Parameters::parse(&received.query);
    let mut faults = Faults::of_request_for_real(&mut parameters, received.broken);
    let uid = faults.read_id(&mut parameters, Field::Uid);
    if uid.is_none() && !faults.has(Status::InvalidUid) {
        faults.add(Status::InvalidUid, Note::UidMissing);
    }
    let tg_id = parameters.text_or_absent(Field::TgId);
    let tg_id = match tg_id.as_deref() {
        None => Err(Note::TgIdMissing),
        Some(text) => TgId::parse(text).ok_or(Note::TgIdNotANumber),
    };
    let tg_id = tg_id.map_err(|note| faults.add(Status::InvalidTgId, note)).ok();
    let verdict = match (uid, tg_id, faults.is_empty()) {
        (Some(uid), Some(tg_id), true) => Ok(Bind { uid, tg_id }),
        _ => Err(faults.refusal(parameters.notes)),
    };
    Reading { token: parameters.token, verdict }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(query: &str) -> Result<(String, i64), Status> {
        let reading = read(&Received::query(query));
        let bind = reading.verdict.map_err(|refusal| refusal.status)?;
        Ok((bind.uid.as_str().to_owned(), bind.tg_id.number()))
    }

    #[test]
    fn both_fields_are_required() {
        assert_eq!(status("uid=u&tg_id=5"), Ok(("u".to_owned(), 5)));
        for (query, expected) in [
            ("tg_id=5", Status::InvalidUid),
            ("uid={click_id}&tg_id=5", Status::InvalidUid),
            ("uid=a%00&tg_id=5", Status::InvalidUid),
            ("uid=u", Status::InvalidTgId),
            ("uid=u&tg_id=@alice", Status::InvalidTgId),
            ("uid=u&tg_id={tg}", Status::InvalidTgId),
            ("uid=%FF&tg_id=5", Status::InvalidRequest),
        ] {
            assert_eq!(status(query), Err(expected), "{query}");
        }
    }

    #[test]
    fn the_notes_name_all() {
        let refusal = read(&Received::query("")).verdict.unwrap_err();
        assert_eq!(refusal.notes, [Note::UidMissing, Note::TgIdMissing]);
    }
}
