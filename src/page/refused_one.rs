//! One refused postback: its receipt, and how to mend it.

use askama::Template;

use super::explain::{Explained, explain, refusal};
use super::frame::{self, Section};
use super::mend::MendSection;
use super::receipt;
use super::shown::{Moment, moment, times_more};
use crate::db::refused::Refused;
use crate::db::space::Spaces;
use crate::error::Error;
use crate::figures::Zone;
use crate::model::replay::Of;
use crate::receipt::Receipt;
use crate::reply::Reply;

#[derive(Template)]
#[template(path = "refused_one.html")]
struct RefusedOnePage {
    space_id: i64,
    seq: i64,
    why: &'static str,
    at: Moment,
    again: String,
    notes: Vec<Explained>,
    receipt: receipt::Shown,
    /// The event that it has become since.
    event: Option<i64>,
    mend: MendSection,
}

/// One of them, with its receipt.
pub fn page(
    spaces: &Spaces,
    space_id: i64,
    refused: &Refused,
    receipt: &Receipt,
    zone: &Zone,
) -> Result<Reply, Error> {
    let page = RefusedOnePage {
        space_id,
        seq: refused.seq,
        why: refused.status.map_or("it was refused", refusal),
        at: moment(zone, refused.received_at_ms),
        again: if refused.refires > 0 { times_more(refused.refires) } else { String::new() },
        notes: refused.notes.iter().map(|note| explain(note)).collect(),
        receipt: receipt::Shown::new(receipt, zone),
        event: refused.event_seq,
        mend: MendSection::new(space_id, Of::Refused, refused.seq),
    };
    let title = format!("Refused postback {}", refused.seq);
    frame::of_space(200, spaces, Section::Refused, &title, &page)
}
