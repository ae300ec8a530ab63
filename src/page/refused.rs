//! What can be mended and done again: refused postbacks, kept whole with the reason, and events.

use askama::Template;

use super::explain::{Explained, explain, refusal};
use super::form::{self, Sent};
use super::frame::{self, Section};
use super::mend::{Choice, written};
use super::shown::{Moment, moment, times_more, visible};
use crate::db::chosen::Chosen;
use crate::db::space::Spaces;
use crate::error::{BadFields, Error};
use crate::figures::Zone;
use crate::model::replay::Of;
use crate::model::status::Status;
use crate::reply::Reply;
use crate::text::pairs;

/// What a postback can be refused for.
const STATUSES: [Status; 7] = [
    Status::InvalidValue,
    Status::InvalidEvent,
    Status::InvalidCurrency,
    Status::InvalidTime,
    Status::InvalidUid,
    Status::InvalidEid,
    Status::InvalidRequest,
];

/// The parameters of the address that narrow the list down.
pub const FILTERS: [&str; 7] = ["of", "status", "note", "text", "from", "to", "done"];

struct Shown {
    seq: i64,
    why: String,
    at: Moment,
    again: String,
    /// The event that it is, or has become.
    event: Option<i64>,
    can_choose: bool,
    chosen: bool,
    notes: Vec<Explained>,
    raw: String,
    pairs: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "refused.html")]
struct RefusedPage<'a> {
    space_id: i64,
    of: &'static str,
    /// Word, what it means, whether it is chosen.
    statuses: Vec<(&'static str, &'static str, bool)>,
    note: &'a str,
    text: &'a str,
    from: &'a str,
    to: &'a str,
    done: bool,
    bad_dates: &'static str,
    is_filtered: bool,
    /// The filter, as the form sends it along.
    kept: Vec<(&'static str, &'a str)>,
    all: bool,
    lines: Vec<Shown>,
    choice: Choice,
    /// The filter in an address, with what joins another parameter to it.
    query: String,
    more: Option<i64>,
}

/// What a list is made of.
pub struct Listed<'a> {
    pub space_id: i64,
    pub of: Of,
    /// What the address asks for, and what was chosen of the list before.
    pub sent: &'a Sent,
    pub chosen: &'a [Chosen],
    pub bad_dates: Option<&'static str>,
    pub more: Option<i64>,
}

/// The list, and the form that mends what is chosen of it.
pub fn page(
    spaces: &Spaces,
    listed: &Listed<'_>,
    zone: &Zone,
    bad: Option<&BadFields>,
) -> Result<Reply, Error> {
    let Listed { space_id, of, sent, .. } = *listed;
    let kept: Vec<_> = FILTERS
        .into_iter()
        .map(|name| (name, sent.get(name)))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    let query = serde_urlencoded::to_string(&kept).unwrap_or_default();
    let chosen: Vec<_> = sent.all("seq").collect();
    let page = RefusedPage {
        space_id,
        of: of.word(),
        statuses: STATUSES
            .iter()
            .map(|one| (one.word(), refusal(*one), one.word() == sent.get("status")))
            .collect(),
        note: sent.get("note"),
        text: sent.get("text"),
        from: sent.get("from"),
        to: sent.get("to"),
        done: sent.is_on("done"),
        bad_dates: listed.bad_dates.unwrap_or_default(),
        is_filtered: kept.iter().any(|(name, _)| !matches!(*name, "of" | "done")),
        kept,
        all: sent.get("which") == "all",
        lines: listed.chosen.iter().map(|one| shown(one, &chosen, zone)).collect(),
        choice: Choice::new(true, sent, bad),
        query: if query.is_empty() { query } else { format!("{query}&") },
        more: listed.more,
    };
    let title = if of == Of::Events { "Events to mend" } else { "Refused postbacks" };
    frame::of_space(form::status(bad), spaces, Section::Refused, title, &page)
}

fn shown(one: &Chosen, chosen: &[&str], zone: &Zone) -> Shown {
    let seq = one.seq();
    let (why, again, event, notes, raw) = match one {
        Chosen::Held(held) => {
            let one = &held.refused;
            let why = one.status.map_or("it was refused", refusal).to_owned();
            (why, one.refires, one.event_seq, &one.notes, &one.raw)
        }
        Chosen::Event { known, .. } => (written(known), 0, Some(seq), &known.notes, &known.raw),
    };
    Shown {
        seq,
        why,
        at: moment(zone, one.received_at_ms()),
        again: if again > 0 { times_more(again) } else { String::new() },
        event,
        can_choose: matches!(one, Chosen::Event { .. }) || event.is_none(),
        chosen: chosen.contains(&seq.to_string().as_str()),
        notes: notes.iter().map(|note| explain(note)).collect(),
        raw: visible(raw),
        pairs: pairs::pairs(raw)
            .iter()
            .map(|(name, value)| (visible(name), visible(value)))
            .collect(),
    }
}
