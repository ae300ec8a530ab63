//! Entering an event by hand: what a network reported by mail, or never did.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use crate::db;
use crate::db::enter::Entry;
use crate::db::event::{Name, Stored};
use crate::db::space::Home;
use crate::edge;
use crate::error::{BadField, BadFields};
use crate::manage::must_exist;
use crate::model::note::Note;
use crate::model::status::Status;
use crate::postback::{self, Received, Refusal};
use crate::reply::Problem;
use crate::text::encode;

/// Bytes of what tells two entries apart: 128 bits.
const RECEIPT_BYTES: usize = 16;

/// An event that was entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entered {
    pub seq: i64,
    /// Whether this entry made it, now or when it came before; not, where its transaction's id was known.
    pub is_own: bool,
}

/// Enters an event that is described as a postback is. Under the same id and with the same content it is the same
/// entry, and is there once; so is one whose transaction's id is known.
pub async fn enter(
    home: &Home,
    space_id: i64,
    received: &Received,
    id: &str,
) -> Result<Entered, Problem> {
    must_exist(db::space::exists(home, space_id).await?)?;
    let now_ms = edge::now_ms();
    let reading = postback::read(received, now_ms);
    let mut report = reading.verdict.map_err(|refusal| bad(&refusal))?;
    report.notes.push(Note::ByHand);
    let receipt = receipt(id, &reading.raw);
    let dedup = report.eid.is_none().then(|| format!("h!{receipt}"));
    let key = dedup.clone().unwrap_or_else(|| report.dedup_key().as_str().to_owned());
    // Else it would be one more version of an event that somebody sees on their screen.
    if let Some((seq, first)) = db::enter::known(home, space_id, &key).await? {
        return Ok(Entered { seq, is_own: first == receipt });
    }
    let entry = Entry { report, raw: reading.raw, received_at_ms: now_ms, receipt, dedup };
    let stored = db::enter::store(home, space_id, &[entry]).await?;
    match stored.into_iter().next().flatten() {
        Some(Stored::New(Name { seq, .. })) => Ok(Entered { seq, is_own: true }),
        Some(Stored::Known(Name { seq, .. })) => Ok(Entered { seq, is_own: false }),
        None => Err(Problem::MOVING),
    }
}

/// The same for what was typed: names of parameters, and their texts.
pub async fn enter_typed(
    home: &Home,
    space_id: i64,
    typed: &[(&str, &str)],
    id: &str,
) -> Result<Entered, Problem> {
    let filled = typed.iter().filter(|(_, text)| !text.is_empty());
    let pairs = filled
        .map(|(name, text)| format!("{name}={}", utf8_percent_encode(text, NON_ALPHANUMERIC)));
    let query = pairs.collect::<Vec<_>>().join("&");
    enter(home, space_id, &Received::query(&query), id).await
}

/// What tells this entry from another.
fn receipt(id: &str, raw: &str) -> String {
    let digest = Sha256::digest(format!("{id}\n{raw}").as_bytes());
    encode::hex(digest.get(..RECEIPT_BYTES).unwrap_or_default())
}

/// The fields that were not taken, by the names that they have under `/api`.
fn bad(refusal: &Refusal) -> Problem {
    let found = BadFields::of(refusal.notes.iter().filter_map(bad_field));
    match found {
        Some(found) if refusal.status != Status::InvalidRequest => Problem::field(found),
        _ => Problem::unreadable(refusal.status.hint().unwrap_or_default().to_owned()),
    }
}

/// What a note says of a field; `None` where it is no fault.
fn bad_field(note: &Note) -> Option<BadField> {
    let hint = |status: Status| status.hint().unwrap_or_default();
    let (field, reason) = match note {
        Note::EventMissing | Note::EventUnknown => ("event", hint(Status::InvalidEvent)),
        Note::UidTooLong | Note::UidControlCharacter => ("uid", hint(Status::InvalidUid)),
        Note::EidTooLong | Note::EidControlCharacter => ("eid", hint(Status::InvalidEid)),
        Note::CurrencyNotACode => ("currency", hint(Status::InvalidCurrency)),
        Note::ValueNotANumber => ("value", "Write a plain number such as 25.00."),
        Note::TimeNotANumber | Note::TimeImplausible => {
            ("occurred_at_ms", "The time may be at most 366 days ago or 24 hours ahead.")
        }
        _ => return None,
    };
    Some(BadField::new(field, reason))
}
