//! What can be mended and done again: refused postbacks, kept whole with the reason, and events.

use askama::Template;

use super::explain::{Explained, explain, headline, shortened};
use super::filters::{Filters, NAMES, joined};
use super::form::{self, Sent};
use super::frame::{self, Section};
use super::mend::{Choice, written};
use super::shown::{Moment, ago, moment, times_more, visible};
use crate::db::cards::{Card, One};
use crate::db::chosen::Chosen;
use crate::db::filter::{Choices, Looked};
use crate::db::space::Spaces;
use crate::error::{BadFields, Error};
use crate::figures::{Zone, money};
use crate::model::replay::Of;
use crate::reply::Reply;
use crate::text::pairs;

/// Single postbacks that a card lists, at most: all of it can be ticked as a whole.
const LISTED: usize = 100;

struct Shown {
    seq: i64,
    why: String,
    at: Moment,
    /// How often it came, if more than once.
    times: String,
    /// The key that it came by, where that is known.
    key: String,
    /// The event that it is, or has become.
    event: Option<i64>,
    can_choose: bool,
    /// The numbers that its box stands for, and whether it is ticked.
    seqs: String,
    chosen: bool,
    /// The single ones of a card that has several; how many more there are.
    ones: Vec<Single>,
    unlisted: usize,
    is_open: bool,
    notes: Vec<Explained>,
    raw: String,
    pairs: Vec<(String, String)>,
}

/// One of several.
struct Single {
    seq: i64,
    at: Moment,
    again: String,
    about: String,
    event: Option<i64>,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "refused.html")]
struct RefusedPage<'a> {
    space_id: i64,
    of: &'static str,
    filters: Filters,
    done: bool,
    /// The filter, as the form sends it along.
    kept: Vec<(&'static str, &'a str)>,
    /// The newest that is meant by all, where the address says it.
    up_to: Option<i64>,
    all: bool,
    lines: Vec<Shown>,
    choice: Choice,
    /// Which ones were looked through, where it were not all and they do not fill the page.
    looked: Option<(i64, i64)>,
    older: String,
}

/// What is listed: of the one kind or of the other.
pub enum Found {
    Refused(Vec<Card>),
    Events(Vec<Chosen>),
}

/// What a list is made of.
pub struct Listed<'a> {
    pub space_id: i64,
    /// What the address asks for, and what was chosen of the list before.
    pub sent: &'a Sent,
    pub found: &'a Found,
    pub choices: &'a Choices,
    /// The numbers below which it is, and below which further ones are; how far it has looked.
    pub before: Option<i64>,
    pub more: Option<i64>,
    pub looked: Looked,
    pub faults: Vec<&'static str>,
    pub now_ms: i64,
}

impl Found {
    fn of(&self) -> Of {
        match self {
            Self::Refused(_) => Of::Refused,
            Self::Events(_) => Of::Events,
        }
    }

    /// When each of what is shown was received.
    pub fn times_ms(&self) -> Vec<i64> {
        match self {
            Self::Refused(cards) => {
                cards.iter().flat_map(|card| &card.ones).map(|one| one.received_at_ms).collect()
            }
            Self::Events(events) => events.iter().map(Chosen::received_at_ms).collect(),
        }
    }

    /// The number of the last one.
    fn last(&self) -> Option<i64> {
        match self {
            Self::Refused(cards) => {
                cards.iter().flat_map(|card| &card.ones).map(|one| one.seq).min()
            }
            Self::Events(events) => events.last().map(Chosen::seq),
        }
    }
}

/// The list, and the form that mends what is chosen of it.
pub fn page(
    spaces: &Spaces,
    listed: Listed<'_>,
    zone: &Zone,
    bad: Option<&BadFields>,
) -> Result<Reply, Error> {
    let Listed { space_id, sent, found, before, more, looked, now_ms, .. } = listed;
    let of = found.of();
    let filters = Filters::new(of, true, sent, listed.choices, listed.faults);
    let kept = NAMES.into_iter().map(|name| (name, sent.get(name)));
    let here = joined(sent, &["q"]);
    let page = RefusedPage {
        space_id,
        of: of.word(),
        filters,
        done: sent.is_on("done"),
        kept: kept.filter(|(_, value)| !value.is_empty()).collect(),
        up_to: before.filter(|_| of == Of::Events).map(|before| before - 1),
        all: sent.get("which") == "all",
        lines: match found {
            Found::Refused(cards) => {
                cards.iter().map(|one| card(one, sent, zone, now_ms)).collect()
            }
            Found::Events(events) => events.iter().map(|one| event(one, sent, zone)).collect(),
        },
        choice: Choice::new(true, sent, bad),
        looked: (more.is_some() && more != found.last())
            .then_some((looked.floor + 1, looked.newest)),
        older: more.map(|more| format!("{here}before={more}")).unwrap_or_default(),
    };
    let title = if of == Of::Events { "Events to mend" } else { "Refused postbacks" };
    frame::of_space(form::status(bad), spaces, Section::Refused, title, &page)
}

fn card(card: &Card, sent: &Sent, zone: &Zone, now_ms: i64) -> Shown {
    let newest = card.ones.first();
    let received_at_ms = newest.map(|one| one.received_at_ms).unwrap_or_default();
    let seqs: Vec<_> = card.ones.iter().map(|one| one.seq.to_string()).collect();
    let is_chosen = |one: &One| sent.all("seq").any(|seq| seq == one.seq.to_string());
    let several = card.ones.len() > 1;
    let single = |one: &One| Single {
        seq: one.seq,
        at: moment(zone, one.received_at_ms),
        again: again(one.refires),
        about: shortened(&pairs::decode_lossy(&one.about)),
        event: one.event_seq,
        chosen: is_chosen(one),
    };
    let listed = card.ones.iter().enumerate().filter(|(at, one)| *at < LISTED || is_chosen(one));
    let ones: Vec<_> = listed.filter(|_| several).map(|(_, one)| single(one)).collect();
    let seqs = seqs.join(",");
    Shown {
        seq: newest.map(|one| one.seq).unwrap_or_default(),
        why: headline(card.status, &card.notes, &card.raw),
        at: moment(zone, received_at_ms),
        times: times(card, ago(now_ms, received_at_ms)),
        key: visible(&card.key),
        event: newest.and_then(|one| one.event_seq),
        can_choose: newest.is_some_and(|one| one.event_seq.is_none()),
        chosen: sent.all("seqs").any(|sent| sent == seqs)
            || (!several && card.ones.iter().any(is_chosen)),
        seqs,
        unlisted: if several { card.ones.len() - ones.len() } else { 0 },
        is_open: ones.iter().any(|one| one.chosen),
        ones,
        notes: card.notes.iter().map(|note| explain(note)).collect(),
        raw: visible(&card.raw),
        pairs: shown_pairs(&card.raw),
    }
}

/// How often what is on a card came, and when it last did; of one that came once nothing.
fn times(card: &Card, last: String) -> String {
    let again: i64 = card.ones.iter().map(|one| one.refires).sum();
    match (card.ones.len() as i64, again) {
        (1, 0) => String::new(),
        (1, again) => format!("It arrived {}.", times_more(again)),
        (many, 0) => format!("{} times, last {last}.", money::count(many)),
        (many, again) => format!(
            "{} times, last {last}. Some arrived again: {}.",
            money::count(many),
            times_more(again)
        ),
    }
}

fn again(refires: i64) -> String {
    if refires > 0 { times_more(refires) } else { String::new() }
}

fn event(one: &Chosen, sent: &Sent, zone: &Zone) -> Shown {
    let seq = one.seq();
    let (why, notes, raw) = match one {
        Chosen::Event { known, .. } => (written(known), &known.notes[..], known.raw.as_str()),
        // The list of events has none.
        Chosen::Held(held) => (String::new(), &held.refused.notes[..], held.refused.raw.as_str()),
    };
    Shown {
        seq,
        why,
        at: moment(zone, one.received_at_ms()),
        times: String::new(),
        key: String::new(),
        event: Some(seq),
        can_choose: true,
        seqs: seq.to_string(),
        chosen: sent.all("seq").any(|sent| sent == seq.to_string()),
        ones: Vec::new(),
        unlisted: 0,
        is_open: false,
        notes: notes.iter().map(|note| explain(note)).collect(),
        raw: visible(raw),
        pairs: shown_pairs(raw),
    }
}

fn shown_pairs(raw: &str) -> Vec<(String, String)> {
    let pairs = pairs::pairs(raw);
    pairs.iter().map(|(name, value)| (visible(name), visible(value))).collect()
}
