//! The overview: what came in, from where, what is wrong. Everything below `#live` is replaced as
//! figures change.

use askama::Template;
use askama::filters::HtmlSafe;

use super::against::{self, Against, Card};
use super::by_link::{self, Money, Row};
use super::chart::Chart;
use super::events::{self, lines};
use super::frame::{self, Section};
use super::shown::percent;
use super::sort::{Head, Sort};
use super::warnings::{self, Warning};
use crate::db::overview::Overview;
use crate::error::Error;
use crate::figures::conversion::{self, Conversion};
use crate::figures::sums::drop_percent;
use crate::figures::zone::iso_date;
use crate::figures::{Asked, Before, Counted, Figures, Span, Totals, Zone, money};
use crate::model::event::EventKind;
use crate::reply::Reply;
use crate::text::html::Html;

const CLICK: Counted = Counted::Click;
const CONTACT: Counted = Counted::Event(EventKind::Contact);
const SUBSCRIBED: Counted = Counted::Event(EventKind::Subscribed);
const REGISTRATION: Counted = Counted::Event(EventKind::Registration);
const DEPOSIT: Counted = Counted::Event(EventKind::Deposit);

/// What the overview is shown for.
pub struct Shown<'a> {
    pub space_id: i64,
    pub asked: &'a Asked,
    /// Why custom dates were not taken.
    pub bad_dates: Option<&'static str>,
    pub span: &'a Span,
    /// The period that this one is compared with.
    pub before: Option<&'a Before>,
    /// What the by-link table is sorted by.
    pub sort: Option<Sort>,
    /// The zone around the feed's times.
    pub feed_zone: &'a Zone,
    pub zone_name: &'a str,
    pub now_ms: i64,
}

struct Step {
    name: &'static str,
    events: String,
    people: String,
    /// What was lost on the way here; empty for the first step.
    drop: String,
    /// Its width of a hundred.
    width: i64,
}

struct Gauge {
    name: String,
    value: String,
    /// Of a thousand; `None` of nothing.
    permille: Option<i64>,
    /// Why it is of another step than usual, or of none.
    note: &'static str,
}

struct Period {
    name: &'static str,
    query: String,
    here: bool,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage<'a> {
    space_id: i64,
    zone_name: &'a str,
    from: String,
    to: String,
    days: String,
    periods: [Period; 4],
    custom: bool,
    bad_dates: &'a str,
    query: String,
    /// The by-link table's order as the address keeps it, with its `&`, and alone.
    sort: String,
    sorted: String,
    live: Live,
}

#[derive(Template)]
#[template(path = "overview_live.html")]
struct Live {
    space_id: i64,
    seen: String,
    needs: i64,
    is_new: bool,
    has_links: bool,
    warnings: Vec<Warning>,
    /// Sums with their changes.
    revenue: Vec<(Money, String)>,
    /// What there was of currencies before that there is nothing of now.
    gone: Vec<String>,
    counts: Vec<Card>,
    /// Which days the changes and the pale lines are of.
    compared: String,
    gauges: Vec<Gauge>,
    charts: Vec<Chart>,
    /// Its heading, and of which days it is.
    feed_name: (&'static str, String),
    feed: Vec<events::Line>,
    funnel: Vec<Step>,
    heads: Vec<Head>,
    rows: Vec<Row>,
    total: Row,
}

impl HtmlSafe for Live {}

/// The by-link table's order that an address asks for.
pub fn sort(text: &str) -> Option<Sort> {
    by_link::asked(text)
}

/// The whole screen.
pub fn page(shown: &Shown<'_>, overview: &Overview) -> Result<Reply, Error> {
    let query = shown.span.query(shown.asked);
    let sort = by_link::parameter(shown.sort);
    let period = |name, asked: Asked| Period {
        name,
        query: format!("period={}{sort}", asked.word()),
        here: asked == *shown.asked,
    };
    let (from, to) = (iso_date(shown.span.from), iso_date(shown.span.to));
    let page = OverviewPage {
        space_id: shown.space_id,
        zone_name: shown.zone_name,
        days: days_of(shown.span, "", "").trim_start().to_owned(),
        from,
        to,
        periods: [
            period("Today", Asked::Today),
            period("Yesterday", Asked::Yesterday),
            period("7 days", Asked::Days(7)),
            period("30 days", Asked::Days(30)),
        ],
        custom: matches!(shown.asked, Asked::Custom { .. }) || shown.bad_dates.is_some(),
        bad_dates: shown.bad_dates.unwrap_or_default(),
        query,
        sorted: sort.trim_start_matches("&sort=").to_owned(),
        live: live_part(shown, overview),
        sort: sort.clone(),
    };
    let status = if shown.bad_dates.is_some() { 422 } else { 200 };
    frame::of_space(status, &overview.spaces, Section::Overview, "Overview", &page)
}

/// The part that moves, alone.
pub fn live(shown: &Shown<'_>, overview: &Overview) -> Result<Html, Error> {
    Html::of(&live_part(shown, overview))
}

fn live_part(shown: &Shown<'_>, overview: &Overview) -> Live {
    let slots = shown.span.labels.len();
    let figures = Figures::of(&overview.lines, slots);
    let against = shown.before.map(|before| Against::of(before, &overview.earlier, slots));
    let against = against.as_ref();
    let currencies = figures.currencies();
    let sums = by_link::revenue(&figures.total, &currencies);
    let changes =
        currencies.iter().map(|currency| against::revenue_change(&figures, against, currency));
    let listed = listed(&figures, overview);
    let (rows, total) = by_link::rows(&figures, &listed, &currencies, shown.sort);
    Live {
        space_id: shown.space_id,
        seen: format!("{}~{}", overview.seen.events, overview.seen.clicks),
        needs: overview.spaces.needs,
        is_new: overview.newest.is_empty(),
        has_links: !overview.links.is_empty(),
        warnings: warnings::of(shown.space_id, shown.now_ms, overview),
        revenue: sums.into_iter().zip(changes).collect(),
        gone: against::gone(&figures, against),
        counts: against::cards(&figures.total, against),
        compared: shown.before.map(Before::explained).unwrap_or_default(),
        gauges: gauges(&figures.total),
        charts: against::charts(&figures, against, shown.span),
        feed_name: feed_name(shown, overview),
        feed: lines(overview.feed(), &overview.links, shown.feed_zone),
        funnel: funnel(&figures.total),
        heads: by_link::heads(shown.sort, &shown.span.query(shown.asked)),
        rows,
        total,
    }
}

/// The links that have a row: those in use, and those put away that have figures all the same.
fn listed(figures: &Figures, overview: &Overview) -> Vec<(i64, String)> {
    let has_figures = |id: &i64| figures.links.get(id).is_some_and(|totals| !totals.is_empty());
    let is_listed = |(id, _): &&(i64, String)| !overview.archived.contains(id) || has_figures(id);
    overview.links.iter().filter(is_listed).cloned().collect()
}

fn feed_name(shown: &Shown<'_>, overview: &Overview) -> (&'static str, String) {
    if overview.received.is_none() {
        return ("Live feed", "The newest events, whatever the period.".to_owned());
    }
    let which = format!("The last that were received {}.", days_of(shown.span, "on", "from"));
    ("Events of the period", which)
}

/// The days of a span, with a word before one of them, and one before several.
fn days_of(span: &Span, one: &str, several: &str) -> String {
    let (from, to) = (iso_date(span.from), iso_date(span.to));
    if from == to { format!("{one} {from}") } else { format!("{several} {from} to {to}") }
}

/// Shares of people, each counted at their first time: a second deposit is not a second conversion.
fn gauges(totals: &Totals) -> Vec<Gauge> {
    let gauge = |one: &Conversion| {
        let to = match one.to {
            SUBSCRIBED => "subscribed",
            REGISTRATION => "registration",
            DEPOSIT => "deposit",
            _ => "contact",
        };
        Gauge {
            name: format!("{} \u{2192} {to}", step_name(one.from)),
            value: percent(one.permille),
            permille: one.permille,
            note: one.passed_over.map(|step| passed_over(step, one.to)).unwrap_or_default(),
        }
    };
    conversion::of(totals).iter().map(gauge).collect()
}

fn step_name(step: Counted) -> &'static str {
    match step {
        CLICK => "Click",
        CONTACT => "Contact",
        SUBSCRIBED => "Subscribed",
        REGISTRATION => "Registration",
        DEPOSIT => "Deposit",
    }
}

/// Why a step has more people than one that should have come before it.
fn passed_over(step: Counted, to: Counted) -> &'static str {
    match (step, to) {
        (CONTACT, _) => {
            "More registrations than contacts: some people registered without writing to the bot, or it does not report contacts."
        }
        (REGISTRATION, _) => {
            "More depositors than registrations: the network does not report every registration."
        }
        (_, SUBSCRIBED) => {
            "More subscribers than clicks: some people came without a tracking link."
        }
        _ => "More contacts than clicks: some people came without a tracking link.",
    }
}

fn funnel(totals: &Totals) -> Vec<Step> {
    let most = Counted::STEPS.iter().map(|step| totals.of(*step).events).max().unwrap_or(0).max(1);
    let mut previous = None;
    let step = |step: Counted| {
        let sum = totals.of(step);
        let drop = match previous.replace(sum.events) {
            None => String::new(),
            Some(before) => match drop_percent(before, sum.events) {
                None => "\u{2013}".to_owned(),
                Some(drop) if drop < 0 => format!("{}\u{a0}% more", money::count(-drop)),
                Some(drop) => format!("{drop}\u{a0}% drop"),
            },
        };
        Step {
            name: step_name(step),
            events: money::count(sum.events),
            people: money::count(sum.people),
            drop,
            width: (100 * sum.events.max(0) / most).clamp(0, 100),
        }
    };
    Counted::STEPS.into_iter().map(step).collect()
}
