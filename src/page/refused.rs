//! What was refused: kept whole, with the reason.

use askama::Template;

use super::explain::{Explained, explain, refusal};
use super::frame::{self, Section};
use super::receipt;
use super::shown::{Moment, moment, times_more, visible};
use crate::db::refused::Refused;
use crate::db::space::Spaces;
use crate::error::Error;
use crate::figures::Zone;
use crate::receipt::Receipt;
use crate::reply::Reply;
use crate::text::pairs;

struct Shown {
    seq: i64,
    why: &'static str,
    at: Moment,
    again: String,
    notes: Vec<Explained>,
    raw: String,
    /// The parameters of the raw query, decoded.
    pairs: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "refused_one.html")]
struct OnePage {
    space_id: i64,
    seq: i64,
    why: &'static str,
    at: Moment,
    again: String,
    notes: Vec<Explained>,
    receipt: receipt::Shown,
}

#[derive(Template)]
#[template(path = "refused.html")]
struct RefusedPage {
    space_id: i64,
    refused: Vec<Shown>,
    more: Option<i64>,
}

/// The list of refused postbacks.
pub fn page(
    spaces: &Spaces,
    space_id: i64,
    refused: &[Refused],
    zone: &Zone,
    more: Option<i64>,
) -> Result<Reply, Error> {
    let show = |refused: &Refused| Shown {
        seq: refused.seq,
        why: why(refused),
        at: moment(zone, refused.received_at_ms),
        again: again(refused),
        notes: notes(refused),
        raw: visible(&refused.raw),
        pairs: pairs::pairs(&refused.raw)
            .iter()
            .map(|(name, value)| (visible(name), visible(value)))
            .collect(),
    };
    let page = RefusedPage { space_id, refused: refused.iter().map(show).collect(), more };
    frame::of_space(200, spaces, Section::Refused, "Refused postbacks", &page)
}

/// One of them, with its receipt.
pub fn one(
    spaces: &Spaces,
    space_id: i64,
    refused: &Refused,
    receipt: &Receipt,
    zone: &Zone,
) -> Result<Reply, Error> {
    let page = OnePage {
        space_id,
        seq: refused.seq,
        why: why(refused),
        at: moment(zone, refused.received_at_ms),
        again: again(refused),
        notes: notes(refused),
        receipt: receipt::Shown::new(receipt, zone),
    };
    let title = format!("Refused postback {}", refused.seq);
    frame::of_space(200, spaces, Section::Refused, &title, &page)
}

fn why(refused: &Refused) -> &'static str {
    refused.status.map_or("it was refused", refusal)
}

fn again(refused: &Refused) -> String {
    if refused.refires > 0 { times_more(refused.refires) } else { String::new() }
}

fn notes(refused: &Refused) -> Vec<Explained> {
    refused.notes.iter().map(|note| explain(note)).collect()
}
