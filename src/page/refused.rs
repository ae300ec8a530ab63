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
#[template(path = "refused.html")]
struct RefusedPage {
    refused: Vec<Shown>,
    more: Option<i64>,
}

/// The list of refused postbacks.
pub fn page(
    spaces: &Spaces,
    refused: &[Refused],
    zone: &Zone,
    more: Option<i64>,
) -> Result<Reply, Error> {
    let show = |refused: &Refused| Shown {
        seq: refused.seq,
        why: refused.status.map_or("it was refused", refusal),
        at: moment(zone, refused.received_at_ms),
        again: if refused.refires > 0 { times_more(refused.refires) } else { String::new() },
        notes: refused.notes.iter().map(|note| explain(note)).collect(),
        raw: visible(&refused.raw),
        pairs: pairs(&refused.raw),
    };
    let page = RefusedPage { refused: refused.iter().map(show).collect(), more };
    frame::of_space(200, spaces, Section::Refused, "Refused postbacks", &page)
}
