//! The overview: what came in, from where, what is wrong. Everything below `#live` is replaced as
//! figures change.

use askama::Template;
use askama::filters::HtmlSafe;

use super::events::{Line, lines};
use super::frame::{self, Section};
use super::shown::percent;
use super::warnings::{self, Warning};
use crate::db::overview::Overview;
use crate::error::Error;
use crate::figures::by_link::{self, COLUMNS};
use crate::figures::conversion::{self, Conversion};
use crate::figures::sums::drop_percent;
use crate::figures::zone::iso_date;
use crate::figures::{Asked, Counted, Figures, Span, Totals, Zone, money};
use crate::model::event::EventKind;
use crate::reply::Reply;
use crate::text::html::Html;

/// Currencies that have a chart of their own; further ones stand in the figures and tables alone.
const CHARTS: usize = 3;

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
    /// The zone around the feed's times.
    pub feed_zone: &'a Zone,
    pub zone_name: &'a str,
    pub now_ms: i64,
}

struct Money {
    amount: String,
    currency: String,
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

struct Bar {
    x: usize,
    y: i64,
    height: i64,
    title: String,
}

struct Chart {
    title: String,
    total: String,
    width: usize,
    bars: Vec<Bar>,
    first: String,
    last: String,
    /// The line that bars stand on.
    base: i64,
}

struct Row {
    link_id: i64,
    name: String,
    cells: Vec<(&'static str, String)>,
    revenue: Vec<Money>,
}

struct Period {
    name: &'static str,
    query: &'static str,
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
    has_destinations: bool,
    warnings: Vec<Warning>,
    revenue: Vec<Money>,
    counts: Vec<(&'static str, String)>,
    gauges: Vec<Gauge>,
    charts: Vec<Chart>,
    feed: Vec<Line>,
    funnel: Vec<Step>,
    rows: Vec<Row>,
    total: Row,
}

impl HtmlSafe for Live {}

/// The whole screen.
pub fn page(shown: &Shown<'_>, overview: &Overview) -> Result<Reply, Error> {
    let query = shown.span.query(shown.asked);
    let period = |name, query, asked: Asked| Period { name, query, here: asked == *shown.asked };
    let (from, to) = (iso_date(shown.span.from), iso_date(shown.span.to));
    let page = OverviewPage {
        space_id: shown.space_id,
        zone_name: shown.zone_name,
        days: if from == to { from.clone() } else { format!("{from} to {to}") },
        from,
        to,
        periods: [
            period("Today", "period=today", Asked::Today),
            period("Yesterday", "period=yesterday", Asked::Yesterday),
            period("7 days", "period=7d", Asked::Days(7)),
            period("30 days", "period=30d", Asked::Days(30)),
        ],
        custom: matches!(shown.asked, Asked::Custom { .. }) || shown.bad_dates.is_some(),
        bad_dates: shown.bad_dates.unwrap_or_default(),
        query,
        live: live_part(shown, overview),
    };
    let status = if shown.bad_dates.is_some() { 422 } else { 200 };
    frame::of_space(status, &overview.spaces, Section::Overview, "Overview", &page)
}

/// The part that moves, alone.
pub fn live(shown: &Shown<'_>, overview: &Overview) -> Result<Html, Error> {
    Html::of(&live_part(shown, overview))
}

fn live_part(shown: &Shown<'_>, overview: &Overview) -> Live {
    let figures = Figures::of(&overview.lines, shown.span.labels.len());
    let currencies = figures.currencies();
    Live {
        space_id: shown.space_id,
        seen: format!("{}~{}", overview.seen.events, overview.seen.clicks),
        needs: overview.spaces.needs,
        is_new: overview.feed.is_empty(),
        has_links: !overview.links.is_empty(),
        has_destinations: !overview.destinations.is_empty(),
        warnings: warnings::of(shown.space_id, shown.now_ms, overview),
        revenue: revenue(&figures.total, &currencies),
        counts: counts(&figures.total),
        gauges: gauges(&figures.total),
        charts: charts(&figures, &shown.span.labels),
        feed: lines(&overview.feed, &overview.links, shown.feed_zone),
        funnel: funnel(&figures.total),
        rows: by_link::rows(&figures, &overview.links)
            .iter()
            .map(|of_link| row(of_link, &currencies))
            .collect(),
        total: row(&by_link::total(&figures), &currencies),
    }
}

/// Revenue of the period; a plain zero where there was no deposit.
fn revenue(totals: &Totals, currencies: &[String]) -> Vec<Money> {
    let found = currencies.iter().filter_map(|currency| {
        let micros = totals.revenue.get(currency)?;
        Some(Money { amount: money::written(*micros, currency), currency: currency.clone() })
    });
    found.collect()
}

fn counts(totals: &Totals) -> Vec<(&'static str, String)> {
    COLUMNS.iter().map(|column| (column.heading, money::count((column.of)(totals)))).collect()
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

fn charts(figures: &Figures, labels: &[String]) -> Vec<Chart> {
    let mut charts: Vec<Chart> = figures
        .currencies()
        .iter()
        .take(CHARTS)
        .map(|currency| {
            let values: Vec<i128> = figures
                .slots
                .iter()
                .map(|slot| slot.revenue.get(currency).copied().unwrap_or_default())
                .collect();
            let write = |micros: i128| money::with_currency(micros, currency);
            chart(format!("Revenue, {currency}"), &values, labels, write)
        })
        .collect();
    let clicks: Vec<i128> = figures.slots.iter().map(|slot| slot.of(CLICK).events.into()).collect();
    let count = |number: i128| money::count(i64::try_from(number).unwrap_or(i64::MAX));
    charts.push(chart("Clicks".to_owned(), &clicks, labels, count));
    charts
}

/// Bars of a height of 100 at most, those of reversals below the line.
fn chart(
    title: String,
    values: &[i128],
    labels: &[String],
    write: impl Fn(i128) -> String,
) -> Chart {
    const BAR: usize = 10;
    let highest = values.iter().copied().max().unwrap_or(0).max(0);
    let lowest = values.iter().copied().min().unwrap_or(0).min(0);
    let range = (highest - lowest).max(1);
    let scaled = |value: i128| i64::try_from(100 * value / range).unwrap_or(0);
    // A chart of nothing has its line at the foot too.
    let base = if highest == lowest { 100 } else { scaled(highest) };
    let bar = |(index, (value, label)): (usize, (&i128, &String))| {
        // What is there at all shows as a line at least.
        let height = scaled(value.abs()).max(i64::from(*value != 0));
        Bar {
            x: index * BAR + 1,
            y: if *value < 0 { base } else { base - height },
            height,
            title: format!("{label}: {}", write(*value)),
        }
    };
    Chart {
        total: write(values.iter().sum()),
        title,
        width: values.len() * BAR,
        bars: values.iter().zip(labels).enumerate().map(bar).collect(),
        first: labels.first().cloned().unwrap_or_default(),
        last: labels.last().cloned().unwrap_or_default(),
        base,
    }
}

fn row(row: &by_link::Row, currencies: &[String]) -> Row {
    Row {
        link_id: row.link_id,
        name: row.name.clone(),
        cells: counts(&row.totals),
        revenue: revenue(&row.totals, currencies),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_keeps_its_proportions_and_shows_reversals_below_the_line() {
        let labels: Vec<String> = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        let chart = chart("t".to_owned(), &[60, 0, -40, 1], &labels, |value| value.to_string());
        let bars: Vec<_> = chart.bars.iter().map(|bar| (bar.x, bar.y, bar.height)).collect();
        assert_eq!(bars, [(1, 0, 60), (11, 60, 0), (21, 60, 40), (31, 59, 1)]);
        assert_eq!((chart.base, chart.width, chart.total.as_str()), (60, 40, "21"));
    }

    #[test]
    fn a_chart_of_nothing_is_flat() {
        let chart =
            chart("t".to_owned(), &[0, 0], &["a".to_owned(), "b".to_owned()], |_| String::new());
        assert!(chart.bars.iter().all(|bar| bar.height == 0));
        assert_eq!(chart.base, 100);
    }
}
