//! Entering an event by hand: what a network reported by mail, or never did.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use crate::db;
use crate::db::enter::Entry;
use crate::db::event::{Name, Stored};
use crate::db::space::Home;
use crate::edge;
use crate::error::BadField;
use crate::manage::must_exist;
use crate::model::note::Note;
use crate::model::status::Status;
use crate::postback::{self, Received};
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
    let mut report = reading.verdict.map_err(|refusal| bad(refusal.status))?;
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

/// The field that was not taken, by the name that it has under `/api`.
fn bad(status: Status) -> Problem {
    let (field, reason) = match status {
        Status::InvalidEvent => ("event", None),
        Status::InvalidUid => ("uid", None),
        Status::InvalidEid => ("eid", None),
        Status::InvalidCurrency => ("currency", None),
        Status::InvalidTgId => ("tg_id", None),
        Status::InvalidValue => ("value", Some("Write a plain number such as 25.00.")),
        Status::InvalidTime => {
            ("occurred_at_ms", Some("The time may be at most 366 days ago or 24 hours ahead."))
        }
        _ => return Problem::unreadable(status.hint().unwrap_or_default().to_owned()),
    };
    Problem::field(BadField::new(field, reason.or(status.hint()).unwrap_or_default()))
}
