//! Events as a list: the feed, all of them, what a search found.

use askama::Template;

use super::decide::why_out;
use super::frame::{self, Section};
use super::shown::{Moment, amount, amount_as_read, is_without_amount, moment, state, visible};
use crate::db::feed::Item;
use crate::db::space::Spaces;
use crate::error::Error;
use crate::figures::Zone;
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
    lines: Vec<Line>,
    /// The number below which further ones are.
    more: Option<i64>,
}

/// The list of events, or what was found of `wanted`.
pub fn page(
    spaces: &Spaces,
    space_id: i64,
    wanted: &str,
    items: &[Item],
    zone: &Zone,
    more: Option<i64>,
) -> Result<Reply, Error> {
    let page = EventsPage { space_id, wanted, lines: lines(items, &[], zone), more };
    frame::of_space(200, spaces, Section::Events, "Events", &page)
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
