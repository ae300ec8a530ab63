//! What was refused: kept whole, with the reason.

use askama::Template;

use super::event::pairs;
use super::explain::{Explained, explain, refusal};
use super::frame::{self, Section};
use super::shown::{Moment, moment, times_more, visible};
use crate::db::refused::Refused;
use crate::db::space::Spaces;
use crate::error::Error;
use crate::figures::Zone;
use crate::reply::Reply;

struct Shown {
    seq: i64,
    why: &'static str,
    at: Moment,
    again: String,
    notes: Vec<Explained>,
    raw: String,
    pairs: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "held.html")]
struct Page {
    held: Vec<Shown>,
    more: Option<i64>,
}

/// The list of refused postbacks.
pub fn page(
    spaces: &Spaces,
    held: &[Refused],
    zone: &Zone,
    more: Option<i64>,
) -> Result<Reply, Error> {
    let show = |held: &Refused| Shown {
        seq: held.seq,
        why: held.status.map_or("it was refused", refusal),
        at: moment(zone, held.received_at_ms),
        again: if held.refires > 0 { times_more(held.refires) } else { String::new() },
        notes: held.notes.iter().map(|note| explain(note)).collect(),
        raw: visible(&held.raw),
        pairs: pairs(&held.raw),
    };
    let page = Page { held: held.iter().map(show).collect(), more };
    frame::of_space(200, spaces, Section::Refused, "Refused postbacks", &page)
}
