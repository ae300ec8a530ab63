//! Events as a list: the feed, all of them, what a search found.

use askama::Template;

use super::decide::why_out;
use super::filters::{Filters, joined};
use super::form::Sent;
use super::frame::{self, Section};
use super::shown::{Moment, amount, amount_as_read, is_without_amount, moment, state, visible};
use crate::db::feed::{Item, Listed};
use crate::error::Error;
use crate::figures::Zone;
use crate::model::replay::Of;
use crate::reply::Reply;

/// An event as one line.
pub struct Line {
    pub seq: i64,
    pub event: String,
    pub amount: String,
    /// A deposit that has no amount.
    pub empty: bool,
    pub at: Moment,
    pub link: String,
    pub uid: String,
    /// The amount that is in no figure, and why, where it is in none.
    pub out: Option<(String, String)>,
    /// The event before it that looks the same.
    pub twin: Option<i64>,
    /// Destination, the state's word in the database, and in words.
    pub deliveries: Vec<(String, String, &'static str)>,
}

#[derive(Template)]
#[template(path = "events.html")]
struct EventsPage<'a> {
    space_id: i64,
    wanted: &'a str,
    filters: Filters,
    lines: Vec<Line>,
    /// Which events were looked through, where it were not all and they do not fill the page.
    looked: Option<(i64, i64)>,
    /// Where what is older stands, and the file of all that this step finds; empty for none.
    older: String,
    file: String,
}

/// What the list is made of.
pub struct Shown<'a> {
    pub space_id: i64,
    /// What the address asks for, and the search in it.
    pub sent: &'a Sent,
    pub wanted: &'a str,
    pub listed: &'a Listed,
    /// The numbers below which it is, and below which further ones are.
    pub before: Option<i64>,
    pub more: Option<i64>,
    pub faults: Vec<&'static str>,
}

/// The list of events, or what was found of a search.
pub fn page(shown: Shown<'_>, zone: &Zone) -> Result<Reply, Error> {
    let Shown { space_id, sent, wanted, listed, before, more, faults } = shown;
    let filters = Filters::new(Of::Events, false, sent, &listed.choices, faults);
    let here = joined(sent, &["of", "done", "status"]);
    let from = before.map(|before| format!("&before={before}")).unwrap_or_default();
    let has_file = wanted.is_empty() && !listed.items.is_empty();
    let last = listed.items.last().map(|item| item.seq);
    let looked = listed.looked;
    let page = EventsPage {
        space_id,
        wanted,
        lines: lines(&listed.items, &listed.choices.links, zone),
        looked: (more.is_some() && more != last).then_some((looked.floor + 1, looked.newest)),
        older: more.map(|more| format!("{here}before={more}")).unwrap_or_default(),
        file: if has_file { format!("{here}list=on{from}") } else { String::new() },
        filters,
    };
    frame::of_space(200, &listed.spaces, Section::Events, "Events", &page)
}

/// Events as lines, with the names of their links where these are given.
pub fn lines(items: &[Item], links: &[(i64, String)], zone: &Zone) -> Vec<Line> {
    let line = |item: &Item| Line {
        seq: item.seq,
        event: item.event.clone(),
        amount: amount(item),
        empty: is_without_amount(item),
        at: moment(zone, item.occurred_at_ms),
        link: link_name(links, item.link_id),
        uid: item.uid.as_deref().map(visible).unwrap_or_default(),
        out: why_out(item).map(|why| (amount_as_read(item), why)),
        twin: item.twin,
        deliveries: item
            .deliveries
            .iter()
            .map(|(name, word)| (visible(name), word.clone(), state(word)))
            .collect(),
    };
    items.iter().map(line).collect()
}

/// The name of a link, or what stands for it.
pub fn link_name(links: &[(i64, String)], link_id: i64) -> String {
    let found = links.iter().find(|(id, _)| *id == link_id).map(|(_, name)| visible(name));
    match (found, link_id) {
        (Some(name), _) => name,
        (None, 0) => "unattributed".to_owned(),
        (None, id) => format!("link {id}"),
    }
}
