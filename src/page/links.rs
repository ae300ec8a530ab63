//! Tracking links: the list with what each brought.

use std::cmp::Ordering;

use askama::Template;

use super::frame::{self, Section};
use super::link::{kind_name, landing};
use super::shown::visible;
use super::sort::{self, Column, Head, Sort};
use crate::db::link::ListedLink;
use crate::db::space::Spaces;
use crate::error::Error;
use crate::figures::{Counted, Figures, Totals, money};
use crate::model::event::EventKind;
use crate::reply::Reply;

const COLUMNS: [Column; 7] = [
    Column { heading: "Link", name: "name", numeric: false },
    Column { heading: "Address", name: "", numeric: false },
    Column { heading: "Leads to", name: "", numeric: false },
    Column { heading: "Clicks", name: "clicks", numeric: true },
    Column { heading: "Registrations", name: "registrations", numeric: true },
    Column { heading: "Deposits", name: "deposits", numeric: true },
    Column { heading: "Revenue", name: "revenue", numeric: true },
];

struct Row {
    id: i64,
    name: String,
    kind: &'static str,
    enabled: bool,
    url: String,
    target: String,
    counts: Vec<(&'static str, String)>,
}

#[derive(Template)]
#[template(path = "links.html")]
struct LinksPage {
    space_id: i64,
    heads: Vec<Head>,
    rows: Vec<Row>,
    /// Whether those that were put away are shown.
    is_away: bool,
    listed: usize,
    away: usize,
}

/// What of the links is shown.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub is_away: bool,
    /// The parameter `sort` of the address.
    pub sort: String,
}

/// The list, with the figures of the last 30 days.
pub fn page(
    spaces: &Spaces,
    space_id: i64,
    origin: &str,
    links: &[ListedLink],
    figures: &Figures,
    asked: &Asked,
) -> Result<Reply, Error> {
    let sort = Sort::parse(&asked.sort, &COLUMNS);
    let (mut shown, others): (Vec<_>, Vec<_>) =
        links.iter().partition(|link| (link.draft.archived == Some(true)) == asked.is_away);
    let currencies = figures.currencies();
    if let Some(sort) = sort {
        shown.sort_by(|one, other| sort.turned(compare(sort, figures, &currencies, one, other)));
    }
    let counts =
        if asked.is_away { (others.len(), shown.len()) } else { (shown.len(), others.len()) };
    let page = LinksPage {
        space_id,
        heads: sort::heads(&COLUMNS, sort, if asked.is_away { "archived=1" } else { "" }),
        rows: shown.into_iter().map(|link| row(origin, figures, &currencies, link)).collect(),
        is_away: asked.is_away,
        listed: counts.0,
        away: counts.1,
    };
    frame::of_space(200, spaces, Section::Links, "Links", &page)
}

fn row(origin: &str, figures: &Figures, currencies: &[String], link: &ListedLink) -> Row {
    let nothing = Totals::default();
    let totals = figures.links.get(&link.id).unwrap_or(&nothing);
    let count = |counted| money::count(totals.of(counted).events);
    let sums = currencies.iter().filter_map(|currency| {
        Some(money::with_currency(*totals.revenue.get(currency)?, currency))
    });
    Row {
        id: link.id,
        name: visible(&link.draft.name),
        kind: kind_name(link.draft.kind),
        enabled: link.draft.enabled,
        url: landing(origin, &link.draft.slug),
        target: visible(&link.draft.target),
        counts: vec![
            ("Clicks", count(Counted::Click)),
            ("Registrations", count(Counted::Event(EventKind::Registration))),
            ("Deposits", count(Counted::Event(EventKind::Deposit))),
            ("Revenue", sums.collect::<Vec<_>>().join(", ")),
        ],
    }
}

fn compare(
    sort: Sort,
    figures: &Figures,
    currencies: &[String],
    one: &ListedLink,
    other: &ListedLink,
) -> Ordering {
    let nothing = Totals::default();
    let [mine, theirs] = [one, other].map(|link| figures.links.get(&link.id).unwrap_or(&nothing));
    let by = |counted| mine.of(counted).events.cmp(&theirs.of(counted).events);
    match sort.by {
        "clicks" => by(Counted::Click),
        "registrations" => by(Counted::Event(EventKind::Registration)),
        "deposits" => by(Counted::Event(EventKind::Deposit)),
        "revenue" => mine.sums(currencies).cmp(&theirs.sums(currencies)),
        _ => one.draft.name.to_lowercase().cmp(&other.draft.name.to_lowercase()),
    }
}
